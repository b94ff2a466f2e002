//! In a binary with the feature: what is recorded of a request, from its head to its response.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use domain::model::clock::Randomness;
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::ended::{Ended, Work};
use super::parent::Parent;

/// Requests that wait for the exporter. More are dropped and counted: a request never waits.
const QUEUE: usize = 4096;
/// Most parts of one request. An import calls the store thousands of times.
const MOST_PARTS: usize = 32;
/// The number of values of 32 bits.
const OUT_OF: f64 = 4_294_967_296.0;

/// Which requests are recorded.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The part of all requests, from 0 to 1.
    pub ratio: f64,
    /// Whose `traceparent` decides about its request, instead of the ratio.
    pub trusted_parents: Vec<IpNet>,
}

/// Records requests by a rule, or none; cheap to clone.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Recorder>>);

struct Recorder {
    rule: Rule,
    randomness: Box<dyn Randomness>,
    queue: mpsc::Sender<Recorded>,
    dropped: Arc<AtomicU64>,
}

/// What was recorded and waits for the exporter.
#[derive(Debug)]
pub struct Queue {
    /// The requests.
    pub waiting: mpsc::Receiver<Recorded>,
    /// How many spans were dropped because too many requests waited.
    pub dropped: Arc<AtomicU64>,
}

/// The trace that a request belongs to.
#[derive(Debug)]
pub struct Trace {
    id: u128,
    /// The span of the caller.
    parent: Option<u64>,
    /// `None`: the request is not recorded, and only its log line names the trace.
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Recording {
    span: u64,
    began: SystemTime,
    since: Instant,
    parts: Mutex<Vec<Part>>,
}

/// A part of the work on a request.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// What it was.
    pub work: Work,
    /// Its stable name.
    pub name: &'static str,
    /// How long after the head of the request it began.
    pub after: Duration,
    /// How long it took.
    pub took: Duration,
}

/// A request that was recorded.
#[derive(Debug)]
pub struct Recorded {
    /// The id of its trace.
    pub trace: u128,
    /// The id of its span.
    pub span: u64,
    /// The span of the caller.
    pub parent: Option<u64>,
    /// When its head had arrived.
    pub began: SystemTime,
    /// The parts of the work on it.
    pub parts: Vec<Part>,
    /// What became of it.
    pub ended: Ended,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

impl Traces {
    /// Records requests by a rule; and the queue that they are put in.
    pub fn new(rule: Rule, randomness: impl Randomness) -> (Self, Queue) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let recorder = Recorder {
            rule,
            randomness: Box::new(randomness),
            queue,
            dropped: Arc::clone(&dropped),
        };
        (Self(Some(Arc::new(recorder))), Queue { waiting, dropped })
    }

    /// Whether any request is recorded.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The trace of a request with these headers that comes from these addresses: that of the connection, and that of the client.
    /// `None` if it neither is recorded nor goes on with a trace.
    pub(in crate::http) fn begin(
        &self,
        headers: &HeaderMap,
        from: [Option<IpAddr>; 2],
    ) -> Option<Trace> {
        let recorder = self.0.as_deref()?;
        let parent = Parent::of(headers);
        let decided = parent.filter(|_| recorder.trusts(from));
        let sampled = match decided {
            Some(parent) => parent.sampled,
            None => recorder.chooses(),
        };
        if !sampled && parent.is_none() {
            return None;
        }
        // Ids of zeros mean that there is none.
        let id = parent.map_or_else(
            || u128::from_be_bytes(recorder.draw()).max(1),
            |parent| parent.trace,
        );
        Some(Trace {
            id,
            parent: parent.map(|parent| parent.span),
            recording: sampled.then(|| Recording::new(u64::from_be_bytes(recorder.draw()).max(1))),
        })
    }

    /// The request of this trace was answered.
    pub(in crate::http) fn end(&self, trace: &Trace, ended: impl FnOnce() -> Ended) {
        let (Some(recorder), Some(recording)) = (&self.0, &trace.recording) else {
            return;
        };
        let parts = std::mem::take(&mut *recording.parts.lock());
        let spans = 1 + parts.len() as u64;
        let request = Recorded {
            trace: trace.id,
            span: recording.span,
            parent: trace.parent,
            began: recording.began,
            parts,
            ended: ended(),
        };
        if recorder.queue.try_send(request).is_err() {
            recorder.dropped.fetch_add(spans, Ordering::Relaxed);
        }
    }
}

impl Recorder {
    /// Whether the caller at one of these addresses decides.
    fn trusts(&self, from: [Option<IpAddr>; 2]) -> bool {
        from.into_iter().flatten().any(|address| {
            let address = address.to_canonical();
            let mut trusted = self.rule.trusted_parents.iter();
            trusted.any(|network| network.contains(&address))
        })
    }

