//! The metrics of a process: their handles, and what changes them.

use std::sync::Arc;
use std::time::Duration;

use domain::Passkeys;
use domain::model::ceremony::CeremonyKind;
use domain::model::clock::Timestamp;
use domain::model::console::CONSOLE_PARTY;
use domain::model::refusal::Refusal;
use domain::service::observer::{Observed, Observer, Phase};
use domain::webauthn::signal::Signal;
use prometheus::core::Collector;
use prometheus::{
    Encoder as _, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use tokio::time::Instant;

use crate::http::funnel::Funnels;
use crate::http::rates::LIMITS;
use crate::http::reports::{BROWSERS, EVENTS, OPERATIONS, SYSTEMS};
use crate::http::{Answered, Lifecycle, Traffic};

use super::table::{self, Definition, Label, OUTCOMES, STATUSES, WIRES};

/// Bounds of durations, in seconds.
const SECONDS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];
/// Bounds of the number of writes in a transaction.
const WRITES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The metrics of a process.
pub struct Metrics {
    registry: Registry,
    origin: Instant,
    ready: IntGauge,
    /// By wire and class of status.
    requests: [[IntCounter; STATUSES.len()]; WIRES.len()],
    request_seconds: [Histogram; WIRES.len()],
    refusals: IntCounterVec,
    rate_limited: [IntCounter; LIMITS.len()],
    /// By kind, wire and outcome.
    ceremonies: [[[IntCounter; OUTCOMES.len()]; WIRES.len()]; 2],
    ceremony_refusals: IntCounterVec,
    /// By kind and signal, in the order of [`Signal::NAMES`].
    ceremony_signals: [[IntCounter; Signal::NAMES.len()]; KINDS.len()],
    /// By kind and phase.
    phases: [[Histogram; 3]; 2],
    store_writes: Histogram,
    store_wait: Histogram,
    store_call: Histogram,
    store_queue: IntGauge,
    connections: IntGauge,
    connections_accepted: IntCounter,
    connections_refused: IntCounter,
    webhook_age: Gauge,
    metadata_models: IntGauge,
    metadata_age: Gauge,
    metadata_stale: IntGauge,
    log_dropped: IntCounter,
    /// The truth about client events; the metric follows when somebody looks.
    funnels: Funnels,
    client_events_total: IntCounterVec,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Registers metrics as the table defines them.
struct Maker(Registry);

impl Maker {
    fn add<C: Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<C>,
    ) -> prometheus::Result<C> {
        let made = made?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn counter(&self, of: &Definition) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::with_opts(opts(of)))
    }

    fn counters(&self, of: &Definition) -> prometheus::Result<IntCounterVec> {
        self.add(IntCounterVec::new(opts(of), &names(of)))
    }

    fn gauge(&self, of: &Definition) -> prometheus::Result<IntGauge> {
        self.add(IntGauge::with_opts(opts(of)))
    }

    fn float(&self, of: &Definition) -> prometheus::Result<Gauge> {
        self.add(Gauge::with_opts(opts(of)))
    }

    fn histogram(&self, of: &Definition, bounds: &[f64]) -> prometheus::Result<Histogram> {
        self.add(Histogram::with_opts(buckets(of, bounds)))
    }

    fn histograms(&self, of: &Definition) -> prometheus::Result<HistogramVec> {
        self.add(HistogramVec::new(buckets(of, SECONDS), &names(of)))
    }
}

fn opts(of: &Definition) -> Opts {
    Opts::new(of.name, of.help)
}

fn buckets(of: &Definition, bounds: &[f64]) -> HistogramOpts {
    HistogramOpts::from(opts(of)).buckets(bounds.to_vec())
}

fn names(of: &Definition) -> Vec<&'static str> {
    of.labels.iter().map(|label: &Label| label.name()).collect()
}

