//! Which pages may call.

use axum::http::Method;
use serde_json::json;
use testkit::{Authenticator, Lies};

use crate::common::Answer;
use crate::support::{ORIGIN_OF_PAGES, Service, assertion, attestation};

/// The paths that a page may call without any token in a header.
const PATHS: [&str; 6] = [
    "/_app/attestation/result",
    "/_app/attestation/result/",
    "/_app/assertion/result",
    "/_app/assertion/result/",
    "/api/v1/status",
    "/api/v1/status/",
];

/// The paths that a page may call with an intent token.
const WITH_INTENT: [&str; 4] = [
    "/api/v1/users/enroll",
    "/api/v1/users/enroll/",
    "/api/v1/approval",
    "/api/v1/approval/",
];

const FOREIGN: [&str; 12] = [
    "https://evil.test",
    "https://evil-acme.test",
    "https://acme.test.evil.test",
    "https://sub.acme.test",
    "http://acme.test",
    "https://acme.test:8443",
    "https://acme.test:443",
    "https://acme.test/",
    "https://ACME.test",
    "https://acme.test.",
    "null",
    "*",
];

async fn preflight(service: &Service, path: &str, origin: Option<&str>) -> Answer {
    preflight_for(service, path, origin, "content-type").await
}

async fn preflight_for(
    service: &Service,
    path: &str,
    origin: Option<&str>,
    headers: &str,
) -> Answer {
    let mut call = service
        .stranger()
        .request(Method::OPTIONS, path)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers);
    if let Some(origin) = origin {
        call = call.header("origin", origin);
    }
    call.empty().await
}

fn cors_headers(reply: &Answer) -> usize {
    let names = reply.headers.keys();
    names
        .filter(|name| name.as_str().starts_with("access-control"))
        .count()
}

#[tokio::test]
async fn a_preflight_from_an_allowed_origin_has_headers_and_one_from_a_foreign_origin_none() {
    let service = Service::new().await;
    service
        .another_service("other.test", "https://other.test")
        .await;
    for path in PATHS.into_iter().chain(WITH_INTENT) {
        // A preflight names no Service: the origins of all count.
        for origin in [ORIGIN_OF_PAGES, "https://other.test"] {
            let reply = preflight(&service, path, Some(origin)).await;
            assert_eq!(reply.status, 204);
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
            assert_eq!(
                reply.header("access-control-allow-methods"),
                Some("POST, OPTIONS")
            );
            assert_eq!(
                reply.header("access-control-allow-headers"),
                Some("content-type, accept")
            );
            assert_eq!(
                reply.header("vary"),
                Some("Origin, Access-Control-Request-Headers")
            );
            assert_eq!(reply.header("access-control-allow-credentials"), None);
        }
        for origin in FOREIGN {
            let reply = preflight(&service, path, Some(origin)).await;
            assert_eq!(cors_headers(&reply), 0, "{origin}");
            assert_eq!(
                reply.header("vary"),
                Some("Origin, Access-Control-Request-Headers")
            );
        }
        assert_eq!(cors_headers(&preflight(&service, path, None).await), 0);
    }
    let twice = service
        .stranger()
        .request(Method::OPTIONS, PATHS[0])
        .header("origin", ORIGIN_OF_PAGES)
        .header("origin", ORIGIN_OF_PAGES);
    assert_eq!(cors_headers(&twice.empty().await), 0);
}

#[tokio::test]
async fn the_answer_is_shown_to_the_origins_of_the_transactions_own_relying_party() {
    let service = Service::new().await;
    service
        .another_service("other.test", "https://other.test")
        .await;
    let send = async |path: &str, origin: &str, body: &serde_json::Value| {
        let call = service
            .stranger()
            .request(Method::POST, path)
            .header("origin", origin);
        call.json(body).await
    };
    let enrolled = service.enroll("ada").await;
    let token = json!({"statusToken": enrolled["enrollment"]["statusToken"]});
    let mut bad = attestation(&mut Authenticator::default(), &enrolled, &Lies::default());
    bad["type"] = "x".into();
    for (path, body) in [("/api/v1/status", &token), (PATHS[0], &bad)] {
        let reply = send(path, ORIGIN_OF_PAGES, body).await;
        assert_eq!(
            reply.header("access-control-allow-origin"),
            Some(ORIGIN_OF_PAGES)
        );
        assert_eq!(reply.header("vary"), Some("Origin"));
        for origin in FOREIGN.into_iter().chain(["https://other.test"]) {
            let reply = send(path, origin, body).await;
            assert_eq!(cors_headers(&reply), 0, "{path} {origin}");
            assert_eq!(reply.header("vary"), Some("Origin"));
        }
    }
    let good = attestation(&mut Authenticator::default(), &enrolled, &Lies::default());
    let reply = send(PATHS[0], ORIGIN_OF_PAGES, &good).await;
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some(ORIGIN_OF_PAGES)
    );
    reply.token();
}

