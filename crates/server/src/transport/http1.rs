//! HTTP/1.1 (RFC 9112), with or without TLS.

use std::convert::Infallible;
use std::pin::pin;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, STRICT_TRANSPORT_SECURITY};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use super::arriving::Arriving;
use super::serving::{Serving, stopped, with_host_checked};
use super::timed::{Phase, Timed};
use crate::config::Limits;
use crate::http::{Answers, Peer, TransportRefusal};

/// How many headers hyper reads without an allocation; it wants to be told of a higher limit.
const HYPER_HEADERS: usize = 100;

/// The protocol with its limits.
pub(super) fn protocol(limits: &Limits) -> Builder {
    let mut http = Builder::new();
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

/// Serves HTTP/1.1.
pub(super) async fn connection<S, A>(
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
