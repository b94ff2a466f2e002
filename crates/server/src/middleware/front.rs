//! The front: limits of a request, its log line, and the catching of panics.
//!
//! It runs after routing, so it knows the route's template and never has to log a path, which may hold
//! a user's name.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::BytesMut;
use domain::Reason;
use domain::model::clock::Randomness;
use http_body_util::BodyExt as _;

use crate::api::RefusalInfo;
use crate::api::fido;
use crate::api::manage::reads_its_body;
use crate::api::nevis::error as nevis;
use crate::api::twilio::error as twilio;
use crate::app::PublicUrl;
use crate::config::Limits;
use crate::middleware::request_id::{self, REQUEST_ID, RequestIds};

/// Why a request is refused before any wire has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportRefusal {
    /// No `Host` header, more than one, or one that names no host: 400 (RFC 9112, section 3.2).
    HostInvalid,
    /// More headers than allowed: 431.
    TooManyHeaders,
    /// The body is longer than allowed: 413.
    BodyTooLarge,
    /// The body is compressed: 415.
    BodyEncoded,
    /// The body did not come in time: 408.
    BodyTooSlow,
    /// The body broke off or is not framed as HTTP demands: 400.
    BodyBroken,
    /// The handler panicked: 500.
    Panicked,
}

impl TransportRefusal {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyEncoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::HostInvalid | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostInvalid => "host_invalid",
            Self::TooManyHeaders => "too_many_headers",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyEncoded => "content_encoding_not_supported",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyBroken => "body_broken",
            Self::Panicked => "internal",
        }
    }

    /// A sentence for the client.
    pub fn message(self) -> &'static str {
        match self {
            Self::HostInvalid => "The request needs exactly one valid Host header.",
            Self::TooManyHeaders => "The request has too many headers.",
            Self::BodyTooLarge => "The body is too large.",
            Self::BodyEncoded => "Compressed bodies are not accepted.",
            Self::BodyTooSlow | Self::BodyBroken => "The body did not arrive completely.",
            Self::Panicked => Reason::Internal.what(),
        }
    }

    /// Whether the rest of the request is still on its way, so that the connection cannot be used
    /// again.
    fn ends_connection(self) -> bool {
        self != Self::Panicked
    }
}

/// What the front needs to know.
#[derive(Clone, Debug)]
pub struct Front(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    header_count: usize,
    body_bytes: usize,
    browser_body_bytes: usize,
    body_time: Duration,
    public_url: Arc<PublicUrl>,
    ids: RequestIds,
}

impl Front {
    /// The front with these limits.
    pub fn new(limits: &Limits, public_url: Arc<PublicUrl>, randomness: &dyn Randomness) -> Self {
        Self(Arc::new(Shared {
            header_count: limits.header_count,
            body_bytes: limits.body_bytes,
            browser_body_bytes: limits.browser_body_bytes,
            body_time: Duration::from_secs(limits.body_read_seconds),
            public_url,
            ids: RequestIds::new(randomness),
        }))
    }
}

/// Whose words a refusal of the transport is told in, and which limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Twilio,
    Nevis,
    Fido,
    Manage,
    Browser,
}

impl Audience {
    fn of(path: &str) -> Self {
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below("/v2") {
            Self::Twilio
        } else if below("/api/v1") || below("/_app") {
            Self::Nevis
        } else if below("/nevisfido") || below("/attestation") || below("/assertion") {
            Self::Fido
        } else if below("/manage") {
            Self::Manage
        } else {
            Self::Browser
        }
    }
}

