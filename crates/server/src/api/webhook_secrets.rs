//! The two forms in which the secret of a webhook is shown and used.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The token by which validators of Twilio verify deliveries to a webhook: 32 hex digits, as an Auth Token has.
pub(crate) fn signing_token(secret: &[u8; 32]) -> String {
    hex::encode(&secret[..16])
}

/// The secret in the form that libraries of Standard Webhooks read.
pub(crate) fn standard_secret(secret: &[u8; 32]) -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_two_forms() {
        let mut secret = [0; 32];
        for (place, byte) in secret.iter_mut().zip(0..) {
            *place = byte;
        }
        assert_eq!(
            standard_secret(&secret),
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        );
        assert_eq!(signing_token(&secret), "000102030405060708090a0b0c0d0e0f");
    }
}
