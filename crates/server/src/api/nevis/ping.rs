//! `GET /ping` (docs/wires/nevis.md, section 3.1).

use axum::response::Response;

use super::auth::access_key;
use super::error::ApiError;
use super::request::{Request, text_of};

/// The call.
pub async fn read(request: Request) -> Result<Response, ApiError> {
    if !request.state.open_ping {
        access_key(&request).await?;
    }
    Ok(text_of("text/plain; charset=utf-8", "PONG".to_owned()))
}
