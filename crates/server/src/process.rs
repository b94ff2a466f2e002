//! The life of a server process: open the store, listen, serve, drain, close.

pub mod fido;
mod listeners;
mod reload;
mod signals;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use domain::model::account::Secret;
use domain::model::audit::{Actor, ActorKind};
use domain::model::clock::{Clock as _, Randomness as _, SystemClock, SystemRandomness};
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::policy::Policy;
use domain::service::MOST_BEHIND_MS;
use domain::service::accounts::Bootstrap;
use domain::service::console::ConsoleRefusal;
use domain::service::limits::{Limits as Starting, Unlimited};
use domain::service::observer::{Observer, Unobserved};
use domain::store::{Storage, Swept};
use domain::{Passkeys, Reason};
use storage::StoreUrl;
use tokio::sync::{Notify, watch};

use crate::app::App;
pub use crate::error::ProcessError;
pub use listeners::{Inherited, listen, listen_at, local_address};
pub use signals::{Hangup, catch_signals};

use crate::config::{ConfigError, Retention, Settings};
use crate::console::Place;
use crate::control::Administered;
use crate::control::socket::Socket;
use crate::doctor::Checkup;
use crate::http::noting::Noting;
use crate::http::traffic::Unwatched;
use crate::http::{Entrance, Gates, Lifecycle, PublicUrl, Starts, Traces, Traffic, TrustedProxies};
use crate::metadata::Sources;
use crate::metrics::Metrics;
use crate::telemetry::Logging;
use crate::test_page;
use crate::transport::{Listener, Tls};
use crate::webhooks::Sender;

/// Most rows of a kind that one sweep removes, so that it never blocks the writer for long.
const SWEEP_BUDGET: u32 = 1000;
/// The lease of the node that sweeps.
const SWEEP: &str = "sweep";

/// The domain with the store at this address, and with the store's metadata. The settings say where the master key is; without them,
/// the keys in the store are not sealed.
///
/// # Errors
/// The store cannot be opened, another process uses it, it has a newer format, or it is sealed and there is no right master key.
pub async fn open(
    url: &StoreUrl,
    settings: Option<&Settings>,
    policy: Policy,
    metadata: Sources,
) -> Result<Arc<Passkeys>, ProcessError> {
    opened(storage::open(url).await?, settings, None, policy, metadata).await
}

/// The domain with a store that is open already and not sealed, for the demo.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn open_over(
    store: Arc<dyn Storage>,
    metadata: Sources,
) -> Result<Arc<Passkeys>, ProcessError> {
    opened(store, None, None, Policy::default(), metadata).await
}

/// As [`open`], measured and recorded, and with limits of the ceremonies that start.
///
/// # Errors
/// Those of [`open`].
pub async fn open_measured(
    url: &StoreUrl,
    settings: &Settings,
    policy: Policy,
    metadata: Sources,
    metrics: &Arc<Metrics>,
    traces: &Traces,
) -> Result<Arc<Passkeys>, ProcessError> {
    let watch: Arc<dyn storage::Watch> = Arc::<Metrics>::clone(metrics);
    let store = storage::open_served(url, watch, settings.disk_reserve()).await?;
    let store = crate::traces::timed(store, traces);
    let starts = Starts::new(&settings.rates.per_minute());
    let served = Some((metrics, starts));
    opened(store, Some(settings), served, policy, metadata).await
}

async fn opened(
    store: Arc<dyn Storage>,
    settings: Option<&Settings>,
    served: Option<(&Arc<Metrics>, Starts)>,
    policy: Policy,
    metadata: Sources,
) -> Result<Arc<Passkeys>, ProcessError> {
    let vault = match settings {
        Some(settings) => crate::master_key::vault(&store, settings).await?,
        None => None,
    };
    let passkeys = Passkeys::open_with(
        store,
        vault,
        Arc::new(SystemClock::default()),
        Arc::new(SystemRandomness),
    )
    .await?;
    let (observer, limits): (Arc<dyn Observer>, Arc<dyn Starting>) = match served {
        Some((metrics, starts)) => (Arc::<Metrics>::clone(metrics), Arc::new(starts)),
        None => (Arc::new(Unobserved), Arc::new(Unlimited)),
    };
    let notes_starts = settings.is_some_and(|settings| settings.events.sign_in_starts);
    let keeps_cases = settings.is_none_or(|settings| settings.retention.refused_responses);
    let passkeys = passkeys
        .with_observer(Arc::new(Noting::before(observer)))
        .with_limits(limits)
        .with_default_policy(policy)
        .keeping_cases(keeps_cases)
        .noting_starts(notes_starts)
        .with_metadata_trust(metadata.trust)
        .with_provider_names(metadata.names);
    let passkeys = Arc::new(passkeys);
    crate::metadata::look(&passkeys).await;
    Ok(passkeys)
}

