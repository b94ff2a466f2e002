//! The keys behind the tokens: those of the Relying Party, one for each kind.

use std::sync::Arc;

use domain::Passkeys;
use domain::Reason;
use domain::model::grant::Scopes;
use domain::model::ids::{AccessKeyId, RelyingPartyId};
use domain::model::refusal::Refusal;
use domain::model::token::MacKind;
use domain::service::prepared::Prepared;
use domain::service::token_keys::{MacKey, SigningKey};

use super::claims::{Claims, Kind};
use super::error::ApiError;
use super::reasons::Call;
use super::state::State;
use super::tokens::{self, Presented};
use super::uuid::Uuid;

/// The domain's name for the key of a kind.
fn key_of(kind: Kind) -> MacKind {
    match kind {
        Kind::Access => MacKind::Access,
        Kind::Intent => MacKind::Intent,
        Kind::Status => MacKind::Status,
        Kind::Transaction => MacKind::Transaction,
    }
}

/// Makes a token of a kind.
///
/// # Errors
/// `relying_party_unknown`, and faults of the store.
pub async fn sign(
    passkeys: &Passkeys,
    rp: &Prepared,
    kind: Kind,
    claims: &Claims,
) -> Result<String, Refusal> {
    let key = passkeys.mac_key(rp, key_of(kind)).await?;
    Ok(tokens::sign(&key, claims))
}

/// A token that is genuine and valid now.
pub struct Genuine {
    /// The Relying Party.
    pub rp: Arc<Prepared>,
    /// What the token says.
    pub claims: Claims,
    /// What an access key allows; nothing for other tokens.
    pub scopes: Scopes,
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
) -> Result<Option<Genuine>, ApiError> {
    if presented.kind != kind {
        return Ok(None);
    }
    let id = RelyingPartyId::from(presented.aud);
    let Some(rp) = known(state.passkeys.relying_party_itself(id).await)? else {
        return Ok(None);
    };
    let now = state.passkeys.now();
    let claims = if kind == Kind::Transaction && !presented.has_mac() {
        let verify = |key: &SigningKey| presented.verify_signature(key, now);
        known(state.passkeys.verified_with_signature(&rp, verify).await)?
    } else {
        let verify = |key: &MacKey| presented.verify(key, now);
        let found = state.passkeys.verified_with_mac(&rp, key_of(kind), verify);
        known(found.await)?
    };
    let Some(claims) = claims.flatten() else {
        return Ok(None);
    };
    let scopes = match kind {
        Kind::Access => {
            let key = state.passkeys.access_key(id, AccessKeyId(claims.jti.0));
            known(key.await)?.map(|key| key.scopes)
        }
        Kind::Intent | Kind::Status | Kind::Transaction => {
            (claims.iss == state.public_url.as_str()).then_some(Scopes::NONE)
        }
    };
    let scopes = scopes.filter(|_| claims.aud == Uuid::from(id));
    Ok(scopes.map(|scopes| Genuine { rp, claims, scopes }))
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
