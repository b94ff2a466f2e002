//! `packed` (section 8.2).

use crate::algorithm::Algorithm;
use crate::certificate::{COMMON_NAME, COUNTRY, Leaf, ORGANIZATION, ORGANIZATIONAL_UNIT, name};
use crate::error::Error;
use crate::key::Key;
use crate::lies::{CertificateLies, Signer};

use super::{Field, Maker, Subject, aaguid_extension};

/// Self attestation: signed with the credential private key itself.
pub(super) fn own(
    subject: &Subject<'_>,
    maker: &Maker<'_>,
) -> Result<Vec<(&'static str, Field)>, Error> {
    let signature = subject.key.sign(&subject.signed_bytes())?;
    Ok(vec![
        (
            "alg",
            Field::Integer(maker.statement_algorithm(subject.key)),
        ),
        ("sig", Field::Bytes(maker.lies.distort_signature(signature))),
    ])
}

/// Basic attestation: signed with an attestation key whose certificate the authority vouches for.
pub(super) fn basic(
    subject: &Subject<'_>,
    maker: &mut Maker<'_>,
) -> Result<Vec<(&'static str, Field)>, Error> {
    let lies = maker.lies;
    let key = maker.attestation_key(Algorithm::ES256)?;
    let signed = subject.signed_bytes();
    let signature = match lies.signed_by {
        Signer::AttestationKey => key.sign(&signed)?,
        Signer::CredentialKey => subject.key.sign(&signed)?,
        Signer::OtherKey => Key::generate(key.algorithm())?.sign(&signed)?,
    };
    let leaf = Leaf {
        subject: subject_name(&lies.certificate),
        extended_key_usage: Vec::new(),
        extensions: aaguid_extension(subject.aaguid, &lies.certificate)
            .into_iter()
            .collect(),
    };
    let chain = &maker.profile.chain;
    let certificates = maker
        .authorities
        .of(chain)?
        .certify(&key, &leaf, chain, lies)?;
    Ok(vec![
        ("alg", Field::Integer(maker.statement_algorithm(&key))),
        ("sig", Field::Bytes(lies.distort_signature(signature))),
        ("x5c", Field::Chain(certificates)),
    ])
}

/// The subject of section 8.2.1.
fn subject_name(lies: &CertificateLies) -> Vec<u8> {
    let country = lies.country.as_deref().unwrap_or("DE");
    let unit = lies
        .organizational_unit
        .as_deref()
        .unwrap_or("Authenticator Attestation");
    let attributes = [
        (COUNTRY, country, lies.without_country),
        (ORGANIZATION, "passkeyd testkit", lies.without_organization),
        (ORGANIZATIONAL_UNIT, unit, false),
        (
            COMMON_NAME,
            "passkeyd testkit attestation key",
            lies.without_common_name,
        ),
    ];
    let kept: Vec<(&str, &str)> = attributes
        .iter()
        .filter(|(_, _, dropped)| !dropped)
        .map(|(oid, value, _)| (*oid, *value))
        .collect();
    name(&kept)
}
