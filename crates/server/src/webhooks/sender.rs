//! The task that sends deliveries: to many receivers at once, and to one receiver one after another. A receiver that is slow or fails delays
//! only its own deliveries.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use domain::Passkeys;
use domain::model::clock::Timestamp;
use domain::model::ids::{RelyingPartyId, WebhookId};
use domain::model::notice::Delivery;
use domain::model::refusal::Refusal;
use domain::service::deliveries::Attempt;
use domain::store::ClaimDeliveries;
use ipnet::IpNet;
use rustls::RootCertStore;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::message::Message;
use crate::http::addresses;
use crate::metrics::Metrics;
use crate::outbound::{Client, Limits, OutboundError};

/// What one attempt may take. Nothing of a response's body is read: after a response that has one, the connection is closed.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(15),
    body: 0,
    redirects: 0,
    // Shorter than servers keep a connection: Node.js closes one after 5 seconds.
    idle: Duration::from_secs(2),
};
/// How long a delivery that was claimed is not claimed again: longer than an attempt takes.
const LEASE_MS: i64 = 30_000;
/// How often the store is asked for what is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the age of the oldest delivery is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// Deliveries to one webhook that are claimed together and sent one after another. Their outcomes are written together, too.
const BATCH: u32 = 16;
/// How long the attempts of one batch may begin. With the longest attempt it is shorter than the lease.
const LONGEST_BATCH: Duration = Duration::from_secs(10);
/// Most deliveries of one claim.
const MOST_CLAIMED: u32 = 1024;
/// Most attempts at once.
const MOST: usize = 512;
/// Most attempts at once to one webhook.
const MOST_OF_WEBHOOK: u32 = 2;
/// Most attempts at once to the webhooks of one Relying Party.
const MOST_OF_PARTY: u32 = 32;
/// How long attempts may go on after the process received the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Sends one delivery.
#[derive(Clone)]
pub(crate) struct Sender {
    passkeys: Arc<Passkeys>,
    client: Arc<Client>,
}

impl Sender {
    /// A sender that calls public addresses, and those of these networks.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn new(
        passkeys: Arc<Passkeys>,
        networks: Vec<IpNet>,
    ) -> Result<Self, OutboundError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
        let client = Arc::new(Client::new(roots, addresses::rule(networks), LIMITS)?);
        Ok(Self { passkeys, client })
    }

    /// Sends each of them once, one after another, and notes what came of it. Those that are not begun in time can be claimed again at once.
    async fn send_all(self, deliveries: Vec<Delivery>, stop: watch::Receiver<bool>) {
        let begun = Instant::now();
        let mut noted = JoinSet::new();
        for delivery in deliveries {
            let is_late = *stop.borrow() || begun.elapsed() >= LONGEST_BATCH;
            let done = if is_late {
                self.passkeys.put_back_delivery(delivery).await
            } else {
                self.send(delivery, &mut noted).await
            };
            note(done);
        }
        while let Some(done) = noted.join_next().await {
            if let Ok(done) = done {
                note(done);
            }
        }
    }

    /// Sends it once. That it arrived is noted while the next one is sent.
    async fn send(
        &self,
        delivery: Delivery,
        noted: &mut JoinSet<Result<(), Refusal>>,
    ) -> Result<(), Refusal> {
        let attempt = self.attempt(&delivery).await?;
        let passkeys = Arc::clone(&self.passkeys);
        if let Attempt::Accepted(_) = attempt {
            noted.spawn(async move { passkeys.conclude_delivery(delivery, attempt).await });
            return Ok(());
        }
        if let Attempt::Failed {
            status, problem, ..
        } = &attempt
        {
            tracing::info!(
                webhook = %delivery.webhook,
                delivery = %delivery.id,
                attempts = delivery.attempts + 1,
                status,
                problem,
                "a webhook was not delivered"
            );
        }
        // It may disable the webhook, and nothing more is sent then.
        passkeys.conclude_delivery(delivery, attempt).await
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<Attempt, Refusal> {
        let passkeys = &self.passkeys;
        let (rp, id) = (delivery.relying_party, delivery.webhook);
        let Some(webhook) = passkeys.webhook(rp, id).await?.filter(|one| one.enabled) else {
            return Ok(Attempt::Unwanted);
        };
        let secrets = passkeys.webhook_secrets(&webhook);
        let now = passkeys.now();
        let failed = |problem: String| Attempt::Failed {
            status: None,
            problem,
            retry_after: None,
        };
        let Some(message) = Message::of(delivery, &webhook, &secrets, now) else {
            return Ok(failed("the URL of the webhook cannot be called".to_owned()));
        };
        let Message { url, headers, body } = message;
        Ok(match self.client.post(url, headers, body).await {
            Ok((status, _)) if status.is_success() => Attempt::Accepted(status.as_u16()),
            Ok((status, headers)) => refused(status, &headers, passkeys.now()),
            Err(error) => failed(error.to_string()),
        })
    }
}

