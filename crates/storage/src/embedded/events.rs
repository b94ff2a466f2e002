//! The audit trail. Events are written by the operations that they are about.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{EventId, RelyingPartyId, UserId};
use domain::store::{EventFilter, Events, Fault, FoundEvents};
use rusqlite::Connection;

use super::{Embedded, Purpose, Rows, reads, rows, writes};

#[async_trait]
impl Events for Embedded {
    async fn record_event(&self, event: &AuditEvent) -> Result<(), Fault> {
        let event = event.clone();
        self.write(move |c| rows::insert_event(c, &event).map(drop))
            .await
    }

    async fn find_events(
        &self,
        rp: RelyingPartyId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<FoundEvents, Fault> {
        let filter = filter.clone();
        let pending = Arc::clone(&self.pending);
        self.list(move |c| {
            // First those in memory: one that moves meanwhile is found twice and not nowhere.
            let recent = pending.events(rp, |event| filter.covers(event));
            reads::find_events(c, rp, &filter, limit, recent)
        })
        .await
    }

    async fn erase_events(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        events: &[(Timestamp, EventId)],
    ) -> Result<(), Fault> {
        let events = events.to_vec();
        let work = move |c: &Connection| writes::erase_events(c, rp, user, &events);
        // The sign-ins of the last moments lie in another table.
        self.run(Rows::WithSignIns, Purpose::Traffic, work, |_| {})
            .await
    }
}
