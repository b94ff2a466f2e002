//! `POST /api/v1/introspect`.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::Authenticator;

use crate::common::{PUBLIC_URL, START};
use crate::support::{Service, claims, is_uuid};

const FORM: &str = "application/x-www-form-urlencoded";
const INTROSPECT: &str = "/api/v1/introspect";

/// One token of each kind: access, intent, status, transaction.
pub async fn one_of_each(service: &Service, user: &str) -> [(&'static str, String); 4] {
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll(user).await;
    let status = enrolled["enrollment"]["statusToken"].as_str().unwrap();
    let transaction = service.attest(&mut authenticator, &enrolled).await.token();
    let intent = service
        .intent(&json!({"username": user, "operation": "approve"}))
        .await;
    [
        ("access", service.key.clone()),
        ("intent", intent),
        ("status", status.to_owned()),
        ("transaction", transaction),
    ]
}

#[tokio::test]
async fn each_of_the_four_kinds_of_token_is_active_with_its_claims() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let enrollment = &enrolled["enrollment"];
    let registration = service.attest(&mut authenticator, &enrolled).await.token();
    let approval = service.approve(Some("ada")).await;
    let authentication = service.assert(&mut authenticator, &approval).await.token();
    let user = service.user("ada").await;
    let authenticator_id = &user["authenticators"][0]["authenticatorId"];
    let seconds = START / 1000;

    let active = service.introspect(&registration).await;
    let common = json!({"active": true, "iss": PUBLIC_URL, "sub": enrolled["userId"],
        "iat": seconds, "nbf": seconds, "exp": seconds + 600});
    let expect = |active: &Value, more: Value| {
        let mut expected = common.clone();
        for (name, value) in more.as_object().unwrap() {
            expected[name] = value.clone();
        }
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&active[name], value, "{name}: {active}");
        }
        assert!(
            is_uuid(&active["jti"]) && is_uuid(&active["aud"]),
            "{active}"
        );
        assert_eq!(
            active.as_object().unwrap().len(),
            expected.as_object().unwrap().len() + 2,
            "{active}"
        );
    };
    expect(
        &active,
        json!({"scope": "registration", "txn": enrollment["transactionId"], "username": "ada",
               "authenticatorId": authenticator_id, "status": "succeeded", "channel": "fido2"}),
    );
    let active = service.introspect(&authentication).await;
    expect(
        &active,
        json!({"scope": "authentication", "txn": approval["transactionId"], "username": "ada",
               "authenticatorId": authenticator_id, "status": "succeeded", "channel": "fido2"}),
    );
    let status = approval["statusToken"].as_str().unwrap();
    expect(
        &service.introspect(status).await,
        json!({"scope": "status", "txn": approval["transactionId"], "username": "ada", "channel": "fido2"}),
    );
    let intent = json!({"username": "ada", "operation": "approve", "channels": ["fido2"]});
    let intent = service.intent(&intent).await;
    expect(
        &service.introspect(&intent).await,
        json!({"scope": "approve", "username": "ada", "channels": ["fido2"]}),
    );
    let key = service.introspect(&service.key).await;
    assert_eq!(key["active"], true);
    assert_eq!(key["scope"], "api");
    assert!(key.get("exp").is_none());
    assert_eq!(key["aud"], active["aud"]);
}

#[tokio::test]
async fn garbage_expired_foreign_and_consumed_tokens_are_not_active() {
    let service = Service::new().await;
    let other = service
        .another_service("other.test", "https://other.test")
        .await;
    let inactive = json!({"active": false});
    for garbage in ["x", "a.b.c", "...", "%00", "ä", "null", "{}"] {
        assert_eq!(service.introspect(garbage).await, inactive, "{garbage}");
    }
    let huge = "A".repeat(50_000);
    assert_eq!(service.introspect(&huge).await, inactive);
    // Another instance's.
    for (kind, token) in one_of_each(&service, "ada").await {
        assert_eq!(service.introspect(&token).await["active"], true, "{kind}");
        assert_eq!(other.introspect(&token).await, inactive, "{kind}");
    }
    // Consumed: an intent token that was used.
    let intent = service
        .intent(&json!({"username": "ada", "operation": "approve"}))
        .await;
    let used = service
        .stranger()
        .request(Method::POST, "/api/v1/approval")
        .bearer(&intent);
    used.json(&json!({"channel": "fido2"})).await.expect(201);
    assert_eq!(service.introspect(&intent).await, inactive);
    // Expired.
    let tokens = one_of_each(&service, "bob").await;
    service.app.clock.advance_millis(600_000);
    for (kind, token) in tokens {
        let active = service.introspect(&token).await;
        assert_eq!(active["active"], kind == "access", "{kind}");
    }
}

