//! `POST /_app/attestation/result` and `POST /_app/assertion/result` (docs/wires/nevis.md, section 4): the answers of authenticators,
//! sent by the page itself. Nobody shows a key here, and one that is shown is ignored.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::audit::{Actor, ActorKind};
use domain::model::ceremony::{CeremonyKind, relying_party_of_challenge};
use domain::model::ids::{CeremonyId, RelyingPartyId};
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::service::prepared::Prepared;
use domain::webauthn::json::Object;
use domain::webauthn::response::AuthenticationResponse;
use domain::webauthn::response::RegistrationResponse;
use domain::webauthn::response::ResponseError;
use domain::webauthn::response::ResponseForm;
use serde::Serialize;

use super::auth::{WIRE, agent};
use super::authenticators::problem_of;
use super::claims::Kind;
use super::cors::about;
use super::error::{ApiError, escaped};
use super::keys::{self, Genuine};
use super::reasons::{Call, Telling, telling};
use super::request::{Request, ok};
use super::state::State;
use super::tokens::Presented;
use super::transactions::{Succeeded, transaction_token};
use crate::api::signals;
use crate::http::json::text;
use crate::http::{RefusalInfo, current, reply};

/// What this wire demands of a credential's form: `type` must be there, `rawId` need not, padding may be.
pub const FORM: ResponseForm = ResponseForm {
    raw_id_required: false,
    raw_id_may_be_hex: false,
    type_required: true,
    padding_dropped: true,
    words_in_any_spelling: false,
    empty_user_handle_is_absent: true,
    both_kinds_refused: false,
};

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerResponse<'a> {
    status: &'static str,
    error_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// `credential_unknown` when the client may have the credential removed from the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

/// Whose Relying Party a result is about.
#[derive(Clone, Debug)]
enum Whose {
    /// The result does not say.
    Nobody,
    /// The status token says so, valid or not. It decides nothing but the status of a refusal.
    Claimed(RelyingPartyId),
    /// The status token proves it, or the challenge names it.
    Proven(Arc<Prepared>),
}

impl Whose {
    /// The HTTP status of a refusal, as the Relying Party has chosen.
    async fn failed_status(&self, state: &State) -> StatusCode {
        let rp = match self {
            Self::Nobody => None,
            Self::Claimed(id) => state.passkeys.relying_party_itself(*id).await.ok(),
            Self::Proven(rp) => Some(Arc::clone(rp)),
        };
        match rp {
            Some(rp) if rp.settings.nevis.failed_result_status == 400 => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        }
    }

    fn proven(&self) -> Option<&Arc<Prepared>> {
        match self {
            Self::Proven(rp) => Some(rp),
            Self::Nobody | Self::Claimed(_) => None,
        }
    }
}

/// Why a result was not accepted.
enum Failed {
    /// An error of the transport.
    Error(ApiError),
    /// A ceremony that failed.
    Refused(Whose, Refusal),
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl Failed {
    /// A ceremony that failed, for `map_err`.
    fn of(whose: &Whose) -> impl Fn(Refusal) -> Self {
        move |refusal| Self::Refused(whose.clone(), refusal)
    }
}

/// The answer of an authenticator in either ceremony.
enum Credential {
    Registration(RegistrationResponse),
    Authentication(AuthenticationResponse),
}

impl Credential {
    fn read(
        kind: CeremonyKind,
        body: &domain::webauthn::json::Value<'_>,
    ) -> Result<Self, ResponseError> {
        Ok(match kind {
            CeremonyKind::Registration => {
                Self::Registration(RegistrationResponse::from_json(body, &FORM)?)
            }
            CeremonyKind::Authentication => {
                Self::Authentication(AuthenticationResponse::from_json(body, &FORM)?)
            }
        })
    }

