//! The test app: what passkeyd serves, without a process, a disk or a network.
//!
//! [`TestApp`] calls the function with which the process assembles its routes, so a test meets the limits of bodies, the check of
//! the `Host` header, the folding of slashes and the id of a request as a real caller does. The store is in memory, the clock
//! stands still until a test advances it, and randomness repeats itself, so that whole responses can be compared.
//!
//! A test speaks to the app as one of these callers, each a [`Client`]:
//!
//! - [`account`](TestApp::account): a back end with the secret of the account (HTTP Basic).
//! - [`access_key`](TestApp::access_key): a back end with an access key of a Service (Bearer).
//! - [`page`](TestApp::page): a page in a browser. It sends its origin and has no secret.
//! - [`operator`](TestApp::operator): somebody who administers through the management API.
//! - [`stranger`](TestApp::stranger): anybody, without credentials.
//!
//! What belongs to one wire (its words, its refusals, its ceremonies) is in `support.rs` of that wire's suite.

#![allow(dead_code, unused_imports, reason = "each suite uses a part of it")]

mod answer;
mod client;
mod log;
mod randomness;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderValue, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::clock::{Clock as _, SteppedClock, SystemClock, SystemRandomness, Timestamp};
use domain::model::ids::{AccountId, NodeId};
use domain::model::master_key::MasterKeys;
use domain::service::metadata::MetadataTrust;
use domain::service::vault::Vault;
use domain::store::Storage;
use server::config::Settings;
use server::doctor::Checkup;
use server::health::Lifecycle;
use server::http::noting::Noting;
use server::http::{Entrance, Starts, Traces, Traffic};
use server::metrics::Metrics;
use storage::memory::Memory;
use storage::{PostgresUrl, StoreUrl};
use tower::ServiceExt as _;

pub use answer::Answer;
pub use client::{Client, FORM, JSON};
pub use log::{Log, windows};

/// Where passkeyd says that it is. The path prefix is there because every emitted URL must carry it.
pub const PUBLIC_URL: &str = "https://passkeys.test/prefix";
/// The value of the `Host` header, unless a test sends its own.
const HOST_NAME: &str = "passkeys.test";
/// The time at which each test begins: 2026-01-02T03:04:05Z, in milliseconds.
pub const START: i64 = 1_767_323_045_000;
/// The account.
pub const ACCOUNT: AccountId = AccountId([0xac; 16]);
/// Its secret.
pub const TOKEN: &str = "a-token-for-tests";

/// A running passkeyd. Clones are the same one.
#[derive(Clone)]
pub struct TestApp {
    pub passkeys: Arc<Passkeys>,
    pub clock: Arc<SteppedClock>,
    pub lifecycle: Arc<Lifecycle>,
    pub metrics: Arc<Metrics>,
    settings: Settings,
    router: Entrance,
}

impl TestApp {
    /// An app with the default settings and an empty store in memory.
    pub async fn new() -> Self {
        Self::builder().build().await
    }

    pub fn builder() -> Builder {
        Builder {
            store: None,
            master_keys: None,
            metadata: MetadataTrust::default(),
            settings: Settings {
                public_url: Some(PUBLIC_URL.to_owned()),
                ..Settings::default()
            },
        }
    }

    /// The same store, served with other settings.
    pub async fn with_settings(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let router = router(&settings, &self.passkeys, &self.lifecycle, &self.metrics).await;
        Self {
            settings,
            router,
            ..self.clone()
        }
    }

    /// A back end with the secret of the account.
    pub fn account(&self) -> Client {
        self.stranger().with_secret(&account_sid(), TOKEN)
    }

    /// Somebody who administers through the management API: the account, too.
    pub fn operator(&self) -> Client {
        self.account()
    }

    /// A back end with an access key of a Service.
    pub fn access_key(&self, key: &str) -> Client {
        self.stranger()
            .with(AUTHORIZATION.as_str(), &format!("Bearer {key}"))
    }

    /// A page of this origin.
    pub fn page(&self, origin: &str) -> Client {
        self.stranger()
            .with(ACCEPT.as_str(), JSON)
            .with(ORIGIN.as_str(), origin)
    }

    /// Anybody, without credentials.
    pub fn stranger(&self) -> Client {
        Client::new(self)
    }

