//! The audit trail. Events are written by the operations that they are about.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{EventId, RelyingPartyId, UserId};
use domain::store::{EventFilter, Events, Fault, FoundEvents, place_of};

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
        let mut found = FoundEvents {
            events: Vec::new(),
            complete: true,
            stopped: None,
        };
        let mut last = filter.after;
        let covered = state.events.values().rev();
        let covered = covered.filter(|e| e.relying_party == rp && filter.covers(e));
        for (searched, event) in covered.enumerate() {
            let accepted = filter.accepts(event);
            if searched >= filter.most() as usize
                || accepted && found.events.len() >= limit as usize
            {
                found.complete = false;
                found.stopped = last;
                break;
            }
            last = Some(place_of(event));
            if accepted {
                found.events.push(event.clone());
            }
        }
        Ok(found)
    }

    async fn erase_events(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        events: &[(Timestamp, EventId)],
    ) -> Result<(), Fault> {
        let mut state = self.state();
        let of_user = |e: &&mut AuditEvent| e.relying_party == rp && e.user == Some(user);
        for event in state.events.values_mut().filter(of_user) {
            if events.contains(&(event.at, event.id)) {
                event.erase();
            }
        }
        Ok(())
    }
}
