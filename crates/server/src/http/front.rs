//! The front: limits of a request, its log line, its trace, and the catching of panics.
//!
//! The template of the route is noted by the [entrance](super::entrance). A path may hold a user's name, so it is logged only where there is no template, and
//! then without the segments that could be one.

use std::any::Any;
use std::fmt::{self, Display};
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_ENCODING, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use domain::model::clock::Randomness;
use domain::model::ids::RelyingPartyId;
use tokio::time::Instant;

use super::body::BodyLimit;
use super::client::{Peer, TrustedProxies, network};
use super::current::{self, Current, Noted};
use super::rates::{Gate, Gates};
use super::refusal::{Plain, RefusalInfo, Refusals, TransportRefusal};
use super::request_id::{REQUEST_ID, RequestIds};
use super::traces::{Ended, Trace, Traces};
use super::traffic::{Answered, Traffic, Unwatched};

/// The paths of a wire. Its handlers read the bodies of their requests, since they know when the caller is authenticated; the
/// bodies of all other requests are read here.
#[derive(Clone, Debug)]
pub struct Area {
    /// Its name, for metrics.
    pub name: &'static str,
    /// What its paths begin with, as whole segments and without a slash at the end.
    pub prefixes: &'static [&'static str],
    /// How a refusal of the transport is worded there.
    pub words: Arc<dyn Refusals>,
}

impl Area {
    fn holds(&self, path: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// What the front needs to know.
#[derive(Clone, Debug)]
pub struct Front(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    header_count: usize,
    elsewhere: BodyLimit,
    areas: Vec<Area>,
    ids: RequestIds,
    traffic: Arc<dyn Traffic>,
    traces: Traces,
    proxies: TrustedProxies,
    gates: Gates,
    /// Whether requests that were not refused are logged, too.
    all: bool,
}

impl Front {
    /// The front of these areas. `header_count` is the most headers of a request, `elsewhere` the limit of bodies outside of all
    /// areas.
    pub fn new(
        header_count: usize,
        elsewhere: BodyLimit,
        areas: Vec<Area>,
        randomness: &dyn Randomness,
    ) -> Self {
        Self(Arc::new(Shared {
            header_count,
            elsewhere,
            areas,
            ids: RequestIds::new(randomness),
            traffic: Arc::new(Unwatched),
            traces: Traces::default(),
            proxies: TrustedProxies::default(),
            gates: Gates::default(),
            all: true,
        }))
    }

    /// The same front, watched.
    #[must_use]
    pub fn watched(mut self, traffic: &Arc<dyn Traffic>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.traffic = Arc::clone(traffic);
        }
        self
    }

    /// The same front, whose requests are recorded as these traces say.
    #[must_use]
    pub fn traced(mut self, traces: &Traces) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.traces = traces.clone();
        }
        self
    }

    /// The same front, behind these proxies.
    #[must_use]
    pub fn behind(mut self, proxies: &TrustedProxies) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.proxies = proxies.clone();
        }
        self
    }

    /// The same front with these rate limits.
    #[must_use]
    pub fn gated(mut self, gates: &Gates) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.gates = gates.clone();
        }
        self
    }

    /// The same front, which logs all requests, or only those that were refused.
    #[must_use]
    pub fn logging(mut self, all: bool) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.all = all;
        }
        self
    }
}

