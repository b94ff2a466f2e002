//! The audit trail. Events are written by the operations that they are about.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ids::RelyingPartyId;
use domain::model::page::{Page, PageRequest};
use domain::store::{Events, Fault};

use super::Memory;
use super::state::page;

#[async_trait]
impl Events for Memory {
    async fn list_events(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<AuditEvent>, Fault> {
        let state = self.state();
        let rows = state
            .events
            .values()
            .filter(|e| e.relying_party == rp)
            .cloned();
        Ok(page(rows, request, |e| (e.at, e.id.0)))
    }
}
