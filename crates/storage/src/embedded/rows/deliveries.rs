//! Deliveries of notices to webhooks.

use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{
    AccountId, CeremonyId, CredentialKey, DeliveryId, EventId, RelyingPartyId, UserId, WebhookId,
};
use domain::model::notice::{Delivery, Notice, NoticeType};
use rusqlite::{Connection, Row, params};

use super::columns::{columns, json};
use crate::deliveries;
use crate::embedded::sql::{Failure, Outcome, execute};

/// Writes a delivery, unless it is there.
pub(in crate::embedded) fn insert_delivery(
    connection: &Connection,
    delivery: &Delivery,
) -> Outcome<()> {
    execute(
        connection,
        "INSERT INTO deliveries (relying_party_id, id, account_id, webhook_id, user_id, created, state, due, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (relying_party_id, id) DO NOTHING",
        params![
            delivery.relying_party.0,
            delivery.id.0,
            delivery.account.0,
            delivery.webhook.0,
            delivery.notice.user.map(|user| user.0),
            delivery.created.0,
            deliveries::state(delivery),
            delivery.due.0,
            json(delivery)?,
        ],
    )?;
    Ok(())
}

/// Writes what is to be sent because of an event, which is written by the same job and was not there.
pub(in crate::embedded) fn enqueue(connection: &Connection, event: &AuditEvent) -> Outcome<()> {
    for delivery in event.deliveries() {
        let notice = &delivery.notice;
        execute(
            connection,
            concat!(
                "INSERT INTO fresh_deliveries (",
                columns!(fresh_delivery),
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (webhook_id, created, id) DO NOTHING"
            ),
            params![
                delivery.webhook.0,
                delivery.created.0,
                delivery.id.0,
                delivery.relying_party.0,
                delivery.account.0,
                notice.what.name(),
                notice.event.0,
                notice.user.map(|user| user.0),
                notice.user_name,
                notice.credential.map(|credential| credential.0),
                notice.ceremony.map(|ceremony| ceremony.0),
                notice.reason,
            ],
        )?;
    }
    Ok(())
}

/// The delivery in the columns `body` and `due`.
pub(in crate::embedded) fn delivery(row: &Row<'_>) -> Outcome<Delivery> {
    Ok(deliveries::read(&row.get::<_, String>(0)?, row.get(1)?)?)
}

/// The delivery that was not claimed yet.
pub(in crate::embedded) fn fresh_delivery(row: &Row<'_>) -> Outcome<Delivery> {
    let what = NoticeType::from_name(row.get_ref(5)?.as_str().unwrap_or_default());
    let notice = Notice {
        what: what.ok_or_else(|| Failure::unreadable("type of a delivery"))?,
        event: EventId(row.get(6)?),
        at: Timestamp(row.get(1)?),
        user: row.get::<_, Option<[u8; 16]>>(7)?.map(UserId),
        user_name: row.get(8)?,
        credential: row.get::<_, Option<[u8; 16]>>(9)?.map(CredentialKey),
        ceremony: row.get::<_, Option<[u8; 16]>>(10)?.map(CeremonyId),
        reason: row.get(11)?,
    };
    let place = (AccountId(row.get(4)?), WebhookId(row.get(0)?));
    let rp = RelyingPartyId(row.get(3)?);
    Ok(Delivery::new(DeliveryId(row.get(2)?), rp, place, notice))
}
