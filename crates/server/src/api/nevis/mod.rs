//! Nevis Authentication Cloud, its FIDO2 flows: `/api/v1/` for back ends, `/_app/` for pages, and what stands beside them.
//!
//! One file per resource. A transaction is a ceremony, an authenticator a credential record, and the words of this wire
//! (enrolment, approval, status token ...) end here. [`claims`] and [`tokens`] make and check the four kinds of token, [`options`] turns
//! wishes in a request into a ceremony, [`reasons`] is the table of what can be refused.

pub mod access_keys;
mod approval;
mod auth;
mod authenticators;
mod claims;
mod client;
mod cors;
mod decoys;
mod enroll;
pub mod error;
mod exports;
mod intent;
mod introspect;
mod jwks;
mod keys;
mod logs;
mod named;
mod options;
mod ping;
pub mod reasons;
mod request;
mod results;
mod signing;
mod state;
mod status;
mod tokens;
mod transactions;
mod users;
pub mod uuid;
mod waiters;
mod well_known;

use axum::Router;
use axum::extract;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use domain::model::grant::Scope::{Approve, Enrol, Manage, Read};
use domain::model::grant::Scopes;

use crate::api::well_known::File;
use crate::http::cors::{origin, preflight};
use crate::http::routes::{self, Route, by_path, page_route, route};
use crate::http::{Needs, handle};
pub use auth::Issued;
use cors::page_with_intent;
use error::ApiError;
pub use exports::Exports;
use request::Request;
pub use state::State;
pub use waiters::Waiters;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// What the paths of this wire begin with, beside those that other specifications fix.
pub const PREFIXES: &[&str] = &["/api/v1", "/_app"];

/// The calls of a back end.
fn of_back_ends() -> Vec<Route<State>> {
    const USER: &str = "/api/v1/users/{user}";
    const AUTHENTICATOR: &str = "/api/v1/authenticators/{authenticator}";
    let tells_which = Needs::OneOf(Scopes::of(&[Enrol, Approve]));
    vec![
        route(GET, "/ping", Needs::ANY_KEY, ping::read),
        route(POST, "/api/v1/introspect", Read, introspect::read),
        // The request tells which of the two it needs.
        route(POST, "/api/v1/intent", tells_which, intent::create),
        route(GET, "/api/v1/users", Read, users::by_name),
        route(GET, USER, Read, users::by_id),
        route(DELETE, USER, Manage, users::delete),
        route(
            POST,
            format!("{USER}/verification"),
            Enrol,
            users::verification,
        ),
        route(GET, "/api/v1/aadb2c/users", Read, users::b2c),
        route(PATCH, AUTHENTICATOR, Enrol, authenticators::rename),
        route(DELETE, AUTHENTICATOR, Manage, authenticators::delete),
        route(GET, "/api/v1/logs/export", Read, logs::export),
    ]
}

/// The calls of a back end, or of a page with an intent token.
fn of_both() -> Vec<Route<State>> {
    vec![
        page_route(
            POST,
            "/api/v1/users/enroll",
            Enrol,
            page_with_intent,
            enroll::create,
        ),
        page_route(
            POST,
            "/api/v1/approval",
            Approve,
            page_with_intent,
            approval::create,
        ),
    ]
}

/// The calls of a page, which has no key.
fn of_pages() -> Vec<Route<State>> {
    vec![
        page_route(POST, "/api/v1/status", Needs::NoKey, origin, status::read),
        page_route(
            POST,
            "/_app/attestation/result",
            Needs::NoKey,
            origin,
            results::attestation,
        ),
        page_route(
            POST,
            "/_app/assertion/result",
            Needs::NoKey,
            origin,
            results::assertion,
        ),
    ]
}

/// What everybody may read.
fn of_everybody() -> Vec<Route<State>> {
    vec![
        route(GET, "/api/v1/jwks/{instance}", Needs::NoKey, jwks::read),
        route(
            GET,
            File::RelatedOrigins.path(),
            Needs::NoKey,
            well_known::related_origins,
        ),
        route(
            GET,
            File::PasskeyEndpoints.path(),
            Needs::NoKey,
            well_known::passkey_endpoints,
        ),
        route(GET, File::Android.path(), Needs::NoKey, well_known::android),
        route(GET, File::Apple.path(), Needs::NoKey, well_known::apple),
    ]
}

/// All paths of this wire, beside the files of its browser client.
fn all_paths() -> Vec<(String, MethodRouter<State>)> {
    let back_end = |call: MethodRouter<State>| call.fallback(handle(Needs::ANY_KEY, wrong_method));
    // Where a browser calls, the page asks first.
    let either = |call: MethodRouter<State>| back_end(call.options(preflight::<State>));
    let page = |call: MethodRouter<State>| {
        call.options(preflight::<State>)
            .fallback(wrong_method_in_public)
    };
    let with = |routes, finish: &dyn Fn(MethodRouter<State>) -> MethodRouter<State>| {
        let paths = by_path(routes).into_iter();
        paths
            .map(|(path, call)| (path, finish(call)))
            .collect::<Vec<_>>()
    };
    [
        with(of_back_ends(), &back_end),
        with(of_both(), &either),
        with(of_pages(), &page),
        by_path(of_everybody()),
    ]
    .concat()
}

/// The paths of all routes, with their parameters in braces.
pub fn paths() -> impl Iterator<Item = String> {
    all_paths().into_iter().map(|(path, _)| path)
}

/// What a key needs for each route.
pub fn needs() -> impl Iterator<Item = (Method, String, Needs)> {
    let all = [of_back_ends(), of_both(), of_pages(), of_everybody()];
    all.into_iter().flat_map(routes::needs)
}

/// All routes of this wire, and its answers for everything else below `/api/v1` and `/_app`.
pub fn router(state: State) -> Router {
    let mut all = client::router();
    for (path, call) in all_paths() {
        // Clients exist that end every path with a slash.
        all = all
            .route(&path, call.clone())
            .route(&format!("{path}/"), call);
    }
    let elsewhere = [
        ("/api/v1", any(handle(Needs::ANY_KEY, unknown_path))),
        ("/_app", any(handle(Needs::NoKey, unknown_path_in_public))),
    ];
    for (prefix, call) in elsewhere {
        all = all
            .route(prefix, call.clone())
            .route(&format!("{prefix}/"), call.clone())
            .route(&format!("{prefix}/{{*rest}}"), call);
    }
    all.with_state(state)
}

/// A path that nobody serves: 401 and 403 for strangers, else 404.
async fn unknown_path(request: Request) -> Result<Response, ApiError> {
    auth::access_key(&request).await?;
    Err(ApiError::not_found("There is nothing at this path."))
}

/// A path that nobody serves, where no key is needed.
async fn unknown_path_in_public(_: Request) -> Result<Response, ApiError> {
    Err(ApiError::not_found("There is nothing at this path."))
}

/// A method that the path does not have: 401 and 403 for strangers, else 405. The router adds `Allow`.
async fn wrong_method(request: Request) -> Result<Response, ApiError> {
    auth::access_key(&request).await?;
    Err(method_not_allowed())
}

/// 405 on a path that needs no key.
async fn wrong_method_in_public(
    state: extract::State<State>,
    request: extract::Request,
) -> Response {
    let refused = async |_| Err(method_not_allowed());
    let mut response = handle(Needs::NoKey, refused).serve(&state.0, request).await;
    let methods = HeaderValue::from_static("POST, OPTIONS");
    response.headers_mut().insert(ALLOW, methods);
    response
}

fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This path does not have this method.",
    )
}
