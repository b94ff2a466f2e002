//! `POST Passkeys/ApproveChallenge`.

use serde_json::{Value, json};
use testkit::{Authenticator, Counter, Lies, Profile, UserHandle};

use crate::common::{Client, TestApp};
use crate::support::{create, get, without_random};

async fn registered() -> (Client, String, Authenticator, Value) {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    let factor = account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    (account, service, authenticator, factor)
}

async fn status(account: &Client, service: &str, challenge: &Value) -> Value {
    let sid = challenge["sid"].as_str().unwrap();
    let path = format!("{service}/Entities/user-0001/Challenges/{sid}");
    account.get(&path).await.expect(200)["status"].clone()
}

#[tokio::test]
async fn an_approved_challenge_shows_every_member_of_the_contract() {
    let (account, service, mut authenticator, _) = registered().await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    account.app.clock.advance_millis(3000);
    let approved = account.approve(&service, &credential).await.expect(200);
    insta::assert_json_snapshot!(without_random(approved, &authenticator));
}

#[tokio::test]
async fn a_discoverable_sign_in_names_identity_entity_and_factor() {
    let (account, service, mut authenticator, factor) = registered().await;
    let challenge = account.challenge(&service, &json!({})).await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let approved = account.approve(&service, &credential).await.expect(200);
    assert_eq!(approved["status"], "approved");
    assert_eq!(approved["identity"], "user-0001");
    assert_eq!(approved["entity_sid"], factor["entity_sid"]);
    assert_eq!(approved["factor_sid"], factor["sid"]);
    assert_eq!(approved["options"], challenge["options"]);
    // Only now it belongs to the entity.
    assert_eq!(status(&account, &service, &challenge).await, "approved");
}

#[tokio::test]
async fn approval_dates_the_factors_last_use() {
    let (account, service, mut authenticator, factor) = registered().await;
    assert!(factor["metadata"].get("date_last_approved").is_none());
    account.app.clock.advance_millis(60_000);
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    account.approve(&service, &credential).await.expect(200);
    let shown = account.follow(&factor["url"]).await.expect(200);
    assert_eq!(
        shown["metadata"]["date_last_approved"],
        "2026-01-02T03:05:05Z"
    );
    assert_eq!(
        shown["metadata"]["aaguid"],
        "70617373-6b65-7964-2d74-6573746b6974"
    );
}

#[tokio::test]
async fn a_challenge_takes_one_answer() {
    let (account, service, mut authenticator, _) = registered().await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    account.approve(&service, &credential).await.expect(200);
    let error = account
        .approve(&service, &credential)
        .await
        .refused(403, 60322);
    assert_eq!(error["details"]["reason"], "ceremony_used");
    assert_eq!(status(&account, &service, &challenge).await, "approved");
}

#[tokio::test]
async fn a_challenge_expires_after_five_minutes() {
    let (account, service, mut authenticator, _) = registered().await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    assert_eq!(challenge["expiration_date"], "2026-01-02T03:09:05Z");
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    account.app.clock.advance_millis(299_999);
    assert_eq!(status(&account, &service, &challenge).await, "pending");
    account.app.clock.advance_millis(1);
    assert_eq!(status(&account, &service, &challenge).await, "expired");
    let error = account
        .approve(&service, &credential)
        .await
        .refused(403, 60323);
    assert_eq!(error["details"]["reason"], "ceremony_expired");
}

#[tokio::test]
async fn a_refused_answer_denies_the_challenge() {
    let (account, service, mut authenticator, _) = registered().await;
    for (lies, reason) in [
        (
            Lies {
                tampered_signature: true,
                ..Lies::default()
            },
            "signature_invalid",
        ),
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
                user_handle: UserHandle::Text(format!("YE{}", "0".repeat(32))),
                ..Lies::default()
            },
            "user_handle_mismatch",
        ),
    ] {
        let challenge = account
            .challenge(&service, &json!({"identity": "user-0001"}))
            .await;
        let credential = get(&mut authenticator, &challenge, &lies);
        let error = account
            .approve(&service, &credential)
            .await
            .refused(403, 60324);
        assert_eq!(error["details"]["reason"], reason);
        assert_eq!(
            status(&account, &service, &challenge).await,
            "denied",
            "{reason}"
        );
        let credential = get(&mut authenticator, &challenge, &Lies::default());
        account
            .approve(&service, &credential)
            .await
            .refused(403, 60322);
    }
}

