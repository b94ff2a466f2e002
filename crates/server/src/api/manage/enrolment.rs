//! One-time enrolment links of a user.

use axum::http::StatusCode;
use axum::response::Response;
use domain::Reason;
use domain::model::console::EnrolmentLink as Record;
use domain::model::ids::EnrolmentId;
use domain::model::refusal::Refusal;
use domain::model::user::User;
use domain::service::enrolment::{LINK_MS, LONGEST_LINK_MS, SHORTEST_LINK_MS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Problem;
use super::people;
use super::request::{Request, created, ok};
use super::state::administrator;
use crate::api::dates::Date;
use crate::api::enrolment_link;
use crate::http::reply::no_content;

/// How long a link works.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnrolmentLink {
    /// Seconds until the link expires; a day without it.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 604_800)]
    lifetime_seconds: Option<i64>,
}

/// A link that works.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolmentLink {
    /// Its id (32 hex digits). It does not open anything.
    id: String,
    /// When it was made (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Date,
    /// From when on it does not work (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    expires_at: Date,
}

impl From<Record> for EnrolmentLink {
    fn from(record: Record) -> Self {
        Self {
            id: record.id.to_hex(),
            created_at: Date(record.created),
            expires_at: Date(record.expires),
        }
    }
}

/// A new link.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedEnrolmentLink {
    #[serde(flatten)]
    link: EnrolmentLink,
    /// The address for the user. It is a secret, and is shown only once.
    url: String,
}

/// The links of a user that work, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolmentLinks {
    /// The links.
    enrolment_links: Vec<EnrolmentLink>,
}

/// The user in the path, by name or by identifier.
async fn user(request: &Request) -> Result<User, Problem> {
    let rp = request.service().await?.id;
    let (_, user) = people::named(request, rp).await?;
    Ok(user.ok_or_else(|| Refusal::from(Reason::UserUnknown))?)
}

/// Makes a link by which a user registers one passkey, on a page of passkeyd. The page must be at an origin of the Service.
///
/// Who has the link can register a passkey for the user: send it over a channel that only the user reads. A user has one link at a time: a new
/// one replaces the one before it.
#[utoipa::path(
    post,
    operation_id = "create_enrolment_link",
    tag = "Users",
    path = "/manage/v1/services/{service}/users/{user}/enrolment-links",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("user" = String, Path, description = "The name of the user, or the identifier: 32 hex digits, with or without `YE`, or a UUID"),
    ),
    request_body = NewEnrolmentLink,
    responses(
        (status = 201, description = "The link. Its address is shown only once.", body = CreatedEnrolmentLink),
        (status = 400, description = "The body is not as described, or passkeyd is at no origin of the Service.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such user.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub(super) async fn create(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    let user = user(&request).await?;
    let NewEnrolmentLink { lifetime_seconds } = request.json().await?;
    let lifetime_ms = lifetime_seconds.map_or(LINK_MS, |seconds| seconds.saturating_mul(1000));
    if !(SHORTEST_LINK_MS..=LONGEST_LINK_MS).contains(&lifetime_ms) {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "request_invalid");
        return Err(problem
            .at("lifetime_seconds")
            .saying("`lifetime_seconds` is from 60 to 604800"));
    }
    let state = &request.state;
    let by = administrator();
    let of = (&*rp, &user);
    let made = enrolment_link::make(&state.passkeys, &state.public_url, of, lifetime_ms, &by).await;
    let made = made.map_err(|refusal| match refusal.reason {
        reason @ (Reason::OriginNotAllowed | Reason::RelyingPartyIncomplete) => {
            Problem::new(StatusCode::BAD_REQUEST, reason.name()).saying(refusal.message)
        }
        _ => refusal.into(),
    })?;
    created(&CreatedEnrolmentLink {
        url: made.url,
        link: made.link.into(),
    })
}

/// Lists the link of a user that still works. There are several if they were made at the same moment.
#[utoipa::path(
    get,
    operation_id = "list_enrolment_links",
    tag = "Users",
    path = "/manage/v1/services/{service}/users/{user}/enrolment-links",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("user" = String, Path, description = "The name of the user, or the identifier: 32 hex digits, with or without `YE`, or a UUID"),
    ),
    responses(
        (status = 200, description = "The links, oldest first, without their addresses.", body = EnrolmentLinks),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such user.", body = Problem),
    )
)]
pub(super) async fn list(request: Request) -> Result<Response, Problem> {
    let user = user(&request).await?;
    let passkeys = &request.state.passkeys;
    let links = passkeys
        .enrolment_links(user.relying_party, user.id)
        .await?;
    ok(&EnrolmentLinks {
        enrolment_links: links.into_iter().map(EnrolmentLink::from).collect(),
    })
}

/// Revokes a link.
#[utoipa::path(
    delete,
    operation_id = "revoke_enrolment_link",
    tag = "Users",
    path = "/manage/v1/services/{service}/users/{user}/enrolment-links/{id}",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("user" = String, Path, description = "The name of the user, or the identifier: 32 hex digits, with or without `YE`, or a UUID"),
        ("id" = String, Path, description = "the id of the link (32 hex digits)"),
    ),
    responses(
        (status = 204, description = "Revoked."),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, the Service no such user, or the user no such link.", body = Problem),
    )
)]
pub(super) async fn revoke(request: Request) -> Result<Response, Problem> {
    let user = user(&request).await?;
    let absent = || Problem::new(StatusCode::NOT_FOUND, "not_found");
    let id = EnrolmentId::from_hex(request.segment("id")).ok_or_else(absent)?;
    let passkeys = &request.state.passkeys;
    let by = administrator();
    if passkeys.revoke_enrolment_link(&user, id, &by).await? {
        Ok(no_content())
    } else {
        Err(absent())
    }
}