/// The middleware.
pub async fn guard(State(Front(front)): State<Front>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let audience = Audience::of(uri.path());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let own_body = route
        .as_ref()
        .is_some_and(|route| reads_its_body(&method, route.as_str()));
    let id = front.ids.next();
    let answer = pin!(async {
        match front.admit(audience, own_body, request).await {
            Ok(request) => match catch_panic(next.run(request)).await {
                Ok(response) => response,
                Err(payload) => {
                    // The payload may hold what the client sent; the hook has logged the place.
                    drop(payload);
                    front.refuse(audience, uri.path(), TransportRefusal::Panicked)
                }
            },
            Err(refusal) => front.refuse(audience, uri.path(), refusal),
        }
    });
    let mut response = request_id::scope(&id, answer).await;
    log(
        &method,
        route.as_ref().map_or("-", |r| r.as_str()),
        &response,
        &id,
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

impl Shared {
    /// Checks what can be checked without the wire, and reads the body unless the handler wants to do that itself.
    async fn admit(
        &self,
        audience: Audience,
        own_body: bool,
        request: Request,
    ) -> Result<Request, TransportRefusal> {
        let headers = request.headers();
        if headers.len() > self.header_count {
            return Err(TransportRefusal::TooManyHeaders);
        }
        // The transport judges it: a call from within the process has no connection and no host.
        if let Some(refusal) = request.extensions().get::<TransportRefusal>() {
            return Err(*refusal);
        }
        // A compressed body could be far longer than its limit once unpacked.
        if headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(TransportRefusal::BodyEncoded);
        }
        if own_body || request.body().is_end_stream() {
            return Ok(request);
        }
        let most = match audience {
            Audience::Twilio | Audience::Manage => self.body_bytes,
            Audience::Nevis | Audience::Fido | Audience::Browser => self.browser_body_bytes,
        };
        let (parts, body) = request.into_parts();
        let bytes = tokio::time::timeout(self.body_time, read(body, most))
            .await
            .map_err(|_| TransportRefusal::BodyTooSlow)??;
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }

    fn refuse(&self, audience: Audience, path: &str, refusal: TransportRefusal) -> Response {
        let mut response = match audience {
            Audience::Twilio => twilio::transport_refusal(
                match refusal {
                    TransportRefusal::HostInvalid => twilio::TransportRefusal::HostInvalid,
                    TransportRefusal::TooManyHeaders => twilio::TransportRefusal::HeadersTooLarge,
                    TransportRefusal::BodyTooLarge => twilio::TransportRefusal::TooLarge,
                    TransportRefusal::BodyEncoded => twilio::TransportRefusal::UnsupportedEncoding,
                    TransportRefusal::BodyTooSlow | TransportRefusal::BodyBroken => {
                        twilio::TransportRefusal::BodyUnreadable
                    }
                    TransportRefusal::Panicked => twilio::TransportRefusal::Internal,
                },
                &self.public_url,
            ),
            Audience::Nevis => nevis::transport_refusal(refusal.status(), refusal.message(), path),
            Audience::Fido => fido::transport_refusal(refusal.status(), refusal.message()),
            Audience::Manage | Audience::Browser => plain(refusal),
        };
        if refusal.ends_connection() {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(refusal);
        response
    }
}

fn plain(refusal: TransportRefusal) -> Response {
    let body = serde_json::json!({"error": refusal.name(), "request_id": request_id::current()})
        .to_string();
    (refusal.status(), [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Reads a whole body of at most `most` bytes. A body that comes in one piece is not copied.
pub(crate) async fn read(mut body: Body, most: usize) -> Result<Bytes, TransportRefusal> {
    if body.size_hint().lower() > most as u64 {
        return Err(TransportRefusal::BodyTooLarge);
    }
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| TransportRefusal::BodyBroken)?;
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.len() + pieces.len() + data.len() > most {
            return Err(TransportRefusal::BodyTooLarge);
        }
        if pieces.is_empty() && whole.is_empty() {
            whole = data;
            continue;
        }
        if pieces.is_empty() {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
        }
        pieces.extend_from_slice(&data);
    }
    Ok(if pieces.is_empty() {
        whole
    } else {
        pieces.freeze()
    })
}

/// Runs a future; a panic in it becomes a value.
async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| {
        // After a panic the future is dropped and not polled again, so nothing sees a state that
        // was left half-way.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}

fn log(method: &Method, route: &str, response: &Response, id: &HeaderValue) {
    let status = response.status();
    let request_id = id.to_str().unwrap_or_default();
    let info = response.extensions().get::<RefusalInfo>();
    // A wire may tell a refusal with a status that does not say so.
    if info.is_none() && !status.is_client_error() && !status.is_server_error() {
        tracing::debug!(%method, route, status = status.as_u16(), request_id, "answered");
        return;
    }
    let transport = response.extensions().get::<TransportRefusal>();
    let code = info.map(|info| info.code);
    let reason = info
        .and_then(|info| info.reason)
        .map(domain::Reason::name)
        .or_else(|| transport.map(|refusal| refusal.name()));
    if status.is_server_error() {
        tracing::error!(%method, route, status = status.as_u16(), code, reason, request_id, "failed");
    } else {
        tracing::info!(%method, route, status = status.as_u16(), code, reason, request_id, "refused");
    }
}

#[cfg(test)]
mod tests;
