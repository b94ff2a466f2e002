//! Section 7.1, "Registering a new credential": each sentence with what succeeds and what fails.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../common/mod.rs"]
mod common;
mod step_13_the_attestation_object_is_decoded;
mod step_28_extensions;
mod steps_14_to_19_flags_and_rp_id;
mod steps_21_to_22_the_statement;
mod steps_3_to_4_the_response_is_that_of_a_registration;

use common::{
    AT, BE, BS, ED, EVERY_ALGORITHM, Key, LOOK_ALIKES, Registration, Statement, UP, UV, sha256,
};
use serde_json::json;
use webauthn::Reason;
use webauthn::attestation::AttestationType;
use webauthn::base64url::encode;
use webauthn::client_data::ClientDataError;
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
        assert_eq!(
            verified.attestation_object()[..],
            ceremony.attestation_object()
        );
        assert_eq!(verified.client_data_json()[..], ceremony.client_data_json());
        assert!(verified.signals().is_empty());
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
            assert_eq!(
                ceremony.finish().unwrap_err(),
                RegistrationError::ClientData(ClientDataError::TypeMismatch {
                    expected: "webauthn.create",
                    found: kind.to_owned(),
                })
            );
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

mod step_24_the_authenticator_model {
    use super::*;
    use webauthn::attestation::ModelPolicy;
    use webauthn::credential::Aaguid;

    #[test]
    fn a_denied_model_fails_and_where_some_are_allowed_every_other_one_fails() {
        let mut ceremony = Registration::new();
        let own = Aaguid::new(ceremony.aaguid);
        let other = Aaguid::new([7; 16]);
        for (allowed, denied, accepted) in [
            (vec![], vec![], true),
            (vec![], vec![other], true),
            (vec![], vec![other, own], false),
            (vec![other, own], vec![], true),
            (vec![other], vec![], false),
            (vec![own], vec![own], false),
            (vec![own], vec![other], true),
        ] {
            ceremony.expected.attestation.models = ModelPolicy { allowed, denied };
            if accepted {
                let _ = ceremony.succeeds();
            } else {
                ceremony.fails(Reason::AuthenticatorModelRefused);
            }
        }
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
        expected.attestation.trust_anchors = vec![vec![1, 2, 3]].into();
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
        assert_eq!(count, 29);
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
            ("/models", "allowed"),
            ("/models", "denied"),
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
                7, 8, 9, 10, 11, 13, 13, 13, 14, 15, 16, 17, 18, 20, 20, 21, 22, 23, 25, 28
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
