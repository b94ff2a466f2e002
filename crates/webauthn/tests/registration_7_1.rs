//! Section 7.1, "Registering a new credential": each sentence with what succeeds and what fails.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{
    AT, BE, BS, ED, EVERY_ALGORITHM, Key, LOOK_ALIKES, Registration, Statement, UP, UV, sha256,
};
use serde_json::json;
use webauthn::Reason;
use webauthn::attestation::AttestationType;
use webauthn::authentication::Signal;
use webauthn::base64url::encode;
use webauthn::cose::CoseAlgorithm;
use webauthn::registration::{BackupPolicy, CrossOrigin, RegistrationError};
use webauthn::response::{ResponseError, ResponseForm, Shape};
use webauthn::trace::{StepResult, Steps};
use webauthn::trust::{Trust, UnixSeconds};

#[test]
fn a_valid_answer_of_every_algorithm_succeeds_and_keeps_what_was_received() {
    for algorithm in EVERY_ALGORITHM {
        let ceremony = Registration {
            sign_count: 9,
            ..Registration::with_key(Key::new(*algorithm))
        };
        let verified = ceremony.succeeds();
        assert_eq!(
            verified.credential_id().as_bytes(),
            &ceremony.credential_id[..]
        );
        assert_eq!(verified.public_key(), &ceremony.cose_key[..]);
        assert_eq!(verified.algorithm(), *algorithm);
        assert_eq!(verified.aaguid().as_bytes(), &ceremony.aaguid);
        assert_eq!(
            (
                verified.format(),
                verified.attestation_type(),
                verified.trust()
            ),
            ("none", AttestationType::None, Trust::None)
        );
        assert_eq!(verified.sign_count(), 9);
        assert!(verified.user_present() && verified.user_verified());
        assert!(!verified.backup_eligible() && !verified.backup_state());
        assert_eq!(verified.transports(), ["internal", "hybrid"]);
        assert_eq!(verified.discoverable(), Some(true));
        assert_eq!(verified.attestation_object(), ceremony.attestation_object());
        assert_eq!(verified.client_data_json(), ceremony.client_data_json());
        assert!(verified.signals().is_empty());
    }
}

mod steps_3_to_4_the_response_is_that_of_a_registration {
    use super::*;

    fn bent(bend: fn(&mut serde_json::Value)) -> Registration {
        Registration {
            bend,
            ..Registration::new()
        }
    }

    #[track_caller]
    fn missing(bend: fn(&mut serde_json::Value), members: &[&'static str], shape: Shape) {
        let error = bent(bend).response().unwrap_err();
        assert_eq!(
            error,
            ResponseError::MembersMissing {
                members: members.to_vec(),
                shape
            }
            .into()
        );
    }

    const ALL: &[&str] = &["response.clientDataJSON", "response.attestationObject"];

    #[test]
    fn all_missing_members_are_named_at_once() {
        missing(
            |c| drop(c.as_object_mut().unwrap().remove("response")),
            &["response"],
            Shape::Missing,
        );
        missing(|c| c["response"] = json!({}), ALL, Shape::Empty);
        missing(
            |c| c["response"] = json!({"authenticatorData": "AA", "signature": "AA"}),
            ALL,
            Shape::OtherCeremony,
        );
        missing(
            |c| c["response"]["attestationObject"] = json!(null),
            &ALL[1..],
            Shape::Incomplete,
        );
        missing(
            |c| c["response"]["clientDataJSON"] = json!([]),
            &ALL[..1],
            Shape::Incomplete,
        );
        missing(
            |c| {
                c["attestationObject"] = json!("oA");
                c.as_object_mut().unwrap().remove("response");
            },
            &["response"],
            Shape::Flat,
        );
    }

    #[test]
    fn a_credential_that_is_no_object_is_refused() {
        for text in ["null", "[]", "\"x\"", "1"] {
            let value =
                webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
            let error =
                webauthn::response::RegistrationResponse::from_json(&value, &ResponseForm::LENIENT)
                    .unwrap_err();
            assert_eq!(error.reason(), Reason::RequestInvalid);
        }
    }

    #[test]
    fn members_of_both_ceremonies_are_refused_in_the_strict_form() {
        let bend: fn(&mut serde_json::Value) = |c| c["response"]["signature"] = json!("AA");
        bent(bend).fails(Reason::ResponseInconsistent);
        let _ = Registration {
            form: ResponseForm::LENIENT,
            ..bent(bend)
        }
        .succeeds();
    }

    #[test]
    fn the_copies_for_people_without_cbor_are_ignored() {
        let _ = bent(|c| {
            c["response"]["authenticatorData"] = json!("AA");
            c["response"]["publicKey"] = json!("AA");
            c["response"]["publicKeyAlgorithm"] = json!(-257);
        })
        .succeeds();
    }

    #[test]
    fn an_attestation_object_beyond_its_size_is_refused_before_it_is_decoded() {
        bent(|c| c["response"]["attestationObject"] = json!("*".repeat(32 * 1024 * 4 / 3 + 2)))
            .fails(Reason::AttestationObjectMalformed);
        bent(|c| c["response"]["attestationObject"] = json!("oA=")).fails(Reason::Base64Invalid);
    }

    #[test]
    fn transports_keep_unknown_words_and_lose_everything_else() {
        let transports = |bend| bent(bend).succeeds().transports().to_vec();
        assert_eq!(
            transports(|c| c["response"]["transports"] = json!([
                "usb",
                1,
                "usb",
                null,
                "orbital",
                "",
                ["nfc"],
                "x".repeat(33)
            ])),
            ["usb", "orbital"]
        );
        assert!(transports(|c| c["response"]["transports"] = json!("usb")).is_empty());
        assert!(
            transports(|c| drop(c["response"].as_object_mut().unwrap().remove("transports")))
                .is_empty()
        );
        let many =
            transports(|c| c["response"]["transports"] = (0..40).map(|n| n.to_string()).collect());
        assert_eq!(many.len(), 16);
    }

    #[test]
    fn extension_results_are_optional_and_of_any_form() {
        let discoverable = |bend| bent(bend).succeeds().discoverable();
        assert_eq!(
            discoverable(|c| drop(c.as_object_mut().unwrap().remove("clientExtensionResults"))),
            None
        );
        assert_eq!(
            discoverable(|c| c["clientExtensionResults"] = json!(null)),
            None
        );
        assert_eq!(
            discoverable(|c| c["clientExtensionResults"] = json!({"credProps": {"rk": "yes"}})),
            None
        );
        assert_eq!(
            discoverable(|c| c["clientExtensionResults"] = json!({"credProps": {"rk": false}})),
            Some(false)
        );
    }
}

mod steps_5_to_12_client_data {
    use super::*;

