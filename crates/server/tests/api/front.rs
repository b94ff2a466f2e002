//! The front before every wire: that what these suites test is what is served.

use axum::http::Method;

use crate::common::{JSON, TestApp};

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