    fn challenge(&self) -> &[u8] {
        match self {
            Self::Registration(response) => &response.client_data().challenge,
            Self::Authentication(response) => &response.client_data().challenge,
        }
    }
}

/// `POST /_app/attestation/result`.
pub async fn attestation(request: Request) -> Result<Response, ApiError> {
    result(&request, CeremonyKind::Registration).await
}

/// `POST /_app/assertion/result`.
pub async fn assertion(request: Request) -> Result<Response, ApiError> {
    result(&request, CeremonyKind::Authentication).await
}

async fn result(request: &Request, kind: CeremonyKind) -> Result<Response, ApiError> {
    match finish(request, kind).await {
        Ok((rp, token)) => {
            let succeeded = ok(&ServerResponse {
                status: "ok",
                error_message: "",
                token: Some(token),
                reason: None,
            });
            about(&rp, succeeded)
        }
        Err(Failed::Error(error)) => Err(error),
        Err(Failed::Refused(whose, refusal)) => {
            let response = failed(&request.state, &whose, kind, &refusal).await;
            match whose.proven() {
                Some(rp) => about(rp, response),
                None => response,
            }
        }
    }
}

/// Judges the answer of the authenticator: the Relying Party and the transaction token of a success.
async fn finish(request: &Request, kind: CeremonyKind) -> Result<(Arc<Prepared>, String), Failed> {
    let state = &request.state;
    request.accepts_json()?;
    let sent = request.json_text().await?;
    let body = sent.value().map_err(ApiError::from)?;
    let object = body.as_object().ok_or_else(ApiError::internal)?;
    let token = status_token(state, object).await?;
    let whose = match &token {
        Some((rp, _)) => Whose::Proven(Arc::clone(rp)),
        None => Whose::Nobody,
    };
    let credential = Credential::read(kind, &body)
        .map_err(|error| Refusal::new(error.reason(), error.to_string()))
        .map_err(Failed::of(&whose))?;
    let (rp, transaction) = if let Some(proven) = token {
        proven
    } else {
        let rp = by_challenge(state, credential.challenge()).await;
        (rp.map_err(Failed::of(&whose))?, None)
    };
    let whose = Whose::Proven(Arc::clone(&rp));
    let token = process(request, &rp, transaction, &credential, object).await;
    Ok((rp, token.map_err(Failed::of(&whose))?))
}

/// The Relying Party that the status token proves, and its transaction; `None` when there is no token.
async fn status_token(
    state: &State,
    object: &Object<'_>,
) -> Result<Option<(Arc<Prepared>, Option<CeremonyId>)>, Failed> {
    let Some(token) = string(object, "statusToken").map_err(Failed::of(&Whose::Nobody))? else {
        return Ok(None);
    };
    let (claimed, verified) = match Presented::parse(token) {
        Some(presented) => (
            Whose::Claimed(presented.aud.into()),
            keys::verified(state, Kind::Status, &presented).await?,
        ),
        None => (Whose::Nobody, None),
    };
    match verified {
        Some(Genuine { rp, claims, .. }) => Ok(Some((rp, claims.txn.map(CeremonyId::from)))),
        None => Err(Failed::Refused(
            claimed,
            Refusal::new(
                Reason::AccessDenied,
                "The statusToken is not valid or has expired.",
            ),
        )),
    }
}

/// Finishes the ceremony; the transaction token of a success.
async fn process(
    request: &Request,
    rp: &Prepared,
    transaction: Option<CeremonyId>,
    credential: &Credential,
    object: &Object<'_>,
) -> Result<String, Refusal> {
    let state = &request.state;
    let ceremony = CeremonyId::of_challenge(credential.challenge());
    match transaction {
        Some(transaction) if transaction == ceremony => {}
        Some(_) => {
            return Err(Refusal::new(
                Reason::CeremonyNotFound,
                "The statusToken belongs to another transaction.",
            ));
        }
        None if rp.settings.nevis.status_token_required => return Err(token_missing()),
        None => {}
    }
    let mut actor = actor(request.headers(), object)?;
    if transaction.is_none() {
        // The trail shows which results were not bound to the browser that began.
        actor = actor.unbound();
    }
    let finished = match credential {
        Credential::Registration(response) => {
            let name = friendly_name(object)?;
            register(state, rp, response, name, &actor).await
        }
        Credential::Authentication(response) => sign_in(state, rp, response, &actor).await,
    };
    state.waiters.ring(ceremony);
    finished
}

async fn register(
    state: &State,
    rp: &Prepared,
    response: &RegistrationResponse,
    name: Option<&str>,
    actor: &Actor,
) -> Result<String, Refusal> {
    let finished = state
        .passkeys
        .finish_registration(rp.id, response, name, actor)
        .await?;
    signals::of_registration(&finished);
    let record = &finished.record;
    let succeeded = Succeeded {
        ceremony: record.key.into(),
        kind: CeremonyKind::Registration,
        at: record.updated,
        user: record.user,
        user_name: &finished.user_name,
        credential: record.key,
    };
    transaction_token(state, rp, succeeded).await
}

async fn sign_in(
    state: &State,
    rp: &Prepared,
    response: &AuthenticationResponse,
    actor: &Actor,
) -> Result<String, Refusal> {
    let signed_in = state
        .passkeys
        .finish_authentication(rp.id, response, actor)
        .await?;
    signals::of_sign_in(&signed_in);
    let succeeded = Succeeded {
        ceremony: signed_in.ceremony.id,
        kind: CeremonyKind::Authentication,
        at: signed_in.ceremony.updated,
        user: signed_in.user.id,
        user_name: &signed_in.user.name,
        credential: signed_in.credential,
    };
    transaction_token(state, rp, succeeded).await
}

/// The Relying Party that the challenge names. One that names none belongs to a transaction whose status token is missing.
async fn by_challenge(state: &State, challenge: &[u8]) -> Result<Arc<Prepared>, Refusal> {
    let id = relying_party_of_challenge(challenge).ok_or_else(token_missing)?;
    state
        .passkeys
        .relying_party_itself(id)
        .await
        .map_err(|refusal| match refusal.reason {
            Reason::RelyingPartyUnknown => Reason::CeremonyNotFound.into(),
            _ => refusal,
        })
}

fn token_missing() -> Refusal {
    Refusal::new(
        Reason::AccessDenied,
        "The statusToken of the transaction is missing.",
    )
}

/// A string member; in the results it is a failure of the ceremony when it is none.
fn string<'v>(object: &'v Object<'_>, name: &'static str) -> Result<Option<&'v str>, Refusal> {
    text(object, name).map_err(|error| Refusal::new(Reason::RequestInvalid, format!("{error}.")))
}

