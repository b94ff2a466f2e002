//! Section 7.1, "Registering a new credential": each sentence with what succeeds and what fails.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{
    AT, BE, BS, ED, EVERY_ALGORITHM, Key, LOOK_ALIKES, Registration, Statement, UP, UV, sha256,
};
use serde_json::json;
use webauthn::Reason;
use webauthn::attestation::AttestationType;
use webauthn::base64url::encode;
use webauthn::cose::CoseAlgorithm;
use webauthn::registration::{BackupPolicy, CrossOrigin, RegistrationError};
use webauthn::response::{ResponseError, ResponseForm, Shape};
use webauthn::trace::{StepResult, Steps};
use webauthn::trust::Trust;

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
        let renamed = discoverable(|c| {
            let results = c["clientExtensionResults"].take();
            c.as_object_mut().unwrap().remove("clientExtensionResults");
            c["getClientExtensionResults"] = results;
        });
        assert_eq!(renamed, Some(true));
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
        for length in 0..whole {
            let cut = Some(length);
            Registration {
                cut,
                ..Registration::new()
            }
            .fails(Reason::AuthenticatorDataMalformed);
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
        ceremony.expected.algorithms = vec![CoseAlgorithm(-46)];
        ceremony.cose_key.splice(4..5, [0x38, 0x2d]);
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
        let (alg, sig, x5c) = ("63616c6726", "637369674100", "63783563");
        for (case, raw, reason) in [
            (
                "alg is a text",
                format!("a263616c676161{sig}"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "sig is a text",
                format!("a2{alg}637369676161"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "no sig",
                format!("a1{alg}"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "no alg",
                format!("a1{sig}"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "x5c is null",
                format!("a3{alg}{sig}{x5c}f6"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "x5c is empty",
                format!("a3{alg}{sig}{x5c}80"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "x5c holds a text",
                format!("a3{alg}{sig}{x5c}816161"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "x5c holds no certificate",
                format!("a3{alg}{sig}{x5c}8141ff"),
                Reason::AttestationStatementMalformed,
            ),
            (
                "not a map",
                "80".to_owned(),
                Reason::AttestationStatementMalformed,
            ),
            (
                "alg twice",
                format!("a3{alg}{sig}{alg}"),
                Reason::CborDuplicateKey,
            ),
            (
                "a signature of one byte",
                format!("a2{alg}{sig}"),
                Reason::AttestationSignatureInvalid,
            ),
            (
                "ecdaaKeyId of Level 1",
                format!("a3{alg}{sig}6a65636461614b657949644100"),
                Reason::AttestationSignatureInvalid,
            ),
        ] {
            let statement = Statement::Raw(hex::decode(raw).unwrap());
            let error = Registration {
                statement,
                ..Registration::packed_self(Key::es256())
            }
            .finish()
            .unwrap_err();
            assert_eq!(error.reason(), reason, "{case}: {error}");
        }
    }
}

mod steps_23_to_24_the_policy {
    use super::*;

    #[test]
    fn none_and_self_attestation_are_accepted_only_where_allowed() {
        let mut none = Registration::new();
        none.expected.attestation.allow_none = false;
        none.fails(Reason::AttestationPolicyRefused);
        let mut own = Registration::packed_self(Key::es256());
        own.expected.attestation.allow_self = false;
        own.fails(Reason::AttestationPolicyRefused);
    }
}

mod step_28_extensions {
    use super::*;
    use webauthn::extension::{AuthenticatorOutputs, ClientOutputs, UserVerification};

    #[test]
    fn outputs_that_are_known_are_read_and_all_others_ignored() {
        let outputs = |map: &str| {
            let tail = hex::decode(map).unwrap();
            let ceremony = Registration {
                flags: UP | AT | ED,
                tail,
                ..Registration::new()
            };
            ceremony.succeeds().authenticator_outputs().clone()
        };
        let (protect, pin) = ("6b6372656450726f74656374", "6c6d696e50696e4c656e677468");
        assert_eq!(outputs("a0"), AuthenticatorOutputs::default());
        assert_eq!(
            outputs(&format!("a2{protect}02{pin}06")),
            AuthenticatorOutputs {
                cred_protect: Some(2),
                min_pin_length: Some(6),
                ..AuthenticatorOutputs::default()
            }
        );
        for wrong in ["00", "04", "20", "6132", "190100"] {
            assert_eq!(
                outputs(&format!("a1{protect}{wrong}")).cred_protect,
                None,
                "{wrong}"
            );
        }
        // hmac-secret and credBlob.
        let secret = "6b686d61632d736563726574";
        assert_eq!(outputs(&format!("a1{secret}f5")).hmac_secret, Some(true));
        assert_eq!(outputs(&format!("a1{secret}01")).hmac_secret, None);
        let blob = "6863726564426c6f62";
        assert_eq!(outputs(&format!("a1{blob}f4")).cred_blob, Some(false));
    }

    #[test]
    fn uvm_of_level_2_has_one_to_three_rows_of_three_numbers() {
        let rows = |value: &str| {
            let tail = hex::decode(format!("a16375766d{value}")).unwrap();
            let ceremony = Registration {
                flags: UP | AT | ED,
                tail,
                ..Registration::new()
            };
            ceremony
                .succeeds()
                .authenticator_outputs()
                .user_verification
                .clone()
        };
        let row = UserVerification {
            method: 2,
            key_protection: 4,
            matcher_protection: 1,
        };
        assert_eq!(rows("8183020401"), [row]);
        assert_eq!(rows("83830204018302040183020401"), [row; 3]);
        for wrong in [
            "80",
            "01",
            "8101",
            "81820204",
            "818402040101",
            "8183022001",
            "81831b00000001000000000401",
            "8483020401830204018302040183020401",
        ] {
            assert_eq!(rows(wrong), [], "{wrong}");
        }
    }

    #[test]
    fn client_outputs_are_recorded_and_secrets_in_them_are_not() {
        let ceremony = Registration {
            bend: |credential| {
                credential["clientExtensionResults"] = json!({
                    "credProps": {"rk": false},
                    "appidExclude": true,
                    "largeBlob": {"supported": true, "blob": "c2VjcmV0"},
                    "prf": {"enabled": true, "results": {"first": "c2VjcmV0"}},
                    "uvm": [[2, 4, 1]],
                    "unknown": {"a": [1]},
                });
            },
            ..Registration::new()
        };
        let verified = ceremony.succeeds();
        let expected = ClientOutputs {
            cred_props_rk: Some(false),
            appid: None,
            appid_exclude: Some(true),
            large_blob_supported: Some(true),
            large_blob_written: None,
            prf_enabled: Some(true),
            user_verification: vec![UserVerification {
                method: 2,
                key_protection: 4,
                matcher_protection: 1,
            }],
        };
        assert_eq!(verified.client_outputs(), &expected);
        assert_eq!(verified.discoverable(), Some(false));
        assert!(!format!("{verified:?}").contains("c2VjcmV0"));

        let of_wrong_types = Registration {
            bend: |credential| {
                credential["clientExtensionResults"] = json!({
                    "credProps": true,
                    "appid": 1,
                    "appidExclude": "yes",
                    "largeBlob": {"supported": "preferred"},
                    "prf": [],
                    "uvm": [[2, 4]],
                });
            },
            ..Registration::new()
        };
        assert_eq!(
            of_wrong_types.succeeds().client_outputs(),
            &ClientOutputs::default()
        );
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
    use webauthn::attestation::AttestationPolicy;

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
        assert_eq!(count, 24);
    }

    #[test]
    fn nested_policies_lack_nothing_either() {
        let policy = AttestationPolicy::conformance(vec![vec![1, 2, 3]]);
        let value = serde_json::to_value(&policy).unwrap();
        assert_eq!(
            serde_json::from_value::<AttestationPolicy>(value.clone()).unwrap(),
            policy
        );
        for (path, member) in [
            ("/android_key", "trusted_environment"),
            ("/android_key", "only_signing"),
            ("/android_key", "verified_boot"),
            ("/android_safetynet/accepted", "max_age_seconds"),
        ] {
            let mut lacking = value.clone();
            let object = lacking.pointer_mut(path).unwrap().as_object_mut().unwrap();
            assert!(object.remove(member).is_some());
            assert!(
                serde_json::from_value::<AttestationPolicy>(lacking).is_err(),
                "{path}/{member}"
            );
            let mut more = value.clone();
            more.pointer_mut(path).unwrap()["unknown"] = json!(1);
            assert!(serde_json::from_value::<AttestationPolicy>(more).is_err());
        }
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
