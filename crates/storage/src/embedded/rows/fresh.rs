//! Deliveries as they come with their events: one row at the end of those of their webhook, in as few bytes as can be. A sign-in pays for it.

use std::borrow::Cow;

use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{
    AccountId, CeremonyId, CredentialKey, DeliveryId, EventId, RelyingPartyId, UserId, WebhookId,
};
use domain::model::notice::{Delivery, Notice, NoticeType};
use domain::store::Fault;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::embedded::sql::{Failure, Outcome, execute};

/// The first byte of the bytes. Others are of a later passkeyd.
const VERSION: u8 = 1;

/// The bytes have no names, so this stays as it is: a change needs another [`VERSION`].
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    account: [u8; 16],
    at: i64,
    #[serde(borrow)]
    what: Cow<'a, str>,
    event: [u8; 16],
    user: Option<[u8; 16]>,
    #[serde(borrow)]
    user_name: Option<Cow<'a, str>>,
    credential: Option<[u8; 16]>,
    ceremony: Option<[u8; 16]>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

/// The key of a row: that of the webhook and that of the delivery, [which begins with its time](domain::model::notice).
pub(in crate::embedded) fn fresh_key(webhook: [u8; 16], delivery: [u8; 16]) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&webhook);
    key[16..].copy_from_slice(&delivery);
    key
}

/// A key before those of the deliveries of a webhook from this moment on, and after all earlier ones.
pub(in crate::embedded) fn fresh_from(webhook: [u8; 16], moment: Timestamp) -> [u8; 32] {
    let mut delivery = [0; 16];
    // Six bytes are enough for ten thousand years.
    let millis = moment.0.clamp(0, (1 << 48) - 1).to_be_bytes();
    delivery[..6].copy_from_slice(&millis[2..]);
    fresh_key(webhook, delivery)
}

/// When the delivery with this key was made.
pub(in crate::embedded) fn fresh_moment(key: [u8; 32]) -> Timestamp {
    let millis = key[16..22].iter();
    Timestamp(millis.fold(0, |sum, byte| sum << 8 | i64::from(*byte)))
}

/// Writes what is to be sent because of an event, which is written by the same job and was not there.
pub(in crate::embedded) fn enqueue(connection: &Connection, event: &AuditEvent) -> Outcome<()> {
    for delivery in event.deliveries() {
        execute(
            connection,
            "INSERT INTO fresh_deliveries (key, relying_party_id, body) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO NOTHING",
            params![
                fresh_key(delivery.webhook.0, delivery.id.0),
                delivery.relying_party.0,
                to_bytes(&delivery)?,
            ],
        )?;
    }
    Ok(())
}

fn to_bytes(delivery: &Delivery) -> Result<Vec<u8>, Fault> {
    let notice = &delivery.notice;
    let content = Content {
        account: delivery.account.0,
        at: notice.at.0,
        what: notice.what.name().into(),
        event: notice.event.0,
        user: notice.user.map(|user| user.0),
        user_name: notice.user_name.as_deref().map(Into::into),
        credential: notice.credential.map(|credential| credential.0),
        ceremony: notice.ceremony.map(|ceremony| ceremony.0),
        reason: notice.reason.as_deref().map(Into::into),
    };
    postcard::to_extend(&content, vec![VERSION])
        .map_err(|_| Fault::Fatal("a delivery has no form as bytes".to_owned()))
}

/// The delivery in the columns `key`, `relying_party_id` and `body`.
pub(in crate::embedded) fn fresh_delivery(row: &Row<'_>) -> Outcome<Delivery> {
    let key: [u8; 32] = row.get(0)?;
    let rp = RelyingPartyId(row.get(1)?);
    let body = row.get_ref(2)?.as_blob().unwrap_or_default();
    from_bytes(key, rp, body).ok_or_else(|| Failure::unreadable("a delivery"))
}

fn from_bytes(key: [u8; 32], rp: RelyingPartyId, bytes: &[u8]) -> Option<Delivery> {
    let (VERSION, bytes) = bytes
        .split_first()
        .map(|(version, rest)| (*version, rest))?
    else {
        return None;
    };
    let content: Content<'_> = postcard::from_bytes(bytes).ok()?;
    let notice = Notice {
        what: NoticeType::from_name(&content.what)?,
        event: EventId(content.event),
        at: Timestamp(content.at),
        user: content.user.map(UserId),
        user_name: content.user_name.map(Cow::into_owned),
        credential: content.credential.map(CredentialKey),
        ceremony: content.ceremony.map(CeremonyId),
        reason: content.reason.map(Cow::into_owned),
    };
    let (webhook, id) = key.split_at(16);
    let webhook = WebhookId(webhook.try_into().ok()?);
    let id = DeliveryId(id.try_into().ok()?);
    let place = (AccountId(content.account), webhook);
    Some(Delivery::new(id, rp, place, notice))
}
