//! Client events, `POST /_app/events`: what pages report that never reaches a back end, for example that a person cancelled. A report has words of
//! [closed lists](crate::http::reports), may name a Service of the page's origin, and has nothing of a person, a passkey or a page. This node counts
//! them until it ends.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Extracted};
use axum::http::header::{ALLOW, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::Passkeys;
use domain::model::ids::RelyingPartyId;
use domain::webauthn::json::{Limits, Object, Value, parse};

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
    let agent = parts.headers.get(USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    let read = read(&body, agent.unwrap_or_default());
    let page = origin(&parts.headers).and_then(|origin| origin.to_str().ok());
    let named = read.as_ref().and_then(|(service, _)| *service);
    if !known(&state.passkeys, page, named).await {
        return refused(StatusCode::FORBIDDEN, "origin_not_allowed");
    }
    let Some((service, events)) = read else {
        return refused(StatusCode::BAD_REQUEST, "request_invalid");
    };
    if let Some(funnels) = state.traffic.funnels() {
        funnels.report(service, &events);
    }
    no_content()
}

/// Whether a page of this origin may report: for the Service that it names, or for any. When the store does not answer, no origin is known.
async fn known(passkeys: &Passkeys, page: Option<&str>, named: Option<RelyingPartyId>) -> bool {
    let Some(page) = page else { return false };
    let Some(named) = named else {
        return passkeys.is_configured_origin(page).await.unwrap_or(false);
    };
    let found = passkeys.relying_party_itself(named).await;
    found.is_ok_and(|rp| {
        let mut origins = rp.selection.origins.iter().flatten();
        origins.any(|one| one.as_str() == page)
    })
}

/// The Service that a report names, if it names one, and its events; `None` for a report that has anything else.
fn read(body: &[u8], agent: &str) -> Option<(Option<RelyingPartyId>, Vec<ClientEvent>)> {
    let report = parse(body, &Limits::default()).ok()?;
    let named = report.as_object()?.get("service");
    let report = members(&report, 1 + usize::from(named.is_some()))?;
    let service = match named {
        Some(sid) => Some(RelyingPartyId::from_hex(sid.as_str()?.strip_prefix("VA")?)?),
        None => None,
    };
    let reported = report.get("events")?.as_array()?;
    let (browser, system) = client(agent);
    let place = |list: &[&str], word: &Value<'_>| {
        let word = word.as_str()?;
        list.iter().position(|one| *one == word)
    };
    let events = reported.iter().map(|one| {
        let one = members(one, 2)?;
        Some(ClientEvent {
            operation: place(&OPERATIONS, one.get("operation")?)?,
            event: place(&EVENTS, one.get("event")?)?,
            browser,
            system,
        })
    });
    let events: Vec<ClientEvent> = events.collect::<Option<_>>()?;
    (events.len() <= MOST_EVENTS).then_some((service, events))
}

/// An object with this number of members, and nothing else.
fn members<'a, 'b>(value: &'b Value<'a>, number: usize) -> Option<&'b Object<'a>> {
    value.as_object().filter(|object| object.len() == number)
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
