//! A call of a server on this machine, as its settings say it listens: with the header of a proxy, and over TLS. Nobody else can be asked, so
//! neither the name of the server has to be known to DNS, nor its certificate to any root.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::HOST;
use axum::http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::OutboundError;
use crate::http::client::TrustedProxies;

/// Time for the whole call.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of the response.
const MOST: usize = 1 << 16;
/// What a proxy says that speaks for itself (PROXY protocol, version 1).
const FOR_ITSELF: &[u8] = b"PROXY UNKNOWN\r\n";

/// How a server of this machine is called.
#[derive(Debug)]
pub(crate) struct Own {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What clients call it: the host of its public URL, or its address.
    pub(crate) host: String,
    /// The proxies whose connections begin with a header, if there are such.
    pub(crate) proxies: Option<TrustedProxies>,
    /// The certificates that it may present, if it speaks TLS.
    pub(crate) certificates: Option<Vec<Vec<u8>>>,
    /// Whether it may present another one, because the certificates are so new that it need not have read them.
    pub(crate) any_certificate: bool,
}

impl Own {
    /// GET.
    ///
    /// # Errors
    /// [`OutboundError`]; a status is none.
    pub(crate) async fn get(self, path: &str) -> Result<Response<Bytes>, OutboundError> {
        tokio::time::timeout(TIME, self.call(path))
            .await
            .map_err(|_| OutboundError::TooSlow(TIME.as_secs()))?
    }

    async fn call(self, path: &str) -> Result<Response<Bytes>, OutboundError> {
        let unreached = |error: std::io::Error| OutboundError::Connection(error.to_string());
        #[expect(clippy::disallowed_methods, reason = "an address of this machine")]
        let mut stream = TcpStream::connect(self.address).await.map_err(unreached)?;
        let source = stream.local_addr().map_err(unreached)?.ip();
        if self.proxies.is_some_and(|proxies| proxies.contains(source)) {
            stream.write_all(FOR_ITSELF).await.map_err(unreached)?;
        }
        let Some(certificates) = self.certificates else {
            return exchange(stream, &self.host, path).await;
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let known = Known {
            provider: Arc::clone(&provider),
            certificates,
            any: self.any_certificate,
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(known))
            .with_no_client_auth();
        let name = ServerName::try_from(self.host.clone())
            .unwrap_or_else(|_| ServerName::from(self.address.ip()));
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(unreached)?;
        exchange(stream, &self.host, path).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    path: &str,
) -> Result<Response<Bytes>, OutboundError> {
    let failed = |error: hyper::Error| OutboundError::Http(error.to_string());
    #[expect(clippy::disallowed_methods, reason = "an address of this machine")]
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(HOST, host)
        .body(Full::<Bytes>::default())
        .map_err(|_| OutboundError::Address("it cannot be asked for"))?;
    let (parts, body) = sender
        .send_request(request)
        .await
        .map_err(failed)?
        .into_parts();
    let body = Limited::new(body, MOST).collect().await;
    let body = body.map_err(|_| OutboundError::Broken)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// Accepts a server that has the key of one of these certificates.
#[derive(Debug)]
struct Known {
    provider: Arc<CryptoProvider>,
    certificates: Vec<Vec<u8>>,
    any: bool,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = end_entity.as_ref();
        if self.any || self.certificates.iter().any(|known| known == found) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(
            "the server has another certificate than the settings: it has not read the new one, or another server listens here"
                .to_owned(),
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