#[tokio::test]
async fn a_body_that_is_malformed_costs_the_challenge_nothing() {
    let (account, service, mut authenticator, _) = registered().await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    for (member, value, code) in [
        ("id", json!("+/"), 60375),
        ("rawId", json!("AA"), 60376),
        ("authenticatorAttachment", json!(1), 60377),
        ("response.signature", json!("="), 60381),
        ("response.signature", json!(""), 60378),
        ("response.authenticatorData", json!("="), 60379),
        ("response.clientDataJSON", json!("="), 60380),
        ("response.clientDataJSON", json!("AAAA"), 60380),
        ("response.userHandle", json!("="), 60365),
        ("response.userHandle", json!("dXNlcg"), 60365),
        ("response.userHandle", json!(7), 60365),
    ] {
        let mut bad = credential.clone();
        testkit::json::set(&mut bad, member, value);
        let reply = account.approve(&service, &bad).await;
        assert_eq!(reply.json["code"], code, "{member}: {}", reply.json);
        reply.refused(400, code);
    }
    account.approve(&service, &credential).await.expect(200);
}

#[tokio::test]
async fn an_empty_user_handle_counts_as_absent_where_the_user_is_known() {
    let (account, service, mut authenticator, _) = registered().await;
    for handle in [UserHandle::Empty, UserHandle::Null, UserHandle::Omitted] {
        let lies = Lies {
            user_handle: handle,
            ..Lies::default()
        };
        let challenge = account
            .challenge(&service, &json!({"identity": "user-0001"}))
            .await;
        let credential = get(&mut authenticator, &challenge, &lies);
        account.approve(&service, &credential).await.expect(200);
        let challenge = account.challenge(&service, &json!({})).await;
        let credential = get(&mut authenticator, &challenge, &lies);
        let error = account
            .approve(&service, &credential)
            .await
            .refused(403, 60324);
        assert_eq!(error["details"]["reason"], "user_handle_missing");
    }
}

#[tokio::test]
async fn user_bs_passkey_does_not_answer_user_as_challenge_and_its_counter_stays() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .register(&service, "user-000a", &mut Authenticator::default())
        .await;
    let mut other = Authenticator::new(Profile {
        counter: Counter::Increasing,
        ..Profile::default()
    });
    let factor = account.register(&service, "user-000b", &mut other).await;
    let id = other.credentials()[0].id().to_vec();

    let challenge = account
        .challenge(&service, &json!({"identity": "user-000a"}))
        .await;
    let lies = Lies {
        use_credential: Some(id),
        sign_count: Some(1000),
        ..Lies::default()
    };
    let credential = get(&mut other, &challenge, &lies);
    let error = account
        .approve(&service, &credential)
        .await
        .refused(403, 60324);
    assert_eq!(error["details"]["reason"], "credential_not_allowed");
    let shown = account.follow(&factor["url"]).await.expect(200);
    assert_eq!(shown, factor, "neither last use nor anything else moved");

    // Had the counter moved to 1000, a counter of 2 would be noticed where the policy demands growth.
    account
        .change(&service, |rp| {
            rp.policy.sign_count = domain::webauthn::authentication::SignCountPolicy::Refuse;
        })
        .await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-000b"}))
        .await;
    let credential = get(&mut other, &challenge, &Lies::default());
    account.approve(&service, &credential).await.expect(200);
}

#[tokio::test]
async fn the_passkey_of_another_user_is_not_allowed_whether_or_not_there_is_a_list() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut other = Authenticator::new(Profile::default());
    account.register(&service, "user-000b", &mut other).await;
    account.start(&service, "user-000c").await;
    // The user has no passkey yet, so the options list none.
    let challenge = account
        .challenge(&service, &json!({"identity": "user-000c"}))
        .await;
    assert_eq!(
        challenge["options"]["publicKey"]["allowCredentials"],
        json!([])
    );
    let credential = get(&mut other, &challenge, &Lies::default());
    let error = account
        .approve(&service, &credential)
        .await
        .refused(403, 60324);
    assert_eq!(error["details"]["reason"], "credential_not_allowed");
    let text = error.to_string();
    assert!(!text.contains("user-000b"), "{text}");
    assert!(!text.contains("remove"), "{text}");
}

#[tokio::test]
async fn a_user_handle_in_another_form_is_named() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::new(Profile::default());
    let factor = account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let handle = factor["entity_sid"].as_str().unwrap();
    let encode = |text: &str| domain::webauthn::base64url::encode(text.as_bytes());
    for (sent, named) in [
        (handle.to_owned(), "plain text"),
        (encode(&encode(handle)), "base64url twice"),
        (encode("somebody"), "does not decode to an Entity SID"),
    ] {
        let challenge = account.challenge(&service, &json!({})).await;
        let mut credential = get(&mut authenticator, &challenge, &Lies::default());
        credential["response"]["userHandle"] = json!(sent);
        let error = account
            .approve(&service, &credential)
            .await
            .refused(400, 60365);
        let message = error["details"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{message}");
    }
}

