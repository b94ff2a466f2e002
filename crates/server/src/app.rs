//! The assembly of the HTTP server: every wire gets its state from the parts of the process.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use domain::Passkeys;
use domain::model::clock::SystemRandomness;
use ipnet::IpNet;

use crate::api::{docs, fido, manage, nevis, twilio};
use crate::client_events;
use crate::config::{Limits, LogRequests, Nevis, Settings};
use crate::console::{self, Place};
use crate::doctor::Checkup;
use crate::enrolment;
use crate::http::front::{Area, Front};
use crate::http::refusal::Plain;
use crate::http::traffic::Unwatched;
use crate::http::{
    BodyLimit, Entrance, Gates, Lifecycle, Refusals, Traces, Traffic, TrustedProxies,
};

pub use crate::http::PublicUrl;

/// The parts of a process that the wires need; cheap to clone. Only the assembly knows all of them.
#[derive(Clone, Debug)]
pub struct App {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Base of emitted URLs.
    pub public_url: Arc<PublicUrl>,
    /// The life cycle of the process.
    pub lifecycle: Arc<Lifecycle>,
    nevis: Nevis,
    /// Requests that wait on this node, behind all routers.
    waiters: Arc<nevis::Waiters>,
    /// Exports of the log that are being read, behind all routers.
    exports: Arc<nevis::Exports>,
    fido: Option<fido::Served>,
    traffic: Arc<dyn Traffic>,
    traces: Traces,
    proxies: TrustedProxies,
    gates: Gates,
    /// Whether requests that were not refused are logged, too.
    logs_all: bool,
    /// Where the console is, if it is served here.
    console: Option<Place>,
    /// Whether pages may report client events.
    client_events: bool,
    /// Networks that are not public, where webhooks may lead.
    webhook_networks: Arc<[IpNet]>,
    /// What the console examines.
    doctor: Arc<Checkup>,
}

impl App {
    /// The parts of a process with the default settings.
    pub fn new(passkeys: Arc<Passkeys>, public_url: PublicUrl) -> Self {
        Self {
            passkeys,
            public_url: Arc::new(public_url),
            lifecycle: Arc::default(),
            nevis: Nevis::default(),
            waiters: Arc::default(),
            exports: Arc::default(),
            fido: None,
            traffic: Arc::new(Unwatched),
            traces: Traces::default(),
            proxies: TrustedProxies::default(),
            gates: Gates::default(),
            logs_all: true,
            console: None,
            client_events: false,
            webhook_networks: Arc::default(),
            doctor: Arc::new(Checkup::new(Settings::default(), None)),
        }
    }

    /// The same, watched.
    #[must_use]
    pub fn with_traffic(mut self, traffic: &Arc<dyn Traffic>) -> Self {
        self.traffic = Arc::clone(traffic);
        self
    }

    /// The same, whose requests are recorded as these traces say.
    #[must_use]
    pub fn with_traces(mut self, traces: &Traces) -> Self {
        self.traces = traces.clone();
        self
    }

    /// The same behind these proxies.
    #[must_use]
    pub fn behind(mut self, proxies: &TrustedProxies) -> Self {
        self.proxies = proxies.clone();
        self
    }

    /// The same with these rate limits.
    #[must_use]
    pub fn gated(mut self, gates: Gates) -> Self {
        self.gates = gates;
        self
    }

    /// The same, which logs all requests or only those that were refused.
    #[must_use]
    pub fn logging(mut self, requests: LogRequests) -> Self {
        self.logs_all = requests == LogRequests::All;
        self
    }

    /// The same with this life cycle.
    #[must_use]
    pub fn with_lifecycle(mut self, lifecycle: &Arc<Lifecycle>) -> Self {
        self.lifecycle = Arc::clone(lifecycle);
        self
    }

    /// The same with these settings of the Nevis wire.
    #[must_use]
    pub fn with_nevis(mut self, settings: Nevis) -> Self {
        self.nevis = settings;
        self
    }

    /// The same with the console at this place.
    #[must_use]
    pub fn with_console(mut self, place: Option<Place>) -> Self {
        self.console = place;
        self
    }

    /// The same, which lets pages report client events or not.
    #[must_use]
    pub fn with_client_events(mut self, enabled: bool) -> Self {
        self.client_events = enabled;
        self
    }

    /// The same, whose webhooks may lead to these networks, too.
    #[must_use]
    pub fn with_webhooks_to(mut self, networks: Vec<IpNet>) -> Self {
        self.webhook_networks = networks.into();
        self
    }

    /// The same, whose console examines this.
    #[must_use]
    pub fn with_doctor(mut self, doctor: &Arc<Checkup>) -> Self {
        self.doctor = Arc::clone(doctor);
        self
    }

    /// The same with this FIDO binding.
    #[must_use]
    pub fn with_fido(mut self, served: Option<fido::Served>) -> Self {
        self.fido = served;
        self
    }
}

/// All routes of a running passkeyd, behind the [front](crate::http::front).
pub fn router(app: App, limits: &Limits) -> Entrance {
    router_with(app, limits, Router::new())
}

/// How long bodies of back ends, and of browsers, may be.
fn bodies(limits: &Limits) -> (BodyLimit, BodyLimit) {
    let time = Duration::from_secs(limits.body_read_seconds);
    let of = |bytes| BodyLimit { bytes, time };
    (of(limits.body_bytes), of(limits.browser_body_bytes))
}

