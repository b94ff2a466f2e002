//! `AccessTokens` (docs/wires/twilio.md, section 6.6): they belong to push factors, so there are none.

use axum::response::Response;

use super::codes::Code;
use super::error::ApiError;
use super::request::Request;
use super::services;

/// `POST AccessTokens`.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    services::ensure(&request, Code::AccessTokenParameters).await
}

/// `GET AccessTokens/{YK}`.
pub async fn fetch(request: Request) -> Result<Response, ApiError> {
    request.service().await?;
    Err(ApiError::new(Code::NotFound))
}
