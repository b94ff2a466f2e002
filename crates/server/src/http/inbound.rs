//! A request on its way into a wire.

use std::fmt;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::{HeaderMap, Method, Uri};
use parking_lot::Mutex;

use super::body::BodyLimit;
use super::refusal::TransportRefusal;

/// A request whose body has not been read.
pub struct Inbound {
    /// Its method.
    pub method: Method,
    /// Its target.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    path: RawPathParams,
    /// In a lock, because handlers share the request while they wait, and a body cannot be shared.
    body: Mutex<Body>,
    limit: BodyLimit,
}

/// A segment of the path is not UTF-8 once it is decoded, so the path names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathUndecodable;

impl Inbound {
    /// Takes a request apart. Its body, which is read later, may be as long as `limit` says.
    ///
    /// # Errors
    /// [`PathUndecodable`].
    pub async fn of(request: Request, limit: BodyLimit) -> Result<Self, PathUndecodable> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, &())
            .await
            .map_err(|_| PathUndecodable)?;
        Ok(Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            path,
            body: Mutex::new(body),
            limit,
        })
    }

    /// A decoded path segment by the name that the route gives it.
    pub fn segment(&self, name: &str) -> &str {
        self.path
            .iter()
            .find_map(|(n, value)| (n == name).then_some(value))
            .unwrap_or_default()
    }

    /// The query string as it came.
    pub fn query(&self) -> &[u8] {
        self.uri.query().unwrap_or_default().as_bytes()
    }

    /// The body, which can be read once; then it is empty.
    pub fn take_body(&self) -> Body {
        std::mem::take(&mut *self.body.lock())
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// The body is too large, too slow or broken.
    pub async fn read_body(&self) -> Result<Bytes, TransportRefusal> {
        let body = self.take_body();
        self.limit.read(body).await
    }
}

impl fmt::Debug for Inbound {
    /// The method alone: paths hold names, headers and bodies hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
