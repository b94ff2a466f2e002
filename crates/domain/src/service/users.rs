//! Users: create, look up, list, delete.

use std::sync::Arc;

use webauthn::error::Reason;

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::credential::CredentialRecord;
use crate::model::ids::{RelyingPartyId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::refusal::Refusal;
use crate::model::relying_party::RelyingParty;
use crate::model::user::{User, UserRef};
use crate::service::Passkeys;
use crate::store::CreateUser;

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
        let event = AuditEvent::new(self.draw(), AuditKind::UserCreated, rp.id, now, by).of(&user);
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
            .map(Arc::unwrap_or_clone)
            .ok_or_else(|| Reason::UserUnknown.into())
    }

    /// Users in the order of their creation.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_users(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<User>, Refusal> {
        Ok(self.storage.list_users(rp, page).await?)
    }

    /// Users whose names begin with a text, byte for byte, in the order of their names: `limit` at most.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn users_named(
        &self,
        rp: RelyingPartyId,
        beginning: &str,
        limit: u32,
    ) -> Result<Page<User>, Refusal> {
        Ok(self.storage.users_named(rp, beginning, limit).await?)
    }

    /// Deletes a user with all credentials and ceremonies. Webhooks are told of each credential that is there when the deletion begins.
    ///
    /// # Errors
    /// `user_unknown`.
    pub async fn delete_user<'a>(
        &self,
        rp: RelyingPartyId,
        user: impl Into<UserRef<'a>>,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let (user, credentials) = self.user_with_credentials(rp, user).await?;
        let event = AuditEvent::new(self.draw(), AuditKind::UserDeleted, rp, self.now(), by)
            .of(&user)
            .removing(credentials.iter().map(|credential| credential.key));
        let event = self.addressed(event).await?;
        if self.storage.delete_user(rp, user.id, &event).await? {
            Ok(())
        } else {
            Err(Reason::UserUnknown.into())
        }
    }
}
