//! Webhooks of a Relying Party.

use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;
use crate::model::ids::{AccountId, RelyingPartyId, WebhookId};

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
    /// How a notice is written.
    #[serde(default, skip_serializing_if = "BodyFormat::is_form")]
    pub format: BodyFormat,
    /// The hash of the Twilio signature.
    #[serde(default, skip_serializing_if = "SignatureHash::is_sha1")]
    pub hash: SignatureHash,
    /// Which of its secrets is in use, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub secret: u32,
    /// Until when deliveries are also signed with the secret before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Timestamp>,
    /// Since when no delivery arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Timestamp>,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl Webhook {
    /// A webhook that is on, and has no name, no URL and no events yet.
    pub fn new(id: WebhookId, relying_party: RelyingPartyId, now: Timestamp) -> Self {
        Self {
            id,
            relying_party,
            name: String::new(),
            event_types: Vec::new(),
            url: String::new(),
            enabled: true,
            version: "v2".to_owned(),
            revision: 1,
            format: BodyFormat::default(),
            hash: SignatureHash::default(),
            secret: 0,
            overlap: None,
            failing: None,
            created: now,
            updated: now,
        }
    }
}

/// Longest URL of a webhook, in bytes.
pub const MAX_URL: usize = 2048;

/// Whether a webhook may have this URL: an absolute `http` or `https` URL with a host and without a user name. Whether its address may be
/// called is checked when something is sent.
pub fn is_url(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or_default();
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    !host.is_empty() && !host.contains('@') && printable && text.len() <= MAX_URL
}

fn first_revision() -> u64 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What one webhook wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// The webhook.
    pub webhook: WebhookId,
    /// The account that it belongs to.
    pub account: AccountId,
    types: Vec<String>,
}

impl Subscriber {
    /// A webhook that wants to be told these types.
    pub fn new(webhook: WebhookId, account: AccountId, types: Vec<String>) -> Self {
        Self {
            webhook,
            account,
            types,
        }
    }

    /// What this webhook of an account wants; `None` while it is disabled.
    pub fn of(webhook: &Webhook, account: AccountId) -> Option<Self> {
        let wanted = || Self::new(webhook.id, account, webhook.event_types.clone());
        webhook.enabled.then(wanted)
    }

    /// Whether it wants to be told the type of this name.
    pub(crate) fn wants(&self, what: &str) -> bool {
        self.types.iter().any(|name| name == "*" || name == what)
    }
}

/// How a notice is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// As a form, as Twilio does. A back end that moves from Twilio reads these.
    #[default]
    Form,
    /// As JSON, which the libraries of Standard Webhooks read.
    Json,
}

impl BodyFormat {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_form(&self) -> bool {
        *self == Self::Form
    }
}

/// The hash of the Twilio signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureHash {
    /// SHA-1, which every validator of Twilio knows.
    #[default]
    Sha1,
    /// SHA-256, which a header announces.
    Sha256,
}

impl SignatureHash {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_sha1(&self) -> bool {
        *self == Self::Sha1
    }
}
