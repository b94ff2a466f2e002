//! Public keys as credential records hold them, with what the first verification made of them.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::{CoseKeyError, PublicKey};
use crate::signature::Ready;

/// The public key of a credential record: its COSE bytes as they were received at registration (WebAuthn 4, "credential record").
///
/// The first verification reads and prepares the key. Clones share that, so a record that stays in memory is read once.
#[derive(Clone)]
pub struct StoredKey(Arc<Inner>);

struct Inner {
    bytes: Box<[u8]>,
    loaded: OnceLock<Result<Loaded, CoseKeyError>>,
}

/// A key that was read, ready to verify with.
pub(crate) struct Loaded {
    pub(crate) key: PublicKey,
    pub(crate) ready: Ready,
}

impl StoredKey {
    /// A key of these bytes. They are read when they are needed first.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(Arc::new(Inner {
            bytes: bytes.into(),
            loaded: OnceLock::new(),
        }))
    }

    /// The key, as [`PublicKey::load`] reads it without RS1.
    pub(crate) fn loaded(&self) -> Result<&Loaded, CoseKeyError> {
        let load = || {
            let key = PublicKey::load(&self.0.bytes, false)?;
            let ready = Ready::new(&key);
            Ok(Loaded { key, ready })
        };
        self.0
            .loaded
            .get_or_init(load)
            .as_ref()
            .map_err(Clone::clone)
    }
}

impl Deref for StoredKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl From<Vec<u8>> for StoredKey {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for StoredKey {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl PartialEq for StoredKey {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for StoredKey {}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({:02x?})", &**self)
    }
}