    /// Draws by the ratio. The id of the trace has no say: a caller could choose one that is always recorded.
    fn chooses(&self) -> bool {
        let ratio = self.rule.ratio;
        ratio >= 1.0 || f64::from(u32::from_be_bytes(self.draw())) < ratio * OUT_OF
    }

    fn draw<const N: usize>(&self) -> [u8; N] {
        let mut drawn = [0; N];
        self.randomness.fill(&mut drawn);
        drawn
    }
}

impl Recording {
    fn new(span: u64) -> Self {
        Self {
            span,
            #[expect(
                clippy::disallowed_methods,
                reason = "a span has the time of the machine, in nanoseconds"
            )]
            began: SystemTime::now(),
            since: Instant::now(),
            parts: Mutex::default(),
        }
    }
}

impl Trace {
    /// A part of the work on the request is over.
    pub(in crate::http) fn part(&self, work: Work, name: &'static str, took: Duration) {
        let Some(recording) = &self.recording else {
            return;
        };
        let after = recording.since.elapsed().saturating_sub(took);
        let mut parts = recording.parts.lock();
        if parts.len() < MOST_PARTS {
            parts.push(Part {
                work,
                name,
                after,
                took,
            });
        }
    }
}

/// The id of the trace.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Method, StatusCode};
    use domain::model::clock::SystemRandomness;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn traces(ratio: f64) -> (Traces, Queue) {
        let rule = Rule {
            ratio,
            trusted_parents: vec!["10.0.0.0/8".parse().unwrap()],
        };
        Traces::new(rule, SystemRandomness)
    }

    fn headers(flags: &str) -> HeaderMap {
        let text = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", text.parse().unwrap());
        headers
    }

    fn from(peer: &str, client: &str) -> [Option<IpAddr>; 2] {
        [peer, client].map(|address| address.parse().ok())
    }

    fn is_recorded(trace: Option<&Trace>) -> bool {
        trace.is_some_and(|trace| trace.recording.is_some())
    }

    fn ended() -> Ended {
        Ended {
            method: Method::GET,
            route: None,
            wire: "twilio",
            status: StatusCode::OK,
            reason: None,
            took: Duration::ZERO,
            request_id: HeaderValue::from_static("1"),
            account: None,
            service: None,
            ceremony: None,
        }
    }

    #[test]
    fn an_outsider_goes_on_with_a_trace_and_the_ratio_decides() {
        let outsider = from("203.0.113.1", "203.0.113.1");
        for flags in ["00", "01"] {
            let (never, _queue) = traces(0.0);
            let trace = never.begin(&headers(flags), outsider);
            assert!(!is_recorded(trace.as_ref()), "{flags}");
            assert_eq!(trace.unwrap().to_string(), TRACE);
            let (always, _queue) = traces(1.0);
            let trace = always.begin(&headers(flags), outsider);
            assert!(is_recorded(trace.as_ref()), "{flags}");
            assert_eq!(trace.unwrap().to_string(), TRACE);
        }
    }

    #[test]
    fn a_trusted_caller_decides_whatever_the_ratio_is() {
        let callers = [
            from("10.1.2.3", "203.0.113.1"),
            from("203.0.113.1", "10.1.2.3"),
            from("::ffff:10.1.2.3", ""),
        ];
        for caller in callers {
            for ratio in [0.0, 1.0] {
                let (traces, _queue) = traces(ratio);
                assert!(is_recorded(traces.begin(&headers("01"), caller).as_ref()));
                assert!(!is_recorded(traces.begin(&headers("00"), caller).as_ref()));
            }
        }
    }

    #[test]
    fn without_a_parent_so_many_are_recorded_as_the_ratio_says() {
        let (traces, _queue) = traces(0.25);
        let begin = || traces.begin(&HeaderMap::new(), from("10.1.2.3", "10.1.2.3"));
        let recorded = (0..4000).filter(|_| begin().is_some()).count();
        assert!((800..1200).contains(&recorded), "{recorded}");
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_nobody_waits() {
        let (traces, mut queue) = traces(1.0);
        for _ in 0..QUEUE + 10 {
            let trace = traces.begin(&HeaderMap::new(), [None, None]).unwrap();
            trace.part(Work::Store, "user", Duration::ZERO);
            traces.end(&trace, ended);
        }
        // Each has a part.
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 20);
        let mut number = 0;
        while queue.waiting.try_recv().is_ok() {
            number += 1;
        }
        assert_eq!(number, QUEUE);
    }

    #[test]
    fn the_parts_of_one_request_are_bounded() {
        let (traces, mut queue) = traces(1.0);
        let trace = traces.begin(&HeaderMap::new(), [None, None]).unwrap();
        for _ in 0..10 * MOST_PARTS {
            trace.part(Work::Store, "user", Duration::ZERO);
        }
        traces.end(&trace, ended);
        assert_eq!(queue.waiting.try_recv().unwrap().parts.len(), MOST_PARTS);
    }
}
