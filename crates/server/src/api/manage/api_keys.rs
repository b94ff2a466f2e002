//! API keys: further secrets of an account, each revocable on its own.

use axum::http::StatusCode;
use axum::response::Response;
use domain::model::ids::ApiKeyId;
use domain::model::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Problem;
use super::request::{Request, checked_name, created, ok};
use super::state::administrator;
use crate::api::dates::Date;
use crate::http::reply::no_content;

/// How many keys are shown. An account with more has to delete some first to see the others.
const MOST: u32 = 1000;

/// What a new API key is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// A name for people, 1 to 128 characters.
    name: String,
    /// What it may be used for: one or more of `read`, `enrol`, `approve`, `manage`. Without it the new key may do what the caller may.
    scopes: Option<Vec<String>>,
    /// The moment from which it is refused (RFC 3339). Without it the new key is valid as long as the caller's key: for ever, where that has
    /// no end.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<String>,
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey {
    /// The user name for HTTP Basic: `SK` and 32 hex digits.
    id: String,
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

/// A new API key with its secret, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedApiKey {
    /// The user name for HTTP Basic: `SK` and 32 hex digits.
    id: String,
    /// A name for people.
    name: String,
    /// The password for HTTP Basic. It is stored only as a hash and cannot be shown again.
    secret: String,
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

/// API keys, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeys {
    /// The keys.
    api_keys: Vec<ApiKey>,
}

/// Creates an API key.
#[utoipa::path(
    post,
    operation_id = "create_api_key",
    tag = "API keys",
    path = "/manage/v1/api-keys",
    request_body = NewApiKey,
    responses(
        (status = 201, description = "Created; the secret is shown only once.", body = CreatedApiKey),
        (status = 400, description = "The body is not as described.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 403, description = "The caller's key has no scope `manage`, or less than the new key would have.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub async fn create(request: Request) -> Result<Response, Problem> {
    let asked: NewApiKey = request.json().await?;
    let name = checked_name(&asked.name)?;
    let grant = request.grant_of(asked.scopes.as_deref(), asked.expires_at.as_deref())?;
    let passkeys = &request.state.passkeys;
    let by = administrator();
    let made = passkeys.create_api_key(request.account, name, grant, &by);
    let (key, secret) = made.await?;
    created(&CreatedApiKey {
        id: format!("SK{}", key.id),
        name: key.name,
        secret: secret.reveal().to_owned(),
        created_at: Date(key.created),
        scopes: key.grant.scopes.names().collect(),
        expires_at: key.grant.expires.map(Date),
    })
}

/// Lists the API keys of the account.
#[utoipa::path(
    get,
    operation_id = "list_api_keys",
    tag = "API keys",
    path = "/manage/v1/api-keys",
    responses(
        (status = 200, description = "The keys, oldest first, without their secrets.", body = ApiKeys),
        (status = 401, description = "The caller is not known.", body = Problem),
    )
)]
pub async fn list(request: Request) -> Result<Response, Problem> {
    let page = request
        .state
        .passkeys
        .list_api_keys(request.account, PageRequest::first(MOST))
        .await?;
    let api_keys = page.items.into_iter().map(|key| ApiKey {
        id: format!("SK{}", key.id),
        name: key.name,
        created_at: Date(key.created),
        scopes: key.grant.scopes.names().collect(),
        expires_at: key.grant.expires.map(Date),
        last_used_at: key.used.map(Date),
    });
    ok(&ApiKeys {
        api_keys: api_keys.collect(),
    })
}

/// Deletes an API key. It is refused from then on; on other nodes within a second.
#[utoipa::path(
    delete,
    operation_id = "delete_api_key",
    tag = "API keys",
    path = "/manage/v1/api-keys/{id}",
    params(("id" = String, Path, description = "`SK` and 32 hex digits")),
    responses(
        (status = 204, description = "Deleted."),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such key.", body = Problem),
    )
)]
pub async fn remove(request: Request) -> Result<Response, Problem> {
    let id = request.segment("id");
    let removed = match id.strip_prefix("SK").and_then(ApiKeyId::from_hex) {
        Some(id) => {
            let passkeys = &request.state.passkeys;
            passkeys
                .delete_api_key(request.account, id, &administrator())
                .await?
        }
        None => false,
    };
    if removed {
        Ok(no_content())
    } else {
        Err(Problem::new(StatusCode::NOT_FOUND, "not_found"))
    }
}
