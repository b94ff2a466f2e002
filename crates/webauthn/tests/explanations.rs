//! What the recorded steps and the errors say to people who ask why: the values found, the values expected, the section.

mod common;
mod device;

use common::{AT, Authentication, BE, BS, Key, ORIGIN, Registration, UP, UV};
use device::{Format, of};
use serde_json::json;
use webauthn::attestation::SafetyNetPolicy;
use webauthn::authentication::AuthenticationError;
use webauthn::authenticator_data::AuthenticatorDataError;
use webauthn::cose::{CoseAlgorithm, CoseKeyError};
use webauthn::origin::Origin;
use webauthn::registration::{CrossOrigin, RegistrationError};
use webauthn::response::ResponseError;
use webauthn::signal::Signal;
use webauthn::trace::{StepResult, Steps};
use webauthn::trust::Trust;

/// The details of the steps of one section, in their order.
fn details<'s>(steps: &'s Steps, section: &str) -> Vec<&'s str> {
    steps
        .0
        .iter()
        .filter(|step| step.section == section)
        .map(|step| step.detail.as_str())
        .collect()
}

#[test]
fn a_registrations_steps_tell_what_was_found_and_expected() {
    let mut ceremony = Registration::packed_self(Key::es256());
    ceremony.flags = UP | UV | BE | BS | AT;
    ceremony.sign_count = 7;
    ceremony
        .expected
        .origins
        .push(Origin::exact("https://other.example"));
    ceremony.expected.algorithms = vec![CoseAlgorithm::ES256, CoseAlgorithm::RS256];
    let mut steps = Steps::default();
    let _ = ceremony.finish_traced(&mut steps).unwrap();
    for (section, expected) in [
        ("7.1 step 7", &["webauthn.create"][..]),
        ("7.1 step 8", &["32 bytes, as expected"]),
        (
            "7.1 step 9",
            &["https://example.org; allowed: https://example.org, https://other.example"],
        ),
        (
            "7.1 step 10",
            &["crossOrigin is false; embedding is refused"],
        ),
        ("7.1 step 11", &["there is no topOrigin"]),
        ("7.1 step 14", &["SHA-256 of example.org"]),
        ("7.1 step 17", &["BE is 1, BS is 1"]),
        (
            "7.1 step 20",
            &["-7 (ES256)", "offered: -7 (ES256), -257 (RS256)"],
        ),
        ("7.1 step 21", &["packed (8.2)"]),
        ("8.2", &["-7 (ES256)", "196 bytes signed"]),
        ("7.1 step 22", &["self, certificates: 0"]),
        ("7.1 steps 23-24", &["trust: self; trust anchors: 0"]),
        ("7.1 step 25", &["32 bytes"]),
    ] {
        assert_eq!(details(&steps, section), expected, "{section}");
    }
    assert_eq!(
        details(&steps, "7.1 step 13").get(1),
        Some(&"flags UP UV BE BS AT (0x5d), signCount 7")
    );
}

#[test]
fn an_authentications_steps_tell_what_was_found_and_expected() {
    let mut ceremony = Authentication::new();
    ceremony.expected.cross_origin = CrossOrigin::Allowed {
        top_origins: vec!["https://top.example".to_owned()],
    };
    ceremony.client_data["crossOrigin"] = json!(true);
    ceremony.client_data["topOrigin"] = json!("https://top.example");
    ceremony.flags = UP | BE;
    ceremony.sign_count = 2;
    let mut steps = Steps::default();
    let _ = ceremony.finish_traced(&mut steps).unwrap();
    for (section, expected) in [
        ("7.2 step 5", &["the options listed none"][..]),
        ("7.2 step 6", &["userHandle YWRh"]),
        ("7.2 step 10", &["webauthn.get"]),
        (
            "7.2 step 12",
            &["https://example.org; allowed: https://example.org"],
        ),
        (
            "7.2 step 13",
            &["crossOrigin is true; embedding is allowed"],
        ),
        ("7.2 step 14", &["https://top.example"]),
        ("6.1", &["flags UP BE (0x09), signCount 2", ""]),
        ("7.2 step 15", &["SHA-256 of example.org"]),
        ("7.2 step 17", &["not demanded"]),
        ("7.2 step 18", &["BE is 1, BS is 0"]),
        ("7.2 step 19", &["recorded as false"]),
        ("7.2 step 22", &["0 -> 2"]),
    ] {
        assert_eq!(details(&steps, section), expected, "{section}");
    }
}

