//! `AccessTokens` (contract section 8.4): they belong to push factors, so there are none.

use axum::extract::{Request, State};
use axum::response::Response;

use super::codes::Code;
use super::error::ApiError;
use super::inbound::serve;
use super::services;
use crate::app::App;

/// `POST AccessTokens`.
pub async fn create(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        services::ensure(&app, &inbound, Code::AccessTokenParameters).await
    })
    .await
}

/// `GET AccessTokens/{YK}`.
pub async fn fetch(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        inbound.service(&app).await?;
        Err(ApiError::new(Code::NotFound))
    })
    .await
}
