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

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_ENCODING};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use domain::model::clock::Randomness;

use super::body::BodyLimit;
use super::refusal::{Plain, RefusalInfo, Refusals, TransportRefusal};
use super::request_id::{self, REQUEST_ID, RequestIds};

/// The paths of a wire. Its handlers read the bodies of their requests, since they know when the caller is authenticated; the
/// bodies of all other requests are read here.
#[derive(Clone, Debug)]
pub struct Area {
    /// What its paths begin with, as whole segments and without a slash at the end.
    pub prefixes: &'static [&'static str],
    /// How a refusal of the transport is worded there.
    pub words: Arc<dyn Refusals>,
}

impl Area {
    fn holds(&self, path: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// What the front needs to know.
#[derive(Clone, Debug)]
pub struct Front(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    header_count: usize,
    elsewhere: BodyLimit,
    areas: Vec<Area>,
    ids: RequestIds,
}

impl Front {
    /// The front of these areas. `header_count` is the most headers of a request, `elsewhere` the limit of bodies outside of all
    /// areas.
    pub fn new(
        header_count: usize,
        elsewhere: BodyLimit,
        areas: Vec<Area>,
        randomness: &dyn Randomness,
    ) -> Self {
        Self(Arc::new(Shared {
            header_count,
            elsewhere,
            areas,
            ids: RequestIds::new(randomness),
        }))
    }
}

/// The middleware.
pub async fn guard(State(Front(front)): State<Front>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let area = front.areas.iter().find(|area| area.holds(uri.path()));
    let words: &dyn Refusals = area.map_or(&Plain, |area| area.words.as_ref());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let id = front.ids.next();
    let answer = pin!(async {
        let refusal = match front.admit(area.is_some(), request).await {
            Ok(request) => match catch_panic(next.run(request)).await {
                Ok(response) => return response,
                Err(payload) => {
                    // The payload may hold what the client sent; the hook has logged the place.
                    drop(payload);
                    TransportRefusal::Panicked
                }
            },
            Err(refusal) => refusal,
        };
        let mut response = words.refusal(refusal, uri.path());
        response.extensions_mut().insert(refusal);
        response
    });
    let mut response = request_id::scope(&id, answer).await;
    log(
        &method,
        route.as_ref().map_or("-", |r| r.as_str()),
        &response,
        &id,
    );
    let refusal = response.extensions().get::<TransportRefusal>();
    let ends_connection = refusal.is_some_and(|refusal| refusal.ends_connection());
    let headers = response.headers_mut();
    if ends_connection {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(REQUEST_ID, id);
    response
}

impl Shared {
    /// Checks what can be checked without a wire. Outside of all areas it reads the body, too.
    async fn admit(&self, in_area: bool, request: Request) -> Result<Request, TransportRefusal> {
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
        if in_area {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        let bytes = self.elsewhere.read(body).await?;
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }
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
    // A node that is not ready says so to each probe; what is wrong is in the log already.
    if status.is_server_error() && route != "/readyz" {
        tracing::error!(%method, route, status = status.as_u16(), code, reason, request_id, "failed");
    } else {
        tracing::info!(%method, route, status = status.as_u16(), code, reason, request_id, "refused");
    }
}

#[cfg(test)]
mod tests;
