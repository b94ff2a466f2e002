//! What all pages have in common: their frame, their headers, and texts as HTML.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::sources::{CONTENTS, root, url};

/// A page may load files of this server, and send its search form to it. It has nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// The header and the contents beside a page. All links are relative, so they hold behind any path prefix.
#[derive(Debug)]
pub(super) struct Frame {
    /// What leads from the page to `/docs/`: `../` for each level.
    pub root: String,
    /// What leads to the first page of the documentation.
    pub home: String,
    /// What was searched for.
    pub query: String,
    /// The parts of the contents with their links.
    pub parts: Vec<Part>,
}

/// A part of the contents.
#[derive(Debug)]
pub(super) struct Part {
    pub name: &'static str,
    pub links: Vec<Link>,
}

/// A link of the contents.
#[derive(Debug)]
pub(super) struct Link {
    pub url: String,
    pub title: &'static str,
    pub deep: bool,
    pub current: bool,
}

impl Frame {
    /// The frame of the page at this place below `/docs/`.
    pub(super) fn of(place: &str) -> Self {
        Self::of_part(place, place)
    }

    /// The frame of a page that is not in the contents and belongs to one that is.
    pub(super) fn of_part(place: &str, current: &str) -> Self {
        Self::new(root(place), Some(current))
    }

    /// The frame of the page at `/`.
    pub(super) fn of_home() -> Self {
        Self::new("docs/".to_owned(), None)
    }

    fn new(root: String, current: Option<&str>) -> Self {
        // Chapters below another one are listed where they are near.
        let near = |place: &str| match (current, place.rsplit_once('/')) {
            (Some(current), Some((folder, _))) => {
                current == folder
                    || current
                        .strip_prefix(folder)
                        .is_some_and(|rest| rest.starts_with('/'))
            }
            _ => false,
        };
        let mut parts: Vec<Part> = CONTENTS
            .parts
            .iter()
            .map(|name| Part {
                name,
                links: Vec::new(),
            })
            .collect();
        for chapter in &CONTENTS.chapters {
            if chapter.depth == 0 || near(&chapter.place) {
                parts[chapter.part].links.push(Link {
                    url: url(&root, &chapter.place),
                    title: &chapter.title,
                    deep: chapter.depth > 0,
                    current: current == Some(chapter.place.as_str()),
                });
            }
        }
        Self {
            home: url(&root, ""),
            root,
            query: String::new(),
            parts,
        }
    }
}

#[derive(Template)]
#[template(path = "docs/absent.html")]
struct AbsentPage {
    frame: Frame,
}

/// There is no page at this place. Nothing of the request is repeated.
pub(super) fn absent(place: &str) -> Response {
    let frame = Frame::of_part(place, "-");
    page(StatusCode::NOT_FOUND, &AbsentPage { frame })
}

/// Redirects to a relative URL.
pub(super) fn redirect(target: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, target);
    response
}

/// A page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    const HTML: &str = "text/html; charset=utf-8";
    match template.render() {
        Ok(html) => respond(status, HTML, html),
        Err(_) => respond(StatusCode::INTERNAL_SERVER_ERROR, HTML, String::new()),
    }
}

/// A file or a page with its headers. Pages hold nothing of the caller, so caches may keep them.
pub(super) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A text for HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for character in text.chars() {
        match character {
            '&' => html.push_str("&#38;"),
            '<' => html.push_str("&#60;"),
            '>' => html.push_str("&#62;"),
            '"' => html.push_str("&#34;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A help text as HTML. Text between backticks becomes code.
pub(crate) fn prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    let ticks = text.matches('`').count();
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            // One that has no partner, as the text of somebody else may have, opens nothing.
            html.push_str(match (index % 2 == 1, index == ticks) {
                (true, true) => "`",
                (true, false) => "<code>",
                (false, _) => "</code>",
            });
        }
        html.push_str(&escaped(part));
    }
    html
}

#[cfg(test)]
mod tests {
    use domain::Reason;

    use super::*;
    use crate::api::twilio::codes::Code;

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_taken_for_markup() {
        assert_eq!(
            prose("`a<b>` is \"c\" & `d`"),
            "<code>a&#60;b&#62;</code> is &#34;c&#34; &#38; <code>d</code>"
        );
        assert_eq!(prose("`a` b`<c>"), "<code>a</code> b`&#60;c&#62;");
        // A help text has no backtick without a partner.
        for reason in Reason::ALL {
            for text in [reason.what(), reason.causes(), reason.fix()] {
                assert_eq!(text.matches('`').count() % 2, 0, "{reason}: {text}");
            }
        }
        for code in Code::ALL {
            for text in [code.what(), code.fix()].iter().chain(code.causes()) {
                assert_eq!(text.matches('`').count() % 2, 0, "{code:?}: {text}");
            }
        }
    }
}
