//! `POST Passkeys/Challenges` (contract sections 7.1 to 7.3).

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

use crate::backend::{Backend, create, without_random};

#[tokio::test]
async fn an_identity_in_other_letter_case_is_not_passed_over() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let mut authenticator = Authenticator::new(Profile::default());
    backend
        .register(&service, "user-0001", &mut authenticator)
        .await;
    for name in ["Identity", "IDENTITY"] {
        let challenge = backend
            .challenge(&service, &json!({name: "user-0001"}))
            .await;
        assert_eq!(challenge["identity"], "user-0001", "{name}");
    }
    let path = format!("{service}/Passkeys/Challenges");
    let wrong = json!({"FactorSid": "YF1"});
    backend.json(&path, &wrong).await.expect(400);
}

#[tokio::test]
async fn a_challenge_for_an_identity_lists_its_passkeys() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let mut authenticator = Authenticator::default();
    backend
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let challenge = backend
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    insta::assert_json_snapshot!(without_random(challenge, &authenticator));
}

#[tokio::test]
async fn a_discoverable_challenge_names_nobody_and_lists_nothing() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let mut shown = Vec::new();
    let path = format!("{service}/Passkeys/Challenges");
    let null = json!({"identity": null, "factor_sid": null});
    shown.push(backend.json(&path, &json!({})).await.expect(201));
    shown.push(backend.json(&path, &null).await.expect(201));
    // An empty body is as good as an empty object.
    shown.push(
        backend
            .request(Method::POST, &path, None, Body::empty())
            .await
            .expect(201),
    );
    // So is what PHP and Ruby send for one.
    shown.push(backend.json(&path, &json!([])).await.expect(201));
    shown.push(backend.json(&path, &json!(null)).await.expect(201));
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
    let backend = Backend::new().await;
    let service = backend.service().await;
    let mut authenticator = Authenticator::default();
    let factor = backend
        .register(&service, "user-0001", &mut authenticator)
        .await;
    backend
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    for body in [
        json!({"factor_sid": factor["sid"]}),
        json!({"factorSid": factor["sid"], "identity": "user-0001"}),
    ] {
        let challenge = backend.challenge(&service, &body).await;
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
    let both = backend
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
    let backend = Backend::new().await;
    let service = backend.service().await;
    let challenges = format!("{service}/Passkeys/Challenges");
    let factor = backend
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    backend
        .form(&format!("{service}/Entities"), "Identity=user-0002")
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
        backend.json(&challenges, &body).await.refused(status, code);
    }
}

#[tokio::test]
async fn an_unverified_factor_cannot_be_challenged() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let challenges = format!("{service}/Passkeys/Challenges");
    let factor = backend.start(&service, "user-0001").await;
    let body = json!({"factor_sid": factor["sid"]});
    backend.json(&challenges, &body).await.refused(403, 60318);
    let lies = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    let credential = create(&mut Authenticator::default(), &factor, &lies);
    backend
        .verify(&service, &credential)
        .await
        .refused(403, 60311);
    backend.json(&challenges, &body).await.refused(403, 60318);
}

#[tokio::test]
async fn a_service_without_a_relying_party_has_no_challenges() {
    let backend = Backend::new().await;
    let service = backend
        .form("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    let path = format!(
        "/v2/Services/{}/Passkeys/Challenges",
        service["sid"].as_str().unwrap()
    );
    let error = backend.json(&path, &json!({})).await.refused(400, 60371);
    assert_eq!(
        error["details"]["members"],
        json!(["relying_party.id", "relying_party.origins"])
    );
    assert_ne!(error["message"], Value::Null);
}
