//! Queries of the audit trail.

use crate::model::audit::AuditEvent;
use crate::model::ids::RelyingPartyId;
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::store::{EventFilter, FoundEvents};

/// Most events that one query answers with.
pub const MAX_EVENTS: u32 = 10_000;

impl Passkeys {
    /// Writes an event of something that was just done, before the caller is told of it.
    pub(crate) async fn note(&self, event: AuditEvent) -> Result<(), Refusal> {
        Ok(self.storage.record_event(&event).await?)
    }

    /// Events that a filter accepts, newest first: at most `limit` and at most [`MAX_EVENTS`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn find_events(
        &self,
        rp: RelyingPartyId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<FoundEvents, Refusal> {
        let limit = limit.min(MAX_EVENTS);
        Ok(self.storage.find_events(rp, filter, limit).await?)
    }
}
