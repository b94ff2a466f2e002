//! Tokens with a signature that others can verify: ES256 (RFC 7518 section 3.4). Only transaction tokens have this form, and
//! only where a Relying Party asks for it.

use domain::service::token_keys::SigningKey;
use domain::webauthn::base64url;
use serde_json::{Value, json};

use super::claims::Claims;

/// The public key (RFC 7517).
pub fn public(key: &SigningKey) -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
        "kid": key.thumbprint(), "x": key.x(), "y": key.y(),
    })
}

/// The token with these claims; `None` when the library cannot sign.
pub fn sign(key: &SigningKey, claims: &Claims) -> Option<String> {
    let payload = serde_json::to_vec(claims).ok()?;
    let signed = format!("{}.{}", header(key), base64url::encode(&payload));
    let signature = key.sign(signed.as_bytes())?;
    Some(format!("{signed}.{}", base64url::encode(&signature)))
}

/// Whether the text before the last full stop was signed with this key: its header must be this key's, to the byte.
pub fn verifies(key: &SigningKey, signed: &str, signature: &[u8]) -> bool {
    signed.split('.').next().unwrap_or_default() == header(key)
        && key.verifies(signed.as_bytes(), signature)
}

fn header(key: &SigningKey) -> String {
    let kid = key.thumbprint();
    base64url::encode(format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#).as_bytes())
}