#[test]
fn each_formats_procedure_is_named_by_its_section_and_records_its_checks() {
    for (format, expected, own) in [
        (Format::None, "none (8.7)", "8.7"),
        (Format::PackedX5c, "packed (8.2)", "8.2"),
        (Format::Tpm, "tpm (8.3)", "8.3"),
        (Format::AndroidKey, "android-key (8.4)", "8.4 step 2"),
        (
            Format::AndroidSafetynet,
            "android-safetynet (8.5)",
            "8.5 step 4",
        ),
        (Format::FidoU2f, "fido-u2f (8.6)", "8.6 step 2"),
        (Format::Apple, "apple (8.8)", "8.8 step 4"),
        (Format::Compound, "compound (8.9)", "8.9 step 1"),
    ] {
        let mut device = of(format).policy(|policy| {
            policy.accept_test_tpm_vendor = true;
            policy.android_safetynet = SafetyNetPolicy::Accepted {
                max_age_seconds: None,
            };
        });
        device.anchored = format != Format::None;
        let steps = device.explain();
        assert_eq!(details(&steps, "7.1 step 21"), [expected]);
        let checks: Vec<_> = steps
            .0
            .iter()
            .filter(|step| step.section == own)
            .map(|step| (step.result, step.check.is_empty()))
            .collect();
        assert!(
            !checks.is_empty()
                && checks
                    .iter()
                    .all(|check| *check == (StepResult::Passed, false)),
            "{expected}"
        );
    }
}

#[test]
fn statements_are_told_with_their_types_and_chains() {
    let device = of(Format::PackedX5c).profile(|profile| profile.chain.intermediates = 1);
    let steps = device.explain();
    assert_eq!(details(&steps, "7.1 step 22"), ["basic, certificates: 2"]);
    assert_eq!(
        details(&steps, "7.1 steps 23-24"),
        [
            "certificate 0, passkeyd testkit attestation key: from 2020-01-01T00:00:00Z to 2120-01-01T00:00:00Z",
            "certificate 0 by passkeyd testkit intermediate 1",
            "certificate 1, passkeyd testkit intermediate 1: from 2020-01-01T00:00:00Z to 2120-01-01T00:00:00Z",
            "passkeyd testkit intermediate 1 is issued by, or is, the anchor passkeyd testkit attestation root",
            "trust: trusted; trust anchors: 1"
        ]
    );
}

#[test]
fn certificates_are_told_by_their_subject() {
    let steps = of(Format::PackedX5c)
        .certificate(|certificate| certificate.country = Some("DE".to_owned()))
        .explain();
    assert_eq!(
        details(&steps, "8.2.1"),
        [
            "version 3, C DE, O passkeyd testkit, OU Authenticator Attestation, CN passkeyd testkit attestation key"
        ]
    );
    assert_eq!(
        details(&steps, "8.2"),
        [
            "passkeyd testkit attestation key",
            "70617373-6b65-7964-2d74-6573746b6974"
        ]
    );
    let steps = of(Format::PackedX5c)
        .certificate(|certificate| certificate.without_aaguid = true)
        .explain();
    assert_eq!(details(&steps, "8.2").get(1), Some(&"there is none"));
    let steps = of(Format::Tpm)
        .policy(|policy| policy.accept_test_tpm_vendor = true)
        .explain();
    assert_eq!(details(&steps, "8.3.1"), ["version 3"]);
    assert!(
        details(&steps, "7.1 steps 23-24")
            .iter()
            .any(|text| text.starts_with("certificate 0, a subject without a common name: "))
    );
    let steps = of(Format::AndroidKey).explain();
    assert_eq!(
        details(&steps, "8.4 step 5"),
        [
            "security level 1; hardware-enforced: origin Some(0), purposes Some([2]); software-enforced: origin None, purposes None"
        ]
    );
}

