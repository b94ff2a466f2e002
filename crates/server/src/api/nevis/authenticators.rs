//! `/api/v1/authenticators/{authenticatorId}` (docs/wires/nevis.md, section 3.8), and an authenticator as it is shown.

use axum::response::Response;
use domain::Reason;
use domain::model::credential::CredentialRecord;
use domain::model::ids::CredentialKey;
use domain::model::user::User;
use domain::service::credentials::CredentialOrRegistration;
use domain::webauthn::credential::Aaguid;
use domain::webauthn::credential::CredentialId;
use serde::Serialize;

use super::auth::{Caller, access_key};
use super::error::{ApiError, refused};
use super::reasons::Call;
use super::request::{Request, ok};
use super::state::CHANNEL;
use super::uuid::Uuid;
use crate::api::dates::Date;
use crate::http::json::text;
use crate::http::name::{NameProblem, NameRule};
use crate::http::reply::no_content;

/// The name of an authenticator.
const NAME: NameRule = NameRule::characters(1, 255);

/// An authenticator as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authenticator<'a> {
    #[serde(rename = "authenticatorId")]
    id: Uuid,
    name: &'a str,
    #[serde(rename = "authenticatorType")]
    kind: &'static str,
    state: &'static str,
    enrolled_at: Date,
    updated_at: Date,
    fido2: Fido2<'a>,
}

/// What there is to know about its credential.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fido2<'a> {
    credential_id: &'a CredentialId,
    aaguid: Aaguid,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_eligible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_state: Option<bool>,
    transports: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Date>,
}

impl<'a> Authenticator<'a> {
    /// The authenticator that holds a credential.
    pub fn of(record: &'a CredentialRecord) -> Self {
        Self {
            id: record.key.into(),
            name: &record.name,
            kind: CHANNEL,
            state: "active",
            enrolled_at: Date(record.created),
            updated_at: Date(record.updated),
            fido2: Fido2 {
                credential_id: &record.id,
                aaguid: record.aaguid,
                user_agent: record.user_agent.as_deref(),
                backup_eligible: record.backup_eligible,
                backup_state: record.backup_state,
                transports: &record.transports,
                last_used_at: record.last_used.map(Date),
            },
        }
    }
}

/// `PATCH`: another name.
pub async fn rename(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let sent = request.json_text().await?;
    let object = &sent.object()?;
    let name = text(object, "name")?.ok_or_else(|| ApiError::rule("name is missing"))?;
    if let Some(problem) = problem_of(name) {
        return Err(ApiError::rule(format!("name {problem}")));
    }
    let (key, user) = owned(&request, &caller).await?;
    let renamed = request
        .state
        .passkeys
        .rename_credential_or_registration(&user, key, name, &caller.actor)
        .await
        .map_err(refused(Call::Api))?;
    match renamed {
        CredentialOrRegistration::Registered(record) => ok(&Authenticator::of(&record)),
        CredentialOrRegistration::Unfinished(_) => Err(unknown()),
    }
}

/// `DELETE`.
pub async fn delete(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let (key, user) = owned(&request, &caller).await?;
    request
        .state
        .passkeys
        .delete_credential_or_registration(&user, key, &caller.actor)
        .await
        .map_err(refused(Call::Api))?;
    Ok(no_content())
}

/// What is wrong with a name of an authenticator, as the end of a sentence.
pub fn problem_of(name: &str) -> Option<&'static str> {
    Some(match NAME.problem(name)? {
        NameProblem::TooShort => "is empty",
        NameProblem::TooLong => "must not be longer than 255 characters",
        NameProblem::ControlCharacter => "holds a control character",
    })
}

/// The authenticator in the path, and its user. What is no UUID names none.
async fn owned(request: &Request, caller: &Caller) -> Result<(CredentialKey, User), ApiError> {
    let key = Uuid::parse(request.segment("authenticator"))
        .map(CredentialKey::from)
        .ok_or_else(unknown)?;
    let passkeys = &request.state.passkeys;
    let (_, user) = passkeys
        .credential(caller.rp.id, key)
        .await
        .map_err(refused(Call::Api))?;
    Ok((key, user))
}

fn unknown() -> ApiError {
    ApiError::not_found(Reason::CredentialUnknown.what()).because(Reason::CredentialUnknown)
}
