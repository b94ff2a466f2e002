//! Which pages may call what a browser calls (contract section 1.4).
//!
//! Only configured origins, compared as exact strings; never a wildcard, never credentials. A preflight names no transaction,
//! so it is answered for the origins of every Relying Party; the answer to the call itself is shown only to the origins of the
//! Relying Party that the call turned out to be about.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::relying_parties::RelyingParty;

use crate::app::App;

/// The methods of the paths that a browser calls.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
/// The headers that such a call needs.
const HEADERS: HeaderValue = HeaderValue::from_static("content-type, accept");
/// How long a browser may keep the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// `OPTIONS`.
pub async fn preflight(State(app): State<App>, request: Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    answer.insert(ALLOW, METHODS);
    answer.insert(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin(request.headers()) else {
        return response;
    };
    if is_known(&app, origin).await {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

/// Lets the calling page read the answer, if its origin is one of the Relying Party's; where no Relying Party was found, of
/// any.
pub async fn show(
    app: &App,
    request: &HeaderMap,
    rp: Option<&RelyingParty>,
    response: &mut Response,
) {
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin(request) else {
        return;
    };
    let allowed = match rp {
        Some(rp) => rp
            .selection
            .origins
            .iter()
            .flatten()
            .any(|own| own.as_str().as_bytes() == origin.as_bytes()),
        None => is_known(app, origin).await,
    };
    if allowed {
        response
            .headers_mut()
            .insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// The one origin that the request names.
fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(ORIGIN).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether the origin is configured for any Relying Party. When the store does not say, it is not.
async fn is_known(app: &App, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    app.passkeys
        .directory()
        .await
        .is_ok_and(|directory| directory.has_origin(origin))
}
