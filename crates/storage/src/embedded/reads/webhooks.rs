//! Webhooks and deliveries.

use domain::model::ids::{RelyingPartyId, WebhookId};
use domain::model::notice::Delivery;
use domain::model::page::{Order, Page, PageRequest};
use domain::model::webhook::Webhook;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params};

use super::page::page;
use crate::embedded::rows::{self, alive, fresh_from, fresh_key};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, all, first};

/// A key after those of all fresh deliveries.
const LAST: [u8; 32] = [0xff; 32];

pub(in crate::embedded) fn webhook(
    connection: &Connection,
    rp: RelyingPartyId,
    id: [u8; 16],
) -> Outcome<Option<Webhook>> {
    let sql = concat!(
        "SELECT body, ",
        is_sound!(webhooks),
        " FROM webhooks WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    first(connection, sql, [rp.0, id], webhook_of)
}

fn webhook_of(row: &Row<'_>) -> Outcome<Webhook> {
    seals::check(row, 1, "webhooks")?;
    rows::from_json(row, 0, "a webhook")
}

pub(in crate::embedded) fn list_webhooks(
    connection: &Connection,
    rp: RelyingPartyId,
    request: PageRequest,
) -> Outcome<Page<Webhook>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(webhooks),
        " FROM webhooks WHERE relying_party_id = ?1",
        alive!(party)
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&rp.0],
        request,
        webhook_of,
    )
}

pub(in crate::embedded) fn list_deliveries(
    connection: &Connection,
    rp: RelyingPartyId,
    webhook: WebhookId,
    request: PageRequest,
) -> Outcome<Page<Delivery>> {
    let order = request.order;
    let select = concat!(
        "SELECT body, due FROM deliveries WHERE relying_party_id = ?1 AND webhook_id = ?2",
        alive!(party)
    );
    let bound: [&dyn ToSql; 2] = [&rp.0, &webhook.0];
    let by = ("created", "id");
    let mut found = page(connection, select, by, &bound, request, rows::delivery)?;
    let fresh = list_fresh(connection, rp, webhook, request)?;
    found.more |= fresh.more;
    found.items.extend(fresh.items);
    found
        .items
        .sort_by_key(|delivery| (delivery.created, delivery.id));
    if order == Order::Descending {
        found.items.reverse();
    }
    found.more |= found.items.len() > request.limit as usize;
    found.items.truncate(request.limit as usize);
    Ok(found)
}

/// The part of the list that was not claimed yet. The key of such a delivery begins with the moment when it was made; that of the row after which the
/// list goes on need not.
fn list_fresh(
    connection: &Connection,
    rp: RelyingPartyId,
    webhook: WebhookId,
    request: PageRequest,
) -> Outcome<Page<Delivery>> {
    let all_of = (
        fresh_key(webhook.0, [0; 16]),
        fresh_key(webhook.0, [0xff; 16]),
    );
    // Of this moment, which is that of the row, some come after it.
    let moment = request.after.map(|row| {
        let next = row.created.plus_millis(1);
        (
            fresh_from(webhook.0, row.created),
            fresh_from(webhook.0, next),
        )
    });
    let after = request.after.map_or([0; 16], |row| row.key);
    let (sql, from, until, edge) = match request.order {
        Order::Ascending => (
            concat!(
                "SELECT key, relying_party_id, body FROM fresh_deliveries WHERE relying_party_id = ?1 AND key BETWEEN ?2 AND ?3 \
                 AND (key >= ?4 OR substr(key, 17) > ?5)",
                alive!(party),
                " ORDER BY key LIMIT ?6"
            ),
            moment.map_or(all_of.0, |(from, _)| from),
            all_of.1,
            moment.map_or(all_of.0, |(_, until)| until),
        ),
        Order::Descending => (
            concat!(
                "SELECT key, relying_party_id, body FROM fresh_deliveries WHERE relying_party_id = ?1 AND key BETWEEN ?2 AND ?3 \
                 AND (key < ?4 OR substr(key, 17) < ?5)",
                alive!(party),
                " ORDER BY key DESC LIMIT ?6"
            ),
            all_of.0,
            moment.map_or(all_of.1, |(_, until)| until),
            moment.map_or(LAST, |(from, _)| from),
        ),
    };
    // One more than asked for tells whether there are more.
    let limit = i64::from(request.limit) + 1;
    let bound = params![rp.0, from, until, edge, after, limit];
    let mut items = all(connection, sql, bound, rows::fresh_delivery)?;
    let more = items.len() > request.limit as usize;
    items.truncate(request.limit as usize);
    Ok(Page { items, more })
}
