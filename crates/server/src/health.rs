//! Whether the process is alive, and whether it is ready for requests.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use domain::Passkeys;
use domain::Reason;
use domain::store::Responds;

pub use crate::http::Lifecycle;

#[derive(Clone)]
struct Health {
    passkeys: Arc<Passkeys>,
    lifecycle: Arc<Lifecycle>,
}

/// `GET /livez`, `GET /readyz` and `GET /startupz`.
pub fn router(passkeys: Arc<Passkeys>, lifecycle: Arc<Lifecycle>) -> Router {
    Router::new()
        // A process that responds is alive. A broken store is no reason to restart it.
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        // Nothing is served before the store is open and has the current format.
        .route("/startupz", get(|| async { "started" }))
        .with_state(Health {
            passkeys,
            lifecycle,
        })
}

/// Neither a store without writes nor stale metadata makes the node unready. They are reported in the text.
fn readiness(passkeys: &Passkeys, store: Responds) -> &'static str {
    if store == Responds::ToReads {
        return "ready; the store takes no writes at the moment";
    }
    match crate::metadata::trouble(&passkeys.metadata_state(), passkeys.now()) {
        None => "ready",
        Some(Reason::MetadataStale) => "ready; the metadata is stale",
        Some(_) => "ready; the metadata in the store cannot be used",
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, &'static str) {
    state(&health.passkeys, &health.lifecycle).await
}

/// Whether the process is ready for requests, and its state as text.
pub async fn state(passkeys: &Passkeys, lifecycle: &Lifecycle) -> (StatusCode, &'static str) {
    if lifecycle.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    match passkeys.ping().await {
        Ok(store) => (StatusCode::OK, readiness(passkeys, store)),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not respond",
        ),
    }
}
