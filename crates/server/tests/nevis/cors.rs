//! Which pages may call (contract section 1.4).

use axum::http::Method;
use serde_json::json;
use testkit::{Authenticator, Lies};

use crate::cloud::{Cloud, ORIGIN_OF_PAGES, Reply, attestation};

const PATHS: [&str; 6] = [
    "/_app/attestation/result",
    "/_app/attestation/result/",
    "/_app/assertion/result",
    "/_app/assertion/result/",
    "/api/v1/status",
    "/api/v1/status/",
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

async fn preflight(cloud: &Cloud, path: &str, origin: Option<&str>) -> Reply {
    let mut call = cloud
        .request(Method::OPTIONS, path)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    if let Some(origin) = origin {
        call = call.header("origin", origin);
    }
    call.empty().await
}

fn cors_headers(reply: &Reply) -> usize {
    let names = reply.headers.keys();
    names
        .filter(|name| name.as_str().starts_with("access-control"))
        .count()
}

#[tokio::test]
async fn nv_100_a_preflight_from_an_allowed_origin_has_headers_and_one_from_a_foreign_origin_none()
{
    let cloud = Cloud::new().await;
    cloud
        .another_service("other.test", "https://other.test")
        .await;
    for path in PATHS {
        // A preflight names no Service: the origins of all count.
        for origin in [ORIGIN_OF_PAGES, "https://other.test"] {
            let reply = preflight(&cloud, path, Some(origin)).await;
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
            assert_eq!(reply.header("vary"), Some("Origin"));
            assert_eq!(reply.header("access-control-allow-credentials"), None);
        }
        for origin in FOREIGN {
            let reply = preflight(&cloud, path, Some(origin)).await;
            assert_eq!(cors_headers(&reply), 0, "{origin}");
            assert_eq!(reply.header("vary"), Some("Origin"));
        }
        assert_eq!(cors_headers(&preflight(&cloud, path, None).await), 0);
    }
    let twice = cloud
        .request(Method::OPTIONS, PATHS[0])
        .header("origin", ORIGIN_OF_PAGES)
        .header("origin", ORIGIN_OF_PAGES);
    assert_eq!(cors_headers(&twice.empty().await), 0);
}

#[tokio::test]
async fn the_answer_is_shown_to_the_origins_of_the_transactions_own_relying_party() {
    let cloud = Cloud::new().await;
    cloud
        .another_service("other.test", "https://other.test")
        .await;
    let send = async |path: &str, origin: &str, body: &serde_json::Value| {
        let call = cloud.request(Method::POST, path).header("origin", origin);
        call.json(body).await
    };
    let enrolled = cloud.enroll("ada").await;
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
    let cloud = Cloud::new().await;
    for path in PATHS {
        let call = || {
            cloud
                .request(Method::POST, path)
                .header("origin", ORIGIN_OF_PAGES)
        };
        for reply in [
            call().body("text/plain", "{}").await,
            call().body("application/json", "{").await,
            call().json(&json!({})).await,
            call().json(&json!({"statusToken": "x"})).await,
        ] {
            let shown = reply.header("access-control-allow-origin");
            assert_eq!(shown, Some(ORIGIN_OF_PAGES), "{path}: {}", reply.text);
        }
        let foreign = cloud
            .request(Method::POST, path)
            .header("origin", "https://evil.test");
        assert_eq!(cors_headers(&foreign.json(&json!({})).await), 0);
    }
}

#[tokio::test]
async fn back_end_calls_are_for_no_page() {
    let cloud = Cloud::new().await;
    for path in [
        "/api/v1/approval",
        "/api/v1/users/enroll",
        "/api/v1/introspect",
        "/ping",
    ] {
        let reply = preflight(&cloud, path, Some(ORIGIN_OF_PAGES)).await;
        assert_eq!(cors_headers(&reply), 0, "{path}");
        let call = cloud
            .request(Method::POST, path)
            .key()
            .header("origin", ORIGIN_OF_PAGES);
        assert_eq!(cors_headers(&call.json(&json!({})).await), 0, "{path}");
    }
}

#[tokio::test]
async fn an_origin_is_known_as_soon_as_it_is_configured_and_forgotten_with_its_service() {
    let cloud = Cloud::new().await;
    let origin = "https://late.test";
    let known = async || {
        preflight(&cloud, PATHS[0], Some(origin))
            .await
            .header("access-control-allow-origin")
            .is_some()
    };
    assert!(!known().await);
    let late = cloud.another_service("late.test", origin).await;
    assert!(known().await);
    let path = format!("/v2/Services/{}", late.service);
    let deleted = cloud.request(Method::DELETE, &path).account().empty().await;
    assert_eq!(deleted.status, 204);
    assert!(!known().await);
}
