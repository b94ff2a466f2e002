//! Relying Parties.

use async_trait::async_trait;
use webauthn::relying_party::RpId;

use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::model::ids::{AccountId, RelyingPartyId};
use crate::model::page::{Page, PageRequest};
use crate::model::relying_party::RelyingParty;
use crate::store::Fault;

/// Outcome of a versioned update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Done.
    Done,
    /// Somebody else changed the record since it was read.
    Conflict,
    /// The record is not there.
    Gone,
}

/// Relying Parties. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait RelyingParties: Send + Sync {
    /// Adds a Relying Party; `false` when the account is not there.
    async fn create_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// The Relying Party with this key.
    async fn relying_party(&self, id: RelyingPartyId) -> Result<Option<RelyingParty>, Fault>;
    /// Relying Parties of an account.
    async fn list_relying_parties(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<RelyingParty>, Fault>;
    /// Whether any Relying Party, of whichever account, has this origin among its configured ones. Compared byte by byte.
    async fn has_origin(&self, origin: &str) -> Result<bool, Fault>;
    /// The Relying Parties, of all accounts, that have this RP ID configured: the first `limit` in the order of their keys.
    async fn relying_parties_with_rp_id(
        &self,
        rp_id: &RpId,
        limit: u32,
    ) -> Result<Vec<RelyingPartyId>, Fault>;
    /// Replaces a Relying Party whose stored version is `rp.version - 1`.
    async fn update_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<Update, Fault>;
    /// Removes a Relying Party and everything in it; `false` when it is not there. From then on no operation finds anything of
    /// it but its events. The [sweep](crate::store::Upkeep::sweep) frees the space.
    async fn delete_relying_party(&self, id: RelyingPartyId, at: Timestamp) -> Result<bool, Fault>;
}
