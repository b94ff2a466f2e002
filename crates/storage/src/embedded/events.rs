//! The audit trail. Events are written by the operations that they are about.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ids::RelyingPartyId;
use domain::store::{EventFilter, Events, Fault, FoundEvents};

use super::{Embedded, reads, rows};

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
            let recent = pending.events(rp, |event| filter.covers(event.at));
            reads::find_events(c, rp, &filter, limit, recent)
        })
        .await
    }
}