/// What a process starts with.
pub struct Start {
    /// Its settings.
    pub settings: Settings,
    /// The file that they came from.
    pub file: Option<PathBuf>,
    /// Reads the settings again.
    pub again: Box<dyn Fn() -> Result<Settings, ConfigError> + Send + Sync>,
    /// The first account of an empty store.
    pub first_account: Option<(AccountId, Secret)>,
    /// Its log.
    pub logging: Logging,
    /// The sockets that it was started with.
    pub sockets: Inherited,
}

/// Serves all wires that the settings name, until SIGTERM or SIGINT.
///
/// # Errors
/// [`ProcessError`].
pub async fn serve(start: Start) -> Result<(), ProcessError> {
    let Start {
        settings,
        file,
        again,
        first_account,
        logging,
        mut sockets,
    } = start;
    let lifecycle = Arc::new(Lifecycle::default());
    let hangups = Arc::new(Notify::new());
    let stopping = catch_signals(&lifecycle, Hangup::Reloads(Arc::clone(&hangups)))?;
    let sources = Sources::load(&settings.metadata)?;
    let tls = Tls::load(&settings.tls)?;
    let policy = settings.ceremonies.policy();
    let metrics = crate::metrics::start(SystemClock::default().now())?;
    let (traces, exporting) = crate::traces::start(&settings.traces)?;
    // Migrations may be slow. Nothing else runs yet.
    let store = settings.store_location()?;
    let passkeys = open_measured(&store, &settings, policy, sources, &metrics, &traces).await?;
    let (listener, address) = sockets.main(&settings.listen).await?;
    let listener = Listener::plain(listener)
        .with_tls(tls.as_ref())
        .with_proxy_protocol(settings.proxy_protocol);
    let account = announce_account(&passkeys, first_account).await?;
    let public_url = settings.public_url(address.port());
    let traffic: Arc<dyn Traffic> = Arc::<Metrics>::clone(&metrics);
    let doctor = Arc::new(Checkup::new(settings.clone(), file));
    let router = router(
        &doctor,
        &public_url,
        &passkeys,
        &lifecycle,
        &traffic,
        &traces,
        account,
    )
    .await?;
    let own = match (&settings.console.listen, settings.console.enabled) {
        (Some(wanted), true) => {
            let (listener, address) = sockets.console(wanted).await?;
            Some((Listener::plain(listener).with_tls(tls.as_ref()), address))
        }
        _ => None,
    };
    let console = console(
        &doctor,
        &public_url,
        &passkeys,
        own,
        &lifecycle,
        &traffic,
        &traces,
    );
    let control = control(&settings, &public_url, &passkeys, console.place.as_ref());
    if settings.public_url.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            public_url = public_url.as_str(),
            "`public_url` is not set although other machines can reach this address: links in responses lead to this machine only. \
             Set it to the https:// address at which clients reach passkeyd"
        );
    }
    let measured = measure(&settings, &metrics, &passkeys, &lifecycle, &stopping).await?;
    tracing::info!(%address, public_url = public_url.as_str(), "ready");
    let keeper = tokio::spawn(crate::metadata::keep(
        Arc::clone(&passkeys),
        settings.metadata.clone(),
        stopping.clone(),
    ));
    let sender = Sender::new(Arc::clone(&passkeys), settings.webhooks.networks())
        .map_err(|error| ProcessError::Webhooks(error.to_string()))?;
    let sending = tokio::spawn(crate::webhooks::run(
        sender,
        Arc::clone(&metrics),
        stopping.clone(),
    ));
    let reloader = AbortOnDrop(tokio::spawn(reload::reload(
        hangups,
        again,
        logging,
        Arc::clone(&passkeys),
        tls,
        metrics,
    )));
    if let Some(place) = &console.place {
        announce_console(&passkeys, place).await?;
    }
    let console = console.serve(&settings, stopping.clone(), &traffic);
    let ended = run(listener, router, passkeys, stopping, &settings, &traffic).await;
    drop((control, measured, console));
    sending.abort();
    keeper.abort();
    exporting.end().await;
    // The log ends after the last line.
    reloader.ended().await;
    ended
}

