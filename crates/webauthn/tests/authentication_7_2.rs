//! Section 7.2, "Verifying an authentication assertion": each sentence with what succeeds and what fails.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{
    AT, Authentication, BE, BS, ED, EVERY_ALGORITHM, Key, LOOK_ALIKES, Signer, UP, UV, sha256,
};
use serde_json::json;
use webauthn::Reason;
use webauthn::authentication::{
    AuthenticationError, BackupEligibilityPolicy, ExpectedUser, Rules, SignCountPolicy,
};
use webauthn::base64url::encode;
use webauthn::client_data::ClientDataError;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{CredentialId, UserHandle};
use webauthn::origin::Origin;
use webauthn::registration::CrossOrigin;
use webauthn::response::ResponseForm;
use webauthn::signal::Signal;
use webauthn::trace::{StepResult, Steps};

fn id(byte: u8) -> CredentialId {
    CredentialId::new(vec![byte; 32]).unwrap()
}

fn handle(text: &str) -> UserHandle {
    UserHandle::new(text.as_bytes().to_vec()).unwrap()
}

#[test]
fn a_valid_answer_of_every_algorithm_succeeds() {
    for algorithm in EVERY_ALGORITHM {
        let verified = Authentication::with_key(Key::new(*algorithm)).succeeds();
        assert_eq!(verified.credential_id(), &id(0xc1));
        assert!(verified.user_present() && verified.user_verified());
        assert!(verified.signals().is_empty());
    }
}

mod step_5_the_credential_is_in_a_list_that_is_not_empty {
    use super::*;

    #[test]
    fn listed_succeeds_and_unlisted_fails() {
        let mut ceremony = Authentication::new();
        ceremony.expected.allow_credentials = vec![id(1), id(0xc1)];
        let _ = ceremony.succeeds();
        ceremony.expected.allow_credentials = vec![id(1)];
        ceremony.fails(Reason::CredentialNotAllowed);
    }
}

mod step_6_the_user_owns_the_credential {
    use super::*;

    #[test]
    fn the_matrix_of_expected_user_owner_and_user_handle() {
        let ada = || Some(b"ada".to_vec());
        let bob = || Some(b"bob".to_vec());
        let known = || ExpectedUser::Known(handle("ada"));
        for (user, owner, user_handle, verdict) in [
            (known(), "ada", None, Ok(())),
            (known(), "ada", ada(), Ok(())),
            (known(), "ada", bob(), Err(Reason::UserHandleMismatch)),
            (known(), "bob", None, Err(Reason::CredentialNotAllowed)),
            (known(), "bob", ada(), Err(Reason::CredentialNotAllowed)),
            (known(), "bob", bob(), Err(Reason::CredentialNotAllowed)),
            (
                ExpectedUser::NamedByCredential,
                "ada",
                None,
                Err(Reason::UserHandleMissing),
            ),
            (ExpectedUser::NamedByCredential, "ada", ada(), Ok(())),
            (
                ExpectedUser::NamedByCredential,
                "ada",
                bob(),
                Err(Reason::UserHandleMismatch),
            ),
        ] {
            let label = format!("{user:?} {owner} {user_handle:?}");
            let mut ceremony = Authentication {
                owner: handle(owner),
                user_handle,
                ..Authentication::new()
            };
            ceremony.expected.user = user;
            assert_eq!(
                ceremony
                    .finish()
                    .map(|_| ())
                    .map_err(|error| error.reason()),
                verdict,
                "{label}"
            );
        }
    }

    #[test]
    fn a_record_of_another_credential_is_never_used() {
        Authentication {
            stored_id: id(2),
            ..Authentication::new()
        }
        .fails(Reason::CredentialUnknown);
    }

