//! `fido-u2f` (section 8.6).

use crate::algorithm::Algorithm;
use crate::certificate::{COMMON_NAME, Leaf, name};
use crate::error::Error;
use crate::key::Public;

use super::{Field, Maker, Subject};

/// Signed over the raw parts of a U2F registration response, with an attestation key whose certificate need not say anything
/// of note.
pub(super) fn statement(
    subject: &Subject<'_>,
    maker: &mut Maker<'_>,
) -> Result<Vec<(&'static str, Field)>, Error> {
    let Public::Ec { x, y, .. } = subject.key.public() else {
        return Err(Error::Unsupported("U2F knows elliptic-curve keys only"));
    };
    let lies = maker.lies;
    let key = maker.attestation_key(Algorithm::ES256)?;
    // The first 32 bytes of authenticator data are the hash of the Relying Party id.
    let rp_id_hash = subject.authenticator_data.get(..32).unwrap_or_default();
    let signed = [
        &[0],
        rp_id_hash,
        &subject.client_data_hash(),
        subject.credential_id,
        &[4],
        &x,
        &y,
    ]
    .concat();
    let signature = key.sign(&signed)?;
    let leaf = Leaf {
        subject: name(&[(COMMON_NAME, "passkeyd testkit U2F attestation key")]),
        extended_key_usage: Vec::new(),
        extensions: Vec::new(),
    };
    let chain = &maker.profile.chain;
    let certificates = maker
        .authorities
        .of(chain)?
        .certify(&key, &leaf, chain, lies)?;
    Ok(vec![
        ("sig", Field::Bytes(lies.distort_signature(signature))),
        ("x5c", Field::Chain(certificates)),
    ])
}
