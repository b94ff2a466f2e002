//! `POST Passkeys/Challenges`.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

use crate::common::TestApp;
use crate::support::{create, without_random};

#[tokio::test]
async fn an_identity_in_other_letter_case_is_not_passed_over() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::new(Profile::default());
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    for name in ["Identity", "IDENTITY"] {
        let challenge = account
            .challenge(&service, &json!({name: "user-0001"}))
            .await;
        assert_eq!(challenge["identity"], "user-0001", "{name}");
    }
    let path = format!("{service}/Passkeys/Challenges");
    let wrong = json!({"FactorSid": "YF1"});
    account.post(&path, &wrong).await.expect(400);
}

#[tokio::test]
async fn a_challenge_for_an_identity_lists_its_passkeys() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    insta::assert_json_snapshot!(without_random(challenge, &authenticator));
}

#[tokio::test]
async fn a_discoverable_challenge_names_nobody_and_lists_nothing() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut shown = Vec::new();
    let path = format!("{service}/Passkeys/Challenges");
    let null = json!({"identity": null, "factor_sid": null});
    shown.push(account.post(&path, &json!({})).await.expect(201));
    shown.push(account.post(&path, &null).await.expect(201));
    // An empty body is as good as an empty object.
    shown.push(
        account
            .request(Method::POST, &path)
            .empty()
            .await
            .expect(201),
    );
    // So is what PHP and Ruby send for one.
    shown.push(account.post(&path, &json!([])).await.expect(201));
    shown.push(account.post(&path, &json!(null)).await.expect(201));
    for challenge in &shown {
        for name in ["identity", "entity_sid", "factor_sid"] {
            assert_eq!(challenge[name], Value::Null, "{name}");
        }
        assert_eq!(
            challenge["options"]["publicKey"]["allowCredentials"],
            json!([])
        );
        assert!(
            !challenge["options"]["publicKey"]["challenge"]
                .as_str()
                .unwrap()
                .contains(['-', '_', '='])
        );
    }
    assert_ne!(shown[0]["options"], shown[1]["options"]);
}

#[tokio::test]
async fn a_challenge_for_a_factor_lists_only_that_in_either_casing() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    let factor = account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    account
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    for body in [
        json!({"factor_sid": factor["sid"]}),
        json!({"factorSid": factor["sid"], "identity": "user-0001"}),
    ] {
        let challenge = account.challenge(&service, &body).await;
        assert_eq!(challenge["factor_sid"], factor["sid"]);
        assert_eq!(challenge["entity_sid"], factor["entity_sid"]);
        assert_eq!(challenge["identity"], "user-0001");
        let allowed =
            without_random(challenge, &authenticator)["options"]["publicKey"]["allowCredentials"]
                .clone();
        assert_eq!(
            allowed,
            json!([{"type": "public-key", "id": "[credential id]", "transports": ["internal", "hybrid"]}])
        );
    }
    let both = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    assert_eq!(both["factor_sid"], Value::Null);
    assert_eq!(
        both["options"]["publicKey"]["allowCredentials"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn what_the_body_names_must_exist() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let challenges = format!("{service}/Passkeys/Challenges");
    let factor = account
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    account
        .post(&format!("{service}/Entities"), "Identity=user-0002")
        .await
        .expect(201);
    let unknown = format!("YF{}", "0".repeat(32));
    for (body, status, code) in [
        (json!({"identity": "user-9999"}), 404, 60392),
        (json!({"identity": "short"}), 400, 60367),
        (json!({"identity": ""}), 400, 60367),
        (json!({"identity": 7}), 400, 60367),
        (json!({"factor_sid": unknown}), 404, 60390),
        (
            json!({"factor_sid": factor["sid"], "identity": "user-0002"}),
            404,
            60390,
        ),
        (json!({"factor_sid": "YF1"}), 400, 60362),
        (json!({"factor_sid": ""}), 400, 60362),
        (json!({"factorSid": 1}), 400, 60362),
        (json!([{}]), 400, 60306),
        (json!("{}"), 400, 60306),
    ] {
        account.post(&challenges, &body).await.refused(status, code);
    }
}

#[tokio::test]
async fn an_unverified_factor_cannot_be_challenged() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let challenges = format!("{service}/Passkeys/Challenges");
    let factor = account.start(&service, "user-0001").await;
    let body = json!({"factor_sid": factor["sid"]});
    account.post(&challenges, &body).await.refused(403, 60318);
    let lies = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    let credential = create(&mut Authenticator::default(), &factor, &lies);
    account
        .verify(&service, &credential)
        .await
        .refused(403, 60311);
    account.post(&challenges, &body).await.refused(403, 60318);
}

#[tokio::test]
async fn a_service_without_a_relying_party_has_no_challenges() {
    let account = TestApp::new().await.account();
    let service = account
        .post("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    let path = format!(
        "/v2/Services/{}/Passkeys/Challenges",
        service["sid"].as_str().unwrap()
    );
    let error = account.post(&path, &json!({})).await.refused(400, 60371);
    assert_eq!(
        error["details"]["members"],
        json!(["relying_party.id", "relying_party.origins"])
    );
    assert_ne!(error["message"], Value::Null);
}
