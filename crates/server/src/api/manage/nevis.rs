//! What a Service chooses for the Authentication Cloud API.

mod document;

use axum::http::StatusCode;
use axum::response::Response;
use domain::model::relying_party::RelyingParty;

pub use self::document::{Settings, SettingsChange};
use super::error::Problem;
use super::request::{Request, ok};
use super::state::administrator;

/// Shows what a Service has chosen for the Authentication Cloud API.
#[utoipa::path(
    get,
    operation_id = "fetch_nevis_settings",
    tag = "Authentication Cloud API",
    path = "/manage/v1/services/{service}/nevis",
    params(("service" = String, Path, description = "`VA` and 32 hex digits")),
    responses(
        (status = 200, description = "The settings.", body = Settings),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service.", body = Problem),
    )
)]
pub(super) async fn fetch(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    ok(&Settings::from(rp.settings.nevis.clone()))
}

/// Changes what a Service has chosen for the Authentication Cloud API. Transactions that are open keep what they were begun
/// with. Other nodes notice within a second.
#[utoipa::path(
    patch,
    operation_id = "change_nevis_settings",
    tag = "Authentication Cloud API",
    path = "/manage/v1/services/{service}/nevis",
    params(("service" = String, Path, description = "`VA` and 32 hex digits")),
    request_body = SettingsChange,
    responses(
        (status = 200, description = "The settings as they are now.", body = Settings),
        (status = 400, description = "The body is not as described, or a value is out of its bounds.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service.", body = Problem),
        (status = 415, description = "The body is not JSON.", body = Problem),
    )
)]
pub(super) async fn change(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    let change: SettingsChange = request.json().await?;
    // Another caller may have changed other settings since they were read: the change is made to the current ones.
    let change = |rp: &mut RelyingParty| {
        let settings = &mut rp.settings.nevis;
        change.clone().apply(settings);
        settings.check().map_err(|unfit| {
            Problem::new(StatusCode::BAD_REQUEST, "settings_invalid").saying(unfit.to_string())
        })
    };
    let passkeys = &request.state.passkeys;
    let changed = passkeys
        .update_relying_party(rp.account, rp.id, change, &administrator())
        .await?;
    ok(&Settings::from(changed.settings.nevis))
}
