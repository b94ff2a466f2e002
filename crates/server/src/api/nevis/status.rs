//! `POST /api/v1/status` (docs/wires/nevis.md, section 3.4): how a transaction stands. It writes nothing.

use std::pin::pin;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use domain::Reason;
use domain::model::ceremony::{Ceremony, CeremonyState, Standing};
use domain::model::clock::Timestamp;
use domain::model::ids::CeremonyId;
use domain::model::user::UserRef;
use domain::service::prepared::Prepared;
use serde::Serialize;

use super::auth::any_access_key;
use super::claims::{Claims, Kind, Waits};
use super::cors::about;
use super::error::{ApiError, refused};
use super::keys::{self, Genuine};
use super::reasons::Call;
use super::request::{Request, ok};
use super::state::State;
use super::tokens::Presented;
use super::transactions::{Succeeded, transaction_token};
use super::uuid::Uuid;
use crate::api::dates::Date;
use crate::http::json::text;

/// Longest time that a request may wait, in seconds.
const MAX_WAIT: u64 = 30;
/// How often a waiting request looks by itself, for a transaction may end on another node.
const LOOK: Duration = Duration::from_secs(1);

/// How a transaction stands, in the words of this wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pending,
    Succeeded,
    Failed,
    Unknown,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<Uuid>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_at: Option<Date>,
    /// Why it failed; for a back end that shows its access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

const UNKNOWN: Report = Report {
    transaction_id: None,
    status: Status::Unknown,
    user_id: None,
    username: None,
    token: None,
    created_at: None,
    last_updated_at: None,
    reason: None,
};

/// The call.
pub async fn read(request: Request) -> Result<Response, ApiError> {
    let wait = wait(&request)?;
    let sent = request.json_text().await?;
    let object = &sent.object()?;
    let token =
        text(object, "statusToken")?.ok_or_else(|| ApiError::rule("statusToken is missing"))?;
    let verified = match Presented::parse(token) {
        Some(presented) => keys::verified(&request.state, Kind::Status, &presented).await?,
        None => None,
    };
    match verified {
        Some(Genuine { rp, claims, .. }) => {
            about(&rp, standing(&request, &rp, &claims, wait).await)
        }
        None => ok(&UNKNOWN),
    }
}

/// How the transaction of a status token stands.
async fn standing(
    request: &Request,
    rp: &Prepared,
    claims: &Claims,
    wait: Duration,
) -> Result<Response, ApiError> {
    let state = &request.state;
    let Some(id) = claims.txn.map(CeremonyId::from) else {
        return ok(&UNKNOWN);
    };
    match (
        ended(state, rp, id, claims.waits, wait).await?,
        claims.waits,
    ) {
        (Some(ceremony), _) => ok(&report(state, rp, request.headers(), &ceremony, claims).await?),
        (None, Some(waits)) => ok(&sealed(waits, claims, state.passkeys.now())),
        (None, None) => ok(&UNKNOWN),
    }
}

/// How long to wait for the end of the transaction.
fn wait(request: &Request) -> Result<Duration, ApiError> {
    let query = request.query()?;
    let Some(text) = query.get("wait") else {
        return Ok(Duration::ZERO);
    };
    let seconds: u64 = text
        .parse()
        .map_err(|_| ApiError::rule("wait is not a number of seconds"))?;
    Ok(Duration::from_secs(seconds.min(MAX_WAIT)))
}