impl Front {
    /// Answers a request: what `next` answers to it, or a refusal.
    pub async fn guard<F>(self, request: Request, next: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        let Self(front) = self;
        let start = Instant::now();
        let uri = request.uri().clone();
        let area = front.areas.iter().find(|area| area.holds(uri.path()));
        let words: &dyn Refusals = area.map_or(&Plain, |area| area.words.as_ref());
        let method = request.method().clone();
        let peer = request.extensions().get::<Peer>();
        let client = peer.map(|peer| front.proxies.client(peer.0, request.headers()));
        let current = {
            let counted = client.filter(|client| front.proxies.counts(*client));
            let gate = Gate::new(&front.gates, counted.map(network));
            let from = [peer.map(|peer| peer.0), client];
            let trace = front.traces.begin(request.headers(), from);
            Current::new(front.ids.next(), client, gate, trace)
        };
        let answer = pin!(async {
            let refusal = match front.admit(area.is_some(), request).await {
                Ok(request) => match catch_panic(next(request)).await {
                    Ok(response) => return response,
                    Err(payload) => {
                        // The payload may hold what the client sent; the hook has logged the place.
                        drop(payload);
                        TransportRefusal::Panicked
                    }
                },
                Err(refusal) => refusal,
            };
            let mut response = words.refusal(refusal, uri.path());
            response.extensions_mut().insert(refusal);
            response
        });
        let mut response = current::scope(&current, answer).await;
        let mut noted = current.noted();
        let route = noted.route.take();
        noted.service = noted.service.or_else(|| {
            let route = route.as_ref()?;
            service_in(route.as_str(), uri.path())
        });
        let limited = noted.limited;
        let line = Line {
            method: &method,
            route: route.as_ref(),
            path: uri.path(),
            took: start.elapsed(),
            reason: reason_of(&response, &noted),
            noted,
            id: current.id(),
            client: current.client(),
            trace: current.trace(),
        };
        let wire = area.map_or("", |area| area.name);
        front.traffic.answered(&Answered {
            wire,
            status: response.status(),
            reason: line.reason,
            took: line.took,
            limit: limited.map(|limited| limited.limit),
        });
        if let Some(trace) = line.trace.filter(|_| !line.is_health()) {
            let status = response.status();
            front.traces.end(trace, || line.ended(wire, status));
        }
        line.log(&response, front.all);
        let id = current.id().clone();
        let refusal = response.extensions().get::<TransportRefusal>();
        let ends_connection = refusal.is_some_and(|refusal| refusal.ends_connection());
        let status = response.status();
        let headers = response.headers_mut();
        if ends_connection {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        headers.insert(REQUEST_ID, id);
        if let Some(limited) = limited.filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(RETRY_AFTER, limited.seconds().into());
        }
        response
    }
}

impl Shared {
    /// Checks what can be checked without a wire. Outside of all areas it reads the body, too.
    async fn admit(&self, in_area: bool, request: Request) -> Result<Request, TransportRefusal> {
        let headers = request.headers();
        // A caller with credentials is counted when they are looked at.
        if !headers.contains_key(AUTHORIZATION) {
            current::gate(Gate::anonymous).map_err(|_| TransportRefusal::RateLimited)?;
        }
        if headers.len() > self.header_count {
            return Err(TransportRefusal::TooManyHeaders);
        }
        // The transport judges it: a call from within the process has no connection and no host.
        if let Some(refusal) = request.extensions().get::<TransportRefusal>() {
            return Err(*refusal);
        }
        // A compressed body could be far longer than its limit once unpacked.
        if headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(TransportRefusal::BodyEncoded);
        }
        if in_area {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        let bytes = self.elsewhere.read(body).await?;
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }
}

/// Runs a future; a panic in it becomes a value.
async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| {
        // After a panic the future is dropped and not polled again, so nothing sees a state that
        // was left half-way.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}

/// The reasons of refusals whose wire names none, by their status.
pub const UNNAMED: [&str; 9] = [
    "request_invalid",
    "access_denied",
    "not_found",
    "method_not_allowed",
    "conflict",
    "media_type_not_supported",
    "too_many_requests",
    "store_unavailable",
    "internal",
];

fn unnamed(status: StatusCode) -> &'static str {
    let [
        invalid,
        denied,
        not_found,
        method,
        conflict,
        media,
        many,
        unavailable,
        internal,
    ] = UNNAMED;
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => denied,
        StatusCode::NOT_FOUND | StatusCode::GONE => not_found,
        StatusCode::METHOD_NOT_ALLOWED => method,
        StatusCode::CONFLICT => conflict,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => media,
        StatusCode::TOO_MANY_REQUESTS => many,
        StatusCode::SERVICE_UNAVAILABLE => unavailable,
        status if status.is_server_error() => internal,
        _ => invalid,
    }
}

/// Why the response is a refusal, by a stable name; `None` if it is none. There is no refusal without a reason.
fn reason_of(response: &Response, noted: &Noted) -> Option<&'static str> {
    let status = response.status();
    let info = response.extensions().get::<RefusalInfo>();
    // A wire may tell a refusal with a status that does not say so.
    if info.is_none() && !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let transport = response.extensions().get::<TransportRefusal>();
    let reason = info
        .and_then(|info| info.reason)
        .map(domain::Reason::name)
        .or_else(|| transport.map(|refusal| refusal.name()))
        .or_else(|| noted.reason.map(domain::Reason::name));
    Some(reason.unwrap_or_else(|| unnamed(status)))
}

/// The Relying Party that a path names.
fn service_in(route: &str, path: &str) -> Option<RelyingPartyId> {
    let mut segments = route.split('/').zip(path.split('/'));
    let (_, sid) = segments.find(|(template, _)| *template == "{service}")?;
    RelyingPartyId::from_hex(sid.strip_prefix("VA")?)
}

