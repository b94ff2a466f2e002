//! `POST /api/v1/users/enroll` (docs/wires/nevis.md, section 3.2): begins a registration.

use axum::response::Response;
use domain::Reason;
use domain::model::settings::nevis::UsernameRule;
use domain::model::text::is_control;
use domain::model::user::{MAX_USER_NAME, UserRef};
use domain::webauthn::json::Object;
use domain::webauthn::options::CreationOptions;
use serde::Serialize;

use super::auth::{Caller, access_key_or_intent};
use super::claims::scope;
use super::cors::about;
use super::error::{ApiError, refused};
use super::named::{self, Named};
use super::options::{CreationWishes, Enrolment, begin_registration};
use super::reasons::Call;
use super::request::{Request, created};
use super::state::State;
use super::transactions::status_token;
use super::users::UserStatus;
use super::uuid::Uuid;
use crate::api::dates::Date;
use crate::http::json::{self, text};
use crate::http::name::{NameProblem, NameRule};

/// The name to show.
const DISPLAY_NAME: NameRule = NameRule::bytes(0, 64);

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Enrolled<'a> {
    user_id: Uuid,
    username: &'a str,
    status: UserStatus,
    created_at: Date,
    updated_at: Date,
    /// Ids of the authenticators that the user has already.
    authenticators: Vec<Uuid>,
    enrollment: Enrollment<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Enrollment<'a> {
    transaction_id: Uuid,
    status_token: String,
    credential_creation_options: &'a CreationOptions,
}

/// The call.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let caller = access_key_or_intent(&request, scope::ENROLL).await?;
    about(&caller.rp, begin(&request, &caller).await)
}

async fn begin(request: &Request, caller: &Caller) -> Result<Response, ApiError> {
    let state = &request.state;
    let sent = request.json_text().await?;
    let object = &sent.object()?;
    named::channel(object)?;
    let display_name = display_name(object)?;
    let wishes = match json::object(object, "fido2Options")? {
        None => CreationWishes::default(),
        Some(options) => CreationWishes::read(options)?,
    };
    let Some(user) = named::read(state, caller, object).await? else {
        return Err(ApiError::rule("username is missing"));
    };
    ensure_may_be_created(state, caller, &user).await?;
    caller.spend(state).await?;
    let enrolment = Enrolment {
        user: user.by_key_or_name(),
        display_name,
        wishes,
    };
    let started = begin_registration(state, caller, enrolment)
        .await
        .map_err(refused(Call::Api))?;
    let user = &started.user;
    let token = status_token(
        state,
        &caller.rp,
        (&started.ceremony).into(),
        Some((user.id, &user.name)),
    )
    .await
    .map_err(refused(Call::Api))?;
    let authenticators: Vec<Uuid> = started.registered.iter().copied().map(Uuid::from).collect();
    created(&Enrolled {
        user_id: user.id.into(),
        username: &user.name,
        status: UserStatus::of(authenticators.len()),
        created_at: Date(user.created),
        updated_at: Date(user.updated),
        authenticators,
        enrollment: Enrollment {
            transaction_id: started.ceremony.id.into(),
            status_token: token,
            credential_creation_options: &started.options,
        },
    })
}

/// The name to show. One that is empty counts as absent: the user's name is shown then.
fn display_name<'v>(object: &'v Object<'_>) -> Result<Option<&'v str>, ApiError> {
    let Some(name) = text(object, "displayName")?.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    match DISPLAY_NAME.problem(name) {
        None => Ok(Some(name)),
        Some(NameProblem::ControlCharacter) => {
            Err(ApiError::rule("displayName holds a control character"))
        }
        Some(NameProblem::TooLong | NameProblem::TooShort) => Err(ApiError::rule(format!(
            "displayName must not be longer than {} bytes",
            DISPLAY_NAME.most()
        ))),
    }
}

/// Refuses a name that this wire does not create, unless another wire has created it.
async fn ensure_may_be_created(
    state: &State,
    caller: &Caller,
    user: &Named<'_>,
) -> Result<(), ApiError> {
    let UserRef::Name(name) = user.by_key_or_name() else {
        return Ok(());
    };
    let Some(problem) = problem_of(name, caller.rp.settings.nevis.username_rule) else {
        return Ok(());
    };
    match state.passkeys.user(caller.rp.id, name).await {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.reason == Reason::UserUnknown => Err(ApiError::rule(problem)),
        Err(refusal) => Err(ApiError::refused(Call::Api, &refusal)),
    }
}

/// What keeps a user from being created with this name.
pub fn problem_of(name: &str, rule: UsernameRule) -> Option<&'static str> {
    if name.chars().count() > MAX_USER_NAME {
        return Some("username must not be longer than 300 characters");
    }
    let allowed = match rule {
        UsernameRule::Strict => name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@')),
        UsernameRule::Relaxed => !name.chars().any(is_control),
    };
    if allowed {
        return None;
    }
    Some(match rule {
        UsernameRule::Strict => {
            "username may hold letters a-z and A-Z, digits, and the characters _ - . @ only"
        }
        UsernameRule::Relaxed => "username holds a control character",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_name_has_at_most_300_of_the_documented_characters() {
        let strict = |name: &str| problem_of(name, UsernameRule::Strict).is_none();
        assert!(strict("cust-20417"));
        assert!(strict("Ada.K_2@example.test"));
        assert!(strict(&"a".repeat(300)));
        for bad in [
            &"a".repeat(301),
            "ada k",
            "ada+k",
            "ädä",
            "ada\u{0}",
            "a/b",
            "<ada>",
        ] {
            assert!(!strict(bad), "{bad}");
        }
    }

    #[test]
    fn a_relaxed_name_has_at_most_300_characters_that_are_no_control_characters() {
        let relaxed = |name: &str| problem_of(name, UsernameRule::Relaxed).is_none();
        assert!(relaxed("ädä+k <ada>"));
        assert!(relaxed(&"ä".repeat(300)));
        assert!(!relaxed(&"ä".repeat(301)));
        assert!(!relaxed("ada\u{7}"));
    }
}
