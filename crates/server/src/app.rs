//! What every request handler shares.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use domain::Passkeys;
use domain::model::clock::SystemRandomness;

use crate::api::nevis;
use crate::config::{Limits, Nevis};
use crate::health::Lifecycle;
use crate::middleware::front::{Front, guard};
use crate::middleware::paths::folded;

/// The base of every URL that passkeyd emits, as its clients reach it: scheme, host, port and an
/// optional path prefix, without a slash at the end. It comes from configuration only, never from a
/// request, so a forged `Host` cannot turn links elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Takes a base URL; a slash at the end is dropped.
    pub fn new(url: &str) -> Self {
        Self(url.trim_end_matches('/').to_owned())
    }

    /// The absolute URL of a path that begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Scheme, host and port: the origin of passkeyd's own pages.
    pub fn origin(&self) -> &str {
        let start = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[start..]
            .find('/')
            .map_or(self.0.len(), |at| start + at);
        &self.0[..end]
    }

    /// The host alone, brackets of an IPv6 address included.
    pub fn host(&self) -> &str {
        let origin = self.origin();
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => authority,
        }
    }

    /// The base itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shared state of the handlers; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Base of emitted URLs.
    pub public_url: Arc<PublicUrl>,
    /// Where the process is in its life.
    pub lifecycle: Arc<Lifecycle>,
    /// What the handlers of the Nevis wire share.
    pub nevis: Arc<nevis::Shared>,
}

impl App {
    /// The state of a process with the default settings.
    pub fn new(passkeys: Arc<Passkeys>, public_url: PublicUrl) -> Self {
        Self {
            passkeys,
            public_url: Arc::new(public_url),
            lifecycle: Arc::default(),
            nevis: Arc::default(),
        }
    }

    /// The same, for a process whose life is watched there.
    #[must_use]
    pub fn with_lifecycle(mut self, lifecycle: &Arc<Lifecycle>) -> Self {
        self.lifecycle = Arc::clone(lifecycle);
        self
    }

    /// The same, with these settings of the Nevis wire.
    #[must_use]
    pub fn with_nevis(mut self, settings: Nevis) -> Self {
        self.nevis = Arc::new(nevis::Shared::new(settings));
        self
    }
}

/// All routes of a running passkeyd, behind the [front](crate::middleware::front).
pub fn router(app: App, limits: &Limits) -> Router {
    router_with(app, limits, Router::new())
}

/// All routes and some more, for example those of the demo.
pub fn router_with(app: App, limits: &Limits, more: Router) -> Router {
    let front = Front::new(limits, Arc::clone(&app.public_url), &SystemRandomness);
    let health = crate::health::router(Arc::clone(&app.passkeys), Arc::clone(&app.lifecycle));
    let router = Router::new()
        .merge(crate::api::twilio::router())
        .merge(nevis::router(&app.nevis))
        .merge(crate::api::docs::router())
        .merge(crate::api::manage::router())
        // Below its own prefix a wire answers itself, in its own words.
        .fallback(not_routed)
        .with_state(app)
        .merge(health)
        .merge(more)
        // Outside of all routes, so that it also sees what none of them matched.
        .layer(axum::middleware::from_fn_with_state(front, guard));
    folded(router)
}

/// The page at `/`, unless one of the routes is there (that of the demo is), and 404 elsewhere. A program that asks for JSON gets
/// the 404 at `/`, too.
async fn not_routed(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let reads = matches!(method, Method::GET | Method::HEAD);
    if uri.path() == "/" && reads && !wants_json(&headers) {
        let (_, state) = crate::health::state(&app.passkeys, &app.lifecycle).await;
        return crate::api::docs::home(state);
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
