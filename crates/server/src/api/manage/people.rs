//! What is kept of one user: read as a whole, and erased as a whole.

use std::sync::Arc;

use axum::response::Response;
use domain::Reason;
use domain::model::audit::AuditEvent;
use domain::model::ids::{RelyingPartyId, UserId};
use domain::model::refusal::Refusal;
use domain::model::user::{User, UserRef};
use domain::service::events::PAGE_SEARCHED;
use domain::store::EventFilter;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use super::request::{Request, digits, ok};
use super::state::administrator;
use crate::http::lines::lines;
use crate::transfer::record::{Credential, Line};

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erased {
    /// Number of events that no longer identify the user.
    events: u64,
}

/// Exports what is kept of a user: the user, the credentials with the evidence of their registration, and the events that name the user.
///
/// Each line is a record of an export (`docs/export.schema.json`). Nothing that lets anybody sign in is in it. When the store fails meanwhile,
/// the connection ends before the body does.
#[utoipa::path(
    get,
    operation_id = "export_user_data",
    tag = "Users",
    path = "/manage/v1/services/{service}/users/{user}/data",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("user" = String, Path, description = "The name of the user. Of a user who was deleted, the identifier: 32 hex digits, with or \
          without `YE`, or a UUID"),
    ),
    responses(
        (status = 200, description = "One JSON object in each line.", content_type = "application/x-ndjson"),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such user.", body = Problem),
    )
)]
pub async fn export(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?.id;
    let (id, user) = named(&request, rp).await?;
    let passkeys = Arc::clone(&request.state.passkeys);
    let mut records = Vec::new();
    if let Some(user) = user {
        let credentials = passkeys.credentials_with_evidence(&user).await?;
        records.push(Line::User(user.into()));
        for (record, evidence) in credentials {
            records.push(Line::Credential(Box::new(Credential::new(
                record, evidence,
            ))));
        }
    }
    let mut filter = EventFilter {
        most: Some(PAGE_SEARCHED),
        wanted: Some(Arc::new(move |event: &AuditEvent| event.user == Some(id))),
        ..EventFilter::default()
    };
    Ok(lines(|out| async move {
        if out.send(records).await.is_err() {
            return Ok(());
        }
        loop {
            let found = passkeys.find_events(rp, &filter, PAGE_SEARCHED).await?;
            let events = found.events.into_iter();
            let events = events.map(|event| Line::Event(Box::new(event.into())));
            if out.send(events).await.is_err() || found.stopped.is_none() {
                return Ok(());
            }
            filter.after = found.stopped;
        }
    }))
}

/// Erases what is kept of a user: deletes the user with all credentials and ceremonies, and removes from every event of the user who that was:
/// the name, the identifier, the credential, the address, the user agent and all details. What happened, when and why stays.
///
/// Deliveries of webhooks lose the name, and the identifiers of the user and the credential. The `factor.deleted` of each passkey keeps the
/// identifiers, which are random, so that its receiver can erase, too.
///
/// A call that fails can be repeated, with the identifier of the user: it goes on with what is left.
#[utoipa::path(
    delete,
    operation_id = "erase_user_data",
    tag = "Users",
    path = "/manage/v1/services/{service}/users/{user}/data",
    params(
        ("service" = String, Path, description = "`VA` and 32 hex digits"),
        ("user" = String, Path, description = "The name of the user. Of a user who was deleted, the identifier: 32 hex digits, with or \
          without `YE`, or a UUID"),
    ),
    responses(
        (status = 200, description = "Erased.", body = Erased),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service, or the Service no such user.", body = Problem),
    )
)]
pub async fn erase(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?.id;
    let (id, _) = named(&request, rp).await?;
    let passkeys = &request.state.passkeys;
    let events = passkeys.erase_user(rp, id, &administrator()).await?;
    ok(&Erased { events })
}

/// Whom the path names: a user of this name, or one who may have been deleted, by the identifier.
pub(super) async fn named(
    request: &Request,
    rp: RelyingPartyId,
) -> Result<(UserId, Option<User>), Problem> {
    let text = request.segment("user");
    let passkeys = &request.state.passkeys;
    let there = |found: Result<User, Refusal>| match found {
        Ok(user) => Ok(Some(user)),
        Err(refusal) if refusal.reason == Reason::UserUnknown => Ok(None),
        Err(refusal) => Err(refusal),
    };
    if let Some(user) = there(passkeys.user(rp, UserRef::Name(text)).await)? {
        return Ok((user.id, Some(user)));
    }
    let id = UserId::from_hex(&digits(text)).ok_or_else(|| Refusal::from(Reason::UserUnknown))?;
    Ok((id, there(passkeys.user(rp, id).await)?))
}
