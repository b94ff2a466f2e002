//! Deliveries of notices to webhooks.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{DeliveryId, RelyingPartyId, UserId, WebhookId};
use domain::model::notice::Delivery;
use domain::model::page::{Page, PageRequest};
use domain::store::{ClaimDeliveries, Deliveries, Fault};
use tokio_postgres::Row;
use webauthn::error::Reason;

use super::Postgres;
use super::cells::{Cells, Param, params};
use super::pool::{Does, Sent};
use super::records::json;
use super::statements::Statement;
use crate::deliveries::{read, state};

/// A delivery that is written if its event was.
struct Conditional {
    delivery: Delivery,
    body: String,
    kind: &'static str,
    reason: Option<&'static str>,
}

/// What is to be sent because of an event. The database decides what the event becomes, so each delivery names the event for which it
/// is.
pub(super) struct Outbox(Vec<Conditional>);

impl Outbox {
    /// For an event that may become a refusal for one of these reasons.
    pub(super) fn of(event: &AuditEvent, reasons: &[Reason]) -> Result<Self, Fault> {
        let mut all = Vec::new();
        if event.subscribers.is_some() {
            let refused = reasons.iter().map(|reason| event.clone().refused(*reason));
            for event in std::iter::once(event.clone()).chain(refused) {
                for delivery in event.deliveries() {
                    all.push(Conditional {
                        body: json(&delivery)?,
                        delivery,
                        kind: event.kind.name(),
                        reason: event.reason.map(Reason::name),
                    });
                }
            }
        }
        Ok(Self(all))
    }

    /// The statements that write it, to be sent after the event's.
    pub(super) fn statements(&self) -> impl Iterator<Item = Sent<'_>> {
        self.0.iter().map(|one| {
            let notice = &one.delivery.notice;
            let mut params = written(&one.delivery, &one.body);
            params.extend(params![notice.at.0, notice.event.0, one.kind, one.reason]);
            (Statement::EnqueueDelivery, params)
        })
    }
}

/// The parameters that write a delivery.
fn written<'a>(delivery: &'a Delivery, body: &'a str) -> Vec<Param<'a>> {
    params![
        delivery.relying_party.0,
        delivery.id.0,
        delivery.account.0,
        delivery.webhook.0,
        delivery.notice.user.map(|user| user.0),
        delivery.created.0,
        delivery.due.0,
        body,
    ]
}

fn delivery(cells: &mut Cells<'_>) -> Result<Delivery, Fault> {
    let body = cells.plain()?;
    read(body, cells.int()?)
}

impl Postgres {
    /// The only row of a write that also writes an event, with what is to be sent because of it.
    pub(super) async fn only_told(
        &self,
        sent: Sent<'_>,
        event: &AuditEvent,
        reasons: &[Reason],
    ) -> Result<Row, Fault> {
        let outbox = Outbox::of(event, reasons)?;
        let mut sent = vec![sent];
        sent.extend(outbox.statements());
        let rows = self.pool.all(Does::Write, &sent).await?;
        let row = rows
            .into_iter()
            .next()
            .and_then(|rows| rows.into_iter().next());
        row.ok_or_else(|| Fault::Fatal("a statement has no row".to_owned()))
    }

    /// The same, for a write whose row begins with a number.
    pub(super) async fn done_told(
        &self,
        sent: Sent<'_>,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let row = self.only_told(sent, event, &[]).await?;
        Cells::new(&row).any()
    }
}

#[async_trait]
impl Deliveries for Postgres {
    async fn create_delivery(&self, delivery: &Delivery) -> Result<bool, Fault> {
        let body = json(delivery)?;
        let params = written(delivery, &body);
        let sent = (Statement::CreateDelivery, params);
        let row = self.pool.only(Does::Write, sent).await?;
        Cells::new(&row).bool()
    }

    async fn delivery(
        &self,
        rp: RelyingPartyId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, Fault> {
        self.record((Statement::Delivery, params![rp.0, id.0]), delivery)
            .await
    }

    async fn list_deliveries(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>, Fault> {
        let lists = (Statement::ListDeliveries, Statement::ListDeliveriesDown);
        self.page(lists, params![rp.0, webhook.0], page, delivery)
            .await
    }

    async fn claim_deliveries(&self, claim: ClaimDeliveries<'_>) -> Result<Vec<Delivery>, Fault> {
        let webhooks: Vec<&[u8]> = claim.webhooks.iter().map(|id| &id.0[..]).collect();
        let parties: Vec<&[u8]> = claim.parties.iter().map(|id| &id.0[..]).collect();
        let params = params![
            claim.now.0,
            claim.until.0,
            webhooks,
            parties,
            i64::from(claim.of_webhook),
            i64::from(claim.of_party),
            i64::from(claim.most),
        ];
        let sent = (Statement::ClaimDeliveries, params);
        let rows = self.pool.one(Does::Write, sent).await?;
        let read = rows.iter().map(|row| delivery(&mut Cells::new(row)));
        read.filter(|read| !matches!(read, Err(Fault::Unreadable(_))))
            .collect()
    }

    async fn replace_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, Fault> {
        let body = json(delivery)?;
        let params = params![
            delivery.relying_party.0,
            delivery.id.0,
            state(delivery),
            delivery.due.0,
            &body,
            due.0,
        ];
        self.pool.done((Statement::ReplaceDelivery, params)).await
    }

    async fn erase_deliveries(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        limit: u32,
    ) -> Result<u64, Fault> {
        let mut erased = 0;
        loop {
            let sent = (
                Statement::DeliveriesOfUser,
                params![rp.0, user.0, limit - erased],
            );
            let rows = self.pool.one(Does::Read, sent).await?;
            let before = erased;
            for row in &rows {
                let mut delivery = delivery(&mut Cells::new(row))?;
                let due = delivery.due;
                delivery.erase();
                let body = json(&delivery)?;
                let params = params![rp.0, delivery.id.0, delivery.due.0, &body, due.0];
                if self.pool.done((Statement::EraseDelivery, params)).await? {
                    erased += 1;
                }
            }
            // One that an attempt has written meanwhile is looked at again.
            if rows.len() == (erased - before) as usize {
                return Ok(erased.into());
            }
        }
    }

    async fn oldest_delivery(&self) -> Result<Option<Timestamp>, Fault> {
        let sent = (Statement::OldestDelivery, params![]);
        self.record(sent, |cells| Ok(Timestamp(cells.int()?))).await
    }

    async fn sweep_deliveries(&self, before: Timestamp, budget: u32) -> Result<u64, Fault> {
        let removed = self
            .sweep_in_chunks(budget, |limit| {
                (Statement::SweepDeliveries, params![before.0, limit])
            })
            .await?;
        Ok(removed.into())
    }
}
