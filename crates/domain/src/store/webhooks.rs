//! Webhooks of a Relying Party.

use async_trait::async_trait;

use crate::model::audit::AuditEvent;
use crate::model::ids::{RelyingPartyId, WebhookId};
use crate::model::page::{Page, PageRequest};
use crate::model::webhook::Webhook;
use crate::store::{Fault, Update};

/// Webhooks of a Relying Party. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Adds a webhook, and writes the event of it; `false` when the Relying Party is not there. A copy of a store has the event already.
    async fn create_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault>;
    /// The webhook with this key.
    async fn webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<Option<Webhook>, Fault>;
    /// Webhooks of a Relying Party.
    async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Fault>;
    /// Replaces a webhook whose stored revision is `webhook.revision - 1`, and writes the event of it. The same update, sent again, is done.
    async fn update_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<Update, Fault>;
    /// Removes a webhook, and writes the event of it; `false` when not there.
    async fn delete_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
}
