//! Client events, `POST /_app/events`: what pages report that never reaches a back end, for example that a person cancelled. A report has words of
//! [closed lists](crate::http::reports), and nothing of a person, a passkey or a page. This node counts them until it ends.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Extracted};
use axum::http::header::{ALLOW, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::Passkeys;
use serde::Deserialize;

use crate::http::cors::origin;
use crate::http::refusal::{Plain, Refusals as _};
use crate::http::reply::no_content;
use crate::http::reports::{ClientEvent, EVENTS, OPERATIONS, client};
use crate::http::{BodyLimit, Traffic, request_id};

/// Where pages report.
const PATH: &str = "/_app/events";
/// Most bytes of a report.
const MOST_BYTES: usize = 4096;
/// Most events of a report.
const MOST_EVENTS: usize = 20;

/// What the route needs.
#[derive(Clone)]
struct State {
    /// Which origins are known.
    passkeys: Arc<Passkeys>,
    /// Who counts.
    traffic: Arc<dyn Traffic>,
    bodies: BodyLimit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report<'a> {
    #[serde(borrow)]
    events: Vec<Reported<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reported<'a> {
    operation: &'a str,
    event: &'a str,
}

/// The route. A body has at most [`MOST_BYTES`].
pub fn router(passkeys: &Arc<Passkeys>, traffic: &Arc<dyn Traffic>, bodies: BodyLimit) -> Router {
    let bodies = BodyLimit {
        bytes: bodies.bytes.min(MOST_BYTES),
        ..bodies
    };
    Router::new()
        .route(PATH, post(report).fallback(not_allowed))
        .with_state(State {
            passkeys: Arc::clone(passkeys),
            traffic: Arc::clone(traffic),
            bodies,
        })
}

/// Counts the events of a page of a configured origin. The body may have any content type: a page sends text, so that no preflight is needed.
async fn report(Extracted(state): Extracted<State>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match state.bodies.read(body).await {
        Ok(body) => body,
        Err(refusal) => return Plain.refusal(refusal, PATH),
    };
    let page = origin(&parts.headers).and_then(|origin| origin.to_str().ok());
    let known = match page {
        // When the store does not answer, no origin is known.
        Some(page) => state
            .passkeys
            .is_configured_origin(page)
            .await
            .unwrap_or(false),
        None => false,
    };
    if !known {
        return refused(StatusCode::FORBIDDEN, "origin_not_allowed");
    }
    let agent = parts.headers.get(USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    let Some(events) = events(&body, agent.unwrap_or_default()) else {
        return refused(StatusCode::BAD_REQUEST, "request_invalid");
    };
    if let Some(counts) = state.traffic.client_events() {
        for event in events {
            counts.add(event);
        }
    }
    no_content()
}

/// The events of a report; `None` for a report that has anything else.
fn events(body: &[u8], agent: &str) -> Option<Vec<ClientEvent>> {
    let report: Report<'_> = serde_json::from_slice(body).ok()?;
    let (browser, system) = client(agent);
    let place = |list: &[&str], word: &str| list.iter().position(|one| *one == word);
    let events = report.events.iter().map(|one| {
        Some(ClientEvent {
            operation: place(&OPERATIONS, one.operation)?,
            event: place(&EVENTS, one.event)?,
            browser,
            system,
        })
    });
    let events: Vec<ClientEvent> = events.collect::<Option<_>>()?;
    (events.len() <= MOST_EVENTS).then_some(events)
}

fn refused(status: StatusCode, error: &str) -> Response {
    let body = serde_json::json!({"error": error, "request_id": request_id::current()}).to_string();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn not_allowed() -> Response {
    let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    let allowed = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, allowed);
    response
}
