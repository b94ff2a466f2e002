//! Access keys of a Service: what a back end that speaks the Authentication Cloud API shows.

use axum::http::StatusCode;
use axum::response::Response;
use domain::Passkeys;
use domain::model::access_key::AccessKey as Record;
use domain::model::audit::Actor;
use domain::model::grant::Grant;
use domain::model::ids::{AccessKeyId, RelyingPartyId};
use domain::model::page::PageRequest;
use domain::model::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Problem;
use super::request::{Request, checked_name, created, ok};
use super::state::{State, administrator};
use crate::api::dates::Date;
use crate::api::nevis::access_keys::text;
use crate::api::nevis::uuid::Uuid;
use crate::http::PublicUrl;
use crate::http::reply::no_content;

/// How many keys are shown. A Service with more has to delete some first to see the others.
const MOST: u32 = 1000;

/// What a new access key is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccessKey {
    /// A name for people, 1 to 128 characters.
    name: String,
    /// What it may be used for: one or more of `read`, `enrol`, `approve`, `manage`. Without it the new key may do what the caller may.
    scopes: Option<Vec<String>>,
    /// The moment from which it is refused (RFC 3339). Without it the new key is valid as long as the caller's key: for ever, where that has
    /// no end.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<String>,
}

/// An access key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessKey {
    /// Its id (UUID).
    #[schema(value_type = String)]
    id: Uuid,
    /// A name for people.
    name: String,
    /// When it was created (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Date,
    /// What it may be used for: `read`, `enrol`, `approve`, `manage`.
    scopes: Vec<&'static str>,
    /// The moment from which it is refused (RFC 3339, UTC); a key without it is valid until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Date>,
    /// When it was used last, to a minute or so (RFC 3339, UTC); absent for a key that was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Date>,
}

/// A new access key with the key itself, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedAccessKey {
    /// Its id (UUID).
    #[schema(value_type = String)]
    id: Uuid,
    /// A name for people.
    name: String,
    /// What the back end sends: `Authorization: Bearer <key>`. It is not stored and cannot be shown again.
    key: String,
    /// When it was created (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Date,
    /// What it may be used for: `read`, `enrol`, `approve`, `manage`.
    scopes: Vec<&'static str>,
    /// The moment from which it is refused (RFC 3339, UTC); a key without it is valid until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Date>,
}

/// Access keys, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessKeys {
    /// The keys.
    access_keys: Vec<AccessKey>,
}

/// Makes an access key; the command line does the same.
///
/// # Errors
/// `relying_party_unknown`.
pub async fn make(
    passkeys: &Passkeys,
    public_url: &PublicUrl,
    rp: RelyingPartyId,
    name: &str,
    grant: Grant,
    by: &Actor,
) -> Result<CreatedAccessKey, Refusal> {
    let record = passkeys.create_access_key(rp, name, grant, by).await?;
    Ok(CreatedAccessKey {
        id: Uuid(record.id.0),
        key: text(passkeys, public_url.as_str(), &record).await?,
        name: record.name,
        created_at: Date(record.created),
        scopes: record.scopes.names().collect(),
        expires_at: record.expires.map(Date),
    })
}

/// The access keys of a Service; the command line shows the same.
///
/// # Errors
/// Faults of the store.
pub async fn all(passkeys: &Passkeys, rp: RelyingPartyId) -> Result<AccessKeys, Refusal> {
    let page = passkeys
        .list_access_keys(rp, PageRequest::first(MOST))
        .await?;
    let show = |record: Record| AccessKey {
        id: Uuid(record.id.0),
        name: record.name,
        created_at: Date(record.created),
        scopes: record.scopes.names().collect(),
        expires_at: record.expires.map(Date),
        last_used_at: record.used.map(Date),
    };
    Ok(AccessKeys {
        access_keys: page.items.into_iter().map(show).collect(),
    })
}

/// Revokes an access key; `false` when there is none with this id. The command line does the same.
///
/// # Errors
/// Faults of the store.
pub async fn revoke(
    passkeys: &Passkeys,
    rp: RelyingPartyId,
    id: &str,
    by: &Actor,
) -> Result<bool, Refusal> {
    match Uuid::parse(id) {
        Some(id) => passkeys.delete_access_key(rp, AccessKeyId(id.0), by).await,
        None => Ok(false),
    }
}

/// Creates an access key of a Service.
#[utoipa::path(
    post,
    operation_id = "create_access_key",
    tag = "Access keys",
    path = "/manage/v1/services/{service}/access-keys",
    params(("service" = String, Path, description = "`VA` and 32 hex digits")),
    request_body = NewAccessKey,
    responses(
        (status = 201, description = "Created; the key is shown only once.", body = CreatedAccessKey),
        (status = 400, description = "The body is not as described.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 403, description = "The caller's key has no scope `manage`, or less than the new key would have.", body = Problem),
        (status = 404, description = "The account has no such Service.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub(super) async fn create(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    let asked: NewAccessKey = request.json().await?;
    let name = checked_name(&asked.name)?;
    let grant = request.grant_of(asked.scopes.as_deref(), asked.expires_at.as_deref())?;
    let State {
        passkeys,
        public_url,
        ..
    } = &request.state;
    created(&make(passkeys, public_url, rp.id, name, grant, &administrator()).await?)
}

/// Lists the access keys of a Service.
#[utoipa::path(
    get,
    operation_id = "list_access_keys",
    tag = "Access keys",
    path = "/manage/v1/services/{service}/access-keys",
    params(("service" = String, Path, description = "`VA` and 32 hex digits")),
    responses(
        (status = 200, description = "The keys, oldest first, without the keys themselves.", body = AccessKeys),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service.", body = Problem),
    )
)]
pub(super) async fn list(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    ok(&all(&request.state.passkeys, rp.id).await?)
}

/// Revokes an access key. It is refused from then on; on other nodes within a second.
#[utoipa::path(
    delete,
    operation_id = "delete_access_key",
    tag = "Access keys",
    path = "/manage/v1/services/{service}/access-keys/{id}",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("id" = String, Path, description = "the id of the key (UUID)"),
    ),
    responses(
        (status = 204, description = "Revoked."),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such key.", body = Problem),
    )
)]
pub(super) async fn remove(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    if revoke(
        &request.state.passkeys,
        rp.id,
        request.segment("id"),
        &administrator(),
    )
    .await?
    {
        Ok(no_content())
    } else {
        Err(Problem::new(StatusCode::NOT_FOUND, "not_found"))
    }
}
