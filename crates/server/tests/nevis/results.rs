//! `POST /_app/attestation/result` and `POST /_app/assertion/result`.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Counter, Lies, Profile};

use crate::support::{ORIGIN_OF_PAGES, Service, assertion, attestation, members};

const ATTESTATION: &str = "/_app/attestation/result";
const ASSERTION: &str = "/_app/assertion/result";

fn none() -> Lies {
    Lies::default()
}

#[tokio::test]
async fn a_good_attestation_is_ok_with_a_token_with_and_where_allowed_without_a_status_token() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let answer = attestation(&mut authenticator, &enrolled, &none());
    let mut without = answer.clone();
    without.as_object_mut().unwrap().remove("statusToken");
    // By default it is demanded, and asking without it costs the transaction nothing.
    for missing in [without.clone(), {
        let mut null = without.clone();
        null["statusToken"] = Value::Null;
        null
    }] {
        let message = service.page().post(ATTESTATION, &missing).await.failed();
        assert!(message.contains("statusToken"), "{message}");
    }
    let reply = service.page().post(ATTESTATION, &answer).await;
    assert_eq!(members(&reply.json), ["errorMessage", "status", "token"]);
    let token = reply.token();
    assert_eq!(service.introspect(&token).await["active"], true);

    service
        .choose(json!({"status_token_required": false}))
        .await;
    let enrolled = service.enroll("bob").await;
    let mut authenticator = Authenticator::default();
    let mut answer = attestation(&mut authenticator, &enrolled, &none());
    answer.as_object_mut().unwrap().remove("statusToken");
    service.page().post(ATTESTATION, &answer).await.token();
    let approval = service.approve(Some("bob")).await;
    let mut answer = assertion(&mut authenticator, &approval, &none());
    answer.as_object_mut().unwrap().remove("statusToken");
    service.page().post(ASSERTION, &answer).await.token();
    // With it, it still has to be right.
    let (mine, other) = (
        service.approve(Some("bob")).await,
        service.approve(Some("bob")).await,
    );
    let mut answer = assertion(&mut authenticator, &mine, &none());
    answer["statusToken"] = other["statusToken"].clone();
    service.page().post(ASSERTION, &answer).await.failed();
}

#[tokio::test]
async fn a_challenge_that_names_a_relying_party_without_a_ceremony_is_refused() {
    let service = Service::new().await;
    service
        .choose(json!({"status_token_required": false}))
        .await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let id = service.sid.strip_prefix("VA").unwrap();
    for challenge in [
        format!("{}{id}", "0".repeat(32)),
        format!("{}{}", "0".repeat(32), "f".repeat(32)),
        "0".repeat(48),
    ] {
        let mut approval = service.approve(Some("ada")).await;
        approval["credentialRequestOptions"]["challenge"] =
            testkit::base64url(challenge.as_bytes()).into();
        let mut answer = assertion(&mut authenticator, &approval, &none());
        answer.as_object_mut().unwrap().remove("statusToken");
        service.page().post(ASSERTION, &answer).await.failed();
    }
}

#[tokio::test]
async fn the_status_token_of_another_transaction_fails_and_costs_neither() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let (first, second) = (service.enroll("ada").await, service.enroll("bob").await);
    let mut answer = attestation(&mut authenticator, &first, &none());
    answer["statusToken"] = second["enrollment"]["statusToken"].clone();
    service.page().post(ATTESTATION, &answer).await.failed();
    for enrolled in [&first, &second] {
        let status = service.status(&enrolled["enrollment"]["statusToken"]).await;
        assert_eq!(status["status"], "pending");
    }
    answer["statusToken"] = first["enrollment"]["statusToken"].clone();
    service.page().post(ATTESTATION, &answer).await.token();
    for bad in [
        json!("x"),
        json!(""),
        json!(service.key),
        json!(1),
        json!({}),
    ] {
        answer["statusToken"] = bad;
        service.page().post(ATTESTATION, &answer).await.failed();
    }
}

