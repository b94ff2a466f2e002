//! The `apple` format (WebAuthn 8.8).

use super::certificate::leaf;
use super::{AttestationError, AttestationType, Attested, Subject};
use crate::base64url;
use crate::hash::sha256;
use crate::x509::der::{Der, OCTET_STRING, SEQUENCE};
use crate::x509::{Certificate, oid};

pub(super) const FORMAT: &str = "apple";

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    // https://w3c.github.io/webauthn/#sctn-apple-anonymous-attestation
    // Step 1: the members. Real statements also have an `alg`, which nothing reads.
    subject.require_map(FORMAT)?;
    let trust_path = subject.chain(FORMAT)?;
    let leaf = leaf(FORMAT, &trust_path)?;

    // Steps 2-4: the certificate was issued for exactly these data.
    let nonce = sha256(subject.signed);
    if nonce_of(&leaf)? != nonce {
        return Err(AttestationError::AppleNonce(
            "it belongs to another registration",
        ));
    }
    subject.passed(
        "8.8 step 4",
        "nonce of the certificate is that of these data",
        || base64url::encode(&nonce),
    );

    // Step 5: and for this key.
    if !leaf.is_about(subject.public_key) {
        return Err(AttestationError::KeyMismatch { format: FORMAT });
    }
    subject.passed(
        "8.8 step 5",
        "certificate is about the credential's key",
        || leaf.common_name(),
    );

    // Step 6.
    Ok(Attested::new(AttestationType::AnonCa, trust_path))
}

/// 1.2.840.113635.100.8.2: SEQUENCE of one OCTET STRING under the explicit tag 1.
fn nonce_of<'c>(leaf: &'c Certificate<'_>) -> Result<&'c [u8], AttestationError> {
    let extension = leaf
        .extension(oid::APPLE_NONCE)
        .ok_or(AttestationError::AppleNonce("it is missing"))?;
    let read = |value: &'c [u8]| {
        let mut outer = Der::new(value);
        let mut sequence = outer.inside(SEQUENCE)?;
        let (1, mut tagged) = sequence.context()? else {
            return None;
        };
        let nonce = tagged.content(OCTET_STRING)?;
        (outer.is_empty() && sequence.is_empty() && tagged.is_empty()).then_some(nonce)
    };
    read(&extension.value).ok_or(AttestationError::AppleNonce("it cannot be read"))
}
