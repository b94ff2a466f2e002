//! Credentials, and the registrations that have not led to one.

use async_trait::async_trait;
use webauthn::credential::Aaguid;

use crate::model::audit::AuditEvent;
use crate::model::ceremony::Registration;
use crate::model::clock::Timestamp;
use crate::model::credential::{CredentialRecord, Evidence};
use crate::model::ids::{CeremonyId, CredentialKey, RelyingPartyId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::user::User;
use crate::store::Fault;

/// The models of authenticators that credentials of a Relying Party have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedModels {
    /// How many users were looked at.
    pub users: u32,
    /// Each model of theirs and the number of credentials, in the order of the models.
    pub models: Vec<(Aaguid, u64)>,
}

/// Credentials, and the registrations that have not led to one. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The credential with this key, and its owner.
    async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<(CredentialRecord, User)>, Fault>;
    /// What the registration of the credential with this key brought besides it.
    async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<Evidence>, Fault>;
    /// The models of the credentials that the newest users have: `users` of them at most.
    async fn count_models(&self, rp: RelyingPartyId, users: u32) -> Result<CountedModels, Fault>;
    /// Credentials of a user.
    async fn list_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<CredentialRecord>, Fault>;
    /// Gives a credential another name; the record as it is then.
    async fn rename_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        name: &str,
        event: &AuditEvent,
    ) -> Result<Option<CredentialRecord>, Fault>;
    /// Removes a credential, and keeps its last use with the user; `false` when not there.
    async fn delete_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// Registrations of a user that have not led to a credential.
    async fn list_unfinished_registrations(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Registration>, Fault>;
    /// Gives the credential of an unfinished registration another name; the ceremony as it is
    /// then, `None` when there is none or it succeeded.
    async fn rename_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Registration>, Fault>;
    /// Removes an unfinished registration; `false` when there is none or it succeeded.
    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault>;
}
