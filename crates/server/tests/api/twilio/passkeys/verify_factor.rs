//! `POST Passkeys/VerifyFactor`.

use serde_json::{Value, json};
use testkit::json::pad;
use testkit::{Algorithm, Authenticator, Format, Lies, Profile};

use crate::common::TestApp;
use crate::support::{create, get};

#[tokio::test]
async fn a_verified_factor_shows_metadata_and_neither_binding_nor_options() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    account.app.clock.advance_millis(2000);
    let credential = create(&mut Authenticator::default(), &factor, &Lies::default());
    let verified = account.verify(&service, &credential).await.expect(200);
    insta::assert_json_snapshot!(verified);
    assert_eq!(verified["sid"], factor["sid"]);
    assert_eq!(account.follow(&verified["url"]).await.expect(200), verified);
}

#[tokio::test]
async fn the_raw_id_may_be_hexadecimal_and_attachment_and_type_absent() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for change in [
        |credential: &mut Value| {
            let id = testkit::from_base64url(credential["id"].as_str().unwrap()).unwrap();
            credential["rawId"] = hex(&id).into();
        },
        |credential: &mut Value| {
            let id = testkit::from_base64url(credential["id"].as_str().unwrap()).unwrap();
            credential["rawId"] = hex(&id).to_uppercase().into();
        },
        |credential: &mut Value| {
            testkit::json::without(credential, "authenticatorAttachment");
            testkit::json::without(credential, "type");
        },
        |credential: &mut Value| credential["authenticatorAttachment"] = Value::Null,
        |credential: &mut Value| credential["authenticatorAttachment"] = json!(""),
        |credential: &mut Value| credential["authenticatorAttachment"] = json!("any"),
        |credential: &mut Value| credential["type"] = Value::Null,
        |credential: &mut Value| credential["type"] = json!(""),
        |credential: &mut Value| credential["unknown"] = json!({"ignored": [1]}),
    ] {
        let factor = account.start(&service, "user-0001").await;
        let mut credential = create(&mut Authenticator::default(), &factor, &Lies::default());
        change(&mut credential);
        account.verify(&service, &credential).await.expect(200);
    }
}

#[tokio::test]
async fn names_of_constants_are_read_as_the_words_that_they_stand_for() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let mut authenticator = Authenticator::default();
    let mut credential = create(&mut authenticator, &factor, &Lies::default());
    credential["authenticatorAttachment"] = json!("PLATFORM");
    credential["type"] = json!("PUBLIC_KEY");
    credential["response"]["transports"] = json!(["INTERNAL", "HYBRID", "SMART_CARD"]);
    let verified = account.verify(&service, &credential).await.expect(200);
    // Kept as browsers know them.
    assert_eq!(
        verified["metadata"]["transports"],
        "internal,hybrid,smart-card"
    );
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    assert_eq!(
        challenge["options"]["publicKey"]["allowCredentials"][0]["transports"],
        json!(["internal", "hybrid", "smart-card"])
    );
    let mut assertion = get(&mut authenticator, &challenge, &Lies::default());
    assertion["authenticatorAttachment"] = json!("CROSS_PLATFORM");
    assertion["type"] = json!("PUBLIC_KEY");
    account.approve(&service, &assertion).await.expect(200);

    // Another word stays another word.
    let factor = account.start(&service, "user-0001").await;
    let mut credential = create(&mut Authenticator::default(), &factor, &Lies::default());
    credential["type"] = json!("PASSWORD");
    let error = account
        .verify(&service, &credential)
        .await
        .refused(400, 60378);
    assert_eq!(error["details"]["reason"], "credential_type_mismatch");
}

/// C#'s SDK sends a list of texts as the name of a type.
#[tokio::test]
async fn transports_that_are_no_list_are_ignored() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for broken in [
        json!("System.Collections.Generic.List`1[System.String]"),
        json!({}),
        Value::Null,
    ] {
        let factor = account.start(&service, "user-0001").await;
        let mut credential = create(&mut Authenticator::default(), &factor, &Lies::default());
        credential["response"]["transports"] = broken;
        let verified = account.verify(&service, &credential).await.expect(200);
        assert_eq!(verified["metadata"]["transports"], "");
    }
}