    #[test]
    fn a_user_handle_has_1_to_64_bytes() {
        let with = |bend: fn(&mut serde_json::Value), form| Authentication {
            bend,
            form,
            ..Authentication::new()
        };
        let _ = with(
            |c| c["response"]["userHandle"] = json!(null),
            ResponseForm::STRICT,
        )
        .succeeds();
        with(
            |c| c["response"]["userHandle"] = json!(""),
            ResponseForm::STRICT,
        )
        .fails(Reason::UserHandleInvalid);
        let _ = with(
            |c| c["response"]["userHandle"] = json!(""),
            ResponseForm::LENIENT,
        )
        .succeeds();
        with(
            |c| c["response"]["userHandle"] = json!(1),
            ResponseForm::LENIENT,
        )
        .fails(Reason::UserHandleInvalid);
        with(
            |c| c["response"]["userHandle"] = json!("YWRh="),
            ResponseForm::LENIENT,
        )
        .fails(Reason::UserHandleInvalid);
        with(
            |c| c["response"]["userHandle"] = json!("A".repeat(88)),
            ResponseForm::STRICT,
        )
        .fails(Reason::UserHandleInvalid);
    }
}

mod steps_8_to_14_client_data {
    use super::*;

    #[test]
    fn the_type_must_be_webauthn_get() {
        for kind in [
            "webauthn.create",
            "payment.get",
            "Webauthn.get",
            "webauthn.get ",
            "",
        ] {
            let mut ceremony = Authentication::new();
            ceremony.client_data["type"] = json!(kind);
            assert_eq!(
                ceremony.finish().unwrap_err(),
                AuthenticationError::ClientData(ClientDataError::TypeMismatch {
                    expected: "webauthn.get",
                    found: kind.to_owned(),
                })
            );
        }
    }

    #[test]
    fn the_challenge_must_be_the_ceremonys() {
        for challenge in [vec![], vec![0xa5; 31], vec![0xa5; 33], vec![0; 32]] {
            let mut ceremony = Authentication::new();
            ceremony.client_data["challenge"] = json!(encode(&challenge));
            ceremony.fails(Reason::ChallengeMismatch);
        }
        let mut ceremony = Authentication::new();
        ceremony.expected.challenge = vec![];
        ceremony.client_data["challenge"] = json!("");
        ceremony.fails(Reason::ChallengeMismatch);
    }

    #[test]
    fn no_look_alike_of_an_allowed_origin_is_accepted() {
        assert!(LOOK_ALIKES.len() >= 60);
        for origin in LOOK_ALIKES {
            let mut ceremony = Authentication::new();
            ceremony.client_data["origin"] = json!(origin);
            ceremony.fails(Reason::OriginNotAllowed);
        }
        for origin in [json!(null), json!(["https://example.org"]), json!({})] {
            let mut ceremony = Authentication::new();
            ceremony.client_data["origin"] = origin;
            ceremony.fails(Reason::ClientDataMalformed);
        }
    }

    #[test]
    fn any_of_the_allowed_origins_succeeds_also_of_apps() {
        let app = "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw";
        let mut ceremony = Authentication::new();
        ceremony.expected.origins.push(Origin::exact(app));
        ceremony.client_data["origin"] = json!(app);
        let _ = ceremony.succeeds();
        ceremony.client_data["origin"] = json!(app.to_uppercase());
        ceremony.fails(Reason::OriginNotAllowed);
    }

    #[test]
    fn embedding_needs_leave_and_a_listed_embedder() {
        let top = "https://embedder.test";
        let allowed = || CrossOrigin::Allowed {
            top_origins: vec![top.into()],
        };
        for (policy, cross_origin, top_origin, verdict) in [
            (CrossOrigin::Refused, json!(false), None, Ok(())),
            (
                CrossOrigin::Refused,
                json!(true),
                None,
                Err(Reason::CrossOriginNotAllowed),
            ),
            (
                CrossOrigin::Refused,
                json!(true),
                Some(top),
                Err(Reason::CrossOriginNotAllowed),
            ),
            (
                CrossOrigin::Refused,
                json!(false),
                Some(top),
                Err(Reason::TopOriginNotAllowed),
            ),
            (allowed(), json!(true), None, Ok(())),
            (allowed(), json!(true), Some(top), Ok(())),
            (
                allowed(),
                json!(true),
                Some("https://other.test"),
                Err(Reason::TopOriginNotAllowed),
            ),
            (
                allowed(),
                json!(false),
                Some(top),
                Err(Reason::TopOriginNotAllowed),
            ),
            (
                CrossOrigin::Allowed {
                    top_origins: vec![],
                },
                json!(true),
                Some(top),
                Err(Reason::TopOriginNotAllowed),
            ),
        ] {
            let mut ceremony = Authentication::new();
            ceremony.expected.cross_origin = policy;
            ceremony.client_data["crossOrigin"] = cross_origin;
            if let Some(top) = top_origin {
                ceremony.client_data["topOrigin"] = json!(top);
            }
            assert_eq!(
                ceremony
                    .finish()
                    .map(|_| ())
                    .map_err(|error| error.reason()),
                verdict,
                "{}",
                ceremony.client_data
            );
        }
        let mut absent = Authentication::new();
        absent
            .client_data
            .as_object_mut()
            .unwrap()
            .remove("crossOrigin");
        let _ = absent.succeeds();
    }

