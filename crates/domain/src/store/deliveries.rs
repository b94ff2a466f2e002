//! Deliveries of notices to webhooks: the outbox.

use async_trait::async_trait;

use crate::model::clock::Timestamp;
use crate::model::ids::{DeliveryId, RelyingPartyId, UserId, WebhookId};
use crate::model::notice::Delivery;
use crate::model::page::{Page, PageRequest};
use crate::store::Fault;

/// Which deliveries are taken.
#[derive(Debug, Clone, Copy)]
pub struct ClaimDeliveries<'a> {
    /// Those that are due at this moment.
    pub now: Timestamp,
    /// When they are due again, which is the lease of the caller.
    pub until: Timestamp,
    /// None of these webhooks.
    pub webhooks: &'a [WebhookId],
    /// None of these Relying Parties.
    pub parties: &'a [RelyingPartyId],
    /// Most of one webhook.
    pub of_webhook: u32,
    /// Most of one Relying Party.
    pub of_party: u32,
    /// Most of all.
    pub most: u32,
}

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
    /// Takes waiting deliveries. Where there are more than asked for, those that are due first.
    /// One that cannot be read is left out, so that it does not keep the others back.
    async fn claim_deliveries(&self, claim: ClaimDeliveries<'_>) -> Result<Vec<Delivery>, Fault>;
    /// Replaces a delivery that is due at `due`; `false` when it is not there, or is due at another time.
    async fn replace_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, Fault>;
    /// [Erases](crate::model::notice::Delivery::erase) at most `limit` deliveries that name a user; how many. They do not count as naming the user
    /// afterwards. Each is due a millisecond later than it was, so that an attempt that is under way does not write back what was erased.
    async fn erase_deliveries(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        limit: u32,
    ) -> Result<u64, Fault>;
    /// When the oldest waiting delivery was written.
    async fn oldest_delivery(&self) -> Result<Option<Timestamp>, Fault>;
    /// Removes at most `budget` deliveries that do not wait and were written before a moment; how many.
    async fn sweep_deliveries(&self, before: Timestamp, budget: u32) -> Result<u64, Fault>;
}