#[tokio::test]
async fn a_replayed_challenge_fails() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let answer = attestation(&mut authenticator, &enrolled, &none());
    service.page().post(ATTESTATION, &answer).await.token();
    service.page().post(ATTESTATION, &answer).await.failed();
    // Another credential for the same challenge.
    service
        .attest(&mut Authenticator::default(), &enrolled)
        .await
        .failed();
    let user = service.user("ada").await;
    assert_eq!(user["authenticators"].as_array().unwrap().len(), 1);

    let approval = service.approve(Some("ada")).await;
    let answer = assertion(&mut authenticator, &approval, &none());
    service.page().post(ASSERTION, &answer).await.token();
    service.page().post(ASSERTION, &answer).await.failed();
    // A refused one is spent as well.
    let approval = service.approve(Some("ada")).await;
    let good = assertion(&mut authenticator, &approval, &none());
    let mut bad = good.clone();
    bad["response"]["signature"] = json!("AAAA");
    service.page().post(ASSERTION, &bad).await.failed();
    service.page().post(ASSERTION, &good).await.failed();
    assert_eq!(
        service.status(&approval["statusToken"]).await["status"],
        "failed"
    );
}

#[tokio::test]
async fn of_many_equal_answers_at_once_one_is_ok() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let approval = service.approve(Some("ada")).await;
    let answer = assertion(&mut authenticator, &approval, &none());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (service, answer) = (service.clone(), answer.clone());
            tokio::spawn(async move {
                service.page().post(ASSERTION, &answer).await.json["status"] == "ok"
            })
        })
        .collect();
    let mut ok = 0;
    for task in tasks {
        ok += u32::from(task.await.unwrap());
    }
    assert_eq!(ok, 1);
}

/// A change of a good answer that takes its form away.
fn deformed(good: &Value, required: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Value)| {
        let mut answer = good.clone();
        change(&mut answer);
        all.push(answer);
    };
    for kind in [json!("public_key"), json!(""), json!(1), Value::Null] {
        with(&|answer| answer["type"] = kind.clone());
    }
    for name in ["type", "id", "response"] {
        with(&|answer| {
            answer.as_object_mut().unwrap().remove(name);
        });
    }
    for id in [json!(""), json!("!"), json!("ab=="), json!(1), Value::Null] {
        with(&|answer| answer["id"] = id.clone());
    }
    for response in [json!({}), json!([]), json!("x"), Value::Null] {
        with(&|answer| answer["response"] = response.clone());
    }
    for name in required {
        with(&|answer| {
            answer["response"].as_object_mut().unwrap().remove(*name);
        });
        for value in [
            json!(""),
            json!("%%%"),
            json!("a"),
            json!("AA="),
            json!(7),
            Value::Null,
        ] {
            with(&|answer| answer["response"][name] = value.clone());
        }
    }
    with(&|answer| answer["rawId"] = json!("AAAA"));
    with(&|answer| answer["userAgent"] = json!(1));
    all
}

#[tokio::test]
async fn an_answer_out_of_form_fails_with_a_sentence_and_costs_the_transaction_nothing() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let good = attestation(&mut authenticator, &enrolled, &none());
    for bad in deformed(&good, &["clientDataJSON", "attestationObject"]) {
        service.page().post(ATTESTATION, &bad).await.failed();
    }
    let mut name = good.clone();
    for bad in [json!(1), json!("a".repeat(256)), json!("a\u{0}")] {
        name["userFriendlyName"] = bad;
        service.page().post(ATTESTATION, &name).await.failed();
    }
    service.page().post(ATTESTATION, &good).await.token();

    let approval = service.approve(Some("ada")).await;
    let good = assertion(&mut authenticator, &approval, &none());
    for bad in deformed(&good, &["clientDataJSON", "authenticatorData", "signature"]) {
        service.page().post(ASSERTION, &bad).await.failed();
    }
    for handle in [json!("%"), json!(1), json!("AA=")] {
        let mut bad = good.clone();
        bad["response"]["userHandle"] = handle;
        service.page().post(ASSERTION, &bad).await.failed();
    }
    service.page().post(ASSERTION, &good).await.token();
}

