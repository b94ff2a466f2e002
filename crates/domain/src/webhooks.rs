//! Webhooks of a Relying Party, as records.

use serde::{Deserialize, Serialize};
use webauthn::error::Reason;

use crate::Passkeys;
use crate::clock::Timestamp;
use crate::error::Refusal;
use crate::ids::{RelyingPartyId, WebhookId};
use crate::storage::{Page, PageRequest};

/// Where and about what a back end wants to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its key.
    pub id: WebhookId,
    /// Whose it is.
    pub relying_party: RelyingPartyId,
    /// A name for people.
    pub name: String,
    /// Names of events in the words of the wire that made it; `*` is all.
    pub event_types: Vec<String>,
    /// Where to send them.
    pub url: String,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Form of the payload, in the words of the wire that made it.
    pub version: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl Passkeys {
    /// Adds a webhook. `make` gets the key and the time.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn create_webhook(
        &self,
        make: impl FnOnce(WebhookId, Timestamp) -> Webhook,
    ) -> Result<Webhook, Refusal> {
        let webhook = make(WebhookId::random(&*self.randomness), self.now());
        if self.storage.create_webhook(&webhook).await? {
            Ok(webhook)
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }

    /// The webhook with this key, if there is one.
    pub async fn webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
    ) -> Result<Option<Webhook>, Refusal> {
        Ok(self.storage.webhook(rp, id).await?)
    }

    /// Webhooks in the order of their creation.
    pub async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Refusal> {
        Ok(self.storage.list_webhooks(rp, page).await?)
    }

    /// Changes a webhook; `None` when it is not there.
    pub async fn update_webhook(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        change: impl FnOnce(&mut Webhook),
    ) -> Result<Option<Webhook>, Refusal> {
        let Some(mut webhook) = self.storage.webhook(rp, id).await? else {
            return Ok(None);
        };
        change(&mut webhook);
        webhook.updated = self.now();
        Ok(self
            .storage
            .update_webhook(&webhook)
            .await?
            .then_some(webhook))
    }

    /// Removes a webhook; `false` when it is not there.
    pub async fn delete_webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<bool, Refusal> {
        Ok(self.storage.delete_webhook(rp, id).await?)
    }
}
