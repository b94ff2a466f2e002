//! `/.well-known/assetlinks.json` and `/.well-known/apple-app-site-association` (docs/wires/nevis.md, section 1.5): which apps may use the
//! passkeys of an RP ID. They count for the Relying Parties whose RP ID is passkeyd's own host; another host serves its own.

use std::sync::Arc;

use axum::response::Response;
use domain::Reason;
use domain::service::prepared::Prepared;
use domain::webauthn::relying_party::RpId;
use serde_json::{Value, json};

use super::error::{ApiError, refused};
use super::reasons::Call;
use super::request::{Request, ok};
use super::state::State;

const LOGIN: &str = "delegate_permission/common.get_login_creds";
const LINKS: &str = "delegate_permission/common.handle_all_urls";

/// `GET /.well-known/assetlinks.json`.
pub async fn android(request: Request) -> Result<Response, ApiError> {
    let parties = parties(&request.state).await?;
    let apps: Vec<Value> = parties
        .iter()
        .flat_map(|rp| &rp.settings.nevis.android_apps)
        .map(|android| {
            json!({
                "relation": [LINKS, LOGIN],
                "target": {
                    "namespace": "android_app",
                    "package_name": android.package_name,
                    "sha256_cert_fingerprints": android.sha256_cert_fingerprints,
                },
            })
        })
        .collect();
    if apps.is_empty() {
        return Err(none());
    }
    let site = json!({
        "relation": [LOGIN],
        "target": {"namespace": "web", "site": request.state.public_url.origin()},
    });
    let statements: Vec<Value> = std::iter::once(site).chain(apps).collect();
    ok(&statements)
}

/// `GET /.well-known/apple-app-site-association`.
pub async fn apple(request: Request) -> Result<Response, ApiError> {
    let parties = parties(&request.state).await?;
    let apps: Vec<&String> = parties
        .iter()
        .flat_map(|rp| &rp.settings.nevis.apple_apps)
        .collect();
    if apps.is_empty() {
        return Err(none());
    }
    ok(&json!({"webcredentials": {"apps": apps}}))
}

/// The Relying Parties whose RP ID is passkeyd's own host. The host is the configured one, never that of the
/// request.
async fn parties(state: &State) -> Result<Vec<Arc<Prepared>>, ApiError> {
    let Ok(rp_id) = RpId::parse(state.public_url.host()) else {
        return Ok(Vec::new());
    };
    let parties = state.passkeys.relying_parties_with_rp_id(&rp_id).await;
    let mut found = Vec::new();
    for id in &*parties.map_err(refused(Call::Api))? {
        match state.passkeys.relying_party_itself(*id).await {
            Ok(rp) => found.push(rp),
            Err(refusal) if refusal.reason == Reason::RelyingPartyUnknown => {}
            Err(refusal) => return Err(ApiError::refused(Call::Api, &refusal)),
        }
    }
    Ok(found)
}

fn none() -> ApiError {
    ApiError::not_found("No app is configured for this host.")
}
