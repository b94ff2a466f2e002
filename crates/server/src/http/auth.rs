//! Who is calling: HTTP Basic (RFC 7617) with an account's SID and token, or with an API key's SID and
//! secret. Every wire that a back end calls shares it; the words of a refusal are each wire's own.

use std::fmt;

use async_trait::async_trait;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};
use domain::Passkeys;
use domain::Reason;
use domain::model::account::{Principal, Secret};
use domain::model::grant::Scopes;
use domain::model::ids::{AccountId, ApiKeyId, RelyingPartyId};
use domain::model::refusal::Refusal;
use domain::service::accounts::Authenticated;

use super::current::{self, Caller};
use super::needs::Needs;
use super::rates::Limited;

/// Longest accepted value of the header, in bytes. A SID, a colon and a secret need about 100.
const MAX_LENGTH: usize = 1024;

/// `WWW-Authenticate` of a wire that takes HTTP Basic.
pub const BASIC_CHALLENGE: &str = "Basic realm=\"passkeyd\", charset=\"UTF-8\"";

/// Padding is optional on the way in: some clients leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a caller was not recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// There is no `Authorization` header.
    Missing,
    /// There are several headers, or the one is not Basic with a known kind of user name.
    Malformed,
    /// The user name is unknown or the secret is wrong; which of them is not told.
    Denied,
    /// The caller is over a rate limit.
    Limited,
    /// The caller is known, and its key lacks what the route needs.
    Lacking(Refusal),
    /// The store did not answer.
    Unavailable(Refusal),
}

impl AuthError {
    /// The domain's name for it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Missing | Self::Malformed | Self::Denied => Reason::AccessDenied,
            Self::Limited => Reason::RateLimited,
            Self::Lacking(refusal) | Self::Unavailable(refusal) => refusal.reason,
        }
    }
}

/// The account whose secret the request carries, and what the secret allows: what the route needs at least.
///
/// # Errors
/// [`AuthError`]; for the caller the first three are one and the same.
pub async fn authenticate(
    passkeys: &Passkeys,
    headers: &HeaderMap,
    needs: Needs,
) -> Result<Authenticated, AuthError> {
    let (principal, secret) = credentials(headers)?;
    current::gate(|gate| gate.may_try(principal)).map_err(|_| AuthError::Limited)?;
    let known = passkeys
        .authenticate(principal, &secret)
        .await
        .map_err(|refusal| {
            // Who is claimed, so that an operator can see whose secret is guessed. An account is named by no more than its key.
            if let Principal::Account(claimed) = principal {
                current::note(|noted| noted.account = Some(claimed));
            }
            match refusal.reason {
                Reason::AccessDenied => {
                    match current::gate(|gate| gate.was_wrong(Some(principal))) {
                        Ok(()) => AuthError::Denied,
                        Err(_) => AuthError::Limited,
                    }
                }
                _ => AuthError::Unavailable(refusal),
            }
        })?;
    of_account(known.account).map_err(|_| AuthError::Limited)?;
    current::note(|noted| {
        noted.account = Some(known.account);
        noted.api_key = match principal {
            Principal::Account(_) => None,
            Principal::ApiKey(key) => Some(key),
        };
        noted.caller = Some(match principal {
            Principal::Account(_) => Caller::Account,
            Principal::ApiKey(_) => Caller::ApiKey,
        });
    });
    let lacking = needs.check(known.grant.scopes);
    lacking.map_err(AuthError::Lacking)?;
    Ok(known)
}

/// A key or token was wrong.
///
/// # Errors
/// The client has sent too many.
pub fn wrong_secret() -> Result<(), Limited> {
    current::gate(|gate| gate.was_wrong(None))
}

/// A request of a back end of this account.
///
/// # Errors
/// The account sends too many.
pub fn of_account(account: AccountId) -> Result<(), Limited> {
    current::gate(|gate| gate.account(account))
}

/// Recognises access keys. Their form belongs to the wire that issues them; other wires get this instead of that wire.
#[async_trait]
pub trait AccessKeys: fmt::Debug + Send + Sync {
    /// The Relying Party whose access key this is, and what the key allows; `None` for everything else, a revoked key included.
    ///
    /// # Errors
    /// Faults of the store.
    async fn relying_party(&self, token: &str)
    -> Result<Option<(RelyingPartyId, Scopes)>, Refusal>;
}

/// The token of the one `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The value of an `Authorization` header that proves the account.
pub fn basic(account: AccountId, token: &Secret) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("AC{account}:{}", token.reveal()))
    )
}

fn credentials(headers: &HeaderMap) -> Result<(Principal, Secret), AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::Missing)?;
    if values.next().is_some() || value.len() > MAX_LENGTH {
        return Err(AuthError::Malformed);
    }
    parse(value.as_bytes()).ok_or(AuthError::Malformed)
}

fn parse(value: &[u8]) -> Option<(Principal, Secret)> {
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = BASE64.decode(encoded.trim_ascii()).ok()?;
    let text = std::str::from_utf8(&decoded).ok()?;
    let (user, secret) = text.split_once(':')?;
    if secret.is_empty() {
        return None;
    }
    Some((principal(user)?, Secret::new(secret)))
}

fn principal(sid: &str) -> Option<Principal> {
    if let Some(hex) = sid.strip_prefix("AC") {
        return AccountId::from_hex(hex).map(Principal::Account);
    }
    ApiKeyId::from_hex(sid.strip_prefix("SK")?).map(Principal::ApiKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn header(user_and_secret: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode(user_and_secret));
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        headers
    }

    #[test]
    fn the_users_kind_is_told_by_the_sids_prefix() {
        let hex = "00112233445566778899aabbccddeeff";
        let (account, secret) = credentials(&header(&format!("AC{hex}:a:b"))).unwrap();
        assert_eq!(
            account,
            Principal::Account(AccountId::from_hex(hex).unwrap())
        );
        assert_eq!(secret.reveal(), "a:b", "a secret may hold colons");
        let (key, _) = credentials(&header(&format!("SK{hex}:s"))).unwrap();
        assert_eq!(key, Principal::ApiKey(ApiKeyId::from_hex(hex).unwrap()));
    }

    #[test]
    fn what_is_not_basic_with_a_sid_and_a_secret_is_malformed() {
        let hex = "00112233445566778899aabbccddeeff";
        for bad in [
            format!("VA{hex}:secret"),
            format!("AC{}:secret", &hex[1..]),
            format!("ac{hex}:secret"),
            format!("AC{hex}:"),
            format!("AC{hex}"),
            String::new(),
            format!("AC{hex}:{}", "s".repeat(2000)),
        ] {
            assert_eq!(
                credentials(&header(&bad)).unwrap_err(),
                AuthError::Malformed,
                "{bad}"
            );
        }
        for bad in ["Bearer abc", "Basic", "Basic %%%", "basic\u{a0}x"] {
            let mut headers = HeaderMap::new();
            headers.insert(
                AUTHORIZATION,
                HeaderValue::from_bytes(bad.as_bytes()).unwrap(),
            );
            assert_eq!(
                credentials(&headers).unwrap_err(),
                AuthError::Malformed,
                "{bad}"
            );
        }
    }

    #[test]
    fn no_header_is_missing_and_two_headers_are_malformed() {
        assert_eq!(
            credentials(&HeaderMap::new()).unwrap_err(),
            AuthError::Missing
        );
        let mut headers = header("AC00112233445566778899aabbccddeeff:secret");
        headers.append(AUTHORIZATION, headers[AUTHORIZATION].clone());
        assert_eq!(credentials(&headers).unwrap_err(), AuthError::Malformed);
    }
}
