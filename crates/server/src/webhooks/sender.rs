//! The task that sends deliveries: many at once, few to one receiver. A receiver that is slow or fails delays only its own deliveries.

use std::collections::HashMap;
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
use ipnet::IpNet;
use rustls::RootCertStore;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::address::rule;
use super::message::Message;
use crate::metrics::Metrics;
use crate::outbound::{Client, Limits, OutboundError};

/// What one attempt may take. Nothing of a response's body is read.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(15),
    body: 0,
    redirects: 0,
};
/// How long a delivery that was claimed is not claimed again: longer than an attempt takes.
const LEASE_MS: i64 = 60_000;
/// How often the store is asked for what is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the age of the oldest delivery is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// Most attempts at once.
const MOST: usize = 256;
/// Most attempts at once to one webhook.
const MOST_OF_WEBHOOK: u32 = 2;
/// Most attempts at once to the webhooks of one Relying Party.
const MOST_OF_PARTY: u32 = 8;
/// How long attempts may go on after the process was told to stop.
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
        let client = Arc::new(Client::new(roots, rule(networks), LIMITS)?);
        Ok(Self { passkeys, client })
    }

    /// Sends it once, and notes what came of it.
    async fn send(&self, delivery: Delivery) -> Result<(), Refusal> {
        let attempt = self.attempt(&delivery).await?;
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
        self.passkeys.conclude_delivery(delivery, attempt).await
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<Attempt, Refusal> {
        let passkeys = &self.passkeys;
        let (rp, id) = (delivery.relying_party, delivery.webhook);
        let Some(webhook) = passkeys.webhook(rp, id).await?.filter(|one| one.enabled) else {
            return Ok(Attempt::Unwanted);
        };
        let account = passkeys.relying_party_itself(rp).await?.account;
        let secrets = passkeys.webhook_secrets(&webhook);
        let now = passkeys.now();
        let failed = |problem: String| Attempt::Failed {
            status: None,
            problem,
            retry_after: None,
        };
        let Some(message) = Message::of(delivery, &webhook, account, &secrets, now) else {
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
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = date.as_millisecond().checked_sub(now.0)?;
    Some(Duration::from_millis(u64::try_from(wait).ok()?))
}

/// The attempts that are under way.
#[derive(Default)]
struct Busy {
    webhooks: HashMap<(RelyingPartyId, WebhookId), u32>,
    parties: HashMap<RelyingPartyId, u32>,
}

impl Busy {
    /// The webhooks that get no further attempt now.
    fn full(&self) -> Vec<WebhookId> {
        let full = self.webhooks.iter().filter(|((rp, _), count)| {
            **count >= MOST_OF_WEBHOOK || self.parties.get(rp).is_some_and(|n| *n >= MOST_OF_PARTY)
        });
        full.map(|((_, webhook), _)| *webhook).collect()
    }

    fn begin(&mut self, rp: RelyingPartyId, webhook: WebhookId) {
        *self.webhooks.entry((rp, webhook)).or_default() += 1;
        *self.parties.entry(rp).or_default() += 1;
    }

    fn end(&mut self, rp: RelyingPartyId, webhook: WebhookId) {
        if let Some(count) = self.webhooks.get_mut(&(rp, webhook)) {
            *count -= 1;
        }
        if let Some(count) = self.parties.get_mut(&rp) {
            *count -= 1;
        }
        self.webhooks.retain(|_, count| *count > 0);
        self.parties.retain(|_, count| *count > 0);
    }
}

/// Sends what is due until `stop` becomes true; then attempts that are under way may end.
pub(crate) async fn run(sender: Sender, metrics: Arc<Metrics>, mut stop: watch::Receiver<bool>) {
    let mut attempts = JoinSet::new();
    let mut busy = Busy::default();
    let mut measured: Option<Instant> = None;
    while !*stop.borrow() {
        if measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
            measured = Some(Instant::now());
            if let Ok(age) = sender.passkeys.oldest_delivery_ms().await {
                // Far below the numbers that a float cannot hold.
                #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds")]
                metrics.webhook_age(age as f64 / 1000.0);
            }
        }
        let room = u32::try_from(MOST.saturating_sub(attempts.len())).unwrap_or(0);
        if room > 0 {
            let claimed = sender
                .passkeys
                .claim_deliveries(LEASE_MS, &busy.full(), MOST_OF_WEBHOOK, room)
                .await;
            match claimed {
                Ok(claimed) => {
                    for delivery in claimed {
                        let (rp, webhook) = (delivery.relying_party, delivery.webhook);
                        busy.begin(rp, webhook);
                        let sender = sender.clone();
                        attempts.spawn(async move {
                            if let Err(refusal) = sender.send(delivery).await {
                                // It is due again when the lease ends.
                                tracing::warn!(
                                    reason = refusal.reason.name(),
                                    "the outcome of a delivery was not noted"
                                );
                            }
                            (rp, webhook)
                        });
                    }
                }
                Err(refusal) => {
                    tracing::warn!(reason = refusal.reason.name(), "no deliveries were claimed");
                }
            }
        }
        tokio::select! {
            Some(ended) = attempts.join_next(), if !attempts.is_empty() => {
                if let Ok((rp, webhook)) = ended {
                    busy.end(rp, webhook);
                }
            }
            () = sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
    let ended = async { while attempts.join_next().await.is_some() {} };
    let _ = timeout(GRACE, ended).await;
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("Sun, 06 Nov 1984 08:49:37 GMT"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_webhook_and_a_party_have_few_attempts_at_once() {
        let mut busy = Busy::default();
        let (rp, one) = (RelyingPartyId([1; 16]), WebhookId([1; 16]));
        busy.begin(rp, one);
        assert_eq!(busy.full(), []);
        busy.begin(rp, one);
        assert_eq!(busy.full(), [one]);
        busy.end(rp, one);
        assert_eq!(busy.full(), []);
        for n in 2..=8 {
            busy.begin(rp, WebhookId([n; 16]));
        }
        assert_eq!(busy.full().len(), 8);
        busy.begin(RelyingPartyId([2; 16]), WebhookId([9; 16]));
        assert!(!busy.full().contains(&WebhookId([9; 16])));
    }
}