    #[test]
    fn a_claimed_token_binding_is_refused() {
        let mut ceremony = Authentication::new();
        ceremony.client_data["tokenBinding"] = json!({"status": "supported"});
        let _ = ceremony.succeeds();
        ceremony.client_data["tokenBinding"] = json!("unused");
        let _ = ceremony.succeeds();
        ceremony.client_data["tokenBinding"] = json!({"status": "present", "id": "AA"});
        ceremony.fails(Reason::TokenBindingUnsupported);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_still_hashed() {
        let ceremony = Authentication::new();
        let client_data_bytes = Some([b"\xef\xbb\xbf", &ceremony.client_data_json()[..]].concat());
        let _ = Authentication {
            client_data_bytes,
            ..ceremony
        }
        .succeeds();
    }

    #[test]
    fn client_data_that_cannot_be_read_are_refused() {
        for bytes in [
            &b"{}"[..],
            b"\"x\"",
            b"\xff",
            b"{\"type\":\"webauthn.get\"",
            b"e30",
        ] {
            Authentication {
                client_data_bytes: Some(bytes.to_vec()),
                ..Authentication::new()
            }
            .fails(Reason::ClientDataMalformed);
        }
    }
}

mod step_15_the_rp_id_hash_is_the_expected_one {
    use super::*;

    #[test]
    fn hashes_of_anything_else_fail() {
        for other in [
            "org",
            "www.example.org",
            "Example.org",
            "https://example.org",
            "example.org.",
            "",
        ] {
            Authentication {
                rp_id_hash: sha256(other.as_bytes()),
                ..Authentication::new()
            }
            .fails(Reason::RpIdHashMismatch);
        }
    }

    #[test]
    fn the_appid_counts_only_when_asked_for_and_reported() {
        let appid = "https://example.org/appid.json";
        let used: fn(&mut serde_json::Value) =
            |c| c["clientExtensionResults"]["appid"] = json!(true);
        let unused: fn(&mut serde_json::Value) =
            |c| c["clientExtensionResults"]["appid"] = json!(false);
        let (of_rp, of_app) = (sha256(b"example.org"), sha256(appid.as_bytes()));
        for (asked, bend, hash, ok) in [
            (true, used, &of_app, true),
            (true, used, &of_rp, false),
            (true, unused, &of_app, false),
            (true, unused, &of_rp, true),
            (false, used, &of_app, false),
            (false, used, &of_rp, true),
        ] {
            let mut ceremony = Authentication {
                bend,
                rp_id_hash: hash.clone(),
                ..Authentication::new()
            };
            ceremony.expected.appid = asked.then(|| appid.to_owned());
            assert_eq!(ceremony.finish().is_ok(), ok, "{asked} {ok}");
        }
    }
}

mod steps_16_to_19_flags {
    use super::*;

    /// The table: what all 256 flag bytes mean under a policy.
    fn verdict(
        flags: u8,
        uv_required: bool,
        stored_be: Option<bool>,
        strict: bool,
    ) -> Option<Reason> {
        let be = flags & BE != 0;
        if flags & AT != 0 || flags & ED != 0 {
            // The response holds neither.
            return Some(Reason::AuthenticatorDataMalformed);
        }
        if flags & UP == 0 {
            return Some(Reason::UserNotPresent);
        }
        if uv_required && flags & UV == 0 {
            return Some(Reason::UserNotVerified);
        }
        if flags & BS != 0 && !be {
            return Some(Reason::BackupFlagsInvalid);
        }
        match (stored_be, be) {
            (Some(true), false) => Some(Reason::BackupEligibilityChanged),
            (Some(false), true) if strict => Some(Reason::BackupEligibilityChanged),
            _ => None,
        }
    }