/// The ceremony as it stands once it has ended, or the time is over, or the process stops.
async fn ended(
    state: &State,
    rp: &Prepared,
    id: CeremonyId,
    waits: Option<Waits>,
    wait: Duration,
) -> Result<Option<Ceremony>, ApiError> {
    let place = if wait.is_zero() {
        None
    } else {
        state.waiters.join(id)
    };
    let Some(place) = place else {
        return ceremony(state, rp, id).await;
    };
    let mut over = pin!(tokio::time::sleep(wait));
    let mut stopping = pin!(state.lifecycle.drained());
    loop {
        // Listening begins before looking, so that no end slips through between the two.
        let mut bell = pin!(place.bell.notified());
        bell.as_mut().enable();
        let found = ceremony(state, rp, id).await?;
        let now = state.passkeys.now();
        let pending = match &found {
            Some(ceremony) => ceremony.standing(now) == Standing::Pending,
            None => waits.is_some_and(|waits| now.0 < waits.until),
        };
        if !pending {
            return Ok(found);
        }
        tokio::select! {
            () = &mut over => return Ok(found),
            () = &mut stopping => return Ok(found),
            () = bell => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn ceremony(
    state: &State,
    rp: &Prepared,
    id: CeremonyId,
) -> Result<Option<Ceremony>, ApiError> {
    match state.passkeys.ceremony(rp.id, id).await {
        Ok(ceremony) => Ok(Some(ceremony)),
        Err(refusal) if refusal.reason == Reason::CeremonyNotFound => Ok(None),
        Err(refusal) => Err(ApiError::refused(Call::Api, &refusal)),
    }
}

/// A transaction that the store does not know: no response has come.
fn sealed(waits: Waits, claims: &Claims, now: Timestamp) -> Report {
    let pending = now.0 < waits.until;
    Report {
        transaction_id: claims.txn,
        status: if pending {
            Status::Pending
        } else {
            Status::Failed
        },
        user_id: claims.sub,
        username: claims.username.clone(),
        created_at: Some(Date(Timestamp(waits.from))),
        last_updated_at: Some(Date(Timestamp(if pending {
            waits.from
        } else {
            waits.until
        }))),
        ..UNKNOWN
    }
}

async fn report(
    state: &State,
    rp: &Prepared,
    headers: &HeaderMap,
    ceremony: &Ceremony,
    claims: &Claims,
) -> Result<Report, ApiError> {
    let standing = ceremony.standing(state.passkeys.now());
    let named = ceremony.user_name().map(str::to_owned);
    // A transaction that was begun for nobody has a user once somebody has signed in.
    let name = match (named, ceremony.user()) {
        (None, Some(user)) if standing == Standing::Succeeded => {
            match state.passkeys.user(rp.id, UserRef::Id(user)).await {
                Ok(user) => Some(user.name),
                // Deleted between the two reads; the transaction goes with the user.
                Err(refusal) if refusal.reason == Reason::UserUnknown => None,
                Err(refusal) => return Err(ApiError::refused(Call::Api, &refusal)),
            }
        }
        (named, _) => named,
    };
    let token = match (ceremony.state(), &name) {
        (CeremonyState::Succeeded { user, credential }, Some(name)) => {
            let succeeded = Succeeded {
                ceremony: ceremony.id(),
                kind: ceremony.kind(),
                at: ceremony.updated(),
                user,
                user_name: name,
                credential,
            };
            let token = transaction_token(state, rp, succeeded).await;
            Some(token.map_err(refused(Call::Api))?)
        }
        _ => None,
    };
    Ok(Report {
        transaction_id: Some(ceremony.id().into()),
        status: match standing {
            Standing::Pending => Status::Pending,
            Standing::Succeeded => Status::Succeeded,
            Standing::Failed | Standing::Expired => Status::Failed,
        },
        // A decoy has its user in the token only.
        user_id: name
            .as_ref()
            .and(ceremony.user())
            .map(Uuid::from)
            .or(claims.sub),
        username: name.or_else(|| claims.username.clone()),
        token,
        created_at: Some(Date(ceremony.created())),
        last_updated_at: Some(Date(match standing {
            Standing::Expired => ceremony.expires(),
            _ => ceremony.updated(),
        })),
        reason: match (standing, ceremony.state()) {
            (Standing::Failed, CeremonyState::Failed(reason))
                if shows_access_key(state, rp, headers).await =>
            {
                Some(reason)
            }
            (Standing::Expired, _) if shows_access_key(state, rp, headers).await => {
                Some(Reason::CeremonyExpired)
            }
            _ => None,
        },
    })
}

/// Whether the caller is the back end of this Relying Party. No key is needed, and a wrong one is no error.
async fn shows_access_key(state: &State, rp: &Prepared, headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
        && any_access_key(state, headers)
            .await
            .is_ok_and(|caller| caller.rp.id == rp.id)
}
