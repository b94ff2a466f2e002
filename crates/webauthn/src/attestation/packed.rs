//! The `packed` format (WebAuthn 8.2).

use super::{AttestationError, AttestationType, Attested, Subject, certificate_chain};
use crate::cbor::Value;
use crate::certificate::{Certificate, Der, OCTET_STRING, oid};
use crate::cose::CoseAlgorithm;
use crate::credential::Aaguid;
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
        Some(x5c) => basic(subject, algorithm, sig, certificate_chain(FORMAT, x5c)?),
    }
}

/// `x5c` present: the key of the leaf signed.
fn basic<'a>(
    subject: &Subject<'_, 'a>,
    algorithm: i128,
    sig: &[u8],
    trust_path: Vec<&'a [u8]>,
) -> Result<Attested<'a>, AttestationError> {
    let leaf = trust_path.first().copied().and_then(Certificate::parse);
    let leaf = leaf.ok_or(malformed("the first certificate cannot be read"))?;

    let unsupported = AttestationError::AlgorithmUnsupported(algorithm);
    let algorithm = i64::try_from(algorithm).map_err(|_| unsupported.clone())?;
    let algorithm = CoseAlgorithm(algorithm);
    let scheme = algorithm.scheme().ok_or(unsupported)?;
    match leaf.verify(scheme, algorithm.names_its_curve(), subject.signed, sig) {
        Some(true) => {}
        Some(false) => return Err(AttestationError::SignatureInvalid { format: FORMAT }),
        None => {
            return Err(AttestationError::CertificateRequirements(
                "its key does not fit the statement's algorithm",
            ));
        }
    }

    require_attestation_certificate(&leaf)?;
    require_aaguid(&leaf, subject.attested.aaguid)?;
    Ok(Attested {
        attestation_type: AttestationType::Basic,
        trust_path,
    })
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
    // The text asks for presence; an absent extension means false to everybody, and certificates without it are in use.
    match leaf.basic_constraints() {
        Ok(Some(constraints)) if constraints.ca => {
            return refuse("it must not be a CA certificate");
        }
        Ok(_) => {}
        Err(_) => return refuse("its Basic Constraints cannot be read"),
    }
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

/// 8.2.1: the AAGUID extension, if present, is not critical and names the authenticator's model.
pub(super) fn require_aaguid(
    leaf: &Certificate<'_>,
    aaguid: Aaguid,
) -> Result<(), AttestationError> {
    let Some(extension) = leaf.extension(oid::FIDO_AAGUID) else {
        return Ok(());
    };
    let refuse = |problem| Err(AttestationError::AaguidExtension(problem));
    if extension.critical {
        return refuse("it must not be critical");
    }
    let mut value = Der::new(extension.value);
    match value.content(OCTET_STRING) {
        Some(found) if found.len() != 16 || !value.is_empty() => refuse("it must hold 16 bytes"),
        Some(found) if found == aaguid.as_bytes() => Ok(()),
        Some(_) => refuse("it names another model than the authenticator data"),
        None => refuse("it must hold an octet string"),
    }
}
