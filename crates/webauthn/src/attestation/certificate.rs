//! Attestation certificates: how statements hold them, and rules that several formats have.

use super::error::AttestationError;
use crate::cbor::Value;
use crate::credential::Aaguid;
use crate::limits::{MAX_CERTIFICATE, MAX_CERTIFICATES};
use crate::x509::der::{Der, OCTET_STRING};
use crate::x509::{Certificate, oid};
use std::borrow::Cow;

/// The first certificate of a chain.
pub(super) fn leaf<'c>(
    format: &'static str,
    chain: &'c [Cow<'_, [u8]>],
) -> Result<Certificate<'c>, AttestationError> {
    let leaf = chain.first().and_then(|bytes| Certificate::parse(bytes));
    leaf.ok_or(AttestationError::Malformed {
        format,
        problem: "the first certificate cannot be read",
    })
}

/// `x5c`: a non-empty list of DER certificates, bounded in number and size before any is read.
pub(super) fn certificate_chain<'a>(
    format: &'static str,
    x5c: &Value<'a>,
) -> Result<Vec<Cow<'a, [u8]>>, AttestationError> {
    let malformed = |problem| AttestationError::Malformed { format, problem };
    let elements = x5c.as_array().ok_or(malformed("`x5c` must be an array"))?;
    if elements.is_empty() {
        return Err(malformed("`x5c` must not be empty"));
    }
    if elements.len() > MAX_CERTIFICATES {
        return Err(malformed("`x5c` has more than 6 certificates"));
    }
    let certificate = |element: &Value<'a>| match element.as_bytes() {
        Some(bytes) if bytes.len() > MAX_CERTIFICATE => {
            Err(malformed("a certificate in `x5c` is too large"))
        }
        Some(bytes) => Ok(Cow::Borrowed(bytes)),
        None => Err(malformed("`x5c` must hold byte strings only")),
    };
    elements.iter().map(certificate).collect()
}

/// 8.2.1, 8.3.1: no CA certificate. The text asks for the presence of Basic Constraints; an absent extension means false to
/// everybody, and certificates without it are in use.
pub(super) fn require_no_authority(leaf: &Certificate<'_>) -> Result<(), AttestationError> {
    let refuse = |rule| Err(AttestationError::CertificateRequirements(rule));
    match leaf.basic_constraints() {
        Ok(Some(constraints)) if constraints.ca => refuse("it must not be a CA certificate"),
        Ok(_) => Ok(()),
        Err(_) => refuse("its Basic Constraints cannot be read"),
    }
}

/// What the AAGUID extension says, for messages.
pub(super) fn aaguid_text(leaf: &Certificate<'_>) -> String {
    leaf.fido_aaguid()
        .map_or_else(|| "there is none".to_owned(), |aaguid| aaguid.to_string())
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
    let mut value = Der::new(&extension.value);
    match value.content(OCTET_STRING) {
        Some(found) if found.len() != 16 || !value.is_empty() => refuse("it must hold 16 bytes"),
        Some(found) if found == aaguid.as_bytes() => Ok(()),
        Some(_) => refuse("it names another model than the authenticator data"),
        None => refuse("it must hold an octet string"),
    }
}
