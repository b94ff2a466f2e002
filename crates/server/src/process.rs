//! The life of a server process: open the store, listen, serve, drain, close.

pub mod fido;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::clock::{SystemClock, SystemRandomness};
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::policy::Policy;
use domain::service::accounts::Bootstrap;
use domain::store::Swept;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::App;
pub use crate::error::ProcessError;

use crate::config::{Listen, Retention, Settings};
use crate::http::{Lifecycle, PublicUrl};
use crate::metadata::Sources;
use crate::test_page;

/// How many rows of a kind one sweep removes at most, so that it never holds the writer for long.
const SWEEP_BUDGET: u32 = 1000;

/// The domain over the embedded store in this file, with the metadata that are in it.
///
/// # Errors
/// The file cannot be opened, is another process's or a newer format's.
pub async fn open(
    path: &Path,
    policy: Policy,
    metadata: Sources,
) -> Result<Arc<Passkeys>, ProcessError> {
    // Migrations may take their time, and nothing else runs yet.
    let store = storage::Embedded::open(path, storage::Options::default())?;
    let passkeys = Passkeys::open(
        Arc::new(store),
        Arc::new(SystemClock::default()),
        Arc::new(SystemRandomness),
    )
    .await?;
    let passkeys = passkeys
        .with_default_policy(policy)
        .with_metadata_trust(metadata.trust)
        .with_provider_names(metadata.names);
    let passkeys = Arc::new(passkeys);
    crate::metadata::look(&passkeys).await;
    Ok(passkeys)
}

/// Serves the Twilio wire and everything else as the settings say, until SIGTERM or SIGINT.
///
/// # Errors
/// [`ProcessError`].
pub async fn serve(
    settings: Settings,
    first_account: Option<(AccountId, Secret)>,
) -> Result<(), ProcessError> {
    let lifecycle = Arc::new(Lifecycle::default());
    let stopping = catch_signals(&lifecycle, Hangup::Ignored)?;
    let sources = Sources::load(&settings.metadata)?;
    let policy = settings.ceremonies.policy();
    let passkeys = open(&settings.store_location()?, policy, sources).await?;
    let (listener, address) = listen_at(&settings.listen).await?;
    let account = announce_account(&passkeys, first_account).await?;
    let public_url = settings.public_url(address.port());
    let router = router(&settings, &public_url, &passkeys, &lifecycle, account).await?;
    if settings.public_url.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            public_url = public_url.as_str(),
            "`public_url` is not set although other machines can reach this address: links in responses lead to this machine only. \
             Set it to the https:// address at which clients reach passkeyd"
        );
    }
    tracing::info!(%address, public_url = public_url.as_str(), "ready");
    let keeper = tokio::spawn(crate::metadata::keep(
        Arc::clone(&passkeys),
        settings.metadata.clone(),
        stopping.clone(),
    ));
    let ended = run(listener, router, passkeys, stopping, &settings).await;
    keeper.abort();
    ended
}

/// Everything that a process with these settings serves, behind the front. `account` is where the FIDO binding finds or makes its
/// Relying Party. Tests call this function as well, so that they test what is served.
///
/// # Errors
/// [`ProcessError`]: the Relying Party that the settings name is not there, or the store fails.
pub async fn router(
    settings: &Settings,
    public_url: &PublicUrl,
    passkeys: &Arc<Passkeys>,
    lifecycle: &Arc<Lifecycle>,
    account: AccountId,
) -> Result<Router, ProcessError> {
    let rp = fido::relying_party(&settings.fido, passkeys, account, public_url).await?;
    let app = App::new(Arc::clone(passkeys), public_url.clone())
        .with_lifecycle(lifecycle)
        .with_nevis(settings.nevis.clone())
        .with_fido(rp.and_then(|rp| fido::served(&settings.fido, rp)));
    let more = for_tests(settings, &app, rp).await?;
    Ok(crate::app::router_with(app, &settings.limits, more))
}

/// The test page, if the settings want it, and warnings about what is for tests only.
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
            "conformance mode is on: anybody may register any name, and verification is weakened; never for real users"
        );
    }
    if settings.fido.test_page {
        tracing::warn!("the test page is on: anybody may register any name; never for real users");
        return test_page::open(app, &settings.limits, rp, false).await;
    }
    Ok(Router::new())
}

/// Listens on the address.
///
/// # Errors
/// The address is in use or not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ProcessError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ProcessError::Listen { address, source })
}

