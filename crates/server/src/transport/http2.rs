//! HTTP/2 (RFC 9113), over TLS only. What a client may make this process do with few bytes is bounded here.

use std::convert::Infallible;
use std::pin::pin;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, COOKIE, STRICT_TRANSPORT_SECURITY};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use super::serving::{Serving, stopped, with_host_checked};
use super::streams::{Departing, Streams};
use super::timed::{Phase, Timed};
use crate::config::Limits;
use crate::http::{Answers, Peer};

/// Requests of a connection that are served at once. The client has to wait with others.
const STREAMS: u32 = 100;
/// Streams that the client may have reset before they were looked at (rapid reset, CVE-2023-44487). With more the connection is closed.
const RESETS: usize = 20;
/// Streams that the client may make us reset by faulty frames (CVE-2025-8671). With more the connection is closed.
const FORCED_RESETS: usize = 100;
/// Bytes of bodies that a client may send before they are read: of a stream, and of its connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of a response that wait to be written.
const SEND_BUFFER: usize = 64 * 1024;

/// The protocol with its limits.
pub(super) fn protocol(limits: &Limits) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(FORCED_RESETS)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    http
}

/// Serves a connection until it ends, is idle for too long, or its client leaves a response unread.
pub(super) async fn connection<S, A>(
    stream: S,
    peer: Peer,
    serving: Serving<A>,
    http: Builder<TokioExecutor>,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Answers,
{
    let Serving {
        entrance,
        timeouts,
        hsts,
        ..
    } = serving;
    let streams = Streams::new();
    // The stream limits the time of a write. When a request is slow, only the streams know.
    let phase = Phase::new();
    phase.serving();
    let io = TokioIo::new(Timed::new(stream, phase, timeouts));
    let of_service = streams.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let stream = of_service.open();
        join_cookies(request.headers_mut());
        let mut request = with_host_checked(request.map(Body::new));
        request.extensions_mut().insert(peer);
        let answer = entrance.clone().answer(request);
        let hsts = hsts.clone();
        async move {
            let mut response = answer.await;
            let headers = response.headers_mut();
            // HTTP/2 has no such header (RFC 9113, section 8.2.2).
            headers.remove(CONNECTION);
            if let Some(hsts) = hsts {
                headers.insert(STRICT_TRANSPORT_SECURITY, hsts);
            }
            Ok::<_, Infallible>(response.map(|body| Departing::new(body, stream)))
        }
    });
    let mut connection = pin!(http.serve_connection(io, service));
    let least = timeouts.write.min(timeouts.idle);
    let mut look = pin!(tokio::time::sleep(least));
    let mut ending = false;
    // When an idle connection is cut off, if its client does not close it.
    let mut end: Option<Instant> = None;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = stopped(&mut stop), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = look.as_mut() => {
                if streams.unread_for(timeouts.write) || end.is_some_and(|end| end <= Instant::now()) {
                    tracing::debug!("connection closed: the client was too slow");
                    return;
                }
                let idle = streams.idle_for();
                if idle >= timeouts.idle && end.is_none() {
                    end = Some(Instant::now() + timeouts.write);
                    if !ending {
                        ending = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
                let left = timeouts.idle.saturating_sub(idle);
                let next = if left.is_zero() { least } else { left.min(least) };
                look.as_mut().reset(Instant::now() + next);
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Joins the parts of a cookie header, which a client may send as headers of their own (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut parts = headers.get_all(COOKIE).iter();
    if let (Some(_), Some(_)) = (parts.next(), parts.next()) {
        let parts: Vec<&[u8]> = headers
            .get_all(COOKIE)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        if let Ok(joined) = HeaderValue::from_bytes(&parts.join(&b"; "[..])) {
            headers.insert(COOKIE, joined);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_cookie_header_are_one_header() {
        let mut headers = HeaderMap::new();
        for part in ["a=1", "b=2; c=3", "d=4"] {
            headers.append(COOKIE, HeaderValue::from_static(part));
        }
        join_cookies(&mut headers);
        let all: Vec<_> = headers.get_all(COOKIE).iter().collect();
        assert_eq!(all, ["a=1; b=2; c=3; d=4"]);
        join_cookies(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().count(), 1);
    }
}
