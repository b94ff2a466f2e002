//! Deliveries of notices to webhooks. They have no digest: no ceremony is decided by them.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::ids::{DeliveryId, RelyingPartyId, UserId, WebhookId};
use domain::model::notice::Delivery;
use domain::model::page::{Page, PageRequest};
use domain::store::{ClaimDeliveries, Deliveries, Fault};
use rusqlite::{Connection, Row, params};

use super::rows::{self, alive, fresh_from, fresh_key, fresh_moment, insert_delivery, json};
use super::sql::{Outcome, all, execute, first};
use super::{Embedded, reads, writes};
use crate::deliveries;

/// What a claim asks for: the same as [`ClaimDeliveries`], for the writer.
struct Claim {
    now: Timestamp,
    until: Timestamp,
    webhooks: Vec<WebhookId>,
    parties: Vec<RelyingPartyId>,
    of_webhook: u32,
    of_party: u32,
    most: u32,
}

impl Claim {
    fn of(claim: ClaimDeliveries<'_>) -> Self {
        Self {
            now: claim.now,
            until: claim.until,
            webhooks: claim.webhooks.to_vec(),
            parties: claim.parties.to_vec(),
            of_webhook: claim.of_webhook,
            of_party: claim.of_party,
            most: claim.most,
        }
    }

    /// What is claimed: one step in the index for each account and each webhook for which something waits.
    fn find(&self, connection: &Connection) -> Outcome<Vec<Due>> {
        let mut found = Vec::new();
        let mut account = Vec::new();
        while let Some(next) = next_account(connection, &account)? {
            account = next.to_vec();
            self.of_account(connection, next, &mut found)?;
        }
        for (webhook, party) in with_fresh(connection)? {
            if self.is_wanted(webhook, party) {
                let read = |row: &Row<'_>| readable(rows::fresh_delivery(row));
                let fresh = fresh_of(connection, webhook, self.now, self.of_webhook, read)?;
                found.extend(fresh.into_iter().flatten().map(Due::Fresh));
            }
        }
        found.sort_by_key(|due: &Due| due.delivery().due);
        let mut of_webhook: HashMap<WebhookId, u32> = HashMap::new();
        let mut of_party: HashMap<RelyingPartyId, u32> = HashMap::new();
        found.retain(|due| {
            let delivery = due.delivery();
            let own = of_webhook.entry(delivery.webhook).or_default();
            let all = of_party.entry(delivery.relying_party).or_default();
            let has_room = *own < self.of_webhook && *all < self.of_party;
            *own += u32::from(has_room);
            *all += u32::from(has_room);
            has_room
        });
        found.truncate(self.most as usize);
        Ok(found)
    }

    /// Whether something may be claimed for a webhook.
    fn is_wanted(&self, webhook: [u8; 16], party: [u8; 16]) -> bool {
        !self.webhooks.contains(&WebhookId(webhook))
            && !self.parties.contains(&RelyingPartyId(party))
    }

    fn of_account(
        &self,
        connection: &Connection,
        account: [u8; 16],
        found: &mut Vec<Due>,
    ) -> Outcome<()> {
        let mut webhook = Vec::new();
        while let Some((next, party)) = next_webhook(connection, account, &webhook)? {
            webhook = next.to_vec();
            if !self.is_wanted(next, party) {
                continue;
            }
            let waiting = all(
                connection,
                "SELECT body, due FROM deliveries WHERE state = 0 AND account_id = ?1 AND webhook_id = ?2 AND due <= ?3 \
                 ORDER BY due LIMIT ?4",
                params![account, next, self.now.0, self.of_webhook],
                |row| readable(rows::delivery(row)),
            )?;
            found.extend(waiting.into_iter().flatten().map(Due::Waiting));
        }
        Ok(())
    }

    fn run(&self, connection: &Connection) -> Outcome<Vec<Delivery>> {
        let mut claimed = Vec::new();
        for due in self.find(connection)? {
            let delivery = match due {
                Due::Waiting(mut delivery) => {
                    execute(
                        connection,
                        "UPDATE deliveries SET due = ?3 WHERE relying_party_id = ?1 AND id = ?2",
                        params![delivery.relying_party.0, delivery.id.0, self.until.0],
                    )?;
                    delivery.due = self.until;
                    Some(delivery)
                }
                Due::Fresh(delivery) => settle(connection, delivery, Some(self.until))?,
            };
            claimed.extend(delivery);
        }
        Ok(claimed)
    }
}

/// A delivery that is due, and where it is.
enum Due {
    /// In `deliveries`.
    Waiting(Delivery),
    /// In `fresh_deliveries`.
    Fresh(Delivery),
}

