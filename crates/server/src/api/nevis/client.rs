//! The browser clients: the built files of `sdk/`, part of the binary. Below `/fido2-client/` is the one of docs/wires/nevis.md, section 8; below `/sdk/` is
//! the one for pages with a back end of their own.

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, get};

use super::state::State;

/// The version of the client, as in `sdk/package.json`.
const VERSION: &str = "0.1.0";
/// The hash of each file, for the attribute `integrity`.
const INTEGRITY: &str = include_str!("../../../../../sdk/dist/integrity.json");
const SCRIPT: &str = "text/javascript; charset=utf-8";
const CLIENT: &str = "fido2-client";
const SDK: &str = "sdk";
/// The files: folder, name, content type, content.
const FILES: [(&str, &str, &str, &[u8]); 8] = [
    (
        CLIENT,
        "fido2-client.js",
        SCRIPT,
        include_bytes!("../../../../../sdk/dist/fido2-client.js"),
    ),
    (
        CLIENT,
        "fido2-client.mjs",
        SCRIPT,
        include_bytes!("../../../../../sdk/dist/fido2-client.mjs"),
    ),
    (
        CLIENT,
        "integrity.json",
        "application/json",
        INTEGRITY.as_bytes(),
    ),
    (
        SDK,
        "passkeys.mjs",
        SCRIPT,
        include_bytes!("../../../../../sdk/dist/passkeys.mjs"),
    ),
    (
        SDK,
        "element.mjs",
        SCRIPT,
        include_bytes!("../../../../../sdk/dist/element.mjs"),
    ),
    (
        SDK,
        "events.mjs",
        SCRIPT,
        include_bytes!("../../../../../sdk/dist/events.mjs"),
    ),
    (
        SDK,
        "prompt.mjs",
        SCRIPT,
        include_bytes!("../../../../../sdk/dist/prompt.mjs"),
    ),
    (
        SDK,
        "integrity.json",
        "application/json",
        INTEGRITY.as_bytes(),
    ),
];

/// The files, each at its name and at its name below the version. Pages of any origin may load them: they hold no secret.
pub fn router() -> Router<State> {
    FILES.into_iter().fold(
        Router::new(),
        |router, (folder, name, content_type, content)| {
            router
                .route(
                    &format!("/{folder}/{name}"),
                    file(content_type, content, "public, max-age=300"),
                )
                .route(
                    &format!("/{folder}/{VERSION}/{name}"),
                    file(content_type, content, "public, max-age=86400"),
                )
        },
    )
}

fn file(
    content_type: &'static str,
    content: &'static [u8],
    cache: &'static str,
) -> MethodRouter<State> {
    let tag = tag(content);
    get(async move |headers: HeaderMap| answer(&headers, &tag, content_type, content, cache))
}

/// The entity tag of a content: a quoted hash of it.
fn tag(content: &[u8]) -> HeaderValue {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    let text = format!("\"{}\"", hex::encode(&hash.as_ref()[..16]));
    // Hex between quotes is always a header value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn answer(
    headers: &HeaderMap,
    tag: &HeaderValue,
    content_type: &'static str,
    content: &'static [u8],
    cache: &'static str,
) -> Response {
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|value| {
            value
                .split(',')
                .map(|one| one.trim().trim_start_matches("W/"))
                .any(|one| one == "*" || one.as_bytes() == tag.as_bytes())
        })
    });
    let mut response = Response::new(if known {
        Body::empty()
    } else {
        Body::from(content)
    });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let answer = response.headers_mut();
    answer.insert(ETAG, tag.clone());
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ] {
        answer.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package() {
        let package = include_str!("../../../../../sdk/package.json");
        let package: serde_json::Value = serde_json::from_str(package).unwrap();
        assert_eq!(package["version"], VERSION);
    }

    #[test]
    fn the_integrity_hashes_are_those_of_the_files() {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let hashes: serde_json::Value = serde_json::from_str(INTEGRITY).unwrap();
        for (_, name, _, content) in FILES {
            if name == "integrity.json" {
                continue;
            }
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA384, content);
            assert_eq!(hashes[name], format!("sha384-{}", STANDARD.encode(hash)));
        }
    }
}
