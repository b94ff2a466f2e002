//! The metadata of the FIDO Metadata Service: how they stand, taking in newer ones, and what they say of a model.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use domain::Passkeys;
use domain::model::clock::Timestamp;
use domain::model::metadata::MetadataSource;
use domain::service::metadata::{MetadataInUse, ModelName, StatusChange};
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use webauthn::UnixSeconds;
use webauthn::credential::Aaguid;
use webauthn::metadata::{self, Entry, MAX_BLOB, Part, StatusReport as Report};

use super::error::Problem;
use super::request::{Request, ok};
use crate::api::dates::Date;
use crate::http::BodyLimit;
use crate::http::reply::no_content;

/// The route of the metadata.
pub const PATH: &str = "/manage/v1/metadata";
/// How long the body of an import may be. One as large as a BLOB is read only of callers that are known.
pub const IMPORT: BodyLimit = BodyLimit {
    bytes: MAX_BLOB,
    time: Duration::from_mins(2),
};
/// One import is held in memory at a time; others wait before their body is read.
static IMPORTS: Semaphore = Semaphore::const_new(1);

/// The state of the metadata.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metadata {
    /// The metadata in use, or null.
    in_use: Option<InUse>,
    /// Why newer metadata in the store is not in use, or null.
    problem: Option<MetadataProblem>,
}

/// The metadata in use.
#[derive(Debug, Serialize, ToSchema)]
pub struct InUse {
    /// Its number (`no`), greater with each edition.
    no: u64,
    /// The day by which the next edition is due (`nextUpdate`).
    next_update: String,
    /// Whether that day is over. The metadata stays in use.
    stale: bool,
    /// When it was imported (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    imported_at: Date,
    /// Its source: `command`, `management` or `fetch`.
    source: &'static str,
    /// The number of models that it describes.
    models: usize,
    /// How many entries are about UAF authenticators, which cannot have passkeys.
    uaf_entries: usize,
    /// What could not be read, by kind; empty when everything could. Nothing is trusted for it.
    dropped: Vec<DroppedPart>,
    /// Its terms of use (`legalHeader`), or null.
    legal_header: Option<String>,
}

/// Things of one kind that could not be read in the metadata.
#[derive(Debug, Serialize, ToSchema)]
pub struct DroppedPart {
    /// The kind: `entry` (its model counts as unknown), `second_entry` (not dropped: a further entry about a model, and an
    /// attestation must satisfy all of them), `aaguid`, `key_identifier`, `status_report`, `status_date`, `status_certificate`,
    /// `statement`, `root_certificate`, `attestation_type`, `algorithm`, or `member` (anything else).
    what: &'static str,
    /// How many there are.
    count: usize,
    /// The first 20 entries that have some.
    named: Vec<Dropped>,
}

/// Things of one kind that could not be read in one entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dropped {
    /// The place of the entry among the entries, from 0, or null: beside the entries.
    entry: Option<usize>,
    /// The model that the entry is about, as AAGUID, or else its description or a key identifier; null when none can be read.
    model: Option<String>,
    /// Where the first of them stands in the entry; empty: the entry itself.
    place: String,
    /// What is wrong with the first of them.
    why: &'static str,
    /// How many there are in this entry.
    count: usize,
}

/// Why metadata is not in use.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetadataProblem {
    /// Stable name of the reason.
    error: &'static str,
    /// A sentence about it.
    message: String,
}

/// What an import did.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// Whether there was anything new.
    new: bool,
    /// The metadata in use now.
    in_use: InUse,
    /// What is new in them.
    changes: Changes,
}

/// How the metadata differ from those before. Of the first ones every model is new.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changes {
    /// Models that were not known.
    new_models: Vec<Model>,
    /// Models that are not known any more.
    gone_models: Vec<Model>,
    /// Models with other statuses in effect.
    changed_statuses: Vec<ChangedStatuses>,
}

/// What to call a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct Model {
    /// Its AAGUID, or null of a U2F model.
    aaguid: Option<String>,
    /// Its description, or null.
    description: Option<String>,
}

/// A model whose statuses changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedStatuses {
    /// The model.
    model: Model,
    /// The statuses that were in effect, the newest last.
    from: Vec<String>,
    /// Those that are, the newest last.
    to: Vec<String>,
}

/// What is known of a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownModel {
    /// Its AAGUID.
    aaguid: String,
    /// What to call the provider: the configured name, else the description in the metadata.
    provider_name: Option<String>,
    /// What the metadata says, or null.
    metadata: Option<ModelMetadata>,
}