#[tokio::test]
async fn a_counter_that_does_not_grow_is_refused_where_the_policy_says_so() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .change(&service, |rp| {
            rp.policy.sign_count = domain::webauthn::authentication::SignCountPolicy::Refuse;
        })
        .await;
    let mut key = Authenticator::new(Profile::security_key());
    account.register(&service, "user-0001", &mut key).await;
    for (count, status) in [(5, 200), (5, 403), (4, 403), (6, 200)] {
        let challenge = account
            .challenge(&service, &json!({"identity": "user-0001"}))
            .await;
        let credential = get(
            &mut key,
            &challenge,
            &Lies {
                sign_count: Some(count),
                ..Lies::default()
            },
        );
        let reply = account.approve(&service, &credential).await;
        if status == 403 {
            let error = reply.refused(403, 60324);
            assert_eq!(error["details"]["reason"], "sign_count_not_increased");
        } else {
            reply.expect(200);
        }
    }
}

#[tokio::test]
async fn user_verification_is_demanded_when_the_options_said_required() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::new(Profile {
        user_verified: false,
        ..Profile::default()
    });
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    account
        .post(&service, "Passkeys.UserVerification=required")
        .await
        .expect(200);
    let challenge = account.challenge(&service, &json!({})).await;
    assert_eq!(
        challenge["options"]["publicKey"]["userVerification"],
        "required"
    );
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let error = account
        .approve(&service, &credential)
        .await
        .refused(403, 60324);
    assert_eq!(error["details"]["reason"], "user_not_verified");
}

#[tokio::test]
async fn a_deleted_passkey_is_60390_and_ends_the_challenge() {
    let (account, service, mut authenticator, factor) = registered().await;
    let challenge = account.challenge(&service, &json!({})).await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let path = format!(
        "{service}/Entities/user-0001/Factors/{}",
        factor["sid"].as_str().unwrap()
    );
    assert_eq!(account.delete(&path).await.status, 204);
    let error = account
        .approve(&service, &credential)
        .await
        .refused(404, 60390);
    assert_eq!(error["details"]["reason"], "credential_unknown");
}

#[tokio::test]
async fn a_passkey_of_another_relying_party_is_60382_unless_its_factor_is_named() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    let body = json!({"friendly_name": "Phone", "identity": "user-0001",
        "config": {"relying_party": {"id": "other.test", "origins": ["https://other.test"]}}});
    let factor = account
        .post(&format!("{service}/Passkeys/Factors"), &body)
        .await
        .expect(201);
    let credential = authenticator
        .create(&factor["options"], "https://other.test", &Lies::default())
        .unwrap();
    account.verify(&service, &credential).await.expect(200);

    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let id = authenticator.credentials()[0].id().to_vec();
    let lies = Lies {
        use_credential: Some(id),
        ..Lies::default()
    };
    let credential = get(&mut authenticator, &challenge, &lies);
    let error = account
        .approve(&service, &credential)
        .await
        .refused(403, 60382);
    assert_eq!(error["details"]["reason"], "credential_rp_mismatch");
    account
        .approve(&service, &credential)
        .await
        .refused(403, 60322);

    let challenge = account
        .challenge(&service, &json!({"factor_sid": factor["sid"]}))
        .await;
    assert_eq!(challenge["options"]["publicKey"]["rpId"], "other.test");
    let credential = authenticator
        .get(
            &challenge["options"],
            "https://other.test",
            &Lies::default(),
        )
        .unwrap();
    account.approve(&service, &credential).await.expect(200);
}

#[tokio::test]
async fn an_answer_belongs_to_the_service_that_asked() {
    let (account, service, mut authenticator, _) = registered().await;
    let other = account.service().await;
    let challenge = account.challenge(&service, &json!({})).await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    account
        .approve(&other, &credential)
        .await
        .refused(404, 60391);
    account.approve(&service, &credential).await.expect(200);
}

#[tokio::test]
async fn a_registrations_challenge_cannot_be_answered_as_a_sign_in() {
    let (account, service, mut authenticator, _) = registered().await;
    let factor = account.start(&service, "user-0001").await;
    let challenge = account.challenge(&service, &json!({})).await;
    let lies = Lies {
        challenge: factor["options"]["publicKey"]["challenge"]
            .as_str()
            .map(str::to_owned),
        ..Lies::default()
    };
    let credential = get(&mut authenticator, &challenge, &lies);
    account
        .approve(&service, &credential)
        .await
        .refused(404, 60391);
    // The registration is as open as before.
    let credential = create(&mut Authenticator::default(), &factor, &Lies::default());
    account.verify(&service, &credential).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_hundred_parallel_approvals_make_one_success() {
    let (account, service, mut authenticator, _) = registered().await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (account, service, credential) =
                (account.clone(), service.clone(), credential.clone());
            tokio::spawn(async move { account.approve(&service, &credential).await })
        })
        .collect();
    let mut approved = 0;
    for task in tasks {
        let reply = task.await.unwrap();
        if reply.status == 200 {
            approved += 1;
        } else {
            reply.refused(403, 60322);
        }
    }
    assert_eq!(approved, 1);
}
