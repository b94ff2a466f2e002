//! `POST /api/v1/approval` (docs/wires/nevis.md, section 3.3): begins an authentication.

use axum::http::StatusCode;
use axum::response::Response;
use domain::Reason;
use domain::model::policy::AllowCredentials;
use domain::model::refusal::Refusal;
use domain::model::user::UserRef;
use domain::service::authentication::Who;
use domain::webauthn::json::Object;
use domain::webauthn::options::RequestOptions;
use serde::Serialize;

use super::auth::{Caller, access_key_or_intent};
use super::claims::scope;
use super::cors::about;
use super::decoys::Decoy;
use super::error::{ApiError, refused};
use super::named::{self, Named};
use super::options::{begin_authentication, user_verification};
use super::reasons::Call;
use super::request::{Request, created};
use super::state::State;
use super::transactions::status_token;
use super::uuid::Uuid;
use crate::http::json::{self, text};

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Approval {
    transaction_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    status_token: String,
    credential_request_options: RequestOptions,
}

/// The call.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let caller = access_key_or_intent(&request, scope::APPROVE).await?;
    about(&caller.rp, begin(&request, &caller).await)
}

async fn begin(request: &Request, caller: &Caller) -> Result<Response, ApiError> {
    let state = &request.state;
    let sent = request.json_text().await?;
    let object = &sent.object()?;
    named::channel(object)?;
    let asked = match json::object(object, "fido2Options")? {
        None => None,
        Some(options) => user_verification(options)?,
    };
    let authenticator = authenticator(object)?;
    let user = named::read(state, caller, object).await?;
    let user_ref = user.as_ref().map(Named::by_key_or_name);
    let who = match (authenticator, user_ref) {
        (Some(key), owner) => Who::Credential(key.into(), owner),
        (None, Some(user)) => Who::User(user),
        (None, None) => Who::Anyone,
    };
    caller.spend(state).await?;
    let begun = begin_authentication(state, caller, who, asked).await;
    let (ceremony, decoy) = match (begun, who) {
        (Ok(ceremony), _) => (ceremony, None),
        (Err(refusal), Who::User(user)) if caller.rp.settings.nevis.decoy_credentials => {
            let decoy = decoy(state, caller, user, &refusal).await?;
            let who = Who::Nobody(&decoy.credentials);
            let ceremony = begin_authentication(state, caller, who, asked)
                .await
                .map_err(refused(Call::Api))?;
            (ceremony, Some(decoy))
        }
        (Err(refusal), _) => return Err(refusal_of(who, &refusal)),
    };
    let asked = &ceremony.asked;
    let shown = match (&decoy, ceremony.user, &asked.user_name) {
        (Some(decoy), ..) => Some((decoy.user, decoy.name.as_str())),
        (None, Some(user), Some(name)) => Some((user, name.as_str())),
        _ => None,
    };
    let token = status_token(state, &caller.rp, (&*ceremony).into(), shown)
        .await
        .map_err(refused(Call::Api))?;
    created(&Approval {
        transaction_id: ceremony.id.into(),
        user_id: shown.map(|(user, _)| user.into()),
        status_token: token,
        credential_request_options: ceremony.options(),
    })
}

/// What is shown instead of a user who is unknown or has no credentials.
async fn decoy(
    state: &State,
    caller: &Caller,
    user: UserRef<'_>,
    refusal: &Refusal,
) -> Result<Decoy, ApiError> {
    let passkeys = &state.passkeys;
    let mut decoy = match (refusal.reason, user, refusal.user) {
        (Reason::UserUnknown, UserRef::Name(name), _) => Decoy::of(passkeys, &caller.rp, name),
        // Nothing more is read, so this takes no longer than with a user who has credentials, or with nobody.
        (Reason::CredentialUnknown, UserRef::Name(name), Some(user)) => Decoy {
            user,
            ..Decoy::of(passkeys, &caller.rp, name)
        },
        (Reason::CredentialUnknown, user, _) => {
            let known = passkeys
                .user(caller.rp.id, user)
                .await
                .map_err(refused(Call::Api))?;
            Decoy {
                user: known.id,
                ..Decoy::of(passkeys, &caller.rp, &known.name)
            }
        }
        // An id that nobody has cannot be guessed, so there is nothing to hide.
        _ => return Err(refusal_of(Who::User(user), refusal)),
    };
    // Where real users' credentials are not listed, invented ones would stand out.
    if caller.rp.policy.allow_credentials != AllowCredentials::Always {
        decoy.credentials.clear();
    }
    Ok(decoy)
}

/// The one authenticator that is to answer.
fn authenticator(object: &Object<'_>) -> Result<Option<Uuid>, ApiError> {
    match text(object, "authenticatorId")? {
        None => Ok(None),
        Some(text) => Uuid::parse(text)
            .map(Some)
            .ok_or_else(|| ApiError::rule("authenticatorId is not a UUID")),
    }
}

/// A user who is not there is 404, a user who has nothing to answer with 422.
fn refusal_of(who: Who<'_>, refusal: &Refusal) -> ApiError {
    match (refusal.reason, who) {
        (Reason::CredentialUnknown, Who::User(_)) => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The user has no FIDO2 authenticator.",
        )
        .because(refusal.reason),
        _ => ApiError::refused(Call::Api, refusal),
    }
}