/// What the metadata says about a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelMetadata {
    /// Its description, or null.
    description: Option<String>,
    /// The newest status in effect, or null.
    status: Option<String>,
    /// The certifications that it has now: the newest of FIDO and the newest after FIPS 140.
    certification_levels: Vec<String>,
    /// Its history, the newest report last.
    statuses: Vec<StatusReport>,
    /// Types of attestation that it makes.
    attestation_types: Vec<String>,
    /// How it protects keys.
    key_protection: Vec<String>,
    /// Whether its keys sign nothing but FIDO assertions, or null.
    key_restricted: Option<bool>,
    /// Whether its credentials may be on several devices: `unsupported`, `explicit`, `implicit`, or null.
    multi_device_credential_support: Option<String>,
    /// How many certificates its attestations may lead to.
    attestation_roots: usize,
    /// How many certificates beside those are listed and cannot be read. Where all are such, attestations that lead to a
    /// certificate are refused.
    unreadable_roots: usize,
}

/// One report of a model's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusReport {
    /// The status in the words of the metadata, or `unreadable`: it may be any, and refuses the model where the policy refuses
    /// any status.
    status: String,
    /// Whether it is in effect now. With an unreadable date it may be, which counts against the model.
    in_effect: bool,
    /// Whether one of its dates cannot be read.
    dates_unreadable: bool,
    /// Since when (RFC 3339, UTC), or null: always.
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_from: Option<Date>,
    /// From when on it is over, or null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    over_from: Option<Date>,
    /// How many certificates the report is limited to; 0: it is about the whole model.
    certificates: usize,
}

/// Shows how the metadata stand.
#[utoipa::path(
    get,
    operation_id = "get_metadata",
    tag = "Metadata",
    path = "/manage/v1/metadata",
    responses(
        (status = 200, description = "The metadata of the FIDO Metadata Service as this process uses them.", body = Metadata),
        (status = 401, description = "The caller is not known.", body = Problem),
    )
)]
pub async fn show(request: Request) -> Result<Response, Problem> {
    let state = request.state.passkeys.metadata_state();
    let now = request.state.passkeys.now();
    ok(&Metadata {
        in_use: state.in_use.map(|in_use| InUse::of(&in_use, now)),
        problem: state.problem.map(|problem| MetadataProblem {
            error: problem.reason.name(),
            message: problem.message,
        }),
    })
}

/// Takes in a metadata BLOB: the body is the BLOB as the service serves it, a JSON Web Signature in compact form of at most
/// 33554432 bytes, whatever its content type. It is verified against the configured roots, stored for all nodes and used from
/// now on. One that says the same as the one in use changes nothing.
#[utoipa::path(
    put,
    operation_id = "put_metadata",
    tag = "Metadata",
    path = "/manage/v1/metadata",
    request_body(content = String, content_type = "application/jose", description = "The BLOB."),
    responses(
        (status = 200, description = "The metadata is in use.", body = Imported),
        (status = 400, description = "The body is no BLOB, or its signature does not lead to a configured root.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 409, description = "The metadata is not newer than the metadata in the store.", body = Problem),
        (status = 413, description = "The body is larger than a BLOB may be.", body = Problem),
    )
)]
pub async fn replace(request: Request) -> Result<Response, Problem> {
    let busy = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "import_under_way");
    let _permit = IMPORTS.acquire().await.map_err(busy)?;
    let blob = request.body().await?;
    let passkeys = &request.state.passkeys;
    let imported = crate::metadata::import(passkeys, blob, MetadataSource::Management)
        .await
        .map_err(Problem::from)?;
    let now = passkeys.now();
    let changes = imported.changes(now);
    ok(&Imported {
        new: imported.is_new(),
        in_use: InUse::of(&imported.now, now),
        changes: Changes {
            new_models: changes.new.into_iter().map(Model::from).collect(),
            gone_models: changes.gone.into_iter().map(Model::from).collect(),
            changed_statuses: changes.changed.into_iter().map(Into::into).collect(),
        },
    })
}

/// Removes the metadata, so that those of another service can be imported whatever their number. Other nodes go on with what
/// they have until they are started anew.
#[utoipa::path(
    delete,
    operation_id = "delete_metadata",
    tag = "Metadata",
    path = "/manage/v1/metadata",
    responses(
        (status = 204, description = "Removed."),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "There are none.", body = Problem),
    )
)]
pub async fn remove(request: Request) -> Result<Response, Problem> {
    if request.state.passkeys.remove_metadata().await? {
        Ok(no_content())
    } else {
        Err(Problem::new(StatusCode::NOT_FOUND, "not_found"))
    }
}

