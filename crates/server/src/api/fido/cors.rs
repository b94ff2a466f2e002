//! Pages of other origins send results to the binding: those of the Relying Party's origins may read the responses.
//!
//! Exact origins only, never credentials. The calls that start a ceremony need a secret, which no page holds, so they have
//! none of this.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::Wire;

/// The methods of a result call.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
/// How long a browser may keep the response to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// Longest list of request headers that a preflight gets back, in bytes.
const MAX_ASKED: usize = 1024;

/// `OPTIONS` of a result call.
pub async fn preflight(State(wire): State<Wire>, request: Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(ALLOW, METHODS);
    show(&wire, request.headers(), &mut response).await;
    let headers = response.headers_mut();
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(asked) = asked_headers(request.headers()) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }
    response
}

/// Lets the calling page read the response, if its origin is one of the Relying Party's.
pub async fn show(wire: &Wire, request: &HeaderMap, response: &mut Response) {
    let vary = HeaderValue::from_static("Origin, Access-Control-Request-Headers");
    response.headers_mut().insert(VARY, vary);
    let mut values = request.get_all(ORIGIN).iter();
    let Some(origin) = values.next().filter(|_| values.next().is_none()) else {
        return;
    };
    // When the store does not say, the page may not read either.
    let passkeys = &wire.fido.passkeys;
    let Ok(rp) = passkeys.relying_party_itself(wire.fido.relying_party).await else {
        return;
    };
    let mut configured = rp.selection.origins.iter().flatten();
    if configured.any(|own| own.as_str().as_bytes() == origin.as_bytes()) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// The request headers that the preflight asks for, if they are a list of names: libraries for tracing add some to every
/// request. `*` in a response would stand for all.
fn asked_headers(request: &HeaderMap) -> Option<&HeaderValue> {
    request
        .get(ACCESS_CONTROL_REQUEST_HEADERS)
        .filter(|asked| asked.len() <= MAX_ASKED)
        .filter(|asked| {
            asked
                .as_bytes()
                .split(|byte| *byte == b',')
                .map(<[u8]>::trim_ascii)
                .all(|name| name != b"*" && HeaderName::from_bytes(name).is_ok())
        })
}