#[tokio::test]
async fn padding_at_the_end_of_outer_members_and_an_unknown_attachment_do_not_matter() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let mut answer = attestation(&mut authenticator, &enrolled, &none());
    for member in [
        "id",
        "rawId",
        "response.clientDataJSON",
        "response.attestationObject",
    ] {
        testkit::json::pad(&mut answer, member);
    }
    assert!(answer["rawId"].as_str().unwrap().ends_with('='));
    answer["authenticatorAttachment"] = json!("orbital");
    answer["response"]["transports"] = json!(["INTERNAL"]);
    service.page().post(ATTESTATION, &answer).await.token();

    let approval = service.approve(Some("ada")).await;
    let allowed = &approval["credentialRequestOptions"]["allowCredentials"][0];
    assert_eq!(allowed["transports"], json!(["internal"]), "{approval}");
    let mut answer = assertion(&mut authenticator, &approval, &none());
    for member in [
        "id",
        "rawId",
        "response.clientDataJSON",
        "response.authenticatorData",
        "response.signature",
        "response.userHandle",
    ] {
        testkit::json::pad(&mut answer, member);
    }
    answer["authenticatorAttachment"] = json!("");
    service.page().post(ASSERTION, &answer).await.token();
}

#[tokio::test]
async fn a_wrong_origin_rp_id_hash_or_missing_verification_fails_and_so_does_the_transaction() {
    let service = Service::new().await;
    let lies = [
        Lies {
            origin: Some("https://evil-acme.test".to_owned()),
            ..none()
        },
        Lies {
            origin: Some(format!("{ORIGIN_OF_PAGES}/")),
            ..none()
        },
        Lies {
            rp_id: Some("evil.test".to_owned()),
            ..none()
        },
        Lies {
            user_present: Some(false),
            ..none()
        },
        Lies {
            user_verified: Some(false),
            ..none()
        },
        Lies {
            cross_origin: Some(true),
            ..none()
        },
        Lies {
            client_data_type: Some("webauthn.other".to_owned()),
            ..none()
        },
    ];
    let required = json!({"username": "ada", "channel": "fido2", "fido2Options": {
        "userVerification": "required", "authenticatorSelection": {"userVerification": "required"}}});
    let mut known = Authenticator::default();
    service.register("ada", &mut known).await;
    for lie in lies {
        let enrolled = service
            .back_end()
            .post("/api/v1/users/enroll", &required)
            .await
            .expect(201);
        let answer = attestation(&mut Authenticator::default(), &enrolled, &lie);
        service.page().post(ATTESTATION, &answer).await.failed();
        let status = service.status(&enrolled["enrollment"]["statusToken"]).await;
        assert_eq!(status["status"], "failed", "{lie:?}");

        let approval = service
            .back_end()
            .post("/api/v1/approval", &required)
            .await
            .expect(201);
        let answer = assertion(&mut known, &approval, &lie);
        service.page().post(ASSERTION, &answer).await.failed();
        let status = service.status(&approval["statusToken"]).await;
        assert_eq!(status["status"], "failed", "{lie:?}");
    }
    let user = service.user("ada").await;
    assert_eq!(user["authenticators"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_configured_android_origin_is_ok() {
    let origin = "android:apk-key-hash:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
    let service = Service::new().await;
    let configured = service
        .another_service("app.test", &format!("https://app.test,{origin}"))
        .await;
    let mut authenticator = Authenticator::default();
    let app = Lies {
        origin: Some(origin.to_owned()),
        ..none()
    };
    let enrolled = configured.enroll("ada").await;
    let answer = attestation(&mut authenticator, &enrolled, &app);
    configured.page().post(ATTESTATION, &answer).await.token();
    let approval = configured.approve(Some("ada")).await;
    let answer = assertion(&mut authenticator, &approval, &app);
    configured.page().post(ASSERTION, &answer).await.token();
    // Elsewhere it is foreign, and so is another key hash here.
    let enrolled = service.enroll("ada").await;
    let answer = attestation(&mut Authenticator::default(), &enrolled, &app);
    service.page().post(ATTESTATION, &answer).await.failed();
    let other = Lies {
        origin: Some(origin.replace("MDEy", "MDEz")),
        ..none()
    };
    let enrolled = configured.enroll("bob").await;
    let answer = attestation(&mut Authenticator::default(), &enrolled, &other);
    configured.page().post(ATTESTATION, &answer).await.failed();
}

#[tokio::test]
async fn the_friendly_name_and_the_user_agent_are_stored_and_shown() {
    let service = Service::new().await;
    let enrolled = service.enroll("ada").await;
    let mut answer = attestation(&mut Authenticator::default(), &enrolled, &none());
    answer["userFriendlyName"] = json!("Ada's <phone> \u{1f4f1}");
    answer["userAgent"] = json!(format!("App/1.0\u{1b}[31m {}", "x".repeat(2000)));
    service.page().post(ATTESTATION, &answer).await.token();
    let user = service.user("ada").await;
    let shown = &user["authenticators"][0];
    assert_eq!(shown["name"], "Ada's <phone> \u{1f4f1}");
    let agent = shown["fido2"]["userAgent"].as_str().unwrap();
    assert!(agent.starts_with("App/1.0[31m xx"), "{agent}");
    assert_eq!(agent.len(), 512);
    // Without a name, and with the header of the browser.
    let enrolled = service.enroll("bob").await;
    let answer = attestation(&mut Authenticator::default(), &enrolled, &none());
    let call = service
        .stranger()
        .request(Method::POST, ATTESTATION)
        .header("user-agent", "Browser/7");
    call.json(&answer).await.token();
    let user = service.user("bob").await;
    assert_eq!(user["authenticators"][0]["name"], "Passkey");
    assert_eq!(user["authenticators"][0]["fido2"]["userAgent"], "Browser/7");
}

#[tokio::test]
async fn a_good_assertion_is_ok_with_a_token_and_the_last_login_is_set() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    assert!(
        service
            .user("ada")
            .await
            .get("lastLoginDateSuccess")
            .is_none()
    );
    service.app.clock.advance_millis(5000);
    let approval = service.approve(Some("ada")).await;
    let reply = service.assert(&mut authenticator, &approval).await;
    assert_eq!(members(&reply.json), ["errorMessage", "status", "token"]);
    reply.token();
    let user = service.user("ada").await;
    assert_eq!(user["lastLoginDateSuccess"], "2026-01-02T03:04:10Z");
    assert_eq!(
        user["authenticators"][0]["fido2"]["lastUsedAt"],
        "2026-01-02T03:04:10Z"
    );
    assert!(user.get("lastLoginDateFailure").is_none());
    // It outlives the credential.
    let id = user["authenticators"][0]["authenticatorId"]
        .as_str()
        .unwrap();
    let path = format!("/api/v1/authenticators/{id}");
    service.back_end().delete(&path).await.expect(204);
    let user = service.user("ada").await;
    assert_eq!(user["lastLoginDateSuccess"], "2026-01-02T03:04:10Z");
    assert_eq!(user["status"], "new");
}

#[tokio::test]
async fn without_a_user_handle_a_named_transaction_is_ok_and_an_unnamed_one_fails() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let without = |answer: &Value, handle: Option<Value>| {
        let mut answer = answer.clone();
        let response = answer["response"].as_object_mut().unwrap();
        match handle {
            Some(value) => response.insert("userHandle".to_owned(), value),
            None => response.remove("userHandle"),
        };
        answer
    };
    for handle in [None, Some(Value::Null), Some(json!(""))] {
        let approval = service.approve(Some("ada")).await;
        let answer = assertion(&mut authenticator, &approval, &none());
        let answer = without(&answer, handle.clone());
        service.page().post(ASSERTION, &answer).await.token();
        let approval = service.approve(None).await;
        let answer = assertion(&mut authenticator, &approval, &none());
        let answer = without(&answer, handle);
        service.page().post(ASSERTION, &answer).await.failed();
        assert_eq!(
            service.status(&approval["statusToken"]).await["status"],
            "failed"
        );
    }
    // Another user's.
    service.register("bob", &mut Authenticator::default()).await;
    let bob = service.user("bob").await["userId"]
        .as_str()
        .unwrap()
        .replace('-', "");
    for who in [Some("ada"), None] {
        let approval = service.approve(who).await;
        let answer = assertion(&mut authenticator, &approval, &none());
        let handle = testkit::base64url(format!("YE{bob}").as_bytes());
        let answer = without(&answer, Some(json!(handle)));
        service.page().post(ASSERTION, &answer).await.failed();
    }
}

#[tokio::test]
async fn a_counter_that_goes_back_fails_where_the_policy_says_so_and_the_failure_is_dated() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::new(Profile {
        counter: Counter::Increasing,
        ..Profile::default()
    });
    service.register("ada", &mut authenticator).await;
    let sign_in = async |authenticator: &mut Authenticator, count: u32| {
        let approval = service.approve(Some("ada")).await;
        let lies = Lies {
            sign_count: Some(count),
            ..none()
        };
        let answer = assertion(authenticator, &approval, &lies);
        service.page().post(ASSERTION, &answer).await
    };
    service.refuse_counters_that_do_not_grow().await;
    sign_in(&mut authenticator, 10).await.token();
    service.app.clock.advance_millis(7000);
    for back in [10, 9, 0] {
        sign_in(&mut authenticator, back).await.failed();
    }
    let user = service.user("ada").await;
    assert_eq!(user["lastLoginDateFailure"], "2026-01-02T03:04:12Z");
    assert_eq!(user["lastLoginDateSuccess"], "2026-01-02T03:04:05Z");
    sign_in(&mut authenticator, 11).await.token();
}

