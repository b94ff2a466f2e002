use super::*;
use domain::service::metadata::MetadataTrust;
use testkit::metadata::{Blob, Entry, Service, Status};
use testkit::{Algorithm, AndroidKey, Counter, Format, Profile, Tpm};

const OWN_MODEL: &str = "70617373-6b65-7964-2d74-6573746b6974";

fn truth() -> Lies {
    Lies::default()
}

fn security_key() -> Authenticator {
    Authenticator::new(Profile::security_key())
}

fn of(format: Format) -> Authenticator {
    Authenticator::new(Profile::security_key().with_format(format))
}

mod attestation {
    use super::*;

    #[tokio::test]
    async fn is_wished_for_as_the_conveyance_says() {
        let policy = Policy::new().await;
        assert_eq!(policy.options().await["attestation"], "none");
        for conveyance in ["indirect", "direct", "enterprise"] {
            policy
                .demand(json!({"attestation": {"conveyance": conveyance}}))
                .await;
            assert_eq!(policy.options().await["attestation"], conveyance);
        }
    }

    #[tokio::test]
    async fn that_must_be_trusted_leads_to_an_anchor_of_the_policy() {
        let policy = Policy::new().await;
        let mut key = security_key();
        let anchor = pem(&key.attestation_root().unwrap());
        let foreign = pem(&security_key().attestation_root().unwrap());
        let trusted = |anchors: &[&str]| {
            json!({"attestation": {
                "conveyance": "direct", "requirement": "trusted", "trust_anchors": anchors,
            }})
        };
        policy.demand(trusted(&[&foreign, &anchor])).await;
        assert_eq!(policy.registers(&mut key, &truth()).await, None);
        let mut without = Authenticator::default();
        refused(
            policy.registers(&mut without, &truth()).await,
            "attestation_policy_refused",
        );
        let mut own = of(Format::PackedSelf);
        refused(
            policy.registers(&mut own, &truth()).await,
            "attestation_policy_refused",
        );
        policy.demand(trusted(&[&foreign])).await;
        refused(
            policy.registers(&mut key, &truth()).await,
            "attestation_untrusted",
        );
        policy.demand(trusted(&[])).await;
        refused(
            policy.registers(&mut key, &truth()).await,
            "attestation_policy_refused",
        );
    }

    #[tokio::test]
    async fn that_is_ignored_may_be_wrong_and_is_judged_otherwise() {
        let policy = Policy::new().await;
        let forged = Lies {
            tampered_signature: true,
            ..truth()
        };
        let unknown = Lies {
            format_name: Some("x-new".to_owned()),
            ..truth()
        };
        for (lies, reason) in [
            (&forged, "attestation_signature_invalid"),
            (&unknown, "attestation_format_unsupported"),
        ] {
            refused(policy.registers(&mut security_key(), lies).await, reason);
        }
        policy
            .demand(json!({"attestation": {"requirement": "ignore"}}))
            .await;
        for lies in [&forged, &unknown] {
            assert_eq!(policy.registers(&mut security_key(), lies).await, None);
        }
    }

    #[tokio::test]
    async fn of_a_model_that_is_denied_or_not_allowed_is_refused() {
        let policy = Policy::new().await;
        let other = "00000000-0000-0000-0000-000000000001";
        for (allowed, denied, accepted) in [
            (vec![], vec![OWN_MODEL], false),
            (vec![OWN_MODEL], vec![], true),
            (vec![other], vec![], false),
            (vec![], vec![other], true),
        ] {
            let models = json!({"allowed": allowed, "denied": denied});
            policy
                .demand(json!({"attestation": {"models": models}}))
                .await;
            let outcome = policy
                .registers(&mut Authenticator::default(), &truth())
                .await;
            let expected = (!accepted).then_some("authenticator_model_refused");
            assert_eq!(outcome.as_deref(), expected, "{models}");
        }
    }

