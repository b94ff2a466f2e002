//! The keys behind the tokens: fetched for each use from the domain, which keeps them for each Relying Party and kind.

use std::sync::Arc;

use domain::Passkeys;
use domain::Reason;
use domain::model::ids::{AccessKeyId, RelyingPartyId};
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::token::TokenKind;

use super::claims::{Claims, Kind};
use super::error::ApiError;
use super::reasons::Call;
use super::signing::SigningKey;
use super::state::State;
use super::tokens::{MacKey, Presented};
use super::uuid::Uuid;

/// The domain's name for the key of a kind.
fn key_of(kind: Kind) -> TokenKind {
    match kind {
        Kind::Access => TokenKind::Access,
        Kind::Intent => TokenKind::Intent,
        Kind::Status => TokenKind::Status,
        Kind::Transaction => TokenKind::Transaction,
    }
}

/// Makes a token of a kind.
///
/// # Errors
/// `relying_party_unknown`, and faults of the store.
pub async fn sign(
    passkeys: &Passkeys,
    rp: RelyingPartyId,
    kind: Kind,
    claims: &Claims,
) -> Result<String, Refusal> {
    let key = passkeys.token_key(rp, key_of(kind)).await?;
    Ok(MacKey::new(key.reveal()).sign(claims))
}

/// The key pair with which a Relying Party's transaction tokens are signed where it asked for that.
///
/// # Errors
/// `relying_party_unknown`, and faults of the store.
pub async fn signing_key(passkeys: &Passkeys, rp: RelyingPartyId) -> Result<SigningKey, Refusal> {
    let key = passkeys.token_key(rp, TokenKind::Signing).await?;
    SigningKey::from_pkcs8(key.reveal()).ok_or_else(|| Reason::RecordUnreadable.into())
}

/// The Relying Party and the claims of a token of this kind, if it is genuine and valid now: the MAC is of this kind and of
/// the Relying Party that it names, it comes from this passkeyd, its time is right, and an access key is not revoked.
///
/// The issuer of an access key is not compared: such a key may be made on the command line, where the address of the server
/// is not known, and must survive a change of that address.
///
/// # Errors
/// 503 and 500 of the store.
pub async fn verified(
    state: &State,
    kind: Kind,
    presented: &Presented<'_>,
) -> Result<Option<(Arc<RelyingParty>, Claims)>, ApiError> {
    if presented.kind != kind {
        return Ok(None);
    }
    let id = RelyingPartyId::from(presented.aud);
    let Some(rp) = known(state.passkeys.relying_party_itself(id).await)? else {
        return Ok(None);
    };
    let now = state.passkeys.now();
    let claims = if kind == Kind::Transaction && !presented.has_mac() {
        known(signing_key(&state.passkeys, id).await)?
            .and_then(|key| presented.verify_signature(&key, now))
    } else {
        known(state.passkeys.token_key(id, key_of(kind)).await)?
            .and_then(|key| presented.verify(&MacKey::new(key.reveal()), now))
    };
    let Some(claims) = claims else {
        return Ok(None);
    };
    let current = match kind {
        Kind::Access => known(
            state
                .passkeys
                .access_key(id, AccessKeyId(claims.jti.0))
                .await,
        )?
        .is_some(),
        Kind::Intent | Kind::Status | Kind::Transaction => claims.iss == state.public_url.as_str(),
    };
    Ok((current && claims.aud == Uuid::from(id)).then_some((rp, claims)))
}

/// What is there; absence is no error here.
fn known<T>(found: Result<T, Refusal>) -> Result<Option<T>, ApiError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(refusal)
            if matches!(
                refusal.reason,
                Reason::RelyingPartyUnknown | Reason::AccessDenied
            ) =>
        {
            Ok(None)
        }
        Err(refusal) => Err(ApiError::refused(Call::Api, &refusal)),
    }
}
