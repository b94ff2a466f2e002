//! Users of a Relying Party. A name is compared byte for byte; what a name may look like is the
//! business of the wire that creates it.

use crate::model::clock::Timestamp;
use crate::model::ids::{RelyingPartyId, UserId};

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
