//! The `fido-u2f` format (WebAuthn 8.6).

use super::certificate::leaf;
use super::{AttestationError, AttestationType, Attested, Subject};
use crate::cose::{Curve, KeyMaterial, Scheme};
use crate::credential::Aaguid;
use crate::hash::Hash;

pub(super) const FORMAT: &str = "fido-u2f";

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    // https://w3c.github.io/webauthn/#sctn-fido-u2f-attestation
    // Step 1: the members.
    subject.require_map(FORMAT)?;
    let sig = subject.signature(FORMAT)?;

    // Step 2: exactly one certificate, with a key on P-256.
    let trust_path = subject.chain(FORMAT)?;
    if trust_path.len() != 1 {
        return Err(AttestationError::Malformed {
            format: FORMAT,
            problem: "`x5c` must have exactly one certificate",
        });
    }
    let leaf = leaf(FORMAT, &trust_path)?;
    if leaf.curve() != Some(Curve::P256) || leaf.key().is_none() {
        return Err(AttestationError::CertificateKey);
    }
    subject.passed(
        "8.6 step 2",
        "there is one certificate, with a key on P-256",
        || leaf.common_name(),
    );

    // Steps 3-4: hash of the Relying Party id, credential id and key; the key as an uncompressed point, as U2F writes it.
    let (Scheme::Ecdsa(Curve::P256, _), KeyMaterial::Ec(point)) =
        (subject.public_key.scheme(), subject.public_key.material())
    else {
        return Err(AttestationError::CredentialKey);
    };
    subject.passed("8.6 step 4", "credential's key is on P-256", || {
        format!("{} bytes of point", point.len())
    });

    // Step 5: what U2F signs. Neither flags nor counter nor AAGUID are among it.
    let signed = [
        &[0],
        subject.rp_id_hash,
        subject.client_data_hash,
        subject.attested.credential_id,
        point,
    ]
    .concat();

    // Step 6: the signature.
    if leaf.verify(Scheme::Ecdsa(Curve::P256, Hash::Sha256), true, &signed, sig) != Some(true) {
        return Err(AttestationError::SignatureInvalid { format: FORMAT });
    }
    subject.passed(
        "8.6 step 6",
        "signature verifies with the certificate's key",
        || format!("{} bytes signed", signed.len()),
    );

    // Not in the text: the conformance tools want what U2F keys have.
    if subject.policy.u2f_aaguid_must_be_zero && subject.attested.aaguid != Aaguid::ZERO {
        return Err(AttestationError::AaguidNotZero);
    }

    // Step 7: the certificate could be an attestation CA's; nothing in it says so.
    Ok(Attested::new(AttestationType::Basic, trust_path))
}