#[tokio::test]
async fn a_bearer_header_on_the_result_calls_is_ignored() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    for bearer in [&service.key, "garbage"] {
        let enrolled = service.enroll("ada").await;
        let answer = attestation(&mut Authenticator::default(), &enrolled, &none());
        let call = service
            .stranger()
            .request(Method::POST, ATTESTATION)
            .bearer(bearer);
        call.json(&answer).await.token();
    }
    service.register("bob", &mut authenticator).await;
    // It gives no right either: neither to leave out the status token, nor to answer for others.
    let approval = service.approve(Some("bob")).await;
    let mut answer = assertion(&mut authenticator, &approval, &none());
    answer.as_object_mut().unwrap().remove("statusToken");
    let call = service.back_end().request(Method::POST, ASSERTION);
    call.json(&answer).await.failed();
}

#[tokio::test]
async fn an_accept_header_without_json_is_406() {
    let service = Service::new().await;
    for path in [ATTESTATION, ASSERTION] {
        for bad in [
            "text/html",
            "application/xml, text/plain",
            "application/json;q=0",
        ] {
            let call = service
                .stranger()
                .request(Method::POST, path)
                .header("accept", bad);
            call.json(&json!({})).await.refused(406);
        }
        for good in ["application/json", "text/html, */*;q=0.1", "application/*"] {
            let call = service
                .stranger()
                .request(Method::POST, path)
                .header("accept", good);
            call.json(&json!({})).await.failed();
        }
    }
}