    #[test]
    fn the_type_must_be_webauthn_create() {
        for kind in [
            "webauthn.get",
            "payment.get",
            "webauthn.Create",
            "webauthn.create\u{0}",
        ] {
            let mut ceremony = Registration::new();
            ceremony.client_data["type"] = json!(kind);
            ceremony.fails(Reason::ClientDataTypeMismatch);
        }
    }

    #[test]
    fn the_challenge_must_be_the_ceremonys() {
        let mut ceremony = Registration::new();
        ceremony.client_data["challenge"] = json!(encode(&[0x5b; 32]));
        ceremony.fails(Reason::ChallengeMismatch);
    }

    #[test]
    fn no_look_alike_of_an_allowed_origin_is_accepted() {
        for origin in LOOK_ALIKES {
            let mut ceremony = Registration::new();
            ceremony.client_data["origin"] = json!(origin);
            ceremony.fails(Reason::OriginNotAllowed);
        }
    }

    #[test]
    fn embedding_needs_leave_and_a_listed_embedder() {
        let top = "https://embedder.test";
        let mut ceremony = Registration::new();
        ceremony.client_data["crossOrigin"] = json!(true);
        ceremony.fails(Reason::CrossOriginNotAllowed);
        ceremony.client_data["topOrigin"] = json!(top);
        ceremony.expected.cross_origin = CrossOrigin::Allowed {
            top_origins: vec![],
        };
        ceremony.fails(Reason::TopOriginNotAllowed);
        ceremony.expected.cross_origin = CrossOrigin::Allowed {
            top_origins: vec![top.into()],
        };
        let _ = ceremony.succeeds();
        ceremony.client_data["crossOrigin"] = json!(false);
        ceremony.fails(Reason::TopOriginNotAllowed);
    }

    #[test]
    fn a_claimed_token_binding_is_refused() {
        let mut ceremony = Registration::new();
        ceremony.client_data["tokenBinding"] = json!({"status": "present"});
        ceremony.fails(Reason::TokenBindingUnsupported);
    }
}

mod step_13_the_attestation_object_is_decoded {
    use super::*;

    #[test]
    fn any_order_of_its_members_succeeds() {
        for members in [
            ["fmt", "authData", "attStmt"],
            ["authData", "attStmt", "fmt"],
        ] {
            let _ = Registration {
                members: members.to_vec(),
                ..Registration::new()
            }
            .succeeds();
        }
    }

    #[test]
    fn missing_repeated_and_unknown_members_fail() {
        for (members, reason) in [
            (vec![], Reason::AttestationObjectMembers),
            (vec!["fmt", "attStmt"], Reason::AttestationObjectMembers),
            (vec!["fmt", "authData"], Reason::AttestationObjectMembers),
            (
                vec!["attStmt", "authData"],
                Reason::AttestationObjectMembers,
            ),
            (
                vec!["fmt", "attStmt", "authData", "epAtt"],
                Reason::AttestationObjectMembers,
            ),
            (
                vec!["fmt", "attStmt", "authData", "fmt"],
                Reason::CborDuplicateKey,
            ),
        ] {
            Registration {
                members,
                ..Registration::new()
            }
            .fails(reason);
        }
    }

