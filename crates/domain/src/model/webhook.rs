//! Webhooks of a Relying Party, as records.

use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;
use crate::model::ids::{RelyingPartyId, WebhookId};

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
    /// Counts changes, from 1. Webhooks that were stored before changes were counted have had none.
    #[serde(default = "first_revision")]
    pub revision: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

fn first_revision() -> u64 {
    1
}
