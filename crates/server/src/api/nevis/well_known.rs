//! The files below `/.well-known/` (docs/wires/nevis.md, section 1.5) for the Relying Parties whose RP ID is passkeyd's own host; another host serves
//! its own.

use std::sync::Arc;

use axum::response::Response;
use domain::Reason;
use domain::model::relying_party::RelyingParty;
use domain::service::prepared::Prepared;
use domain::webauthn::relying_party::RpId;

use super::error::{ApiError, refused};
use super::reasons::Call;
use super::request::{Request, ok};
use super::state::State;
use crate::api::well_known::File;

/// `GET /.well-known/webauthn`.
pub async fn related_origins(request: Request) -> Result<Response, ApiError> {
    answer(&request, File::RelatedOrigins).await
}

/// `GET /.well-known/passkey-endpoints`.
pub async fn passkey_endpoints(request: Request) -> Result<Response, ApiError> {
    answer(&request, File::PasskeyEndpoints).await
}

/// `GET /.well-known/assetlinks.json`.
pub async fn android(request: Request) -> Result<Response, ApiError> {
    answer(&request, File::Android).await
}

/// `GET /.well-known/apple-app-site-association`.
pub async fn apple(request: Request) -> Result<Response, ApiError> {
    answer(&request, File::Apple).await
}

async fn answer(request: &Request, file: File) -> Result<Response, ApiError> {
    let parties = parties(&request.state).await?;
    let records: Vec<&RelyingParty> = parties.iter().map(|rp| &***rp).collect();
    match file.content(&records, request.state.public_url.origin()) {
        Some(content) => ok(&content),
        None => Err(ApiError::not_found(
            "The Services with this RP ID need no such file.",
        )),
    }
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