/// Serves the metrics at the address of the settings, for as long as the result lives.
async fn measure(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    passkeys: &Arc<Passkeys>,
    lifecycle: &Arc<Lifecycle>,
    stopping: &watch::Receiver<bool>,
) -> Result<Option<AbortOnDrop>, ProcessError> {
    let Some(wanted) = &settings.metrics.listen else {
        return Ok(None);
    };
    let (listener, address) = listen_at(wanted).await?;
    tracing::info!(%address, "metrics are served");
    let router = crate::metrics::router(
        Arc::clone(metrics),
        Arc::clone(passkeys),
        Arc::clone(lifecycle),
    );
    let (limits, stop) = (settings.limits.clone(), stopping.clone());
    Ok(Some(AbortOnDrop(tokio::spawn(async move {
        let uncounted: Arc<dyn Traffic> = Arc::new(Unwatched);
        let grace = Duration::from_secs(1);
        let none = TrustedProxies::default();
        let listener = Listener::plain(listener);
        crate::transport::serve(listener, router, &limits, &none, &uncounted, stop, grace).await;
    }))))
}

/// Listens at the control socket, for as long as the result lives.
fn control(
    settings: &Settings,
    public_url: &PublicUrl,
    passkeys: &Arc<Passkeys>,
    console: Option<&Place>,
) -> Option<AbortOnDrop> {
    let path = settings.control_path()?;
    match Socket::listen(&path) {
        Ok(socket) => {
            let location = settings.store_location().ok()?;
            let on = Administered {
                file: location.file().map(Path::to_owned),
                passkeys: Arc::clone(passkeys),
                master_keys: crate::master_key::keys(settings).ok().flatten(),
                public_url: Arc::new(public_url.clone()),
                webhook_networks: settings.webhooks.networks(),
                console: console.cloned(),
            };
            Some(AbortOnDrop(tokio::spawn(socket.serve(on))))
        }
        Err(error) => {
            tracing::warn!(
                %error,
                path = %path.display(),
                "cannot listen at the control socket: `passkeyd account` and other administration commands do not work beside this server"
            );
            None
        }
    }
}

/// The console of a process.
struct ServedConsole {
    /// Where it is, if it is on.
    place: Option<Place>,
    /// Its own listener, if it has one, and what is served there.
    alone: Option<(Listener, Entrance)>,
}

/// The console, with its own listener and that one's address, if it has one.
fn console(
    doctor: &Arc<Checkup>,
    public_url: &PublicUrl,
    passkeys: &Arc<Passkeys>,
    own: Option<(Listener, SocketAddr)>,
    lifecycle: &Arc<Lifecycle>,
    traffic: &Arc<dyn Traffic>,
    traces: &Traces,
) -> ServedConsole {
    let settings = doctor.settings();
    let Some((listener, address)) = own else {
        let on = settings.console.enabled;
        return ServedConsole {
            place: on.then(|| Place::of(settings, public_url, None)),
            alone: None,
        };
    };
    let place = Place::of(settings, public_url, Some(address.port()));
    let app = App::new(Arc::clone(passkeys), public_url.clone())
        .with_lifecycle(lifecycle)
        .with_traffic(traffic)
        .with_traces(traces)
        .behind(&settings.proxies())
        .gated(Gates::new(&settings.rates.per_minute()))
        .with_doctor(doctor)
        .logging(settings.log.requests);
    let router = crate::app::console_router(app, place.clone(), &settings.limits);
    tracing::info!(%address, console = place.link("/"), "the console has a listener of its own");
    ServedConsole {
        place: Some(place),
        alone: Some((listener, router)),
    }
}