/// A delivery whose outcome was not noted is due again when its lease ends.
fn note(done: Result<(), Refusal>) {
    if let Err(refusal) = done {
        tracing::warn!(
            reason = refusal.reason.name(),
            "the outcome of a delivery was not noted"
        );
    }
}

fn refused(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Attempt {
    let problem = if status.is_redirection() {
        "the receiver redirects; redirections are not followed"
    } else {
        "the receiver did not accept it"
    };
    Attempt::Failed {
        status: Some(status.as_u16()),
        problem: problem.to_owned(),
        retry_after: retry_after(headers, now),
    }
}

/// The pause that a receiver asks for, in seconds or until a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        // A number that is too large asks for the longest pause there is.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = date.as_millisecond().checked_sub(now.0)?;
    Some(Duration::from_millis(u64::try_from(wait).ok()?))
}

/// The attempts that are under way.
#[derive(Default)]
struct Busy {
    webhooks: HashMap<WebhookId, u32>,
    parties: HashMap<RelyingPartyId, u32>,
}

impl Busy {
    /// The webhooks that get no further attempt now.
    fn webhooks(&self) -> Vec<WebhookId> {
        at_least(&self.webhooks, MOST_OF_WEBHOOK)
    }

    /// The Relying Parties that get no further attempt now. A claim may take half of [`MOST_OF_PARTY`].
    fn parties(&self) -> Vec<RelyingPartyId> {
        at_least(&self.parties, MOST_OF_PARTY / 2 + 1)
    }

    fn begin(&mut self, of: &Receivers) {
        *self.parties.entry(of.party).or_default() += 1;
        for webhook in &of.webhooks {
            *self.webhooks.entry(*webhook).or_default() += 1;
        }
    }

    fn end(&mut self, of: &Receivers) {
        one_less(&mut self.parties, of.party);
        for webhook in &of.webhooks {
            one_less(&mut self.webhooks, *webhook);
        }
    }
}

/// Where the deliveries of a batch go: a webhook of a Relying Party, or several where it has many.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Receivers {
    party: RelyingPartyId,
    webhooks: Vec<WebhookId>,
}

/// Deliveries as batches: one for each webhook, and at most half of [`MOST_OF_PARTY`] for each Relying Party.
fn batches(claimed: Vec<Delivery>) -> Vec<(Receivers, Vec<Delivery>)> {
    let mut batches: Vec<(Receivers, Vec<Delivery>)> = Vec::new();
    // The batches of each Relying Party, and that of each webhook.
    let mut of_party: HashMap<RelyingPartyId, Vec<usize>> = HashMap::new();
    let mut of_webhook: HashMap<WebhookId, usize> = HashMap::new();
    for delivery in claimed {
        let (party, webhook) = (delivery.relying_party, delivery.webhook);
        let own = of_party.entry(party).or_default();
        let at = *of_webhook.entry(webhook).or_insert_with(|| {
            if own.len() < MOST_OF_PARTY as usize / 2 {
                own.push(batches.len());
                let webhooks = Vec::new();
                batches.push((Receivers { party, webhooks }, Vec::new()));
            }
            let shortest = own.iter().min_by_key(|at| batches[**at].1.len());
            let at = shortest.copied().unwrap_or_default();
            batches[at].0.webhooks.push(webhook);
            at
        });
        batches[at].1.push(delivery);
    }
    batches
}

fn at_least<K: Copy>(counts: &HashMap<K, u32>, limit: u32) -> Vec<K> {
    let full = counts.iter().filter(|(_, count)| **count >= limit);
    full.map(|(key, _)| *key).collect()
}

fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        if *entry.get() > 1 {
            *entry.get_mut() -= 1;
        } else {
            entry.remove();
        }
    }
}

/// The attempts, and what is needed to begin more.
struct Attempts {
    sender: Sender,
    running: JoinSet<Receivers>,
    busy: Busy,
    stop: watch::Receiver<bool>,
}

impl Attempts {
    /// Begins attempts of what is due; how many.
    async fn begin(&mut self) -> usize {
        let room = u32::try_from(MOST.saturating_sub(self.running.len())).unwrap_or(0);
        if room == 0 {
            return 0;
        }
        let passkeys = &self.sender.passkeys;
        let now = passkeys.now();
        let claim = ClaimDeliveries {
            now,
            until: now.plus_millis(LEASE_MS),
            webhooks: &self.busy.webhooks(),
            parties: &self.busy.parties(),
            of_webhook: BATCH,
            of_party: BATCH * MOST_OF_PARTY / 2,
            most: room.saturating_mul(BATCH).min(MOST_CLAIMED),
        };
        let claimed = match passkeys.claim_deliveries(claim).await {
            Ok(claimed) => claimed,
            Err(refusal) => {
                tracing::warn!(reason = refusal.reason.name(), "no deliveries were claimed");
                return 0;
            }
        };
        let count = claimed.len();
        for (of, deliveries) in batches(claimed) {
            self.busy.begin(&of);
            let (sender, stop) = (self.sender.clone(), self.stop.clone());
            self.running.spawn(async move {
                sender.send_all(deliveries, stop).await;
                of
            });
        }
        count
    }

