//! Deliveries of notices to webhooks.

use domain::model::notice::Delivery;
use rusqlite::{Connection, Row, params};

use super::columns::json;
use crate::deliveries;
use crate::embedded::sql::{Outcome, execute};

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

/// The delivery in the columns `body` and `due`.
pub(in crate::embedded) fn delivery(row: &Row<'_>) -> Outcome<Delivery> {
    Ok(deliveries::read(&row.get::<_, String>(0)?, row.get(1)?)?)
}
