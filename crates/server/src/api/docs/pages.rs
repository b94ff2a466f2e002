//! The HTML pages. They contain no script and nothing from the request, so anyone may see them and caches may keep them.

use std::future::{Ready, ready};

use askama::Template;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;

use crate::api::twilio::codes::Code;
use crate::api::twilio::reasons::{Call, code as code_of};

const STYLE: &str = include_str!("../../../templates/docs/style.css");
const HTML: &str = "text/html; charset=utf-8";

/// A page may load its own style sheet and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page of one code. Links are relative, so they hold behind any path prefix.
#[derive(Template)]
#[template(path = "docs/code.html")]
struct CodePage {
    code: Code,
    reasons: Vec<Reason>,
}

#[derive(Template)]
#[template(path = "docs/codes.html")]
struct CodesPage {
    codes: &'static [Code],
}

#[derive(Template)]
#[template(path = "docs/reason.html")]
struct ReasonPage {
    reason: Reason,
    codes: Vec<(Call, Code)>,
}

#[derive(Template)]
#[template(path = "docs/reasons.html")]
struct ReasonsPage {
    reasons: &'static [Reason],
}

#[derive(Template)]
#[template(path = "docs/home.html")]
struct HomePage {
    version: &'static str,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "docs/absent.html")]
struct AbsentPage;

/// `GET /`: says what this server is, for a person who opens its address in a browser.
pub(crate) fn home(state: &'static str) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let mut response = page(StatusCode::OK, &HomePage { version, state });
    // The state that it shows is that of this moment.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Redirects to another page by a relative URL, so that it works behind a path prefix.
pub(super) fn lead_to(
    target: &'static str,
) -> impl Fn() -> Ready<Response> + Clone + Send + Sync + 'static {
    move || ready(redirect(HeaderValue::from_static(target)))
}

/// Redirects from a page's URL with a trailing slash to the one without.
pub(super) async fn lead_to_page(Path(name): Path<String>) -> Response {
    let known =
        name.parse::<Reason>().is_ok() || name.parse().ok().and_then(Code::from_number).is_some();
    match HeaderValue::try_from(format!("../{name}")) {
        Ok(target) if known => redirect(target),
        _ => page(StatusCode::NOT_FOUND, &AbsentPage),
    }
}

fn redirect(target: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, target);
    response
}

/// `GET /docs/errors`.
pub(super) async fn codes() -> Response {
    page(StatusCode::OK, &CodesPage { codes: Code::ALL })
}

/// `GET /docs/errors/{code}`.
pub(super) async fn code(Path(number): Path<String>) -> Response {
    match number.parse().ok().and_then(Code::from_number) {
        Some(code) => page(
            StatusCode::OK,
            &CodePage {
                code,
                reasons: reasons_of(code),
            },
        ),
        None => page(StatusCode::NOT_FOUND, &AbsentPage),
    }
}

/// `GET /docs/reasons`.
pub(super) async fn reasons() -> Response {
    page(
        StatusCode::OK,
        &ReasonsPage {
            reasons: Reason::ALL,
        },
    )
}

/// `GET /docs/reasons/{reason}`.
pub(super) async fn reason(Path(name): Path<String>) -> Response {
    match name.parse::<Reason>() {
        Ok(reason) => page(
            StatusCode::OK,
            &ReasonPage {
                reason,
                codes: codes_of(reason),
            },
        ),
        Err(_) => page(StatusCode::NOT_FOUND, &AbsentPage),
    }
}

/// `GET /docs/style.css`.
pub(super) async fn style() -> Response {
    respond(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned())
}

/// The reasons that have this code.
fn reasons_of(code: Code) -> Vec<Reason> {
    Reason::ALL
        .iter()
        .copied()
        .filter(|reason| Call::ALL.iter().any(|call| code_of(*call, *reason) == code))
        // Most reasons are 20500 in calls that cannot have them. The page of 20500 lists only those of real calls.
        .filter(|reason| {
            code != Code::InternalError || code_of(Call::VerifyFactor, *reason) == code
        })
        .collect()
}

/// The codes of a reason in the calls that can have it.
pub(super) fn codes_of(reason: Reason) -> Vec<(Call, Code)> {
    let always = |call| code_of(call, reason) == Code::InternalError;
    Call::ALL
        .iter()
        .copied()
        .filter(|call| !always(*call) || Call::ALL.iter().all(|call| always(*call)))
        .map(|call| (call, code_of(call, reason)))
        .collect()
}

/// A help text as HTML. Text between backticks becomes code.
fn prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            html.push_str(if index % 2 == 1 { "<code>" } else { "</code>" });
        }
        for character in part.chars() {
            match character {
                '&' => html.push_str("&#38;"),
                '<' => html.push_str("&#60;"),
                '>' => html.push_str("&#62;"),
                '"' => html.push_str("&#34;"),
                '\'' => html.push_str("&#39;"),
                other => html.push(other),
            }
        }
    }
    html
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => respond(status, HTML, html),
        Err(_) => respond(StatusCode::INTERNAL_SERVER_ERROR, HTML, String::new()),
    }
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_taken_for_markup() {
        assert_eq!(
            prose("`a<b>` is \"c\" & `d`"),
            "<code>a&#60;b&#62;</code> is &#34;c&#34; &#38; <code>d</code>"
        );
        // An odd backtick would leave the page's code open.
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
