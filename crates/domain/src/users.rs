//! Users of a Relying Party. A name is compared byte for byte; what a name may look like is the
//! business of the wire that creates it.

use webauthn::error::Reason;

use crate::Passkeys;
use crate::audit::{AuditEvent, AuditKind};
use crate::clock::Timestamp;
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
}

impl Passkeys {
    /// Creates a user.
    ///
    /// # Errors
    /// `user_exists` when the name is taken.
    pub async fn create_user(&self, rp: &RelyingParty, name: &str) -> Result<User, Refusal> {
        let now = self.now();
        let user = self.new_user(rp.id, name, now);
        let event = AuditEvent::new(self.draw(), AuditKind::UserCreated, rp.id, now).user(user.id);
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
        }
    }

    /// The user with this name.
    ///
    /// # Errors
    /// `user_unknown`.
    pub async fn user(&self, rp: RelyingPartyId, name: &str) -> Result<User, Refusal> {
        self.storage
            .user(rp, name)
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
    pub async fn delete_user(&self, rp: RelyingPartyId, name: &str) -> Result<(), Refusal> {
        let user = self.user(rp, name).await?;
        let event =
            AuditEvent::new(self.draw(), AuditKind::UserDeleted, rp, self.now()).user(user.id);
        if self.storage.delete_user(rp, user.id, &event).await? {
            Ok(())
        } else {
            Err(Reason::UserUnknown.into())
        }
    }
}
