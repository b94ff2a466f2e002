//! Forged and misused tokens: of another kind, another Relying Party, expired, edited.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::introspect::one_of_each;
use crate::support::{Service, assertion, attestation, claims};

/// The token with another payload and the same mark.
fn edited(token: &str, edit: impl Fn(&mut Value)) -> String {
    let mut parts = token.split('.');
    let (header, _, mac) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
    let mut payload = claims(token);
    edit(&mut payload);
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    format!("{header}.{payload}.{mac}")
}

#[tokio::test]
async fn an_edited_token_of_any_kind_is_not_active() {
    let service = Service::new().await;
    let other = service
        .another_service("other.test", "https://other.test")
        .await;
    let aud = claims(&other.key)["aud"].clone();
    for (kind, token) in one_of_each(&service, "ada").await {
        for (name, value) in [
            ("aud", aud.clone()),
            ("scope", json!("api")),
            ("scope", json!("registration")),
            ("scope", json!("status")),
            ("scope", json!("enroll")),
            ("sub", json!("6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11")),
            ("txn", json!("6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11")),
            ("exp", json!(4_000_000_000_i64)),
            ("username", json!("root")),
            ("iss", json!("https://evil.test")),
        ] {
            let forged = edited(&token, |payload| payload[name] = value.clone());
            if forged == token {
                continue;
            }
            for service in [&service, &other] {
                assert_eq!(
                    service.introspect(&forged).await,
                    json!({"active": false}),
                    "{kind} {name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_token_of_one_kind_is_good_for_nothing_else() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("bob", &mut authenticator).await;
    let approve = json!({"channel": "fido2"});
    for (kind, token) in one_of_each(&service, "ada").await {
        // As a key.
        let reply = service
            .stranger()
            .request(Method::GET, "/api/v1/users?username=ada")
            .bearer(&token);
        let reply = reply.empty().await;
        assert_eq!(reply.status == 200, kind == "access", "{kind}");
        let reply = service
            .stranger()
            .request(Method::POST, "/api/v1/approval")
            .bearer(&token);
        let reply = reply.json(&approve).await;
        assert_eq!(
            reply.status == 201,
            ["access", "intent"].contains(&kind),
            "{kind}"
        );
        // As a status token.
        let status = service.status(&json!(token)).await;
        assert_eq!(status["status"] != "unknown", kind == "status", "{kind}");
        let approval = service.approve(Some("bob")).await;
        let mut answer = assertion(&mut authenticator, &approval, &Lies::default());
        answer["statusToken"] = token.into();
        service
            .page()
            .post("/_app/assertion/result", &answer)
            .await
            .failed();
        // And the transaction is none the worse.
        assert_eq!(
            service.status(&approval["statusToken"]).await["status"],
            "pending"
        );
    }
}

#[tokio::test]
async fn a_key_opens_its_own_relying_party_only() {
    let service = Service::new().await;
    let other = service
        .another_service("other.test", "https://other.test")
        .await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.register("ada", &mut authenticator).await;
    let user = enrolled["userId"].as_str().unwrap();
    let authenticator_id =
        service.user("ada").await["authenticators"][0]["authenticatorId"].clone();
    let authenticator_path = format!(
        "/api/v1/authenticators/{}",
        authenticator_id.as_str().unwrap()
    );
    other
        .back_end()
        .get("/api/v1/users?username=ada")
        .await
        .refused(404);
    other
        .back_end()
        .get(&format!("/api/v1/users/{user}"))
        .await
        .refused(404);
    other
        .back_end()
        .delete(&format!("/api/v1/users/{user}"))
        .await
        .refused(404);
    other
        .back_end()
        .delete(&authenticator_path)
        .await
        .refused(404);
    let renamed = other.back_end().request(Method::PATCH, &authenticator_path);
    renamed.json(&json!({"name": "mine"})).await.refused(404);
    for body in [
        json!({"userId": user, "channel": "fido2"}),
        json!({"username": "ada", "channel": "fido2"}),
        json!({"authenticatorId": authenticator_id, "channel": "fido2"}),
    ] {
        other
            .back_end()
            .post("/api/v1/approval", &body)
            .await
            .refused(404);
    }
    let body = json!({"userId": user, "channel": "fido2"});
    other
        .back_end()
        .post("/api/v1/users/enroll", &body)
        .await
        .refused(404);
    // The same name is another user there.
    let elsewhere = other.enroll("ada").await;
    assert_ne!(elsewhere["userId"], enrolled["userId"]);
    assert_eq!(service.user("ada").await["status"], "active");
}

#[tokio::test]
async fn a_transaction_is_finished_at_its_own_relying_party_only() {
    // Two Services with one RP ID and origin, so that nothing but the Service differs.
    let service = Service::new().await;
    let twin = service
        .another_service("acme.test", "https://acme.test")
        .await;
    service
        .choose(json!({"status_token_required": false}))
        .await;
    twin.choose(json!({"status_token_required": false})).await;
    let mut authenticator = Authenticator::default();
    let here = service.enroll("ada").await;
    let there = twin.enroll("ada").await;
    let mut answer = attestation(&mut authenticator, &here, &Lies::default());
    answer["statusToken"] = there["enrollment"]["statusToken"].clone();
    service
        .page()
        .post("/_app/attestation/result", &answer)
        .await
        .failed();
    for (service, enrolled) in [(&service, &here), (&twin, &there)] {
        let status = service.status(&enrolled["enrollment"]["statusToken"]).await;
        assert_eq!(status["status"], "pending");
    }
    service.attest(&mut authenticator, &here).await.token();
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_forgotten_by_the_introspection() {
    let service = Service::new().await;
    let second = service.another_key("second").await;
    let key = second["key"].as_str().unwrap();
    service
        .stranger()
        .request(Method::GET, "/ping")
        .bearer(key)
        .empty()
        .await
        .expect(200);
    let path = service.manage(&format!("access-keys/{}", second["id"].as_str().unwrap()));
    let revoke = || service.account().request(Method::DELETE, &path);
    assert_eq!(revoke().empty().await.status, 204);
    service
        .stranger()
        .request(Method::GET, "/ping")
        .bearer(key)
        .empty()
        .await
        .refused(403);
    assert_eq!(service.introspect(key).await, json!({"active": false}));
    assert_eq!(revoke().empty().await.status, 404);
    service.back_end().get("/ping").await.expect(200);
}

#[tokio::test]
async fn the_tokens_of_a_relying_party_go_with_it() {
    let service = Service::new().await;
    let other = service
        .another_service("acme.test", "https://acme.test")
        .await;
    let tokens = one_of_each(&other, "ada").await;
    let path = format!("/v2/Services/{}", other.sid);
    let deleted = service.account().request(Method::DELETE, &path);
    assert_eq!(deleted.empty().await.status, 204);
    for (kind, token) in tokens {
        let reply = service
            .stranger()
            .request(Method::GET, "/ping")
            .bearer(&token);
        reply.empty().await.refused(403);
        assert_eq!(
            service.status(&json!(token)).await["status"],
            "unknown",
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_token_of_another_address_is_refused_and_an_access_key_is_not() {
    let service = Service::new().await;
    let moved = service
        .elsewhere(|settings| settings.public_url = Some("https://moved.test".to_owned()))
        .await;
    for (kind, token) in one_of_each(&service, "ada").await {
        assert_eq!(service.introspect(&token).await["active"], true, "{kind}");
        let active = moved.introspect(&token).await;
        assert_eq!(active["active"], kind == "access", "{kind}");
    }
    let approval = service.approve(None).await;
    let status = moved.status(&approval["statusToken"]).await;
    assert_eq!(status, json!({"status": "unknown"}));
}
