//! Section 8.6, U2F attestation.

mod device;

use device::{Algorithm, Device, Format, of};
use webauthn::Reason;
use webauthn::attestation::AttestationType;
use webauthn::trust::Trust;

fn u2f() -> Device {
    of(Format::FidoU2f)
        .profile(|profile| profile.aaguid = [0; 16])
        .key(Algorithm::ES256)
}

#[test]
fn a_statement_of_a_key_on_p256_succeeds_and_is_trusted_at_its_root() {
    for algorithm in [Algorithm::ES256, Algorithm::ESP256] {
        let verified = u2f().key(algorithm).succeeds();
        assert_eq!(
            (
                verified.format(),
                verified.attestation_type(),
                verified.trust()
            ),
            ("fido-u2f", AttestationType::Basic, Trust::Trusted)
        );
    }
}

#[test]
fn each_member_must_be_there() {
    for member in ["sig", "x5c"] {
        u2f()
            .lie(|lies| lies.without_statement_member = Some(member.to_owned()))
            .fails(Reason::AttestationStatementMalformed);
    }
}

#[test]
fn there_must_be_exactly_one_certificate() {
    u2f()
        .lie(|lies| lies.chain.root_included = true)
        .fails(Reason::AttestationStatementMalformed);
}

#[test]
fn the_attestation_key_must_be_on_p256() {
    for algorithm in [
        Algorithm::ES384,
        Algorithm::RS256,
        Algorithm::EdDSA,
        Algorithm::ES256K,
    ] {
        u2f()
            .profile(|profile| profile.attestation_algorithm = Some(algorithm))
            .fails(Reason::AttestationCertificateKey);
    }
}

#[test]
fn the_credential_key_must_be_on_p256() {
    for algorithm in [Algorithm::ES384, Algorithm::ES512, Algorithm::ES256K] {
        u2f().key(algorithm).fails(Reason::CoseKeyMalformed);
    }
}

#[test]
fn the_signature_must_verify_over_what_u2f_signs() {
    u2f()
        .lie(|lies| lies.tampered_signature = true)
        .fails(Reason::AttestationSignatureInvalid);
    u2f()
        .lie(|lies| lies.signature = Some(vec![]))
        .fails(Reason::AttestationSignatureInvalid);
}

#[test]
fn no_subject_rules_of_8_2_1_apply() {
    // The testkit's U2F certificates have a common name and nothing else.
    let verified = u2f()
        .certificate(|certificate| certificate.without_basic_constraints = true)
        .succeeds();
    assert_eq!(verified.trust(), Trust::Trusted);
}

#[test]
fn an_aaguid_that_is_not_zero_is_refused_in_conformance_mode_only() {
    let named = u2f().profile(|profile| profile.aaguid = [7; 16]);
    assert_eq!(named.succeeds().aaguid().as_bytes(), &[7; 16]);
    named
        .policy(|policy| policy.u2f_aaguid_must_be_zero = true)
        .fails(Reason::AaguidNotZero);
    let _ = u2f()
        .policy(|policy| policy.u2f_aaguid_must_be_zero = true)
        .succeeds();
}
