//! `POST /api/v1/introspect` (docs/wires/nevis.md, section 3.5): what a token says and whether it is to be trusted (RFC 7662).

use axum::response::Response;
use domain::Reason;
use domain::model::clock::Timestamp;
use domain::model::ids::TokenId;
use domain::model::relying_party::RelyingParty;
use domain::model::user::UserRef;
use serde::Serialize;

use super::auth::access_key;
use super::claims::{Claims, Kind};
use super::error::{ApiError, refused};
use super::keys::{self, Genuine};
use super::reasons::Call;
use super::request::{Request, ok};
use super::state::State;
use super::tokens::Presented;
use super::uuid::Uuid;

/// The answer; of a token that is not to be trusted, nothing else is said.
#[derive(Serialize)]
struct Introspection {
    active: bool,
    #[serde(flatten)]
    claims: Option<Claims>,
}

/// The call.
pub async fn read(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let sent = request.form_text().await?;
    let form = sent.parameters()?;
    let token = form
        .get("token")
        .filter(|token| !token.is_empty())
        .ok_or_else(|| {
            ApiError::malformed(Reason::RequestInvalid, "The form field token is missing.")
        })?;
    let claims = active(&request.state, &caller.rp, token).await?;
    ok(&Introspection {
        active: claims.is_some(),
        claims,
    })
}

/// The claims of a token that is genuine, valid now, and of this Relying Party.
async fn active(state: &State, rp: &RelyingParty, token: &str) -> Result<Option<Claims>, ApiError> {
    let Some(presented) = Presented::parse(token) else {
        return Ok(None);
    };
    if presented.aud != Uuid::from(rp.id) {
        return Ok(None);
    }
    let kind = presented.kind;
    let Some(Genuine { claims, .. }) = keys::verified(state, kind, &presented).await? else {
        return Ok(None);
    };
    let trusted = match kind {
        Kind::Access | Kind::Status => true,
        Kind::Intent => !state
            .passkeys
            .is_claimed(rp.id, TokenId(claims.jti.0))
            .await
            .map_err(refused(Call::Api))?,
        Kind::Transaction => {
            user_is_there(state, rp, &claims).await? && first_look(state, rp, &claims).await?
        }
    };
    Ok(trusted.then_some(claims))
}

/// Whether the user of the token still exists. A token of a deleted user is not valid any more.
async fn user_is_there(
    state: &State,
    rp: &RelyingParty,
    claims: &Claims,
) -> Result<bool, ApiError> {
    let Some(user) = claims.sub else {
        return Ok(false);
    };
    match state.passkeys.user(rp.id, UserRef::Id(user.into())).await {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.reason == Reason::UserUnknown => Ok(false),
        Err(refusal) => Err(ApiError::refused(Call::Api, &refusal)),
    }
}

/// Spends the token where the Relying Party wants each to be looked at once.
async fn first_look(state: &State, rp: &RelyingParty, claims: &Claims) -> Result<bool, ApiError> {
    if !rp.settings.nevis.transaction_token_single_use {
        return Ok(true);
    }
    let expires = Timestamp(claims.exp.unwrap_or_default().saturating_mul(1000));
    state
        .passkeys
        .claim_once(rp.id, TokenId(claims.jti.0), expires)
        .await
        .map_err(refused(Call::Api))
}