#[tokio::test]
async fn the_answer_of_one_ceremony_does_not_end_the_other() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let enrolled = service.enroll("ada").await;
    let approval = service.approve(Some("ada")).await;
    let created = attestation(&mut Authenticator::default(), &enrolled, &none());
    let got = assertion(&mut authenticator, &approval, &none());
    service.page().post(ASSERTION, &created).await.failed();
    service.page().post(ATTESTATION, &got).await.failed();
    // A sign-in dressed up as a registration of the same transaction.
    let mut dressed = got.clone();
    dressed["response"]["attestationObject"] = created["response"]["attestationObject"].clone();
    service.page().post(ATTESTATION, &dressed).await.failed();
    let mut crossed = created.clone();
    crossed["statusToken"] = approval["statusToken"].clone();
    service.page().post(ATTESTATION, &crossed).await.failed();
    service.page().post(ATTESTATION, &created).await.token();
}

#[tokio::test]
async fn all_verdicts_about_a_sign_in_sound_the_same() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    service.register("bob", &mut Authenticator::default()).await;
    let mut answers = Vec::new();
    let mut send = async |change: &dyn Fn(&mut Value), lies: &Lies| {
        let approval = service.approve(Some("ada")).await;
        let mut answer = assertion(&mut authenticator, &approval, lies);
        change(&mut answer);
        answers.push(service.page().post(ASSERTION, &answer).await.expect(200));
    };
    send(
        &|answer| answer["response"]["signature"] = json!("AAAA"),
        &none(),
    )
    .await;
    // A credential that nobody has.
    let unknown = testkit::base64url(&[7; 32]);
    send(
        &|answer| {
            answer["id"] = unknown.clone().into();
            answer["rawId"] = unknown.clone().into();
        },
        &none(),
    )
    .await;
    send(
        &|_| {},
        &Lies {
            origin: Some("https://evil.test".into()),
            ..none()
        },
    )
    .await;
    send(
        &|_| {},
        &Lies {
            rp_id: Some("evil.test".into()),
            ..none()
        },
    )
    .await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
    assert_eq!(members(&answers[0]), ["errorMessage", "status"]);
}

