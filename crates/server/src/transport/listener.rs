//! A listener, and what precedes HTTP on its connections: the header of a proxy, and TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::connections::{Slot, of_client};
use super::serving::Serving;
use super::tls::{H2, Tls};
use super::{http1, http2, proxied};
use crate::config::Limits;
use crate::http::{Answers, Peer, TrustedProxies};

/// Where connections come from, and what each of them begins with.
#[derive(Debug)]
pub struct Listener {
    sockets: TcpListener,
    tls: Option<Tls>,
    proxy_protocol: bool,
}

impl Listener {
    /// Connections that begin with HTTP/1.1.
    pub fn plain(sockets: TcpListener) -> Self {
        Self {
            sockets,
            tls: None,
            proxy_protocol: false,
        }
    }

    /// Connections that begin with TLS, if there is some.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<&Tls>) -> Self {
        self.tls = tls.cloned();
        self
    }

    /// Whether the connections of trusted proxies begin with a header of the PROXY protocol.
    #[must_use]
    pub fn with_proxy_protocol(mut self, on: bool) -> Self {
        self.proxy_protocol = on;
        self
    }

    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.sockets.accept().await
    }

    /// What comes before HTTP on the connections of this peer; `None` if nothing does.
    pub(super) fn before(
        &self,
        peer: Peer,
        proxies: &TrustedProxies,
        limits: &Limits,
    ) -> Option<Before> {
        let named = self.proxy_protocol && proxies.contains(peer.0);
        if !named && self.tls.is_none() {
            return None;
        }
        Some(Before {
            proxies: named.then(|| proxies.clone()),
            tls: self.tls.clone(),
            http2: http2::protocol(limits),
        })
    }
}

/// What comes before HTTP.
pub(super) struct Before {
    /// There, if a header of the PROXY protocol comes first.
    proxies: Option<TrustedProxies>,
    tls: Option<Tls>,
    http2: hyper::server::conn::http2::Builder<hyper_util::rt::TokioExecutor>,
}

impl Before {
    /// Serves a connection that begins with it.
    pub(super) async fn serve<A: Answers>(
        self,
        mut stream: TcpStream,
        mut peer: Peer,
        mut slot: Slot,
        mut serving: Serving<A>,
        stop: watch::Receiver<bool>,
    ) -> Slot {
        let deadline = tokio::time::Instant::now() + serving.timeouts.head;
        if let Some(proxies) = &self.proxies {
            let header = proxied::client(&mut stream);
            match tokio::time::timeout_at(deadline, header).await {
                Ok(Ok(Some(client))) => peer = Peer(client),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => {
                    static SAID: AtomicBool = AtomicBool::new(false);
                    if SAID.swap(true, Ordering::Relaxed) {
                        tracing::debug!(%error, proxy = %peer.0, "connection of a trusted proxy refused");
                    } else {
                        tracing::warn!(
                            %error,
                            proxy = %peer.0,
                            "connection of a trusted proxy refused: let the proxy begin each connection with the header of the PROXY protocol, or \
                             unset proxy_protocol. This line is written once"
                        );
                    }
                    return slot;
                }
                Err(_) => return slot,
            }
            if !slot.count(of_client(proxies, peer.0)) {
                tracing::debug!("connection refused: too many of its client are open");
                return slot;
            }
        }
        let Some(tls) = &self.tls else {
            http1::connection((stream, peer), serving, stop).await;
            return slot;
        };
        let stream = match tokio::time::timeout_at(deadline, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                return slot;
            }
            Err(_) => return slot,
        };
        serving.hsts = tls.hsts();
        if stream.get_ref().1.alpn_protocol() == Some(H2) {
            // Once for each connection: it is large, and HTTP/1.1 has no use for its room.
            Box::pin(http2::connection(stream, peer, serving, self.http2, stop)).await;
        } else {
            http1::connection((stream, peer), serving, stop).await;
        }
        slot
    }
}
