//! `GET /api/v1/jwks/{instance}`: the key with which a back end verifies ES256 transaction tokens by itself (RFC 7517). The
//! instance is the audience of the tokens. There is nothing here while a Relying Party has its tokens signed with a MAC.

use axum::response::Response;
use domain::Reason;
use domain::model::ids::RelyingPartyId;
use domain::model::settings::nevis::TransactionTokenAlgorithm;
use serde_json::json;

use super::error::ApiError;
use super::reasons::Call;
use super::request::{Request, ok};
use super::signing;
use super::uuid::Uuid;

/// The call. The key is public, so no access key is asked for.
pub async fn read(request: Request) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("There is no such instance, or it has no public key.");
    let id = Uuid::parse(request.segment("instance"))
        .map(RelyingPartyId::from)
        .ok_or_else(unknown)?;
    let rp = match request.state.passkeys.relying_party_itself(id).await {
        Ok(rp) => rp,
        Err(refusal) if refusal.reason == Reason::RelyingPartyUnknown => return Err(unknown()),
        Err(refusal) => return Err(ApiError::refused(Call::Api, &refusal)),
    };
    match rp.settings.nevis.transaction_token_algorithm {
        TransactionTokenAlgorithm::Hs512 => Err(unknown()),
        TransactionTokenAlgorithm::Es256 => {
            let keys = request
                .state
                .passkeys
                .signing_keys(&rp)
                .await
                .map_err(|refusal| ApiError::refused(Call::Api, &refusal))?;
            let public: Vec<_> = keys.iter().map(|key| signing::public(key)).collect();
            ok(&json!({"keys": public}))
        }
    }
}