#[tokio::test]
async fn a_stale_passkey_chosen_without_a_name_is_told_to_be_unknown_unless_the_service_forbids_it()
{
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let id = service.user("ada").await["authenticators"][0]["authenticatorId"].clone();
    let path = format!("/api/v1/authenticators/{}", id.as_str().unwrap());
    service.back_end().delete(&path).await.expect(204);
    let mut sign_in = async || {
        let approval = service.approve(None).await;
        let answer = assertion(&mut authenticator, &approval, &none());
        service.page().post(ASSERTION, &answer).await.expect(200)
    };
    let told = sign_in().await;
    assert_eq!(told["status"], "failed");
    assert_eq!(told["reason"], "credential_unknown");
    service
        .choose(json!({"tell_unknown_credentials": false}))
        .await;
    let quiet = sign_in().await;
    assert_eq!(members(&quiet), ["errorMessage", "status"]);
}

#[tokio::test]
async fn a_direct_attestation_is_verified_and_a_broken_one_refused() {
    let service = Service::new().await;
    let body =
        json!({"username": "ada", "channel": "fido2", "fido2Options": {"attestation": "direct"}});
    let enroll = async || {
        service
            .back_end()
            .post("/api/v1/users/enroll", &body)
            .await
            .expect(201)
    };
    let mut key = Authenticator::new(Profile::security_key());
    let enrolled = enroll().await;
    service.attest(&mut key, &enrolled).await.token();
    let enrolled = enroll().await;
    let broken = Lies {
        tampered_signature: true,
        ..none()
    };
    let answer = attestation(
        &mut Authenticator::new(Profile::security_key()),
        &enrolled,
        &broken,
    );
    service.page().post(ATTESTATION, &answer).await.failed();
}
