//! Bodies that no client should send: a clear error, nothing changed, never a 5xx.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::common::{Client, FORM, JSON, TestApp};
use crate::support::{create, get};

/// Paths that take JSON.
fn json_calls(service: &str) -> Vec<String> {
    ["Factors", "VerifyFactor", "Challenges", "ApproveChallenge"]
        .iter()
        .map(|call| format!("{service}/Passkeys/{call}"))
        .collect()
}

/// Everything below the service, to see that nothing moved.
async fn everything(account: &Client, service: &str) -> Value {
    json!([
        account.get(service).await.expect(200),
        account
            .get(&format!("{service}/Entities"))
            .await
            .expect(200),
        account
            .get(&format!("{service}/Webhooks"))
            .await
            .expect(200),
        account
            .get(&format!("{service}/Entities/user-0001/Factors"))
            .await
            .expect(200),
        account
            .get(&format!("{service}/Entities/user-0001/Challenges"))
            .await
            .expect(200),
    ])
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_60306_and_says_why() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let before = everything(&account, &service).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_member = format!("{{\"x\":{}1{}}}", "[".repeat(20), "]".repeat(20));
    let wide = format!(
        "{{{}}}",
        (0..200)
            .map(|n| format!("\"m{n}\":1"))
            .collect::<Vec<_>>()
            .join(",")
    );
    let long = format!("{{\"id\":\"{}\"}}", "A".repeat(60_000));
    let twice = r#"{"friendly_name":"a","identity":"user-0009","friendly_name":"b"}"#;
    let bodies: Vec<(&[u8], &str)> = vec![
        (b"{", "json_malformed"),
        (b"nonsense", "json_malformed"),
        (b"{\"id\":\"AA\",}", "json_malformed"),
        (b"{} {}", "json_malformed"),
        (b"{\"id\":\"\xff\"}", "json_malformed"),
        (b"\xef\xbb\xbf{}", "json_malformed"),
        (b"{\"id\":\"\\ud800\"}", "json_malformed"),
        (b"[[]]", "request_invalid"),
        (b"true", "request_invalid"),
        (b"\"text\"", "request_invalid"),
        (b"1e999999", "json_malformed"),
        (b"17", "request_invalid"),
        (deep.as_bytes(), "json_too_deep"),
        (deep_member.as_bytes(), "json_too_deep"),
        (wide.as_bytes(), "json_too_large"),
        (long.as_bytes(), "json_too_large"),
        (twice.as_bytes(), "json_duplicate_member"),
    ];
    for path in json_calls(&service) {
        for (body, reason) in &bodies {
            let reply = account
                .request(Method::POST, &path)
                .body(JSON, body.to_vec())
                .await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(reply.json["code"], 60306, "{path} {shown}: {}", reply.json);
            let error = reply.refused(400, 60306);
            assert_eq!(
                error["details"]["reason"], *reason,
                "{path} {shown}: {error}"
            );
            assert!(
                error["details"]["message"].is_string() && error["details"]["help"].is_string()
            );
        }
    }
    assert_eq!(everything(&account, &service).await, before);
}

#[tokio::test]
async fn a_content_type_that_the_call_does_not_take_is_60306() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for path in json_calls(&service) {
        for kind in [
            None,
            Some(FORM),
            Some("text/plain"),
            Some("application/jsonp"),
            Some("multipart/form-data; boundary=x"),
            Some(""),
        ] {
            account
                .request(Method::POST, &path)
                .content_type(kind)
                .send("{}")
                .await
                .refused(400, 60306);
        }
    }
    for kind in [None, Some(JSON), Some("text/plain")] {
        account
            .request(Method::POST, &service)
            .content_type(kind)
            .send("{\"FriendlyName\":\"x\"}")
            .await
            .refused(400, 60306);
    }
    // Parameters of the type and its case do not matter.
    let challenges = format!("{service}/Passkeys/Challenges");
    for kind in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json ;x=y",
    ] {
        account
            .request(Method::POST, &challenges)
            .body(kind, "{}")
            .await
            .expect(201);
    }
    // Python sends a form's content type with every list, without a body.
    account
        .request(Method::GET, "/v2/Services")
        .body(FORM, "")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_20413() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let large = vec![b' '; 256 * 1024 + 1];
    for path in json_calls(&service) {
        account
            .request(Method::POST, &path)
            .body(JSON, large.clone())
            .await
            .refused(413, 20413);
    }
    account
        .request(Method::POST, &service)
        .body(FORM, large)
        .await
        .refused(413, 20413);
    // At the limit it is read and refused for what it is.
    let most = vec![b' '; 256 * 1024];
    account
        .request(Method::POST, &json_calls(&service)[1])
        .body(JSON, most)
        .await
        .refused(400, 60306);
}

