//! The audit trail. Events are written by the operations that they are about.

use async_trait::async_trait;

use crate::model::audit::AuditEvent;
use crate::model::ids::RelyingPartyId;
use crate::model::page::{Page, PageRequest};
use crate::store::Fault;

/// The audit trail. Events are written by the operations that they are about. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Events: Send + Sync {
    /// Audit events of a Relying Party.
    async fn list_events(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AuditEvent>, Fault>;
}
