//! Section 8.8, Apple's anonymous attestation.

mod device;

use device::{Algorithm, Device, Format, of};
use webauthn::Reason;
use webauthn::attestation::{AttestationError, AttestationType};
use webauthn::registration::RegistrationError;
use webauthn::trust::Trust;

fn apple() -> Device {
    of(Format::Apple)
}

#[test]
fn a_certificate_for_this_registration_and_key_succeeds() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::RS256] {
        let verified = apple().key(algorithm).succeeds();
        assert_eq!(
            (
                verified.format(),
                verified.attestation_type(),
                verified.trust()
            ),
            ("apple", AttestationType::AnonCa, Trust::Trusted)
        );
    }
}

#[test]
fn an_alg_that_the_text_does_not_know_is_ignored() {
    let _ = apple()
        .lie(|lies| lies.statement_algorithm = Some(-7))
        .succeeds();
}

#[test]
fn x5c_must_be_there() {
    apple()
        .lie(|lies| lies.without_statement_member = Some("x5c".to_owned()))
        .fails(Reason::AttestationStatementMalformed);
}

#[test]
fn the_nonce_must_be_that_of_this_registration() {
    for other in [vec![0; 32], vec![], vec![0; 31]] {
        apple()
            .lie(|lies| lies.attestation_challenge = Some(other))
            .fails(Reason::AppleNonce);
    }
}

#[test]
fn the_nonce_extension_must_be_there_and_of_its_form() {
    apple()
        .lie(|lies| lies.without_attestation_extension = true)
        .fails(Reason::AppleNonce);
    for other in [
        vec![],
        vec![0x30, 0],
        vec![0x04, 1, 0],
        vec![0x30, 4, 0xa2, 2, 4, 0],
        vec![0x30, 4, 0xa1, 2, 4, 0, 0],
        vec![0x30, 6, 0xa1, 2, 4, 0, 5, 0],
        vec![0x30, 6, 0xa1, 4, 4, 0, 5, 0],
    ] {
        let refused = apple()
            .lie(|lies| lies.attestation_extension = Some(other))
            .finish();
        let unreadable = AttestationError::AppleNonce("it cannot be read");
        assert_eq!(refused, Err(RegistrationError::Attestation(unreadable)));
    }
}

#[test]
fn the_certificate_must_be_about_the_credentials_key() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        apple()
            .key(algorithm)
            .certificate(|certificate| certificate.other_key = true)
            .fails(Reason::AttestationKeyMismatch);
    }
}
