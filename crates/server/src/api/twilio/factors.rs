//! `Entities/{identity}/Factors` (docs/wires/twilio.md, section 6.3): credentials, and registrations that have not led to one, in
//! the words of this wire.

use axum::response::Response;
use domain::model::ceremony::Registration;
use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{CredentialKey, UserId};
use domain::model::policy::Selection;
use domain::model::relying_party::RelyingParty;
use domain::model::user::User;
use domain::service::credentials::CredentialOrRegistration;
use domain::webauthn::credential::Aaguid;
use domain::webauthn::options::CreationOptions;
use serde::{Serialize, Serializer};

use super::codes::Code;
use super::entities;
use super::error::{ApiError, refused};
use super::name::{FRIENDLY_NAME, bad_friendly_name};
use super::paging::{List, Row};
use super::reasons::Call;
use super::request::{Request, ok};
use super::services;
use super::settings::Settings;
use super::sid::Sid;
use super::state::{State, back_end};
use crate::api::dates::Date;
use crate::http::reply::no_content;

/// A factor as it is shown.
#[derive(Debug, Serialize)]
pub struct Factor<'a> {
    sid: Sid,
    account_sid: Sid,
    service_sid: Sid,
    entity_sid: Sid,
    identity: &'a str,
    /// Null, and only in the answer to the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<()>,
    /// Only in the answer to the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Options<'a>>,
    date_created: Date,
    date_updated: Date,
    friendly_name: &'a str,
    status: &'static str,
    #[serde(rename = "factor_type")]
    kind: &'static str,
    config: Settings<'a>,
    metadata: Option<Metadata<'a>>,
    url: String,
}

#[derive(Debug, Serialize)]
struct Options<'a> {
    #[serde(rename = "publicKey")]
    public_key: &'a CreationOptions,
}

/// What is known of a verified factor, all of it text, so that every SDK can read it.
#[derive(Debug, Serialize)]
struct Metadata<'a> {
    #[serde(serialize_with = "as_text")]
    aaguid: Aaguid,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_last_approved: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_eligible: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discoverable: Option<&'static str>,
    user_verified: &'static str,
    transports: String,
    sign_count: String,
    algorithm: String,
    attestation_format: &'a str,
}

fn as_text<S: Serializer>(value: &Aaguid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

impl<'a> From<&'a CredentialRecord> for Metadata<'a> {
    fn from(record: &'a CredentialRecord) -> Self {
        Self {
            aaguid: record.aaguid,
            date_last_approved: record.last_used.map(Date),
            backup_eligible: record.backup_eligible.map(truth),
            backup_state: record.backup_state.map(truth),
            discoverable: record.discoverable.map(truth),
            user_verified: truth(record.uv_initialized),
            transports: record.transports.join(","),
            sign_count: record.sign_count.to_string(),
            algorithm: record.algorithm.0.to_string(),
            attestation_format: &record.attestation_format,
        }
    }
}

/// What all factors are shown from.
struct Facts<'a> {
    key: CredentialKey,
    user: UserId,
    created: Timestamp,
    updated: Timestamp,
    name: &'a str,
    selection: &'a Selection,
}

impl<'a> Factor<'a> {
    fn new(state: &State, rp: &RelyingParty, identity: &'a str, facts: &Facts<'a>) -> Self {
        let sid = Sid::of(&facts.key);
        Self {
            sid,
            account_sid: Sid::of(&rp.account),
            service_sid: Sid::of(&rp.id),
            entity_sid: Sid::of(&facts.user),
            identity,
            binding: None,
            options: None,
            date_created: Date(facts.created),
            date_updated: Date(facts.updated),
            friendly_name: facts.name,
            status: "unverified",
            kind: "passkeys",
            config: Settings::from(facts.selection),
            metadata: None,
            url: state
                .public_url
                .join(&format!("{}/Factors/{sid}", entities::path(rp, identity))),
        }
    }

    /// A verified factor.
    pub fn verified(
        state: &State,
        rp: &RelyingParty,
        identity: &'a str,
        record: &'a CredentialRecord,
    ) -> Self {
        let facts = Facts {
            key: record.key,
            user: record.user,
            created: record.created,
            updated: record.updated,
            name: &record.name,
            selection: &record.selection,
        };
        Self {
            status: "verified",
            metadata: Some(record.into()),
            ..Self::new(state, rp, identity, &facts)
        }
    }

