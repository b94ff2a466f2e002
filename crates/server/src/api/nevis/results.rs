//! `POST /_app/attestation/result` and `POST /_app/assertion/result` (contract section 4): the answers of authenticators,
//! sent by the page itself. Nobody shows a key here, and one that is shown is ignored.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::audit::{Actor, ActorKind};
use domain::model::ceremony::{Asked, CeremonyKind, relying_party_of_challenge};
use domain::model::ids::{CeremonyId, RelyingPartyId};
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::webauthn::json::Object;
use domain::webauthn::response::{
    AuthenticationResponse, RegistrationResponse, ResponseError, ResponseForm,
};
use serde::Serialize;

use super::auth::{WIRE, agent};
use super::authenticators::problem_of;
use super::cors;
use super::error::{ApiError, escaped};
use super::inbound::{Answer, Inbound, member, serve};
use super::keys;
use super::reasons::{Call, Telling, telling};
use super::settings::Settings;
use super::tokens::{Kind, Presented};
use super::transactions::{Succeeded, transaction_token};
use crate::api::RefusalInfo;
use crate::app::App;

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

/// Why a result was not accepted.
enum Failed {
    /// An error of the transport.
    Error(ApiError),
    /// A ceremony that failed.
    Refused(Refusal),
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
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
pub async fn attestation(State(app): State<App>, request: Request) -> Response {
    result(app, request, CeremonyKind::Registration).await
}

/// `POST /_app/assertion/result`.
pub async fn assertion(State(app): State<App>, request: Request) -> Response {
    result(app, request, CeremonyKind::Authentication).await
}

async fn result(app: App, request: Request, kind: CeremonyKind) -> Response {
    let page = cors::Page::of(request.headers());
    let mut parties = Parties::default();
    let mut refused = None;
    let (found, why) = (&mut parties, &mut refused);
    let mut response = serve(
        app.clone(),
        request,
        async move |app, inbound| match finish(&app, &inbound, kind, found).await {
            Ok(token) => Answer::ok(&ServerResponse {
                status: "ok",
                error_message: "",
                token: Some(token),
                reason: None,
            }),
            Err(Failed::Error(error)) => Err(error),
            Err(Failed::Refused(refusal)) => {
                *why = Some(refusal.reason);
                failed(&app, found, kind, &refusal).await
            }
        },
    )
    .await;
    if let Some(reason) = refused {
        // The status does not say it, so the log has to.
        let code = u32::from(response.status().as_u16());
        response.extensions_mut().insert(RefusalInfo {
            code,
            reason: Some(reason),
        });
    }
    let own = parties.proven.as_deref();
    page.show(&app, own, &mut response).await;
    response
}

/// Whose Relying Party a result is about.
#[derive(Debug, Default)]
struct Parties {
    /// The one that the status token proves, or the challenge names.
    proven: Option<Arc<RelyingParty>>,
    /// The one that the status token says, valid or not. It decides nothing but the status of a refusal.
    claimed: Option<RelyingPartyId>,
}

impl Parties {
    /// The HTTP status of a refusal, as the Relying Party has chosen.
    async fn failed_status(&self, app: &App) -> StatusCode {
        let claimed;
        let rp = match (&self.proven, self.claimed) {
            (Some(rp), _) => Some(rp),
            (None, Some(id)) => {
                claimed = app.passkeys.relying_party_itself(id).await.ok();
                claimed.as_ref()
            }
            (None, None) => None,
        };
        rp.map_or(StatusCode::OK, |rp| Settings::of(rp).failed_status())
    }
}

/// Judges the answer; the transaction token of a success.
async fn finish(
    app: &App,
    inbound: &Inbound,
    kind: CeremonyKind,
    parties: &mut Parties,
) -> Result<String, Failed> {
    inbound.accepts_json()?;
    let body = inbound.json()?;
    let object = body.as_object().ok_or_else(ApiError::internal)?;
    let transaction = match string(object, "statusToken")? {
        None => None,
        Some(token) => {
            let verified = match Presented::parse(token) {
                Some(presented) => {
                    parties.claimed = Some(presented.aud.into());
                    keys::verified(app, Kind::Status, &presented).await?
                }
                None => None,
            };
            let (rp, claims) = verified.ok_or_else(|| {
                Refusal::new(
                    Reason::AccessDenied,
                    "The statusToken is not valid or has expired.",
                )
            })?;
            parties.proven = Some(rp);
            claims.txn.map(CeremonyId::from)
        }
    };
    let credential = Credential::read(kind, &body)
        .map_err(|error| Refusal::new(error.reason(), error.to_string()))?;
    let rp = if let Some(rp) = &parties.proven {
        Arc::clone(rp)
    } else {
        let rp = by_challenge(app, credential.challenge()).await?;
        Arc::clone(parties.proven.insert(rp))
    };
    let settings = Settings::of(&rp);
    let ceremony = CeremonyId::of_challenge(credential.challenge());
    match transaction {
        Some(transaction) if transaction == ceremony => {}
        Some(_) => {
            return Err(Refusal::new(
                Reason::CeremonyNotFound,
                "The statusToken belongs to another transaction.",
            )
            .into());
        }
        None if settings.status_token_required => return Err(token_missing().into()),
        None => {}
    }
    let actor = actor(&inbound.headers, object)?;
    let finished = match &credential {
        Credential::Registration(response) => {
            let name = friendly_name(object)?;
            register(app, &rp, &settings, response, name, &actor).await
        }
        Credential::Authentication(response) => {
            sign_in(app, &rp, &settings, response, &actor).await
        }
    };
    app.nevis.waiters.ring(ceremony);
    Ok(finished?)
}

async fn register(
    app: &App,
    rp: &RelyingParty,
    settings: &Settings,
    response: &RegistrationResponse,
    name: Option<&str>,
    actor: &Actor,
) -> Result<String, Refusal> {
    let finished = app
        .passkeys
        .finish_registration(rp.id, response, name, actor)
        .await?;
    let record = &finished.record;
    let succeeded = Succeeded {
        rp: rp.id,
        ceremony: record.key.into(),
        kind: CeremonyKind::Registration,
        at: record.updated,
        user: record.user,
        user_name: &finished.user_name,
        credential: record.key,
    };
    transaction_token(app, settings, succeeded).await
}

async fn sign_in(
    app: &App,
    rp: &RelyingParty,
    settings: &Settings,
    response: &AuthenticationResponse,
    actor: &Actor,
) -> Result<String, Refusal> {
    let signed_in = app
        .passkeys
        .finish_authentication(rp.id, response, actor)
        .await?;
    for signal in &signed_in.signals {
        // A counter that did not grow may mean that the passkey was cloned.
        tracing::warn!(
            transaction = %signed_in.ceremony.id,
            signal = signal.name(),
            "signed in with a signal"
        );
    }
    let succeeded = Succeeded {
        rp: rp.id,
        ceremony: signed_in.ceremony.id,
        kind: CeremonyKind::Authentication,
        at: signed_in.ceremony.updated,
        user: signed_in.user.id,
        user_name: &signed_in.user.name,
        credential: signed_in.credential,
    };
    transaction_token(app, settings, succeeded).await
}

/// The Relying Party that the challenge names. One that names none belongs to a transaction whose status token is missing.
async fn by_challenge(app: &App, challenge: &[u8]) -> Result<Arc<RelyingParty>, Refusal> {
    let id = relying_party_of_challenge(challenge).ok_or_else(token_missing)?;
    app.passkeys
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
    match member(object, name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| {
            Refusal::new(
                Reason::RequestInvalid,
                format!("{name} is {}, not a string.", value.type_name()),
            )
        }),
    }
}

