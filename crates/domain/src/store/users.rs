//! Users of a Relying Party.

use std::sync::Arc;

use async_trait::async_trait;

use crate::model::audit::AuditEvent;
use crate::model::credential::CredentialRecord;
use crate::model::ids::{RelyingPartyId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::user::{User, UserRef};
use crate::store::Fault;

/// Outcome of [`Users::create_user`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateUser {
    /// Done.
    Created,
    /// The name is taken by this user.
    Exists(User),
    /// The Relying Party is not there.
    RelyingPartyGone,
}

/// Users of a Relying Party. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user.
    async fn create_user(&self, user: &User, event: &AuditEvent) -> Result<CreateUser, Fault>;
    /// The user with this name or key.
    async fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Result<Option<User>, Fault>;
    /// The user with this name or key and all their credentials, oldest first. A store may keep them in memory, so they are shared.
    async fn user_with_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserRef<'_>,
    ) -> Result<Option<Arc<(User, Vec<CredentialRecord>)>>, Fault>;
    /// Users of a Relying Party.
    async fn list_users(&self, rp: RelyingPartyId, page: PageRequest) -> Result<Page<User>, Fault>;
    /// Users whose names begin with a text, in the order of the bytes of their names: `limit` at most.
    async fn users_named(
        &self,
        rp: RelyingPartyId,
        beginning: &str,
        limit: u32,
    ) -> Result<Page<User>, Fault>;
    /// Removes a user with all credentials and ceremonies; `false` when not there.
    async fn delete_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
}
