//! `passkeyd demo`: a temporary server on this machine with a page to try passkeys.
//!
//! The page has a tab for each API, with the same functions. It calls a small back end (`backend`), which has the part of your
//! application: it has the keys and calls the API (`wire`), here the router in the same process. The page shows each exchange,
//! and the steps of each ceremony (`explain`).

mod backend;
mod explain;
mod page;
mod samples;
mod sessions;
mod wire;

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::Passkeys;
use domain::model::audit::{Actor, ActorKind};
use domain::model::console::Role;
use domain::service::accounts::Bootstrap;
use ipnet::IpNet;
use storage::StoreUrl;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{App, PublicUrl};
use crate::config::{Listen, Log, LogFormat, LogLevel, Settings};
use crate::console::Place;
use crate::doctor::Checkup;
use crate::http::traffic::Unwatched;
use crate::http::{Lifecycle, Traffic};
use crate::metadata::Sources;
use crate::process::{self, Hangup, ProcessError};
use crate::telemetry;
use crate::transport::Listener;
use crate::webhooks::Sender;
use backend::Backend;

/// The port that is tried first.
const FIRST_PORT: u16 = 8080;
/// How many ports are tried if none is given.
const PORTS: u16 = 20;

/// Runs the demo until SIGTERM or SIGINT; the store is removed at the end.
///
/// # Errors
/// [`ProcessError`]: the address is not a loopback address or in use, or the operating system fails.
pub async fn run(asked: Option<Listen>) -> Result<(), ProcessError> {
    let _logging = telemetry::init(&Log {
        format: LogFormat::Text,
        level: LogLevel::Warn,
        ..Log::default()
    })?;
    let lifecycle = Arc::new(Lifecycle::default());
    let stopping = process::catch_signals(&lifecycle, Hangup::Stops)?;
    let listener = listen(asked).await?;
    let address = process::local_address(&listener, SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let directory = tempfile::Builder::new()
        .prefix("passkeyd-demo-")
        .tempdir()
        .map_err(|source| ProcessError::System {
            what: "cannot create a temporary directory",
            source,
        })?;
    let url = StoreUrl::File(directory.path().join("passkeyd.db"));
    let store = storage::open(&url).await?;
    let names = Sources {
        names: samples::model_names(),
        ..Sources::default()
    };
    let passkeys = process::open_over(Arc::clone(&store), names).await?;
    let Bootstrap::Created(account, token) = passkeys.bootstrap(None).await? else {
        return Err(ProcessError::Demo(
            "the temporary store is not empty".to_owned(),
        ));
    };
    Box::pin(samples::fill(store, account, passkeys.now())).await?;
    let origin = format!("http://localhost:{}", address.port());
    let console = Place::new(PublicUrl::new(&origin));
    let app = App::new(Arc::clone(&passkeys), PublicUrl::new(&origin))
        .with_lifecycle(&lifecycle)
        .with_webhooks_to(this_machine())
        .with_console(Some(console.clone()));
    let settings = Settings {
        listen: Listen::from(address),
        store: Some(url.to_string()),
        ..Settings::default()
    };
    let app = app.with_doctor(&Arc::new(Checkup::new(settings.clone(), None)));
    let (backend, app) = Backend::start(app, &settings.limits, account, &token, &origin)
        .await
        .map_err(ProcessError::Demo)?;
    let service = backend
        .service()
        .ok_or_else(|| ProcessError::Demo("the demo's Service has no SID".to_owned()))?;
    let second = crate::test_page::open(&app, &settings.limits, service, &page::tabs(None)).await?;
    let pages = routes(&backend, second, address.port());
    let router = crate::app::router_with(app, &settings.limits, pages);
    let by = Actor::new(ActorKind::Admin, "");
    let invited = passkeys.invite_administrator("Demo", Role::Owner, &by);
    let (_, token) = invited
        .await
        .map_err(|_| ProcessError::Demo("the console takes no administrator".to_owned()))?;
    let invite = console.link(&format!("/invite/{}", token.reveal()));
    announce(&origin, &invite).map_err(|source| ProcessError::System {
        what: "cannot print the page's address",
        source,
    })?;
    let traffic: Arc<dyn Traffic> = Arc::new(Unwatched);
    let listener = Listener::plain(listener);
    let sending = send_webhooks(&passkeys, &stopping)?;
    let ended = process::run(listener, router, passkeys, stopping, &settings, &traffic).await;
    sending.abort();
    directory.close().map_err(|source| ProcessError::System {
        what: "cannot remove the temporary store",
        source,
    })?;
    ended
}

/// Where webhooks of the demo may lead besides: only who uses this machine reaches the demo.
fn this_machine() -> Vec<IpNet> {
    let here = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    here.map(|address: IpAddr| IpNet::from(address)).to_vec()
}

/// Sends webhooks, also to receivers on this machine.
fn send_webhooks(
    passkeys: &Arc<Passkeys>,
    stopping: &watch::Receiver<bool>,
) -> Result<JoinHandle<()>, ProcessError> {
    let sender = Sender::new(Arc::clone(passkeys), this_machine())
        .map_err(|error| ProcessError::Webhooks(error.to_string()))?;
    let metrics = crate::metrics::start(passkeys.now())?;
    Ok(tokio::spawn(crate::webhooks::run(
        sender,
        metrics,
        stopping.clone(),
    )))
}

/// The pages and the back ends behind them.
fn routes(backend: &Backend, second: Router, port: u16) -> Router {
    Router::new()
        .merge(page::router(port))
        .merge(second)
        .nest("/demo/api", backend::router(backend))
        .layer(axum::middleware::from_fn_with_state(port, only_localhost))
}

/// Responds only under the names of this machine. Otherwise a foreign page whose name resolves to
/// 127.0.0.1 would be same-origin with the demo.
async fn only_localhost(State(port): State<u16>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let known = ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        host.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(':'))
            == Some(port.to_string().as_str())
            || (port == 80 && host == *name)
    });
    if known {
        next.run(request).await
    } else {
        (
            StatusCode::MISDIRECTED_REQUEST,
            "the demo responds only on localhost",
        )
            .into_response()
    }
}

