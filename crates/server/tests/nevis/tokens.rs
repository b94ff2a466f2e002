//! Forged and misused tokens: of another kind, another Relying Party, expired, edited.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use server::config::Nevis;
use testkit::{Authenticator, Lies};

use crate::cloud::{Cloud, assertion, attestation, claims};
use crate::introspect::one_of_each;

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
    let cloud = Cloud::new().await;
    let other = cloud
        .another_service("other.test", "https://other.test")
        .await;
    let aud = claims(&other.key)["aud"].clone();
    for (kind, token) in one_of_each(&cloud, "ada").await {
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
            for cloud in [&cloud, &other] {
                assert_eq!(
                    cloud.introspect(&forged).await,
                    json!({"active": false}),
                    "{kind} {name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_token_of_one_kind_is_good_for_nothing_else() {
    let cloud = Cloud::new().await;
    let mut authenticator = Authenticator::default();
    cloud.register("bob", &mut authenticator).await;
    let approve = json!({"channel": "fido2"});
    for (kind, token) in one_of_each(&cloud, "ada").await {
        // As a key.
        let reply = cloud
            .request(Method::GET, "/api/v1/users?username=ada")
            .bearer(&token);
        let reply = reply.empty().await;
        assert_eq!(reply.status == 200, kind == "access", "{kind}");
        let reply = cloud
            .request(Method::POST, "/api/v1/approval")
            .bearer(&token);
        let reply = reply.json(&approve).await;
        assert_eq!(
            reply.status == 201,
            ["access", "intent"].contains(&kind),
            "{kind}"
        );
        // As a status token.
        let status = cloud.status(&json!(token)).await;
        assert_eq!(status["status"] != "unknown", kind == "status", "{kind}");
        let approval = cloud.approve(Some("bob")).await;
        let mut answer = assertion(&mut authenticator, &approval, &Lies::default());
        answer["statusToken"] = token.into();
        cloud.page("/_app/assertion/result", &answer).await.failed();
        // And the transaction is none the worse.
        assert_eq!(
            cloud.status(&approval["statusToken"]).await["status"],
            "pending"
        );
    }
}

#[tokio::test]
async fn a_key_opens_its_own_relying_party_only() {
    let cloud = Cloud::new().await;
    let other = cloud
        .another_service("other.test", "https://other.test")
        .await;
    let mut authenticator = Authenticator::default();
    let enrolled = cloud.register("ada", &mut authenticator).await;
    let user = enrolled["userId"].as_str().unwrap();
    let authenticator_id = cloud.user("ada").await["authenticators"][0]["authenticatorId"].clone();
    let authenticator_path = format!(
        "/api/v1/authenticators/{}",
        authenticator_id.as_str().unwrap()
    );
    other.get("/api/v1/users?username=ada").await.refused(404);
    other
        .get(&format!("/api/v1/users/{user}"))
        .await
        .refused(404);
    other
        .delete(&format!("/api/v1/users/{user}"))
        .await
        .refused(404);
    other.delete(&authenticator_path).await.refused(404);
    let renamed = other.request(Method::PATCH, &authenticator_path).key();
    renamed.json(&json!({"name": "mine"})).await.refused(404);
    for body in [
        json!({"userId": user, "channel": "fido2"}),
        json!({"username": "ada", "channel": "fido2"}),
        json!({"authenticatorId": authenticator_id, "channel": "fido2"}),
    ] {
        other.post("/api/v1/approval", &body).await.refused(404);
    }
    let body = json!({"userId": user, "channel": "fido2"});
    other.post("/api/v1/users/enroll", &body).await.refused(404);
    // The same name is another user there.
    let elsewhere = other.enroll("ada").await;
    assert_ne!(elsewhere["userId"], enrolled["userId"]);
    assert_eq!(cloud.user("ada").await["status"], "active");
}

#[tokio::test]
async fn a_transaction_is_finished_at_its_own_relying_party_only() {
    // Two Services with one RP ID and origin, so that nothing but the Service differs.
    let cloud = Cloud::new().await;
    let twin = cloud
        .another_service("acme.test", "https://acme.test")
        .await;
    cloud.choose(json!({"status_token_required": false})).await;
    twin.choose(json!({"status_token_required": false})).await;
    let mut authenticator = Authenticator::default();
    let here = cloud.enroll("ada").await;
    let there = twin.enroll("ada").await;
    let mut answer = attestation(&mut authenticator, &here, &Lies::default());
    answer["statusToken"] = there["enrollment"]["statusToken"].clone();
    cloud
        .page("/_app/attestation/result", &answer)
        .await
        .failed();
    for (cloud, enrolled) in [(&cloud, &here), (&twin, &there)] {
        let status = cloud.status(&enrolled["enrollment"]["statusToken"]).await;
        assert_eq!(status["status"], "pending");
    }
    cloud.attest(&mut authenticator, &here).await.token();
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_forgotten_by_the_introspection() {
    let cloud = Cloud::new().await;
    let second = cloud.another_key("second").await;
    let key = second["key"].as_str().unwrap();
    cloud
        .request(Method::GET, "/ping")
        .bearer(key)
        .empty()
        .await
        .expect(200);
    let path = cloud.manage(&format!("access-keys/{}", second["id"].as_str().unwrap()));
    let revoke = || cloud.request(Method::DELETE, &path).account();
    assert_eq!(revoke().empty().await.status, 204);
    cloud
        .request(Method::GET, "/ping")
        .bearer(key)
        .empty()
        .await
        .refused(403);
    assert_eq!(cloud.introspect(key).await, json!({"active": false}));
    assert_eq!(revoke().empty().await.status, 404);
    cloud.get("/ping").await.expect(200);
}

#[tokio::test]
async fn the_tokens_of_a_relying_party_go_with_it() {
    let cloud = Cloud::new().await;
    let other = cloud
        .another_service("acme.test", "https://acme.test")
        .await;
    let tokens = one_of_each(&other, "ada").await;
    let path = format!("/v2/Services/{}", other.service);
    let deleted = cloud.request(Method::DELETE, &path).account();
    assert_eq!(deleted.empty().await.status, 204);
    for (kind, token) in tokens {
        let reply = cloud.request(Method::GET, "/ping").bearer(&token);
        reply.empty().await.refused(403);
        assert_eq!(
            cloud.status(&json!(token)).await["status"],
            "unknown",
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_token_of_another_address_is_refused_and_an_access_key_is_not() {
    let cloud = Cloud::new().await;
    let moved = cloud.elsewhere("https://moved.test", Nevis::default());
    for (kind, token) in one_of_each(&cloud, "ada").await {
        assert_eq!(cloud.introspect(&token).await["active"], true, "{kind}");
        let active = moved.introspect(&token).await;
        assert_eq!(active["active"], kind == "access", "{kind}");
    }
    let approval = cloud.approve(None).await;
    let status = moved.status(&approval["statusToken"]).await;
    assert_eq!(status, json!({"status": "unknown"}));
}