impl Metrics {
    /// All metrics, at zero.
    ///
    /// # Errors
    /// A definition in the table is wrong.
    pub fn new(now: Timestamp) -> prometheus::Result<Self> {
        let maker = Maker(Registry::new());
        let build = maker.add(IntGaugeVec::new(
            opts(&table::BUILD_INFO),
            &names(&table::BUILD_INFO),
        ))?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        maker.gauge(&table::START_TIME)?.set(now.seconds());
        let requests = maker.counters(&table::REQUESTS)?;
        let request_seconds = maker.histograms(&table::REQUEST_SECONDS)?;
        let ceremonies = maker.counters(&table::CEREMONIES)?;
        let rate_limited = maker.counters(&table::RATE_LIMITED)?;
        let ceremony_signals = maker.counters(&table::CEREMONY_SIGNALS)?;
        let phases = maker.histograms(&table::PHASE_SECONDS)?;
        Ok(Self {
            origin: Instant::now(),
            ready: maker.gauge(&table::READY)?,
            requests: WIRES
                .map(|wire| STATUSES.map(|status| requests.with_label_values(&[wire, status]))),
            request_seconds: WIRES.map(|wire| request_seconds.with_label_values(&[wire])),
            refusals: maker.counters(&table::REFUSALS)?,
            rate_limited: LIMITS.map(|limit| rate_limited.with_label_values(&[limit])),
            ceremonies: KINDS.map(|kind| {
                WIRES.map(|wire| {
                    OUTCOMES
                        .map(|outcome| ceremonies.with_label_values(&[kind.name(), wire, outcome]))
                })
            }),
            ceremony_refusals: maker.counters(&table::CEREMONY_REFUSALS)?,
            // All of them from the start: the first of a series would be no increase.
            ceremony_signals: KINDS.map(|kind| {
                Signal::NAMES
                    .map(|signal| ceremony_signals.with_label_values(&[kind.name(), signal]))
            }),
            phases: KINDS.map(|kind| {
                PHASES.map(|phase| phases.with_label_values(&[kind.name(), phase.name()]))
            }),
            store_writes: maker.histogram(&table::STORE_WRITES, WRITES)?,
            store_wait: maker.histogram(&table::STORE_WAIT, SECONDS)?,
            store_call: maker.histogram(&table::STORE_CALL, SECONDS)?,
            store_queue: maker.gauge(&table::STORE_QUEUE)?,
            connections: maker.gauge(&table::CONNECTIONS)?,
            connections_accepted: maker.counter(&table::CONNECTIONS_ACCEPTED)?,
            connections_refused: maker.counter(&table::CONNECTIONS_REFUSED)?,
            webhook_age: maker.float(&table::WEBHOOK_AGE)?,
            metadata_models: maker.gauge(&table::METADATA_MODELS)?,
            metadata_age: maker.float(&table::METADATA_AGE)?,
            metadata_stale: maker.gauge(&table::METADATA_STALE)?,
            log_dropped: maker.counter(&table::LOG_DROPPED)?,
            funnels: Funnels::default(),
            client_events_total: maker.counters(&table::CLIENT_EVENTS)?,
            registry: maker.0,
        })
    }

    /// Sets the age of the oldest webhook delivery that has not arrived. The sender of webhooks calls it.
    pub fn webhook_age(&self, seconds: f64) {
        self.webhook_age.set(seconds);
    }

    /// Counts log lines that were dropped.
    pub fn log_dropped(&self, lines: u64) {
        self.log_dropped.inc_by(lines);
    }

