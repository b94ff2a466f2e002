//! Twilio Verify Passkeys, `/v2/`.

use axum::Router;

use crate::app::App;

/// All routes of this wire.
pub fn router() -> Router<App> {
    Router::new()
}
