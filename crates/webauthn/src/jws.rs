//! JSON Web Signatures in compact form that carry their signer's certificates (RFC 7515): `SafetyNet` responses and metadata.

use crate::cose::{Curve, Scheme};
use crate::hash::Hash;
use crate::json::{Object, Value};
use crate::limits::MAX_CERTIFICATE;
use crate::x509::Certificate;
use crate::{base64url, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A compact JWS (RFC 7515 section 7.1), taken apart.
pub(crate) struct Jws<'a> {
    /// Header and payload as received: what is signed.
    signed: &'a str,
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Three parts in strict base64url; otherwise a text that says what is wrong.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not a text")?;
        let parts = text.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, payload) = signed.split_once('.')?;
            Some((signed, header, payload, signature))
        });
        let (signed, header, payload, signature) =
            parts.ok_or("it is not three parts with full stops between")?;
        let decode = |part| base64url::decode(part).map_err(|_| "a part is not base64url");
        Ok(Self {
            signed,
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// RS256 or ES256; the algorithm must fit the certificate's key, so that the header chooses nothing.
    pub(crate) fn is_signed_by(&self, leaf: &Certificate<'_>, header: &Object<'_>) -> bool {
        let signed = self.signed.as_bytes();
        match header.get("alg").and_then(Value::as_str) {
            Some("RS256") => {
                let scheme = Scheme::RsaPkcs1(Hash::Sha256);
                leaf.verify(scheme, true, signed, &self.signature) == Some(true)
            }
            Some("ES256") if leaf.curve() == Some(Curve::P256) => leaf.key().is_some_and(|key| {
                signature::verify_es256_fixed(key, signed, &self.signature).is_ok()
            }),
            _ => false,
        }
    }
}

/// `x5c` of the header: certificates in standard base64, the signer's first, bounded in number and size.
pub(crate) fn certificates(header: &Object<'_>, most: usize) -> Result<Vec<Vec<u8>>, &'static str> {
    let list = header.get("x5c").and_then(Value::as_array);
    let list = list.ok_or("its header has no list `x5c`")?;
    if list.is_empty() || list.len() > most {
        return Err("`x5c` has no or too many certificates");
    }
    let certificate = |element: &Value<'_>| {
        let bytes = element.as_str().and_then(|text| STANDARD.decode(text).ok());
        bytes
            .filter(|bytes| bytes.len() <= MAX_CERTIFICATE)
            .ok_or("a certificate in `x5c` is not base64, or too large")
    };
    list.iter().map(certificate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};

    #[test]
    fn x5c_is_a_list_of_one_certificate_or_more_up_to_the_limit() {
        let count = |text: &str| {
            let header = parse(text.as_bytes(), &Limits::default()).unwrap();
            certificates(header.as_object().unwrap(), 2).map(|list| list.len())
        };
        let too_many = Err("`x5c` has no or too many certificates");
        assert_eq!(count(r#"{"x5c":["AA=="]}"#), Ok(1));
        assert_eq!(count(r#"{"x5c":["AA==","AA=="]}"#), Ok(2));
        assert_eq!(count(r#"{"x5c":["AA==","AA==","AA=="]}"#), too_many);
        assert_eq!(count(r#"{"x5c":["AA==","AA==","AA==","AA=="]}"#), too_many);
        assert_eq!(count(r#"{"x5c":[]}"#), too_many);
        assert_eq!(count("{}"), Err("its header has no list `x5c`"));
    }

    #[test]
    fn certificates_are_bounded_in_size() {
        let one = |length: usize| {
            let text = format!(r#"{{"x5c":["{}"]}}"#, STANDARD.encode(vec![0; length]));
            let header = parse(text.as_bytes(), &Limits::default()).unwrap();
            certificates(header.as_object().unwrap(), 2).is_ok()
        };
        assert!(one(MAX_CERTIFICATE));
        assert!(!one(MAX_CERTIFICATE + 1));
    }
}