    fn end(&mut self, ended: &Result<Receivers, JoinError>) {
        if let Ok(of) = ended {
            self.busy.end(of);
        }
    }
}

/// Sends what is due until `stop` becomes true; then attempts that are under way may end.
pub(crate) async fn run(sender: Sender, metrics: Arc<Metrics>, mut stop: watch::Receiver<bool>) {
    let mut attempts = Attempts {
        sender,
        running: JoinSet::new(),
        busy: Busy::default(),
        stop: stop.clone(),
    };
    let mut measured: Option<Instant> = None;
    while !*stop.borrow() {
        if measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
            measured = Some(Instant::now());
            if let Ok(age) = attempts.sender.passkeys.oldest_delivery_ms().await {
                // Far below the numbers that a float cannot hold.
                #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds")]
                metrics.webhook_age(age as f64 / 1000.0);
            }
        }
        if attempts.begin().await == 0 {
            tokio::select! {
                Some(ended) = attempts.running.join_next() => attempts.end(&ended),
                () = sleep(LOOK_EVERY) => {}
                _ = stop.changed() => {}
            }
        }
        while let Some(ended) = attempts.running.try_join_next() {
            attempts.end(&ended);
        }
    }
    let ended = async { while attempts.running.join_next().await.is_some() {} };
    let _ = timeout(GRACE, ended).await;
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use domain::model::ids::{AccountId, DeliveryId, EventId};
    use domain::model::notice::{Notice, NoticeType};

    use super::*;

    #[test]
    fn a_receiver_may_ask_for_a_pause_in_both_forms() {
        let now = Timestamp(784_111_000_000);
        let asked = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers, now)
        };
        assert_eq!(asked("120"), Some(Duration::from_mins(2)));
        assert_eq!(
            asked("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::from_secs(777))
        );
        assert_eq!(
            asked("99999999999999999999999"),
            Some(Duration::from_secs(u64::MAX))
        );
        for nothing in ["soon", "", "-5", "+5", "1.5"] {
            assert_eq!(asked(nothing), None, "{nothing:?}");
        }
        assert_eq!(asked("Sun, 06 Nov 1984 08:49:37 GMT"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_webhook_and_a_relying_party_have_few_attempts_at_once() {
        let mut busy = Busy::default();
        let party = RelyingPartyId([1; 16]);
        let to = |n: u8| Receivers {
            party,
            webhooks: vec![WebhookId([n; 16])],
        };
        let one = WebhookId([1; 16]);
        busy.begin(&to(1));
        assert_eq!(busy.webhooks(), []);
        busy.begin(&to(1));
        assert_eq!(busy.webhooks(), [one]);
        busy.end(&to(1));
        assert_eq!(busy.webhooks(), []);
        for n in 2..=16 {
            busy.begin(&to(n));
        }
        assert_eq!(busy.parties(), []);
        busy.begin(&to(17));
        assert_eq!(busy.parties(), [party]);
        busy.end(&to(17));
        assert_eq!((busy.parties(), busy.parties.len()), (Vec::new(), 1));
        for n in 1..=16 {
            busy.end(&to(n));
        }
        assert_eq!((busy.parties.len(), busy.webhooks.len()), (0, 0));
    }

    #[test]
    fn deliveries_to_a_webhook_are_one_batch_and_a_relying_party_has_sixteen() {
        let to = |party: u8, webhook: u8, n: u8| {
            let notice = Notice {
                what: NoticeType::Test,
                event: EventId([n; 16]),
                at: Timestamp(0),
                user: None,
                user_name: None,
                credential: None,
                ceremony: None,
                reason: None,
            };
            let of = (AccountId([1; 16]), WebhookId([webhook; 16]));
            Delivery::new(DeliveryId([n; 16]), RelyingPartyId([party; 16]), of, notice)
        };
        let mut claimed: Vec<_> = (0..6).map(|n| to(1, 1, n)).collect();
        claimed.extend((2..=18).map(|webhook| to(1, webhook, 10 + webhook)));
        claimed.push(to(2, 30, 40));
        claimed.push(to(1, 1, 31));
        let ids = |batch: &(Receivers, Vec<Delivery>)| -> (Vec<u8>, Vec<u8>) {
            let webhooks = batch.0.webhooks.iter().map(|id| id.0[0]);
            (
                webhooks.collect(),
                batch.1.iter().map(|one| one.id.0[0]).collect(),
            )
        };
        let batches = batches(claimed);
        let found: Vec<_> = batches.iter().map(ids).collect();
        let mut expected = vec![(vec![1], vec![0, 1, 2, 3, 4, 5, 31])];
        expected.extend((2..=16).map(|webhook| (vec![webhook], vec![10 + webhook])));
        // Only those that are more than that share one.
        for (place, webhook) in [(1, 17), (2, 18)] {
            expected[place].0.push(webhook);
            expected[place].1.push(10 + webhook);
        }
        expected.push((vec![30], vec![40]));
        assert_eq!(found, expected);
    }
}
