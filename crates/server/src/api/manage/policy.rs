//! The policy of a Relying Party: read, replaced and patched as one document.

mod checks;
mod document;
mod words;

use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::policy::Policy;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use serde_json::Value;

use super::error::Problem;
use super::request::{Request, ok, service_id};
use super::state::administrator;
use crate::http::media::JSON;
pub use checks::Invalid;

pub use document::PolicyDocument;

/// How often a patch is applied again if another caller changed the service meanwhile.
const TRIES: u32 = 5;
/// Most characters of an explanation that repeats a part of the request.
const MAX_EXPLANATION: usize = 400;

/// Shows the policy of a service.
#[utoipa::path(
    get,
    operation_id = "get_policy",
    tag = "Policies",
    path = "/manage/v1/services/{service}/policy",
    params(("service" = String, Path, description = "`VA` and 32 hex digits")),
    responses(
        (status = 200, description = "The whole policy in force; `ETag` is the version of the service.", body = PolicyDocument),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such service.", body = Problem),
    )
)]
pub(super) async fn show(request: Request) -> Result<Response, Problem> {
    shown(&stored(&request).await?)
}

/// Replaces the policy of a service. Members that are not sent get their defaults.
///
/// Ceremonies that have begun are judged by the policy under which they began.
#[utoipa::path(
    put,
    operation_id = "replace_policy",
    tag = "Policies",
    path = "/manage/v1/services/{service}/policy",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the service must still have."),
    ),
    request_body(content = PolicyDocument, description = "Any of its members."),
    responses(
        (status = 200, description = "The whole policy, now in force.", body = PolicyDocument),
        (status = 400, description = "A member is unknown or has a value that is not allowed; `member` names it.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such service.", body = Problem),
        (status = 412, description = "The service has another version than `If-Match` says.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub(super) async fn replace(request: Request) -> Result<Response, Problem> {
    change(&request, &[JSON], |_| {
        to_json(request.state.passkeys.default_policy())
    })
    .await
}

/// Changes members of the policy of a service (JSON Merge Patch, RFC 7396). Null gives a member its default.
///
/// Ceremonies that have begun are judged by the policy under which they began.
#[utoipa::path(
    patch,
    operation_id = "change_policy",
    tag = "Policies",
    path = "/manage/v1/services/{service}/policy",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the service must still have."),
    ),
    request_body(
        content = PolicyDocument,
        content_type = "application/merge-patch+json",
        description = "The members to change.",
    ),
    responses(
        (status = 200, description = "The whole policy, now in force.", body = PolicyDocument),
        (status = 400, description = "A member is unknown or has a value that is not allowed; `member` names it.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such service.", body = Problem),
        (status = 412, description = "The service has another version than `If-Match` says.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub(super) async fn patch(request: Request) -> Result<Response, Problem> {
    let types = ["application/merge-patch+json", JSON];
    change(&request, &types, to_json).await
}

/// Puts the body's members over what `base` makes of the policy in force.
async fn change(
    request: &Request,
    types: &[&str],
    base: impl Fn(&Policy) -> Value,
) -> Result<Response, Problem> {
    let mut before = stored(request).await?;
    let wanted = read(&request.body_of(types).await?)?;
    let passkeys = &request.state.passkeys;
    for _ in 0..TRIES {
        if !matches(request.headers(), before.version) {
            return Err(version_mismatch());
        }
        let merged = merged(passkeys.default_policy(), base(&before.policy), &wanted);
        let policy = merged.map_err(|wrong| invalid(&wrong.member, &wrong.why))?;
        if policy == before.policy {
            return shown(&before);
        }
        if let Some(after) = passkeys
            .replace_policy(&before, policy, &administrator())
            .await?
        {
            return shown(&after);
        }
        before = stored(request).await?;
    }
    Err(version_mismatch())
}

/// The policy of these members. Members that are not named have their defaults.
///
/// # Errors
/// [`Invalid`]: a member is unknown or has a value that is not allowed.
pub fn policy_of(default: &Policy, members: &Value) -> Result<Policy, Invalid> {
    merged(default, to_json(default), members)
}

fn merged(default: &Policy, mut document: Value, wanted: &Value) -> Result<Policy, Invalid> {
    merge(&mut document, wanted);
    // What was removed has its default again.
    let mut whole = to_json(default);
    merge(&mut whole, &document);
    let document: PolicyDocument = serde_path_to_error::deserialize(whole).map_err(|error| {
        let member = error.path().to_string();
        let why = error.into_inner().to_string();
        Invalid { member, why }
    })?;
    Policy::try_from(document)
}

/// RFC 7396: members of the patch replace those of the target, null removes them.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(object) = target.as_object_mut() else {
        return;
    };
    for (name, value) in members {
        if value.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name.as_str()).or_insert(Value::Null), value);
        }
    }
}

fn to_json(policy: &Policy) -> Value {
    // It holds texts, numbers and truth values only: writing it cannot fail.
    serde_json::to_value(PolicyDocument::from(policy)).unwrap_or_default()
}

async fn stored(request: &Request) -> Result<RelyingParty, Problem> {
    let unknown = || Problem::from(Refusal::from(Reason::RelyingPartyUnknown));
    let id = service_id(request.segment("service")).ok_or_else(unknown)?;
    let passkeys = &request.state.passkeys;
    Ok(passkeys.stored_relying_party(request.account, id).await?)
}

fn shown(rp: &RelyingParty) -> Result<Response, Problem> {
    let mut response = ok(&PolicyDocument::from(&rp.policy))?;
    let tag = HeaderValue::try_from(format!("\"{}\"", rp.version));
    let tag = tag.map_err(|_| Problem::internal())?;
    response.headers_mut().insert(ETAG, tag);
    Ok(response)
}

/// Does `If-Match` let a change of this version pass? Without the header every version will do.
fn matches(headers: &HeaderMap, version: u64) -> bool {
    let mut wanted = headers.get_all(IF_MATCH).iter().peekable();
    if wanted.peek().is_none() {
        return true;
    }
    let current = format!("\"{version}\"");
    wanted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag == current)
}

fn version_mismatch() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "version_mismatch")
        .saying("the service was changed meanwhile; read the policy again")
}

fn read(body: &[u8]) -> Result<Value, Problem> {
    let malformed =
        |why: String| Problem::new(StatusCode::BAD_REQUEST, "request_invalid").saying(why);
    // The strict reader knows what the lenient one lets pass: members that are there twice, and depth.
    webauthn::json::parse(body, &webauthn::json::Limits::default())
        .map_err(|error| malformed(error.to_string()))?;
    let value = serde_json::from_slice::<Value>(body)
        .map_err(|_| malformed("the body is not JSON".to_owned()))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(malformed("the body is not a JSON object".to_owned()))
    }
}

fn invalid(member: &str, why: &str) -> Problem {
    let why: String = why.chars().take(MAX_EXPLANATION).collect();
    Problem::new(StatusCode::BAD_REQUEST, "policy_invalid")
        .at(member)
        .saying(why)
}
