//! Fetching a BLOB: one GET over HTTP/1.1, bounded in size and time. What it brings is believed for its signature alone.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, ETAG, HOST, IF_NONE_MATCH, LOCATION, USER_AGENT};
use axum::http::uri::Scheme;
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use webauthn::metadata::MAX_BLOB;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::middleware::front::{self, TransportRefusal};

/// Time for one fetch, redirections and all.
const FETCH_TIME: Duration = Duration::from_mins(2);
/// Most redirections of one fetch.
const MAX_REDIRECTS: usize = 5;
/// What we call ourselves.
const AGENT: &str = concat!("passkeyd/", env!("CARGO_PKG_VERSION"));

/// Why a fetch brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The address is not one that we fetch from.
    #[error("{0}")]
    Address(&'static str),
    /// The service cannot be reached.
    #[error("the metadata service cannot be reached: {0}")]
    Connection(#[from] io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// What it says is not HTTP.
    #[error("the metadata service does not speak HTTP as it should: {0}")]
    Http(#[from] hyper::Error),
    /// It answered with something else than a BLOB.
    #[error("the metadata service answered with status {0}")]
    Status(u16),
    /// It sends us round in circles.
    #[error("the metadata service redirects more than {MAX_REDIRECTS} times, or to nowhere")]
    Redirects,
    /// The answer is larger than a BLOB may be.
    #[error("the answer has more than {MAX_BLOB} bytes")]
    TooLarge,
    /// The answer broke off.
    #[error("the answer broke off")]
    Broken,
    /// It took too long.
    #[error("the fetch took longer than {} seconds", FETCH_TIME.as_secs())]
    TooSlow,
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

/// Whether metadata can be fetched from this address: `https`, or `http` on this machine.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_url(url: &str) -> Result<Uri, FetchError> {
    let address = FetchError::Address;
    let uri: Uri = url.parse().map_err(|_| {
        address("it is not a URL; expected for example https://mds3.fidoalliance.org/")
    })?;
    check(&uri)?;
    Ok(uri)
}

fn check(uri: &Uri) -> Result<(), FetchError> {
    let address = FetchError::Address;
    let authority = uri.authority().ok_or(address("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(address("it holds a user name"));
    }
    if uri.scheme() == Some(&Scheme::HTTPS) {
        return Ok(());
    }
    let host = host(uri);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if uri.scheme() == Some(&Scheme::HTTP) && here {
        return Ok(());
    }
    Err(address(
        "it begins neither with https:// nor, on this machine, with http://",
    ))
}

/// The host without the brackets of an IPv6 address.
fn host(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Fetches from one address, and remembers what it has.
pub(super) struct Fetcher {
    url: Uri,
    tls: Option<TlsConnector>,
    etag: Option<HeaderValue>,
}

impl Fetcher {
    /// For this address.
    pub(super) fn new(url: &str) -> Result<Self, FetchError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
        Self::trusting(url, roots)
    }

    /// The same with other roots for TLS.
    pub(super) fn trusting(url: &str, roots: RootCertStore) -> Result<Self, FetchError> {
        let url = check_url(url)?;
        // Without TLS there is nothing to redirect to it, and a few hundred certificates are not read.
        let tls = if url.scheme() == Some(&Scheme::HTTPS) {
            let provider = Arc::new(aws_lc_rs::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Some(TlsConnector::from(Arc::new(config)))
        } else {
            None
        };
        Ok(Self {
            url,
            tls,
            etag: None,
        })
    }

    /// From now on asks for something newer than what came with this.
    pub(super) fn remember(&mut self, etag: Option<HeaderValue>) {
        self.etag = etag;
    }

    /// Asks the service once.
    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        tokio::time::timeout(FETCH_TIME, self.follow())
            .await
            .map_err(|_| FetchError::TooSlow)?
    }

    async fn follow(&self) -> Result<Fetched, FetchError> {
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            // Ends the connection when it is dropped.
            let mut connection = JoinSet::new();
            let response = self.ask(&url, &mut connection).await?;
            let location = response.headers().get(LOCATION);
            match response.status() {
                StatusCode::OK => return brought(response).await,
                StatusCode::NOT_MODIFIED if self.etag.is_some() => return Ok(Fetched::NotModified),
                status if status.is_redirection() && location.is_some() => {
                    url = location
                        .and_then(|location| redirected(&url, location))
                        .ok_or(FetchError::Redirects)?;
                    check(&url)?;
                }
                other => return Err(FetchError::Status(other.as_u16())),
            }
        }
        Err(FetchError::Redirects)
    }

    async fn ask(
        &self,
        url: &Uri,
        connection: &mut JoinSet<()>,
    ) -> Result<Response<Incoming>, FetchError> {
        let host = host(url);
        let secure = url.scheme() == Some(&Scheme::HTTPS);
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        let mut request = Request::get(url.path_and_query().map_or("/", |path| path.as_str()))
            .header(
                HOST,
                url.authority().map_or(host, |authority| authority.as_str()),
            )
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, AGENT);
        if let Some(etag) = &self.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let request = request
            .body(Body::empty())
            .map_err(|_| FetchError::Address("it cannot be asked for"))?;
        if !secure {
            return send(stream, request, connection).await;
        }
        let tls = self.tls.as_ref().ok_or(FetchError::Address(
            "a redirection leads from http to https",
        ))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            FetchError::Address("its host is no name that a certificate could have")
        })?;
        send(tls.connect(name, stream).await?, request, connection).await
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Body>,
    connection: &mut JoinSet<()>,
) -> Result<Response<Incoming>, FetchError> {
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    connection.spawn(async move {
        // What goes wrong here, the request or its answer sees too.
        let _ = driver.await;
    });
    Ok(sender.send_request(request).await?)
}