async fn listen(asked: Option<Listen>) -> Result<TcpListener, ProcessError> {
    if let Some(asked) = asked {
        let found = asked.addresses().await;
        let Some(address) = found.unwrap_or_default().first().copied() else {
            return Err(ProcessError::Demo(format!(
                "the host of {asked} has no address here; use for example --listen 127.0.0.1:{}",
                asked.port()
            )));
        };
        if !address.ip().is_loopback() {
            return Err(ProcessError::Demo(format!(
                "the demo listens on loopback addresses only, and {address} is not one; use for example --listen 127.0.0.1:{}",
                address.port()
            )));
        }
        return TcpListener::bind(address).await.map_err(|source| {
            if source.kind() == io::ErrorKind::AddrInUse {
                ProcessError::Demo(format!(
                    "{address} is in use; choose another port with --listen"
                ))
            } else {
                ProcessError::Listen { address, source }
            }
        });
    }
    let mut address = SocketAddr::from(([127, 0, 0, 1], FIRST_PORT));
    for port in FIRST_PORT..FIRST_PORT + PORTS {
        address.set_port(port);
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(source) => return Err(ProcessError::Listen { address, source }),
        }
    }
    Err(ProcessError::Demo(format!(
        "the ports {FIRST_PORT} to {} are all in use; choose one with --listen 127.0.0.1:PORT",
        FIRST_PORT + PORTS - 1
    )))
}

fn announce(origin: &str, console: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(
        out,
        "\n  The passkeyd demo is running. Open this page in a browser:\n\n    {origin}\n\n  \
         The console of an administrator, with what you do there in it, and a Service with made-up people. This link works once:\n\n    {console}\n\n  \
         The demo uses a temporary store, which is removed when you stop it (Ctrl+C).\n\n"
    )?;
    out.flush()
}
