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
use axum::routing::any;
use domain::model::grant::Scope::{Approve, Enrol, Manage, Read};

use crate::http::routes::{self, Route, by_path, route};
use crate::http::{Needs, handle, reply};
use codes::Code;
use error::ApiError;
pub use state::State;

/// What the paths of this wire begin with.
pub const PREFIXES: &[&str] = &["/v2"];

/// Every route of this wire.
fn routes() -> Vec<Route<State>> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const DELETE: Method = Method::DELETE;
    const SERVICES: &str = "/v2/Services";
    const SERVICE: &str = "/v2/Services/{service}";
    const ENTITY: &str = "/v2/Services/{service}/Entities/{identity}";
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    let call = |name: &str| format!("{SERVICE}/Passkeys/{name}");
    let entities = at(SERVICE, "/Entities");
    let (factors, factor) = (at(ENTITY, "/Factors"), at(ENTITY, "/Factors/{factor}"));
    let challenges = at(ENTITY, "/Challenges");
    let challenge = at(ENTITY, "/Challenges/{challenge}");
    let (webhooks, webhook) = (at(SERVICE, "/Webhooks"), at(SERVICE, "/Webhooks/{webhook}"));
    let tokens = at(SERVICE, "/AccessTokens");
    let token = at(SERVICE, "/AccessTokens/{token}");
    vec![
        route(GET, SERVICES, Read, services::list),
        route(POST, SERVICES, Manage, services::create),
        route(GET, SERVICE, Read, services::fetch),
        route(POST, SERVICE, Manage, services::update),
        route(DELETE, SERVICE, Manage, services::delete),
        route(POST, call("Factors"), Enrol, passkeys::new_factors::create),
        route(
            POST,
            call("VerifyFactor"),
            Enrol,
            passkeys::verify_factor::update,
        ),
        route(
            POST,
            call("Challenges"),
            Approve,
            passkeys::new_challenge::create,
        ),
        route(
            POST,
            call("ApproveChallenge"),
            Approve,
            passkeys::approve_challenge::update,
        ),
        route(GET, &*entities, Read, entities::list),
        route(POST, entities, Enrol, entities::create),
        route(GET, ENTITY, Read, entities::fetch),
        route(DELETE, ENTITY, Manage, entities::delete),
        route(GET, &*factors, Read, factors::list),
        route(POST, factors, Enrol, factors::create),
        route(GET, &*factor, Read, factors::fetch),
        route(POST, &*factor, Enrol, factors::update),
        route(DELETE, factor, Manage, factors::delete),
        route(GET, &*challenges, Read, challenges::list),
        route(POST, challenges, Approve, challenges::create),
        route(GET, &*challenge, Read, challenges::fetch),
        route(POST, challenge, Approve, challenges::update),
        route(GET, &*webhooks, Read, webhooks::list),
        route(POST, webhooks, Manage, webhooks::create),
        route(GET, &*webhook, Read, webhooks::fetch),
        route(POST, &*webhook, Manage, webhooks::update),
        route(DELETE, webhook, Manage, webhooks::delete),
        route(POST, tokens, Enrol, access_tokens::create),
        route(GET, token, Read, access_tokens::fetch),
    ]
}

/// The paths of all routes, with their parameters in braces.
pub fn paths() -> impl Iterator<Item = String> {
    by_path(routes()).into_iter().map(|(path, _)| path)
}

/// What a key needs for each route.
pub fn needs() -> impl Iterator<Item = (Method, String, Needs)> {
    routes::needs(routes())
}

/// All routes of this wire, and its answers for everything else below `/v2`.
pub fn router(state: State) -> Router {
    let all = by_path(routes())
        .into_iter()
        .fold(Router::new(), |all, (path, methods)| {
            all.route(&path, methods)
        });
    let elsewhere = any(handle(Needs::ANY_KEY, request::not_found));
    all.method_not_allowed_fallback(wrong_method)
        .route("/v2", elsewhere.clone())
        .route("/v2/", elsewhere.clone())
        .route("/v2/{*rest}", elsewhere)
        .with_state(state)
}

/// A method that the path does not have: 401 for strangers, else 20004. The router adds `Allow`. OPTIONS asks for nothing else.
async fn wrong_method(state: extract::State<State>, request: extract::Request) -> Response {
    if request.method() == Method::OPTIONS {
        return reply::no_content();
    }
    let refused = async |_| Err(ApiError::new(Code::MethodNotAllowed));
    handle(Needs::ANY_KEY, refused)
        .serve(&state.0, request)
        .await
}
