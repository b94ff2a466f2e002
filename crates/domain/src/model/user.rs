//! Users of a Relying Party. A name is compared byte for byte. Each wire has a rule for the names that it creates; none of them allows
//! what [`judge_user_name`] refuses.

use crate::model::clock::Timestamp;
use crate::model::ids::{RelyingPartyId, UserId};
use crate::model::text::is_control;

/// Most characters of a name. Every store can keep and find a name of this length.
pub const MAX_USER_NAME: usize = 300;

/// Whether a store may have a user of this name. The limit holds for every wire and for imports.
///
/// # Errors
/// What is wrong with the name, in words.
pub fn judge_user_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the name of the user is empty".to_owned());
    }
    if name.chars().count() > MAX_USER_NAME {
        return Err(format!(
            "the name of the user has more than {MAX_USER_NAME} characters"
        ));
    }
    if name.chars().any(is_control) {
        return Err("the name of the user has a control character".to_owned());
    }
    Ok(())
}

/// A user of a Relying Party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its key; the user handle is made of it.
    pub id: UserId,
    /// Whose user it is.
    pub relying_party: RelyingPartyId,
    /// The name by which a back end knows the user; unique within the Relying Party.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Last sign-in with a credential that was deleted since; credentials that are there know their own.
    pub last_success: Option<Timestamp>,
    /// Last sign-in of this user that was refused.
    pub last_failure: Option<Timestamp>,
}

/// How a caller names a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRef<'a> {
    /// By name.
    Name(&'a str),
    /// By key.
    Id(UserId),
}

impl<'a> From<&'a str> for UserRef<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl From<UserId> for UserRef<'_> {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

impl UserRef<'_> {
    /// Whether this names that user.
    pub fn is(self, user: &User) -> bool {
        match self {
            Self::Name(name) => name == user.name,
            Self::Id(id) => id == user.id,
        }
    }
}
