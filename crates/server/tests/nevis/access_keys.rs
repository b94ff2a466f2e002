//! `/manage/v1/services/{VA}/access-keys`.

use axum::http::Method;
use serde_json::json;

use crate::support::{Service, is_timestamp, is_uuid, members};

#[tokio::test]
async fn an_access_key_is_shown_once_listed_without_itself_and_revoked() {
    let service = Service::new().await;
    let path = service.manage("access-keys");
    let created = service.another_key("  second  ").await;
    assert_eq!(
        members(&created),
        ["created_at", "id", "key", "name", "scopes"]
    );
    assert_eq!(created["name"], "second");
    assert!(is_uuid(&created["id"]) && is_timestamp(&created["created_at"]));
    let listed = service
        .account()
        .request(Method::GET, &path)
        .empty()
        .await
        .expect(200);
    let keys = listed["access_keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert!(
        keys.iter()
            .all(|key| members(key) == ["created_at", "id", "name", "scopes"])
    );
    assert!(keys.iter().any(|key| key["id"] == created["id"]));
}

#[tokio::test]
async fn only_the_account_of_the_service_makes_and_sees_its_access_keys() {
    let service = Service::new().await;
    let path = service.manage("access-keys");
    for method in [Method::GET, Method::POST] {
        // The key of the Service does not make keys.
        for caller in [service.stranger(), service.back_end()] {
            let call = caller.request(method.clone(), &path);
            assert_eq!(call.json(&json!({"name": "x"})).await.status, 401);
        }
    }
    for sid in [
        "VA00112233445566778899aabbccddeeff",
        "VA",
        "x",
        "YE00112233445566778899aabbccddeeff",
    ] {
        let path = format!("/manage/v1/services/{sid}/access-keys");
        for (caller, status) in [(service.account(), 404), (service.stranger(), 401)] {
            let reply = caller.post(&path, &json!({"name": "x"})).await;
            assert_eq!(reply.status, status);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_described_is_400_and_makes_no_key() {
    let service = Service::new().await;
    let path = service.manage("access-keys");
    for bad in [
        "",
        "[]",
        "{}",
        "{\"name\":1}",
        "{\"name\":\"\"}",
        "{\"name\":\" \"}",
        "{\"name\":\"a\\u0000\"}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"name\":\"a\",\"admin\":true}",
        &format!("{{\"name\":\"{}\"}}", "a".repeat(129)),
    ] {
        let call = service.account().request(Method::POST, &path);
        assert_eq!(
            call.body("application/json", bad.to_owned()).await.status,
            400,
            "{bad}"
        );
    }
    let call = service.account().request(Method::POST, &path);
    assert_eq!(
        call.body("text/plain", "{\"name\":\"a\"}").await.status,
        415
    );
    let listed = service
        .account()
        .request(Method::GET, &path)
        .empty()
        .await
        .expect(200);
    assert_eq!(listed["access_keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_of_keys_that_are_not_there_are_404() {
    let service = Service::new().await;
    let other = service
        .another_service("other.test", "https://other.test")
        .await;
    let foreign = other.another_key("x").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for id in ["x", "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11", &foreign] {
        let path = service.manage(&format!("access-keys/{id}"));
        let call = service.account().request(Method::DELETE, &path);
        assert_eq!(call.empty().await.status, 404, "{id}");
    }
}
