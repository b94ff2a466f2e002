//! Deliveries of notices to webhooks. They have no digest: no ceremony is decided by them.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::ids::{DeliveryId, RelyingPartyId, UserId, WebhookId};
use domain::model::notice::Delivery;
use domain::model::page::{Page, PageRequest};
use domain::store::{ClaimDeliveries, Deliveries, Fault};
use rusqlite::{Connection, params};

use super::rows::{self, alive, insert_delivery, json};
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
    fn find(&self, connection: &Connection) -> Outcome<Vec<Delivery>> {
        let mut found = Vec::new();
        let mut account = Vec::new();
        while let Some(next) = next_account(connection, &account)? {
            account = next.to_vec();
            self.of_account(connection, next, &mut found)?;
        }
        found.sort_by_key(|delivery: &Delivery| delivery.due);
        let mut of_party: HashMap<RelyingPartyId, u32> = HashMap::new();
        found.retain(|delivery| {
            let count = of_party.entry(delivery.relying_party).or_default();
            *count += 1;
            *count <= self.of_party
        });
        found.truncate(self.most as usize);
        Ok(found)
    }

    fn of_account(
        &self,
        connection: &Connection,
        account: [u8; 16],
        found: &mut Vec<Delivery>,
    ) -> Outcome<()> {
        let mut webhook = Vec::new();
        while let Some((next, party)) = next_webhook(connection, account, &webhook)? {
            webhook = next.to_vec();
            if self.webhooks.contains(&WebhookId(next))
                || self.parties.contains(&RelyingPartyId(party))
            {
                continue;
            }
            found.append(&mut all(
                connection,
                "SELECT body, due FROM deliveries WHERE state = 0 AND account_id = ?1 AND webhook_id = ?2 AND due <= ?3 \
                 ORDER BY due LIMIT ?4",
                params![account, next, self.now.0, self.of_webhook],
                rows::delivery,
            )?);
        }
        Ok(())
    }

    fn run(&self, connection: &Connection) -> Outcome<Vec<Delivery>> {
        let mut claimed = self.find(connection)?;
        for delivery in &mut claimed {
            execute(
                connection,
                "UPDATE deliveries SET due = ?3 WHERE relying_party_id = ?1 AND id = ?2",
                params![delivery.relying_party.0, delivery.id.0, self.until.0],
            )?;
            delivery.due = self.until;
        }
        Ok(claimed)
    }
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
        self.points
            .read(|c| first(c, sql, [rp.0, id.0], rows::delivery))
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
        self.write(move |c| erase(c, rp, user, limit)).await
    }

    async fn oldest_delivery(&self) -> Result<Option<Timestamp>, Fault> {
        let sql = "SELECT created FROM deliveries WHERE state = 0 ORDER BY state, created LIMIT 1";
        self.points
            .read(|c| first(c, sql, [], |row| Ok(Timestamp(row.get(0)?))))
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