impl ServedConsole {
    /// Serves its own listener until `stopping` becomes true.
    fn serve(
        self,
        settings: &Settings,
        stopping: watch::Receiver<bool>,
        traffic: &Arc<dyn Traffic>,
    ) -> Option<AbortOnDrop> {
        let (listener, router) = self.alone?;
        let traffic = Arc::clone(traffic);
        let (limits, proxies) = (settings.limits.clone(), settings.proxies());
        let grace = Duration::from_secs(settings.shutdown.grace_seconds);
        Some(AbortOnDrop(tokio::spawn(async move {
            crate::transport::serve(
                listener, router, &limits, &proxies, &traffic, stopping, grace,
            )
            .await;
        })))
    }
}

/// Prints a link for the first owner of the console, while there is neither an administrator nor a link that still works.
async fn announce_console(passkeys: &Passkeys, place: &Place) -> Result<(), ProcessError> {
    if passkeys.has_administrators().await? || !passkeys.invites().await?.is_empty() {
        return Ok(());
    }
    let by = Actor::new(ActorKind::Admin, "");
    let invited = passkeys.invite_first_owner(&by);
    let token = match invited.await {
        Ok((_, token)) => token,
        // On a full disk passkeyd serves what it can.
        Err(ConsoleRefusal::Domain(refusal)) if refusal.reason == Reason::StoreUnavailable => {
            tracing::warn!(
                "the link for the first administrator of the console was not made, since the store cannot be written; \
                 `passkeyd console invite` makes one"
            );
            return Ok(());
        }
        Err(ConsoleRefusal::Domain(refusal)) => return Err(refusal.into()),
        Err(_) => return Ok(()),
    };
    let mut out = io::stdout().lock();
    // Not to the log: the first reader of the log could become the owner.
    let printed = write!(
        out,
        "\n  The console has no administrator yet. This link makes one. It works once, within 24 hours, and only while there is none:\n\n    {}\n\n",
        place.link(&format!("/invite/{}", token.reveal()))
    );
    printed.and_then(|()| out.flush()).map_err(|source| ProcessError::System {
        what: "cannot print the link to the console (`passkeyd console invite` makes another one)",
        source,
    })
}

