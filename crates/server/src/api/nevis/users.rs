//! `/api/v1/users` and `/api/v1/aadb2c/users` (docs/wires/nevis.md, section 3.7).

use axum::response::Response;
use domain::Reason;
use domain::model::credential::{CredentialRecord, last_sign_in};
use domain::model::ids::UserId;
use domain::model::user::{User, UserRef};
use serde::Serialize;

use super::auth::access_key;
use super::authenticators::Authenticator;
use super::error::{ApiError, refused};
use super::named::not_enabled;
use super::reasons::Call;
use super::request::{Request, ok};
use super::state::State;
use super::uuid::Uuid;
use crate::api::dates::Date;
use crate::http::reply::no_content;

/// Whether a user has confirmed an authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// There is none.
    New,
    /// There is one at least.
    Active,
}

impl UserStatus {
    /// That of a user with so many authenticators.
    pub fn of(authenticators: usize) -> Self {
        if authenticators == 0 {
            Self::New
        } else {
            Self::Active
        }
    }
}

/// A user as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    user_id: Uuid,
    username: &'a str,
    status: UserStatus,
    created_at: Date,
    updated_at: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_date_success: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_date_failure: Option<Date>,
    authenticators: Vec<Authenticator<'a>>,
}

impl<'a> Shown<'a> {
    fn new(user: &'a User, credentials: &'a [CredentialRecord]) -> Self {
        Self {
            user_id: user.id.into(),
            username: &user.name,
            status: UserStatus::of(credentials.len()),
            created_at: Date(user.created),
            updated_at: Date(user.updated),
            last_login_date_success: last_sign_in(user, credentials).map(Date),
            last_login_date_failure: user.last_failure.map(Date),
            authenticators: credentials.iter().map(Authenticator::of).collect(),
        }
    }
}

/// The answer to the lookup of Azure AD B2C, whose policies need a body for unknown users, too.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lookup {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
}

/// `GET /api/v1/users/{userId}`.
pub async fn by_id(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let id = id(&request)?;
    show(&request.state, &caller, UserRef::Id(id)).await
}

/// `GET /api/v1/users?username=`.
pub async fn by_name(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let query = request.query()?;
    let name = query
        .get("username")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ApiError::rule("username is missing in the query"))?;
    show(&request.state, &caller, UserRef::Name(name)).await
}

/// `DELETE /api/v1/users/{userId}`.
pub async fn delete(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    request
        .state
        .passkeys
        .delete_user(caller.rp.id, UserRef::Id(id(&request)?), &caller.actor)
        .await
        .map_err(refused(Call::Api))?;
    Ok(no_content())
}

/// `GET /api/v1/aadb2c/users?objectId=`. The object id is the user's name, or else the user's id.
pub async fn b2c(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let query = request.query()?;
    let object = query
        .get("objectId")
        .filter(|id| !id.is_empty())
        .ok_or_else(|| ApiError::rule("objectId is missing in the query"))?;
    let by_key = Uuid::parse(object).map(|id| UserRef::Id(id.into()));
    for user in [Some(UserRef::Name(object)), by_key].into_iter().flatten() {
        match request
            .state
            .passkeys
            .user_with_credentials(caller.rp.id, user)
            .await
        {
            Ok((user, credentials)) => {
                return ok(&Lookup {
                    status: match UserStatus::of(credentials.len()) {
                        UserStatus::New => "new",
                        UserStatus::Active => "active",
                    },
                    user_id: Some(user.id.into()),
                });
            }
            Err(refusal) if refusal.reason == Reason::UserUnknown => {}
            Err(refusal) => return Err(ApiError::refused(Call::Api, &refusal)),
        }
    }
    ok(&Lookup {
        status: "unknown",
        user_id: None,
    })
}

/// `POST /api/v1/users/{userId}/verification`: codes by SMS and recovery codes, which passkeyd does not have.
pub async fn verification(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    request
        .state
        .passkeys
        .user(caller.rp.id, UserRef::Id(id(&request)?))
        .await
        .map_err(refused(Call::Api))?;
    Err(not_enabled())
}

async fn show(
    state: &State,
    caller: &super::auth::Caller,
    user: UserRef<'_>,
) -> Result<Response, ApiError> {
    let (user, credentials) = state
        .passkeys
        .user_with_credentials(caller.rp.id, user)
        .await
        .map_err(refused(Call::Api))?;
    ok(&Shown::new(&user, &credentials))
}

/// The user in the path. What is no UUID names nobody.
fn id(request: &Request) -> Result<UserId, ApiError> {
    Uuid::parse(request.segment("user"))
        .map(UserId::from)
        .ok_or_else(|| ApiError::not_found(Reason::UserUnknown.what()).because(Reason::UserUnknown))
}
