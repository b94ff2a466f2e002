//! `GET /metrics`, on a listener of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use domain::Passkeys;

use super::measured::Metrics;
use crate::http::{Lifecycle, reply};

/// What Prometheus expects of its text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Measured {
    metrics: Arc<Metrics>,
    passkeys: Arc<Passkeys>,
    lifecycle: Arc<Lifecycle>,
}

/// The routes of the listener.
pub fn router(metrics: Arc<Metrics>, passkeys: Arc<Passkeys>, lifecycle: Arc<Lifecycle>) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state(Measured {
            metrics,
            passkeys,
            lifecycle,
        })
}

async fn show(State(measured): State<Measured>) -> Response {
    let Measured {
        metrics,
        passkeys,
        lifecycle,
    } = measured;
    match metrics.text(&passkeys, &lifecycle).await {
        Ok(text) => reply::with_body(StatusCode::OK, TEXT, text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            reply::with_body(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "")
        }
    }
}