/// The user's browser or app: as the body says, else as its header says.
fn actor(headers: &HeaderMap, object: &Object<'_>) -> Result<Actor, Refusal> {
    let user = Actor::new(ActorKind::User, WIRE);
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
    app: &App,
    parties: &Parties,
    kind: CeremonyKind,
    refusal: &Refusal,
) -> Result<Answer, ApiError> {
    let rp = parties.proven.as_deref();
    let message: Cow<'_, str> = match telling(refusal.reason) {
        Telling::Nothing => return Err(ApiError::refused(Call::Result, refusal)),
        Telling::Particulars | Telling::Standing => Cow::Borrowed(&refusal.message),
        Telling::Verdict => Cow::Borrowed(match kind {
            CeremonyKind::Registration => "The credential could not be registered.",
            CeremonyKind::Authentication => "The credential was not accepted.",
        }),
    };
    let reason = if refusal.reason == Reason::CredentialUnknown && may_tell(app, rp, refusal).await
    {
        Some(refusal.reason)
    } else {
        None
    };
    let Answer::Json(_, body) = Answer::ok(&ServerResponse {
        status: "failed",
        error_message: &message,
        token: None,
        reason,
    })?
    else {
        return Err(ApiError::internal());
    };
    let status = parties.failed_status(app).await;
    Ok(Answer::Json(status, escaped(&body)))
}

/// Whether the client may learn that its credential is unknown. Only where nobody was named: there the authenticator chose a
/// passkey by itself, and a stale one would be offered for ever. Where a user was named, an honest client can only answer
/// with a listed credential, and the difference would tell a stranger which credentials exist.
async fn may_tell(app: &App, rp: Option<&RelyingParty>, refusal: &Refusal) -> bool {
    let (Some(rp), Some(id)) = (rp, refusal.ceremony) else {
        return false;
    };
    Settings::of(rp).tell_unknown_credentials
        && app
            .passkeys
            .ceremony(rp.id, id)
            .await
            .is_ok_and(|ceremony| match ceremony.asked {
                Asked::Authentication(asked) => {
                    asked.user_name.is_none() && asked.expectation.allow_credentials.is_empty()
                }
                Asked::Registration(_) => false,
            })
}
