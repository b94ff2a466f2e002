//! Webhooks of a Relying Party.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ids::{RelyingPartyId, WebhookId};
use domain::model::page::{Page, PageRequest};
use domain::model::webhook::Webhook;
use domain::store::{Fault, Update, Webhooks};

use super::rows::{counter, insert_event, json};
use super::{Embedded, reads, writes};

#[async_trait]
impl Webhooks for Embedded {
    async fn create_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault> {
        let (rp, id, created) = (webhook.relying_party, webhook.id.0, webhook.created);
        let (body, revision) = (json(webhook)?, counter(webhook.revision)?);
        let event = event.cloned();
        self.write(move |c| {
            let made = writes::create_webhook(c, rp, id, created, revision, &body)?;
            if let (true, Some(event)) = (made, &event) {
                insert_event(c, event)?;
            }
            Ok(made)
        })
        .await
    }

    async fn webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        self.points.read(|c| reads::webhook(c, rp, id.0))
    }

    async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Fault> {
        self.list(move |c| reads::list_webhooks(c, rp, page)).await
    }

    async fn update_webhook(
        &self,
        webhook: &Webhook,
        event: Option<&AuditEvent>,
    ) -> Result<Update, Fault> {
        let (rp, id, body) = (webhook.relying_party, webhook.id.0, json(webhook)?);
        let revision = counter(webhook.revision)?;
        let event = event.cloned();
        let work = move |c: &_| writes::update_webhook(c, rp, id, revision, &body, event.as_ref());
        self.write(work).await
    }

    async fn delete_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| writes::delete_webhook(c, rp, id.0, &event))
            .await
    }
}