/// Longest path in the log, in characters.
const SHOWN_PATH: usize = 120;
/// Longest first segment of it.
const SHOWN_FIRST: usize = 32;
/// Segments of our own routes.
const KNOWN: [&str; 28] = [
    "v2",
    "Services",
    "Entities",
    "Factors",
    "Challenges",
    "Passkeys",
    "Webhooks",
    "AccessTokens",
    "VerifyFactor",
    "ApproveChallenge",
    "api",
    "v1",
    "_app",
    "attestation",
    "assertion",
    "options",
    "result",
    "status",
    "users",
    "fido2-client",
    "sdk",
    "nevisfido",
    "fido2",
    "manage",
    "console",
    "services",
    "docs",
    ".well-known",
];

/// A path that no route has, for the log: its first segment, so that the prefix of a proxy can be recognised, and those of our own routes. Any
/// other segment may be a user's name.
fn shown(path: &str) -> String {
    let mut shown = String::new();
    for (number, segment) in path.split('/').skip(1).enumerate() {
        shown.push('/');
        let plain = segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        let first = number == 0 && plain && segment.len() <= SHOWN_FIRST;
        if first || segment.is_empty() || KNOWN.contains(&segment) {
            shown.push_str(segment);
        } else {
            shown.push('*');
        }
        if shown.len() > SHOWN_PATH {
            shown.push_str("...");
            break;
        }
    }
    shown
}

/// The log line of a request.
struct Line<'a> {
    method: &'a Method,
    route: Option<&'a MatchedPath>,
    path: &'a str,
    took: Duration,
    reason: Option<&'static str>,
    noted: Noted,
    id: &'a HeaderValue,
    client: Option<IpAddr>,
    trace: Option<&'a Trace>,
}

/// The text of a key with these letters before it.
struct Sid<K>(&'static str, K);

impl<K: Display> Display for Sid<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        self.1.fmt(f)
    }
}

/// What a check of health asks for. It is asked for every few seconds.
const HEALTH: [&str; 3] = ["/livez", "/readyz", "/startupz"];

macro_rules! line {
    ($level:ident, $line:ident, $response:ident, $text:literal) => {{
        let noted = &$line.noted;
        let path = $line.unrouted($response.status());
        let route = $line.template().unwrap_or("-");
        let info = $response.extensions().get::<RefusalInfo>();
        tracing::$level!(
            method = $line.method.as_str(),
            route,
            path,
            status = $response.status().as_u16(),
            code = info.map(|info| info.code),
            reason = $line.reason,
            duration_ms = $line.millis(),
            account = noted.account.map(|id| display(Sid("AC", id))),
            service = noted.service.map(|id| display(Sid("VA", id))),
            actor = noted.caller.map(|caller| caller.name()),
            ceremony = noted.ceremony.map(display),
            found = noted.found.as_deref(),
            limit = noted.limited.map(|limited| limited.limit),
            client = $line.client.map(display),
            request_id = $line.id.to_str().unwrap_or_default(),
            trace_id = $line.trace.map(display),
            $text
        );
    }};
}

impl Line<'_> {
    /// Writes it. A node that is not ready says so to each probe; what is wrong is in the log already.
    fn log(&self, response: &Response, all: bool) {
        if self.reason.is_none() {
            if self.is_health() || !all {
                line!(debug, self, response, "answered");
            } else {
                line!(info, self, response, "answered");
            }
        } else if response.status().is_server_error() && self.template() != Some("/readyz") {
            line!(error, self, response, "failed");
        } else {
            line!(info, self, response, "refused");
        }
    }

    /// The path of a request that no route of a wire serves.
    fn unrouted(&self, status: StatusCode) -> Option<String> {
        let routed = self.template().is_some_and(|route| !route.contains("{*"));
        (status == StatusCode::NOT_FOUND && !routed).then(|| shown(self.path))
    }

    /// The template of its route.
    fn template(&self) -> Option<&str> {
        self.route.map(MatchedPath::as_str)
    }

    /// Whether it is a check of health.
    fn is_health(&self) -> bool {
        self.template().is_some_and(|route| HEALTH.contains(&route))
    }

    /// What its trace says.
    fn ended(&self, wire: &'static str, status: StatusCode) -> Ended {
        Ended {
            method: self.method.clone(),
            route: self.route.cloned(),
            wire,
            status,
            reason: self.reason,
            took: self.took,
            request_id: self.id.clone(),
            account: self.noted.account,
            service: self.noted.service,
            ceremony: self.noted.ceremony,
        }
    }

    /// In hundredths.
    fn millis(&self) -> f64 {
        (self.took.as_secs_f64() * 100_000.0).round() / 100.0
    }
}

#[cfg(test)]
mod tests;