    #[test]
    fn trailing_bytes_and_other_cbor_fail() {
        Registration {
            object_tail: vec![0],
            ..Registration::new()
        }
        .fails(Reason::TrailingBytes);
        for (text, reason) in [
            ("AA", Reason::AttestationObjectMembers),
            ("gA", Reason::AttestationObjectMembers),
            ("v_8", Reason::CborMalformed),
            ("wAA", Reason::CborMalformed),
            ("ow", Reason::CborMalformed),
        ] {
            let mut credential: serde_json::Value =
                serde_json::from_slice(&Registration::new().json()).unwrap();
            credential["response"]["attestationObject"] = json!(text);
            let text = credential.to_string();
            let value =
                webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
            let response =
                webauthn::response::RegistrationResponse::from_json(&value, &ResponseForm::STRICT)
                    .unwrap();
            let expected = Registration::new().expected;
            let error = webauthn::verify_registration(
                &expected,
                &response,
                common::NOW,
                &mut webauthn::trace::NoTrace,
            )
            .unwrap_err();
            assert_eq!(error.reason(), reason, "{error}");
        }
    }

    #[test]
    fn there_must_be_a_new_credential() {
        Registration {
            flags: UP,
            ..Registration::new()
        }
        .fails(Reason::AttestedCredentialDataMissing);
    }

    #[test]
    fn every_truncation_of_the_authenticator_data_fails() {
        let whole = Registration::new().authenticator_data().len();
        static LENGTH: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        for length in 0..whole {
            LENGTH.store(length, std::sync::atomic::Ordering::Relaxed);
            let ceremony = Registration {
                tamper: |data| data.truncate(LENGTH.load(std::sync::atomic::Ordering::Relaxed)),
                ..Registration::new()
            };
            ceremony.fails(Reason::AuthenticatorDataMalformed);
        }
        Registration {
            tamper: |data| data.push(0),
            ..Registration::new()
        }
        .fails(Reason::TrailingBytes);
    }

    #[test]
    fn the_credential_id_has_1_to_1023_bytes() {
        let with = |length: usize| Registration {
            credential_id: vec![1; length],
            ..Registration::new()
        };
        let _ = with(1023).succeeds();
        Registration {
            named_id: Some(vec![1; 1023]),
            ..with(1024)
        }
        .fails(Reason::CredentialIdTooLong);
        Registration {
            named_id: Some(vec![1]),
            ..with(0)
        }
        .fails(Reason::AuthenticatorDataMalformed);
    }

    #[test]
    fn extension_outputs_follow_the_key() {
        let with = |tail: &[u8]| Registration {
            flags: UP | AT | ED,
            tail: tail.to_vec(),
            ..Registration::new()
        };
        let _ = with(&[0xa1, 0x61, b'x', 0x01]).succeeds();
        with(&[]).fails(Reason::AuthenticatorDataMalformed);
        with(&[0x81, 0x01]).fails(Reason::AuthenticatorDataMalformed);
        with(&[0xa2, 0x61, b'x', 0x01, 0x61, b'x', 0x01]).fails(Reason::CborDuplicateKey);
    }
}

mod steps_14_to_19_flags_and_rp_id {
    use super::*;

    #[test]
    fn the_rp_id_hash_must_be_the_expected_one() {
        for other in [
            "org",
            "www.example.org",
            "EXAMPLE.ORG",
            "https://example.org",
        ] {
            Registration {
                rp_id_hash: sha256(other.as_bytes()),
                ..Registration::new()
            }
            .fails(Reason::RpIdHashMismatch);
        }
    }

    /// The table: what all 256 flag bytes mean under a policy.
    fn verdict(
        flags: u8,
        uv_required: bool,
        conditional: bool,
        backup: BackupPolicy,
    ) -> Option<Reason> {
        let (be, bs) = (flags & BE != 0, flags & BS != 0);
        match () {
            // Without AT the credential that is there is left over, or read as extensions.
            () if flags & AT == 0 && flags & ED == 0 => Some(Reason::TrailingBytes),
            () if flags & ED != 0 => Some(Reason::AuthenticatorDataMalformed),
            () if flags & UP == 0 && !conditional => Some(Reason::UserNotPresent),
            () if flags & UV == 0 && uv_required => Some(Reason::UserNotVerified),
            () if bs && !be => Some(Reason::BackupFlagsInvalid),
            () => {
                let met = match backup {
                    BackupPolicy::Any => true,
                    BackupPolicy::DeviceBound => !be,
                    BackupPolicy::Eligible => be,
                    BackupPolicy::BackedUp => bs,
                };
                (!met).then_some(Reason::BackupPolicyRefused)
            }
        }
    }

