//! `POST /api/v1/intent` (docs/wires/nevis.md, section 3.6): a token with which a browser begins one ceremony of one user by itself.

use axum::response::Response;
use domain::Reason;
use domain::model::grant::Scope;
use domain::webauthn::json::Object;
use domain::webauthn::json::Value;
use serde::Serialize;

use super::auth::access_key;
use super::claims::{Claims, Kind, scope};
use super::enroll::problem_of;
use super::error::{ApiError, refused};
use super::keys;
use super::named::{self, Named};
use super::reasons::Call;
use super::request::{Request, ok};
use super::state::CHANNEL;
use super::uuid::Uuid;
use crate::http::json::{MemberError, member, text};

/// How long an intent token is valid, in milliseconds.
const LIFETIME_MS: i64 = 600_000;
/// The channels that a token may be limited to.
const CHANNELS: [&str; 5] = ["app", "push", "sms", "recovery", CHANNEL];

/// The answer.
#[derive(Serialize)]
struct Intent {
    token: String,
}

/// The call.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let sent = request.json_text().await?;
    let object = &sent.object()?;
    let purpose = match text(object, "operation")? {
        Some("enroll") => {
            caller.needs(Scope::Enrol)?;
            scope::ENROLL
        }
        Some("approve") => {
            caller.needs(Scope::Approve)?;
            scope::APPROVE
        }
        Some(_) => return Err(ApiError::rule("operation must be one of: enroll, approve")),
        None => return Err(ApiError::rule("operation is missing")),
    };
    let channels = channels(object)?;
    let named = named::read(&request.state, &caller, object)
        .await?
        .ok_or_else(|| ApiError::rule("username or userId is missing"))?;
    let now = request.state.passkeys.now();
    let mut claims = Claims::new(
        request.state.public_url.as_str(),
        caller.rp.id.into(),
        Uuid(request.state.passkeys.new_token_id().0),
        purpose,
        now,
        Some(now.plus_millis(LIFETIME_MS)),
    );
    let user = named.by_key_or_name();
    match request.state.passkeys.user(caller.rp.id, user).await {
        Ok(user) => {
            claims.sub = Some(user.id.into());
            claims.username = Some(user.name);
        }
        Err(refusal) if refusal.reason == Reason::UserUnknown => {
            // An enrolment may create its user; nothing else may name one who is not there.
            let (Named::Name(name), true) = (&named, purpose == scope::ENROLL) else {
                return Err(ApiError::refused(Call::Api, &refusal));
            };
            let rule = caller.rp.settings.nevis.username_rule;
            if let Some(problem) = problem_of(name, rule) {
                return Err(ApiError::rule(problem));
            }
            claims.username = Some((*name).to_owned());
        }
        Err(refusal) => return Err(ApiError::refused(Call::Api, &refusal)),
    }
    claims.channels = channels;
    let token = keys::sign(&request.state.passkeys, &caller.rp, Kind::Intent, &claims)
        .await
        .map_err(refused(Call::Api))?;
    ok(&Intent { token })
}

/// The channels that the token is limited to; `None` for all.
fn channels(object: &Object<'_>) -> Result<Option<Vec<String>>, ApiError> {
    let wrong = || {
        ApiError::rule(format!(
            "channels must be a list of: {}",
            CHANNELS.join(", ")
        ))
    };
    match member(object, "channels") {
        None => Ok(None),
        Some(Value::Array(elements)) if !elements.is_empty() => elements
            .iter()
            .map(|element| {
                element
                    .as_str()
                    .and_then(|text| CHANNELS.iter().find(|channel| **channel == text))
                    .map(|channel| (*channel).to_owned())
                    .ok_or_else(wrong)
            })
            .collect::<Result<_, _>>()
            .map(|mut channels: Vec<String>| {
                channels.sort();
                channels.dedup();
                Some(channels)
            }),
        Some(Value::Array(_)) => Err(wrong()),
        Some(other) => Err(MemberError::wrong_type("channels", other, "an array").into()),
    }
}
