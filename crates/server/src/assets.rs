//! Files of pages, embedded in the binary.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// Allows only the page's own files and requests, and no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Content types.
pub(crate) const PAGE: &str = "text/html; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const STYLE: &str = "text/css; charset=utf-8";
pub(crate) const ICON: &str = "image/svg+xml";

/// The style of every page, and its icon.
pub(crate) const STYLE_SHEET: &str = include_str!("../assets/demo/style.css");
pub(crate) const PICTURE: &str = include_str!("../assets/demo/icon.svg");

/// The scripts that show requests and responses: name, content.
pub(crate) const VIEW: &[(&str, &str)] = &[
    ("view.js", include_str!("../assets/demo/view.js")),
    ("copy.js", include_str!("../assets/demo/copy.js")),
    ("explorer.js", include_str!("../assets/demo/explorer.js")),
];

/// A file with its headers.
pub(crate) fn file(content_type: &'static str, text: impl IntoResponse) -> Response {
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
