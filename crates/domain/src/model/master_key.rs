//! The master key of an installation: it wraps the [store key](crate::service::vault), and is never in the store.

use std::fmt;

use aws_lc_rs::hmac;
use webauthn::base64url;
use zeroize::Zeroizing;

use crate::model::clock::Randomness;

/// Bytes of a master key.
pub const LENGTH: usize = 32;

/// 32 random bytes. They are wiped when dropped, and print as a placeholder.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; LENGTH]>);

impl MasterKey {
    /// Draws a key.
    pub fn random(randomness: &dyn Randomness) -> Self {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        randomness.fill(&mut *bytes);
        Self(bytes)
    }

    /// Reads a key as text: 64 hex digits, or base64 of 32 bytes. White space around it is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = if let Ok(bytes) = hex::decode(text) {
            bytes
        } else {
            let plain = text.trim_end_matches('=');
            let plain = Zeroizing::new(plain.replace('+', "-").replace('/', "_"));
            base64url::decode(&plain).ok()?
        };
        let bytes = Zeroizing::new(bytes);
        Self::from_bytes(&bytes)
    }

    /// The key as text: 64 hex digits.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// Takes 32 bytes as a key.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// A name of the key, which tells nothing about it.
    pub fn id(&self) -> MasterKeyId {
        let mut id = [0; 4];
        id.copy_from_slice(&self.derive(b"passkeyd master key id v1")[..4]);
        MasterKeyId(id)
    }

    /// A key for one purpose, which its name says.
    pub(crate) fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; LENGTH]> {
        let base = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let mut derived = Zeroizing::new([0; LENGTH]);
        derived.copy_from_slice(hmac::sign(&base, purpose).as_ref());
        derived
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The name of a [`MasterKey`]: 8 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterKeyId(pub [u8; 4]);

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The master keys that a process has.
#[derive(Clone, Debug)]
pub struct MasterKeys {
    /// The present one.
    pub current: MasterKey,
    /// The one before, while it is being replaced.
    pub previous: Option<MasterKey>,
}

impl MasterKeys {
    /// The key with this name.
    pub(crate) fn named(&self, id: MasterKeyId) -> Option<&MasterKey> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::SystemRandomness;

    #[test]
    fn a_master_key_reads_back_from_its_text_and_prints_as_a_placeholder() {
        let key = MasterKey::random(&SystemRandomness);
        let text = key.reveal();
        assert_eq!(text.len(), 64);
        for form in [
            text.to_string(),
            format!("  {}\n", *text),
            base64url::encode(&*key.0),
            // What `openssl rand -base64 32` prints.
            format!(
                "{}=\n",
                base64url::encode(&*key.0)
                    .replace('-', "+")
                    .replace('_', "/")
            ),
        ] {
            let read = MasterKey::parse(&form).unwrap();
            assert_eq!(read.id(), key.id());
            assert_eq!(*read.0, *key.0);
        }
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
        assert!(!text.contains(&key.id().to_string()));
    }

    #[test]
    fn a_text_of_another_length_is_no_master_key() {
        let text = MasterKey::random(&SystemRandomness).reveal();
        for wrong in [
            "",
            "secret",
            &text[1..],
            &text[..63],
            &text[..62],
            &format!("{}00", *text),
        ] {
            assert!(MasterKey::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn each_purpose_and_each_key_has_a_derived_key_of_its_own() {
        let (one, other) = (
            MasterKey::random(&SystemRandomness),
            MasterKey::random(&SystemRandomness),
        );
        assert_ne!(*one.derive(b"a"), *one.derive(b"b"));
        assert_ne!(*one.derive(b"a"), *other.derive(b"a"));
        assert_ne!(one.id(), other.id());
    }
}
