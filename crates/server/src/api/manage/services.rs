//! Services of the caller's account, as paths of this API name them.

use std::sync::Arc;

use axum::http::HeaderMap;
use domain::Reason;
use domain::model::ids::RelyingPartyId;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;

use super::error::Problem;
use crate::api::auth::authenticate;
use crate::app::App;

/// The Service in the path, if it is the caller's.
///
/// # Errors
/// 401; 404 for what is no SID of a Service, not there, or another account's.
pub async fn service(
    app: &App,
    headers: &HeaderMap,
    sid: &str,
) -> Result<Arc<RelyingParty>, Problem> {
    let account = authenticate(&app.passkeys, headers).await?;
    let id = service_id(sid).ok_or_else(|| Refusal::from(Reason::RelyingPartyUnknown))?;
    Ok(app.passkeys.relying_party(account, id).await?)
}

/// The key in a Service SID: `VA` and 32 hex digits.
pub fn service_id(sid: &str) -> Option<RelyingPartyId> {
    RelyingPartyId::from_hex(sid.strip_prefix("VA")?)
}