#[tokio::test]
async fn padding_at_the_end_of_outer_members_does_not_matter() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let mut authenticator = Authenticator::default();
    let mut credential = create(&mut authenticator, &factor, &Lies::default());
    let members = [
        "rawId",
        "response.clientDataJSON",
        "response.attestationObject",
    ];
    for member in members {
        pad(&mut credential, member);
    }
    assert!(credential["rawId"].as_str().unwrap().ends_with('='));

    // In the classic alphabet the value is refused, and the place is named.
    let mut classic = credential.clone();
    classic["rawId"] = json!("ab+/ab+/");
    let error = account.verify(&service, &classic).await.refused(400, 60376);
    let message = error["details"]["message"].as_str().unwrap();
    assert!(message.contains("character 2 "), "{message}");
    let mut too_much = credential.clone();
    too_much["rawId"] = format!("{}=", credential["rawId"].as_str().unwrap()).into();
    account
        .verify(&service, &too_much)
        .await
        .refused(400, 60376);
    account.verify(&service, &credential).await.expect(200);

    let challenge = account.challenge(&service, &json!({})).await;
    let mut assertion = get(&mut authenticator, &challenge, &Lies::default());
    for member in [
        "id",
        "rawId",
        "response.clientDataJSON",
        "response.authenticatorData",
        "response.signature",
        "response.userHandle",
    ] {
        pad(&mut assertion, member);
    }
    account.approve(&service, &assertion).await.expect(200);
}

#[tokio::test]
async fn every_offered_algorithm_and_known_format_verifies() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        for format in [Format::None, Format::PackedSelf, Format::PackedX5c] {
            let profile = Profile::default()
                .with_algorithm(algorithm)
                .with_format(format);
            let factor = account
                .register(&service, "user-0001", &mut Authenticator::new(profile))
                .await;
            assert_eq!(factor["status"], "verified", "{algorithm:?} {format:?}");
        }
    }
}

#[tokio::test]
async fn a_factor_that_is_verified_cannot_be_verified_again() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let credential = create(&mut Authenticator::default(), &factor, &Lies::default());
    let verified = account.verify(&service, &credential).await.expect(200);
    let error = account
        .verify(&service, &credential)
        .await
        .refused(403, 60383);
    assert_eq!(error["details"]["reason"], "ceremony_used");
    assert_eq!(account.follow(&factor["url"]).await.expect(200), verified);
}

#[tokio::test]
async fn a_registration_ends_after_ten_minutes() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let late = account.start(&service, "user-0001").await;
    let credential = create(&mut Authenticator::default(), &late, &Lies::default());
    account.app.clock.advance_millis(600_000);
    let error = account
        .verify(&service, &credential)
        .await
        .refused(403, 60383);
    assert_eq!(error["details"]["reason"], "ceremony_expired");

    let in_time = account.start(&service, "user-0001").await;
    let credential = create(&mut Authenticator::default(), &in_time, &Lies::default());
    account.app.clock.advance_millis(599_999);
    account.verify(&service, &credential).await.expect(200);
}

#[tokio::test]
async fn a_refused_answer_ends_the_registration_for_good() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for (lies, reason) in [
        (
            Lies {
                origin: Some("https://evil.test".to_owned()),
                ..Lies::default()
            },
            "origin_not_allowed",
        ),
        (
            Lies {
                cross_origin: Some(true),
                ..Lies::default()
            },
            "cross_origin_not_allowed",
        ),
        (
            Lies {
                rp_id: Some("evil.test".to_owned()),
                ..Lies::default()
            },
            "rp_id_hash_mismatch",
        ),
        (
            Lies {
                user_present: Some(false),
                ..Lies::default()
            },
            "user_not_present",
        ),
        (
            Lies {
                backup_eligible: Some(false),
                backup_state: Some(true),
                ..Lies::default()
            },
            "backup_flags_invalid",
        ),
        (
            Lies {
                attested_credential_id: Some(vec![7; 32]),
                ..Lies::default()
            },
            "credential_id_mismatch",
        ),
    ] {
        let factor = account.start(&service, "user-0001").await;
        let mut authenticator = Authenticator::default();
        let credential = create(&mut authenticator, &factor, &lies);
        let error = account
            .verify(&service, &credential)
            .await
            .refused(403, 60311);
        assert_eq!(error["message"], "Factor verification failed");
        assert_eq!(error["details"]["reason"], reason);
        assert!(
            error["details"]["help"]
                .as_str()
                .is_some_and(|help| !help.is_empty())
        );

        // The true answer comes too late now.
        let credential = create(&mut authenticator, &factor, &Lies::default());
        account
            .verify(&service, &credential)
            .await
            .refused(403, 60383);
        let shown = account.follow(&factor["url"]).await.expect(200);
        assert_eq!(
            (&shown["status"], &shown["metadata"]),
            (&json!("unverified"), &Value::Null),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn only_a_registration_with_conditional_mediation_needs_no_user_presence() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let start = async |config: Value| {
        let path = format!("{service}/Passkeys/Factors");
        let body = json!({"friendly_name": "Phone", "identity": "user-0001", "config": config});
        account.post(&path, &body).await
    };
    let silent = Lies {
        user_present: Some(false),
        user_verified: Some(false),
        ..Lies::default()
    };
    let factor = start(json!({"mediation": "conditional"})).await.expect(201);
    let credential = create(&mut Authenticator::default(), &factor, &silent);
    let verified = account.verify(&service, &credential).await.expect(200);
    assert_eq!(verified["status"], "verified");

    let factor = start(json!({})).await.expect(201);
    let credential = create(&mut Authenticator::default(), &factor, &silent);
    let refused = account.verify(&service, &credential).await;
    assert_eq!(
        refused.refused(403, 60311)["details"]["reason"],
        "user_not_present"
    );
    for bad in [json!("optional"), json!(true), json!({})] {
        let config = json!({ "mediation": bad });
        start(config).await.refused(400, 60370);
    }
}

#[tokio::test]
async fn a_tampered_attestation_signature_is_60311() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let mut authenticator = Authenticator::new(Profile::default().with_format(Format::PackedSelf));
    let lies = Lies {
        tampered_signature: true,
        ..Lies::default()
    };
    let credential = create(&mut authenticator, &factor, &lies);
    let error = account
        .verify(&service, &credential)
        .await
        .refused(403, 60311);
    assert_eq!(error["details"]["reason"], "attestation_signature_invalid");
}