#[tokio::test]
async fn forms_that_are_not_utf8_or_endless_are_60306() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let before = account.get(&service).await.expect(200);
    let endless = "a=1&".repeat(1000);
    for body in [
        &b"FriendlyName=%FF"[..],
        b"FriendlyName=\xff",
        b"%FF=x",
        endless.as_bytes(),
    ] {
        account
            .request(Method::POST, &service)
            .body(FORM, body.to_vec())
            .await
            .refused(400, 60306);
    }
    account
        .get("/v2/Services?PageSize=%FF")
        .await
        .refused(400, 60306);
    assert_eq!(account.get(&service).await.expect(200), before);
}

/// Replaces each member of a good credential, one at a time, by each of many values: whatever comes out is no 5xx, and only
/// what cannot matter may be accepted.
#[tokio::test]
async fn no_change_of_a_single_member_leads_to_an_error_of_ours() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let values = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("="),
        json!("A"),
        json!("AA"),
        json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        json!("\u{0}"),
        json!("𝒳"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"a": {"b": 1}}),
        json!("_".repeat(40_000)),
    ];
    let top = [
        "id",
        "rawId",
        "type",
        "authenticatorAttachment",
        "response",
        "clientExtensionResults",
    ];
    let attestation = [
        "clientDataJSON",
        "attestationObject",
        "transports",
        "authenticatorData",
        "publicKey",
    ];
    let assertion = [
        "clientDataJSON",
        "authenticatorData",
        "signature",
        "userHandle",
    ];
    let paths = |inner: &[&str]| -> Vec<String> {
        top.iter()
            .map(ToString::to_string)
            .chain(inner.iter().map(|name| format!("response.{name}")))
            .collect()
    };
    for path in paths(&attestation) {
        for value in &values {
            let factor = account.start(&service, "user-0002").await;
            let mut bad = create(&mut Authenticator::default(), &factor, &Lies::default());
            testkit::json::set(&mut bad, &path, value.clone());
            let reply = account.verify(&service, &bad).await;
            assert!(reply.status < 500, "{path} {value}: {}", reply.json);
            let harmless = [
                "authenticatorAttachment",
                "type",
                "clientExtensionResults",
                "response.transports",
                "response.authenticatorData",
                "response.publicKey",
            ];
            assert!(
                reply.status >= 400 || harmless.contains(&path.as_str()),
                "{path} {value}"
            );
            if reply.status == 200 {
                let entity = format!("{service}/Entities/user-0002");
                assert_eq!(account.delete(&entity).await.status, 204);
            }
        }
    }
    for path in paths(&assertion) {
        for value in &values {
            let challenge = account
                .challenge(&service, &json!({"identity": "user-0001"}))
                .await;
            let mut bad = get(&mut authenticator, &challenge, &Lies::default());
            testkit::json::set(&mut bad, &path, value.clone());
            let reply = account.approve(&service, &bad).await;
            assert!(reply.status < 500, "{path} {value}: {}", reply.json);
            let harmless = [
                "authenticatorAttachment",
                "type",
                "clientExtensionResults",
                "response.userHandle",
            ];
            assert!(
                reply.status >= 400 || harmless.contains(&path.as_str()),
                "{path} {value}"
            );
        }
    }
}
