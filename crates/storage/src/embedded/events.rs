//! The audit trail. Events are written by the operations that they are about.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ids::RelyingPartyId;
use domain::model::page::{Page, PageRequest};
use domain::store::{Events, Fault};

use super::{Embedded, reads};

#[async_trait]
impl Events for Embedded {
    async fn list_events(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AuditEvent>, Fault> {
        self.list(move |c| reads::list_events(c, rp, page)).await
    }
}
