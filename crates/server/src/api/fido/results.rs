//! `POST attestation/result` and `POST assertion/result`: the answers of authenticators.

use axum::http::header::USER_AGENT;
use axum::response::Response;
use domain::Reason;
use domain::model::audit::{Actor, ActorKind};
use domain::model::refusal::Refusal;
use domain::webauthn::client_data::ClientData;
use domain::webauthn::client_data::TokenBinding;
use domain::webauthn::json::Object;
use domain::webauthn::json::Value;
use domain::webauthn::response::AuthenticationResponse;
use domain::webauthn::response::RegistrationResponse;
use domain::webauthn::response::ResponseForm;

use super::reply::Failure;
use super::request::Request;
use super::state::{Dialect, State, WIRE};
use crate::api::signals;
use crate::http::current;
use crate::http::json::{self, text};
use crate::http::name::NameRule;

/// The name of a credential.
const CREDENTIAL_NAME: NameRule = NameRule::characters(0, 64);

/// What this wire demands of a credential's form: `type` must be there, `rawId` need not. Conformance tools want padding
/// refused; real clients may send it.
fn form(state: &State) -> ResponseForm {
    ResponseForm {
        raw_id_required: false,
        raw_id_may_be_hex: false,
        type_required: true,
        padding_dropped: !state.conformance,
        words_in_any_spelling: false,
        empty_user_handle_is_absent: true,
        both_kinds_refused: false,
    }
}

/// `POST attestation/result`.
pub async fn attestation(request: Request) -> Result<Response, Failure> {
    let sent = request.json_text().await?;
    let body = sent.value()?;
    let object = envelope(&body)?;
    let response = RegistrationResponse::from_json(&body, &form(&request.state))
        .map_err(|error| Refusal::new(error.reason(), error.to_string()))?;
    require_token_binding(&request.state, response.client_data())?;
    let name = credential_name(&request.state, object)?;
    let by = actor(&request, object)?;
    let finished = request
        .state
        .passkeys
        .finish_registration(request.state.relying_party, &response, name, &by)
        .await?;
    signals::of_registration(&finished);
    Ok(request
        .state
        .processed(&finished.user_name, finished.record.key.into()))
}

/// `POST assertion/result`.
pub async fn assertion(request: Request) -> Result<Response, Failure> {
    let sent = request.json_text().await?;
    let body = sent.value()?;
    let object = envelope(&body)?;
    let response = AuthenticationResponse::from_json(&body, &form(&request.state))
        .map_err(|error| Refusal::new(error.reason(), error.to_string()))?;
    require_token_binding(&request.state, response.client_data())?;
    let by = actor(&request, object)?;
    let signed_in = request
        .state
        .passkeys
        .finish_authentication(request.state.relying_party, &response, &by)
        .await?;
    signals::of_sign_in(&signed_in);
    Ok(request
        .state
        .processed(&signed_in.user.name, signed_in.ceremony.id))
}

/// The members around the credential's own.
fn envelope<'v, 'a>(body: &'v Value<'a>) -> Result<&'v Object<'a>, Failure> {
    // Reading the body made sure.
    let object = body.as_object().ok_or_else(Failure::internal)?;
    json::object(object, "getClientExtensionResults")?;
    Ok(object)
}

/// Tools know the rules that Level 2 had for `tokenBinding`; real clients put anything there.
fn require_token_binding(state: &State, client_data: &ClientData) -> Result<(), Failure> {
    if state.conformance && client_data.token_binding == TokenBinding::Malformed {
        return Err(Refusal::new(
            Reason::ClientDataMalformed,
            "tokenBinding must be an object whose status is present, supported or not-supported",
        )
        .into());
    }
    Ok(())
}

/// The name that the user gave the authenticator, a member of the dialect.
fn credential_name<'v>(state: &State, object: &'v Object<'_>) -> Result<Option<&'v str>, Failure> {
    if state.dialect == Dialect::Fido {
        return Ok(None);
    }
    let name = text(object, "userFriendlyName")?.filter(|name| !name.is_empty());
    if name.is_some_and(|name| !CREDENTIAL_NAME.allows(name)) {
        return Err(Failure::form(format!(
            "userFriendlyName must have at most {} characters, none of them a control.",
            CREDENTIAL_NAME.most()
        )));
    }
    Ok(name)
}

/// The user's browser or app: in the dialect as the body says, else as its header says.
fn actor(request: &Request, object: &Object<'_>) -> Result<Actor, Failure> {
    let user = current::calling(Actor::new(ActorKind::User, WIRE));
    let said = match request.state.dialect {
        Dialect::Nevis => text(object, "userAgent")?,
        Dialect::Fido => None,
    };
    let header = request.headers().get(USER_AGENT);
    let agent = said.or_else(|| header.and_then(|value| value.to_str().ok()));
    Ok(match agent {
        Some(agent) => user.agent(agent),
        None => user,
    })
}
