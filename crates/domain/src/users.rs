//! Users of a Relying Party. A name is compared byte for byte; what a name may look like is the
//! business of the wire that creates it.

use webauthn::error::Reason;

use crate::Passkeys;
use crate::audit::{Actor, AuditEvent, AuditKind};
use crate::clock::Timestamp;
use crate::credentials::CredentialRecord;
use crate::error::Refusal;
use crate::ids::{RelyingPartyId, UserId};
use crate::relying_parties::RelyingParty;
use crate::storage::{CreateUser, Page, PageRequest};

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

impl User {
    /// When this user, who has these credentials, signed in last.
    pub fn last_sign_in(&self, credentials: &[CredentialRecord]) -> Option<Timestamp> {
        credentials
            .iter()
            .map(|credential| credential.last_used)
            .fold(self.last_success, Option::max)
    }
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

impl Passkeys {
    /// Creates a user.
    ///
    /// # Errors
    /// `user_exists` when the name is taken.
    pub async fn create_user(
        &self,
        rp: &RelyingParty,
        name: &str,
        by: &Actor,
    ) -> Result<User, Refusal> {
        let now = self.now();
        let user = self.new_user(rp.id, name, now);
        let event = AuditEvent::new(self.draw(), AuditKind::UserCreated, rp.id, now)
            .of(&user)
            .by(by);
        match self.storage.create_user(&user, &event).await? {
            CreateUser::Created => Ok(user),
            CreateUser::Exists(_) => Err(Reason::UserExists.into()),
            CreateUser::RelyingPartyGone => Err(Reason::RelyingPartyUnknown.into()),
        }
    }

    pub(crate) fn new_user(&self, rp: RelyingPartyId, name: &str, now: Timestamp) -> User {
        User {
            id: UserId::random(&*self.randomness),
            relying_party: rp,
            name: name.to_owned(),
            created: now,
            updated: now,
            last_success: None,
            last_failure: None,
        }
    }

    /// The user with this name or key.
    ///
    /// # Errors
    /// `user_unknown`.
    pub async fn user<'a>(
        &self,
        rp: RelyingPartyId,
        user: impl Into<UserRef<'a>>,
    ) -> Result<User, Refusal> {
        self.storage
            .user(rp, user.into())
            .await?
            .ok_or_else(|| Reason::UserUnknown.into())
    }

    /// The user with this name or key and all their credentials, oldest first.
    ///
    /// # Errors
    /// `user_unknown`.
    pub async fn user_with_credentials<'a>(
        &self,
        rp: RelyingPartyId,
        user: impl Into<UserRef<'a>>,
    ) -> Result<(User, Vec<CredentialRecord>), Refusal> {
        self.storage
            .user_with_credentials(rp, user.into())
            .await?
            .ok_or_else(|| Reason::UserUnknown.into())
    }

    /// Users in the order of their creation.
    pub async fn list_users(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<User>, Refusal> {
        Ok(self.storage.list_users(rp, page).await?)
    }

    /// Deletes a user with all credentials and ceremonies.
    ///
    /// # Errors
    /// `user_unknown`.
    pub async fn delete_user<'a>(
        &self,
        rp: RelyingPartyId,
        user: impl Into<UserRef<'a>>,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let user = self.user(rp, user).await?;
        let event = AuditEvent::new(self.draw(), AuditKind::UserDeleted, rp, self.now())
            .of(&user)
            .by(by);
        if self.storage.delete_user(rp, user.id, &event).await? {
            Ok(())
        } else {
            Err(Reason::UserUnknown.into())
        }
    }
}
