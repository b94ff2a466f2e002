//! What holds for every call of a back end.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::Service;

/// Every call that needs an access key: method, path, content type, a body that is good.
pub fn calls(user: &str) -> Vec<(Method, String, &'static str, String)> {
    let json = "application/json";
    let none = "application/json";
    let form = "application/x-www-form-urlencoded";
    vec![
        (Method::GET, "/ping".into(), none, String::new()),
        (
            Method::POST,
            "/api/v1/users/enroll".into(),
            json,
            json!({"username": "grace", "channel": "fido2"}).to_string(),
        ),
        (
            Method::POST,
            "/api/v1/approval".into(),
            json,
            json!({"channel": "fido2"}).to_string(),
        ),
        (
            Method::POST,
            "/api/v1/introspect".into(),
            form,
            "token=x".into(),
        ),
        (
            Method::POST,
            "/api/v1/intent".into(),
            json,
            json!({"username": "grace", "operation": "enroll"}).to_string(),
        ),
        (
            Method::GET,
            "/api/v1/users?username=ada".into(),
            none,
            String::new(),
        ),
        (
            Method::GET,
            format!("/api/v1/users/{user}"),
            none,
            String::new(),
        ),
        (
            Method::GET,
            "/api/v1/aadb2c/users?objectId=ada".into(),
            none,
            String::new(),
        ),
        (
            Method::GET,
            "/api/v1/logs/export".into(),
            none,
            String::new(),
        ),
    ]
}

