//! `POST status` of the dialect: how a session stands.

use axum::http::StatusCode;
use axum::response::Response;
use domain::Reason;
use domain::model::ceremony::Standing;
use serde::Serialize;
use uuid::fmt::Hyphenated;

use super::reply::{Failure, respond};
use super::request::Request;
use super::session::{SessionId, hyphenated};
use crate::api::dates::Date;
use crate::http::json::text;

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    status: &'static str,
    /// Of the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Hyphenated>,
    /// As it was asked for, also when there is none.
    fido2_session_id: &'a str,
}

fn bad_request(failure: impl Into<Failure>) -> Failure {
    failure.into().with_status(StatusCode::BAD_REQUEST)
}

/// The call. Both names of the one parameter occur in clients.
pub async fn read(request: Request) -> Result<Response, Failure> {
    let (rp, _) = request.relying_party().await?;
    let sent = request.json_text().await?;
    let object = &sent.object().map_err(bad_request)?;
    let session = match text(object, "fido2SessionId").map_err(bad_request)? {
        Some(session) => Some(session),
        None => text(object, "sessionId").map_err(bad_request)?,
    };
    let session =
        session.ok_or_else(|| bad_request(Failure::form("fido2SessionId is missing.")))?;
    let mut found = Session {
        status: "unknown",
        timestamp: None,
        user_id: None,
        fido2_session_id: session,
    };
    let Some(id) = SessionId::parse(session) else {
        return Ok(respond(StatusCode::OK, &found));
    };
    match request.state.passkeys.ceremony(rp.id, id.ceremony()).await {
        Ok(ceremony) => {
            let now = request.state.passkeys.now();
            found.status = match ceremony.standing(now) {
                Standing::Pending => "initialized",
                Standing::Succeeded => "succeeded",
                Standing::Failed | Standing::Expired => "failed",
            };
            let changed = ceremony.updated().max(ceremony.created());
            found.timestamp = Some(Date(changed));
            found.user_id = ceremony.user().map(|user| hyphenated(user.0));
        }
        Err(refusal) if refusal.reason == Reason::CeremonyNotFound => {}
        Err(refusal) => return Err(refusal.into()),
    }
    Ok(respond(StatusCode::OK, &found))
}
