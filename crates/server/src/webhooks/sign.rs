//! The signatures of a delivery: that of Twilio, and those of Standard Webhooks.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::model::webhook::SignatureHash;

/// The signature that validators of Twilio expect: over the URL, and the parameters of a form in the order of their names.
pub(super) fn twilio(
    token: &str,
    hash: SignatureHash,
    url: &str,
    parameters: &[(&str, String)],
) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort();
    let mut text = url.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    let algorithm = match hash {
        SignatureHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        SignatureHash::Sha256 => hmac::HMAC_SHA256,
    };
    let key = hmac::Key::new(algorithm, token.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// The URL of a delivery whose body is JSON: it names the hash of the body.
pub(super) fn with_body_hash(url: &str, body: &[u8]) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    let hash = hex::encode(digest::digest(&digest::SHA256, body));
    format!("{url}{joint}bodySHA256={hash}")
}

/// The header `webhook-signature`: one signature for each secret.
pub(super) fn standard(secrets: &[[u8; 32]], id: &str, seconds: i64, body: &[u8]) -> String {
    let one = |secret: &[u8; 32]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in Twilio's documentation of the signature.
    #[test]
    fn the_signature_of_twilio_is_that_of_its_documentation() {
        let parameters = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let sign = |hash| twilio("12345", hash, url, &parameters);
        assert_eq!(sign(SignatureHash::Sha1), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        assert_eq!(sign(SignatureHash::Sha256), SHA256_OF_EXAMPLE);
    }

    #[test]
    fn a_body_of_json_is_named_by_its_hash() {
        let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(
            with_body_hash("https://a.example/x", b"{}"),
            format!("https://a.example/x?bodySHA256={hash}")
        );
        assert_eq!(
            with_body_hash("https://a.example/x?y=z", b"{}"),
            format!("https://a.example/x?y=z&bodySHA256={hash}")
        );
    }

    #[test]
    fn each_secret_signs_as_standard_webhooks_says() {
        let mut secret = [0; 32];
        for (place, byte) in secret.iter_mut().zip(0..) {
            *place = byte;
        }
        let signed = standard(
            &[secret, [7; 32]],
            "msg_p5jXN8",
            1_614_265_330,
            b"{\"test\": 1}",
        );
        assert_eq!(signed, STANDARD_OF_EXAMPLE);
    }

    // Computed with Python's hmac.
    const SHA256_OF_EXAMPLE: &str = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
    const STANDARD_OF_EXAMPLE: &str = "v1,+XPvIy0A10OSzxSJd11IhTIelDT1D1FvnijHZtO039c= v1,+mf8IvcGUvqbmVRT0rFQC4/RQQp44bK/oE3E9ElFzXE=";
}
