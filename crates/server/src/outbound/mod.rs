//! The one HTTP client of the process: limited in time, size and redirections, and only to addresses that its user allows.
//!
//! A rule about addresses holds when the connection is made, for each redirection again. A name whose addresses change between
//! a check and the connection therefore gains nothing.

mod address;
mod error;
mod own;
mod url;

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{ACCEPT, IF_NONE_MATCH, LOCATION, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Connections, Error as ConnectionError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

pub(crate) use address::REFUSED;
use address::{AddressRule, Resolver};
pub(crate) use error::OutboundError;
pub(crate) use own::Own;

use url::check;
pub(crate) use url::{is_here, parse};

/// What we call ourselves.
const AGENT: &str = concat!("passkeyd/", env!("CARGO_PKG_VERSION"));

/// How much one call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time, from the first connection to the last byte, all redirections included.
    pub(crate) time: Duration,
    /// Bytes of a response's body.
    pub(crate) body: usize,
    /// Redirections that are followed.
    pub(crate) redirects: usize,
    /// How long a connection waits for the next call to the same server. Zero: it is closed after its response.
    pub(crate) idle: Duration,
}

/// A client with its limits.
pub(crate) struct Client {
    connections: Connections<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    allowed: AddressRule,
    limits: Limits,
    /// Whether `http` may lead beyond this machine.
    plain: bool,
}

impl Client {
    /// A client that trusts these roots for TLS and connects to the addresses that `allowed` holds of.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn new(
        roots: RootCertStore,
        allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
        limits: Limits,
    ) -> Result<Self, OutboundError> {
        let allowed: AddressRule = Arc::new(allowed);
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new_with_resolver(Resolver::new(Arc::clone(&allowed)));
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        // At most one connection to a server waits. Its address was allowed when it was made, and rules do not change. A call that could not
        // be written, because the server had closed the connection meanwhile, is written to a new one.
        let kept = !limits.idle.is_zero();
        #[expect(clippy::disallowed_methods, reason = "the one HTTP client")]
        let connections = Connections::builder(TokioExecutor::new())
            .pool_max_idle_per_host(usize::from(kept))
            .pool_idle_timeout(limits.idle)
            .pool_timer(TokioTimer::new())
            .retry_canceled_requests(kept)
            .build(connector);
        Ok(Self {
            connections,
            allowed,
            limits,
            plain: false,
        })
    }

    /// The same client, which also calls `http` URLs of other machines: for an address that the operator chose, and no secret.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn with_plain_http(mut self) -> Self {
        self.plain = true;
        self
    }

    /// GET, with redirections followed. With the `ETag` of what is known already, the response may be 304.
    ///
    /// The body is read of a success only.
    ///
    /// # Errors
    /// Each [`OutboundError`]; a status is none.
    pub(crate) async fn get(
        &self,
        url: &Uri,
        known: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>, OutboundError> {
        let Limits { time, .. } = self.limits;
        tokio::time::timeout(time, self.follow(url.clone(), known))
            .await
            .map_err(|_| OutboundError::TooSlow(time.as_secs()))?
    }

    /// POST. Redirections are not followed, and nothing of the response's body is read.
    ///
    /// # Errors
    /// Each [`OutboundError`]; a status is none.
    pub(crate) async fn post(
        &self,
        url: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap), OutboundError> {
        let mut request = Request::post(url)
            .header(USER_AGENT, AGENT)
            .body(Full::new(body))
            .map_err(|_| OutboundError::Address("it cannot be called"))?;
        request.headers_mut().extend(headers);
        let Limits { time, .. } = self.limits;
        let (parts, _) = tokio::time::timeout(time, self.send(request))
            .await
            .map_err(|_| OutboundError::TooSlow(time.as_secs()))??
            .into_parts();
        Ok((parts.status, parts.headers))
    }

    async fn follow(
        &self,
        mut url: Uri,
        known: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>, OutboundError> {
        let Limits { redirects, .. } = self.limits;
        for _ in 0..=redirects {
            let mut request = Request::get(&url)
                .header(ACCEPT, "*/*")
                .header(USER_AGENT, AGENT);
            if let Some(etag) = known {
                request = request.header(IF_NONE_MATCH, etag);
            }
            let request = request
                .body(Full::default())
                .map_err(|_| OutboundError::Address("it cannot be asked for"))?;
            let response = self.send(request).await?;
            let status = response.status();
            let moved = status.is_redirection() && status != StatusCode::NOT_MODIFIED;
            match response.headers().get(LOCATION).filter(|_| moved) {
                None => return self.whole(response).await,
                Some(location) => {
                    url = url::redirected(&url, location)
                        .ok_or(OutboundError::Redirects(redirects))?;
                }
            }
        }
        Err(OutboundError::Redirects(redirects))
    }

    /// Sends one request, if its address may be called.
    async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, OutboundError> {
        check(request.uri(), self.plain).map_err(OutboundError::Address)?;
        // The connector resolves names, and an address in the URL is not a name.
        if url::literal(request.uri()).is_some_and(|address| !(self.allowed)(address)) {
            return Err(OutboundError::Address(address::REFUSED));
        }
        self.connections
            .request(request)
            .await
            .map_err(|error| failed(&error))
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Response<Bytes>, OutboundError> {
        let limit = self.limits.body;
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            return Ok(Response::from_parts(parts, Bytes::new()));
        }
        let too_large = OutboundError::TooLarge(limit);
        // A response that says so is not read up to the limit first.
        if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit) {
            return Err(too_large);
        }
        match Limited::new(body, limit).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large),
            Err(_) => Err(OutboundError::Broken),
        }
    }
}

/// What went wrong, in the words of the innermost error: those around it only say in which step.
fn failed(error: &ConnectionError) -> OutboundError {
    let mut innermost: &(dyn StdError + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let why = innermost.to_string();
    if error.is_connect() {
        OutboundError::Connection(why)
    } else {
        OutboundError::Http(why)
    }
}

#[cfg(test)]
mod tests;
