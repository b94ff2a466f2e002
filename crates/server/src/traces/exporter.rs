//! The task that sends spans to the collector. A collector that is away or hangs costs spans, and nothing else.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Uri};
use domain::model::clock::{Randomness, SystemRandomness};
use domain::store::Storage;
use prost::Message as _;
use rustls::RootCertStore;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::spans::{Process, number_of_spans};
use crate::config;
use crate::error::ProcessError;
use crate::http::current;
use crate::http::traces::{Queue, Recorded, Rule, Traces, Work};
use crate::outbound::{Client, Limits, OutboundError};

/// What one post may take.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    body: 0,
    redirects: 0,
    idle: Duration::from_secs(30),
};
/// How long requests are collected for one post.
const COLLECTED_FOR: Duration = Duration::from_secs(1);
/// Most requests of one post.
const MOST: usize = 512;
/// Time between two lines of the log about dropped spans.
const SAID_EVERY: Duration = Duration::from_mins(1);
/// How long the end of the process waits for the collector.
const LAST: Duration = Duration::from_secs(5);

/// Sends what is recorded.
pub struct Exporting(Option<Task>);

struct Task {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Exporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporting").finish_non_exhaustive()
    }
}

/// Records requests as the settings say, and starts the task that sends them, if there is somewhere to send them to.
///
/// # Errors
/// The settings are wrong, or TLS cannot be set up.
pub fn start(settings: &config::Traces) -> Result<(Traces, Exporting), ProcessError> {
    let Some(url) = settings.url()? else {
        return Ok((Traces::default(), Exporting(None)));
    };
    let collector = Collector::new(url, settings.headers()?)
        .map_err(|error| ProcessError::Traces(error.to_string()))?;
    let networks = settings.trusted_parents.iter().map(|network| network.0);
    let rule = Rule {
        ratio: settings.sample_ratio,
        trusted_parents: networks.collect(),
    };
    let (traces, queue) = Traces::new(rule, SystemRandomness);
    let (end, ended) = oneshot::channel();
    let task = tokio::spawn(export(queue, collector, ended));
    Ok((traces, Exporting(Some(Task { end, task }))))
}

impl Exporting {
    /// Sends what still waits, if the collector takes it in time.
    pub async fn end(self) {
        let Some(Task { end, mut task }) = self.0 else {
            return;
        };
        let _ = end.send(());
        if timeout(LAST, &mut task).await.is_err() {
            task.abort();
            tracing::warn!("the last spans were dropped: the collector did not take them in time");
        }
    }
}

/// The store, whose operations are parts of the requests that need them.
pub fn timed(store: Arc<dyn Storage>, traces: &Traces) -> Arc<dyn Storage> {
    if traces.is_on() {
        Arc::new(storage::Timed::new(store, Arc::new(Parts)))
    } else {
        store
    }
}

struct Parts;

impl storage::Operations for Parts {
    fn took(&self, operation: &'static str, took: Duration) {
        current::part(Work::Store, operation, took);
    }
}

/// Where spans are sent.
struct Collector {
    client: Client,
    url: Uri,
    headers: HeaderMap,
    process: Process,
}

/// Why spans were not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("the collector responds with {0}")]
    Status(u16),
}

impl Collector {
    fn new(url: Uri, mut headers: HeaderMap) -> Result<Self, OutboundError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
        // The operator chose the address.
        let client = Client::new(roots, |_| true, LIMITS)?.with_plain_http();
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        let mut instance = [0; 16];
        SystemRandomness.fill(&mut instance);
        Ok(Self {
            client,
            url,
            headers,
            process: Process::new(instance),
        })
    }

    async fn send(&self, recorded: Vec<Recorded>) -> Result<(), NotTaken> {
        let body = Bytes::from(self.process.request(recorded).encode_to_vec());
        let (url, headers) = (self.url.clone(), self.headers.clone());
        let (status, _) = self.client.post(url, headers, body).await?;
        if status.is_success() {
            return Ok(());
        }
        Err(NotTaken::Status(status.as_u16()))
    }
}

/// Spans that nobody will see.
#[derive(Default)]
struct Lost {
    spans: u64,
    /// Why the last ones were lost.
    why: Option<NotTaken>,
    said: Option<Instant>,
}

impl Lost {
    /// Says how many there are, at most once in each minute.
    fn say(&mut self) {
        if self.spans == 0 || self.said.is_some_and(|said| said.elapsed() < SAID_EVERY) {
            return;
        }
        let why = self.why.take().map(|why| why.to_string());
        tracing::warn!(
            spans = self.spans,
            error = why.as_deref(),
            "spans were dropped: the collector does not take them, or not fast enough"
        );
        self.spans = 0;
        self.said = Some(Instant::now());
    }
}

/// Sends what is recorded until `ended`, and then what is left.
async fn export(mut queue: Queue, collector: Collector, mut ended: oneshot::Receiver<()>) {
    let mut lost = Lost::default();
    let mut looks = interval(SAID_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ending = false;
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            _ = &mut ended, if !ending => {
                ending = true;
                queue.waiting.close();
            }
            _ = looks.tick() => {}
            found = queue.waiting.recv_many(&mut batch, MOST) => {
                if found == 0 {
                    break;
                }
            }
        }
        if !batch.is_empty() {
            if !ending && batch.len() < MOST {
                // More may come for the same post.
                tokio::select! {
                    () = sleep(COLLECTED_FOR) => {}
                    _ = &mut ended => {
                        ending = true;
                        queue.waiting.close();
                    }
                }
                while batch.len() < MOST
                    && let Ok(more) = queue.waiting.try_recv()
                {
                    batch.push(more);
                }
            }
            let spans = number_of_spans(&batch);
            if let Err(why) = collector.send(batch).await {
                lost.spans += spans;
                lost.why = Some(why);
            }
        }
        lost.spans += queue.dropped.swap(0, Ordering::Relaxed);
        lost.say();
    }
}
