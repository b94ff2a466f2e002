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

use super::bytes::Bytes;
use crate::embedded::sql::{Failure, Outcome, execute};

/// The first byte of the bytes. Others are of a later passkeyd.
const VERSION: u8 = 1;

/// The bytes have no names, so this stays as it is: a change needs another [`VERSION`].
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    version: u8,
    #[serde(borrow)]
    account: Bytes<'a>,
    at: i64,
    what: Cow<'a, str>,
    #[serde(borrow)]
    event: Bytes<'a>,
    #[serde(borrow)]
    user: Option<Bytes<'a>>,
    user_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    credential: Option<Bytes<'a>>,
    #[serde(borrow)]
    ceremony: Option<Bytes<'a>>,
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
        version: VERSION,
        account: Bytes::of(&delivery.account.0),
        at: notice.at.0,
        what: notice.what.name().into(),
        event: Bytes::of(&notice.event.0),
        user: notice.user.as_ref().map(|user| Bytes::of(&user.0)),
        user_name: notice.user_name.as_deref().map(Into::into),
        credential: notice.credential.as_ref().map(|key| Bytes::of(&key.0)),
        ceremony: notice.ceremony.as_ref().map(|key| Bytes::of(&key.0)),
        reason: notice.reason.as_deref().map(Into::into),
    };
    postcard::to_allocvec(&content)
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
    let content: Content<'_> = postcard::from_bytes(bytes).ok()?;
    if content.version != VERSION {
        return None;
    }
    let key_of = |bytes: Option<Bytes<'_>>| match bytes {
        Some(bytes) => bytes.key().map(Some),
        None => Some(None),
    };
    let notice = Notice {
        what: NoticeType::from_name(&content.what)?,
        event: EventId(content.event.key()?),
        at: Timestamp(content.at),
        user: key_of(content.user)?.map(UserId),
        user_name: content.user_name.map(Cow::into_owned),
        credential: key_of(content.credential)?.map(CredentialKey),
        ceremony: key_of(content.ceremony)?.map(CeremonyId),
        reason: content.reason.map(Cow::into_owned),
    };
    let (webhook, id) = key.split_at(16);
    let webhook = WebhookId(webhook.try_into().ok()?);
    let id = DeliveryId(id.try_into().ok()?);
    let place = (AccountId(content.account.key()?), webhook);
    Some(Delivery::new(id, rp, place, notice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        let notice = Notice {
            what: NoticeType::ChallengeDenied,
            event: EventId([1; 16]),
            at: Timestamp(1_800_000_000_000),
            user: Some(UserId([2; 16])),
            user_name: Some("ann".to_owned()),
            credential: Some(CredentialKey([3; 16])),
            ceremony: Some(CeremonyId([4; 16])),
            reason: Some("signature_invalid".to_owned()),
        };
        let place = (AccountId([5; 16]), WebhookId([6; 16]));
        Delivery::new(DeliveryId([7; 16]), RelyingPartyId([8; 16]), place, notice)
    }

    fn read(delivery: &Delivery, bytes: &[u8]) -> Option<Delivery> {
        let key = fresh_key(delivery.webhook.0, delivery.id.0);
        from_bytes(key, delivery.relying_party, bytes)
    }

    #[test]
    fn a_delivery_comes_back() {
        let nothing = Notice {
            what: NoticeType::Test,
            user: None,
            user_name: None,
            credential: None,
            ceremony: None,
            reason: None,
            ..delivery().notice
        };
        let nothing = Delivery {
            notice: nothing,
            ..delivery()
        };
        for delivery in [delivery(), nothing] {
            let bytes = to_bytes(&delivery).unwrap();
            assert_eq!(read(&delivery, &bytes), Some(delivery));
        }
    }

    #[test]
    fn the_bytes_of_version_1_stay_as_they_are() {
        let written = "01100505050505050505050505050505050580c0e285e368106368616c6c656e67652e64656e69656410010101010101\
             010101010101010101010110020202020202020202020202020202020103616e6e011003030303030303030303030303\
             03030301100404040404040404040404040404040401117369676e61747572655f696e76616c6964";
        assert_eq!(hex::encode(to_bytes(&delivery()).unwrap()), written);
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = to_bytes(&delivery()).unwrap();
        assert_eq!(read(&delivery(), &bytes[..bytes.len() - 1]), None);
        assert_eq!(read(&delivery(), &[&[2], &bytes[1..]].concat()), None);
        assert_eq!(read(&delivery(), &[]), None);
        // A key of 15 bytes, and a type that is not known.
        assert_eq!(read(&delivery(), &[&[1, 15], &bytes[2..]].concat()), None);
        let place = bytes
            .windows(9)
            .position(|part| part == b"challenge")
            .unwrap();
        let mut unknown = bytes.clone();
        unknown[place] = b'C';
        assert_eq!(read(&delivery(), &unknown), None);
    }

    #[test]
    fn keys_are_in_the_order_of_time() {
        let key = |millis| fresh_from([9; 16], Timestamp(millis));
        assert!(key(-1) <= key(0) && key(0) < key(1) && key(255) < key(256));
        assert!(key(i64::MAX) < fresh_key([9; 16], [0xff; 16]));
        let made = key(1_800_000_000_123);
        assert_eq!(fresh_moment(made), Timestamp(1_800_000_000_123));
        assert!(fresh_key([9; 16], [0xff; 16]) < fresh_from([10; 16], Timestamp(0)));
    }
}
