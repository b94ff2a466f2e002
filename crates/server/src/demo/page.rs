//! The page's files, embedded in the binary.

use std::future::ready;

use axum::Router;
use axum::extract::State;
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::wire::Wire;
use crate::assets::{ICON, PAGE, PICTURE, SCRIPT, STYLE, STYLE_SHEET, VIEW, file};

const INDEX: &str = include_str!("../../assets/demo/index.html");

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
];

/// Path of a tab, its title, and what it shows.
fn tab(wire: Wire) -> (&'static str, &'static str, &'static str) {
    match wire {
        Wire::Twilio => (
            "/",
            "Twilio Verify API",
            "Every request of the demo's back end, with its response, newest first. Your application would send the same \
             requests, for example with an official twilio SDK.",
        ),
        Wire::Nevis => (
            "/authentication-cloud",
            "Authentication Cloud API",
            "Every request with its response, newest first. The back end sends those with an access key. Those to \
             <code>/_app/</code> have no key: in your application the page sends them, for example with the browser client.",
        ),
        Wire::Fido => (
            "/fido",
            "FIDO binding",
            "Every request with its response, newest first. The results have no key: the page may send them, but the back end \
             of the demo does, because it takes the user from the response. The binding has no lists and no sign-in without a name: the \
             passkeys are read with the Authentication Cloud API.",
        ),
    }
}

/// The tabs, with the one that is shown.
pub(super) fn tabs(shown: Option<Wire>) -> String {
    let links = Wire::ALL.map(|wire| {
        let (path, title, _) = tab(wire);
        let current = if shown == Some(wire) {
            " aria-current=\"page\""
        } else {
            ""
        };
        format!("<a href=\"{path}\"{current}>{title}</a>")
    });
    format!(
        "<nav class=\"tabs\" aria-label=\"API\">{}</nav>",
        links.concat()
    )
}

/// The page of each tab and its files.
pub(super) fn router(port: u16) -> Router {
    let mut router = Router::new();
    for wire in Wire::ALL {
        let (path, _, note) = tab(wire);
        let page = INDEX
            .replace("<!-- tabs -->", &tabs(Some(wire)))
            .replace("<!-- wire -->", wire.name())
            .replace("<!-- note -->", note);
        router = router.route(
            path,
            get(move |port, headers, uri| ready(index(port, &headers, &uri, page.clone()))),
        );
    }
    for &(path, content_type, text) in FILES {
        router = router.route(path, get(move || async move { file(content_type, text) }));
    }
    for &(name, text) in VIEW {
        let path = format!("/demo/{name}");
        router = router.route(&path, get(move || async move { file(SCRIPT, text) }));
    }
    router.with_state(port)
}

/// A page. Passkeys belong to the name `localhost`, so the page must be opened at that name.
fn index(State(port): State<u16>, headers: &HeaderMap, uri: &Uri, page: String) -> Response {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if host.starts_with("localhost") {
        return file(PAGE, page);
    }
    let to = format!("http://localhost:{port}{}", uri.path());
    (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response()
}