/// All routes and more, for example those of the demo.
pub fn router_with(app: App, limits: &Limits, more: Router) -> Entrance {
    let (of_back_ends, of_browsers) = bodies(limits);
    let App {
        passkeys,
        public_url,
        lifecycle,
        nevis: settings,
        waiters,
        exports,
        fido: served,
        traffic,
        traces,
        proxies,
        gates,
        logs_all,
        console,
        client_events,
        webhook_networks,
        doctor,
    } = app;
    let twilio = twilio::State {
        passkeys: Arc::clone(&passkeys),
        public_url: Arc::clone(&public_url),
        bodies: of_back_ends,
        webhook_networks,
    };
    let manage = manage::State {
        passkeys: Arc::clone(&passkeys),
        public_url: Arc::clone(&public_url),
        bodies: of_back_ends,
    };
    let enrolment = enrolment::State {
        passkeys: Arc::clone(&passkeys),
        public_url: Arc::clone(&public_url),
        bodies: of_browsers,
    };
    let parts = console::Parts {
        passkeys: Arc::clone(&passkeys),
        lifecycle: Arc::clone(&lifecycle),
        public_url: Arc::clone(&public_url),
        bodies: of_back_ends,
        traffic: Arc::clone(&traffic),
        doctor,
    };
    let console = console.map(|place| console::router(console::State::new(parts, place)));
    let nevis = nevis::State {
        passkeys: Arc::clone(&passkeys),
        public_url,
        lifecycle: Arc::clone(&lifecycle),
        waiters,
        exports,
        open_ping: settings.open_ping,
        bodies: of_browsers,
    };
    let areas = areas(&twilio, &nevis);
    let mut router = Router::new()
        .merge(twilio::router(twilio))
        .merge(manage::router(manage))
        .merge(enrolment::router(enrolment))
        .merge(docs::router());
    if let Some(served) = served {
        let parts = fido::Parts {
            passkeys: Arc::clone(&passkeys),
            access_keys: Arc::new(nevis::Issued(nevis.clone())),
            bodies: of_browsers,
        };
        router = router.merge(fido::router(&parts, served));
    }
    if settings.enabled {
        router = router.merge(nevis::router(nevis));
    }
    if let Some(console) = console {
        router = router.merge(console);
    }
    if client_events {
        router = router.merge(client_events::router(&passkeys, &traffic, of_browsers));
    }
    let front = Front::new(limits.header_count, of_browsers, areas, &SystemRandomness)
        .watched(&traffic)
        .traced(&traces)
        .behind(&proxies)
        .gated(&gates)
        .logging(logs_all);
    let all = router
        .merge(crate::health::router(
            Arc::clone(&passkeys),
            Arc::clone(&lifecycle),
        ))
        .merge(more)
        // Below its own prefix a wire responds itself, in its own envelope.
        .fallback_service(
            Router::new()
                .fallback(not_routed)
                .with_state((passkeys, lifecycle)),
        );
    Entrance::new(front, all)
}

/// What each prefix says of a refusal. The envelope of an error depends on the path, not on what is served there.
fn areas(twilio: &twilio::State, nevis: &nevis::State) -> Vec<Area> {
    vec![
        area("twilio", twilio::PREFIXES, twilio.clone()),
        area("nevis", nevis::PREFIXES, nevis.clone()),
        area("fido", fido::PREFIXES, fido::Words),
        area("manage", manage::PREFIXES, Plain),
        area("console", console::PREFIXES, Plain),
        area("enrolment", enrolment::PREFIXES, Plain),
    ]
}

/// The console alone, for a listener of its own, behind a front of its own.
pub fn console_router(app: App, place: Place, limits: &Limits) -> Entrance {
    let time = Duration::from_secs(limits.body_read_seconds);
    let bodies = |bytes| BodyLimit { bytes, time };
    let parts = console::Parts {
        passkeys: app.passkeys,
        lifecycle: app.lifecycle,
        public_url: app.public_url,
        bodies: bodies(limits.body_bytes),
        traffic: Arc::clone(&app.traffic),
        doctor: app.doctor,
    };
    let areas = vec![area("console", console::PREFIXES, Plain)];
    let elsewhere = bodies(limits.browser_body_bytes);
    let front = Front::new(limits.header_count, elsewhere, areas, &SystemRandomness)
        .watched(&app.traffic)
        .traced(&app.traces)
        .behind(&app.proxies)
        .gated(&app.gates)
        .logging(app.logs_all);
    Entrance::new(front, console::router(console::State::new(parts, place)))
}

fn area(
    name: &'static str,
    prefixes: &'static [&'static str],
    words: impl Refusals + 'static,
) -> Area {
    Area {
        name,
        prefixes,
        words: Arc::new(words),
    }
}

/// The page at `/`, unless another route is there (in the demo), and 404 elsewhere. A program that asks for JSON gets
/// 404 at `/` too.
async fn not_routed(
    State((passkeys, lifecycle)): State<(Arc<Passkeys>, Arc<Lifecycle>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let reads = matches!(method, Method::GET | Method::HEAD);
    if uri.path() == "/" && reads && !wants_json(&headers) {
        let (_, state) = crate::health::state(&passkeys, &lifecycle).await;
        return docs::home(state);
    }
    let body = r#"{"error":"not_found"}"#;
    (
        StatusCode::NOT_FOUND,
        [(CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response()
}

/// Whether the caller asks for JSON and not for a page.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepted: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let accepted = accepted.join(",").to_ascii_lowercase();
    accepted.contains("json") && !accepted.contains("text/html")
}
