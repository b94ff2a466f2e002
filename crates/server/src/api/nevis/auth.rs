//! Who is calling (docs/wires/nevis.md, section 1.1): a back end with an access key, or a browser with an intent token.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use domain::Reason;
use domain::model::audit::{Actor, ActorKind};
use domain::model::clock::Timestamp;
use domain::model::grant::{Scope, Scopes};
use domain::model::ids::{AccessKeyId, RelyingPartyId, TokenId};
use domain::model::refusal::Refusal;
use domain::service::prepared::Prepared;

use super::claims::{Claims, Kind};
use super::error::{ApiError, refused};
use super::keys::{self, Genuine};
use super::reasons::Call;
use super::request::Request;
use super::state::{CHANNEL, State};
use super::tokens::Presented;
use crate::http::auth::{self, AccessKeys};
use crate::http::{Needs, current};

/// Name of this wire in the audit trail.
pub const WIRE: &str = "nevis";

/// The access keys of this wire, for the others.
#[derive(Debug)]
pub struct Issued(pub State);

#[async_trait]
impl AccessKeys for Issued {
    async fn relying_party(
        &self,
        token: &str,
    ) -> Result<Option<(RelyingPartyId, Scopes)>, Refusal> {
        let Some(presented) = Presented::parse(token) else {
            return Ok(None);
        };
        match keys::verified(&self.0, Kind::Access, &presented).await {
            Ok(found) => Ok(found.map(|genuine| {
                noted(&genuine.rp, current::Caller::AccessKey);
                (genuine.rp.id, genuine.scopes)
            })),
            Err(error) => Err(error.reason().unwrap_or(Reason::Internal).into()),
        }
    }
}

/// A caller who is known.
#[derive(Debug)]
pub struct Caller {
    /// Whose key or token it is.
    pub rp: Arc<Prepared>,
    /// For the audit trail.
    pub actor: Actor,
    /// What the intent token says; `None` for an access key.
    pub intent: Option<Claims>,
    /// What the access key allows.
    scopes: Scopes,
}

impl Caller {
    /// Refuses an access key without this scope, where the request says which of the scopes of its route it needs.
    ///
    /// # Errors
    /// 403.
    pub fn needs(&self, scope: Scope) -> Result<(), ApiError> {
        let lacking = Needs::from(scope).check(self.scopes);
        lacking.map_err(|refusal| ApiError::lacking(&refusal))
    }

    /// Spends the intent token, if there is one: the call is about to begin what the token was made for.
    ///
    /// # Errors
    /// 403 when it was spent before.
    pub async fn spend(&self, state: &State) -> Result<(), ApiError> {
        let Some(claims) = &self.intent else {
            return Ok(());
        };
        let expires = Timestamp(claims.exp.unwrap_or(i64::MAX).saturating_mul(1000));
        let first = state
            .passkeys
            .claim_once(self.rp.id, TokenId(claims.jti.0), expires)
            .await
            .map_err(refused(Call::Api))?;
        if first {
            Ok(())
        } else {
            Err(ApiError::forbidden("The intent token was used before."))
        }
    }
}

/// The back end whose access key the request carries.
///
/// # Errors
/// 401 without the header, 403 for anything but a valid access key with what the route needs.
pub async fn access_key(request: &Request) -> Result<Caller, ApiError> {
    let headers = request.headers();
    let presented = Presented::parse(bearer(headers)?).ok_or_else(denied)?;
    of_access_key(&request.state, headers, &presented, request.needs).await
}

/// The back end whose access key the headers carry, whatever the key is for.
///
/// # Errors
/// 401 without the header, 403 for anything but a valid access key.
pub async fn any_access_key(state: &State, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let presented = Presented::parse(bearer(headers)?).ok_or_else(denied)?;
    of_access_key(state, headers, &presented, Needs::ANY_KEY).await
}

