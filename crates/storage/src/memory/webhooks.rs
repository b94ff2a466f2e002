//! Webhooks of a Relying Party.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ids::{RelyingPartyId, WebhookId};
use domain::model::page::{Page, PageRequest};
use domain::model::webhook::Webhook;
use domain::store::{Fault, Update, Webhooks};

use super::Memory;
use super::state::page;

#[async_trait]
impl Webhooks for Memory {
    async fn create_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&webhook.relying_party) {
            return Ok(false);
        }
        let key = (webhook.relying_party, webhook.id);
        state.webhooks.entry(key).or_insert(webhook.clone());
        if let Some(event) = event {
            state.record(event);
        }
        Ok(true)
    }

    async fn webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        Ok(self.state().webhooks.get(&(rp, id)).cloned())
    }

    async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<Webhook>, Fault> {
        let state = self.state();
        let rows = state
            .webhooks
            .values()
            .filter(|w| w.relying_party == rp)
            .cloned();
        Ok(page(rows, request, |w| (w.created, w.id.0)))
    }

    async fn update_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<Update, Fault> {
        let mut state = self.state();
        let stored = state.webhooks.get_mut(&(webhook.relying_party, webhook.id));
        let Some(stored) = stored else {
            return Ok(Update::Gone);
        };
        // The same call, sent again, finds its own change.
        if stored != webhook {
            if stored.revision + 1 != webhook.revision {
                return Ok(Update::Conflict);
            }
            *stored = webhook.clone();
            if let Some(event) = event {
                state.record(event);
            }
        }
        Ok(Update::Done)
    }

    async fn delete_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let removed = state.webhooks.remove(&(rp, id)).is_some();
        if removed {
            state.record(event);
        }
        Ok(removed)
    }
}
