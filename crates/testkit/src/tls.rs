//! What a TLS server on this machine needs, under a root of its own.

use crate::algorithm::Algorithm;
use crate::certificate::{Authority, COMMON_NAME, Leaf, host_name, name};
use crate::error::Error;
use crate::key::Key;
use crate::lies::Lies;
use crate::profile::Chain;

/// The identity of a TLS server.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    /// Its certificates, the leaf first, DER.
    pub certificates: Vec<Vec<u8>>,
    /// The private key of the leaf, PKCS #8 in DER.
    pub private_key: Vec<u8>,
    /// The root that the certificates lead to, DER.
    pub root: Vec<u8>,
}

impl TlsIdentity {
    /// One for the DNS name `host`, on P-256.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn new(host: &str) -> Result<Self, Error> {
        let chain = Chain::default();
        let authority = Authority::found(&chain)?;
        let key = Key::generate(Algorithm::ES256)?;
        let leaf = Leaf {
            subject: name(&[(COMMON_NAME, host)]),
            extended_key_usage: vec!["1.3.6.1.5.5.7.3.1"],
            extensions: vec![host_name(host)],
        };
        Ok(Self {
            certificates: authority.certify(&key, &leaf, &chain, &Lies::default())?,
            private_key: key.pkcs8()?,
            root: authority.root().to_vec(),
        })
    }
}
