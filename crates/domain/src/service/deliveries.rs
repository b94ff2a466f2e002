//! Deliveries to webhooks: which webhooks receive an event, which deliveries are due, what follows from an attempt, and what an operator asks
//! for. The sender is in the server.

use std::sync::Arc;
use std::time::Duration;

use webauthn::error::Reason;

use crate::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::console::CONSOLE_PARTY;
use crate::model::ids::{AccountId, DeliveryId, EventId, RelyingPartyId, UserId, WebhookId};
use crate::model::notice::{Delivery, DeliveryState, Notice, NoticeType, Try};
use crate::model::page::{Order, Page, PageRequest, Position};
use crate::model::refusal::Refusal;
use crate::model::webhook::Webhook;
use crate::service::Passkeys;
use crate::store::ClaimDeliveries;

/// How long a secret that was replaced still signs, in milliseconds: a day.
pub const OVERLAP_MS: i64 = 86_400_000;
/// Most webhooks of a Relying Party that receive events.
const MOST_TOLD: u32 = 100;
/// The pauses after an attempt that failed, in seconds. Together two days.
const PAUSES: [u32; 8] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 57_600];
/// The longest pause that a receiver may ask for, in milliseconds: a day.
const MOST_ASKED_MS: i64 = 86_400_000;
/// How long nothing may arrive before a webhook is disabled, in milliseconds: five days.
const GIVE_UP_MS: i64 = 5 * 86_400_000;
/// Who disables a webhook whose receiver fails.
const SENDER: Actor = Actor::new(ActorKind::Passkeyd, "");
/// Rows of a page, where a range is sent again or a state is looked for.
const PAGE: u32 = 500;
/// Most pages in which one search looks for a state.
const MOST_PAGES: u32 = 4;

/// The page of the webhooks that receive events.
pub(super) fn told_at_most() -> PageRequest {
    PageRequest::first(MOST_TOLD)
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver accepted it with this status.
    Accepted(u16),
    /// It did not.
    Failed {
        /// The status of the response, if there was one.
        status: Option<u16>,
        /// Why, for the operator. Nothing of the response's body.
        problem: String,
        /// How long the receiver asks to wait.
        retry_after: Option<Duration>,
    },
    /// The webhook is gone or disabled: nothing was sent.
    Unwanted,
}

/// The secrets of a webhook.
pub struct Secrets {
    /// The one in use.
    pub current: [u8; 32],
    /// The one before, while both sign.
    pub previous: Option<[u8; 32]>,
}

/// Which deliveries are sent again.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// From this moment of their creation on.
    pub since: Timestamp,
    /// Before this moment.
    pub until: Timestamp,
    /// Those that arrived, too, and not only those of which an attempt failed.
    pub delivered: bool,
}

/// Deliveries that a search found.
#[derive(Debug)]
pub struct FoundDeliveries {
    /// The deliveries, newest first.
    pub deliveries: Vec<Delivery>,
    /// Where a further search goes on, if there may be more.
    pub stopped: Option<Position>,
}

/// A change of a webhook that is no event.
fn untold(_: &Webhook, _: &Webhook) -> Option<AuditEvent> {
    None
}

/// The place of a delivery in a list.
fn place_of(delivery: &Delivery) -> Position {
    Position {
        created: delivery.created,
        key: delivery.id.0,
    }
}

impl Passkeys {
    /// The event with those who are to be told of it.
    pub(super) async fn addressed(&self, event: AuditEvent) -> Result<AuditEvent, Refusal> {
        if event.relying_party == CONSOLE_PARTY {
            return Ok(event);
        }
        match self.any_relying_party(event.relying_party).await {
            Ok(rp) => Ok(event.told_to(rp.subscribers.clone())),
            // The operation finds that out by itself.
            Err(refusal) if refusal.reason == Reason::RelyingPartyUnknown => Ok(event),
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes deliveries that are due.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn claim_deliveries(
        &self,
        claim: ClaimDeliveries<'_>,
    ) -> Result<Vec<Delivery>, Refusal> {
        Ok(self.storage.claim_deliveries(claim).await?)
    }

    /// Age of the oldest delivery that has not arrived, in milliseconds; 0 without one.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn oldest_delivery_ms(&self) -> Result<i64, Refusal> {
        let oldest = self.storage.oldest_delivery().await?;
        Ok(oldest.map_or(0, |at| self.now().0.saturating_sub(at.0).max(0)))
    }

    /// Notes what came of an attempt, and when the next one is due. A receiver that answers 410, or does not accept anything for days,
    /// disables its webhook; the other webhooks receive an event of it.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn conclude_delivery(
        &self,
        delivery: Delivery,
        attempt: Attempt,
    ) -> Result<(), Refusal> {
        let (rp, webhook) = (delivery.relying_party, delivery.webhook);
        let lease = delivery.due;
        let now = self.now();
        let mut jitter = [0; 1];
        self.randomness.fill(&mut jitter);
        let concluded = concluded(delivery, &attempt, now, jitter[0]);
        self.storage.replace_delivery(&concluded, lease).await?;
        match attempt {
            Attempt::Accepted(_) => self.note_arrival(rp, webhook).await,
            Attempt::Failed { status, .. } => self.note_failure(rp, webhook, status).await,
            Attempt::Unwanted => Ok(()),
        }
    }