    /// What has a value only when somebody looks.
    async fn look(&self, passkeys: &Passkeys, lifecycle: &Lifecycle) {
        let (status, _) = crate::health::state(passkeys, lifecycle).await;
        self.ready.set(i64::from(status.is_success()));
        let (now, metadata) = (passkeys.now(), passkeys.metadata_state());
        let stale = crate::metadata::trouble(&metadata, now).is_some();
        self.metadata_stale.set(i64::from(stale));
        let (models, age) = match &metadata.in_use {
            Some(in_use) => (
                in_use.metadata.entries().len(),
                now.seconds() - in_use.imported.seconds(),
            ),
            None => (0, 0),
        };
        self.metadata_models
            .set(i64::try_from(models).unwrap_or(i64::MAX));
        let age = u64::try_from(age).unwrap_or_default();
        self.metadata_age
            .set(Duration::from_secs(age).as_secs_f64());
        for (event, count) in self.funnels.all().events() {
            let labels = [
                OPERATIONS[event.operation],
                EVENTS[event.event],
                BROWSERS[event.browser],
                SYSTEMS[event.system],
            ];
            let counter = self.client_events_total.with_label_values(&labels);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// The text that Prometheus reads (text format 0.0.4).
    ///
    /// # Errors
    /// A metric cannot be written.
    pub async fn text(
        &self,
        passkeys: &Passkeys,
        lifecycle: &Lifecycle,
    ) -> prometheus::Result<Vec<u8>> {
        self.look(passkeys, lifecycle).await;
        let mut text = Vec::with_capacity(16 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    fn count(&self, of: Observed<'_>, outcome: usize) {
        self.ceremonies[of.kind as usize][wire_of(of.wire)][outcome].inc();
    }
}

/// In the order of their numbers.
const KINDS: [CeremonyKind; 2] = [CeremonyKind::Registration, CeremonyKind::Authentication];
const PHASES: [Phase; 3] = [Phase::Load, Phase::Verify, Phase::Write];

/// The place of a wire in [`WIRES`].
fn wire_of(name: &str) -> usize {
    let other = WIRES.len() - 1;
    WIRES.iter().position(|wire| *wire == name).unwrap_or(other)
}

impl Observer for Metrics {
    fn time(&self) -> Duration {
        self.origin.elapsed()
    }

    fn started(&self, of: Observed<'_>) {
        self.count(of, 0);
    }

    fn not_started(&self, of: Observed<'_>, _: &Refusal) {
        self.count(of, 1);
    }

    fn phase(&self, kind: CeremonyKind, phase: Phase, took: Duration) {
        self.phases[kind as usize][phase as usize].observe(took.as_secs_f64());
    }

    fn signalled(&self, kind: CeremonyKind, signal: &Signal) {
        self.ceremony_signals[kind as usize][signal.place()].inc();
    }

    fn ended(&self, of: Observed<'_>, outcome: Result<(), &Refusal>) {
        // Administrators are no customers.
        if of.relying_party != CONSOLE_PARTY {
            self.funnels.responded(of, outcome.is_ok());
        }
        match outcome {
            Ok(()) => self.count(of, 2),
            Err(why) => {
                self.count(of, 3);
                let labels = [of.kind.name(), why.reason.name()];
                self.ceremony_refusals.with_label_values(&labels).inc();
            }
        }
    }
}

impl storage::Watch for Metrics {
    fn group(&self, group: storage::Group) {
        let writes = u32::try_from(group.writes).unwrap_or(u32::MAX);
        self.store_writes.observe(f64::from(writes));
        self.store_wait.observe(group.waited.as_secs_f64());
        self.store_call.observe(group.took.as_secs_f64());
        let queued = i64::try_from(group.queued).unwrap_or(i64::MAX);
        self.store_queue.set(queued);
    }

    fn call(&self, waited: Duration, took: Duration) {
        self.store_wait.observe(waited.as_secs_f64());
        self.store_call.observe(took.as_secs_f64());
    }
}

impl Traffic for Metrics {
    fn opened(&self) {
        self.connections.inc();
        self.connections_accepted.inc();
    }

    fn closed(&self) {
        self.connections.dec();
    }

    fn turned_away(&self) {
        self.connections_refused.inc();
    }

    fn funnels(&self) -> Option<&Funnels> {
        Some(&self.funnels)
    }

    fn answered(&self, answered: &Answered) {
        let wire = wire_of(answered.wire);
        let class = usize::from(answered.status.as_u16() / 100).clamp(1, STATUSES.len()) - 1;
        self.requests[wire][class].inc();
        self.request_seconds[wire].observe(answered.took.as_secs_f64());
        if let Some(reason) = answered.reason {
            let labels = [WIRES[wire], reason];
            self.refusals.with_label_values(&labels).inc();
        }
        if let Some(limit) = answered.limit
            && let Some(at) = LIMITS.iter().position(|name| *name == limit)
        {
            self.rate_limited[at].inc();
        }
    }
}

/// The metrics of a process, at zero.
///
/// # Errors
/// A definition in the table is wrong.
pub fn start(now: Timestamp) -> Result<Arc<Metrics>, crate::error::ProcessError> {
    Metrics::new(now)
        .map(Arc::new)
        .map_err(|error| crate::error::ProcessError::Command(format!("metrics: {error}")))
}
