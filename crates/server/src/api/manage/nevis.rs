//! What a Service chooses for the Authentication Cloud API.

use axum::http::StatusCode;
use axum::response::Response;
use parking_lot::Mutex;

use super::error::Problem;
use super::request::{Request, ok};
use crate::api::nevis::settings::{Settings, SettingsChange};

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
pub async fn fetch(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    ok(&Settings::of(&rp))
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
pub async fn change(request: Request) -> Result<Response, Problem> {
    let rp = request.service().await?;
    let change: SettingsChange = request.json().await?;
    let invalid =
        |problem: String| Problem::new(StatusCode::BAD_REQUEST, "settings_invalid").saying(problem);
    let wanted = Settings::of(&rp).changed(change.clone());
    wanted.check().map_err(invalid)?;
    // Another caller may have changed other settings since they were read: the change is applied to the current ones.
    let outcome = Mutex::new(Ok(wanted));
    let passkeys = &request.state.passkeys;
    passkeys
        .update_relying_party(rp.account, rp.id, |rp| {
            let settings = Settings::of(rp).changed(change.clone());
            let checked = settings.check();
            if checked.is_ok() {
                settings.keep_in(&mut rp.attributes);
            }
            *outcome.lock() = checked.map(|()| settings);
        })
        .await?;
    ok(&outcome.into_inner().map_err(invalid)?)
}
