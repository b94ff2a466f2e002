//! The `packed` format (WebAuthn 8.2).

use super::certificate::{
    aaguid_text, certificate_chain, leaf, require_aaguid, require_no_authority,
};
use super::{AttestationError, AttestationType, Attested, Subject};
use crate::signature;
use crate::x509::{Certificate, oid};
use std::borrow::Cow;

pub(super) const FORMAT: &str = "packed";

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    // https://w3c.github.io/webauthn/#sctn-packed-attestation
    subject.require_map(FORMAT)?;
    let algorithm = subject.algorithm(FORMAT)?;
    let sig = subject.signature(FORMAT)?;
    match subject.statement.get("x5c") {
        None => self_attestation(subject, algorithm, sig),
        Some(x5c) => basic(subject, algorithm, sig, certificate_chain(FORMAT, x5c)?),
    }
}

/// `x5c` present: the key of the leaf signed.
fn basic<'a>(
    subject: &Subject<'_, 'a>,
    algorithm: i128,
    sig: &[u8],
    trust_path: Vec<Cow<'a, [u8]>>,
) -> Result<Attested<'a>, AttestationError> {
    let leaf = leaf(FORMAT, &trust_path)?;
    let algorithm = subject.scheme(algorithm)?;
    algorithm.require_leaf_signature(FORMAT, &leaf, subject.signed, sig)?;
    subject.passed(
        "8.2",
        "signature verifies with the certificate's key",
        || leaf.common_name(),
    );
    require_attestation_certificate(&leaf)?;
    subject.passed("8.2.1", "certificate meets its requirements", || {
        leaf.subject_text()
    });
    require_aaguid(&leaf, subject.attested.aaguid)?;
    subject.passed("8.2", "AAGUID extension, if any, fits", || {
        aaguid_text(&leaf)
    });
    Ok(Attested::new(AttestationType::Basic, trust_path))
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
    subject.passed("8.2", "algorithm is that of the credential's key", || {
        subject.public_key.algorithm().to_string()
    });
    signature::verify(subject.public_key, subject.signed, sig)
        .map_err(|_| AttestationError::SignatureInvalid { format: FORMAT })?;
    subject.passed(
        "8.2",
        "signature verifies with the credential's key",
        || format!("{} bytes signed", subject.signed.len()),
    );
    Ok(Attested::new(AttestationType::SelfAttestation, Vec::new()))
}

/// 8.2.1 and 8.2.2: version, subject, CA mark and criticality of FIDO's own extensions.
fn require_attestation_certificate(leaf: &Certificate<'_>) -> Result<(), AttestationError> {
    let refuse = |rule| Err(AttestationError::CertificateRequirements(rule));
    if leaf.version != 2 {
        return refuse("it must be of version 3");
    }
    let attributes = |id| leaf.subject_attributes(id).unwrap_or_default();
    // User-assigned country codes (AA, XA to ZZ) are codes too.
    let is_country = |value: &&[u8]| value.len() == 2 && value.iter().all(u8::is_ascii_alphabetic);
    if !attributes(oid::COUNTRY).iter().any(is_country) {
        return refuse("subject C must be a country code of two letters");
    }
    if !attributes(oid::ORGANISATION)
        .iter()
        .any(|value| !value.is_empty())
    {
        return refuse("subject O must name the vendor");
    }
    if !attributes(oid::ORGANISATIONAL_UNIT).contains(&&b"Authenticator Attestation"[..]) {
        return refuse("subject OU must be `Authenticator Attestation`");
    }
    if !attributes(oid::COMMON_NAME)
        .iter()
        .any(|value| !value.is_empty())
    {
        return refuse("subject CN must not be empty");
    }
    require_no_authority(leaf)?;
    for id in [oid::FIDO_FIRMWARE_VERSION, oid::FIDO_SERIAL_NUMBER] {
        if leaf
            .extension(id)
            .is_some_and(|extension| extension.critical)
        {
            return refuse(
                "the firmware version and serial number extensions must not be critical",
            );
        }
    }
    Ok(())
}