#[tokio::test]
async fn a_transaction_token_may_be_introspected_again_unless_the_service_wants_it_once() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let approval = service.approve(Some("ada")).await;
    let token = service.assert(&mut authenticator, &approval).await.token();
    let first = service.introspect(&token).await;
    assert_eq!(first["active"], true);
    assert_eq!(service.introspect(&token).await, first);
    service
        .choose(json!({"transaction_token_single_use": true}))
        .await;
    assert_eq!(service.introspect(&token).await, first);
    for _ in 0..2 {
        assert_eq!(service.introspect(&token).await, json!({"active": false}));
    }
    // The same transaction gives the same token, which is spent.
    let again = service.status(&approval["statusToken"]).await;
    assert_eq!(again["token"], token);
}

#[tokio::test]
async fn of_many_introspections_at_once_of_a_token_that_is_good_for_one_one_is_active() {
    let service = Service::new().await;
    service
        .choose(json!({"transaction_token_single_use": true}))
        .await;
    let [.., (_, token)] = one_of_each(&service, "ada").await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (service, token) = (service.clone(), token.clone());
            tokio::spawn(async move { service.introspect(&token).await["active"] == true })
        })
        .collect();
    let mut active = 0;
    for task in tasks {
        active += u32::from(task.await.unwrap());
    }
    assert_eq!(active, 1);
}

#[tokio::test]
async fn a_token_of_a_user_who_was_deleted_since_is_not_active() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.register("ada", &mut authenticator).await;
    let approval = service.approve(Some("ada")).await;
    let token = service.assert(&mut authenticator, &approval).await.token();
    let id = enrolled["userId"].as_str().unwrap();
    service
        .back_end()
        .delete(&format!("/api/v1/users/{id}"))
        .await
        .expect(204);
    assert_eq!(service.introspect(&token).await, json!({"active": false}));
    let status = service.status(&approval["statusToken"]).await;
    assert_eq!(status, json!({"status": "unknown"}));
}

#[tokio::test]
async fn a_json_body_is_415_and_a_missing_token_400() {
    let service = Service::new().await;
    let call = || service.back_end().request(Method::POST, INTROSPECT);
    call().json(&json!({"token": "x"})).await.refused(415);
    call().empty().await.refused(415);
    for missing in ["", "token=", "token", "Token=x", "tokens=x"] {
        call().body(FORM, missing).await.refused(400);
    }
    for malformed in ["token=%ff", "token=x&token=y"] {
        call().body(FORM, malformed).await.refused(400);
    }
}

#[tokio::test]
async fn times_are_integers_in_seconds_and_the_audience_is_one_string() {
    let service = Service::new().await;
    for (kind, token) in one_of_each(&service, "ada").await {
        let active = service.introspect(&token).await;
        for name in ["iat", "nbf", "exp"] {
            if kind == "access" && name == "exp" {
                continue;
            }
            let seconds = active[name].as_i64().unwrap();
            assert!(
                (START / 1000..START / 1000 + 4000).contains(&seconds),
                "{name}: {active}"
            );
        }
        assert!(active["aud"].is_string() && active["iss"].is_string());
        assert!(active["iss"].as_str().unwrap().starts_with("ht"));
    }
}

#[tokio::test]
async fn the_header_is_hs512_and_tokens_signed_otherwise_are_not_active() {
    use aws_lc_rs::{hmac, rand, rsa, signature};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let service = Service::new().await;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    for (kind, token) in one_of_each(&service, "ada").await {
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(
            URL_SAFE_NO_PAD.decode(parts[0]).unwrap(),
            br#"{"alg":"HS512"}"#
        );
        assert_eq!(parts[2].len(), 86);
        let payload = parts[1];
        let mut forgeries = vec![
            format!("{}.{payload}.", encode(br#"{"alg":"none"}"#)),
            format!("{}.{payload}.{}", encode(br#"{"alg":"none"}"#), parts[2]),
            format!("{}.{payload}.", parts[0]),
            format!("{}.{payload}", parts[0]),
        ];
        let signed = format!("{}.{payload}", encode(br#"{"alg":"RS256"}"#));
        let mut mark = vec![0; rsa.public_modulus_len()];
        #[expect(
            clippy::disallowed_methods,
            reason = "the library signs with its own generator only"
        )]
        let random = rand::SystemRandom::new();
        rsa.sign(
            &signature::RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut mark,
        )
        .unwrap();
        forgeries.push(format!("{signed}.{}", encode(&mark)));
        // With keys that anybody has.
        for secret in [&b""[..], b"secret", &[0; 64], parts[0].as_bytes()] {
            let key = hmac::Key::new(hmac::HMAC_SHA512, secret);
            let signed = format!("{}.{payload}", parts[0]);
            let mac = hmac::sign(&key, signed.as_bytes());
            forgeries.push(format!("{signed}.{}", encode(mac.as_ref())));
        }
        // With the marks of the Relying Party's other tokens.
        let other = claims(&service.key);
        assert_eq!(other["scope"], "api");
        let foreign = service.key.rsplit('.').next().unwrap();
        if kind != "access" {
            forgeries.push(format!("{}.{payload}.{foreign}", parts[0]));
        }
        for forged in forgeries {
            assert_eq!(
                service.introspect(&forged).await,
                json!({"active": false}),
                "{kind} {forged}"
            );
        }
    }
}
