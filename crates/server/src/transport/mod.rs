//! HTTP/1.1 over TCP, and both HTTP/1.1 and HTTP/2 over TLS: accepting, the limits of a connection, and the orderly end.

mod arriving;
mod connections;
mod descriptors;
mod host;
mod http2;
mod listener;
mod proxied;
mod streams;
mod timed;
pub mod tls;

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, STRICT_TRANSPORT_SECURITY};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::config::Limits;
use crate::http::{Answers, Peer, Traffic, TransportRefusal, TrustedProxies};
use arriving::Arriving;
use connections::Connections;
use timed::{Phase, Timed, Timeouts};

pub use listener::Listener;
pub use tls::Tls;

/// How many headers hyper reads without an allocation; it wants to be told of a higher limit.
const HYPER_HEADERS: usize = 100;
/// Pause after a failed accept: the cause (no descriptors left) needs time to pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the entrance on the listener until `stop` turns true, then lets the requests that are being
/// served finish for at most `grace`.
///
/// Returns whether all of them finished.
pub async fn serve(
    listener: Listener,
    entrance: impl Answers,
    limits: &Limits,
    proxies: &TrustedProxies,
    traffic: &Arc<dyn Traffic>,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) -> bool {
    let connections = Arc::new(Connections::new(
        descriptors::fit(limits.connections),
        limits.connections_per_address,
    ));
    let timeouts = Timeouts {
        head: Duration::from_secs(limits.header_read_seconds),
        idle: Duration::from_secs(limits.idle_seconds),
        write: Duration::from_secs(limits.write_seconds),
    };
    let http = protocol(limits);
    // Every connection holds a sender; when the last one is dropped, the receiver wakes.
    let (alive, mut all_done) = mpsc::channel::<Infallible>(1);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let peer = Peer(peer.ip());
                let Some(slot) = connections.admit(of_client(proxies, peer.0)) else {
                    // Refuse the new one, keep the old ones: closing is the only answer that
                    // costs nothing.
                    tracing::debug!("connection refused: too many are open");
                    traffic.turned_away();
                    continue;
                };
                // Answers are small and complete: waiting for more to send only delays them.
                if stream.set_nodelay(true).is_err() {
                    continue;
                }
                let serving = Serving {
                    entrance: entrance.clone(),
                    http: http.clone(),
                    timeouts,
                    hsts: None,
                };
                let (stop, alive) = (stop.clone(), alive.clone());
                let traffic = Arc::clone(traffic);
                traffic.opened();
                match listener.before(peer, proxies, limits) {
                    None => tokio::spawn(async move {
                        connection((stream, peer), serving, stop).await;
                        traffic.closed();
                        drop((slot, alive));
                    }),
                    Some(before) => tokio::spawn(async move {
                        let slot = before.serve(stream, peer, slot, serving, stop).await;
                        traffic.closed();
                        drop((slot, alive));
                    }),
                };
            }
            Err(error) => accept_failed(&error).await,
        }
    }
    drop(listener);
    drop(alive);
    tokio::time::timeout(grace, all_done.recv()).await.is_ok()
}

/// The address whose connections are counted; `None` for a trusted proxy, whose connections are those of many clients.
fn of_client(proxies: &TrustedProxies, peer: IpAddr) -> Option<IpAddr> {
    (!proxies.contains(peer)).then_some(peer)
}

/// Waits until the value turns true, or nobody is left who could turn it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept_failed(error: &io::Error) {
    match error.kind() {
        // The client went away before it was accepted.
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => {}
        _ => {
            tracing::error!(%error, "cannot accept connections");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

fn protocol(limits: &Limits) -> hyper::server::conn::http1::Builder {
    let mut http = hyper::server::conn::http1::Builder::new();
    // `Timed` watches the clock: hyper's own timer cannot tell a slow header from a silent
    // connection, and would be armed anew for every request.
    http.timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes);
    if limits.header_count > HYPER_HEADERS {
        http.max_headers(limits.header_count);
    }
    http
}

/// Marks a request whose `Host` header is not valid. The front refuses it, in the words of the wire whose path it is.
pub fn with_host_checked<B>(mut request: hyper::Request<B>) -> hyper::Request<B> {
    if !host::is_valid(&request) {
        request
            .extensions_mut()
            .insert(TransportRefusal::HostInvalid);
    }
    request
}

/// Ends the connection with the response to a request that was not read to its end.
fn end_if_unread(phase: &Phase, response: &mut Response) {
    let unread = phase.is_arriving();
    if unread {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    if unread || response.extensions().get::<TransportRefusal>().is_some() {
        phase.unread();
    }
}

/// What serves the requests of a connection.
struct Serving<A> {
    entrance: A,
    http: hyper::server::conn::http1::Builder,
    timeouts: Timeouts,
    /// Told to browsers on each response.
    hsts: Option<HeaderValue>,
}

/// Serves HTTP/1.1.
async fn connection<S, A>(
    (stream, peer): (S, Peer),
    serving: Serving<A>,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Answers,
{
    let Serving {
        entrance,
        http,
        timeouts,
        hsts,
    } = serving;
    let phase = Phase::new();
    let io = TokioIo::new(Timed::new(stream, phase.clone(), timeouts));
    let of_service = phase.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        of_service.serving();
        let phase = of_service.clone();
        let request = request.map(|body| Body::new(Arriving::new(body, phase.clone())));
        let mut request = with_host_checked(request);
        request.extensions_mut().insert(peer);
        let answer = entrance.clone().answer(request);
        let hsts = hsts.clone();
        async move {
            let mut response = answer.await;
            if let Some(hsts) = hsts {
                response
                    .headers_mut()
                    .insert(STRICT_TRANSPORT_SECURITY, hsts);
            }
            end_if_unread(&phase, &mut response);
            phase.idle();
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(http.serve_connection(io, service));
    let mut silence = pin!(tokio::time::sleep(timeouts.idle));
    let mut ending = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = stopped(&mut stop), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            // It fires once in an idle time, not once in a request: then it is looked how long the
            // silence has really been.
            () = silence.as_mut(), if !ending => {
                let silent = phase.idle_for().unwrap_or_default();
                if silent >= timeouts.idle {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                } else {
                    silence.as_mut().reset(Instant::now() + timeouts.idle.saturating_sub(silent));
                }
            }
        }
    };
    if let Err(error) = ended {
        // The client's doing: it went away, was too slow or does not speak HTTP.
        tracing::debug!(%error, "connection ended");
    }
}