    #[tokio::test]
    async fn is_refused_for_the_statuses_that_the_policy_names() {
        let service = Service::new(Algorithm::ES256).unwrap();
        let app = TestApp::builder().metadata(MetadataTrust {
            roots: vec![service.root().to_vec()],
            signer_name: Some("mds.fidoalliance.org".to_owned()),
            ..MetadataTrust::default()
        });
        let policy = Policy::of(&app.build().await).await;
        let mut key = security_key();
        let entry = Entry::fido2(key.profile.aaguid, key.attestation_root().unwrap())
            .with_statuses(vec![Status::new("REVOKED", "2025-01-01")]);
        let signed = service.sign(&Blob::of(vec![entry])).unwrap();
        let path = "/manage/v1/metadata";
        policy
            .operator
            .request(Method::PUT, path)
            .send(signed)
            .await
            .expect(200);
        refused(
            policy.registers(&mut key, &truth()).await,
            "authenticator_status_refused",
        );
        let statuses =
            |list: Value| json!({"attestation": {"metadata": {"refused_statuses": list}}});
        policy.demand(statuses(json!(["RETIRED"]))).await;
        assert_eq!(policy.registers(&mut key, &truth()).await, None);
        let level =
            json!({"attestation": {"metadata": {"required_levels": ["FIDO_CERTIFIED_L1"]}}});
        policy.demand(level).await;
        refused(
            policy.registers(&mut key, &truth()).await,
            "authenticator_status_refused",
        );
        policy
            .demand(json!({"attestation": {"conveyance": "direct", "metadata": {
                "required_levels": [], "unknown_models": "refuse",
            }}}))
            .await;
        let mut stranger = security_key();
        stranger.profile.aaguid = [9; 16];
        refused(
            policy.registers(&mut stranger, &truth()).await,
            "authenticator_unknown",
        );
        // Where no statement was asked for, one that comes all the same is no worse than none.
        let none = json!({"attestation": {"conveyance": "none"}});
        policy.demand(none).await;
        assert_eq!(policy.registers(&mut stranger, &truth()).await, None);
    }

    #[tokio::test]
    async fn of_a_tpm_needs_a_vendor_that_is_known_or_named() {
        let policy = Policy::new().await;
        let mut device = of(Format::Tpm);
        let mut own = of(Format::Tpm);
        own.profile.tpm = Tpm {
            manufacturer: "id:12AB34CD".to_owned(),
            ..Tpm::default()
        };
        let tpm = |rules: Value| json!({"attestation": {"formats": {"tpm": rules}}});
        refused(
            policy.registers(&mut device, &truth()).await,
            "tpm_vendor_unknown",
        );
        policy.demand(tpm(json!({"test_vendors": true}))).await;
        assert_eq!(policy.registers(&mut device, &truth()).await, None);
        refused(
            policy.registers(&mut own, &truth()).await,
            "tpm_vendor_unknown",
        );
        policy
            .demand(tpm(json!({"vendors": ["id:12ab34cd"]})))
            .await;
        assert_eq!(policy.registers(&mut own, &truth()).await, None);
    }

    #[tokio::test]
    async fn of_a_tpm_may_be_signed_with_sha1_unless_that_is_refused() {
        let policy = Policy::new().await;
        let mut windows = of(Format::Tpm);
        windows.profile.attestation_algorithm = Some(Algorithm::RS1);
        let tpm = |rules: Value| json!({"attestation": {"formats": {"tpm": rules}}});
        policy.demand(tpm(json!({"test_vendors": true}))).await;
        for requirement in ["verify", "trusted"] {
            let root = pem(&windows.attestation_root().unwrap());
            policy
                .demand(json!({"attestation": {
                    "conveyance": "direct", "requirement": requirement, "trust_anchors": [root],
                }}))
                .await;
            assert_eq!(policy.registers(&mut windows, &truth()).await, None);
        }
        policy.demand(tpm(json!({"sha1": "refuse"}))).await;
        refused(
            policy.registers(&mut windows, &truth()).await,
            "algorithm_unsupported",
        );
    }

    #[tokio::test]
    async fn of_safetynet_is_refused_unless_configured_and_its_age_judged() {
        let policy = Policy::new().await;
        let mut old = of(Format::AndroidSafetynet);
        let safetynet =
            |rules: Value| json!({"attestation": {"formats": {"android_safetynet": rules}}});
        refused(
            policy.registers(&mut old, &truth()).await,
            "attestation_format_unsupported",
        );
        policy.demand(safetynet(json!({"accepted": true}))).await;
        assert_eq!(policy.registers(&mut old, &truth()).await, None);
        policy
            .demand(safetynet(json!({"max_age_seconds": 60})))
            .await;
        refused(
            policy.registers(&mut old, &truth()).await,
            "safetynet_timestamp",
        );
    }