/// A task that ends when this is dropped.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl AbortOnDrop {
    /// Ends the task and waits for its end.
    async fn ended(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Everything that a process with the settings that `doctor` has serves, behind the front. The FIDO binding finds or creates its Relying Party
/// in `account`. Tests call this function too, so that they test what is served.
///
/// # Errors
/// [`ProcessError`]: the Relying Party that the settings name does not exist, or the store fails.
pub async fn router(
    doctor: &Arc<Checkup>,
    public_url: &PublicUrl,
    passkeys: &Arc<Passkeys>,
    lifecycle: &Arc<Lifecycle>,
    traffic: &Arc<dyn Traffic>,
    traces: &Traces,
    account: AccountId,
) -> Result<Entrance, ProcessError> {
    let settings = doctor.settings();
    let rp = fido::relying_party(&settings.fido, passkeys, account, public_url).await?;
    let app = App::new(Arc::clone(passkeys), public_url.clone())
        .with_lifecycle(lifecycle)
        .with_traffic(traffic)
        .with_traces(traces)
        .behind(&settings.proxies())
        .gated(Gates::new(&settings.rates.per_minute()))
        .logging(settings.log.requests)
        .with_nevis(settings.nevis.clone())
        .with_fido(rp.and_then(|rp| fido::served(&settings.fido, rp)))
        .with_console(own_console(settings, public_url))
        .with_doctor(doctor)
        .with_webhooks_to(settings.webhooks.networks())
        .with_client_events(settings.client_events.enabled);
    let more = for_tests(settings, &app, rp).await?;
    Ok(crate::app::router_with(app, &settings.limits, more))
}

/// Where the console is, if it is on the main listener.
fn own_console(settings: &Settings, public_url: &PublicUrl) -> Option<Place> {
    let console = &settings.console;
    let here = console.enabled && console.listen.is_none();
    here.then(|| Place::of(settings, public_url, None))
}

/// The test page, if the settings turn it on, and warnings about settings that are for tests only.
async fn for_tests(
    settings: &Settings,
    app: &App,
    served: Option<RelyingPartyId>,
) -> Result<Router, ProcessError> {
    let Some(rp) = served else {
        return Ok(Router::new());
    };
    if settings.fido.conformance {
        tracing::warn!(
            "conformance mode is on: anyone may register any name, and verification is weakened; never for real users"
        );
    }
    if settings.fido.test_page {
        tracing::warn!("the test page is on: anyone may register any name; never for real users");
        return test_page::open(app, &settings.limits, rp, "").await;
    }
    Ok(Router::new())
}

/// Serves until `stopping` becomes true, then drains and closes the store.
///
/// # Errors
/// [`ProcessError`]: the store does not close.
pub async fn run(
    listener: Listener,
    router: Entrance,
    passkeys: Arc<Passkeys>,
    stopping: watch::Receiver<bool>,
    settings: &Settings,
    traffic: &Arc<dyn Traffic>,
) -> Result<(), ProcessError> {
    let sweeper = tokio::spawn(sweep(
        Arc::clone(&passkeys),
        settings.retention.clone(),
        stopping.clone(),
    ));
    let timekeeper = tokio::spawn(keep_time(Arc::clone(&passkeys)));
    let delay = Duration::from_secs(settings.shutdown.delay_seconds);
    let grace = Duration::from_secs(settings.shutdown.grace_seconds);
    let closing = delayed(stopping, delay);
    let (limits, proxies) = (&settings.limits, settings.proxies());
    let drained =
        crate::transport::serve(listener, router, limits, &proxies, traffic, closing, grace).await;
    if !drained {
        tracing::warn!("some requests were cut off: they did not finish within the grace period");
    }
    sweeper.abort();
    timekeeper.abort();
    passkeys.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Becomes true this time after `stopping`.
fn delayed(mut stopping: watch::Receiver<bool>, delay: Duration) -> watch::Receiver<bool> {
    let (close, closing) = watch::channel(false);
    tokio::spawn(async move {
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(delay).await;
        close.send_replace(true);
        close.closed().await;
    });
    closing
}

/// How often the time, and when keys were used last, are noted in the store.
const NOTE_TIME: Duration = Duration::from_mins(1);

/// Notes the time and the uses of keys in the store, and says when the clock of this machine is behind.
async fn keep_time(passkeys: Arc<Passkeys>) {
    loop {
        match passkeys.note_time().await {
            Ok(behind) if behind > MOST_BEHIND_MS => tracing::error!(
                behind_seconds = behind / 1000,
                "the clock of this machine is far behind the latest time in the store; set the clock"
            ),
            Ok(behind) if behind >= 1000 => tracing::warn!(
                behind_seconds = behind / 1000,
                "the clock of this machine is behind the latest time in the store; passkeyd goes by that time"
            ),
            Ok(_) => {}
            // The next call to the store says the same to its caller.
            Err(refusal) => {
                tracing::warn!(reason = refusal.reason.name(), "the time was not noted");
            }
        }
        if let Err(refusal) = passkeys.write_key_uses().await {
            let reason = refusal.reason.name();
            tracing::warn!(reason, "when keys were used last was not written");
        }
        tokio::time::sleep(NOTE_TIME).await;
    }
}

/// How far the clock may have stepped forward before the sweep takes it for an error, in milliseconds.
const TRUSTED_STEP_MS: i64 = 3_600_000;

/// For how much longer records are kept after `passed` milliseconds in which the clock went on by `shown`: a step of the clock must not
/// remove in an hour what was to be kept for a day. What is left of a true step is made up for at an eighth of the speed of time.
fn kept_longer(shown: i64, passed: i64) -> i64 {
    let step = shown.saturating_sub(passed);
    step.saturating_sub(TRUSTED_STEP_MS.saturating_add(passed / 8))
        .max(0)
}

async fn sweep(passkeys: Arc<Passkeys>, retention: Retention, mut stop: watch::Receiver<bool>) {
    let mut interval = tokio::time::interval(retention.interval());
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (begun, first) = (tokio::time::Instant::now(), passkeys.now());
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = interval.tick() => {}
        }
        // Nodes that were started together drift apart.
        interval.reset_after(with_jitter(retention.interval()));
        let millis = i64::try_from(retention.interval().as_millis()).unwrap_or(i64::MAX);
        match passkeys.lease(SWEEP, millis).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(refusal) => {
                tracing::error!(
                    reason = refusal.reason.name(),
                    "old records could not be removed"
                );
                continue;
            }
        }
        let passed = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let longer = kept_longer(passkeys.now().0.saturating_sub(first.0), passed);
        if longer > 0 {
            tracing::warn!(
                seconds = longer / 1000,
                "the clock has stepped forward; old records are kept for so much longer"
            );
        }
        match passkeys
            .sweep(
                retention.ceremonies_ms().saturating_add(longer),
                retention.events_ms().saturating_add(longer),
                SWEEP_BUDGET,
            )
            .await
        {
            Ok(swept) if swept == Swept::default() => {}
            Ok(swept) => {
                tracing::debug!(
                    deletions = swept.deletions,
                    ceremonies = swept.ceremonies,
                    events = swept.events,
                    tokens = swept.tokens,
                    answers = swept.answers,
                    "swept"
                );
                let most = swept
                    .deletions
                    .max(swept.ceremonies)
                    .max(swept.events)
                    .max(swept.tokens)
                    .max(swept.answers);
                if most >= u64::from(SWEEP_BUDGET) {
                    // There is more: continue soon, but let others write in between.
                    interval.reset_after(Duration::from_millis(50));
                }
            }
            Err(refusal) => {
                tracing::error!(
                    reason = refusal.reason.name(),
                    "old records could not be removed"
                );
            }
        }
    }
}