    /// Sends a request as it is, except that the transport checks its `Host` header, and adds one where a test gives none.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let host = HeaderValue::from_static(HOST_NAME);
        request.headers_mut().entry(HOST).or_insert(host);
        let request = server::transport::with_host_checked(request);
        let response = self.router.clone().oneshot(request).await;
        let (parts, body) = response.expect("a response").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer::new(parts, bytes.to_vec())
    }
}

/// The variable with the address of a PostgreSQL, for a run of the suites on it.
const POSTGRES: &str = "TEST_POSTGRES";

/// A store in memory, or one in a schema of its own where `./test.sh` runs the suites on PostgreSQL.
pub async fn store_of_the_suite() -> Arc<dyn Storage> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = std::env::var(POSTGRES) else {
        return Arc::new(Memory::new());
    };
    let clock = SystemClock::default();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let schema = format!("w_{}_{}_{n}", std::process::id(), clock.now().0);
    let url: PostgresUrl = url.parse().expect("the address of a PostgreSQL");
    let url = url.with_schema(&schema);
    storage::postgres::migrate(&url, NodeId([1; 16]), || clock.now())
        .await
        .expect("a schema");
    let url = StoreUrl::Postgres(Box::new(url));
    storage::open(&url).await.expect("a store")
}

/// The few things in which test apps differ.
pub struct Builder {
    /// `None`: the one that the suite runs on.
    store: Option<Arc<dyn Storage>>,
    /// `None`: the keys in the store are not sealed.
    master_keys: Option<MasterKeys>,
    metadata: MetadataTrust,
    settings: Settings,
}

impl Builder {
    /// Another store; it must be empty.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Storage>) -> Self {
        self.store = Some(store);
        self
    }

    /// The keys in the store are sealed under these.
    #[must_use]
    pub fn master_keys(mut self, keys: &MasterKeys) -> Self {
        self.master_keys = Some(keys.clone());
        self
    }

    /// Which metadata about authenticators is believed.
    #[must_use]
    pub fn metadata(mut self, trust: MetadataTrust) -> Self {
        self.metadata = trust;
        self
    }

    /// Other settings, as the configuration file has them.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub async fn build(self) -> TestApp {
        let clock = Arc::new(SteppedClock::starting_at(Timestamp(START)));
        let randomness = Arc::new(randomness::Counting::default());
        let store = match self.store {
            Some(store) => store,
            None => store_of_the_suite().await,
        };
        let vault = Vault::open(&store, self.master_keys.as_ref(), &SystemRandomness).await;
        let vault = vault.expect("the master key of the store");
        let passkeys = Passkeys::open_with(store, vault, clock.clone(), randomness).await;
        let passkeys = passkeys.expect("the store opens");
        let metrics = server::metrics::start(clock.now()).expect("metrics");
        let passkeys = passkeys
            .with_metadata_trust(self.metadata)
            .keeping_cases(self.settings.retention.refused_responses)
            .noting_starts(self.settings.events.sign_in_starts)
            .with_limits(Arc::new(Starts::new(&self.settings.rates.per_minute())))
            .with_observer(Arc::new(Noting::before(metrics.clone())));
        let passkeys = Arc::new(passkeys);
        let account = Some((ACCOUNT, Secret::new(TOKEN)));
        passkeys.bootstrap(account).await.expect("the store works");
        let lifecycle = Arc::new(Lifecycle::default());
        TestApp {
            router: router(&self.settings, &passkeys, &lifecycle, &metrics).await,
            metrics,
            passkeys,
            clock,
            lifecycle,
            settings: self.settings,
        }
    }
}

/// The routes, as the process assembles them.
async fn router(
    settings: &Settings,
    passkeys: &Arc<Passkeys>,
    lifecycle: &Arc<Lifecycle>,
    metrics: &Arc<Metrics>,
) -> Entrance {
    let traffic: Arc<dyn Traffic> = metrics.clone();
    let public_url = settings.public_url(0);
    let doctor = Arc::new(Checkup::new(settings.clone(), None));
    server::process::router(
        &doctor,
        &public_url,
        passkeys,
        lifecycle,
        &traffic,
        &Traces::default(),
        ACCOUNT,
    )
    .await
    .expect("the settings can be served")
}

/// The SID of the account.
pub fn account_sid() -> String {
    format!("AC{ACCOUNT}")
}

/// The value of an `Authorization` header with a name and a secret.
pub fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}
