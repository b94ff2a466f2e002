//! Records that come from a file, and what is known of each import.

use async_trait::async_trait;

use crate::model::access_key::AccessKey;
use crate::model::audit::AuditEvent;
use crate::model::credential::{CredentialRecord, Evidence};
use crate::model::ids::ImportId;
use crate::model::import::{Import, Imported, ImportedPlace};
use crate::model::page::{Page, PageRequest};
use crate::model::relying_party::RelyingParty;
use crate::model::user::User;
use crate::store::Fault;

/// Outcome of [`Imports::import_relying_party`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedParty {
    /// It is new.
    Created,
    /// One with this key is there. It was not changed.
    Exists,
    /// One with this key was deleted, and is not removed yet.
    Deleted,
    /// The account is not there.
    AccountGone,
}

/// What [`Imports::import_user`] writes.
#[derive(Clone, Copy, Debug)]
pub struct ImportUser<'a> {
    /// The user.
    pub user: &'a User,
    /// The import that notes the user as its own.
    pub import: Option<ImportId>,
    /// Written along.
    pub event: Option<&'a AuditEvent>,
}

/// Outcome of [`Imports::import_user`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportedUser {
    /// The user is new.
    Created,
    /// A user with this key is there, or else one with this name. Nothing was changed.
    Exists(User),
    /// A user with this key was deleted, and is not removed yet.
    Deleted,
    /// The Relying Party is not there.
    RelyingPartyGone,
}

/// What [`Imports::import_credential`] writes.
#[derive(Clone, Copy, Debug)]
pub struct ImportCredential<'a> {
    /// The credential.
    pub credential: &'a CredentialRecord,
    /// What its registration brought, if that is known.
    pub evidence: Option<&'a Evidence>,
    /// The import that notes the credential as its own.
    pub import: Option<ImportId>,
    /// The [image](crate::model::import::name_image) of the owner's name: the import notes it, too.
    pub owner_name: [u8; 16],
    /// Whether the import notes the owner as its own too if one of the last imports has made the owner: an earlier run of the same file may have
    /// ended between the two, and the undo of this import must not leave the owner behind.
    pub adopt_owner: bool,
    /// Written along if the credential is new.
    pub event: Option<&'a AuditEvent>,
}

/// Outcome of [`Imports::import_credential`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedCredential {
    /// The credential is new.
    Created,
    /// The user has a credential with this id and this public key. Its counter is not below the given one; nothing was changed.
    Exists,
    /// The same, and its counter was raised to the given one.
    CounterRaised,
    /// A credential with this id has another owner or another public key, or another credential has the key of the record.
    /// Nothing was changed.
    Taken,
    /// The user or the Relying Party is not there.
    UserGone,
}

/// Records that come from a file. Part of a [`Storage`](crate::store::Storage).
///
/// What is there is never replaced. Limits of a policy do not count here.
#[async_trait]
pub trait Imports: Send + Sync {
    /// Adds a Relying Party as it is, without an event.
    async fn import_relying_party(&self, rp: &RelyingParty) -> Result<ImportedParty, Fault>;
    /// Adds an access key as it is, without an event; `false` when the Relying Party is not there.
    async fn import_access_key(&self, key: &AccessKey) -> Result<bool, Fault>;
    /// Adds a user as it is.
    async fn import_user(&self, import: ImportUser<'_>) -> Result<ImportedUser, Fault>;
    /// Adds a credential as it is.
    async fn import_credential(
        &self,
        import: ImportCredential<'_>,
    ) -> Result<ImportedCredential, Fault>;
    /// Adds an event of the past; `false` when neither its Relying Party nor the [account whose trail](crate::model::audit::trail_of) it
    /// belongs to is there.
    async fn import_event(&self, event: &AuditEvent) -> Result<bool, Fault>;
    /// Notes an import.
    async fn create_import(&self, import: &Import) -> Result<(), Fault>;
    /// The import with this key.
    async fn import(&self, id: ImportId) -> Result<Option<Import>, Fault>;
    /// All imports.
    async fn list_imports(&self, page: PageRequest) -> Result<Page<Import>, Fault>;
    /// What an import has made, whether it is still there or not: the first `limit` after a place.
    async fn list_imported(
        &self,
        id: ImportId,
        after: Option<ImportedPlace>,
        limit: u32,
    ) -> Result<Vec<Imported>, Fault>;
    /// Notes what an import has made. What is noted already stays.
    async fn note_imported(&self, id: ImportId, notes: &[Imported]) -> Result<(), Fault>;
    /// Forgets at most `limit` of the notes of an import, and with the last one the import; `true` when all is forgotten. The records
    /// stay.
    async fn forget_import(&self, id: ImportId, limit: u32) -> Result<bool, Fault>;
}
