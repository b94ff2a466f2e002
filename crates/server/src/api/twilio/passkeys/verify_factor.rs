//! `POST Passkeys/VerifyFactor` (contract section 6.4): ends a registration.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::webauthn::client_data::ClientDataType;
use domain::webauthn::response::RegistrationResponse;

use super::credential::{FORM, ensure_kind, malformed};
use crate::api::twilio::BACK_END;
use crate::api::twilio::error::refused;
use crate::api::twilio::factors::Factor;
use crate::api::twilio::inbound::{Answer, serve};
use crate::api::twilio::reasons::Call;
use crate::app::App;

const CALL: Call = Call::VerifyFactor;

/// The call. The body names no factor: it is found by the challenge in the client data.
pub async fn update(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        let rp = inbound.service(&app).await?;
        let body = inbound.json()?;
        let response = RegistrationResponse::from_json(&body, &FORM)
            .map_err(|error| malformed(CALL, &body, &error))?;
        ensure_kind(response.client_data(), &ClientDataType::Create)?;
        let finished = app
            .passkeys
            .finish_registration(rp.id, &response, None, &BACK_END)
            .await
            .map_err(refused(CALL))?;
        Answer::ok(&Factor::verified(
            &app,
            &rp,
            &finished.user_name,
            &finished.record,
        ))
    })
    .await
}