    #[test]
    fn every_flag_byte_under_every_policy() {
        let key = Key::es256();
        let cose_key = key.cose();
        let mut ceremony = Registration::with_key(key);
        for flags in 0..=u8::MAX {
            for (uv_required, conditional, backup) in [
                (false, false, BackupPolicy::Any),
                (true, false, BackupPolicy::Any),
                (false, true, BackupPolicy::Any),
                (true, true, BackupPolicy::DeviceBound),
                (false, false, BackupPolicy::Eligible),
                (false, false, BackupPolicy::BackedUp),
            ] {
                ceremony.flags = flags;
                ceremony.expected.user_verification_required = uv_required;
                ceremony.expected.conditional_create = conditional;
                ceremony.expected.backup = backup;
                // The maker leaves the credential out when AT is clear; this test wants it there always.
                ceremony.tail = match flags & AT {
                    0 => [&[0xaa; 16][..], &[0, 32], &[0xc1; 32], &cose_key].concat(),
                    _ => vec![],
                };
                let found = ceremony.finish().err().map(|error| error.reason());
                assert_eq!(
                    found,
                    verdict(flags, uv_required, conditional, backup),
                    "{flags:#x} {uv_required} {conditional} {backup:?}"
                );
            }
        }
    }

    #[test]
    fn the_flags_are_recorded_as_they_were() {
        let verified = Registration {
            flags: UP | AT | BE | BS,
            ..Registration::new()
        }
        .succeeds();
        assert!(verified.backup_eligible() && verified.backup_state() && !verified.user_verified());
        let mut conditional = Registration {
            flags: AT,
            ..Registration::new()
        };
        conditional.expected.conditional_create = true;
        assert!(!conditional.succeeds().user_present());
        conditional.flags = AT | UV;
        assert!(conditional.succeeds().user_verified());
    }
}

mod step_20_the_algorithm_was_offered {
    use super::*;

    #[test]
    fn an_algorithm_that_was_not_offered_fails_also_under_another_id_of_the_same_meaning() {
        for (key, offered) in [
            (
                CoseAlgorithm::ES256,
                vec![CoseAlgorithm::EDDSA, CoseAlgorithm::RS256],
            ),
            (CoseAlgorithm::ESP256, vec![CoseAlgorithm::ES256]),
            (CoseAlgorithm::ED25519, vec![CoseAlgorithm::EDDSA]),
            (CoseAlgorithm::ES256, vec![]),
        ] {
            let mut ceremony = Registration::with_key(Key::new(key));
            ceremony.expected.algorithms = offered;
            ceremony.fails(Reason::AlgorithmNotAllowed);
        }
    }

    #[test]
    fn an_algorithm_that_was_offered_and_is_unknown_fails() {
        let mut ceremony = Registration::new();
        ceremony.expected.algorithms = vec![CoseAlgorithm(-47)];
        ceremony.cose_key.splice(4..5, [0x38, 0x2e]);
        ceremony.fails(Reason::AlgorithmUnsupported);
    }

    #[test]
    fn the_key_is_checked_although_nothing_is_signed() {
        let mut off_curve = Registration::new();
        *off_curve.cose_key.last_mut().unwrap() ^= 1;
        off_curve.fails(Reason::CoseKeyPointInvalid);
    }

    #[test]
    fn a_key_with_a_wrong_map_length_is_refused() {
        // Some old keys announce a map of three entries and send four.
        let mut ceremony = Registration::with_key(Key::new(CoseAlgorithm::EDDSA));
        ceremony.cose_key[0] = 0xa3;
        ceremony.fails(Reason::TrailingBytes);
        ceremony.cose_key[0] = 0xa5;
        ceremony.fails(Reason::AuthenticatorDataMalformed);
    }
}

mod the_client_names_the_attested_credential {
    use super::*;

    #[test]
    fn another_id_fails() {
        Registration {
            named_id: Some(vec![0xc2; 32]),
            ..Registration::new()
        }
        .fails(Reason::CredentialIdMismatch);
        Registration {
            named_id: Some(vec![0xc1; 31]),
            ..Registration::new()
        }
        .fails(Reason::CredentialIdMismatch);
    }
}

mod steps_21_to_22_the_statement {
    use super::*;

    #[test]
    fn unknown_formats_and_other_letter_cases_fail() {
        for format in [
            "None",
            "PACKED",
            "Packed",
            "tpm ",
            "apple-appattest",
            "x-new",
            "",
        ] {
            Registration {
                format: format.into(),
                ..Registration::new()
            }
            .fails(Reason::AttestationFormatUnsupported);
        }
    }

    #[test]
    fn none_has_an_empty_map() {
        for raw in [
            vec![0xa1, 0x61, b'x', 0x01],
            vec![0x80],
            vec![0xf6],
            vec![0x40],
        ] {
            Registration {
                statement: Statement::Raw(raw),
                ..Registration::new()
            }
            .fails(Reason::AttestationStatementMalformed);
        }
    }

    #[test]
    fn packed_self_attestation_of_every_algorithm_succeeds() {
        for algorithm in EVERY_ALGORITHM {
            let verified = Registration::packed_self(Key::new(*algorithm)).succeeds();
            assert_eq!(
                (verified.format(), verified.attestation_type()),
                ("packed", AttestationType::SelfAttestation)
            );
            assert_eq!(verified.trust(), Trust::SelfAttested);
        }
    }

