//! The `packed` format (WebAuthn 8.2).

use super::{AttestationError, AttestationType, Attested, Subject};
use crate::cbor::Value;
use crate::signature;

const FORMAT: &str = "packed";

fn malformed(problem: &'static str) -> AttestationError {
    AttestationError::Malformed {
        format: FORMAT,
        problem,
    }
}

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    let statement = subject.statement;
    if statement.as_map().is_none() {
        return Err(malformed("it must be a map"));
    }
    let algorithm = statement
        .get("alg")
        .and_then(Value::as_integer)
        .ok_or(malformed("`alg` must be an integer"))?;
    let sig = statement
        .get("sig")
        .and_then(Value::as_bytes)
        .ok_or(malformed("`sig` must be a byte string"))?;
    match statement.get("x5c") {
        None => self_attestation(subject, algorithm, sig),
        Some(_) => Err(malformed("x5c")),
    }
}

/// No `x5c`: the credential's own key signed.
fn self_attestation<'a>(
    subject: &Subject<'_, 'a>,
    algorithm: i128,
    sig: &[u8],
) -> Result<Attested<'a>, AttestationError> {
    let expected = subject.public_key.algorithm().0;
    if algorithm != i128::from(expected) {
        return Err(AttestationError::AlgorithmMismatch {
            expected,
            found: algorithm,
        });
    }
    signature::verify(subject.public_key, subject.signed, sig)
        .map_err(|_| AttestationError::SignatureInvalid { format: FORMAT })?;
    Ok(Attested {
        attestation_type: AttestationType::SelfAttestation,
        trust_path: Vec::new(),
    })
}
