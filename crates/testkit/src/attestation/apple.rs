//! `apple` (section 8.8).

use crate::algorithm::Hash;
use crate::certificate::{COMMON_NAME, Leaf, ORGANIZATION, ORGANIZATIONAL_UNIT, name};
use crate::der;
use crate::error::Error;
use crate::key::Key;

use super::{Field, Maker, Subject};

/// The extension that holds the nonce.
const NONCE_EXTENSION: &str = "1.2.840.113635.100.8.2";

/// No signature: the authority certifies the credential key itself, with a digest of what would be signed.
pub(super) fn statement(
    subject: &Subject<'_>,
    maker: &mut Maker<'_>,
) -> Result<Vec<(&'static str, Field)>, Error> {
    let lies = maker.lies;
    let nonce = match &lies.attestation_challenge {
        Some(other) => other.clone(),
        None => Hash::Sha256.digest(&subject.signed_bytes()),
    };
    let content = der::sequence(&[der::explicit(1, &der::octets(&nonce))]);
    let leaf = Leaf {
        subject: name(&[
            (COMMON_NAME, "passkeyd testkit credential"),
            (ORGANIZATIONAL_UNIT, "AAA Certification"),
            (ORGANIZATION, "passkeyd testkit"),
        ]),
        extended_key_usage: Vec::new(),
        extensions: maker.own_extension(NONCE_EXTENSION, content),
    };
    let other;
    let key = if lies.certificate.other_key {
        other = Key::generate(subject.key.algorithm())?;
        &other
    } else {
        subject.key
    };
    let chain = &maker.profile.chain;
    let certificates = maker
        .authorities
        .of(chain)?
        .certify(key, &leaf, chain, lies)?;
    let mut members = vec![("x5c", Field::Chain(certificates))];
    // Real statements carry an `alg` that the specification does not know.
    members.extend(
        lies.statement_algorithm
            .map(|alg| ("alg", Field::Integer(alg))),
    );
    Ok(members)
}