    #[test]
    fn packed_self_attestation_must_name_the_keys_algorithm_and_verify() {
        for alg in [-257, -35, -9, 0, 7] {
            Registration {
                statement: Statement::SelfSigned(alg),
                ..Registration::packed_self(Key::es256())
            }
            .fails(Reason::AttestationAlgorithmMismatch);
        }
        // The counter's last byte, after signing.
        Registration {
            tamper: |data| data[36] ^= 1,
            ..Registration::packed_self(Key::es256())
        }
        .fails(Reason::AttestationSignatureInvalid);
        Registration {
            tamper: |data| data[40] ^= 1,
            ..Registration::packed_self(Key::es256())
        }
        .fails(Reason::AttestationSignatureInvalid);
    }

    #[test]
    fn a_statement_is_verified_although_none_was_asked_for() {
        let mut ceremony = Registration {
            tamper: |data| data[36] ^= 1,
            ..Registration::packed_self(Key::es256())
        };
        ceremony.expected.attestation.allow_none = true;
        ceremony.fails(Reason::AttestationSignatureInvalid);
    }

    #[test]
    fn packed_members_have_their_types() {
        // alg text; sig text; no sig; no alg; x5c no array; x5c of a text.
        for raw in [
            "a163616c67613700",
            "a263616c672663736967617a",
            "a163616c6726",
            "a16373696741",
            "a363616c672663736967410063783563f6",
        ] {
            let raw = hex::decode(if raw.len() % 2 == 0 {
                raw.to_owned()
            } else {
                format!("{raw}0")
            })
            .unwrap();
            let ceremony = Registration {
                statement: Statement::Raw(raw),
                ..Registration::packed_self(Key::es256())
            };
            let reason = ceremony.finish().unwrap_err().reason();
            assert!(
                matches!(
                    reason,
                    Reason::AttestationStatementMalformed | Reason::CborMalformed
                ),
                "{reason}"
            );
        }
        for (raw, reason) in [
            (
                "a363616c6726637369674100637835638161 7a",
                Reason::AttestationStatementMalformed,
            ),
            (
                "a363616c672663736967410063783563 80",
                Reason::AttestationStatementMalformed,
            ),
            (
                "a363616c672663736967410063783563 8141ff",
                Reason::AttestationStatementMalformed,
            ),
            (
                "a263616c6726637369674100",
                Reason::AttestationSignatureInvalid,
            ),
            ("80", Reason::AttestationStatementMalformed),
        ] {
            let raw = hex::decode(raw.replace(' ', "")).unwrap();
            Registration {
                statement: Statement::Raw(raw),
                ..Registration::packed_self(Key::es256())
            }
            .fails(reason);
        }
    }
}

mod steps_22_to_24_packed_with_certificates {
    use super::*;
    use common::certificates::{
        Spec, attestation_subject, basic_constraints, extension, fido_oid, tlv,
    };

    fn basic(
        leaf: &Spec,
        alg: CoseAlgorithm,
        others: impl FnOnce(&Key) -> Vec<Vec<u8>>,
    ) -> Registration {
        let (signer, issuer) = (Key::new(alg), Key::es256());
        let x5c = [vec![leaf.issue(&signer, &issuer)], others(&issuer)].concat();
        Registration {
            format: "packed".into(),
            statement: Statement::Basic {
                alg: alg.0,
                signer,
                x5c,
            },
            ..Registration::new()
        }
    }

    fn leaf(spec: &Spec) -> Registration {
        basic(spec, CoseAlgorithm::ES256, |_| vec![])
    }

    fn spec(bend: fn(&mut Spec)) -> Spec {
        let mut spec = Spec::leaf();
        bend(&mut spec);
        spec
    }

    #[test]
    fn a_certificate_with_every_kind_of_key_succeeds() {
        for algorithm in [
            CoseAlgorithm::ES256,
            CoseAlgorithm::ES384,
            CoseAlgorithm::ES512,
            CoseAlgorithm::EDDSA,
            CoseAlgorithm::RS256,
        ] {
            let verified = basic(&Spec::leaf(), algorithm, |_| vec![]).succeeds();
            assert_eq!(
                (verified.attestation_type(), verified.trust()),
                (AttestationType::Basic, Trust::Unknown)
            );
        }
    }

    #[test]
    fn the_statements_algorithm_fits_the_certificates_key() {
        let with = |algorithm: CoseAlgorithm, named: CoseAlgorithm| {
            let mut ceremony = basic(&Spec::leaf(), algorithm, |_| vec![]);
            if let Statement::Basic { alg, .. } = &mut ceremony.statement {
                *alg = named.0;
            }
            ceremony
        };
        with(CoseAlgorithm::ES256, CoseAlgorithm::RS256).fails(Reason::CertificateRequirements);
        with(CoseAlgorithm::ES256, CoseAlgorithm::EDDSA).fails(Reason::CertificateRequirements);
        with(CoseAlgorithm::ES384, CoseAlgorithm::ESP256).fails(Reason::CertificateRequirements);
        with(CoseAlgorithm::ES256, CoseAlgorithm::ES384).fails(Reason::AttestationSignatureInvalid);
        with(CoseAlgorithm::ES256, CoseAlgorithm(-65535)).fails(Reason::AlgorithmUnsupported);
    }

