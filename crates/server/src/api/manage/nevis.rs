//! What a Service chooses for the Authentication Cloud API.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;

use super::body::read;
use super::error::Problem;
use super::services::service;
use crate::api::nevis::settings::{Settings, SettingsChange};
use crate::app::App;

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
pub async fn fetch(
    State(app): State<App>,
    headers: HeaderMap,
    Path(sid): Path<String>,
) -> Result<Json<Settings>, Problem> {
    let rp = service(&app, &headers, &sid).await?;
    Ok(Json(Settings::of(&rp)))
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
pub async fn change(
    State(app): State<App>,
    headers: HeaderMap,
    Path(sid): Path<String>,
    body: Bytes,
) -> Result<Json<Settings>, Problem> {
    let rp = service(&app, &headers, &sid).await?;
    let change: SettingsChange = read(&headers, &body)?;
    let invalid =
        |problem: String| Problem::new(StatusCode::BAD_REQUEST, "settings_invalid").saying(problem);
    let wanted = Settings::of(&rp).changed(change.clone());
    wanted.check().map_err(invalid)?;
    // Somebody else may have changed other settings since they were read: the change is made to what is there then.
    let outcome = Mutex::new(Ok(wanted));
    app.passkeys
        .update_relying_party(rp.account, rp.id, |rp| {
            let settings = Settings::of(rp).changed(change.clone());
            let checked = settings.check();
            if checked.is_ok() {
                settings.keep_in(&mut rp.attributes);
            }
            *outcome.lock() = checked.map(|()| settings);
        })
        .await?;
    outcome.into_inner().map(Json).map_err(invalid)
}
