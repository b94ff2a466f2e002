//! Deliveries of notices to webhooks. They have no digest: no ceremony is decided by them.

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::ids::{DeliveryId, RelyingPartyId, WebhookId};
use domain::model::notice::Delivery;
use domain::model::page::{Page, PageRequest};
use domain::store::{Deliveries, Fault};
use rusqlite::{Connection, params};

use super::rows::{self, alive, insert_delivery, json};
use super::sql::{Outcome, all, execute, exists, first};
use super::{Embedded, reads, writes};
use crate::deliveries;

/// What a claim asks for.
struct Claim {
    now: Timestamp,
    until: Timestamp,
    except: Vec<WebhookId>,
    each: u32,
    most: u32,
}

impl Claim {
    /// The next webhook after this one for which something waits: one step in the index for each webhook.
    fn next(connection: &Connection, after: &[u8]) -> Outcome<Option<[u8; 16]>> {
        first(
            connection,
            "SELECT webhook_id FROM deliveries WHERE state = 0 AND webhook_id > ?1 ORDER BY webhook_id LIMIT 1",
            [after],
            |row| Ok(row.get(0)?),
        )
    }

    /// The webhooks for which something is due.
    fn webhooks(&self, connection: &Connection) -> Outcome<Vec<[u8; 16]>> {
        let mut due = Vec::new();
        let mut after = Vec::new();
        while let Some(webhook) = Self::next(connection, &after)? {
            after = webhook.to_vec();
            if self.except.contains(&WebhookId(webhook)) {
                continue;
            }
            let sql = "SELECT 1 FROM deliveries WHERE state = 0 AND webhook_id = ?1 AND due <= ?2";
            if exists(connection, sql, params![webhook, self.now.0])? {
                due.push(webhook);
            }
        }
        Ok(due)
    }

    fn run(&self, connection: &Connection) -> Outcome<Vec<Delivery>> {
        let mut claimed: Vec<Delivery> = Vec::new();
        for webhook in self.webhooks(connection)? {
            let left = usize::try_from(self.most).unwrap_or(usize::MAX) - claimed.len();
            let limit = left.min(self.each as usize);
            let found = all(
                connection,
                "SELECT body, due FROM deliveries WHERE state = 0 AND webhook_id = ?1 AND due <= ?2 \
                 ORDER BY due LIMIT ?3",
                params![
                    webhook,
                    self.now.0,
                    i64::try_from(limit).unwrap_or(i64::MAX)
                ],
                rows::delivery,
            )?;
            for mut delivery in found {
                execute(
                    connection,
                    "UPDATE deliveries SET due = ?3 WHERE relying_party_id = ?1 AND id = ?2",
                    params![delivery.relying_party.0, delivery.id.0, self.until.0],
                )?;
                delivery.due = self.until;
                claimed.push(delivery);
            }
        }
        Ok(claimed)
    }
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

    async fn claim_deliveries(
        &self,
        now: Timestamp,
        until: Timestamp,
        except: &[WebhookId],
        each: u32,
        most: u32,
    ) -> Result<Vec<Delivery>, Fault> {
        let claim = Claim {
            now,
            until,
            except: except.to_vec(),
            each,
            most,
        };
        // Most looks find nothing, and write nothing.
        if self.points.read(|c| claim.webhooks(c))?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |c| claim.run(c)).await
    }

    async fn replace_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, Fault> {
        let delivery = delivery.clone();
        self.write(move |c| replace(c, &delivery, due)).await
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