    #[test]
    fn the_leaf_must_have_signed() {
        let mut ceremony = leaf(&Spec::leaf());
        ceremony.tamper = |data| data[36] ^= 1;
        ceremony.fails(Reason::AttestationSignatureInvalid);
        let mut ceremony = leaf(&Spec::leaf());
        if let Statement::Basic { signer, .. } = &mut ceremony.statement {
            *signer = Key::es256();
        }
        ceremony.fails(Reason::AttestationSignatureInvalid);
    }

    #[test]
    fn the_requirements_of_8_2_1_hold_one_by_one() {
        let bends: [fn(&mut Spec); 15] = [
            |s| {
                s.version = 0;
                s.extensions.clear();
            },
            |s| s.version = 1,
            |s| s.subject[0].1 = "AAA",
            |s| s.subject[0].1 = "A1",
            |s| drop(s.subject.remove(0)),
            |s| s.subject[1].1 = "",
            |s| drop(s.subject.remove(1)),
            |s| s.subject[2].1 = "authenticator attestation",
            |s| s.subject[2].1 = "Authenticator Attestation CA",
            |s| drop(s.subject.remove(2)),
            |s| s.subject[3].1 = "",
            |s| drop(s.subject.remove(3)),
            |s| s.extensions[0] = basic_constraints(true, None),
            |s| s.extensions[0] = extension(&[0x55, 0x1d, 19], true, &[1, 2, 3]),
            |s| s.extensions.push(extension(&fido_oid(2), true, &[4, 0])),
        ];
        for (at, bend) in bends.into_iter().enumerate() {
            let error = leaf(&spec(bend)).finish().unwrap_err();
            assert_eq!(
                error.reason(),
                Reason::CertificateRequirements,
                "{at}: {error}"
            );
        }
        leaf(&spec(|s| {
            s.extensions.push(extension(&fido_oid(5), true, &[4, 0]))
        }))
        .fails(Reason::CertificateRequirements);
        let _ = leaf(&spec(|s| {
            s.extensions.push(extension(&fido_oid(5), false, &[4, 0]))
        }))
        .succeeds();
        // Absent Basic Constraints are tolerated.
        let _ = leaf(&spec(|s| drop(s.extensions.remove(0)))).succeeds();
        assert_eq!(attestation_subject().len(), 4);
    }

    #[test]
    fn the_aaguid_extension_if_present_is_not_critical_and_names_the_model() {
        let bends: [fn(&mut Spec); 5] = [
            |s| s.extensions[1] = extension(&fido_oid(4), false, &tlv(4, &[0xab; 16])),
            |s| s.extensions[1] = extension(&fido_oid(4), true, &tlv(4, &[0xaa; 16])),
            |s| s.extensions[1] = extension(&fido_oid(4), false, &[0xaa; 16]),
            |s| s.extensions[1] = extension(&fido_oid(4), false, &tlv(4, &[0xaa; 15])),
            |s| {
                s.extensions[1] = extension(
                    &fido_oid(4),
                    false,
                    &[&tlv(4, &[0xaa; 16])[..], &[0]].concat(),
                )
            },
        ];
        for bend in bends {
            leaf(&spec(bend)).fails(Reason::AaguidExtensionMismatch);
        }
        let _ = leaf(&spec(|s| drop(s.extensions.remove(1)))).succeeds();
    }

    #[test]
    fn a_certificate_that_cannot_be_read_fails() {
        for cut in [1, 5, 50] {
            let mut ceremony = leaf(&Spec::leaf());
            if let Statement::Basic { x5c, .. } = &mut ceremony.statement {
                let length = x5c[0].len() - cut;
                x5c[0].truncate(length);
            }
            ceremony.fails(Reason::AttestationStatementMalformed);
        }
        leaf(&spec(|s| s.extensions.push(s.extensions[0].clone())))
            .fails(Reason::AttestationStatementMalformed);
    }

    #[test]
    fn the_chain_is_bounded_in_number_and_size() {
        let filler = |count: usize| move |_: &Key| vec![vec![0x30, 0]; count];
        basic(&Spec::leaf(), CoseAlgorithm::ES256, filler(6))
            .fails(Reason::AttestationStatementMalformed);
        basic(&Spec::leaf(), CoseAlgorithm::ES256, |_| {
            vec![vec![0; 8 * 1024 + 1]]
        })
        .fails(Reason::AttestationStatementMalformed);
    }

    /// Root (anchor), intermediate, leaf; the intermediate can be bent, and so can what is sent.
    struct Chain {
        root: Vec<u8>,
        intermediate: Vec<u8>,
        leaf: Vec<u8>,
        signer: Option<Key>,
    }

    impl Chain {
        fn new(leaf: &Spec, intermediate: &Spec, root: &Spec) -> Self {
            let (signer, middle, top) = (
                Key::es256(),
                Key::new(CoseAlgorithm::ES384),
                Key::new(CoseAlgorithm::RS256),
            );
            Self {
                root: root.issue(&top, &top),
                intermediate: intermediate.issue(&middle, &top),
                leaf: leaf.issue(&signer, &middle),
                signer: Some(signer),
            }
        }

