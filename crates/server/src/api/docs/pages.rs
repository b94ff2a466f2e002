//! The HTML pages. They contain no script and nothing from the request, so anyone may see them and caches may keep them.

use std::future::{Ready, ready};

use askama::Template;
use axum::extract::Path;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;

use super::frame::{Frame, absent, page, redirect};
use crate::api::twilio::codes::{Code, Group};
use crate::api::twilio::reasons::{Call, code as code_of};

/// A page of one code. Links are relative, so they hold behind any path prefix.
#[derive(Template)]
#[template(path = "docs/code.html")]
struct CodePage {
    frame: Frame,
    code: Code,
    reasons: Vec<Reason>,
    takeover: String,
}

#[derive(Template)]
#[template(path = "docs/codes.html")]
struct CodesPage {
    frame: Frame,
    groups: Vec<(Group, Vec<Code>)>,
}

#[derive(Template)]
#[template(path = "docs/reason.html")]
struct ReasonPage {
    frame: Frame,
    reason: Reason,
    codes: Vec<(Call, Code)>,
}

#[derive(Template)]
#[template(path = "docs/reasons.html")]
struct ReasonsPage {
    frame: Frame,
    reasons: &'static [Reason],
}

#[derive(Template)]
#[template(path = "docs/home.html")]
struct HomePage {
    frame: Frame,
    version: &'static str,
    state: &'static str,
}

/// `GET /`: says what this server is, for a person who opens its address in a browser.
pub(crate) fn home(state: &'static str) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let frame = Frame::of_home();
    let mut response = page(
        StatusCode::OK,
        &HomePage {
            frame,
            version,
            state,
        },
    );
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
        // One level deeper than the page would be.
        _ => absent("errors/-/-"),
    }
}

/// `GET /docs/errors`.
pub(super) async fn codes() -> Response {
    page(
        StatusCode::OK,
        &CodesPage {
            frame: Frame::of("errors"),
            groups: Group::ALL.map(|group| (group, of_group(group))).into(),
        },
    )
}

/// `GET /docs/errors/{code}`.
pub(super) async fn code(Path(number): Path<String>) -> Response {
    match number.parse().ok().and_then(Code::from_number) {
        Some(code) => page(
            StatusCode::OK,
            &CodePage {
                frame: Frame::of_part("errors/-", "errors"),
                code,
                reasons: reasons_of(code),
                takeover: strong(TAKEOVER),
            },
        ),
        None => absent("errors/-"),
    }
}

/// `GET /docs/reasons`.
pub(super) async fn reasons() -> Response {
    page(
        StatusCode::OK,
        &ReasonsPage {
            frame: Frame::of("reasons"),
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
                frame: Frame::of_part("reasons/-", "reasons"),
                reason,
                codes: codes_of(reason),
            },
        ),
        Err(_) => absent("reasons/-"),
    }
}

fn of_group(group: Group) -> Vec<Code> {
    let all = Code::ALL.iter().copied();
    all.filter(|code| code.group() == group).collect()
}

/// What a back end must not do that starts registrations, as Markdown.
pub(super) const TAKEOVER: &str = "**Enrolment of an existing identity outside its session is an account takeover.** Anyone who \
     completes a registration can then sign in as its identity. Take the identity from the session of the signed-in user, never \
     from the request. For a new account make up a new identity, and only if its name does not exist yet.";

/// A text as HTML whose words between double asterisks are strong.
fn strong(text: &str) -> String {
    let parts = super::frame::escaped(text);
    let mut html = String::with_capacity(parts.len() + 32);
    for (index, part) in parts.split("**").enumerate() {
        if index > 0 {
            html.push_str(if index % 2 == 1 {
                "<strong>"
            } else {
                "</strong>"
            });
        }
        html.push_str(part);
    }
    html
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