#[tokio::test]
async fn error_replies_are_shown_too_so_that_the_page_can_read_them() {
    let service = Service::new().await;
    for path in PATHS {
        let call = || {
            service
                .stranger()
                .request(Method::POST, path)
                .header("origin", ORIGIN_OF_PAGES)
        };
        let too_large = call().body("application/json", " ".repeat(1 << 20)).await;
        assert_eq!(too_large.status, 413);
        for reply in [
            call().body("text/plain", "{}").await,
            call().body("application/json", "{").await,
            call().json(&json!({})).await,
            call().json(&json!({"statusToken": "x"})).await,
            too_large,
        ] {
            let shown = reply.header("access-control-allow-origin");
            assert_eq!(shown, Some(ORIGIN_OF_PAGES), "{path}: {}", reply.text());
        }
        let foreign = service
            .stranger()
            .request(Method::POST, path)
            .header("origin", "https://evil.test");
        assert_eq!(cors_headers(&foreign.json(&json!({})).await), 0);
    }
}

#[tokio::test]
async fn a_preflight_allows_the_headers_that_a_tracing_library_adds() {
    let service = Service::new().await;
    let asked = "baggage,content-type,sentry-trace,traceparent";
    for path in PATHS.into_iter().chain(WITH_INTENT) {
        let reply = preflight_for(&service, path, Some(ORIGIN_OF_PAGES), asked).await;
        assert_eq!(reply.status, 204, "{path}");
        assert_eq!(
            reply.header("access-control-allow-headers"),
            Some("content-type, accept, baggage, sentry-trace, traceparent"),
            "{path}"
        );
        let foreign = preflight_for(&service, path, Some("https://evil.test"), asked).await;
        assert_eq!(cors_headers(&foreign), 0, "{path}");
        for bad in ["*", "a b", "x-ok,(", &"x,".repeat(33), &"x".repeat(1025)] {
            let reply = preflight_for(&service, path, Some(ORIGIN_OF_PAGES), bad).await;
            assert_eq!(
                reply.header("access-control-allow-headers"),
                Some("content-type, accept"),
                "{path} {bad}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_use_an_intent_token() {
    let service = Service::new().await;
    service
        .another_service("other.test", "https://other.test")
        .await;
    service.register("ada", &mut Authenticator::default()).await;
    for (path, operation) in [
        ("/api/v1/users/enroll", "enroll"),
        ("/api/v1/approval", "approve"),
    ] {
        let asked = "authorization,content-type";
        let reply = preflight_for(&service, path, Some(ORIGIN_OF_PAGES), asked).await;
        assert_eq!(reply.status, 204);
        assert_eq!(
            reply.header("access-control-allow-headers"),
            Some("content-type, accept, authorization")
        );
        let token = service
            .intent(&json!({"username": "ada", "operation": operation}))
            .await;
        let with = async |origin: &str, body: serde_json::Value| {
            let call = service
                .stranger()
                .request(Method::POST, path)
                .bearer(&token);
            call.header("origin", origin).json(&body).await
        };
        // A refusal can be read by the page, too, and spends nothing.
        let refused = with(ORIGIN_OF_PAGES, json!({})).await;
        assert_eq!(
            refused.header("access-control-allow-origin"),
            Some(ORIGIN_OF_PAGES)
        );
        refused.refused(422);
        for origin in FOREIGN.into_iter().chain(["https://other.test"]) {
            let reply = with(origin, json!({})).await;
            assert_eq!(cors_headers(&reply), 0, "{path} {origin}");
        }
        let started = with(ORIGIN_OF_PAGES, json!({"channel": "fido2"})).await;
        assert_eq!(
            started.header("access-control-allow-origin"),
            Some(ORIGIN_OF_PAGES)
        );
        assert_eq!(started.header("vary"), Some("Origin"));
        assert_eq!(started.header("access-control-allow-credentials"), None);
        started.expect(201);
        let spent = with(ORIGIN_OF_PAGES, json!({"channel": "fido2"})).await;
        assert!(spent.header("access-control-allow-origin").is_some());
        spent.refused(403);
    }
    // Without a token the page can read that it is missing.
    for path in WITH_INTENT {
        let call = service.stranger().request(Method::POST, path);
        let reply = call
            .header("origin", ORIGIN_OF_PAGES)
            .json(&json!({}))
            .await;
        assert!(reply.header("access-control-allow-origin").is_some());
        reply.refused(401);
    }
}

#[tokio::test]
async fn a_call_with_an_access_key_is_for_no_page() {
    let service = Service::new().await;
    for path in ["/api/v1/introspect", "/api/v1/intent", "/ping"] {
        let reply = preflight(&service, path, Some(ORIGIN_OF_PAGES)).await;
        assert_eq!(cors_headers(&reply), 0, "{path}");
    }
    let revoked = service.another_key("revoked").await;
    let id = revoked["id"].as_str().unwrap();
    let path = service.manage(&format!("access-keys/{id}"));
    let deleted = service
        .account()
        .request(Method::DELETE, &path)
        .empty()
        .await;
    assert_eq!(deleted.status, 204);
    for path in WITH_INTENT.into_iter().chain(["/api/v1/introspect"]) {
        for key in [service.key.as_str(), revoked["key"].as_str().unwrap()] {
            let call = service.stranger().request(Method::POST, path).bearer(key);
            let reply = call
                .header("origin", ORIGIN_OF_PAGES)
                .json(&json!({"channel": "fido2", "username": "ada"}))
                .await;
            assert_eq!(cors_headers(&reply), 0, "{path}");
        }
    }
}

#[tokio::test]
async fn a_browser_extension_signs_in_from_its_own_origin_once_it_is_configured() {
    let extension = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
    let service = Service::new().await;
    let lies = Lies {
        origin: Some(extension.to_owned()),
        ..Lies::default()
    };
    let send = async |service: &Service, path: &str, body: &serde_json::Value| {
        let call = service.stranger().request(Method::POST, path);
        call.header("origin", extension).json(body).await
    };
    // Not configured, it is foreign.
    let enrolled = service.enroll("ada").await;
    let body = attestation(&mut Authenticator::default(), &enrolled, &lies);
    let reply = send(&service, PATHS[0], &body).await;
    assert_eq!(cors_headers(&reply), 0);
    reply.failed();

    let configured = service
        .another_service("shop.test", &format!("https://shop.test,{extension}"))
        .await;
    let allowed = preflight(&configured, PATHS[0], Some(extension)).await;
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some(extension)
    );
    let mut authenticator = Authenticator::default();
    let enrolled = configured.enroll("ada").await;
    let body = attestation(&mut authenticator, &enrolled, &lies);
    let reply = send(&configured, PATHS[0], &body).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some(extension));
    reply.token();
    let approval = configured.approve(Some("ada")).await;
    let body = assertion(&mut authenticator, &approval, &lies);
    send(&configured, PATHS[2], &body).await.token();
    // Another extension is foreign.
    let other = Lies {
        origin: Some(extension.replace("op", "pp")),
        ..Lies::default()
    };
    let approval = configured.approve(Some("ada")).await;
    let body = assertion(&mut authenticator, &approval, &other);
    send(&configured, PATHS[2], &body).await.failed();
}

#[tokio::test]
async fn an_origin_is_known_as_soon_as_it_is_configured_and_forgotten_with_its_service() {
    let service = Service::new().await;
    let origin = "https://late.test";
    let known = async || {
        preflight(&service, PATHS[0], Some(origin))
            .await
            .header("access-control-allow-origin")
            .is_some()
    };
    assert!(!known().await);
    let late = service.another_service("late.test", origin).await;
    assert!(known().await);
    let path = format!("/v2/Services/{}", late.sid);
    let deleted = service
        .account()
        .request(Method::DELETE, &path)
        .empty()
        .await;
    assert_eq!(deleted.status, 204);
    assert!(!known().await);
}