#[test]
fn a_refusal_tells_both_hashes_of_the_rp_id() {
    let ceremony = Registration {
        rp_id_hash: vec![0x0f; 32],
        ..Registration::new()
    };
    let expected = hex::encode(common::sha256(b"example.org"));
    assert_eq!(
        ceremony.finish().unwrap_err(),
        RegistrationError::AuthenticatorData(AuthenticatorDataError::RpIdHashMismatch {
            expected,
            found: "0f".repeat(32),
        })
    );
}

#[test]
fn a_refusal_tells_the_algorithms_that_were_offered() {
    let mut ceremony = Registration::new();
    ceremony.expected.algorithms = vec![CoseAlgorithm::EDDSA, CoseAlgorithm(-4711)];
    assert_eq!(
        ceremony.finish().unwrap_err(),
        RegistrationError::CoseKey(CoseKeyError::AlgorithmNotAllowed {
            found: CoseAlgorithm::ES256,
            offered: "-8 (EdDSA), -4711 (unknown)".to_owned(),
        })
    );
}

#[test]
fn errors_name_the_step_of_their_own_ceremony() {
    let mut registration = Registration::new();
    registration.client_data["challenge"] = json!("AAAA");
    assert_eq!(registration.finish().unwrap_err().section(), "7.1 step 8");
    let mut authentication = Authentication::new();
    authentication.client_data["challenge"] = json!("AAAA");
    assert_eq!(
        authentication.finish().unwrap_err().section(),
        "7.2 step 11"
    );
    authentication.bend = |credential| credential["type"] = json!("password");
    let AuthenticationError::Response(error) = authentication.finish().unwrap_err() else {
        unreachable!("the form is judged first");
    };
    assert_eq!(error.section(), error.reason().section());
    assert_eq!(error.section(), "5.1, 7.1 step 3");
}

#[test]
fn an_unknown_type_is_shown_quoted_escaped_and_cut() {
    let ceremony = Authentication {
        bend: |credential| credential["type"] = json!(format!("\n{}", "x".repeat(40))),
        ..Authentication::new()
    };
    assert_eq!(
        ceremony.finish().unwrap_err(),
        AuthenticationError::Response(ResponseError::Type {
            found: format!("\"\\n{}\"", "x".repeat(31)),
        })
    );
}

#[test]
fn results_trust_and_shapes_have_words_of_their_own() {
    let results = [StepResult::Passed, StepResult::Refused, StepResult::Skipped];
    assert_eq!(
        results.map(StepResult::as_str),
        ["passed", "refused", "skipped"]
    );
    let trust = [
        Trust::None,
        Trust::SelfAttested,
        Trust::Unknown,
        Trust::Trusted,
    ];
    assert_eq!(
        trust.map(Trust::as_str),
        ["none", "self", "unknown", "trusted"]
    );
    assert_eq!(
        Signal::RootCertificateInPath.name(),
        "root_certificate_in_path"
    );
}

#[test]
fn responses_show_nothing_but_their_id_when_they_are_debugged() {
    let id = common::sha256(b"id");
    let registration = Registration {
        credential_id: id.clone(),
        ..Registration::new()
    };
    let authentication = Authentication {
        named_id: id.clone(),
        ..Authentication::new()
    };
    let id = webauthn::base64url::encode(&id);
    assert_eq!(
        format!("{:?}", registration.response().unwrap()),
        format!("RegistrationResponse {{ id: CredentialId({id}), .. }}")
    );
    assert_eq!(
        format!("{:?}", authentication.response().unwrap()),
        format!("AuthenticationResponse {{ id: CredentialId({id}), .. }}")
    );
    assert_eq!(Origin::exact(ORIGIN).to_string(), ORIGIN);
}
