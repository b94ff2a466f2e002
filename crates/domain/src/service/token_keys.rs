//! Keys for tokens of a Relying Party, ready to use. What a token looks like is the wire's business.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use parking_lot::Mutex;
use webauthn::base64url;

use crate::model::clock::Timestamp;
use crate::model::token::{MacKind, TokenKey, TokenKind};
use crate::service::key_ring::{KeyRing, MAC_KEY_LENGTH, RingKey};
use crate::service::sealed::SealingKey;

/// Bytes of a coordinate on P-256.
const COORDINATE: usize = 32;

/// A key for message authentication codes with HMAC-SHA-512. It prints as a placeholder.
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Takes 64 random bytes as a key.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA512, secret))
    }

    /// The code of a text.
    pub fn sign(&self, text: &[u8]) -> [u8; MAC_KEY_LENGTH] {
        let mut code = [0; MAC_KEY_LENGTH];
        code.copy_from_slice(hmac::sign(&self.0, text).as_ref());
        code
    }

    /// Whether this is the code of the text. It takes the same time for every wrong one.
    pub fn verifies(&self, text: &[u8], code: &[u8]) -> bool {
        hmac::verify(&self.0, text, code).is_ok()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// A key pair for ECDSA on P-256 with SHA-256. It prints as a placeholder.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    x: String,
    y: String,
    thumbprint: String,
}

impl SigningKey {
    /// Reads a key pair; `None` when the bytes are none on P-256.
    pub fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).ok()?;
        // Uncompressed: 4, then both coordinates.
        let point = pair.public_key().as_ref().get(1..)?;
        let (x, y) = point.split_at_checked(COORDINATE)?;
        let (x, y) = (base64url::encode(x), base64url::encode(y));
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = base64url::encode(digest(&SHA256, members.as_bytes()).as_ref());
        Some(Self {
            pair,
            x,
            y,
            thumbprint,
        })
    }

    /// The x coordinate of the public key, as base64url.
    pub fn x(&self) -> &str {
        &self.x
    }

    /// The y coordinate of the public key, as base64url.
    pub fn y(&self) -> &str {
        &self.y
    }

    /// The thumbprint of the public key (RFC 7638), as base64url.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The signature of a text: r and s (RFC 7518 section 3.4). `None` when the library cannot sign.
    pub fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the library signs with its own generator only, which is the operating system's"
        )]
        let random = SystemRandom::new();
        let signature = self.pair.sign(&random, text).ok()?;
        Some(signature.as_ref().to_vec())
    }

    /// Whether this is a signature of the text.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref())
            .verify(text, signature)
            .is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// The keys of a ring, ready to use, the newest first.
pub(crate) struct Ready<K> {
    keys: Vec<ReadyKey<K>>,
    /// When they were read.
    read: Timestamp,
}

struct ReadyKey<K> {
    signs_from: Timestamp,
    ends: Option<Timestamp>,
    key: Arc<K>,
}

impl<K> Ready<K> {
    /// Makes the keys of a ring ready; `None` when one is none of this kind.
    pub(crate) fn of(
        ring: &KeyRing,
        read: Timestamp,
        make: fn(&TokenKey) -> Option<K>,
    ) -> Option<Self> {
        let ready = |key: &RingKey| {
            Some(ReadyKey {
                signs_from: key.signs_from,
                ends: key.ends,
                key: Arc::new(make(&key.key)?),
            })
        };
        let keys: Option<Vec<_>> = ring.keys.iter().map(ready).collect();
        Some(Self { keys: keys?, read })
    }

    /// The key that makes tokens at this moment: the newest that has begun, or else the oldest.
    pub(crate) fn maker(&self, now: Timestamp) -> Option<Arc<K>> {
        let begun = self.keys.iter().find(|key| key.signs_from <= now);
        begun.or(self.keys.last()).map(|key| Arc::clone(&key.key))
    }

    /// The keys whose tokens are accepted at this moment.
    pub(crate) fn accepted(&self, now: Timestamp) -> impl Iterator<Item = &Arc<K>> {
        let ends = move |key: &&ReadyKey<K>| key.ends.is_none_or(|ends| now < ends);
        self.keys.iter().filter(ends).map(|key| &key.key)
    }

    /// Whether they were read less than so many milliseconds ago. A clock that was set back makes them old.
    pub(crate) fn is_younger(&self, now: Timestamp, millis: i64) -> bool {
        (0..millis).contains(&now.0.saturating_sub(self.read.0))
    }
}

/// The keys of a kind, if they were read.
pub(crate) struct Slot<K>(Mutex<Option<Arc<Ready<K>>>>);

impl<K> Default for Slot<K> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<K> Slot<K> {
    pub(crate) fn get(&self) -> Option<Arc<Ready<K>>> {
        self.0.lock().clone()
    }

    pub(crate) fn put(&self, ready: Ready<K>) -> Arc<Ready<K>> {
        let ready = Arc::new(ready);
        *self.0.lock() = Some(Arc::clone(&ready));
        ready
    }

    fn forget(&self) {
        *self.0.lock() = None;
    }
}

/// The token keys of a Relying Party, as far as they were asked for.
#[derive(Default)]
pub(crate) struct TokenKeys {
    access: Slot<MacKey>,
    intent: Slot<MacKey>,
    status: Slot<MacKey>,
    transaction: Slot<MacKey>,
    pub(crate) signing: Slot<SigningKey>,
    pub(crate) sealing: Slot<SealingKey>,
}

impl TokenKeys {
    pub(crate) fn mac(&self, kind: MacKind) -> &Slot<MacKey> {
        match kind {
            MacKind::Access => &self.access,
            MacKind::Intent => &self.intent,
            MacKind::Status => &self.status,
            MacKind::Transaction => &self.transaction,
        }
    }

    /// Forgets the keys of a kind, so that they are read again.
    pub(crate) fn forget(&self, kind: TokenKind) {
        match kind {
            TokenKind::Access => self.access.forget(),
            TokenKind::Intent => self.intent.forget(),
            TokenKind::Status => self.status.forget(),
            TokenKind::Transaction => self.transaction.forget(),
            TokenKind::Signing => self.signing.forget(),
            TokenKind::Sealing => self.sealing.forget(),
        }
    }
}