    /// Gives a delivery back that was claimed and not sent: it is due now.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn put_back_delivery(&self, mut delivery: Delivery) -> Result<(), Refusal> {
        let lease = std::mem::replace(&mut delivery.due, self.now());
        self.storage.replace_delivery(&delivery, lease).await?;
        Ok(())
    }

    async fn note_arrival(&self, rp: RelyingPartyId, id: WebhookId) -> Result<(), Refusal> {
        let webhook = self.storage.webhook(rp, id).await?;
        if webhook.is_some_and(|webhook| webhook.failing.is_some()) {
            self.change_webhook(rp, id, |webhook| webhook.failing.take().is_some(), untold)
                .await?;
        }
        Ok(())
    }

    async fn note_failure(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        status: Option<u16>,
    ) -> Result<(), Refusal> {
        let now = self.now();
        let Some(webhook) = self.storage.webhook(rp, id).await? else {
            return Ok(());
        };
        let long = webhook
            .failing
            .is_some_and(|since| now.0 - since.0 >= GIVE_UP_MS);
        let why = match status {
            Some(410) => "gone",
            _ if long => "failed_for_days",
            _ if webhook.failing.is_some() => return Ok(()),
            _ => {
                let change = |webhook: &mut Webhook| {
                    let first = webhook.failing.is_none();
                    webhook.failing = webhook.failing.or(Some(now));
                    first
                };
                self.change_webhook(rp, id, change, untold).await?;
                return Ok(());
            }
        };
        let disable = |webhook: &mut Webhook| std::mem::replace(&mut webhook.enabled, false);
        let tell = |_: &Webhook, webhook: &Webhook| {
            let event = self.of_webhook(AuditKind::WebhookDisabled, webhook, &SENDER);
            let event = event.found(Some(why));
            Some(event.change("enabled", Some("true"), Some("false")))
        };
        self.change_webhook(rp, id, disable, tell).await.map(drop)
    }

    /// Erases a user in the deliveries of a Relying Party, whether they wait or not.
    pub(super) async fn erase_deliveries(
        &self,
        rp: RelyingPartyId,
        user: UserId,
    ) -> Result<(), Refusal> {
        while self.storage.erase_deliveries(rp, user, PAGE).await? >= PAGE.into() {}
        Ok(())
    }

    /// A delivery that no audit event made.
    fn unprompted(&self, rp: RelyingPartyId, of: (AccountId, WebhookId)) -> Delivery {
        let id = DeliveryId::random(&*self.randomness);
        let notice = Notice {
            what: NoticeType::Test,
            event: EventId(id.0),
            at: self.now(),
            user: None,
            user_name: None,
            credential: None,
            ceremony: None,
            reason: None,
        };
        Delivery::new(id, rp, of, notice)
    }

    /// Sends a test event to a webhook; `None` when it is not there.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn test_webhook(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        by: &Actor,
    ) -> Result<Option<Delivery>, Refusal> {
        let Some(webhook) = self.storage.webhook(rp, webhook).await? else {
            return Ok(None);
        };
        let account = self.any_relying_party(rp).await?.account;
        let delivery = self.unprompted(rp, (account, webhook.id));
        if !self.storage.create_delivery(&delivery).await? {
            return Ok(None);
        }
        let event = self.of_webhook(AuditKind::WebhookTested, &webhook, by);
        self.note(event).await?;
        Ok(Some(delivery))
    }

    /// The delivery to a webhook with this key.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn delivery(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, Refusal> {
        let found = self.storage.delivery(rp, id).await?;
        Ok(found.filter(|delivery| delivery.webhook == webhook))
    }

    /// Deliveries to a webhook in one state, or all, newest first: at most `limit`, behind `after`. It looks at 2,000 deliveries at most.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn find_deliveries(
        &self,
        (rp, webhook): (RelyingPartyId, WebhookId),
        state: Option<DeliveryState>,
        after: Option<Position>,
        limit: u32,
    ) -> Result<FoundDeliveries, Refusal> {
        let mut page = PageRequest {
            after,
            limit: PAGE,
            order: Order::Descending,
        };
        let mut deliveries = Vec::new();
        for _ in 0..MOST_PAGES {
            let found = self.storage.list_deliveries(rp, webhook, page).await?;
            for delivery in found.items {
                // There is at least one more.
                if deliveries.len() >= limit as usize {
                    let stopped = page.after;
                    return Ok(FoundDeliveries {
                        deliveries,
                        stopped,
                    });
                }
                page.after = Some(place_of(&delivery));
                if state.is_none_or(|state| delivery.state == state) {
                    deliveries.push(delivery);
                }
            }
            if !found.more {
                return Ok(FoundDeliveries {
                    deliveries,
                    stopped: None,
                });
            }
        }
        Ok(FoundDeliveries {
            deliveries,
            stopped: page.after,
        })
    }

    /// Deliveries to a webhook.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_deliveries(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>, Refusal> {
        Ok(self.storage.list_deliveries(rp, webhook, page).await?)
    }

    /// Sends a delivery again, under the same id; `None` when it is not there.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn redeliver(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        id: DeliveryId,
        by: &Actor,
    ) -> Result<Option<Delivery>, Refusal> {
        let Some(webhook) = self.storage.webhook(rp, webhook).await? else {
            return Ok(None);
        };
        let Some(delivery) = self.delivery(rp, webhook.id, id).await? else {
            return Ok(None);
        };
        let again = self.again(delivery).await?;
        let what = format!("delivery {id}");
        self.note_redelivery(&webhook, &what, by).await?;
        Ok(Some(again))
    }

    async fn note_redelivery(
        &self,
        webhook: &Webhook,
        what: &str,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let event = self.of_webhook(AuditKind::WebhookRedelivered, webhook, by);
        self.note(event.change("deliveries", None, Some(what)))
            .await
    }

    async fn again(&self, mut delivery: Delivery) -> Result<Delivery, Refusal> {
        // One that waits stays in the hands of the node that may be sending it.
        if delivery.state == DeliveryState::Waiting && delivery.attempts == 0 {
            return Ok(delivery);
        }
        let due = delivery.due;
        delivery.state = DeliveryState::Waiting;
        delivery.attempts = 0;
        delivery.due = self.now();
        self.storage.replace_delivery(&delivery, due).await?;
        Ok(delivery)
    }

    /// Sends the deliveries of a range again, under the same ids; how many. `None` when the webhook is not there. It goes on when the caller
    /// does not wait for it, so that what it has done is noted.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn redeliver_range(
        self: &Arc<Self>,
        rp: RelyingPartyId,
        webhook: WebhookId,
        range: Range,
        by: &Actor,
    ) -> Result<Option<u64>, Refusal> {
        let Some(webhook) = self.storage.webhook(rp, webhook).await? else {
            return Ok(None);
        };
        let (own, by) = (Arc::clone(self), by.clone());
        let work = tokio::spawn(async move {
            let (count, done) = own.again_all(rp, webhook.id, range).await;
            if count > 0 {
                own.note_redelivery(&webhook, &count.to_string(), &by)
                    .await?;
            }
            done?;
            Ok(Some(count))
        });
        work.await.unwrap_or_else(|_| Err(Reason::Internal.into()))
    }

    /// How many are sent again, and why no more are.
    async fn again_all(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        range: Range,
    ) -> (u64, Result<(), Refusal>) {
        let mut count = 0;
        let done = self.again_each(rp, webhook, range, &mut count).await;
        (count, done)
    }

    async fn again_each(
        &self,
        rp: RelyingPartyId,
        webhook: WebhookId,
        range: Range,
        count: &mut u64,
    ) -> Result<(), Refusal> {
        let mut page = PageRequest::first(PAGE);
        page.after = Some(Position {
            created: range.since.plus_millis(-1),
            key: [0xff; 16],
        });
        loop {
            let found = self.storage.list_deliveries(rp, webhook, page).await?;
            for delivery in found.items {
                page.after = Some(place_of(&delivery));
                if delivery.created >= range.until {
                    return Ok(());
                }
                let wanted = match delivery.state {
                    // An attempt failed, and the next one may be hours away.
                    DeliveryState::Waiting => delivery.attempts > 0,
                    DeliveryState::Delivered => range.delivered,
                    DeliveryState::Failed => true,
                };
                if wanted {
                    self.again(delivery).await?;
                    *count += 1;
                }
            }
            if !found.more {
                return Ok(());
            }
        }
    }

    /// The secrets that sign deliveries to a webhook now. They are derived from the secret of the store, so none is stored.
    pub fn webhook_secrets(&self, webhook: &Webhook) -> Secrets {
        let both = webhook.overlap.is_some_and(|until| self.now() < until);
        let previous = webhook.secret.checked_sub(1).filter(|_| both);
        Secrets {
            current: self.webhook_key.secret(webhook.id, webhook.secret),
            previous: previous.map(|number| self.webhook_key.secret(webhook.id, number)),
        }
    }

    /// Replaces the secret of a webhook. The one before signs, too, for [`OVERLAP_MS`]. `None` when the webhook is not there.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn rotate_webhook_secret(
        &self,
        rp: RelyingPartyId,
        id: WebhookId,
        by: &Actor,
    ) -> Result<Option<Webhook>, Refusal> {
        let until = self.now().plus_millis(OVERLAP_MS);
        let change = |webhook: &mut Webhook| {
            webhook.secret = webhook.secret.saturating_add(1);
            webhook.overlap = Some(until);
        };
        self.update_webhook(rp, id, change, by).await
    }
}

