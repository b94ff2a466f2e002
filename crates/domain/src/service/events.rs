//! Queries of the audit trail.

use std::sync::Arc;

use webauthn::error::Reason;

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::ids::{RelyingPartyId, UserId};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::store::{EventFilter, FoundEvents};

/// Most events that one query answers with.
pub const MAX_EVENTS: u32 = 10_000;

/// Most events that one page of a long search looks at, so that no page costs more because the trail is long.
pub const PAGE_SEARCHED: u32 = 5_000;

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

    /// Deletes a user, who may be deleted already, and removes from the audit trail who that was; from how many events. It reads the events of
    /// the Relying Party once, page by page. When it fails, it can be repeated, and goes on with what is left.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn erase_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        by: &Actor,
    ) -> Result<u64, Refusal> {
        match self.delete_user(rp, user, by).await {
            Err(refusal) if refusal.reason != Reason::UserUnknown => return Err(refusal),
            Ok(()) | Err(_) => {}
        }
        let mut filter = EventFilter {
            most: Some(PAGE_SEARCHED),
            wanted: Some(Arc::new(move |event: &AuditEvent| event.user == Some(user))),
            ..EventFilter::default()
        };
        let mut erased = 0;
        loop {
            let found = self.storage.find_events(rp, &filter, PAGE_SEARCHED).await?;
            let events = found.events.iter().map(|event| (event.at, event.id));
            let events: Vec<_> = events.collect();
            if !events.is_empty() {
                self.storage.erase_events(rp, user, &events).await?;
                erased += events.len() as u64;
            }
            let Some(stopped) = found.stopped else { break };
            filter.after = Some(stopped);
        }
        let kind = AuditKind::UserErased;
        let event = AuditEvent::new(self.draw(), kind, rp, self.now(), by);
        self.note(event.target("user", &user.to_hex(), None))
            .await?;
        Ok(erased)
    }
}
