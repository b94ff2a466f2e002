//! Administrators of the console, their invites and sessions.

use async_trait::async_trait;

use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::model::console::{Administrator, ConsoleKind, ConsoleRecord, Session};
use crate::model::ids::InviteId;
use crate::model::page::{Page, PageRequest};
use crate::model::relying_party::RelyingParty;
use crate::store::Fault;

/// Administrators of the console, their invites and sessions. Part of a [`Storage`](crate::store::Storage).
///
/// Each event belongs to the console's Relying Party; that of an enrolment link to the Relying Party of its user.
#[async_trait]
pub trait Console: Send + Sync {
    /// Adds the console's Relying Party if it is not there. No account owns it.
    async fn keep_console_party(&self, rp: &RelyingParty) -> Result<(), Fault>;
    /// Adds a record; `false` when another one has its key, or when the administrator whom it needs or the console's Relying Party is not
    /// there.
    async fn create_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// The record with this key.
    async fn console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
    ) -> Result<Option<ConsoleRecord>, Fault>;
    /// Records of a kind: those of an owner if one is named, else all.
    async fn list_console_records(
        &self,
        kind: ConsoleKind,
        owner: Option<[u8; 16]>,
        page: PageRequest,
    ) -> Result<Page<ConsoleRecord>, Fault>;
    /// Replaces the record with this key; `false` when it is not there, or when it is the last administrator who is an owner and would not be
    /// one any more. Its owner and the time when it was made stay as they are.
    async fn replace_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// Removes a record, and with an administrator all sessions and invites of that person; `false` when it is not there, or when it is the
    /// last administrator who is an owner.
    async fn delete_console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// Removes an invite, and adds the administrator who came in by it, or finds this very one there already. `false`, and nothing is
    /// changed, when the invite is not there.
    async fn accept_invite(
        &self,
        invite: InviteId,
        administrator: &Administrator,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// Notes when a session was last used; `false` when it is not there. Nothing else of it changes.
    async fn see_session(&self, session: &Session) -> Result<bool, Fault>;
    /// Removes at most `budget` records that expired before a moment, the longest expired first; how many.
    async fn sweep_console(&self, expired_before: Timestamp, budget: u32) -> Result<u64, Fault>;
}
