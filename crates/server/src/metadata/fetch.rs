//! Fetching a BLOB: one GET, limited in size and time. It is trusted for its signature alone, not for where it came from.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::ETAG;
use axum::http::{HeaderValue, StatusCode, Uri};
use rustls::RootCertStore;
use webauthn::metadata::MAX_BLOB;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::outbound::{self, Client, Limits, OutboundError};

/// What one fetch may take.
const LIMITS: Limits = Limits {
    time: Duration::from_mins(2),
    body: MAX_BLOB,
    redirects: 5,
    idle: Duration::ZERO,
};

/// Why a fetch brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// There is no response.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The response is something else than a BLOB.
    #[error("the metadata service answered with status {0}")]
    Status(u16),
}

/// What a fetch brought.
#[derive(Debug)]
pub(super) enum Fetched {
    /// A BLOB, perhaps.
    New {
        /// Its bytes.
        blob: Bytes,
        /// By which to ask whether it is still the newest.
        etag: Option<HeaderValue>,
    },
    /// Nothing newer than what was remembered.
    NotModified,
}

/// Fetches from one address, and remembers what it has.
pub(super) struct Fetcher {
    url: Uri,
    client: Client,
    etag: Option<HeaderValue>,
}

impl Fetcher {
    /// For this address.
    ///
    /// # Errors
    /// It is not one to fetch from, or TLS cannot be set up.
    pub(super) fn new(url: &str) -> Result<Self, OutboundError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
        Ok(Self {
            url: outbound::parse(url).map_err(OutboundError::Address)?,
            // The operator chose the address, and it may be a copy in the operator's own network.
            client: Client::new(roots, |_| true, LIMITS)?,
            etag: None,
        })
    }

    /// From now on asks for something newer than what came with this.
    pub(super) fn remember(&mut self, etag: Option<HeaderValue>) {
        self.etag = etag;
    }

    /// Asks the service once.
    ///
    /// # Errors
    /// There is no BLOB, and it is not that nothing is newer.
    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let response = self.client.get(&self.url, self.etag.as_ref()).await?;
        match response.status() {
            StatusCode::OK => Ok(Fetched::New {
                etag: response.headers().get(ETAG).cloned(),
                blob: response.into_body(),
            }),
            StatusCode::NOT_MODIFIED if self.etag.is_some() => Ok(Fetched::NotModified),
            other => Err(FetchError::Status(other.as_u16())),
        }
    }
}
