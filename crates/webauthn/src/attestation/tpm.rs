//! The `tpm` format (WebAuthn 8.3).

mod certificate;
mod structures;

use super::certificate::{aaguid_text, leaf, require_aaguid};
use super::subject::StatementAlgorithm;
use super::{AttestationError, AttestationType, Attested, Subject, TpmError};
use crate::base64url;
use crate::cbor::Value;
use crate::cose::{KeyMaterial, PublicKey, Scheme};
use crate::hash::{Hash, digest};
use structures::{Certification, PublicArea, Unique};

pub(super) const FORMAT: &str = "tpm";

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    // https://w3c.github.io/webauthn/#sctn-tpm-attestation
    // The members.
    subject.require_map(FORMAT)?;
    if subject.statement.get("ver").and_then(Value::as_text) != Some("2.0") {
        return Err(AttestationError::Malformed {
            format: FORMAT,
            problem: "`ver` must be `2.0`",
        });
    }
    let named_algorithm = subject.algorithm(FORMAT)?;
    let sig = subject.signature(FORMAT)?;
    let bytes = |member, problem| subject.bytes(FORMAT, member, problem);
    let certificate_info = bytes("certInfo", "`certInfo` must be a byte string")?;
    let public_area = bytes("pubArea", "`pubArea` must be a byte string")?;
    let trust_path = subject.chain(FORMAT)?;

    // `pubArea` describes the credential's key.
    let area = PublicArea::parse(public_area)?;
    if !is_same_key(&area, subject.public_key) {
        return Err(TpmError::PublicAreaKey.into());
    }
    subject.passed("8.3", "pubArea describes the credential's key", || {
        subject.public_key.algorithm().to_string()
    });

    // The certificate of the attestation identity key: 8.3.1, vendor, model.
    let leaf = leaf(FORMAT, &trust_path)?;
    certificate::require_identity_certificate(&leaf, subject.policy)?;
    subject.passed("8.3.1", "certificate meets its requirements", || {
        leaf.subject_text()
    });
    require_aaguid(&leaf, subject.attested.aaguid)?;
    subject.passed("8.3", "AAGUID extension, if any, fits", || {
        aaguid_text(&leaf)
    });

    // `sig` is that key's signature over `certInfo`. TPMs in the field give the bare signature, without a TPMT_SIGNATURE.
    // Those of Windows sign with SHA-1. What is signed there holds a hash of this registration in a structure that the TPM
    // makes, so that a collision does not help the caller who asks for the signature.
    let algorithm = StatementAlgorithm::of(named_algorithm, subject.policy.allow_rs1)?;
    algorithm.require_leaf_signature(FORMAT, &leaf, certificate_info, sig)?;
    subject.passed(
        "8.3",
        "signature of certInfo verifies with the certificate's key",
        || format!("{} bytes signed", certificate_info.len()),
    );

    // `certInfo` is a certification made inside the TPM, of this registration and this key.
    let certification = Certification::parse(certificate_info)?;
    subject.passed("8.3", "certInfo is a certification made by a TPM", || {
        "magic is TPM_GENERATED_VALUE, type is TPM_ST_ATTEST_CERTIFY".to_owned()
    });
    let hash =
        hash_of(algorithm.scheme).ok_or(AttestationError::AlgorithmUnsupported(named_algorithm))?;
    if certification.extra_data != digest(hash, subject.signed).as_ref() {
        return Err(TpmError::ExtraData.into());
    }
    subject.passed("8.3", "extraData is the hash of these data", || {
        base64url::encode(certification.extra_data)
    });
    if !is_name_of(certification.name, &area, public_area) {
        return Err(TpmError::Name.into());
    }
    subject.passed("8.3", "certified name is that of pubArea", || {
        base64url::encode(certification.name)
    });

    Ok(Attested {
        sha1: hash == Hash::Sha1,
        ..Attested::new(AttestationType::AttCa, trust_path)
    })
}

/// The hash that belongs to a signature algorithm.
fn hash_of(scheme: Scheme) -> Option<Hash> {
    match scheme {
        Scheme::Ecdsa(_, hash) | Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) => Some(hash),
        Scheme::Ed25519 | Scheme::Ed448 | Scheme::MlDsa(_) => None,
    }
}

fn is_same_key(area: &PublicArea<'_>, key: &PublicKey) -> bool {
    match (area.unique, key.scheme(), key.material()) {
        (
            Unique::Rsa {
                modulus: found,
                exponent: found_exponent,
            },
            _,
            KeyMaterial::Rsa { modulus, exponent },
        ) => {
            without_zeros(found) == modulus
                && without_zeros(&found_exponent.to_be_bytes()) == exponent
        }
        (Unique::Ec { curve, x, y }, Scheme::Ecdsa(expected, _), KeyMaterial::Ec(point)) => {
            let point = point.get(1..).unwrap_or_default();
            let Some((expected_x, expected_y)) =
                point.split_at_checked(expected.coordinate_length())
            else {
                return false;
            };
            // TPMs drop leading zeros of coordinates.
            curve == expected
                && without_zeros(x) == without_zeros(expected_x)
                && without_zeros(y) == without_zeros(expected_y)
        }
        _ => false,
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// TPM 2.0 part 1, section 16: a name is the hash's number followed by the hash of the public area.
fn is_name_of(name: &[u8], area: &PublicArea<'_>, public_area: &[u8]) -> bool {
    name.split_first_chunk::<2>()
        .is_some_and(|(algorithm, hash)| {
            u16::from_be_bytes(*algorithm) == area.name_algorithm
                && hash == digest(area.name_hash, public_area).as_ref()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cose::Curve;

    /// Of the generator of P-256.
    const X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    const Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

    #[test]
    fn a_public_area_is_the_keys_if_curve_and_both_coordinates_are() {
        let cose = format!("a5010203262001215820{X}225820{Y}");
        let key = PublicKey::parse(&hex::decode(cose).unwrap()).unwrap();
        let (x, y) = (hex::decode(X).unwrap(), hex::decode(Y).unwrap());
        let padded = [&[0, 0][..], &x].concat();
        let same = |curve, x: &[u8], y: &[u8]| {
            let area = PublicArea {
                name_algorithm: 0x000b,
                name_hash: Hash::Sha256,
                unique: Unique::Ec { curve, x, y },
            };
            is_same_key(&area, &key)
        };
        assert!(same(Curve::P256, &x, &y));
        assert!(same(Curve::P256, &padded, &y));
        assert!(!same(Curve::P384, &x, &y));
        assert!(!same(Curve::P256, &y, &y));
        assert!(!same(Curve::P256, &x, &x));
        assert!(!same(Curve::P256, &x, &[]));
    }
}