/// The delivery after an attempt. `jitter` spreads the next one over a fifth of the pause.
fn concluded(mut delivery: Delivery, attempt: &Attempt, now: Timestamp, jitter: u8) -> Delivery {
    let tried = delivery.attempts;
    delivery.attempts = tried.saturating_add(1);
    delivery.tried = Some(now);
    match attempt {
        Attempt::Accepted(status) => {
            delivery.state = DeliveryState::Delivered;
            delivery.status = Some(*status);
            delivery.problem = None;
            delivery.note_try(Try {
                at: now,
                status: Some(*status),
                problem: None,
            });
        }
        Attempt::Failed {
            status,
            problem,
            retry_after,
        } => {
            delivery.status = *status;
            delivery.problem = Some(problem.clone());
            delivery.note_try(Try {
                at: now,
                status: *status,
                problem: Some(problem.clone()),
            });
            let pause = PAUSES.get(tried as usize);
            match pause.filter(|_| *status != Some(410)) {
                None => delivery.state = DeliveryState::Failed,
                Some(pause) => {
                    let pause = i64::from(*pause) * 1000;
                    let pause = pause * 9 / 10 + pause / 5 * i64::from(jitter) / 255;
                    let asked = retry_after.map_or(0, |wait| {
                        i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
                    });
                    delivery.due = now.plus_millis(pause.max(asked.min(MOST_ASKED_MS)));
                }
            }
        }
        Attempt::Unwanted => {
            delivery.state = DeliveryState::Failed;
            delivery.attempts = tried;
            delivery.problem = Some("the webhook is deleted or disabled".to_owned());
        }
    }
    delivery
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        let notice = Notice {
            what: NoticeType::Test,
            event: EventId([1; 16]),
            at: Timestamp(0),
            user: None,
            user_name: None,
            credential: None,
            ceremony: None,
            reason: None,
        };
        let rp = RelyingPartyId([2; 16]);
        let of = (AccountId([4; 16]), WebhookId([3; 16]));
        Delivery::new(DeliveryId([1; 16]), rp, of, notice)
    }

    fn failed(status: u16, retry_after: Option<u64>) -> Attempt {
        Attempt::Failed {
            status: Some(status),
            problem: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn attempts_end_after_about_two_days() {
        for jitter in [0, 255] {
            let mut now = Timestamp(0);
            let mut delivery = delivery();
            let mut pauses = Vec::new();
            while delivery.state == DeliveryState::Waiting {
                delivery = concluded(delivery, &failed(500, None), now, jitter);
                pauses.push(delivery.due.0 - now.0);
                now = delivery.due;
            }
            assert_eq!((delivery.attempts, delivery.tries.len()), (9, 9));
            assert!((42..54).contains(&(now.0 / 3_600_000)), "{now}");
            assert!((4500..=5500).contains(&pauses[0]), "{}", pauses[0]);
        }
    }

    #[test]
    fn retry_after_is_obeyed_up_to_a_day() {
        let now = Timestamp(7);
        let due = |seconds| {
            concluded(delivery(), &failed(503, Some(seconds)), now, 0)
                .due
                .0
        };
        assert_eq!(due(3600), 7 + 3_600_000);
        assert_eq!(due(u64::MAX), 7 + 86_400_000);
        assert_eq!(due(0), 7 + 4500);
    }

    #[test]
    fn gone_and_unwanted_are_not_sent_again() {
        let now = Timestamp(7);
        let gone = concluded(delivery(), &failed(410, None), now, 0);
        assert_eq!((gone.state, gone.attempts), (DeliveryState::Failed, 1));
        let unwanted = concluded(delivery(), &Attempt::Unwanted, now, 0);
        assert_eq!(
            (unwanted.state, unwanted.attempts),
            (DeliveryState::Failed, 0)
        );
        let accepted = concluded(delivery(), &Attempt::Accepted(204), now, 0);
        assert_eq!(accepted.state, DeliveryState::Delivered);
    }
}