impl Due {
    fn delivery(&self) -> &Delivery {
        match self {
            Self::Waiting(delivery) | Self::Fresh(delivery) => delivery,
        }
    }
}

/// The webhooks that have fresh deliveries, and their Relying Parties: one step in the table for each.
fn with_fresh(connection: &Connection) -> Outcome<Vec<([u8; 16], [u8; 16])>> {
    let sql = "SELECT substr(key, 1, 16), relying_party_id FROM fresh_deliveries WHERE key > ?1 ORDER BY key LIMIT 1";
    let mut found: Vec<([u8; 16], [u8; 16])> = Vec::new();
    loop {
        // The last key that the webhook can have, or one before every key.
        let after = found.last().map(|(last, _)| fresh_key(*last, [0xff; 16]));
        let after = after.as_ref().map_or(&[][..], |key| key);
        let next = first(connection, sql, [after], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let Some(next) = next else {
            return Ok(found);
        };
        found.push(next);
    }
}

/// A delivery that was read; nothing where it cannot be read, so that it does not keep the others back. It stays where it is, and the age of the oldest
/// delivery that waits tells of it.
fn readable(read: Outcome<Delivery>) -> Outcome<Option<Delivery>> {
    match read.map_err(Fault::from) {
        Ok(delivery) => Ok(Some(delivery)),
        Err(Fault::Unreadable(_)) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// The earliest fresh deliveries of a webhook.
fn fresh_of<T>(
    connection: &Connection,
    webhook: [u8; 16],
    until: Timestamp,
    limit: u32,
    read: impl FnMut(&Row<'_>) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    let from = fresh_key(webhook, [0; 16]);
    let until = fresh_from(webhook, until.plus_millis(1));
    all(
        connection,
        "SELECT key, relying_party_id, body FROM fresh_deliveries WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
        params![from, until, limit],
        read,
    )
}

/// Moves a fresh delivery to the others, with another time when it is due if one is given; nothing when its Relying Party is gone.
fn settle(
    connection: &Connection,
    mut delivery: Delivery,
    due: Option<Timestamp>,
) -> Outcome<Option<Delivery>> {
    execute(
        connection,
        "DELETE FROM fresh_deliveries WHERE key = ?1",
        [fresh_key(delivery.webhook.0, delivery.id.0)],
    )?;
    if !writes::relying_party_exists(connection, delivery.relying_party)? {
        return Ok(None);
    }
    delivery.due = due.unwrap_or(delivery.due);
    insert_delivery(connection, &delivery)?;
    Ok(Some(delivery))
}

/// Moves fresh deliveries of a Relying Party to the others; how many.
fn settle_some(connection: &Connection, rp: RelyingPartyId, limit: u32) -> Outcome<u32> {
    let mut moved = 0;
    for (webhook, party) in with_fresh(connection)? {
        if party == rp.0 {
            let (until, limit) = (Timestamp(i64::MAX - 1), limit - moved);
            for delivery in fresh_of(connection, webhook, until, limit, rows::fresh_delivery)? {
                settle(connection, delivery, None)?;
                moved += 1;
            }
        }
    }
    Ok(moved)
}

/// The fresh delivery with this key.
fn fresh(connection: &Connection, rp: RelyingPartyId, id: DeliveryId) -> Outcome<Option<Delivery>> {
    let sql = concat!(
        "SELECT key, relying_party_id, body FROM fresh_deliveries WHERE key = ?2 AND relying_party_id = ?1",
        alive!(party)
    );
    for (webhook, party) in with_fresh(connection)? {
        if party == rp.0 {
            let values = params![rp.0, fresh_key(webhook, id.0)];
            if let Some(found) = first(connection, sql, values, rows::fresh_delivery)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// When the oldest delivery that waits was made.
fn oldest(connection: &Connection) -> Outcome<Option<Timestamp>> {
    let created = |row: &Row<'_>| Ok(Timestamp(row.get(0)?));
    let sql = "SELECT created FROM deliveries WHERE state = 0 ORDER BY state, created LIMIT 1";
    let mut oldest = first(connection, sql, [], created)?;
    for (webhook, _) in with_fresh(connection)? {
        let read = |row: &Row<'_>| Ok(fresh_moment(row.get(0)?));
        let fresh = fresh_of(connection, webhook, Timestamp(i64::MAX - 1), 1, read)?;
        oldest = match (oldest, fresh.into_iter().next()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    Ok(oldest)
}

/// The first account after this one for which something waits.
fn next_account(connection: &Connection, after: &[u8]) -> Outcome<Option<[u8; 16]>> {
    first(
        connection,
        // Without INDEXED BY, SQLite takes the index by age and sorts all that waits.
        "SELECT account_id FROM deliveries INDEXED BY deliveries_waiting WHERE state = 0 AND account_id > ?1 \
         ORDER BY account_id LIMIT 1",
        [after],
        |row| Ok(row.get(0)?),
    )
}

/// The first webhook of an account after this one for which something waits, and its Relying Party.
fn next_webhook(
    connection: &Connection,
    account: [u8; 16],
    after: &[u8],
) -> Outcome<Option<([u8; 16], [u8; 16])>> {
    first(
        connection,
        "SELECT webhook_id, relying_party_id FROM deliveries WHERE state = 0 AND account_id = ?1 AND webhook_id > ?2 \
         ORDER BY webhook_id LIMIT 1",
        params![account, after],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

fn replace(connection: &Connection, delivery: &Delivery, due: Timestamp) -> Outcome<bool> {
    let body = json(delivery)?;
    let changed = execute(
        connection,
        "UPDATE deliveries SET state = ?3, due = ?4, body = ?5 \
         WHERE relying_party_id = ?1 AND id = ?2 AND (due = ?6 OR due = ?4 AND body = ?5)",
        params![
            delivery.relying_party.0,
            delivery.id.0,
            deliveries::state(delivery),
            delivery.due.0,
            body,
            due.0,
        ],
    )?;
    Ok(changed > 0)
}

/// Erases the deliveries of a user, as [`Delivery::erase`] does.
fn erase(connection: &Connection, rp: RelyingPartyId, user: UserId, limit: u32) -> Outcome<u64> {
    let found = all(
        connection,
        "SELECT body, due FROM deliveries WHERE relying_party_id = ?1 AND user_id = ?2 LIMIT ?3",
        params![rp.0, user.0, limit],
        rows::delivery,
    )?;
    for mut delivery in found.iter().cloned() {
        delivery.erase();
        execute(
            connection,
            "UPDATE deliveries SET user_id = NULL, due = ?3, body = ?4 WHERE relying_party_id = ?1 AND id = ?2",
            params![rp.0, delivery.id.0, delivery.due.0, json(&delivery)?],
        )?;
    }
    Ok(found.len() as u64)
}

#[async_trait]
impl Deliveries for Embedded {
    async fn create_delivery(&self, delivery: &Delivery) -> Result<bool, Fault> {
        let delivery = delivery.clone();
        let work = move |c: &Connection| {
            let there = writes::relying_party_exists(c, delivery.relying_party)?;
            if there {
                insert_delivery(c, &delivery)?;
            }
            Ok(there)
        };
        self.write(work).await
    }

    async fn delivery(
        &self,
        rp: RelyingPartyId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, Fault> {
        let sql = concat!(
            "SELECT body, due FROM deliveries WHERE relying_party_id = ?1 AND id = ?2",
            alive!(party)
        );
        self.points.read(|c| {
            let found = first(c, sql, [rp.0, id.0], rows::delivery)?;
            found.map_or_else(|| fresh(c, rp, id), |found| Ok(Some(found)))
        })
    }

    async fn list_deliveries(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>, Fault> {
        self.list(move |c| reads::list_deliveries(c, rp, webhook, page))
            .await
    }

    async fn claim_deliveries(&self, claim: ClaimDeliveries<'_>) -> Result<Vec<Delivery>, Fault> {
        let claim = Claim::of(claim);
        // Most looks find nothing, and write nothing.
        if self.points.read(|c| claim.find(c))?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |c| claim.run(c)).await
    }

    async fn replace_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, Fault> {
        let delivery = delivery.clone();
        self.write(move |c| replace(c, &delivery, due)).await
    }

    async fn erase_deliveries(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        limit: u32,
    ) -> Result<u64, Fault> {
        // Fresh ones are not found by their user.
        while self.write(move |c| settle_some(c, rp, limit)).await? >= limit {}
        self.write(move |c| erase(c, rp, user, limit)).await
    }

    async fn oldest_delivery(&self) -> Result<Option<Timestamp>, Fault> {
        self.points.read(oldest)
    }

    async fn sweep_deliveries(&self, before: Timestamp, budget: u32) -> Result<u64, Fault> {
        let sweep = move |c: &Connection, limit: u32| {
            execute(
                c,
                "DELETE FROM deliveries WHERE (relying_party_id, id) IN (SELECT relying_party_id, id FROM deliveries \
                 WHERE state IN (1, 2) AND created < ?1 LIMIT ?2)",
                params![before.0, limit],
            )
        };
        Ok(self.sweep_in_chunks(budget, sweep).await?.into())
    }
}
