//! The console, `/console/`: pages for the people who run passkeyd and who help others with their passkeys.
//!
//! The pages are rendered here and work without a script; only a passkey ceremony needs one. Administrators sign in with a passkey through
//! the domain, under a Relying Party that is reserved for the console ([`domain::model::console`]).
//!
//! [`routes`] is the one table of all routes, each with the role that it needs. [`visit`] is the one place where a request is let in:
//! the session, the role, the origin of a request that changes something, and the token of its form.

mod account;
mod account_events;
mod administrators;
mod attempts;
mod authentication_cloud;
mod ceremonies;
mod chart;
mod client_events;
mod failure;
mod health;
mod keys;
mod merge;
mod metadata;
mod overview;
pub(crate) mod page;
mod people;
mod place;
mod policy;
mod route;
mod routes;
mod services;
mod sign_in;
mod state;
mod token_keys;
mod trail;
mod visit;
mod webhooks;
mod words;
mod wrong;

use axum::Router;
use axum::response::Response;
use axum::routing::{any, get};

pub use page::POLICY;
pub use place::Place;
pub use route::{Needs, Route};
pub use routes::all as routes;
pub use state::{Parts, State};
pub(crate) use words::moment;

/// What the paths of the console begin with.
pub const PREFIXES: &[&str] = &["/console"];

/// The pages, their style sheet and their script.
pub fn router(state: State) -> Router {
    let mut router = Router::new()
        .route("/console", get(home))
        .route("/console/style.css", get(page::style))
        .route("/console/script.js", get(page::script))
        .route("/console/icon.svg", get(page::icon))
        .route("/console/{*path}", any(visit::unknown));
    for path in routes::paths() {
        router = router.route(path, routes::at(path));
    }
    router.with_state(state)
}

async fn home(axum::extract::State(state): axum::extract::State<State>) -> Response {
    page::see_other(&state.place.path("/"))
}
