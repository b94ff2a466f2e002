//! How connections to the database are made: in the clear on this machine, and by TLS to a server that proves its name.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_postgres_rustls::MakeRustlsConnect;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::address::{Encryption, PostgresUrl};
use super::error::PostgresError;
use super::pool::Pool;

/// The connections to a database. None is opened yet.
pub(super) fn connect(url: &PostgresUrl) -> Result<Pool, PostgresError> {
    Ok(Pool::new(url, connector(url)?)?)
}

/// What connections are encrypted with, if they are.
fn connector(url: &PostgresUrl) -> Result<Option<MakeRustlsConnect>, PostgresError> {
    if url.encryption == Encryption::Off {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    match &url.roots {
        None => {
            roots.add_parsable_certificates(TLS_SERVER_ROOT_CERTS.iter().cloned());
        }
        Some(file) => {
            let unreadable = || PostgresError::Certificates { file: file.clone() };
            let certificates = CertificateDer::pem_file_iter(file).map_err(|_| unreadable())?;
            for certificate in certificates {
                let certificate = certificate.map_err(|_| unreadable())?;
                roots.add(certificate).map_err(|_| unreadable())?;
            }
            if roots.is_empty() {
                return Err(unreadable());
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| PostgresError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}