    /// A factor whose registration has not succeeded.
    pub fn unverified(
        state: &State,
        rp: &RelyingParty,
        identity: &'a str,
        ceremony: &'a Registration,
    ) -> Self {
        let facts = Facts {
            key: ceremony.id.into(),
            user: ceremony.user,
            created: ceremony.created,
            updated: ceremony.updated,
            name: &ceremony.asked.credential_name,
            selection: &ceremony.policy.selection,
        };
        Self::new(state, rp, identity, &facts)
    }

    /// The same factor in the answer to its creation.
    pub fn with_options(self, public_key: &'a CreationOptions) -> Self {
        Self {
            binding: Some(()),
            options: Some(Options { public_key }),
            ..self
        }
    }
}

/// Either kind of factor.
fn shown<'a>(
    state: &State,
    rp: &RelyingParty,
    user: &'a User,
    found: &'a CredentialOrRegistration,
) -> Factor<'a> {
    match found {
        CredentialOrRegistration::Registered(record) => {
            Factor::verified(state, rp, &user.name, record)
        }
        CredentialOrRegistration::Unfinished(ceremony) => {
            Factor::unverified(state, rp, &user.name, ceremony)
        }
    }
}

fn factor_key(request: &Request) -> Result<CredentialKey, ApiError> {
    request.sid("factor", Code::FactorSidInvalid)
}

/// `GET Factors`.
pub async fn list(request: Request) -> Result<Response, ApiError> {
    let (rp, user) = request.entity().await?;
    let path = format!("{}/Factors", entities::path(&rp, &user.name));
    List::of(&request, "factors", path)?
        .answer(
            |page| {
                request
                    .state
                    .passkeys
                    .list_credentials_and_registrations(&user, page)
            },
            |found| {
                let factor = shown(&request.state, &rp, &user, found);
                Row::new(found.created(), found.key().0, &factor)
            },
        )
        .await
}

/// `GET Factors/{YF}`.
pub async fn fetch(request: Request) -> Result<Response, ApiError> {
    let (rp, user) = request.entity().await?;
    let found = request
        .state
        .passkeys
        .credential_or_registration(&user, factor_key(&request)?)
        .await
        .map_err(refused(Call::Resource))?;
    ok(&shown(&request.state, &rp, &user, &found))
}

/// `POST Factors/{YF}`: a new name. The other parameters of the call belong to push and TOTP.
pub async fn update(request: Request) -> Result<Response, ApiError> {
    let (rp, user) = request.entity().await?;
    let key = factor_key(&request)?;
    let form = request.form()?;
    let found = match form.get("FriendlyName") {
        Some(name) if !FRIENDLY_NAME.allows(name) => return Err(bad_friendly_name("FriendlyName")),
        Some(name) => {
            request
                .state
                .passkeys
                .rename_credential_or_registration(&user, key, name, &back_end())
                .await
        }
        None => {
            let found = request
                .state
                .passkeys
                .credential_or_registration(&user, key)
                .await;
            if found.is_ok() && form.has("AuthPayload") {
                return Err(ApiError::invalid_request(
                    "AuthPayload verifies push and TOTP factors; a passkeys factor is verified with Passkeys/VerifyFactor",
                )
                .member("AuthPayload"));
            }
            found
        }
    };
    let found = found.map_err(refused(Call::Resource))?;
    ok(&shown(&request.state, &rp, &user, &found))
}

/// `DELETE Factors/{YF}`.
pub async fn delete(request: Request) -> Result<Response, ApiError> {
    let (_, user) = request.entity().await?;
    request
        .state
        .passkeys
        .delete_credential_or_registration(&user, factor_key(&request)?, &back_end())
        .await
        .map_err(refused(Call::Resource))?;
    Ok(no_content())
}

/// `POST Factors`: creates push and TOTP factors elsewhere; passkeys are created with `Passkeys/Factors`.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    services::ensure(&request, Code::FactorTypeInvalid).await
}
