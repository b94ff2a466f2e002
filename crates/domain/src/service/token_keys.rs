//! Keys for tokens of a Relying Party, ready to use. What a token looks like is the wire's business.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use tokio::sync::OnceCell;
use webauthn::base64url;

use crate::model::token::MacKind;
use crate::service::sealed::SealingKey;

/// Bytes of a key for message authentication codes: as long as the output of SHA-512 (RFC 7518 3.2).
pub(crate) const MAC_KEY_LENGTH: usize = 64;

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

/// The token keys of a Relying Party, as far as they were asked for.
#[derive(Default)]
pub(crate) struct TokenKeys {
    access: OnceCell<MacKey>,
    intent: OnceCell<MacKey>,
    status: OnceCell<MacKey>,
    transaction: OnceCell<MacKey>,
    pub(crate) signing: OnceCell<SigningKey>,
    pub(crate) sealing: OnceCell<SealingKey>,
}

impl TokenKeys {
    pub(crate) fn mac(&self, kind: MacKind) -> &OnceCell<MacKey> {
        match kind {
            MacKind::Access => &self.access,
            MacKind::Intent => &self.intent,
            MacKind::Status => &self.status,
            MacKind::Transaction => &self.transaction,
        }
    }
}
