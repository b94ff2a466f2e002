//! The page's files, embedded in the binary.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// Nothing but the page's own files and requests; no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// Path below `/demo/`, type, content.
const FILES: &[(&str, &str, &str)] = &[
    (
        "/demo/style.css",
        STYLE,
        include_str!("../../assets/demo/style.css"),
    ),
    (
        "/demo/icon.svg",
        ICON,
        include_str!("../../assets/demo/icon.svg"),
    ),
    (
        "/demo/app.js",
        SCRIPT,
        include_str!("../../assets/demo/app.js"),
    ),
    (
        "/demo/backend.js",
        SCRIPT,
        include_str!("../../assets/demo/backend.js"),
    ),
    (
        "/demo/passkeys.js",
        SCRIPT,
        include_str!("../../assets/demo/passkeys.js"),
    ),
    (
        "/demo/faults.js",
        SCRIPT,
        include_str!("../../assets/demo/faults.js"),
    ),
    (
        "/demo/view.js",
        SCRIPT,
        include_str!("../../assets/demo/view.js"),
    ),
];

/// The page at `/` and its files.
pub(super) fn router(port: u16) -> Router {
    let mut router = Router::new().route("/", get(index));
    for (path, content_type, text) in FILES {
        router = router.route(path, get(move || async move { file(content_type, text) }));
    }
    router.with_state(port)
}

/// The page. Passkeys belong to the name `localhost`, so the page must stand at that name.
async fn index(State(port): State<u16>, headers: HeaderMap) -> Response {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if host.starts_with("localhost") {
        return file(
            "text/html; charset=utf-8",
            include_str!("../../assets/demo/index.html"),
        );
    }
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(LOCATION, format!("http://localhost:{port}/"))],
    )
        .into_response()
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    (
        [
            (CONTENT_TYPE, content_type),
            (CACHE_CONTROL, "no-cache"),
            (HeaderName::from_static("content-security-policy"), POLICY),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
            (HeaderName::from_static("referrer-policy"), "no-referrer"),
        ],
        text,
    )
        .into_response()
}
