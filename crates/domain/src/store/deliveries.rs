//! Deliveries of notices to webhooks: the outbox.

use async_trait::async_trait;

use crate::model::clock::Timestamp;
use crate::model::ids::{DeliveryId, RelyingPartyId, WebhookId};
use crate::model::notice::Delivery;
use crate::model::page::{Page, PageRequest};
use crate::store::Fault;

/// Deliveries of notices to webhooks. Part of a [`Storage`](crate::store::Storage). Every operation that writes an event writes its
/// [deliveries](crate::model::audit::AuditEvent::deliveries), too.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Adds a delivery that no event made; `false` when the Relying Party is not there.
    async fn create_delivery(&self, delivery: &Delivery) -> Result<bool, Fault>;
    /// The delivery with this key.
    async fn delivery(&self, rp: RelyingPartyId, id: DeliveryId)
    -> Result<Option<Delivery>, Fault>;
    /// Deliveries to a webhook.
    async fn list_deliveries(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>, Fault>;
    /// Takes waiting deliveries that are due: of each webhook at most `each`, those that are due first, and none of the webhooks
    /// `except`. They are due again at `until`, which is the lease of the caller. At most `most` are returned.
    async fn claim_deliveries(
        &self,
        now: Timestamp,
        until: Timestamp,
        except: &[WebhookId],
        each: u32,
        most: u32,
    ) -> Result<Vec<Delivery>, Fault>;
    /// Replaces a delivery that is due at `due`; `false` when it is not there, or is due at another time.
    async fn replace_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, Fault>;
    /// When the oldest waiting delivery was written.
    async fn oldest_delivery(&self) -> Result<Option<Timestamp>, Fault>;
    /// Removes at most `budget` deliveries that do not wait and were written before a moment; how many.
    async fn sweep_deliveries(&self, before: Timestamp, budget: u32) -> Result<u64, Fault>;
}
