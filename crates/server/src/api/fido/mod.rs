//! The FIDO Alliance's REST binding, with which conformance tools talk to a server, and the dialect of it below
//! `/nevisfido/fido2`.
//!
//! In conformance mode anyone may register any name, and responses are verified as the tools expect, which differs from
//! Level 3 in places: it is off unless configured, and serves one Relying Party, which should have no real users. Outside
//! that mode both are judged as every wire is, and a caller that starts a ceremony shows the account's secret or an access
//! key; pages send the results.

mod cors;
mod options;
pub mod reasons;
mod reply;
mod request;
mod results;
mod session;
mod state;
mod status;

use axum::Router;
use axum::extract;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, any, post};
use domain::model::grant::Scope::{Approve, Enrol, Read};
use domain::model::grant::Scopes;

use crate::http::cors::{origin, preflight};
use crate::http::{Needs, handle};
use reply::Failure;
pub use reply::Words;
use state::Dialect;
pub use state::{Parts, Served, State};

/// Where the dialect is.
pub const NEVISFIDO: &str = "/nevisfido/fido2";
/// What the paths of this wire begin with.
pub const PREFIXES: &[&str] = &["/nevisfido", "/attestation", "/assertion"];

/// The four calls of the binding. The dialect has them below [`NEVISFIDO`].
pub const CALLS: [&str; 4] = [
    "/attestation/options",
    "/attestation/result",
    "/assertion/options",
    "/assertion/result",
];

/// In the dialect one call starts both kinds of ceremony: the request tells which, and which of these its key needs.
const STARTS: Scopes = Scopes::of(&[Enrol, Approve]);

/// All routes of this wire.
pub fn router(parts: &Parts, served: Served) -> Router {
    let state = |dialect| State::new(parts, served, dialect);
    let mut router = Router::new();
    if served.dialect {
        let dialect = below(NEVISFIDO, false)
            .merge(route(
                &format!("{NEVISFIDO}/status"),
                &post(handle(Read.into(), status::read)).fallback(wrong_method),
            ))
            .route("/nevisfido", any(unknown_path))
            .route("/nevisfido/{*rest}", any(unknown_path));
        router = router.merge(dialect.with_state(state(Dialect::Nevis)));
    }
    if served.root {
        // Tools are no browsers, and what they register is no user's.
        let pages = !served.conformance;
        router = router.merge(below("", pages).with_state(state(Dialect::Fido)));
    }
    router
}

/// The four calls below a prefix; `pages` of other origins may send the results.
fn below(prefix: &str, pages: bool) -> Router<State> {
    // What a page sends is the response of an authenticator, and needs no key.
    let results = if pages {
        [
            post(handle(Needs::NoKey, results::attestation).shown_to(origin))
                .options(preflight::<State>),
            post(handle(Needs::NoKey, results::assertion).shown_to(origin))
                .options(preflight::<State>),
        ]
    } else {
        [
            post(handle(Needs::NoKey, results::attestation)),
            post(handle(Needs::NoKey, results::assertion)),
        ]
    };
    let [attestation, assertion] = results;
    let served = [
        post(handle(Needs::OneOf(STARTS), options::attestation)),
        attestation,
        post(handle(Approve.into(), options::assertion)),
        assertion,
    ];
    CALLS
        .into_iter()
        .zip(served)
        .fold(Router::new(), |router, (path, call)| {
            let call = call.fallback(wrong_method);
            router.merge(route(&format!("{prefix}{path}"), &call))
        })
}

/// A call with and without a slash at the end of its path.
fn route(path: &str, call: &MethodRouter<State>) -> Router<State> {
    Router::new()
        .route(path, call.clone())
        .route(&format!("{path}/"), call.clone())
}

/// A method that the path does not have. The router adds `Allow`.
async fn wrong_method(state: extract::State<State>) -> Response {
    state.0.failed(Failure::http(
        StatusCode::METHOD_NOT_ALLOWED,
        "This path takes POST only.",
    ))
}

/// An unknown path.
async fn unknown_path(state: extract::State<State>) -> Response {
    state.0.failed(Failure::http(
        StatusCode::NOT_FOUND,
        "There is nothing at this path.",
    ))
}
