//! Pages: their frame, their headers, and the files that they load.

use std::borrow::Cow;

use askama::Template;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use domain::model::console::Role;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::state::State;
use crate::assets;

/// What a page may load and do. No inline script, no inline style, nothing of another origin, and no text becomes markup in the browser.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

const STYLE: &str = include_str!("../../assets/console/style.css");
const SCRIPT: &str = include_str!("../../assets/console/script.js");

/// What all pages of an administrator have around them.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The path below which all pages are.
    pub(super) at: String,
    /// The address of the documentation, with a slash at the end. The console may have a host or a listener without it.
    pub(super) docs: String,
    /// The name of the administrator.
    pub(super) name: String,
    /// The role of the administrator.
    pub(super) role: Role,
    /// The token for forms.
    pub(super) token: String,
    /// The path of this page below `at`.
    pub(super) here: String,
    /// What was just done.
    pub(super) done: Option<&'static str>,
}

impl Frame {
    /// Whether the page is in this part of the console, for its link in the navigation.
    pub(super) fn current(&self, part: &str) -> &'static str {
        let inside = match part {
            "/" => self.here == "/",
            part => self.here.starts_with(part),
        };
        if inside { "page" } else { "false" }
    }

    /// Whether the administrator may change Services.
    pub(super) fn operates(&self) -> bool {
        self.role >= Role::Operator
    }

    /// Whether the administrator may decide who else is one.
    pub(super) fn owns(&self) -> bool {
        self.role >= Role::Owner
    }
}

/// What failed, for an administrator who is signed in.
#[derive(Template)]
#[template(path = "console/failure-inside.html")]
struct FailureInside<'a> {
    at: &'a str,
    frame: Frame,
    title: &'a str,
    text: &'a str,
}

/// What failed, for a person who is not signed in.
#[derive(Template)]
#[template(path = "console/failure-alone.html")]
struct FailureAlone<'a> {
    at: &'a str,
    title: &'a str,
    text: &'a str,
}

/// A page could not be rendered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unrendered;

/// A text as a part of a query.
pub(super) fn in_query(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NON_ALPHANUMERIC).into()
}

/// A page.
pub(super) fn page<E: From<Unrendered>>(template: &impl Template) -> Result<Response, E> {
    with_status(StatusCode::OK, template)
}

/// A page with a form that was not accepted.
pub(super) fn not_accepted<E: From<Unrendered>>(template: &impl Template) -> Result<Response, E> {
    with_status(StatusCode::UNPROCESSABLE_ENTITY, template)
}

fn with_status<E: From<Unrendered>>(
    status: StatusCode,
    template: &impl Template,
) -> Result<Response, E> {
    let html = template.render().map_err(|_| Unrendered)?;
    Ok(respond(status, assets::PAGE, html))
}

/// The page that says what failed.
pub(super) fn failure(
    status: StatusCode,
    state: &State,
    frame: Option<Frame>,
    title: &str,
    text: &str,
) -> Response {
    let at = &state.place.base();
    let page = match frame {
        Some(frame) => FailureInside {
            at,
            frame,
            title,
            text,
        }
        .render(),
        None => FailureAlone { at, title, text }.render(),
    };
    respond(status, assets::PAGE, page.unwrap_or_default())
}

/// JSON for the script.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let text = serde_json::to_string(value).unwrap_or_default();
    respond(status, "application/json", text)
}

/// A redirect after something was done.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = respond(StatusCode::SEE_OTHER, assets::PAGE, String::new());
    match HeaderValue::try_from(to) {
        Ok(to) => {
            response.headers_mut().insert(LOCATION, to);
        }
        Err(_) => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    response
}

pub(crate) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The origin of a form is judged, so it must be sent.
        (REFERRER_POLICY, "same-origin"),
        // What a page shows is for the one who is signed in.
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let mut response = respond(StatusCode::OK, content_type, text);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// `GET /console/style.css`.
pub(crate) async fn style() -> Response {
    file(assets::STYLE, STYLE)
}

/// `GET /console/script.js`.
pub(crate) async fn script() -> Response {
    file(assets::SCRIPT, SCRIPT)
}

/// `GET /console/icon.svg`.
pub(crate) async fn icon() -> Response {
    file(assets::ICON, assets::PICTURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small() {
        assert!(SCRIPT.len() <= 4096, "{}", SCRIPT.len());
    }
}