    #[tokio::test]
    async fn of_android_must_come_from_hardware_where_that_is_demanded() {
        let policy = Policy::new().await;
        let mut software = of(Format::AndroidKey);
        software.profile.android_key = AndroidKey {
            security_level: 0,
            software: AndroidKey::default().tee,
            tee: testkit::Authorizations::default(),
            ..AndroidKey::default()
        };
        assert_eq!(policy.registers(&mut software, &truth()).await, None);
        let rule = json!({"android_key": {"trusted_environment": true}});
        policy
            .demand(json!({"attestation": {"formats": rule}}))
            .await;
        assert!(policy.registers(&mut software, &truth()).await.is_some());
        assert_eq!(
            policy
                .registers(&mut of(Format::AndroidKey), &truth())
                .await,
            None
        );
    }

    #[tokio::test]
    async fn of_u2f_must_have_no_model_in_conformance_mode() {
        let policy = Policy::new().await;
        let mut modelled = Authenticator::new(Profile {
            aaguid: [7; 16],
            ..Profile::u2f()
        });
        assert_eq!(policy.registers(&mut modelled, &truth()).await, None);
        let rule = json!({"u2f_aaguid_must_be_zero": true});
        policy
            .demand(json!({"attestation": {"formats": rule}}))
            .await;
        refused(
            policy.registers(&mut modelled, &truth()).await,
            "aaguid_not_zero",
        );
    }
}

#[tokio::test]
async fn only_device_bound_credentials_are_accepted_where_that_is_demanded() {
    let policy = Policy::new().await;
    policy
        .demand(json!({"backup": {"credentials": "device_bound"}}))
        .await;
    refused(
        policy
            .registers(&mut Authenticator::default(), &truth())
            .await,
        "backup_policy_refused",
    );
    let mut key = security_key();
    assert_eq!(policy.registers(&mut key, &truth()).await, None);
    assert_eq!(policy.signs_in(&mut key, &truth()).await, None);
    // Nor may it become one that can be synced.
    let gained = Lies {
        backup_eligible: Some(true),
        ..truth()
    };
    refused(
        policy.signs_in(&mut key, &gained).await,
        "backup_eligibility_changed",
    );
    policy
        .demand(json!({"backup": {"credentials": "any"}}))
        .await;
    assert_eq!(policy.signs_in(&mut key, &gained).await, None);
}

#[tokio::test]
async fn a_change_of_the_backup_eligibility_is_refused_where_that_is_demanded() {
    let policy = Policy::new().await;
    let mut key = security_key();
    assert_eq!(policy.registers(&mut key, &truth()).await, None);
    policy
        .demand(json!({"backup": {"eligibility_change": "strict"}}))
        .await;
    let gained = Lies {
        backup_eligible: Some(true),
        ..truth()
    };
    refused(
        policy.signs_in(&mut key, &gained).await,
        "backup_eligibility_changed",
    );
}

#[tokio::test]
async fn user_verification_that_the_policy_demands_cannot_be_wished_away() {
    let policy = Policy::new().await;
    let mut authenticator = Authenticator::default();
    assert_eq!(policy.registers(&mut authenticator, &truth()).await, None);
    policy
        .demand(json!({"user_verification_required": true}))
        .await;
    let body = json!({
        "friendly_name": "Phone", "identity": "user-9999",
        "config": {"user_verification": "discouraged"},
    });
    let factors = format!("{}/Passkeys/Factors", policy.service);
    let factor = policy.account.post(&factors, &body).await.expect(201);
    let selection = &factor["options"]["publicKey"]["authenticatorSelection"];
    assert_eq!(selection["userVerification"], "required");
    let unverified = Lies {
        user_verified: Some(false),
        ..truth()
    };
    refused(
        policy
            .verify(&mut Authenticator::default(), &factor, &unverified)
            .await,
        "user_not_verified",
    );
    let challenge = policy.account.challenge(&policy.service, &json!({})).await;
    assert_eq!(
        challenge["options"]["publicKey"]["userVerification"],
        "required"
    );
    refused(
        policy.signs_in(&mut authenticator, &unverified).await,
        "user_not_verified",
    );
}

#[tokio::test]
async fn a_counter_that_does_not_grow_is_refused_where_that_is_demanded() {
    let policy = Policy::new().await;
    let mut key = Authenticator::new(Profile {
        counter: Counter::Increasing,
        ..Profile::default()
    });
    assert_eq!(policy.registers(&mut key, &truth()).await, None);
    let at = |count| Lies {
        sign_count: Some(count),
        ..truth()
    };
    assert_eq!(policy.signs_in(&mut key, &at(10)).await, None);
    assert_eq!(policy.signs_in(&mut key, &at(10)).await, None);
    policy.demand(json!({"sign_count": "refuse"})).await;
    refused(
        policy.signs_in(&mut key, &at(10)).await,
        "sign_count_not_increased",
    );
    assert_eq!(policy.signs_in(&mut key, &at(11)).await, None);
}

