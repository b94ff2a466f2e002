//! Twilio Verify Passkeys, `/v2/`: what the official SDKs speak once their base URL is changed.
//!
//! One file per resource; [`codes`] and [`reasons`] are the two tables of what can be refused. The words of this wire
//! (Service, Entity, Factor, Challenge, SID) end here: the domain knows Relying Parties, users, credentials and ceremonies.

mod access_tokens;
mod challenges;
pub mod codes;
mod entities;
pub mod error;
mod factors;
mod form;
mod idempotency;
mod identity;
mod name;
mod paging;
mod passkeys;
pub mod reasons;
mod request;
mod services;
mod settings;
mod sid;
mod state;
mod webhooks;

use axum::Router;
use axum::extract;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{any, get, post};

use crate::http::{handle, reply, serve};
use codes::Code;
use error::ApiError;
pub use state::State;

/// What the paths of this wire begin with.
pub const PREFIXES: &[&str] = &["/v2"];

/// All routes of this wire, and its answers for everything else below `/v2`.
pub fn router(state: State) -> Router {
    const SERVICE: &str = "/v2/Services/{service}";
    const ENTITY: &str = "/v2/Services/{service}/Entities/{identity}";
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    Router::new()
        .route(
            "/v2/Services",
            get(handle(services::list)).post(handle(services::create)),
        )
        .route(
            SERVICE,
            get(handle(services::fetch))
                .post(handle(services::update))
                .delete(handle(services::delete)),
        )
        .route(
            &at(SERVICE, "/Passkeys/Factors"),
            post(handle(passkeys::new_factors::create)),
        )
        .route(
            &at(SERVICE, "/Passkeys/VerifyFactor"),
            post(handle(passkeys::verify_factor::update)),
        )
        .route(
            &at(SERVICE, "/Passkeys/Challenges"),
            post(handle(passkeys::new_challenge::create)),
        )
        .route(
            &at(SERVICE, "/Passkeys/ApproveChallenge"),
            post(handle(passkeys::approve_challenge::update)),
        )
        .route(
            &at(SERVICE, "/Entities"),
            get(handle(entities::list)).post(handle(entities::create)),
        )
        .route(
            ENTITY,
            get(handle(entities::fetch)).delete(handle(entities::delete)),
        )
        .route(
            &at(ENTITY, "/Factors"),
            get(handle(factors::list)).post(handle(factors::create)),
        )
        .route(
            &at(ENTITY, "/Factors/{factor}"),
            get(handle(factors::fetch))
                .post(handle(factors::update))
                .delete(handle(factors::delete)),
        )
        .route(
            &at(ENTITY, "/Challenges"),
            get(handle(challenges::list)).post(handle(challenges::create)),
        )
        .route(
            &at(ENTITY, "/Challenges/{challenge}"),
            get(handle(challenges::fetch)).post(handle(challenges::update)),
        )
        .route(
            &at(SERVICE, "/Webhooks"),
            get(handle(webhooks::list)).post(handle(webhooks::create)),
        )
        .route(
            &at(SERVICE, "/Webhooks/{webhook}"),
            get(handle(webhooks::fetch))
                .post(handle(webhooks::update))
                .delete(handle(webhooks::delete)),
        )
        .route(
            &at(SERVICE, "/AccessTokens"),
            post(handle(access_tokens::create)),
        )
        .route(
            &at(SERVICE, "/AccessTokens/{token}"),
            get(handle(access_tokens::fetch)),
        )
        .method_not_allowed_fallback(wrong_method)
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