/// Listens on the first address of the host that can be listened on.
///
/// # Errors
/// The host has no address, or none of this machine, or the port is in use.
pub async fn listen_at(wanted: &Listen) -> Result<(TcpListener, SocketAddr), ProcessError> {
    let unknown = |source| ProcessError::Host {
        wanted: wanted.clone(),
        source,
    };
    let mut failed = None;
    for address in wanted.addresses().await.map_err(unknown)? {
        match listen(address).await {
            Ok(listener) => {
                let address = local_address(&listener, address)?;
                return Ok((listener, address));
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| unknown(io::Error::other("it has no address"))))
}

/// The address that a listener really has; the asked port may have been 0.
///
/// # Errors
/// The operating system's.
pub fn local_address(
    listener: &TcpListener,
    asked: SocketAddr,
) -> Result<SocketAddr, ProcessError> {
    listener
        .local_addr()
        .map_err(|source| ProcessError::Listen {
            address: asked,
            source,
        })
}

/// Serves until `stopping` turns true, then drains and closes the store.
///
/// # Errors
/// [`ProcessError`]: the store does not close.
pub async fn run(
    listener: TcpListener,
    router: Router,
    passkeys: Arc<Passkeys>,
    stopping: watch::Receiver<bool>,
    settings: &Settings,
) -> Result<(), ProcessError> {
    let sweeper = tokio::spawn(sweep(
        Arc::clone(&passkeys),
        settings.retention.clone(),
        stopping.clone(),
    ));
    let grace = Duration::from_secs(settings.shutdown.grace_seconds);
    let drained =
        crate::transport::serve(listener, router, &settings.limits, stopping, grace).await;
    if !drained {
        tracing::warn!("some requests were cut off: they did not finish within the grace period");
    }
    sweeper.abort();
    passkeys.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// What SIGHUP does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// Nothing but a line in the log: a closed terminal, a log rotator or `systemctl reload` must not stop logins.
    Ignored,
    /// It ends the process, as SIGTERM does: nobody is left to see it.
    Stops,
}

/// Catches SIGTERM, SIGINT and SIGHUP from now on; the value turns true when the process is to end.
///
/// To be called before anybody is told that the process runs: a signal that nobody catches kills it.
///
/// # Errors
/// Signals cannot be had.
pub fn catch_signals(
    lifecycle: &Arc<Lifecycle>,
    hangup: Hangup,
) -> Result<watch::Receiver<bool>, ProcessError> {
    let catch = |kind| {
        signal(kind).map_err(|source| ProcessError::System {
            what: "cannot wait for signals",
            source,
        })
    };
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let mut hung_up = catch(SignalKind::hangup())?;
    let (stop, stopping) = watch::channel(false);
    let lifecycle = Arc::clone(lifecycle);
    tokio::spawn(async move {
        let name = loop {
            tokio::select! {
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                _ = hung_up.recv() => match hangup {
                    Hangup::Stops => break "SIGHUP",
                    Hangup::Ignored => tracing::info!(
                        signal = "SIGHUP",
                        "ignored: settings are read at the start only; SIGTERM stops passkeyd"
                    ),
                },
            }
        };
        tracing::info!(signal = name, "stopping");
        lifecycle.drain();
        stop.send_replace(true);
        // The sender lives as long as somebody may look whether the process stops.
        stop.closed().await;
    });
    Ok(stopping)
}

async fn sweep(passkeys: Arc<Passkeys>, retention: Retention, mut stop: watch::Receiver<bool>) {
    let mut interval = tokio::time::interval(retention.interval());
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = interval.tick() => {}
        }
        match passkeys
            .sweep(
                retention.ceremonies_ms(),
                retention.events_ms(),
                SWEEP_BUDGET,
            )
            .await
        {
            Ok(swept) if swept == Swept::default() => {}
            Ok(swept) => {
                tracing::debug!(
                    ceremonies = swept.ceremonies,
                    events = swept.events,
                    tokens = swept.tokens,
                    answers = swept.answers,
                    "swept"
                );
                let most = swept
                    .ceremonies
                    .max(swept.events)
                    .max(swept.tokens)
                    .max(swept.answers);
                if most >= u64::from(SWEEP_BUDGET) {
                    // There is more: come back soon, but let others write in between.
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

async fn announce_account(
    passkeys: &Passkeys,
    given: Option<(AccountId, Secret)>,
) -> Result<AccountId, ProcessError> {
    let asked = given.as_ref().map(|(id, _)| *id);
    match passkeys.bootstrap(given).await? {
        Bootstrap::Created(id, token) if asked.is_none() => {
            print_account(id, &token).map_err(|source| ProcessError::System {
                what: "cannot print the first account, which exists now (`passkeyd account reset-token` makes another token)",
                source,
            })?;
            Ok(id)
        }
        Bootstrap::Created(id, _) => {
            tracing::info!("the first account was created as the environment says");
            Ok(id)
        }
        Bootstrap::Exists(id) => {
            if asked.is_some_and(|asked| asked != id) {
                tracing::warn!(
                    "the store already holds an account; the one in the environment was not created"
                );
            }
            Ok(id)
        }
    }
}

/// Shows the account on standard output. Not through the log: logs are kept and shipped.
fn print_account(id: AccountId, token: &Secret) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(
        out,
        "\n  A new account was created. Its token is shown this once: keep it.\n\n    \
         Account SID   AC{id}\n    Auth Token    {}\n\n",
        token.reveal()
    )?;
    out.flush()
}
