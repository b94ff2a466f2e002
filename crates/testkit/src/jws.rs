//! JSON web signatures in compact form (RFC 7515), with the certificates in the header.

use serde_json::{Value, json};

use crate::algorithm::Algorithm;
use crate::der;
use crate::encoding::{base64, base64url};
use crate::error::Error;
use crate::key::Key;

/// The protected header: `alg` of `key` (or what is `claimed`) and `x5c`.
pub(crate) fn header(
    key: &Key,
    certificates: &[Vec<u8>],
    claimed: Option<&str>,
) -> Result<Value, Error> {
    let algorithm = match key.algorithm() {
        Algorithm::ES256 => "ES256",
        Algorithm::RS256 => "RS256",
        _ => return Err(Error::Unsupported("a web signature is ES256 or RS256 here")),
    };
    let certificates: Vec<String> = certificates.iter().map(|der| base64(der)).collect();
    Ok(json!({"alg": claimed.unwrap_or(algorithm), "x5c": certificates}))
}

/// `header.payload.signature`, the last one as `distort` leaves it.
pub(crate) fn compact(
    key: &Key,
    header: &Value,
    payload: &str,
    distort: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> Result<String, Error> {
    let signed = format!(
        "{}.{}",
        base64url(header.to_string().as_bytes()),
        base64url(payload.as_bytes())
    );
    let mut signature = key.sign(signed.as_bytes())?;
    if key.algorithm() == Algorithm::ES256 {
        signature = fixed_width(&signature);
    }
    Ok(format!("{signed}.{}", base64url(&distort(signature))))
}

/// An ECDSA signature on P-256 in the form of RFC 7518, section 3.4: r and s of 32 bytes each.
fn fixed_width(signature: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for number in der::elements(signature) {
        let zeros = number.len().saturating_sub(32);
        out.extend(vec![0; 32_usize.saturating_sub(number.len())]);
        out.extend_from_slice(number.get(zeros..).unwrap_or_default());
    }
    out
}