/// Shows what is known of an authenticator model.
#[utoipa::path(
    get,
    operation_id = "get_metadata_model",
    tag = "Metadata",
    path = "/manage/v1/metadata/models/{aaguid}",
    params(("aaguid" = String, Path, description = "The AAGUID of the model, 8-4-4-4-12 hex digits")),
    responses(
        (status = 200, description = "What the metadata and the configured names say.", body = KnownModel),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "Neither knows the model.", body = Problem),
    )
)]
pub async fn model(request: Request) -> Result<Response, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "not_found");
    let aaguid: Aaguid = request.segment("aaguid").parse().map_err(|_| unknown())?;
    let known = known(&request.state.passkeys, aaguid);
    if known.provider_name.is_none() && known.metadata.is_none() {
        return Err(unknown());
    }
    ok(&known)
}

fn known(passkeys: &Arc<Passkeys>, aaguid: Aaguid) -> KnownModel {
    let at = UnixSeconds(passkeys.now().seconds());
    let in_use = passkeys.metadata();
    let entries: Vec<_> = in_use
        .iter()
        .flat_map(|in_use| in_use.metadata.by_aaguid(aaguid))
        .collect();
    KnownModel {
        aaguid: aaguid.to_string(),
        provider_name: passkeys.provider_name(aaguid),
        metadata: ModelMetadata::of(&entries, at),
    }
}

impl InUse {
    fn of(in_use: &MetadataInUse, now: Timestamp) -> Self {
        let metadata = &in_use.metadata;
        Self {
            no: metadata.no(),
            next_update: metadata.next_update().to_owned(),
            stale: in_use.is_stale(now),
            imported_at: Date(in_use.imported),
            source: in_use.source.name(),
            models: metadata.entries().len(),
            uaf_entries: metadata.uaf_entries(),
            dropped: metadata.dropped().iter().map(DroppedPart::of).collect(),
            legal_header: metadata.legal_header().map(str::to_owned),
        }
    }
}

impl DroppedPart {
    fn of((part, dropped): (Part, &metadata::DroppedPart)) -> Self {
        let named = dropped.named.iter().map(|one| Dropped {
            entry: one.entry,
            model: one.model.clone(),
            place: one.place.clone(),
            why: one.why,
            count: one.count,
        });
        Self {
            what: part.name(),
            count: dropped.count,
            named: named.collect(),
        }
    }
}

impl From<ModelName> for Model {
    fn from(name: ModelName) -> Self {
        Self {
            aaguid: name.aaguid.map(|aaguid| aaguid.to_string()),
            description: name.description,
        }
    }
}

impl From<StatusChange> for ChangedStatuses {
    fn from(change: StatusChange) -> Self {
        Self {
            model: change.model.into(),
            from: change.from,
            to: change.to,
        }
    }
}

impl ModelMetadata {
    /// Of several entries about a model the first describes it, and the reports of all count.
    fn of(entries: &[&Entry], at: UnixSeconds) -> Option<Self> {
        let (entry, others) = entries.split_first()?;
        let levels = entry.certification_levels(at).filter(|level| {
            let mut others = others.iter();
            others.all(|other| other.certification_levels(at).any(|one| one == *level))
        });
        Some(Self {
            description: entry.description().map(str::to_owned),
            status: entry.current_status(at).map(|report| report.status.clone()),
            certification_levels: levels.map(str::to_owned).collect(),
            statuses: entries
                .iter()
                .flat_map(|entry| entry.statuses())
                .map(|report| StatusReport::of(report, at))
                .collect(),
            attestation_types: entry.attestation_types().to_vec(),
            key_protection: entry.key_protection().to_vec(),
            key_restricted: entry.is_key_restricted(),
            multi_device_credential_support: entry
                .multi_device_credential_support()
                .map(str::to_owned),
            attestation_roots: entries.iter().map(|entry| entry.roots().len()).sum(),
            unreadable_roots: entries.iter().map(|entry| entry.unreadable_roots()).sum(),
        })
    }
}

impl StatusReport {
    fn of(report: &Report, at: UnixSeconds) -> Self {
        let date = |moment: UnixSeconds| Date(Timestamp(moment.0.saturating_mul(1000)));
        Self {
            status: report.status.clone(),
            in_effect: report.is_in_effect(at),
            dates_unreadable: report.dates_unreadable,
            effective_from: report.effective_from.map(date),
            over_from: report.over_from.map(date),
            certificates: report.certificates.len(),
        }
    }
}