async fn known_user(service: &Service) -> String {
    service.enroll("ada").await["userId"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn ping_with_a_good_key_is_pong() {
    let service = Service::new().await;
    let reply = service.back_end().get("/ping").await;
    assert_eq!((reply.status, reply.text()), (200, "PONG"));
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
}

#[tokio::test]
async fn no_header_is_401_and_a_bad_key_403_with_error_message_and_status() {
    let service = Service::new().await;
    let user = known_user(&service).await;
    let mut all = calls(&user);
    let json = "application/json";
    all.extend([
        (
            Method::DELETE,
            format!("/api/v1/users/{user}"),
            json,
            String::new(),
        ),
        (
            Method::POST,
            format!("/api/v1/users/{user}/verification"),
            json,
            "{}".into(),
        ),
        (
            Method::PATCH,
            format!("/api/v1/authenticators/{user}"),
            json,
            r#"{"name":"x"}"#.into(),
        ),
        (
            Method::DELETE,
            format!("/api/v1/authenticators/{user}"),
            json,
            String::new(),
        ),
        (Method::GET, "/api/v1/nothing".into(), json, String::new()),
        (
            Method::PUT,
            "/api/v1/users/enroll".into(),
            json,
            "{}".into(),
        ),
    ]);
    let status_token = service.enroll("ada").await["enrollment"]["statusToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let flipped = {
        let mut key = service.key.clone().into_bytes();
        let last = key.len() - 10;
        key[last] = if key[last] == b'A' { b'B' } else { b'A' };
        String::from_utf8(key).unwrap()
    };
    let bad = [
        "x".to_owned(),
        String::new(),
        "a.b.c".to_owned(),
        flipped,
        service.key.to_lowercase(),
        service.key[..service.key.len() - 1].to_owned(),
        // A token of another kind opens nothing here.
        status_token,
    ];
    for (method, path, content_type, body) in all {
        let call = || service.stranger().request(method.clone(), &path);
        let reply = call().body(content_type, body.clone()).await;
        assert_eq!(
            reply.header("www-authenticate"),
            Some("Bearer realm=\"passkeyd\"")
        );
        let stranger = reply.refused(401);
        assert_eq!(stranger["error"], "Unauthorized", "{path}");
        assert_eq!(stranger["path"], path.split('?').next().unwrap());
        for key in &bad {
            let reply = call().bearer(key).body(content_type, body.clone()).await;
            assert_eq!(reply.refused(403)["error"], "Forbidden", "{path} {key}");
        }
        let basic = service.account().request(method.clone(), &path);
        let basic = basic.body(content_type, body.clone()).await;
        basic.refused(403);
        let twice = service.back_end().request(method.clone(), &path);
        let twice = twice.bearer(&service.key);
        let twice = twice.body(content_type, body.clone()).await;
        twice.refused(403);
    }
    // Nothing was done by any of them.
    service
        .back_end()
        .get(&format!("/api/v1/users/{user}"))
        .await
        .expect(200);
    service
        .back_end()
        .get("/api/v1/users?username=grace")
        .await
        .refused(404);
}

#[tokio::test]
async fn every_path_with_a_trailing_slash_has_the_same_result() {
    let service = Service::new().await;
    let user = known_user(&service).await;
    for (method, path, content_type, body) in calls(&user) {
        let slashed = match path.split_once('?') {
            Some((path, query)) => format!("{path}/?{query}"),
            None => format!("{path}/"),
        };
        let send = async |path: &str| {
            let call = service.back_end().request(method.clone(), path);
            call.body(content_type, body.clone()).await
        };
        let (plain, slashed) = (send(&path).await, send(&slashed).await);
        assert!(plain.status < 300, "{path}: {}", plain.text());
        assert_eq!(plain.status, slashed.status, "{path}: {}", slashed.text());
        if let (Value::Object(plain), Value::Object(slashed)) = (&plain.json, &slashed.json) {
            assert_eq!(
                plain.keys().collect::<Vec<_>>(),
                slashed.keys().collect::<Vec<_>>()
            );
        }
    }
    for path in [
        "/api/v1/status/",
        "/_app/attestation/result/",
        "/_app/assertion/result/",
    ] {
        let reply = service.page().post(path, &json!({})).await;
        assert!(
            [200, 422].contains(&reply.status),
            "{path}: {}",
            reply.text()
        );
    }
    // And the calls that name something in the path.
    let mut authenticator = testkit::Authenticator::default();
    service.register("bob", &mut authenticator).await;
    let bob = service.user("bob").await;
    let (id, user) = (
        bob["authenticators"][0]["authenticatorId"]
            .as_str()
            .unwrap(),
        bob["userId"].as_str().unwrap(),
    );
    let path = format!("/api/v1/authenticators/{id}/");
    let renamed = service.back_end().request(Method::PATCH, &path);
    renamed.json(&json!({"name": "x"})).await.expect(200);
    service.back_end().delete(&path).await.expect(204);
    service
        .back_end()
        .delete(&format!("/api/v1/users/{user}/"))
        .await
        .expect(204);
}

#[tokio::test]
async fn json_with_and_without_charset_is_accepted_and_another_media_type_is_415() {
    let service = Service::new().await;
    let user = known_user(&service).await;
    for (method, path, content_type, body) in calls(&user) {
        if body.is_empty() {
            continue;
        }
        let send = async |content_type: &str| {
            let call = service.back_end().request(method.clone(), &path);
            call.body(content_type, body.clone()).await
        };
        for good in [
            content_type.to_owned(),
            format!("{content_type};charset=utf-8"),
            format!("{content_type}; charset=UTF-8"),
            content_type.to_uppercase(),
        ] {
            let reply = send(&good).await;
            assert!(reply.status < 300, "{path} {good}: {}", reply.text());
        }
        for bad in [
            "text/plain",
            "text/json",
            "application/xml",
            "multipart/form-data",
            "",
        ] {
            send(bad).await.refused(415);
        }
        let without = service.back_end().request(method.clone(), &path);
        without.send(body.clone()).await.refused(415);
        let compressed = service
            .back_end()
            .request(method.clone(), &path)
            .header("content-encoding", "gzip");
        compressed
            .body(content_type, body.clone())
            .await
            .refused(415);
    }
    for path in [
        "/api/v1/status",
        "/_app/attestation/result",
        "/_app/assertion/result",
    ] {
        let call = service.stranger().request(Method::POST, path);
        call.body("text/plain", "{}").await.refused(415);
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405_with_the_methods_that_it_has() {
    let service = Service::new().await;
    for (method, path, allowed) in [
        (Method::GET, "/api/v1/users/enroll", "POST"),
        (Method::PUT, "/api/v1/approval", "POST"),
        (Method::DELETE, "/api/v1/introspect/", "POST"),
        (Method::POST, "/ping", "GET"),
    ] {
        let reply = service.back_end().request(method, path).empty().await;
        assert!(reply.header("allow").unwrap().contains(allowed), "{path}");
        assert_eq!(reply.refused(405)["error"], "Method Not Allowed");
    }
    for path in [
        "/api/v1/status",
        "/_app/attestation/result",
        "/_app/assertion/result/",
    ] {
        let reply = service.stranger().request(Method::GET, path).empty().await;
        assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
        reply.refused(405);
    }
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let service = Service::new().await;
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/users/a/b/c",
        "/api/v1/users/%ff",
    ] {
        service.back_end().get(path).await.refused(404);
    }
    service
        .page()
        .post("/_app/nothing", &json!({}))
        .await
        .refused(404);
}

#[tokio::test]
async fn nothing_in_an_error_can_be_taken_for_markup() {
    let service = Service::new().await;
    let body = r#"{"<b>&'":1,"<b>&'":2}"#;
    let call = service.back_end().request(Method::POST, "/api/v1/approval");
    let reply = call.body("application/json", body).await;
    assert!(
        !reply.text().contains(['<', '>', '&', '\'']),
        "{}",
        reply.text()
    );
    assert!(
        reply.text().contains(r"\u003cb\u003e\u0026\u0027"),
        "{}",
        reply.text()
    );
    let error = reply.refused(400);
    assert!(
        error["message"].as_str().unwrap().contains("<b>&'"),
        "{error}"
    );
}

#[tokio::test]
async fn answers_are_not_kept_by_caches() {
    let service = Service::new().await;
    let reply = service
        .back_end()
        .post("/api/v1/approval", &json!({"channel": "fido2"}))
        .await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let reply = service
        .page()
        .post("/_app/assertion/result", &json!({}))
        .await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn ping_may_be_open_and_the_whole_api_switched_off() {
    let service = Service::new().await;
    let open = service
        .elsewhere(|settings| settings.nevis.open_ping = true)
        .await;
    let reply = open.stranger().request(Method::GET, "/ping").empty().await;
    assert_eq!((reply.status, reply.text()), (200, "PONG"));
    open.stranger()
        .request(Method::GET, "/api/v1/users?username=ada")
        .empty()
        .await
        .refused(401);
    let off = service
        .elsewhere(|settings| settings.nevis.enabled = false)
        .await;
    for path in [
        "/ping",
        "/api/v1/users?username=ada",
        "/fido2-client/fido2-client.js",
    ] {
        assert_eq!(off.back_end().get(path).await.status, 404, "{path}");
    }
    assert_eq!(
        off.page()
            .post("/_app/assertion/result", &json!({}))
            .await
            .status,
        404
    );
}
