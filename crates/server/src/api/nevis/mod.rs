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
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, patch, post};

use crate::api::well_known::File;
use crate::http::cors::{handle_page, handle_some_pages, preflight};
use crate::http::{handle, serve};
pub use auth::Issued;
use cors::page_with_intent;
use error::ApiError;
pub use exports::Exports;
use request::Request;
pub use state::State;
pub use waiters::Waiters;

/// What the paths of this wire begin with, beside those that other specifications fix.
pub const PREFIXES: &[&str] = &["/api/v1", "/_app"];

/// All routes of this wire, beside the files of its browser client.
fn routes() -> Vec<(&'static str, MethodRouter<State>)> {
    // Where a browser calls, the page asks first.
    let browser = |call: MethodRouter<State>| {
        call.options(preflight::<State>)
            .fallback(wrong_method_in_public)
    };
    let back_end = |call: MethodRouter<State>| call.fallback(handle(wrong_method));
    // A page may call these with an intent token.
    let either = |call: MethodRouter<State>| back_end(call.options(preflight::<State>));
    vec![
        ("/ping", back_end(get(handle(ping::read)))),
        (
            "/api/v1/users/enroll",
            either(post(handle_some_pages(enroll::create, page_with_intent))),
        ),
        (
            "/api/v1/approval",
            either(post(handle_some_pages(approval::create, page_with_intent))),
        ),
        ("/api/v1/status", browser(post(handle_page(status::read)))),
        (
            "/api/v1/introspect",
            back_end(post(handle(introspect::read))),
        ),
        ("/api/v1/intent", back_end(post(handle(intent::create)))),
        ("/api/v1/users", back_end(get(handle(users::by_name)))),
        (
            "/api/v1/users/{user}",
            back_end(get(handle(users::by_id)).delete(handle(users::delete))),
        ),
        (
            "/api/v1/users/{user}/verification",
            back_end(post(handle(users::verification))),
        ),
        ("/api/v1/aadb2c/users", back_end(get(handle(users::b2c)))),
        (
            "/api/v1/authenticators/{authenticator}",
            back_end(patch(handle(authenticators::rename)).delete(handle(authenticators::delete))),
        ),
        ("/api/v1/jwks/{instance}", get(handle(jwks::read))),
        (
            File::RelatedOrigins.path(),
            get(handle(well_known::related_origins)),
        ),
        (
            File::PasskeyEndpoints.path(),
            get(handle(well_known::passkey_endpoints)),
        ),
        (File::Android.path(), get(handle(well_known::android))),
        (File::Apple.path(), get(handle(well_known::apple))),
        ("/api/v1/logs/export", back_end(get(handle(logs::export)))),
        (
            "/_app/attestation/result",
            browser(post(handle_page(results::attestation))),
        ),
        (
            "/_app/assertion/result",
            browser(post(handle_page(results::assertion))),
        ),
    ]
}

/// The paths of all routes, with their parameters in braces.
pub fn paths() -> impl Iterator<Item = &'static str> {
    routes().into_iter().map(|(path, _)| path)
}

/// All routes of this wire, and its answers for everything else below `/api/v1` and `/_app`.
pub fn router(state: State) -> Router {
    let mut all = client::router();
    for (path, call) in routes() {
        // Clients exist that end every path with a slash.
        all = all
            .route(path, call.clone())
            .route(&format!("{path}/"), call);
    }
    let elsewhere = [
        ("/api/v1", any(handle(unknown_path))),
        ("/_app", any(handle(unknown_path_in_public))),
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
    auth::access_key(&request.state, request.headers()).await?;
    Err(ApiError::not_found("There is nothing at this path."))
}

/// A path that nobody serves, where no key is needed.
async fn unknown_path_in_public(_: Request) -> Result<Response, ApiError> {
    Err(ApiError::not_found("There is nothing at this path."))
}

/// A method that the path does not have: 401 and 403 for strangers, else 405. The router adds `Allow`.
async fn wrong_method(request: Request) -> Result<Response, ApiError> {
    auth::access_key(&request.state, request.headers()).await?;
    Err(method_not_allowed())
}

/// 405 on a path that needs no key.
async fn wrong_method_in_public(
    state: extract::State<State>,
    request: extract::Request,
) -> Response {
    let refused = async |_| Err(method_not_allowed());
    let mut response = serve(&state.0, request, refused).await;
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