/// The user's browser or app: as the body says, else as its header says.
fn actor(headers: &HeaderMap, object: &Object<'_>) -> Result<Actor, Refusal> {
    let user = current::calling(Actor::new(ActorKind::User, WIRE));
    Ok(match string(object, "userAgent")? {
        Some(text) => user.agent(text),
        None => agent(user, headers),
    })
}

/// The name that the user gave the authenticator.
fn friendly_name<'v>(object: &'v Object<'_>) -> Result<Option<&'v str>, Refusal> {
    let name = string(object, "userFriendlyName")?.filter(|name| !name.is_empty());
    match name.and_then(problem_of) {
        None => Ok(name),
        Some(problem) => Err(Refusal::new(
            Reason::RequestInvalid,
            format!("userFriendlyName {problem}."),
        )),
    }
}

/// What is said about a refusal.
async fn failed(
    state: &State,
    whose: &Whose,
    kind: CeremonyKind,
    refusal: &Refusal,
) -> Result<Response, ApiError> {
    let message: &str = match telling(refusal.reason) {
        Telling::Nothing => return Err(ApiError::refused(Call::Result, refusal)),
        Telling::Particulars | Telling::Standing => &refusal.message,
        Telling::Verdict => match kind {
            CeremonyKind::Registration => "The credential could not be registered.",
            CeremonyKind::Authentication => "The credential was not accepted.",
        },
    };
    let reason = whose
        .proven()
        .filter(|rp| refusal.reason == Reason::CredentialUnknown && may_tell(rp, refusal))
        .map(|_| refusal.reason);
    let body = ServerResponse {
        status: "failed",
        error_message: message,
        token: None,
        reason,
    };
    let body = serde_json::to_vec(&body).map_err(|_| ApiError::internal())?;
    let status = whose.failed_status(state).await;
    let mut response = reply::not_stored(reply::json(status, escaped(&body)));
    // The status does not say it, so the log has to.
    response.extensions_mut().insert(RefusalInfo {
        code: u32::from(status.as_u16()),
        reason: Some(refusal.reason),
    });
    Ok(response)
}

/// Whether the client may learn that its credential is unknown. Only where nobody was named: there the authenticator chose a
/// passkey by itself, and a stale one would be offered for ever. Where a user was named, an honest client can only answer
/// with a listed credential, and the difference would tell a stranger which credentials exist.
fn may_tell(rp: &RelyingParty, refusal: &Refusal) -> bool {
    rp.settings.nevis.tell_unknown_credentials && refusal.any_credential_might_sign
}