#[tokio::test]
async fn a_frame_needs_leave_and_a_page_that_is_listed() {
    let policy = Policy::new().await;
    let framed = |top: &str| Lies {
        cross_origin: Some(true),
        top_origin: Some(top.to_owned()),
        ..truth()
    };
    let mut authenticator = Authenticator::default();
    let shop = framed("https://shop.test");
    refused(
        policy.registers(&mut authenticator, &shop).await,
        "cross_origin_not_allowed",
    );
    let rule = json!({"allowed": true, "top_origins": ["https://shop.test"]});
    policy.demand(json!({"cross_origin": rule})).await;
    assert_eq!(policy.registers(&mut authenticator, &shop).await, None);
    assert_eq!(policy.signs_in(&mut authenticator, &shop).await, None);
    let other = framed("https://other.test");
    refused(
        policy
            .registers(&mut Authenticator::default(), &other)
            .await,
        "top_origin_not_allowed",
    );
    refused(
        policy.signs_in(&mut authenticator, &other).await,
        "top_origin_not_allowed",
    );
}

#[tokio::test]
async fn algorithms_are_offered_as_named_and_ml_dsa_last_and_only_when_named() {
    let policy = Policy::new().await;
    let offered = |options: &Value| -> Vec<i64> {
        let parameters = options["pubKeyCredParams"].as_array().unwrap();
        parameters
            .iter()
            .map(|p| p["alg"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(offered(&policy.options().await), [-8, -7, -257]);
    let shown = policy
        .demand(json!({"algorithms": ["ML-DSA-65", "ES384", "ML-DSA-44", "ES256"]}))
        .await;
    assert_eq!(
        shown["algorithms"],
        json!(["ES384", "ES256", "ML-DSA-65", "ML-DSA-44"])
    );
    assert_eq!(offered(&policy.options().await), [-35, -7, -49, -48]);
    let only = |algorithm| Authenticator::new(Profile::default().with_algorithm(algorithm));
    let mut lattice = only(Algorithm::MlDsa65);
    assert_eq!(policy.registers(&mut lattice, &truth()).await, None);
    assert_eq!(policy.signs_in(&mut lattice, &truth()).await, None);
    policy.demand(json!({"algorithms": ["ES256"]})).await;
    // The page offered more than the policy.
    let mut factor = policy.start().await;
    factor["options"]["publicKey"]["pubKeyCredParams"] =
        json!([{"type": "public-key", "alg": -49}]);
    refused(
        policy
            .verify(&mut only(Algorithm::MlDsa65), &factor, &truth())
            .await,
        "algorithm_not_allowed",
    );
}

#[tokio::test]
async fn times_and_limits_are_the_policys() {
    let policy = Policy::new().await;
    let mut authenticator = Authenticator::default();
    policy
        .demand(json!({
            "registration_timeout_ms": 30_000, "authentication_timeout_ms": 20_000,
            "limits": {"credentials_per_user": 1, "pending_per_user": 1, "min_credential_id_length": 33},
        }))
        .await;
    assert_eq!(policy.options().await["timeout"], 30_000);
    refused(
        policy.registers(&mut authenticator, &truth()).await,
        "credential_id_too_short",
    );
    authenticator.profile.credential_id_length = 33;
    let first = policy.account.start(&policy.service, "limited-user").await;
    let second = policy.account.start(&policy.service, "limited-user").await;
    refused(
        policy.verify(&mut authenticator, &first, &truth()).await,
        "ceremony_not_found",
    );
    assert_eq!(
        policy.verify(&mut authenticator, &second, &truth()).await,
        None
    );
    let body = json!({"friendly_name": "Phone", "identity": "limited-user"});
    let factors = format!("{}/Passkeys/Factors", policy.service);
    let third = policy.account.post(&factors, &body).await;
    assert_eq!(third.json["details"]["reason"], "too_many_credentials");
    let challenge = policy.account.challenge(&policy.service, &json!({})).await;
    assert_eq!(challenge["options"]["publicKey"]["timeout"], 20_000);
    let late = get(&mut authenticator, &challenge, &truth());
    policy.account.app.clock.advance_millis(20_000);
    let outcome = policy.account.approve(&policy.service, &late).await;
    assert_eq!(outcome.json["details"]["reason"], "ceremony_expired");
}

#[tokio::test]
async fn a_request_names_another_relying_party_only_where_it_may() {
    let policy = Policy::new().await;
    let factors = format!("{}/Passkeys/Factors", policy.service);
    let body = json!({
        "friendly_name": "Phone", "identity": "user-0001",
        "config": {"relying_party": {"id": "other.test", "origins": ["https://other.test"]}},
    });
    policy.account.post(&factors, &body).await.expect(201);
    policy
        .demand(json!({"relying_party_override": "configured_only"}))
        .await;
    let refusal = policy.account.post(&factors, &body).await;
    assert_eq!(
        refusal.json["details"]["reason"],
        "relying_party_incomplete"
    );
}

#[tokio::test]
async fn credentials_are_listed_when_the_policy_says() {
    let policy = Policy::new().await;
    policy
        .account
        .register(&policy.service, "user-0001", &mut Authenticator::default())
        .await;
    let listed = async || {
        let who = json!({"identity": "user-0001"});
        let challenge = policy.account.challenge(&policy.service, &who).await;
        let list = &challenge["options"]["publicKey"]["allowCredentials"];
        list.as_array().unwrap().len()
    };
    assert_eq!(listed().await, 1);
    policy.demand(json!({"allow_credentials": "never"})).await;
    assert_eq!(listed().await, 0);
}

#[tokio::test]
async fn a_ceremony_is_judged_by_the_policy_under_which_it_began() {
    let policy = Policy::new().await;
    let mut authenticator = Authenticator::default();
    let factor = policy.start().await;
    let stricter = json!({
        "backup": {"credentials": "device_bound"},
        "attestation": {"models": {"denied": [OWN_MODEL]}},
        "sign_count": "refuse",
    });
    policy.demand(stricter.clone()).await;
    assert_eq!(
        policy.verify(&mut authenticator, &factor, &truth()).await,
        None
    );

    policy
        .demand(json!({"backup": null, "attestation": null, "sign_count": null}))
        .await;
    let at = |count| Lies {
        sign_count: Some(count),
        ..truth()
    };
    assert_eq!(policy.signs_in(&mut authenticator, &at(5)).await, None);
    let challenge = policy.account.challenge(&policy.service, &json!({})).await;
    policy.demand(stricter).await;
    let answer = get(&mut authenticator, &challenge, &at(4));
    policy
        .account
        .approve(&policy.service, &answer)
        .await
        .expect(200);

    // And the other way round: what began under the strict policy stays strict.
    let factor = policy.start().await;
    policy.demand(json!({"backup": null})).await;
    refused(
        policy
            .verify(&mut Authenticator::default(), &factor, &truth())
            .await,
        "backup_policy_refused",
    );
}

mod extensions {
    use super::*;

    #[tokio::test]
    async fn are_asked_for_as_the_policy_says() {
        let policy = Policy::new().await;
        assert_eq!(policy.options().await.get("extensions"), None);
        policy
            .demand(json!({"extensions": {
                "cred_props": true,
                "appid_exclude": "https://acme.test/app",
                "credential_protection": {
                    "level": "user_verification_optional_with_credential_id_list", "enforce": false,
                },
                "min_pin_length": true,
                "large_blob": "preferred",
                "prf": {"first": "AAEC"},
                "uvm": true,
            }}))
            .await;
        assert_eq!(
            policy.options().await["extensions"],
            json!({
                "credProps": true,
                "appidExclude": "https://acme.test/app",
                "credentialProtectionPolicy": "userVerificationOptionalWithCredentialIDList",
                "enforceCredentialProtectionPolicy": false,
                "minPinLength": true,
                "largeBlob": {"support": "preferred"},
                "prf": {"eval": {"first": "AAEC"}},
                "uvm": true,
            })
        );
        let challenge = policy.account.challenge(&policy.service, &json!({})).await;
        assert_eq!(
            challenge["options"]["publicKey"]["extensions"],
            json!({"prf": {"eval": {"first": "AAEC"}}, "uvm": true})
        );
        policy
            .demand(json!({"extensions": {"prf": {"first": null}, "uvm": false}}))
            .await;
        assert_eq!(policy.options().await["extensions"]["prf"], json!({}));
        let challenge = policy.account.challenge(&policy.service, &json!({})).await;
        assert_eq!(challenge["options"]["publicKey"].get("extensions"), None);
    }

    #[tokio::test]
    async fn a_protection_that_is_enforced_must_be_reported() {
        let policy = Policy::new().await;
        let protection = |enforce: bool| {
            json!({"extensions": {"credential_protection": {
                "level": "user_verification_required", "enforce": enforce,
            }}})
        };
        let reporting = |level: u8| {
            let mut authenticator = Authenticator::default();
            let outputs = json!({"credProtect": level});
            authenticator.profile.create_extensions.authenticator =
                outputs.as_object().unwrap().clone();
            authenticator
        };
        policy.demand(protection(true)).await;
        assert_eq!(policy.registers(&mut reporting(3), &truth()).await, None);
        let too_little = "credential_protection_insufficient";
        refused(
            policy.registers(&mut reporting(2), &truth()).await,
            too_little,
        );
        refused(
            policy
                .registers(&mut Authenticator::default(), &truth())
                .await,
            too_little,
        );
        policy.demand(protection(false)).await;
        assert_eq!(policy.registers(&mut reporting(2), &truth()).await, None);
    }

    #[tokio::test]
    async fn a_credential_of_the_u2f_application_answers_where_credentials_are_listed() {
        let policy = Policy::new().await;
        let mut old = Authenticator::default();
        policy
            .account
            .register(&policy.service, "user-0001", &mut old)
            .await;
        policy
            .demand(json!({"extensions": {"appid": "https://acme.test/app"}}))
            .await;
        old.profile.uses_appid = true;
        let who = json!({"identity": "user-0001"});
        let challenge = policy.account.challenge(&policy.service, &who).await;
        let asked = &challenge["options"]["publicKey"]["extensions"];
        assert_eq!(*asked, json!({"appid": "https://acme.test/app"}));
        let answer = get(&mut old, &challenge, &truth());
        policy
            .account
            .approve(&policy.service, &answer)
            .await
            .expect(200);

        // Without a list, and without the policy's leave, the application's name is worth nothing.
        let challenge = policy.account.challenge(&policy.service, &json!({})).await;
        assert_eq!(challenge["options"]["publicKey"].get("extensions"), None);
        let lies = Lies {
            rp_id: Some("https://acme.test/app".to_owned()),
            client_extension_results: json!({"appid": true}).as_object().unwrap().clone(),
            ..truth()
        };
        refused(
            policy.signs_in(&mut old, &lies).await,
            "rp_id_hash_mismatch",
        );
    }
}

#[tokio::test]
async fn a_sealed_challenge_is_approved_once_and_shown_once_it_has_ended() {
    let policy = Policy::new().await;
    let shown = policy.demand(json!({"sealed_authentications": true})).await;
    assert_eq!(shown["sealed_authentications"], true);
    let mut authenticator = Authenticator::default();
    let (account, service) = (&policy.account, &policy.service);
    account
        .register(service, "user-0001", &mut authenticator)
        .await;
    let who = json!({"identity": "user-0001"});
    let list = format!("{service}/Entities/user-0001/Challenges");
    let listed = async || {
        let list = account.get(&list).await.expect(200);
        list["challenges"].as_array().unwrap().len()
    };
    for body in [who, json!({})] {
        let before = listed().await;
        let challenge = account.challenge(service, &body).await;
        assert_eq!(challenge["status"], "pending");
        let path = format!("{list}/{}", challenge["sid"].as_str().unwrap());
        assert_eq!(account.get(&path).await.status, 404);
        assert_eq!(listed().await, before);
        let answer = get(&mut authenticator, &challenge, &truth());
        let approved = account.approve(service, &answer).await.expect(200);
        assert_eq!(approved["sid"], challenge["sid"]);
        assert_eq!(approved["status"], "approved");
        assert_eq!(approved["date_created"], challenge["date_created"]);
        assert_eq!(approved["expiration_date"], challenge["expiration_date"]);
        let again = account.approve(service, &answer).await;
        assert_eq!(again.json["details"]["reason"], "ceremony_used");
        let seen = account.get(&path).await.expect(200);
        assert_eq!(seen["status"], "approved");
        assert_eq!(listed().await, before + 1);
    }
    // Another Service of the account cannot take it.
    let other = account.service().await;
    let challenge = account.challenge(service, &json!({})).await;
    let answer = get(&mut authenticator, &challenge, &truth());
    let refusal = account.approve(&other, &answer).await;
    assert_eq!(refusal.json["details"]["reason"], "ceremony_not_found");
    let shown = policy.demand(json!({"sealed_authentications": null})).await;
    assert_eq!(shown["sealed_authentications"], false);
    account.approve(service, &answer).await.expect(200);
}
