//! The page's files, embedded in the binary.

use axum::Router;
use axum::extract::State;
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::assets::{ICON, PAGE, PICTURE, SCRIPT, STYLE, STYLE_SHEET, VIEW, file};

/// Path below `/demo/`, type, content.
const FILES: &[(&str, &str, &str)] = &[
    ("/demo/style.css", STYLE, STYLE_SHEET),
    ("/demo/icon.svg", ICON, PICTURE),
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
    ("/demo/view.js", SCRIPT, VIEW),
];

/// The page at `/` and its files.
pub(super) fn router(port: u16) -> Router {
    let mut router = Router::new().route("/", get(index));
    for &(path, content_type, text) in FILES {
        router = router.route(path, get(move || async move { file(content_type, text) }));
    }
    router.with_state(port)
}

/// The page. Passkeys belong to the name `localhost`, so the page must be opened at that name.
async fn index(State(port): State<u16>, headers: HeaderMap) -> Response {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if host.starts_with("localhost") {
        return file(PAGE, include_str!("../../assets/demo/index.html"));
    }
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(LOCATION, format!("http://localhost:{port}/"))],
    )
        .into_response()
}
