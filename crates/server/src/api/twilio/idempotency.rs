//! `Idempotency-Key`: a call that is sent again under the same key gets the response of the first one, and is not done twice.
//!
//! It counts for every POST, which on this wire is every call that creates, changes or finishes something. GET changes nothing,
//! and a DELETE that is sent again changes nothing more, so both ignore the header. A request without the header passes by.

use std::panic::resume_unwind;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use domain::Passkeys;
use domain::model::ids::AccountId;
use domain::service::answers::{Permit, Repeat, Repeatable};

use super::codes::Code;
use super::error::{ApiError, refused};
use super::reasons::Call;
use crate::http::request_id;

/// The header of the request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of a response that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in characters.
const MAX_KEY: usize = 255;
/// Bytes of the status before the body of a kept response.
const STATUS: usize = 2;

/// The key of a request whose response is to be kept; `None` when it has none, or its method ignores it.
///
/// # Errors
/// 60306: the key is not 1 to 255 visible ASCII characters, or there are several.
pub fn key(method: &Method, headers: &HeaderMap) -> Result<Option<HeaderValue>, ApiError> {
    let mut values = headers.get_all(KEY).iter();
    let Some(key) = values.next().filter(|_| method == Method::POST) else {
        return Ok(None);
    };
    let visible = key.as_bytes().iter().all(u8::is_ascii_graphic);
    if values.next().is_some() || !visible || !(1..=MAX_KEY).contains(&key.len()) {
        return Err(ApiError::invalid_request(format!(
            "Idempotency-Key must be one header of 1 to {MAX_KEY} visible ASCII characters"
        )));
    }
    Ok(Some(key.clone()))
}

/// A call that is to be done once.
pub struct Once {
    /// Who calls.
    pub account: AccountId,
    /// The key.
    pub key: HeaderValue,
    /// Which call it is.
    pub uri: Uri,
    /// Its body.
    pub body: Bytes,
}

impl Once {
    /// Does the call unless it was done before.
    ///
    /// # Errors
    /// 20409: the key belongs to another body, or to a call that is still being done. 20503: the store does not answer.
    pub async fn run<Fut>(self, passkeys: &Arc<Passkeys>, call: Fut) -> Result<Response, ApiError>
    where
        Fut: Future<Output = Response> + Send + 'static,
    {
        let key = self.key.to_str().unwrap_or_default();
        let path = self.uri.path().split('/').filter(|part| !part.is_empty());
        let repeatable = Repeatable {
            account: self.account,
            key,
            // With as many slashes as it may have, it is the same path.
            route: &path.collect::<Vec<_>>().join("/"),
            content: &[self.uri.query().unwrap_or_default().as_bytes(), &self.body],
        };
        let repeat = passkeys
            .reserve_answer(repeatable)
            .await
            .map_err(refused(Call::Resource))?;
        let permit = match repeat {
            Repeat::Do(permit) => permit,
            Repeat::Answered(kept) => return Ok(replayed(kept)),
            Repeat::Running => {
                return Err(ApiError::new(Code::IdempotencyConflict)
                    .explained(
                        "The first request with this Idempotency-Key is still being processed",
                    )
                    .help("Send the same request again after a second.")
                    .retry_soon());
            }
            Repeat::Different => {
                return Err(ApiError::new(Code::IdempotencyConflict)
                .explained("This Idempotency-Key was used with another body or query")
                .help("Use a new key for each new request, and the same key and body for a retry."));
            }
        };
        // A client that loses patience and closes the connection sends the call again. So the call goes on without it, and the
        // second one finds the response.
        let keeper = Arc::clone(passkeys);
        let own = permit.clone();
        let done = async move { keep(&keeper, &own, call.await).await };
        let done = tokio::spawn(request_id::carried(done));
        match done.await {
            Ok(response) => Ok(response),
            Err(ended) => {
                released(passkeys, &permit).await;
                match ended.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(_) => Err(ApiError::new(Code::InternalError)),
                }
            }
        }
    }
}

/// Keeps the response before it leaves.
async fn keep(passkeys: &Passkeys, permit: &Permit, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    // The body lies in memory as a whole.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if is_kept(parts.status) {
        let status = parts.status.as_u16().to_be_bytes();
        let answer = [&status[..], &bytes].concat();
        if let Err(refusal) = passkeys.keep_answer(permit, &answer).await {
            // The call is done, so its response is better than none.
            tracing::warn!(
                reason = refusal.reason.name(),
                "the response to a call with an Idempotency-Key could not be kept"
            );
        }
    } else {
        released(passkeys, permit).await;
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether a response is a verdict. What says that the call could not be done now is none: its repeat is done.
fn is_kept(status: StatusCode) -> bool {
    let refused_for_now = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
    !status.is_server_error() && !refused_for_now.contains(&status)
}

async fn released(passkeys: &Passkeys, permit: &Permit) {
    if let Err(refusal) = passkeys.release_answer(permit).await {
        tracing::warn!(
            reason = refusal.reason.name(),
            "an Idempotency-Key could not be released"
        );
    }
}

/// A response that was given before.
fn replayed(mut kept: Vec<u8>) -> Response {
    let body = kept.split_off(STATUS.min(kept.len()));
    let status = <[u8; STATUS]>::try_from(kept).map(u16::from_be_bytes);
    let status = status.ok().and_then(|code| StatusCode::from_u16(code).ok());
    let json = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_is_one_header_of_visible_characters() {
        let long = [b'k'; MAX_KEY];
        for fine in [&b"k"[..], b"\"8e03978e\"", b"!~", &long] {
            let found = key(&Method::POST, &with(&[fine])).unwrap();
            assert_eq!(found.unwrap().as_bytes(), fine);
        }
        let too_long = [b'k'; MAX_KEY + 1];
        for wrong in [
            &[&b""[..]][..],
            &[b"a b"],
            &[b"a\tb"],
            &["\u{e9}".as_bytes()],
            &[&too_long],
            &[b"a", b"a"],
        ] {
            let error = key(&Method::POST, &with(wrong)).unwrap_err();
            assert_eq!(error.code(), Code::InvalidRequest, "{wrong:?}");
        }
    }

    #[test]
    fn methods_other_than_post_have_no_key() {
        for method in [Method::GET, Method::DELETE, Method::PUT, Method::OPTIONS] {
            assert_eq!(key(&method, &with(&[b"a b"])).unwrap(), None);
        }
        assert_eq!(key(&Method::POST, &HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn verdicts_are_kept_and_what_holds_for_the_moment_only_is_not() {
        for kept in [200, 201, 204, 400, 403, 404, 409, 422] {
            assert!(is_kept(StatusCode::from_u16(kept).unwrap()), "{kept}");
        }
        for not in [401, 429, 500, 502, 503] {
            assert!(!is_kept(StatusCode::from_u16(not).unwrap()), "{not}");
        }
    }
}
