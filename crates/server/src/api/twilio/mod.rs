//! Twilio Verify Passkeys, `/v2/`: what the official SDKs speak once their base URL is changed.
//!
//! One file per resource; [`codes`] and [`reasons`] are the two tables of what can be refused. The words of this wire
//! (Service, Entity, Factor, Challenge, SID) end here: the domain knows Relying Parties, users, credentials and ceremonies.

mod access_tokens;
mod challenges;
pub mod codes;
mod entities;
pub mod error;
pub mod examples;
mod factors;
mod form;
mod idempotency;
mod identity;
mod name;
pub mod notice;
mod paging;
mod passkeys;
pub mod reasons;
mod request;
mod services;
mod settings;
pub mod sid;
mod state;
mod webhooks;

use axum::Router;
use axum::extract;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, post};

use crate::http::{handle, reply, serve};
use codes::Code;
use error::ApiError;
pub use state::State;

/// What the paths of this wire begin with.
pub const PREFIXES: &[&str] = &["/v2"];

/// Every route of this wire: its path, with parameters in braces, and its methods.
fn routes() -> [(String, MethodRouter<State>); 16] {
    const SERVICE: &str = "/v2/Services/{service}";
    const ENTITY: &str = "/v2/Services/{service}/Entities/{identity}";
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    [
        (
            "/v2/Services".to_owned(),
            get(handle(services::list)).post(handle(services::create)),
        ),
        (
            SERVICE.to_owned(),
            get(handle(services::fetch))
                .post(handle(services::update))
                .delete(handle(services::delete)),
        ),
        (
            at(SERVICE, "/Passkeys/Factors"),
            post(handle(passkeys::new_factors::create)),
        ),
        (
            at(SERVICE, "/Passkeys/VerifyFactor"),
            post(handle(passkeys::verify_factor::update)),
        ),
        (
            at(SERVICE, "/Passkeys/Challenges"),
            post(handle(passkeys::new_challenge::create)),
        ),
        (
            at(SERVICE, "/Passkeys/ApproveChallenge"),
            post(handle(passkeys::approve_challenge::update)),
        ),
        (
            at(SERVICE, "/Entities"),
            get(handle(entities::list)).post(handle(entities::create)),
        ),
        (
            ENTITY.to_owned(),
            get(handle(entities::fetch)).delete(handle(entities::delete)),
        ),
        (
            at(ENTITY, "/Factors"),
            get(handle(factors::list)).post(handle(factors::create)),
        ),
        (
            at(ENTITY, "/Factors/{factor}"),
            get(handle(factors::fetch))
                .post(handle(factors::update))
                .delete(handle(factors::delete)),
        ),
        (
            at(ENTITY, "/Challenges"),
            get(handle(challenges::list)).post(handle(challenges::create)),
        ),
        (
            at(ENTITY, "/Challenges/{challenge}"),
            get(handle(challenges::fetch)).post(handle(challenges::update)),
        ),
        (
            at(SERVICE, "/Webhooks"),
            get(handle(webhooks::list)).post(handle(webhooks::create)),
        ),
        (
            at(SERVICE, "/Webhooks/{webhook}"),
            get(handle(webhooks::fetch))
                .post(handle(webhooks::update))
                .delete(handle(webhooks::delete)),
        ),
        (
            at(SERVICE, "/AccessTokens"),
            post(handle(access_tokens::create)),
        ),
        (
            at(SERVICE, "/AccessTokens/{token}"),
            get(handle(access_tokens::fetch)),
        ),
    ]
}

/// The paths of all routes, with their parameters in braces.
pub fn paths() -> impl Iterator<Item = String> {
    routes().into_iter().map(|(path, _)| path)
}

/// All routes of this wire, and its answers for everything else below `/v2`.
pub fn router(state: State) -> Router {
    let all = routes()
        .into_iter()
        .fold(Router::new(), |all, (path, methods)| {
            all.route(&path, methods)
        });
    all.method_not_allowed_fallback(wrong_method)
        .route("/v2", any(handle(request::not_found)))
        .route("/v2/", any(handle(request::not_found)))
        .route("/v2/{*rest}", any(handle(request::not_found)))
        .with_state(state)
}

/// A method that the path does not have: 401 for strangers, else 20004. The router adds `Allow`. OPTIONS asks for nothing else.
async fn wrong_method(state: extract::State<State>, request: extract::Request) -> Response {
    if request.method() == Method::OPTIONS {
        return reply::no_content();
    }
    let refused = async |_| Err(ApiError::new(Code::MethodNotAllowed));
    serve(&state.0, request, refused).await
}
