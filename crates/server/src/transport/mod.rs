//! HTTP/1.1 over TCP, and both HTTP/1.1 and HTTP/2 over TLS: accepting, the limits of a connection, and the orderly end.

mod arriving;
mod connections;
mod descriptors;
mod host;
mod http1;
mod http2;
mod listener;
mod proxied;
mod serving;
mod streams;
mod timed;
pub mod tls;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::config::Limits;
use crate::http::{Answers, Peer, Traffic, TrustedProxies};
use connections::{Connections, of_client};
use serving::{Serving, stopped};
use timed::Timeouts;

pub use listener::Listener;
pub use serving::with_host_checked;
pub use tls::Tls;

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
    let http = http1::protocol(limits);
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
                        http1::connection((stream, peer), serving, stop).await;
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
