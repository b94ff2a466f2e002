//! The OpenAPI documents of the wires in `docs/openapi/`: what they name is what is served.

use axum::http::Method;
use serde_json::{Value, json};

use crate::common::TestApp;

/// A path that is not there has no method at all, so each path must refuse one of these four.
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];

#[tokio::test]
async fn the_documents_name_the_methods_that_each_path_has() {
    let app = TestApp::new().await;
    let account = app.account();
    let service = account.service().await;
    let service = service.rsplit('/').next().unwrap();
    let path = format!("/manage/v1/services/{service}/access-keys");
    let key = account.post(&path, &json!({ "name": "x" })).await;
    let back_end = app.access_key(key.expect(201)["key"].as_str().unwrap());
    for (document, client) in [
        (
            include_str!("../../../../docs/openapi/twilio-v2.json"),
            account,
        ),
        (
            include_str!("../../../../docs/openapi/authentication-cloud-v1.json"),
            back_end,
        ),
    ] {
        let document: Value = serde_json::from_str(document).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let given = path.replace("{service}", service).replace(['{', '}'], "");
            let mut refused = 0;
            for method in METHODS {
                let named = methods.get(method.as_str().to_lowercase()).is_some();
                // The Service must stay for the other paths.
                if named && method == Method::DELETE && path.ends_with("{service}") {
                    continue;
                }
                let status = client.request(method.clone(), &given).empty().await.status;
                assert_eq!(status != 405, named, "{method} {path}: {status}");
                refused += u32::from(status == 405);
            }
            assert!(refused > 0, "{path} may not exist");
        }
    }
}
