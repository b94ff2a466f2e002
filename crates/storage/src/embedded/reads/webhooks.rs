//! Webhooks and deliveries.

use domain::model::ids::{RelyingPartyId, WebhookId};
use domain::model::notice::Delivery;
use domain::model::page::{Order, Page, PageRequest};
use domain::model::webhook::Webhook;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};

use super::page::page;
use crate::embedded::rows::{self, alive, columns};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, first};

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
    let of = |select, read: fn(&Row<'_>) -> Outcome<Delivery>| {
        let order = ("created", "id");
        let bound: [&dyn ToSql; 2] = [&rp.0, &webhook.0];
        page(connection, select, order, &bound, request, read)
    };
    let select = concat!(
        "SELECT body, due FROM deliveries WHERE relying_party_id = ?1 AND webhook_id = ?2",
        alive!(party)
    );
    let mut found = of(select, rows::delivery)?;
    let select = concat!(
        "SELECT ",
        columns!(fresh_delivery),
        " FROM fresh_deliveries WHERE relying_party_id = ?1 AND webhook_id = ?2",
        alive!(party)
    );
    let fresh = of(select, rows::fresh_delivery)?;
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