async fn brought(response: Response<Incoming>) -> Result<Fetched, FetchError> {
    let etag = response.headers().get(ETAG).cloned();
    let blob = front::read(Body::new(response.into_body()), MAX_BLOB)
        .await
        .map_err(|refusal| match refusal {
            TransportRefusal::BodyTooLarge => FetchError::TooLarge,
            _ => FetchError::Broken,
        })?;
    Ok(Fetched::New { blob, etag })
}

/// Where a redirection leads: to another address, or to another path of the same one.
fn redirected(from: &Uri, location: &HeaderValue) -> Option<Uri> {
    let to: Uri = location.to_str().ok()?.parse().ok()?;
    if to.scheme().is_some() {
        return Some(to);
    }
    let path = to
        .path_and_query()
        .filter(|path| path.as_str().starts_with('/'));
    Uri::builder()
        .scheme(from.scheme()?.clone())
        .authority(from.authority()?.clone())
        .path_and_query(path?.clone())
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use testkit::TlsIdentity;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// A server on this machine that answers requests over TLS; its port.
    async fn serve(identity: &TlsIdentity) -> u16 {
        let chain = identity.certificates.iter().map(|one| one.clone().into());
        let key = PrivateKeyDer::Pkcs8(identity.private_key.clone().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.collect(), key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nblob";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        port
    }

    fn roots(identity: &TlsIdentity) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(identity.root.clone().into()).unwrap();
        roots
    }

    #[tokio::test]
    async fn over_https_the_server_must_be_who_the_address_says() {
        let identity = TlsIdentity::new("localhost").unwrap();
        let port = serve(&identity).await;
        let url = format!("https://localhost:{port}/");
        let fetcher = Fetcher::trusting(&url, roots(&identity)).unwrap();
        let Ok(Fetched::New { blob, etag }) = fetcher.fetch().await else {
            panic!("no answer");
        };
        assert_eq!((&*blob, etag), (&b"blob"[..], None));

        let elsewhere = format!("https://127.0.0.1:{port}/");
        let other = TlsIdentity::new("localhost").unwrap();
        for fetcher in [
            Fetcher::trusting(&elsewhere, roots(&identity)),
            Fetcher::trusting(&url, roots(&other)),
            Fetcher::new(&url),
        ] {
            let refused = fetcher.unwrap().fetch().await;
            assert!(
                matches!(&refused, Err(FetchError::Connection(error)) if error.to_string().contains("certificate")),
                "{refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_service_that_is_not_there_or_speaks_no_tls_cannot_be_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fetcher = Fetcher::new(&format!("https://127.0.0.1:{port}/")).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        });
        for _ in 0..2 {
            let refused = fetcher.fetch().await;
            assert!(
                matches!(refused, Err(FetchError::Connection(_))),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn a_redirection_leads_to_an_address_or_to_a_path() {
        let from: Uri = "https://mds.example:8443/a?b=c".parse().unwrap();
        let to = |location: &'static str| {
            redirected(&from, &HeaderValue::from_static(location)).map(|uri| uri.to_string())
        };
        assert_eq!(
            to("/x?y=z").as_deref(),
            Some("https://mds.example:8443/x?y=z")
        );
        assert_eq!(
            to("http://other.example/").as_deref(),
            Some("http://other.example/")
        );
        assert_eq!(to("x"), None);
        assert_eq!(to(""), None);
    }
}
