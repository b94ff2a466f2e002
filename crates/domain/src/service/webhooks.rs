//! Webhooks: create, look up, list, change, delete.

use webauthn::error::Reason;

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::ids::{RelyingPartyId, WebhookId};
use crate::model::page::{Page, PageRequest};
use crate::model::refusal::Refusal;
use crate::model::webhook::Webhook;
use crate::service::{Passkeys, UPDATE_TRIES};
use crate::store::Update;

impl Passkeys {
    /// Adds a webhook. `make` gets the key and the time.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn create_webhook(
        &self,
        make: impl FnOnce(WebhookId, Timestamp) -> Webhook,
        by: &Actor,
    ) -> Result<Webhook, Refusal> {
        let webhook = make(WebhookId::random(&*self.randomness), self.now());
        let event = self.of_webhook(AuditKind::WebhookCreated, &webhook, by);
        let event = event.change("url", None, Some(&webhook.url));
        let created = self.storage.create_webhook(&webhook, Some(&event)).await;
        self.relying_parties.forget(&webhook.relying_party);
        if created? {
            Ok(webhook)
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }

    /// The webhook with this key, if there is one.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
    ) -> Result<Option<Webhook>, Refusal> {
        Ok(self.storage.webhook(rp, id).await?)
    }

    /// Webhooks in the order of their creation.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Refusal> {
        Ok(self.storage.list_webhooks(rp, page).await?)
    }

    /// Changes a webhook; `None` when it is not there. `change` may run again when somebody else changed it meanwhile.
    ///
    /// # Errors
    /// `store_unavailable`; `concurrent_changes` when others keep changing it.
    pub async fn update_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        change: impl Fn(&mut Webhook) + Send + Sync,
        by: &Actor,
    ) -> Result<Option<Webhook>, Refusal> {
        let change = |webhook: &mut Webhook| {
            change(webhook);
            true
        };
        let tell = |before: &Webhook, webhook: &Webhook| {
            let event = self.of_webhook(AuditKind::WebhookUpdated, webhook, by);
            Some(event.changed(before, webhook, &["revision", "updated", "failing"]))
        };
        self.change_webhook(rp, id, change, tell).await
    }

    /// Changes a webhook, and writes the event that `tell` makes of the webhook before and after: the webhook after. `None` when it is not
    /// there, or `change` finds nothing to do.
    pub(super) async fn change_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        change: impl Fn(&mut Webhook) -> bool + Send + Sync,
        tell: impl Fn(&Webhook, &Webhook) -> Option<AuditEvent> + Send + Sync,
    ) -> Result<Option<Webhook>, Refusal> {
        for _ in 0..UPDATE_TRIES {
            let Some(before) = self.storage.webhook(rp, id).await? else {
                return Ok(None);
            };
            let mut webhook = before.clone();
            if !change(&mut webhook) {
                return Ok(None);
            }
            webhook.revision += 1;
            webhook.updated = self.now();
            let event = match tell(&before, &webhook) {
                Some(event) => Some(self.addressed(event).await?),
                None => None,
            };
            // A webhook that is disabled by this change receives nothing of it.
            let event = event.map(|event| {
                if webhook.enabled {
                    event
                } else {
                    event.not_told(id)
                }
            });
            let updated = self.storage.update_webhook(&webhook, event.as_ref()).await;
            self.relying_parties.forget(&rp);
            match updated? {
                Update::Done => return Ok(Some(webhook)),
                Update::Conflict => {}
                Update::Gone => return Ok(None),
            }
        }
        Err(Reason::ConcurrentChanges.into())
    }

    /// Removes a webhook; `false` when it is not there.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn delete_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        by: &Actor,
    ) -> Result<bool, Refusal> {
        let Some(webhook) = self.storage.webhook(rp, id).await? else {
            return Ok(false);
        };
        let event = self.of_webhook(AuditKind::WebhookDeleted, &webhook, by);
        let removed = self.storage.delete_webhook(rp, id, &event).await;
        self.relying_parties.forget(&rp);
        Ok(removed?)
    }

    pub(super) fn of_webhook(&self, kind: AuditKind, webhook: &Webhook, by: &Actor) -> AuditEvent {
        let (rp, name) = (webhook.relying_party, Some(webhook.name.as_str()));
        AuditEvent::new(self.draw(), kind, rp, self.now(), by).target(
            "webhook",
            &webhook.id.to_hex(),
            name,
        )
    }
}
