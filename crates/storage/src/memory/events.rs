//! The audit trail. Events are written by the operations that they are about.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ids::RelyingPartyId;
use domain::store::{EventFilter, Events, Fault, FoundEvents, MAX_SEARCHED};

use super::Memory;

#[async_trait]
impl Events for Memory {
    async fn record_event(&self, event: &AuditEvent) -> Result<(), Fault> {
        self.state().record(event);
        Ok(())
    }

    async fn find_events(
        &self,
        rp: RelyingPartyId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<FoundEvents, Fault> {
        let state = self.state();
        let most = MAX_SEARCHED as usize;
        let range: Vec<_> = state
            .events
            .values()
            .rev()
            .filter(|e| e.relying_party == rp)
            .filter(|e| filter.from.is_none_or(|from| e.at >= from))
            .filter(|e| filter.until.is_none_or(|until| e.at < until))
            .take(most + 1)
            .collect();
        let searched = range.iter().take(most);
        let mut events: Vec<_> = searched
            .filter(|e| filter.accepts(e))
            .map(|e| (*e).clone())
            .collect();
        let complete = range.len() <= most && events.len() <= limit as usize;
        events.truncate(limit as usize);
        Ok(FoundEvents { events, complete })
    }
}
