//! `POST Passkeys/ApproveChallenge` (docs/wires/twilio.md, section 8.2): ends an authentication.

use axum::response::Response;
use domain::Reason;
use domain::model::ids::UserId;
use domain::webauthn::client_data::ClientDataType;
use domain::webauthn::credential::UserHandle;
use domain::webauthn::response::AuthenticationResponse;

use super::credential::{FORM, ensure_kind, malformed};
use crate::api::signals;
use crate::api::twilio::challenges::Challenge;
use crate::api::twilio::codes::Code;
use crate::api::twilio::error::{ApiError, refused};
use crate::api::twilio::reasons::Call;
use crate::api::twilio::request::{Request, ok};
use crate::api::twilio::services;
use crate::api::twilio::state::back_end;

const CALL: Call = Call::ApproveChallenge;

/// The call. The body names no challenge: it is found by the challenge in the client data. The answer names the user
/// and the factor, also when the challenge had named nobody.
pub async fn update(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let body = request.json()?;
    let response = AuthenticationResponse::from_json(&body, &FORM)
        .map_err(|error| malformed(CALL, &body, &error))?;
    ensure_kind(response.client_data(), &ClientDataType::Get)?;
    if let Err(error) = ensure_user_handle(&response) {
        let passkeys = &request.state.passkeys;
        let imported = passkeys.admits_foreign_handle(rp.id, &response).await;
        if !imported.map_err(refused(CALL))? {
            return Err(error);
        }
    }
    let signed_in = request
        .state
        .passkeys
        .finish_authentication(rp.id, &response, &back_end())
        .await
        .map_err(refused(CALL))?;
    signals::of_sign_in(&signed_in);
    let ceremony = &signed_in.ceremony;
    let url = request.state.public_url.join(&format!(
        "{}/Passkeys/ApproveChallenge",
        services::path(rp.id)
    ));
    let identity = Some(signed_in.user.name.as_ref());
    let challenge = Challenge::new(&rp, ceremony, identity, url, ceremony.updated);
    ok(&challenge.with_options(ceremony))
}

/// Refuses a user handle that cannot be any entity's (60365). One of another entity is for the verifier (60324).
fn ensure_user_handle(response: &AuthenticationResponse) -> Result<(), ApiError> {
    match response.user_handle() {
        Some(handle) if UserId::from_user_handle(handle).is_none() => {
            let fault = if is_encoded_twice(handle) {
                "`response.userHandle` is an Entity SID encoded as base64url twice: encode its bytes once"
            } else {
                "`response.userHandle` does not decode to an Entity SID"
            };
            Err(ApiError::new(Code::EntitySidInvalid)
                .because(Reason::UserHandleInvalid)
                .explained(fault)
                .member("response.userHandle"))
        }
        _ => Ok(()),
    }
}

/// Whether a decoded handle is the base64url text of an entity's.
fn is_encoded_twice(handle: &UserHandle) -> bool {
    std::str::from_utf8(handle.as_bytes())
        .ok()
        .and_then(|text| UserHandle::from_base64url(text.trim_end_matches('=')).ok())
        .is_some_and(|inner| UserId::from_user_handle(&inner).is_some())
}
