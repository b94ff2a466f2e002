//! `POST Passkeys/Challenges` (docs/wires/twilio.md, section 8.1): starts an authentication.

use axum::response::Response;
use domain::Reason;
use domain::model::ids::CredentialKey;
use domain::model::user::UserRef;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::webauthn::json::Object;
use domain::webauthn::json::Value;

use super::member;
use crate::api::twilio::challenges::Challenge;
use crate::api::twilio::codes::Code;
use crate::api::twilio::error::ApiError;
use crate::api::twilio::identity;
use crate::api::twilio::reasons::Call;
use crate::api::twilio::request::{Request, created};
use crate::api::twilio::state::back_end;
use crate::api::twilio::{services, sid};

/// The call. An absent body, `null` and `[]` ask for the same as `{}`: a sign-in in which the credential says who the user is.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let body = request.optional_json()?;
    let who = match body.as_object() {
        Some(object) => who(object)?,
        None => Who::Anyone,
    };
    let terms = Terms {
        survival: request.survival(),
        ..Terms::new(back_end())
    };
    let ceremony = request
        .state
        .passkeys
        .start_authentication(&rp, StartAuthentication::new(who, terms))
        .await
        .map_err(|refusal| {
            match (refusal.reason, who) {
                // Nobody on this wire can have such a name: the name is the mistake.
                (Reason::UserUnknown, Who::User(UserRef::Name(name))) => {
                    identity::fault(name).map(identity::invalid)
                }
                _ => None,
            }
            .unwrap_or_else(|| ApiError::refused(Call::CreateChallenge, &refusal))
        })?;
    let url = request
        .state
        .public_url
        .join(&format!("{}/Passkeys/Challenges", services::path(rp.id)));
    let challenge = Challenge::new(
        &rp,
        &ceremony,
        ceremony.asked.user_name.as_deref(),
        url,
        ceremony.created,
    );
    created(&challenge.with_options(&ceremony))
}

/// For whom the challenge is. A name or SID that is there but empty is refused: taken for absent, it would let anyone
/// answer a challenge that was meant for one.
fn who<'v>(object: &'v Object<'_>) -> Result<Who<'v>, ApiError> {
    let identity = match member(object, "identity", "identity") {
        None => None,
        Some(Value::String(name)) if !name.is_empty() => Some(name.as_ref()),
        Some(Value::String(empty)) => {
            return Err(identity::invalid(
                identity::fault(empty).unwrap_or_default(),
            ));
        }
        other => return Err(identity::wrong_type(other)),
    };
    let Some(factor) = member(object, "factor_sid", "factorSid") else {
        return Ok(identity.map_or(Who::Anyone, |name| Who::User(name.into())));
    };
    let key: CredentialKey = factor.as_str().and_then(sid::parse).ok_or_else(|| {
        ApiError::new(Code::FactorSidInvalid)
            .member("factor_sid")
            .help(Code::FactorSidInvalid.fix())
    })?;
    Ok(Who::Credential(key, identity.map(Into::into)))
}
