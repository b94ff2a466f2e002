//! Twilio Verify Passkeys, `/v2/`: what the official SDKs speak once their base URL is changed.
//!
//! One file per resource; [`codes`] and [`reasons`] are the two tables of what can be refused. The words of this wire
//! (Service, Entity, Factor, Challenge, SID) end here: the domain knows Relying Parties, users, credentials and ceremonies.

mod access_tokens;
mod challenges;
pub mod codes;
mod dates;
mod entities;
pub mod error;
mod factors;
mod form;
mod idempotency;
mod identity;
mod inbound;
mod paging;
mod passkeys;
pub mod reasons;
mod services;
mod settings;
mod sid;
mod webhooks;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{any, get, post};

use domain::model::audit::{Actor, ActorKind};

use crate::app::App;

/// Who calls: the account's back end, whose user agent says nothing about a user's device.
const BACK_END: Actor = Actor::new(ActorKind::Api, "twilio");
/// Most bytes of a request body. The transport has the same limit in front of all wires; this one holds without it.
const MAX_BODY: usize = 256 * 1024;

/// All routes of this wire, and its answers for everything else below `/v2`.
pub fn router() -> Router<App> {
    const SERVICE: &str = "/v2/Services/{service}";
    const ENTITY: &str = "/v2/Services/{service}/Entities/{identity}";
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    Router::new()
        .route("/v2/Services", get(services::list).post(services::create))
        .route(
            SERVICE,
            get(services::fetch)
                .post(services::update)
                .delete(services::delete),
        )
        .route(
            &at(SERVICE, "/Passkeys/Factors"),
            post(passkeys::new_factors::create),
        )
        .route(
            &at(SERVICE, "/Passkeys/VerifyFactor"),
            post(passkeys::verify_factor::update),
        )
        .route(
            &at(SERVICE, "/Passkeys/Challenges"),
            post(passkeys::new_challenge::create),
        )
        .route(
            &at(SERVICE, "/Passkeys/ApproveChallenge"),
            post(passkeys::approve_challenge::update),
        )
        .route(
            &at(SERVICE, "/Entities"),
            get(entities::list).post(entities::create),
        )
        .route(ENTITY, get(entities::fetch).delete(entities::delete))
        .route(
            &at(ENTITY, "/Factors"),
            get(factors::list).post(factors::create),
        )
        .route(
            &at(ENTITY, "/Factors/{factor}"),
            get(factors::fetch)
                .post(factors::update)
                .delete(factors::delete),
        )
        .route(
            &at(ENTITY, "/Challenges"),
            get(challenges::list).post(challenges::create),
        )
        .route(
            &at(ENTITY, "/Challenges/{challenge}"),
            get(challenges::fetch).post(challenges::update),
        )
        .route(
            &at(SERVICE, "/Webhooks"),
            get(webhooks::list).post(webhooks::create),
        )
        .route(
            &at(SERVICE, "/Webhooks/{webhook}"),
            get(webhooks::fetch)
                .post(webhooks::update)
                .delete(webhooks::delete),
        )
        .route(&at(SERVICE, "/AccessTokens"), post(access_tokens::create))
        .route(
            &at(SERVICE, "/AccessTokens/{token}"),
            get(access_tokens::fetch),
        )
        .method_not_allowed_fallback(method_not_allowed)
        .route("/v2", any(inbound::not_found))
        .route("/v2/", any(inbound::not_found))
        .route("/v2/{*rest}", any(inbound::not_found))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// A method that the path does not have: 401 for strangers, else 20004. The router adds `Allow`.
async fn method_not_allowed(State(app): State<App>, request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return error::options_answer();
    }
    inbound::serve(app, request, async |_, _| {
        Err(error::ApiError::new(codes::Code::MethodNotAllowed))
    })
    .await
}