/// The back end whose access key the request carries, or the browser whose intent token for this purpose it carries.
///
/// # Errors
/// 401 without the header, 403 for anything else.
pub async fn access_key_or_intent(
    request: &Request,
    purpose: &'static str,
) -> Result<Caller, ApiError> {
    let (state, headers) = (&request.state, request.headers());
    let presented = Presented::parse(bearer(headers)?).ok_or_else(denied)?;
    match presented.kind {
        Kind::Access => of_access_key(state, headers, &presented, request.needs).await,
        Kind::Intent => {
            let Genuine { rp, claims, scopes } = keys::verified(state, Kind::Intent, &presented)
                .await?
                .ok_or_else(denied)?;
            if claims.scope != purpose {
                return Err(ApiError::forbidden(
                    "The intent token was made for another operation.",
                ));
            }
            if !claims
                .channels
                .as_ref()
                .is_none_or(|channels| channels.iter().any(|c| c == CHANNEL))
            {
                return Err(ApiError::forbidden(
                    "The intent token does not include the channel fido2.",
                ));
            }
            noted(&rp, current::Caller::User);
            let actor = agent(Actor::new(ActorKind::User, WIRE), headers);
            Ok(Caller {
                rp,
                actor,
                intent: Some(claims),
                scopes,
            })
        }
        Kind::Status | Kind::Transaction => Err(denied()),
    }
}

/// Whether the request shows what says of itself that it is an access key, valid or not.
pub fn claims_access_key(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        let token = value.to_str().ok().and_then(|value| value.split_once(' '));
        token
            .and_then(|(_, token)| Presented::parse(token.trim_matches(' ')))
            .is_some_and(|presented| presented.kind == Kind::Access)
    })
}

async fn of_access_key(
    state: &State,
    headers: &HeaderMap,
    presented: &Presented<'_>,
    needs: Needs,
) -> Result<Caller, ApiError> {
    let Genuine { rp, claims, scopes } = keys::verified(state, Kind::Access, presented)
        .await?
        .ok_or_else(denied)?;
    auth::of_account(rp.account).map_err(|_| limited())?;
    noted(&rp, current::Caller::AccessKey);
    let lacking = needs.check(scopes);
    lacking.map_err(|refusal| ApiError::lacking(&refusal))?;
    let id = AccessKeyId(claims.jti.0);
    let actor = Actor::new(ActorKind::Api, WIRE).access_key(id);
    Ok(Caller {
        rp,
        actor: agent(actor, headers),
        intent: None,
        scopes,
    })
}

/// Notes for the log whose key or token it is.
fn noted(rp: &Prepared, caller: current::Caller) {
    current::note(|noted| {
        noted.service = Some(rp.id);
        noted.caller = Some(caller);
    });
}

/// Notes the user agent of a request, and the address that it came from.
pub fn agent(actor: Actor, headers: &HeaderMap) -> Actor {
    let actor = current::calling(actor);
    match headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
    {
        Some(text) => actor.agent(text),
        None => actor,
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "Send an access key: Authorization: Bearer <access key>.",
        )
        .because(Reason::AccessDenied)
    })?;
    if values.next().is_some() {
        return Err(invalid());
    }
    let value = value.to_str().map_err(|_| invalid())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim_matches(' '))
    } else {
        Err(invalid())
    }
}

/// The key or token is not valid. An address that sends many such gets another refusal.
fn denied() -> ApiError {
    auth::wrong_secret().map_or_else(|_| limited(), |()| invalid())
}

fn limited() -> ApiError {
    ApiError::refused(Call::Api, &Reason::RateLimited.into())
}

/// One sentence for all: what exactly is wrong with a key would help to guess one.
fn invalid() -> ApiError {
    ApiError::forbidden("The key or token is not valid.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_key_comes_once_and_as_bearer() {
        let with = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            bearer(&headers)
                .map(str::to_owned)
                .map_err(|error| error.status().as_u16())
        };
        assert_eq!(with(&["Bearer a.b.c"]), Ok("a.b.c".to_owned()));
        assert_eq!(with(&["bearer  a.b.c "]), Ok("a.b.c".to_owned()));
        assert_eq!(with(&[]), Err(401));
        for bad in [
            &["Basic a"][..],
            &["Bearer"],
            &["a.b.c"],
            &["Bearer a", "Bearer a"],
        ] {
            assert_eq!(with(bad), Err(403), "{bad:?}");
        }
    }
}
