//! What serves the requests of a connection, on each version of HTTP.

use axum::http::HeaderValue;
use tokio::sync::watch;

use super::host;
use super::timed::Timeouts;
use crate::http::TransportRefusal;

/// What serves the requests of a connection.
pub(super) struct Serving<A> {
    pub(super) entrance: A,
    pub(super) http: hyper::server::conn::http1::Builder,
    pub(super) timeouts: Timeouts,
    /// Told to browsers on each response.
    pub(super) hsts: Option<HeaderValue>,
}

/// Waits until the value turns true, or nobody is left who could turn it.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
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
