//! Whether the process lives, and whether it should be sent requests.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use domain::Passkeys;
use domain::Reason;

pub use crate::http::Lifecycle;

#[derive(Clone)]
struct Health {
    passkeys: Arc<Passkeys>,
    lifecycle: Arc<Lifecycle>,
}

/// `GET /livez` and `GET /readyz`.
pub fn router(passkeys: Arc<Passkeys>, lifecycle: Arc<Lifecycle>) -> Router {
    Router::new()
        // As long as it answers, it lives: a broken store is no reason to be restarted.
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(Health {
            passkeys,
            lifecycle,
        })
}

/// Metadata that are not as they should be are no reason to be sent no requests, but one to be told.
fn readiness(passkeys: &Passkeys) -> &'static str {
    match crate::metadata::trouble(&passkeys.metadata_state(), passkeys.now()) {
        None => "ready",
        Some(Reason::MetadataStale) => "ready; the metadata are stale",
        Some(_) => "ready; the metadata in the store cannot be used",
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, &'static str) {
    state(&health.passkeys, &health.lifecycle).await
}

/// Whether requests should be sent here, and in words how it stands.
pub async fn state(passkeys: &Passkeys, lifecycle: &Lifecycle) -> (StatusCode, &'static str) {
    if lifecycle.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    match passkeys.ping().await {
        Ok(()) => (StatusCode::OK, readiness(passkeys)),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer"),
    }
}
