//! The native management API, `/manage/v1/`.
use axum::Router;
use crate::app::App;
/// All routes of this wire.
pub fn router() -> Router<App> {
    Router::new()
}
/// The OpenAPI description as JSON.
pub fn openapi_json() -> String {
    String::new()
}
