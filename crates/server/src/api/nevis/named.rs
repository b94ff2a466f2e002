//! The user of a request, named by `username`, `userId` or the intent token, and the channel.

use domain::model::user::{User, UserRef};
use domain::webauthn::json::Object;

use super::auth::Caller;
use super::error::{ApiError, refused};
use super::reasons::Call;
use super::state::{CHANNEL, State};
use super::uuid::Uuid;
use crate::http::json::text;

/// The user that a request names.
#[derive(Clone, Debug)]
pub enum Named<'a> {
    /// By name; the user may not exist.
    Name(&'a str),
    /// By key.
    Id(Uuid),
    /// By the name in an intent token, for a user who did not exist when the token was issued.
    Token(String),
    /// A user that was read already.
    User(Box<User>),
}

impl Named<'_> {
    /// For the domain.
    pub fn by_key_or_name(&self) -> UserRef<'_> {
        match self {
            Self::Name(name) => UserRef::Name(name),
            Self::Id(id) => UserRef::Id((*id).into()),
            Self::Token(name) => UserRef::Name(name),
            Self::User(user) => UserRef::Id(user.id),
        }
    }
}

/// The user that the request names, if it names one.
///
/// # Errors
/// 422: not strings, not a UUID, an empty name, or name and id of different users. 403: another user than the one in the
/// intent token. 404: a name and an id are given and there is no user with the id.
pub async fn read<'v>(
    state: &State,
    caller: &Caller,
    object: &'v Object<'_>,
) -> Result<Option<Named<'v>>, ApiError> {
    // If it were ignored, a misspelt member would turn an approval by one user into one by any user.
    for wanted in ["username", "userId"] {
        let other = object
            .iter()
            .map(|(name, _)| name)
            .find(|name| *name != wanted && name.eq_ignore_ascii_case(wanted));
        if other.is_some() {
            return Err(ApiError::rule(format!(
                "a member is misspelt: write {wanted}, in this letter case"
            )));
        }
    }
    let name = text(object, "username")?;
    if name.is_some_and(str::is_empty) {
        return Err(ApiError::rule("username is empty"));
    }
    let id = id(object)?;
    if let Some(claims) = &caller.intent {
        let other_name = name.is_some_and(|name| claims.username.as_deref() != Some(name));
        let other_id = id.is_some_and(|id| claims.sub != Some(id));
        if other_name || other_id {
            return Err(ApiError::forbidden(
                "The intent token was made for another user.",
            ));
        }
        return Ok(match (claims.sub, &claims.username) {
            (Some(id), _) => Some(Named::Id(id)),
            (None, Some(name)) => Some(Named::Token(name.clone())),
            (None, None) => None,
        });
    }
    match (name, id) {
        (None, None) => Ok(None),
        (Some(name), None) => Ok(Some(Named::Name(name))),
        (None, Some(id)) => Ok(Some(Named::Id(id))),
        (Some(name), Some(id)) => {
            let user = state
                .passkeys
                .user(caller.rp.id, UserRef::Id(id.into()))
                .await
                .map_err(refused(Call::Api))?;
            if user.name == name {
                Ok(Some(Named::User(Box::new(user))))
            } else {
                Err(ApiError::rule("username and userId are of different users"))
            }
        }
    }
}

fn id(object: &Object<'_>) -> Result<Option<Uuid>, ApiError> {
    match text(object, "userId")? {
        None => Ok(None),
        Some(text) => Uuid::parse(text)
            .map(Some)
            .ok_or_else(|| ApiError::rule("userId is not a UUID")),
    }
}

/// Makes sure that the request is for the channel of this wire.
///
/// # Errors
/// 422.
pub fn channel(object: &Object<'_>) -> Result<(), ApiError> {
    match text(object, "channel")? {
        Some(CHANNEL) => Ok(()),
        Some("app" | "push" | "sms" | "recovery") => Err(not_enabled()),
        None => Err(ApiError::rule(format!(
            "`channel` is missing: send \"channel\":\"{CHANNEL}\""
        ))),
        Some(_) => Err(ApiError::rule("channel must be fido2")),
    }
}

/// The refusal of a channel that passkeyd does not have.
pub fn not_enabled() -> ApiError {
    ApiError::rule("The channel is not enabled: passkeyd has the channel fido2 only")
}
