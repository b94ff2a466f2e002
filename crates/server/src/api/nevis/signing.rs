//! Tokens with a signature that others can verify: ES256 (RFC 7518 section 3.4). Only transaction tokens have this form, and
//! only where a Relying Party asks for it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use domain::webauthn::base64url;
use serde_json::{Value, json};

use super::claims::Claims;

/// Bytes of a coordinate on P-256.
const COORDINATE: usize = 32;

/// The key pair of a Relying Party. It prints as a placeholder.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    x: String,
    y: String,
}

impl SigningKey {
    /// Reads a key pair; `None` when the bytes are none on P-256.
    pub fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).ok()?;
        // Uncompressed: 4, then both coordinates.
        let point = pair.public_key().as_ref().get(1..)?;
        let (x, y) = point.split_at_checked(COORDINATE)?;
        let (x, y) = (base64url::encode(x), base64url::encode(y));
        Some(Self { pair, x, y })
    }

    /// The public key (RFC 7517).
    pub fn public(&self) -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "kid": self.id(), "x": self.x, "y": self.y,
        })
    }

    /// The token with these claims; `None` when the library cannot sign.
    pub fn sign(&self, claims: &Claims) -> Option<String> {
        let payload = serde_json::to_vec(claims).ok()?;
        let signed = format!("{}.{}", self.header(), base64url::encode(&payload));
        #[expect(
            clippy::disallowed_methods,
            reason = "the library signs with its own generator only, which is the operating system's"
        )]
        let random = SystemRandom::new();
        let signature = self.pair.sign(&random, signed.as_bytes()).ok()?;
        Some(format!(
            "{signed}.{}",
            base64url::encode(signature.as_ref())
        ))
    }

    /// Whether the text before the last full stop was signed with this key: its header must be this key's, to the byte.
    pub fn verifies(&self, signed: &str, signature: &[u8]) -> bool {
        let header = signed.split('.').next().unwrap_or_default();
        header == self.header()
            && UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref())
                .verify(signed.as_bytes(), signature)
                .is_ok()
    }

    fn header(&self) -> String {
        base64url::encode(format!(r#"{{"alg":"ES256","kid":"{}"}}"#, self.id()).as_bytes())
    }

    /// The thumbprint of the public key (RFC 7638).
    fn id(&self) -> String {
        let (x, y) = (&self.x, &self.y);
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        base64url::encode(digest(&SHA256, members.as_bytes()).as_ref())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}
