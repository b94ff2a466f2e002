//! `POST Passkeys/Factors` (docs/wires/twilio.md, section 7.1): starts a registration.

use axum::response::Response;
use domain::Reason;
use domain::model::policy::PartialSelection;
use domain::model::relying_party::RelyingParty;
use domain::service::ceremony::Terms;
use domain::service::registration::StartRegistration;
use domain::webauthn::json::Object;
use domain::webauthn::json::Value;

use super::member;
use crate::api::twilio::codes::Code;
use crate::api::twilio::error::{ApiError, refused};
use crate::api::twilio::factors::Factor;
use crate::api::twilio::identity;
use crate::api::twilio::name::{FRIENDLY_NAME, bad_friendly_name};
use crate::api::twilio::reasons::Call;
use crate::api::twilio::request::{Request, created};
use crate::api::twilio::settings::{self, Choice};
use crate::api::twilio::state::{State, back_end};

/// The call.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let body = request.json()?;
    let object = body
        .as_object()
        .ok_or_else(|| ApiError::new(Code::InvalidRequest))?;
    let name = friendly_name(object)?;
    let identity = read_identity(&request.state, &rp, object).await?;
    let (selection, conditional_create) = match member(object, "config", "config") {
        None => Default::default(),
        Some(value) => (config(value)?, conditional(value)?),
    };
    let start = StartRegistration {
        account_name: Some(name),
        conditional_create,
        ..StartRegistration::new(identity, name, &selection, Terms::new(back_end()))
    };
    let started = request
        .state
        .passkeys
        .start_registration(&rp, start)
        .await
        .map_err(refused(Call::CreateFactor))?;
    let factor = Factor::unverified(&request.state, &rp, &started.user.name, &started.ceremony);
    created(&factor.with_options(&started.options))
}

fn friendly_name<'v>(object: &'v Object<'_>) -> Result<&'v str, ApiError> {
    match member(object, "friendly_name", "friendlyName") {
        None => Err(ApiError::new(Code::FriendlyNameMissing)
            .member("friendly_name")
            .help(Code::FriendlyNameMissing.fix())),
        Some(Value::String(name)) if name.is_empty() => {
            Err(ApiError::new(Code::FriendlyNameMissing)
                .member("friendly_name")
                .help(Code::FriendlyNameMissing.fix()))
        }
        Some(Value::String(name)) if FRIENDLY_NAME.allows(name) => Ok(name),
        Some(_) => Err(bad_friendly_name("friendly_name")),
    }
}

/// The identity: one that this wire may create, or one that exists already because another wire created it.
async fn read_identity<'v>(
    state: &State,
    rp: &RelyingParty,
    object: &'v Object<'_>,
) -> Result<&'v str, ApiError> {
    let identity = match member(object, "identity", "identity") {
        Some(Value::String(identity)) => identity,
        other => return Err(identity::wrong_type(other)),
    };
    if let Some(fault) = identity::fault(identity) {
        state
            .passkeys
            .user(rp.id, identity.as_ref())
            .await
            .map_err(|refusal| match refusal.reason {
                Reason::UserUnknown => identity::invalid(fault),
                _ => ApiError::refused(Call::CreateFactor, &refusal),
            })?;
    }
    Ok(identity)
}

/// The members of an object. An empty list has none: PHP encodes an object without members so.
fn object<'v, 'a>(value: &'v Value<'a>, none: &'v Object<'a>) -> Option<&'v Object<'a>> {
    match value {
        Value::Array(elements) if elements.is_empty() => Some(none),
        other => other.as_object(),
    }
}

fn config(value: &Value<'_>) -> Result<PartialSelection, ApiError> {
    let none = Object::default();
    let Some(config) = object(value, &none) else {
        return Err(ApiError::new(Code::FactorConfigInvalid)
            .explained(format!(
                "`config` is {}, not an object",
                value.found_instead_of_object()
            ))
            .member("config"));
    };
    let mut selection = PartialSelection {
        attachment: choice(
            config,
            "authenticator_attachment",
            "authenticatorAttachment",
        )?,
        resident_key: choice(
            config,
            "discoverable_credentials",
            "discoverableCredentials",
        )?,
        user_verification: choice(config, "user_verification", "userVerification")?,
        ..PartialSelection::default()
    };
    if let Some(value) = member(config, "relying_party", "relyingParty") {
        relying_party(value, &mut selection)?;
    }
    Ok(selection)
}

/// Our own member `mediation` of the configuration: whether the page asks for a credential without a dialog.
fn conditional(config: &Value<'_>) -> Result<bool, ApiError> {
    let value = config
        .as_object()
        .and_then(|config| member(config, "mediation", "mediation"));
    match value.map(Value::as_str) {
        None => Ok(false),
        Some(Some("conditional")) => Ok(true),
        Some(_) => Err(ApiError::new(Code::FactorConfigInvalid)
            .explained("`mediation` must be `conditional`, or absent".to_owned())
            .member("config.mediation")
            .help(Code::FactorConfigInvalid.fix())),
    }
}

fn choice<T: Choice>(
    config: &Object<'_>,
    snake: &'static str,
    camel: &str,
) -> Result<Option<T>, ApiError> {
    let Some(value) = member(config, snake, camel) else {
        return Ok(None);
    };
    if value.as_str() == Some("") {
        return Ok(None);
    }
    match value.as_str().and_then(T::from_name) {
        Some(choice) => Ok(Some(choice)),
        None => Err(ApiError::new(Code::FactorConfigInvalid)
            .explained(format!("`{snake}` must be one of: {}", T::names()))
            .member(format!("config.{snake}"))
            .help(Code::FactorConfigInvalid.fix())),
    }
}

fn relying_party(value: &Value<'_>, selection: &mut PartialSelection) -> Result<(), ApiError> {
    let refuse = |member: &'static str, problem: String| {
        Err(ApiError::new(Code::RelyingPartyInvalid)
            .explained(problem)
            .member(member)
            .help(Code::RelyingPartyInvalid.fix()))
    };
    let none = Object::default();
    let Some(party) = object(value, &none) else {
        return refuse(
            "relying_party",
            format!(
                "`relying_party` is {}, not an object",
                value.found_instead_of_object()
            ),
        );
    };
    match member(party, "id", "id") {
        None => {}
        Some(Value::String(id)) => selection.rp_id = Some(settings::rp_id(id)?),
        Some(other) => {
            return Err(ApiError::new(Code::RelyingPartyIdInvalid)
                .explained(format!(
                    "`relying_party.id` is {}, not a string",
                    other.type_name()
                ))
                .member("relying_party.id"));
        }
    }
    match member(party, "name", "name") {
        None => {}
        Some(Value::String(name)) => selection.rp_name = Some(settings::rp_name(name)?),
        Some(other) => {
            let problem = format!(
                "`relying_party.name` is {}, not a string",
                other.type_name()
            );
            return refuse("relying_party.name", problem);
        }
    }
    let texts: Option<Vec<&str>> = match member(party, "origins", "origins") {
        None => return Ok(()),
        Some(Value::Array(elements)) => elements.iter().map(Value::as_str).collect(),
        // As in the form of a service.
        Some(Value::String(text)) => Some(vec![text]),
        Some(_) => None,
    };
    match texts {
        // None at all are no wish, as in the form of a service.
        Some(texts) => {
            let origins = settings::origins(texts)?;
            selection.origins = (!origins.is_empty()).then_some(origins);
        }
        None => {
            return refuse(
                "relying_party.origins",
                "`relying_party.origins` is not an array of strings".to_owned(),
            );
        }
    }
    Ok(())
}
