//! The front before every wire: that what these suites test is what is served.

use axum::http::Method;

use ipnet::IpNet;
use server::config::Network;

use crate::common::{JSON, Log, TestApp};

/// A path of each wire that takes a body.
const PATHS: [&str; 4] = [
    "/v2/Services",
    "/api/v1/approval",
    "/_app/attestation/result",
    "/manage/v1/api-keys",
];

#[tokio::test]
async fn a_host_header_that_names_no_host_is_refused_on_every_wire() {
    let stranger = TestApp::new().await.stranger();
    for path in PATHS {
        let call = stranger.request(Method::POST, path);
        let reply = call.header("host", "a b").body(JSON, "{}").await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        let text = reply.text().to_ascii_lowercase();
        assert!(text.contains("host"), "{path}: {text}");
    }
}

#[tokio::test]
async fn every_response_has_the_id_of_its_request() {
    let stranger = TestApp::new().await.stranger();
    let mut ids = Vec::new();
    for path in PATHS.into_iter().chain(["/", "/readyz", "/nothing"]) {
        let reply = stranger.get(path).await;
        ids.push(reply.header("x-request-id").expect(path).to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), PATHS.len() + 3);
}

#[tokio::test]
async fn the_log_has_the_client_that_a_trusted_proxy_names_and_no_other() {
    let proxy: IpNet = "192.0.2.0/24".parse().unwrap();
    let app =
        TestApp::builder().settings(|settings| settings.trusted_proxies = vec![Network(proxy)]);
    let stranger = app.build().await.stranger();
    let log = Log::new();
    let spoofed = "198.51.100.66, 203.0.113.9";
    for peer in ["192.0.2.1", "203.0.113.1"] {
        let from = stranger.at_address(peer).with("x-forwarded-for", spoofed);
        assert_eq!(from.get("/v2/Services").await.status, 401);
    }
    // A call from within the process has no address.
    assert_eq!(stranger.get("/v2/Services").await.status, 401);
    let lines = log.with_message("refused");
    let clients: Vec<_> = lines.iter().map(|line| line["client"].as_str()).collect();
    assert_eq!(clients, [Some("203.0.113.9"), Some("203.0.113.1"), None]);
}