#[tokio::test]
async fn user_verification_is_demanded_when_the_options_said_required() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let profile = Profile {
        user_verified: false,
        ..Profile::default()
    };
    let preferred = account
        .register(
            &service,
            "user-0001",
            &mut Authenticator::new(profile.clone()),
        )
        .await;
    assert_eq!(preferred["metadata"]["user_verified"], "false");
    account
        .post(&service, "Passkeys.UserVerification=required")
        .await
        .expect(200);
    let factor = account.start(&service, "user-0001").await;
    let credential = create(&mut Authenticator::new(profile), &factor, &Lies::default());
    let error = account
        .verify(&service, &credential)
        .await
        .refused(403, 60311);
    assert_eq!(error["details"]["reason"], "user_not_verified");
}

#[tokio::test]
async fn the_wishes_of_the_start_hold_whatever_is_configured_later() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let form = "Passkeys.RelyingParty.Id=other.test&Passkeys.RelyingParty.Origins=https%3A%2F%2Fother.test&Passkeys.UserVerification=required";
    account.post(&service, form).await.expect(200);
    let credential = create(&mut Authenticator::default(), &factor, &Lies::default());
    let verified = account.verify(&service, &credential).await.expect(200);
    assert_eq!(verified["config"]["relying_party"]["id"], "acme.test");
}

#[tokio::test]
async fn a_credential_id_is_registered_once_and_its_first_owner_keeps_it() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    let first = account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let id = authenticator.credentials()[0].id().to_vec();
    for identity in ["user-0001", "user-0002"] {
        let factor = account.start(&service, identity).await;
        let text = testkit::base64url(&id);
        let lies = Lies {
            attested_credential_id: Some(id.clone()),
            id: Some(text.clone()),
            raw_id: Some(text),
            ignore_exclude_list: true,
            ..Lies::default()
        };
        let credential = create(&mut Authenticator::default(), &factor, &lies);
        let error = account
            .verify(&service, &credential)
            .await
            .refused(409, 60317);
        assert_eq!(error["details"]["reason"], "credential_exists");
        assert_eq!(
            account.follow(&factor["url"]).await.expect(200)["status"],
            "unverified"
        );
    }
    assert_eq!(account.follow(&first["url"]).await.expect(200), first);
}

#[tokio::test]
async fn an_answer_belongs_to_the_service_that_asked() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let other = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let credential = create(&mut Authenticator::default(), &factor, &Lies::default());
    let error = account
        .verify(&other, &credential)
        .await
        .refused(404, 60390);
    assert_eq!(error["details"]["reason"], "ceremony_not_found");
    account.verify(&service, &credential).await.expect(200);
}

#[tokio::test]
async fn a_challenge_cannot_be_answered_as_a_registration() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    let challenge = account.challenge(&service, &json!({})).await;
    let factor = account.start(&service, "user-0001").await;
    let lies = Lies {
        challenge: challenge["options"]["publicKey"]["challenge"]
            .as_str()
            .map(str::to_owned),
        ..Lies::default()
    };
    let credential = create(&mut Authenticator::default(), &factor, &lies);
    account
        .verify(&service, &credential)
        .await
        .refused(404, 60390);
}

#[tokio::test]
async fn one_hundred_parallel_answers_make_one_factor() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let credential = create(&mut Authenticator::default(), &factor, &Lies::default());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (account, service, credential) =
                (account.clone(), service.clone(), credential.clone());
            tokio::spawn(async move { account.verify(&service, &credential).await })
        })
        .collect();
    let mut verified = 0;
    for task in tasks {
        let reply = task.await.unwrap();
        if reply.status == 200 {
            verified += 1;
        } else {
            reply.refused(403, 60383);
        }
    }
    assert_eq!(verified, 1);
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