        fn good() -> Self {
            Self::new(
                &Spec::leaf(),
                &Spec::ca("Intermediate", "Root"),
                &Spec::ca("Root", "Root"),
            )
        }

        fn send(&mut self, x5c: &[&[u8]], anchors: &[&[u8]]) -> Registration {
            let signer = self.signer.take().unwrap();
            let x5c = x5c.iter().map(|c| c.to_vec()).collect();
            let statement = Statement::Basic {
                alg: -7,
                signer,
                x5c,
            };
            let mut ceremony = Registration {
                format: "packed".into(),
                statement,
                ..Registration::new()
            };
            ceremony.expected.attestation.trust_anchors =
                anchors.iter().map(|c| c.to_vec()).collect();
            ceremony
        }
    }

    fn chain(bend: fn(&mut Spec, &mut Spec, &mut Spec)) -> Registration {
        let (mut leaf, mut middle, mut root) = (
            Spec::leaf(),
            Spec::ca("Intermediate", "Root"),
            Spec::ca("Root", "Root"),
        );
        bend(&mut leaf, &mut middle, &mut root);
        let mut chain = Chain::new(&leaf, &middle, &root);
        let (l, m, r) = (
            chain.leaf.clone(),
            chain.intermediate.clone(),
            chain.root.clone(),
        );
        chain.send(&[&l, &m], &[&r])
    }

    #[test]
    fn a_chain_that_leads_to_an_anchor_is_trusted() {
        let verified = chain(|_, _, _| {}).succeeds();
        assert_eq!(verified.trust(), Trust::Trusted);
        assert!(verified.signals().is_empty());
    }

    #[test]
    fn an_anchor_may_be_the_intermediate_or_the_leaf_itself() {
        for pick in [
            |c: &Chain| c.intermediate.clone(),
            |c: &Chain| c.leaf.clone(),
        ] {
            let mut chain = Chain::good();
            let (leaf, anchor) = (chain.leaf.clone(), pick(&chain));
            assert_eq!(
                chain.send(&[&leaf], &[&anchor]).succeeds().trust(),
                Trust::Trusted
            );
        }
    }

    #[test]
    fn a_root_that_the_statement_brings_along_proves_nothing() {
        let other = Chain::good().root;
        let mut own = Chain::good();
        let (leaf, middle, root) = (own.leaf.clone(), own.intermediate.clone(), own.root.clone());
        let mut ceremony = own.send(&[&leaf, &middle, &root], &[&other]);
        ceremony.fails(Reason::AttestationUntrusted);
        ceremony.expected.attestation.trust_anchors = vec![root];
        let verified = ceremony.succeeds();
        assert_eq!(
            (verified.trust(), verified.signals()),
            (Trust::Trusted, &[Signal::RootCertificateInPath][..])
        );
        ceremony.expected.attestation.refuse_root_in_path = true;
        ceremony.fails(Reason::AttestationUntrusted);
    }

    #[test]
    fn a_missing_intermediate_a_wrong_order_and_foreign_certificates_fail() {
        let send = |pick: fn(&Chain, &Chain) -> Vec<Vec<u8>>| {
            let (mut own, other) = (Chain::good(), Chain::good());
            let (x5c, root) = (pick(&own, &other), own.root.clone());
            own.send(&x5c.iter().map(Vec::as_slice).collect::<Vec<_>>(), &[&root])
        };
        send(|own, _| vec![own.leaf.clone()]).fails(Reason::AttestationUntrusted);
        send(|own, _| vec![own.leaf.clone(), own.root.clone(), own.intermediate.clone()])
            .fails(Reason::AttestationUntrusted);
        send(|own, other| vec![own.leaf.clone(), other.intermediate.clone()])
            .fails(Reason::AttestationUntrusted);
        send(|own, _| vec![own.leaf.clone(), own.leaf.clone()]).fails(Reason::AttestationUntrusted);
        send(|own, _| vec![own.leaf.clone(), vec![0x30, 0]]).fails(Reason::AttestationUntrusted);
    }

    #[test]
    fn issuers_are_cas_of_sufficient_path_length_that_may_sign() {
        let bends: [fn(&mut Spec, &mut Spec, &mut Spec); 7] = [
            |_, middle, _| middle.extensions[0] = basic_constraints(false, None),
            |_, middle, _| drop(middle.extensions.remove(0)),
            |_, middle, _| {
                middle.extensions[1] = extension(&[0x55, 0x1d, 15], true, &[3, 2, 7, 0x80])
            },
            |_, _, root| root.extensions[0] = basic_constraints(true, Some(0)),
            |_, _, root| root.extensions[0] = basic_constraints(false, None),
            |_, middle, _| {
                middle
                    .extensions
                    .push(extension(&[0x55, 0x1d, 30], true, &[0x30, 0]))
            },
            |_, middle, _| middle.issuer = vec![(3, "Another root")],
        ];
        for (at, bend) in bends.into_iter().enumerate() {
            let error = chain(bend).finish().unwrap_err();
            assert_eq!(
                error.reason(),
                Reason::AttestationUntrusted,
                "{at}: {error}"
            );
        }
        let exact: fn(&mut Spec, &mut Spec, &mut Spec) = |_, middle, root| {
            middle.extensions[0] = basic_constraints(true, Some(0));
            root.extensions[0] = basic_constraints(true, Some(1));
        };
        let _ = chain(exact).succeeds();
        chain(|leaf, _, _| leaf.extensions.push(extension(&[0x2a, 3], true, &[5, 0])))
            .fails(Reason::AttestationUntrusted);
    }

