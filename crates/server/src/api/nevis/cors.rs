//! Which pages may call what a browser calls.
//!
//! Only configured origins, compared as exact strings; never a wildcard, never credentials. A preflight names no transaction,
//! so it is answered for the origins of every Relying Party; the response to the call itself is shown only to the origins of
//! the Relying Party that the call turned out to be about. A response to an access key is shown to no page: a key that a page
//! holds is no secret.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::model::relying_party::RelyingParty;

use super::auth;
use crate::app::App;

/// The methods of the paths that a browser calls.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
/// The headers that such a call always may have.
const HEADERS: &str = "content-type, accept";
/// How long a browser may keep the response to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// Most headers that a preflight may ask for.
const MAX_ASKED: usize = 32;
/// Most bytes of their names together.
const MAX_ASKED_BYTES: usize = 1024;

/// `OPTIONS`.
pub async fn preflight(State(app): State<App>, request: Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    headers.insert(
        VARY,
        HeaderValue::from_static("Origin, Access-Control-Request-Headers"),
    );
    let Some(origin) = origin(request.headers()) else {
        return response;
    };
    if is_known(&app, origin).await {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            allowed_headers(request.headers()),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

/// The page that sent a request: whom to show the response to.
#[derive(Debug)]
pub struct Page {
    origin: Option<HeaderValue>,
}

impl Page {
    /// The page that the request names.
    pub fn of(request: &HeaderMap) -> Self {
        Self {
            origin: origin(request).cloned(),
        }
    }

    /// The page that the request names, where the caller may also be a back end with its access key.
    pub fn with_intent(request: &HeaderMap) -> Self {
        let origin = origin(request).filter(|_| !auth::claims_access_key(request));
        Self {
            origin: origin.cloned(),
        }
    }

    /// Lets the page read the response, if its origin is one of the Relying Party's; where no Relying Party was found, of any.
    pub async fn show(self, app: &App, rp: Option<&RelyingParty>, response: &mut Response) {
        response
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.origin else {
            return;
        };
        let allowed = match rp {
            Some(rp) => rp
                .selection
                .origins
                .iter()
                .flatten()
                .any(|own| own.as_str().as_bytes() == origin.as_bytes()),
            None => is_known(app, &origin).await,
        };
        if allowed {
            response
                .headers_mut()
                .insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
}

/// The headers that the call may have: our own, and those that the browser asks for, since libraries for tracing add some to
/// every request. A list that is no list of header names, or is longer than any browser's, adds none.
fn allowed_headers(request: &HeaderMap) -> HeaderValue {
    let asked = asked_headers(request).unwrap_or_default();
    let mut allowed = HEADERS.to_owned();
    for name in &asked {
        if !allowed.split(", ").any(|known| known == name.as_str()) {
            allowed.push_str(", ");
            allowed.push_str(name.as_str());
        }
    }
    HeaderValue::from_str(&allowed).unwrap_or(HeaderValue::from_static(HEADERS))
}

/// What the preflight asks for, in lower case.
fn asked_headers(request: &HeaderMap) -> Option<Vec<HeaderName>> {
    let values = request.get_all(ACCESS_CONTROL_REQUEST_HEADERS);
    let mut names = Vec::new();
    let mut left = MAX_ASKED_BYTES;
    for value in values {
        left = left.checked_sub(value.len())?;
        let parts = value.as_bytes().split(|byte| *byte == b',');
        for part in parts.map(<[u8]>::trim_ascii).filter(|p| !p.is_empty()) {
            if names.len() == MAX_ASKED {
                return None;
            }
            // In a response `*` would stand for all headers.
            if part == b"*" {
                return None;
            }
            names.push(HeaderName::from_bytes(part).ok()?);
        }
    }
    Some(names)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(asked: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in asked {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(ACCESS_CONTROL_REQUEST_HEADERS, value);
        }
        allowed_headers(&headers).to_str().unwrap().to_owned()
    }

    #[test]
    fn the_headers_asked_for_are_allowed_once_and_in_lower_case() {
        assert_eq!(allowed(&[]), HEADERS);
        assert_eq!(allowed(&[""]), HEADERS);
        assert_eq!(allowed(&["content-type"]), HEADERS);
        assert_eq!(
            allowed(&["baggage,content-type,sentry-trace,traceparent"]),
            "content-type, accept, baggage, sentry-trace, traceparent"
        );
        assert_eq!(
            allowed(&["Authorization, X-Trace ,, x-trace", "b3"]),
            "content-type, accept, authorization, x-trace, b3"
        );
    }

    #[test]
    fn a_list_with_what_is_no_header_name_adds_none() {
        for bad in ["*/*", "a b", "a,b\"c", "x-ok,(", "a;q=1", "x:y"] {
            assert_eq!(allowed(&[bad]), HEADERS, "{bad}");
        }
        assert_eq!(allowed(&["*"]), HEADERS, "a wildcard is never allowed");
    }

    #[test]
    fn a_list_longer_than_any_browsers_adds_none() {
        let names = |count: usize| {
            let names: Vec<_> = (0..count).map(|number| format!("h{number}")).collect();
            names.join(",")
        };
        assert!(allowed(&[&names(MAX_ASKED)]).ends_with(", h31"));
        assert_eq!(allowed(&[&names(MAX_ASKED + 1)]), HEADERS);
        assert!(allowed(&[&"x".repeat(MAX_ASKED_BYTES)]).len() > MAX_ASKED_BYTES);
        assert_eq!(allowed(&[&"x".repeat(MAX_ASKED_BYTES + 1)]), HEADERS);
    }
}
