//! Which pages of other origins may call, and read the response (the CORS protocol of the Fetch standard).
//!
//! Only exact origins, never a wildcard, never credentials. Which origins are known is the wire's to say.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use domain::model::relying_party::RelyingParty;
use domain::service::prepared::Prepared;

use super::handler::{Handle, Wire};
use super::reply::no_content;

/// The methods of the paths that pages call.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
/// How long a browser may keep the response to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// Most headers that a preflight may ask for.
const MAX_ASKED: usize = 32;
/// Most bytes of their names together.
const MAX_ASKED_BYTES: usize = 1024;

/// The Relying Party that a response turned out to be about, as an extension of the response.
#[derive(Clone, Debug)]
pub struct About(pub Arc<Prepared>);

/// A wire that pages call.
pub trait Pages: Wire {
    /// The headers that every such call may have, beside those that the browser asks for.
    const HEADERS: &'static str;

    /// Whether pages of this origin may read the response, which is about that Relying Party; `None`: about none, or a preflight.
    fn may_read(
        &self,
        origin: &HeaderValue,
        about: Option<&Prepared>,
    ) -> impl Future<Output = bool> + Send;
}

/// The one origin that the request names.
pub fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(ORIGIN).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether the origin is one of the Relying Party's.
pub fn is_own(rp: &RelyingParty, origin: &HeaderValue) -> bool {
    let mut own = rp.selection.origins.iter().flatten();
    own.any(|own| own.as_str().as_bytes() == origin.as_bytes())
}

/// `OPTIONS` of a path that pages call.
pub async fn preflight<W: Pages>(State(wire): State<W>, request: Request) -> Response {
    let mut response = no_content();
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    headers.insert(
        VARY,
        HeaderValue::from_static("Origin, Access-Control-Request-Headers"),
    );
    let asked = request.headers();
    let Some(origin) = origin(asked) else {
        return response;
    };
    if wire.may_read(origin, None).await {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(allowed) = allowed_headers(W::HEADERS, asked) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
    }
    response
}

/// The origin of the page that sent a request, `None` for a request that no page may have sent.
pub type Shown = fn(&HeaderMap) -> Option<&HeaderValue>;

/// What serves a route that pages call.
#[derive(Clone)]
pub struct PageHandle<W: Wire> {
    handle: Handle<W>,
    page: Shown,
}

impl<W: Wire> Handle<W> {
    /// Lets pages of the origins that the wire allows read the response; `page` says which page sent a request.
    pub fn shown_to(self, page: Shown) -> PageHandle<W> {
        PageHandle { handle: self, page }
    }
}

impl<W: Pages> Handler<(), W> for PageHandle<W> {
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, wire: W) -> Self::Future {
        let page = (self.page)(request.headers()).cloned();
        Box::pin(async move {
            let mut response = self.handle.serve(&wire, request).await;
            show(&wire, page, &mut response).await;
            response
        })
    }
}

/// Lets the page read the response, if the wire allows it.
async fn show<W: Pages>(wire: &W, page: Option<HeaderValue>, response: &mut Response) {
    let vary = HeaderValue::from_static("Origin");
    response.headers_mut().insert(VARY, vary);
    let Some(origin) = page else {
        return;
    };
    let about = response.extensions().get::<About>();
    let about = about.map(|About(rp)| Arc::clone(rp));
    if wire.may_read(&origin, about.as_deref()).await {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// The headers that a call may have: those that it always may have, and those that the browser asks for, since libraries for
/// tracing add some to every request. A list that is no list of header names, or is longer than any browser's, adds none.
fn allowed_headers(always: &'static str, request: &HeaderMap) -> Option<HeaderValue> {
    let asked = asked_headers(request).unwrap_or_default();
    let mut allowed = always.to_owned();
    for name in &asked {
        if !allowed.split(", ").any(|known| known == name.as_str()) {
            if !allowed.is_empty() {
                allowed.push_str(", ");
            }
            allowed.push_str(name.as_str());
        }
    }
    if allowed.is_empty() {
        return None;
    }
    HeaderValue::try_from(allowed).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "content-type, accept";

    fn allowed(asked: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in asked {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(ACCESS_CONTROL_REQUEST_HEADERS, value);
        }
        let allowed = allowed_headers(HEADERS, &headers).unwrap();
        allowed.to_str().unwrap().to_owned()
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

    #[test]
    fn where_nothing_is_always_allowed_only_what_is_asked_for_is() {
        let mut headers = HeaderMap::new();
        assert_eq!(allowed_headers("", &headers), None);
        let asked = HeaderValue::from_static("Content-Type,b3");
        headers.append(ACCESS_CONTROL_REQUEST_HEADERS, asked);
        assert_eq!(allowed_headers("", &headers).unwrap(), "content-type, b3");
    }
}
