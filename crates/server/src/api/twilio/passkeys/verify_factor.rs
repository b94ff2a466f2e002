//! `POST Passkeys/VerifyFactor` (docs/wires/twilio.md, section 7.2): ends a registration.

use axum::response::Response;
use domain::webauthn::client_data::ClientDataType;
use domain::webauthn::response::RegistrationResponse;

use super::credential::{FORM, ensure_kind, malformed};
use crate::api::signals;
use crate::api::twilio::error::{ApiError, refused};
use crate::api::twilio::factors::Factor;
use crate::api::twilio::reasons::Call;
use crate::api::twilio::request::{Request, ok};
use crate::api::twilio::state::back_end;

const CALL: Call = Call::VerifyFactor;

/// The call. The body names no factor: it is found by the challenge in the client data.
pub async fn update(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let body = request.json()?;
    let response = RegistrationResponse::from_json(&body, &FORM)
        .map_err(|error| malformed(CALL, &body, &error))?;
    ensure_kind(response.client_data(), &ClientDataType::Create)?;
    let finished = request
        .state
        .passkeys
        .finish_registration(rp.id, &response, None, &back_end())
        .await
        .map_err(refused(CALL))?;
    signals::of_registration(&finished);
    ok(&Factor::verified(
        &request.state,
        &rp,
        &finished.user_name,
        &finished.record,
    ))
}