    #[test]
    fn conformance_tools_alone_see_an_absent_user_pass() {
        for (rules, uv_required, flags, verdict) in [
            (Rules::Level3, false, 0, Some(Reason::UserNotPresent)),
            (Rules::Level3, false, UV, Some(Reason::UserNotPresent)),
            (Rules::ConformanceTool, false, 0, None),
            (Rules::ConformanceTool, false, UV, None),
            (Rules::ConformanceTool, false, UP, None),
            (
                Rules::ConformanceTool,
                true,
                0,
                Some(Reason::UserNotVerified),
            ),
            (Rules::ConformanceTool, true, UV, None),
            (Rules::Level3, true, UV, Some(Reason::UserNotPresent)),
            (
                Rules::ConformanceTool,
                true,
                UP,
                Some(Reason::UserNotVerified),
            ),
            (Rules::ConformanceTool, true, UP | UV, None),
        ] {
            let mut ceremony = Authentication {
                flags,
                ..Authentication::new()
            };
            ceremony.expected.rules = rules;
            ceremony.expected.user_verification_required = uv_required;
            let found = ceremony.finish().err().map(|error| error.reason());
            assert_eq!(found, verdict, "{rules:?} {uv_required} {flags:#x}");
        }
    }

    #[test]
    fn every_flag_byte_under_every_policy() {
        for flags in 0..=u8::MAX {
            for uv_required in [false, true] {
                for stored in [None, Some(false), Some(true)] {
                    for strict in [false, true] {
                        let mut ceremony = Authentication {
                            flags,
                            stored_backup_eligible: stored,
                            ..Authentication::new()
                        };
                        ceremony.expected.user_verification_required = uv_required;
                        if strict {
                            ceremony.expected.backup_eligibility = BackupEligibilityPolicy::Strict;
                        }
                        let found = ceremony.finish().err().map(|error| error.reason());
                        assert_eq!(
                            found,
                            verdict(flags, uv_required, stored, strict),
                            "{flags:#x} {uv_required} {stored:?} {strict}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn attested_credential_data_do_not_belong_into_an_assertion() {
        let key = Key::es256();
        let tail = [&[0; 16][..], &[0, 1, 7], &key.cose()].concat();
        Authentication {
            flags: UP | AT,
            tail,
            ..Authentication::with_key(key)
        }
        .fails(Reason::AttestedCredentialDataUnexpected);
    }

    #[test]
    fn extension_outputs_are_a_map_and_may_be_unknown() {
        let with = |tail: &[u8]| Authentication {
            flags: UP | ED,
            tail: tail.to_vec(),
            ..Authentication::new()
        };
        let _ = with(&[0xa1, 0x61, b'x', 0x01]).succeeds();
        with(&[0x01]).fails(Reason::AuthenticatorDataMalformed);
        with(&[0xa0, 0]).fails(Reason::TrailingBytes);
        Authentication {
            tail: vec![0],
            ..Authentication::new()
        }
        .fails(Reason::TrailingBytes);
    }

    #[test]
    fn changes_of_backup_flags_are_reported() {
        let ceremony = Authentication {
            flags: UP | BE | BS,
            ..Authentication::new()
        };
        let verified = ceremony.succeeds();
        assert_eq!(
            verified.signals(),
            [
                Signal::BackupEligibilityGained,
                Signal::BackupStateChanged { now: true }
            ]
        );
        assert!(verified.backup_eligible() && verified.backup_state());
        let unknown = Authentication {
            stored_backup_eligible: None,
            stored_backup_state: None,
            ..ceremony
        };
        assert!(unknown.succeeds().signals().is_empty());
        let left = Authentication {
            flags: UP | BE,
            stored_backup_eligible: Some(true),
            stored_backup_state: Some(true),
            ..Authentication::new()
        };
        assert_eq!(
            left.succeeds().signals(),
            [Signal::BackupStateChanged { now: false }]
        );
    }
}

mod step_21_the_signature_verifies_with_the_stored_key {
    use super::*;

    #[test]
    fn signatures_by_another_key_or_over_other_data_fail() {
        for algorithm in EVERY_ALGORITHM {
            let key = Key::new(*algorithm);
            let other = Key::new(*algorithm);
            Authentication {
                stored_key: other.cose(),
                ..Authentication::with_key(key)
            }
            .fails(Reason::SignatureInvalid);
        }
        Authentication {
            sign: |key, signed| key.sign(&signed[..37]),
            ..Authentication::new()
        }
        .fails(Reason::SignatureInvalid);
        Authentication {
            sign: |key, signed| key.sign(&signed[37..]),
            ..Authentication::new()
        }
        .fails(Reason::SignatureInvalid);
        Authentication {
            sign: |key, _| key.sign(b""),
            ..Authentication::new()
        }
        .fails(Reason::SignatureInvalid);
    }

    #[test]
    fn truncated_extended_and_emptied_signatures_fail_for_every_algorithm() {
        for algorithm in EVERY_ALGORITHM {
            let bends: [Signer; 5] = [
                |key, signed| [&key.sign(signed)[..], &[0]].concat(),
                |key, signed| [&[0], &key.sign(signed)[..]].concat(),
                |key, signed| key.sign(signed).split_last().unwrap().1.to_vec(),
                |_, _| vec![0],
                |key, signed| vec![0; key.sign(signed).len()],
            ];
            for sign in bends {
                Authentication {
                    sign,
                    ..Authentication::with_key(Key::new(*algorithm))
                }
                .fails(Reason::SignatureInvalid);
            }
        }
    }

    #[test]
    fn ecdsa_signatures_are_strict_der() {
        // 0 and 0, 1 and 0, 0 and 1; then encodings of a good signature that BER would allow.
        let fixed: [Signer; 3] = [
            |_, _| vec![0x30, 6, 2, 1, 0, 2, 1, 0],
            |_, _| vec![0x30, 6, 2, 1, 1, 2, 1, 0],
            |_, _| vec![0x30, 6, 2, 1, 0, 2, 1, 1],
        ];
        for sign in fixed {
            Authentication {
                sign,
                ..Authentication::new()
            }
            .fails(Reason::SignatureInvalid);
        }
        let loose: [Signer; 4] = [
            |key, signed| {
                let good = key.sign(signed);
                [&[0x30, 0x81, good[1]], &good[2..]].concat()
            },
            |key, signed| {
                let good = key.sign(signed);
                [&[0x30, good[1] + 1, 2, good[3] + 1, 0], &good[4..]].concat()
            },
            |key, signed| {
                let good = key.sign(signed);
                [&[0x30, 0x80], &good[2..], &[0, 0]].concat()
            },
            |key, signed| {
                let good = key.sign(signed);
                [&[0x30, good[1] + 3], &good[2..], &[2, 1, 1]].concat()
            },
        ];
        for sign in loose {
            Authentication {
                sign,
                ..Authentication::new()
            }
            .fails(Reason::SignatureInvalid);
        }
    }

    #[test]
    fn the_algorithm_is_the_stored_keys_and_must_fit_it() {
        // An RSA key that signs with PKCS #1 while the record says PSS.
        let mut ceremony = Authentication::with_key(Key::new(CoseAlgorithm::RS256));
        let position = ceremony
            .stored_key
            .windows(3)
            .position(|window| window == [0x39, 0x01, 0x00])
            .unwrap();
        ceremony
            .stored_key
            .splice(position..position + 3, [0x38, 0x24]);
        ceremony.fails(Reason::SignatureInvalid);
        // ES256 declared as ES384, and as EdDSA.
        let es256 = Authentication::new();
        let relabelled = |label: &[u8]| {
            let mut key = es256.stored_key.clone();
            key.splice(4..5, label.iter().copied());
            Authentication {
                stored_key: key,
                ..Authentication::new()
            }
        };
        relabelled(&[0x38, 0x22]).fails(Reason::CoseKeyAlgorithmMismatch);
        relabelled(&[0x27]).fails(Reason::CoseKeyAlgorithmMismatch);
        relabelled(&[0x38, 0x2e]).fails(Reason::CoseKeyAlgorithmMismatch);
        relabelled(&[0x38, 0x2d]).fails(Reason::AlgorithmUnsupported);
        Authentication {
            stored_key: vec![],
            ..Authentication::new()
        }
        .fails(Reason::CoseKeyMalformed);
    }

    #[test]
    fn a_stored_key_of_small_order_verifies_nothing() {
        let mut ceremony = Authentication::with_key(Key::new(CoseAlgorithm::EDDSA));
        let at = ceremony.stored_key.len() - 32;
        ceremony.stored_key[at..].fill(0);
        ceremony.stored_key[at] = 1;
        // R is the neutral point and s is 0: valid for every message under this key without the check.
        ceremony.sign = |_, _| {
            let mut signature = vec![0; 64];
            signature[0] = 1;
            signature
        };
        ceremony.fails(Reason::SignatureInvalid);
    }
}

mod step_22_the_signature_counter {
    use super::*;

    #[test]
    fn a_counter_that_does_not_grow_is_reported_or_refused_and_never_lowers_the_record() {
        for (stored, received, grows) in [
            (0, 0, true),
            (0, 1, true),
            (7, 8, true),
            (7, 7, false),
            (7, 6, false),
            (7, 0, false),
            (u32::MAX, 0, false),
        ] {
            let mut ceremony = Authentication {
                stored_sign_count: stored,
                sign_count: received,
                ..Authentication::new()
            };
            let verified = ceremony.succeeds();
            assert_eq!(verified.sign_count(), stored.max(received));
            assert_eq!(verified.received_sign_count(), received);
            let expected: &[Signal] = if grows {
                &[]
            } else {
                &[Signal::SignCountNotIncreased { stored, received }]
            };
            assert_eq!(verified.signals(), expected);
            ceremony.expected.sign_count = SignCountPolicy::Refuse;
            assert_eq!(
                ceremony.finish().map(|_| ()).map_err(|e| e.reason()),
                if grows {
                    Ok(())
                } else {
                    Err(Reason::SignCountNotIncreased)
                }
            );
        }
    }
}

mod step_22_a_counter_that_fell {
    use webauthn::authentication::SignCounter;

    /// The counters of successive responses, and whether each is worth a signal.
    fn signalled(counters: &[u32]) -> Vec<bool> {
        let mut counter = SignCounter::from(counters[0]);
        counters[1..]
            .iter()
            .map(|received| {
                let fall = counter.is_fall(*received);
                assert!(!(fall && counter.grows(*received)));
                counter = counter.after(*received);
                assert!(counter.highest >= *received);
                fall
            })
            .collect()
    }

    #[test]
    fn is_signalled_once_and_then_remembered() {
        assert_eq!(signalled(&[1_700_000_000, 0, 0, 0]), [true, false, false]);
        // It counts on from its fall, falls again, and passes the highest value.
        assert_eq!(
            signalled(&[10, 4, 5, 6, 3, 4, 11, 12]),
            [true, false, false, true, false, false, false]
        );
        // After it has passed the highest value the fall is forgotten.
        assert_eq!(signalled(&[10, 4, 11, 10]), [true, false, true]);
        // One that stays where it is was reported, too.
        assert_eq!(signalled(&[10, 10, 10, 4, 4]), [true, false, true, false]);
        assert_eq!(signalled(&[0, 0, 1, 0, 0]), [false, false, true, false]);
    }

    #[test]
    fn keeps_its_highest_value_and_forgets_the_fall_above_it() {
        let counter = SignCounter::from(10).after(3);
        assert_eq!((counter.highest, counter.since_fall), (10, Some(3)));
        assert_eq!(counter.after(9).since_fall, Some(9));
        assert_eq!(counter.after(10).since_fall, Some(10));
        assert_eq!(counter.after(11), SignCounter::from(11));
        assert_eq!(SignCounter::from(10).after(10).since_fall, Some(10));
        assert_eq!(SignCounter::from(0).after(0), SignCounter::from(0));
        // A policy that refuses compares with the highest value.
        assert!(!counter.grows(10) && counter.grows(11) && SignCounter::from(0).grows(0));
        assert!(!SignCounter::from(0).after(1).after(0).grows(0));
    }
}

mod step_6_a_user_handle_in_another_form {
    use super::*;
    use webauthn::authentication::HandleFault;

    /// What the refusal says of a handle that is not the owner's; `None` when it was not refused for that.
    fn fault(owner: &[u8], sent: &str) -> Option<HandleFault> {
        let mut ceremony = Authentication::new();
        ceremony.owner = UserHandle::new(owner.to_vec()).unwrap();
        ceremony.expected.user = ExpectedUser::NamedByCredential;
        ceremony.user_handle = Some(webauthn::base64url::decode(sent).unwrap());
        match ceremony.finish() {
            Err(AuthenticationError::UserHandleMismatch { fault }) => Some(fault),
            _ => None,
        }
    }

    #[test]
    fn is_recognised_as_plain_text_or_as_encoded_twice() {
        let once = UserHandle::new(b"user-handle1".to_vec())
            .unwrap()
            .to_base64url();
        let twice = UserHandle::new(once.clone().into_bytes())
            .unwrap()
            .to_base64url();
        assert_eq!(
            fault(b"user-handle1", "user-handle1"),
            Some(HandleFault::PlainText)
        );
        assert_eq!(
            fault(b"user-handle1", &twice),
            Some(HandleFault::EncodedTwice)
        );
        assert_eq!(fault(b"user-handle2", &once), Some(HandleFault::Other));
    }
}

mod the_expectation_is_stored {
    use super::*;
    use webauthn::AuthenticationExpectation;

    #[test]
    fn it_survives_json_and_a_record_that_lacks_a_member_is_unreadable() {
        let mut expected = Authentication::new().expected;
        expected.allow_credentials = vec![id(1)];
        expected.appid = Some("https://a".into());
        expected.cross_origin = CrossOrigin::Allowed {
            top_origins: vec!["https://b".into()],
        };
        let value = serde_json::to_value(&expected).unwrap();
        assert_eq!(
            serde_json::from_value::<AuthenticationExpectation>(value.clone()).unwrap(),
            expected
        );
        let members: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(members.len(), 11);
        for member in members {
            let mut lacking = value.clone();
            lacking.as_object_mut().unwrap().remove(&member);
            assert!(
                serde_json::from_value::<AuthenticationExpectation>(lacking).is_err(),
                "{member}"
            );
        }
        let mut unknown = value;
        unknown["new"] = json!(1);
        assert!(serde_json::from_value::<AuthenticationExpectation>(unknown).is_err());
    }
}

mod the_trace {
    use super::*;

    #[test]
    fn names_every_step_in_order_and_ends_with_the_refusal() {
        let mut steps = Steps::default();
        let _ = Authentication::new().finish_traced(&mut steps).unwrap();
        let sections: Vec<_> = steps.0.iter().map(|step| step.section).collect();
        let expected: Vec<String> = [5, 6, 10, 11, 12, 13, 14]
            .iter()
            .map(|step| format!("7.2 step {step}"))
            .chain(["5.8.1", "6.1", "6.1"].map(String::from))
            .chain(
                [15, 16, 17, 18, 19, 21, 21, 22]
                    .iter()
                    .map(|step| format!("7.2 step {step}")),
            )
            .collect();
        assert_eq!(sections, expected);
        assert!(
            steps
                .0
                .iter()
                .all(|step| step.result != StepResult::Refused)
        );

        let mut steps = Steps::default();
        let mut ceremony = Authentication::new();
        ceremony.client_data["origin"] = json!("https://evil.test");
        assert!(ceremony.finish_traced(&mut steps).is_err());
        let last = steps.0.last().unwrap();
        assert_eq!(
            (last.section, last.result),
            ("7.2 step 12", StepResult::Refused)
        );
        assert!(
            last.detail.contains("https://evil.test")
                && last.detail.contains("https://example.org")
        );
    }
}