    #[test]
    fn every_certificate_is_valid_at_the_moment_of_registration() {
        chain(|leaf, _, _| leaf.not_after = "20251231235959Z").fails(Reason::CertificateExpired);
        chain(|leaf, _, _| leaf.not_before = "20260101000001Z")
            .fails(Reason::CertificateNotYetValid);
        chain(|_, middle, _| middle.not_after = "20251231235959Z")
            .fails(Reason::CertificateExpired);
        chain(|_, middle, _| middle.not_before = "20260101000001Z")
            .fails(Reason::CertificateNotYetValid);
        chain(|_, _, root| root.not_after = "20251231235959Z").fails(Reason::CertificateExpired);
        let _ = chain(|leaf, _, _| {
            (leaf.not_before, leaf.not_after) = ("20260101000000Z", "20260101000000Z")
        })
        .succeeds();
        let later = Registration {
            at: UnixSeconds(2_524_608_000),
            ..chain(|_, _, _| {})
        };
        later.fails(Reason::CertificateExpired);
    }

    #[test]
    fn the_policy_decides_about_every_kind_of_attestation() {
        let mut none = Registration::new();
        none.expected.attestation.allow_none = false;
        none.fails(Reason::AttestationPolicyRefused);
        let mut own = Registration::packed_self(Key::es256());
        own.expected.attestation.allow_self = false;
        own.fails(Reason::AttestationPolicyRefused);
        let mut unknown = leaf(&Spec::leaf());
        unknown.expected.attestation.allow_unknown_trust = false;
        unknown.fails(Reason::AttestationPolicyRefused);
    }
}

mod step_25_the_length_of_the_credential_id {
    use super::*;

    #[test]
    fn ids_below_the_policys_minimum_fail() {
        let mut ceremony = Registration {
            credential_id: vec![1; 15],
            ..Registration::new()
        };
        ceremony.fails(Reason::CredentialIdTooShort);
        ceremony.expected.min_credential_id_length = 15;
        let _ = ceremony.succeeds();
    }
}

mod the_expectation_is_stored {
    use super::*;
    use webauthn::RegistrationExpectation;

    #[test]
    fn it_survives_json_and_a_record_that_lacks_a_member_is_unreadable() {
        let mut expected = Registration::new().expected;
        expected.attestation.trust_anchors = vec![vec![1, 2, 3]];
        let value = serde_json::to_value(&expected).unwrap();
        assert_eq!(
            serde_json::from_value::<RegistrationExpectation>(value.clone()).unwrap(),
            expected
        );
        let mut count = 0;
        let mut refuse_without = |path: Option<&str>, member: &str| {
            let mut lacking = value.clone();
            let object = match path {
                Some(path) => &mut lacking[path],
                None => &mut lacking,
            };
            object.as_object_mut().unwrap().remove(member).unwrap();
            assert!(
                serde_json::from_value::<RegistrationExpectation>(lacking).is_err(),
                "{member}"
            );
            count += 1;
        };
        for member in value.as_object().unwrap().keys() {
            refuse_without(None, member);
        }
        for member in value["attestation"].as_object().unwrap().keys() {
            refuse_without(Some("attestation"), member);
        }
        assert_eq!(count, 15);
    }
}

mod the_trace {
    use super::*;

    #[test]
    fn names_every_step_in_order_and_ends_with_the_refusal() {
        let mut steps = Steps::default();
        let _ = Registration::new().finish_traced(&mut steps).unwrap();
        let numbers: Vec<u32> = steps
            .0
            .iter()
            .filter_map(|step| {
                step.section
                    .strip_prefix("7.1 step ")
                    .or(step.section.strip_prefix("7.1 steps "))
            })
            .map(|number| number.split('-').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(
            numbers,
            [
                7, 8, 9, 10, 11, 13, 13, 13, 14, 15, 16, 17, 18, 20, 20, 21, 22, 23, 25
            ]
        );
        assert!(
            steps
                .0
                .iter()
                .all(|step| step.result != StepResult::Refused)
        );

        let mut steps = Steps::default();
        let refused = Registration {
            flags: AT,
            ..Registration::new()
        };
        assert!(matches!(
            refused.finish_traced(&mut steps),
            Err(RegistrationError::AuthenticatorData(_))
        ));
        let last = steps.0.last().unwrap();
        assert_eq!(
            (last.section, last.result),
            ("7.1 step 15", StepResult::Refused)
        );
    }
}
