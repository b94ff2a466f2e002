//! TLS of a listener: its certificate, which can be replaced while connections are open, and the protocols that it offers.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::HeaderValue;
use domain::webauthn::x509;
use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::config::{self, ConfigError, invalid};

/// HTTP/2 as it is named in the handshake (RFC 7301, RFC 9113 section 3.1).
pub(super) const H2: &[u8] = b"h2";

/// TLS of listeners. Clones share the certificate.
#[derive(Clone, Debug)]
pub struct Tls {
    settings: Arc<ServerConfig>,
    current: Arc<Current>,
    watched: Arc<Mutex<Watched>>,
    hsts: Option<HeaderValue>,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

/// The files, as they were when they were read or looked at last.
#[derive(Debug)]
struct Watched {
    files: Files,
    read: Option<Stamp>,
    seen: Option<Stamp>,
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What changes when a file is written or replaced.
type Stamp = [(u64, i64, i64, u64); 2];

/// A certificate with its key, and when it ends.
#[derive(Debug)]
pub struct Loaded {
    key: CertifiedKey,
    /// The last second in which the certificate is valid, in Unix seconds, if it can be read.
    pub ends: Option<i64>,
}

impl Loaded {
    /// Whether clients accept the certificate for a host: a name, or an address.
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        let (Ok(leaf), Ok(name)) = (self.key.end_entity_cert(), ServerName::try_from(host)) else {
            return false;
        };
        ParsedCertificate::try_from(leaf).is_ok_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    }
}

impl Tls {
    /// TLS with the files of the settings; `None` if they name none.
    ///
    /// # Errors
    /// A file cannot be read, or the key is not that of the certificate.
    pub fn load(settings: &config::Tls) -> Result<Option<Self>, ConfigError> {
        let Some(files) = files(settings) else {
            return Ok(None);
        };
        let stamp = stamp(&files);
        let loaded = load(settings)?.map(|loaded| Arc::new(loaded.key));
        let Some(key) = loaded else {
            return Ok(None);
        };
        let current = Arc::new(Current(RwLock::new(key)));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(CERTIFICATE, format!("TLS cannot be used: {error}")))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Current>::clone(&current));
        tls.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self {
            settings: Arc::new(tls),
            current,
            watched: Arc::new(Mutex::new(Watched {
                files,
                read: stamp,
                seen: None,
            })),
            hsts: hsts(settings.hsts_seconds),
        }))
    }

    /// Reads the files of these settings, for new connections. Open connections keep the certificate that they have. Returns when the
    /// certificate ends.
    ///
    /// # Errors
    /// Those of [`Self::load`]; then nothing is changed.
    pub fn replace(&self, settings: &config::Tls) -> Result<Option<i64>, ConfigError> {
        let named = files(settings);
        let (Some(files), Some(loaded)) = (named, load(settings)?) else {
            return Err(invalid(CERTIFICATE, "TLS is turned off by a restart only"));
        };
        let mut watched = self.watched.lock();
        watched.read = stamp(&files);
        watched.seen = None;
        watched.files = files;
        *self.current.0.write() = Arc::new(loaded.key);
        Ok(loaded.ends)
    }

    /// Reads the files again if they have changed since, and not since the last look: a program that is still writing them is waited for.
    /// `None` if there is nothing to do. Returns when the certificate ends.
    pub fn look(&self) -> Option<Result<Option<i64>, ConfigError>> {
        let files = {
            let mut watched = self.watched.lock();
            let now = stamp(&watched.files);
            if now.is_none() || now == watched.read {
                watched.seen = None;
                return None;
            }
            if now != watched.seen {
                watched.seen = now;
                return None;
            }
            // Files that cannot be used are not read again before they change.
            watched.read = now;
            watched.files.clone()
        };
        Some(self.replace(&config::Tls {
            certificate_file: Some(files.certificate),
            key_file: Some(files.key),
            ..config::Tls::default()
        }))
    }

    /// Makes connections of streams.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.settings))
    }

    /// The header that tells browsers to come over TLS only (RFC 6797).
    pub(super) fn hsts(&self) -> Option<HeaderValue> {
        self.hsts.clone()
    }
}

fn hsts(seconds: u32) -> Option<HeaderValue> {
    (seconds > 0)
        .then(|| HeaderValue::try_from(format!("max-age={seconds}")).ok())
        .flatten()
}

const CERTIFICATE: &str = "tls.certificate_file";
const KEY: &str = "tls.key_file";

fn files(settings: &config::Tls) -> Option<Files> {
    Some(Files {
        certificate: settings.certificate_file.clone()?,
        key: settings.key_file.clone()?,
    })
}

fn stamp(files: &Files) -> Option<Stamp> {
    let of = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
    };
    Some([of(&files.certificate)?, of(&files.key)?])
}

/// The certificate and the key of the settings; `None` if they name none.
///
/// # Errors
/// A file cannot be read, or the key is not that of the certificate.
pub fn load(settings: &config::Tls) -> Result<Option<Loaded>, ConfigError> {
    let Some(files) = files(settings) else {
        return Ok(None);
    };
    let text = read(CERTIFICATE, &files.certificate)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(CERTIFICATE, format!("it is not a PEM file: {error}")))?;
    let Some(leaf) = chain.first() else {
        return Err(invalid(CERTIFICATE, "it holds no certificate"));
    };
    let ends = x509::last_second(leaf).map(|end| end.0);
    let text = read(KEY, &files.key)?;
    let key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| invalid(KEY, "it holds no private key in PEM"))?;
    let key =
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| {
            if error == rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch) {
                return invalid(
                    KEY,
                    format!("it is not the key of the certificate in `{CERTIFICATE}`"),
                );
            }
            // The error never holds a part of the key.
            invalid(
                KEY,
                format!("it cannot be used with `{CERTIFICATE}`: {error}"),
            )
        })?;
    Ok(Some(Loaded { key, ends }))
}

fn read(key: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| invalid(key, format!("cannot read {}: {error}", path.display())))
}