/// The time, or up to a tenth more.
fn with_jitter(time: Duration) -> Duration {
    let mut byte = [0];
    SystemRandomness.fill(&mut byte);
    time + time / 10 * u32::from(byte[0]) / 255
}

async fn announce_account(
    passkeys: &Passkeys,
    given: Option<(AccountId, Secret)>,
) -> Result<AccountId, ProcessError> {
    let asked = given.as_ref().map(|(id, _)| *id);
    match passkeys.bootstrap(given).await? {
        Bootstrap::Created(id, token) if asked.is_none() => {
            print_account(id, &token).map_err(|source| ProcessError::System {
                what: "cannot print the first account, which exists now (`passkeyd account reset-token` creates another token)",
                source,
            })?;
            Ok(id)
        }
        Bootstrap::Created(id, _) => {
            tracing::info!("the first account was created with the values of the environment");
            Ok(id)
        }
        Bootstrap::Exists(id) => {
            if asked.is_some_and(|asked| asked != id) {
                tracing::warn!(
                    "the store already has an account; the account of the environment was not created"
                );
            }
            Ok(id)
        }
    }
}

/// Prints the account to standard output. Not to the log: logs are stored and sent elsewhere.
fn print_account(id: AccountId, token: &Secret) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(
        out,
        "\n  A new account was created. Its token is shown only once: keep it.\n\n    \
         Account SID   AC{id}\n    Auth Token    {}\n\n",
        token.reveal()
    )?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_clock_removes_no_more_than_an_hour_of_records() {
        const HOUR: i64 = 3_600_000;
        assert_eq!(kept_longer(24 * HOUR, 24 * HOUR), 0);
        // Clocks are set by minutes.
        assert_eq!(kept_longer(HOUR, 0), 0);
        assert_eq!(kept_longer(-HOUR, 0), 0);
        // A day forth.
        assert_eq!(kept_longer(24 * HOUR, 0), 23 * HOUR);
        assert_eq!(kept_longer(32 * HOUR, 8 * HOUR), 22 * HOUR);
        // It was a true step: after eight days all is as it was.
        assert_eq!(kept_longer(24 * 9 * HOUR, 24 * 8 * HOUR), 0);
    }
}
