//! Bodies that no client should send: the documented status and body, nothing changed, never a 5xx.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::common::Client;
use crate::support::{Service, assertion, attestation};

/// Calls that take a JSON object, and whether they show a key.
fn json_calls(user: &str, authenticator: &str) -> Vec<(Method, String, bool)> {
    vec![
        (Method::POST, "/api/v1/users/enroll".into(), true),
        (Method::POST, "/api/v1/approval".into(), true),
        (Method::POST, "/api/v1/intent".into(), true),
        (Method::POST, "/api/v1/status".into(), false),
        (
            Method::PATCH,
            format!("/api/v1/authenticators/{authenticator}"),
            true,
        ),
        (Method::POST, "/_app/attestation/result".into(), false),
        (Method::POST, "/_app/assertion/result".into(), false),
        (
            Method::PATCH,
            format!("/api/v1/authenticators/{user}"),
            true,
        ),
    ]
}

/// Everything that can be seen, to see that nothing moved.
async fn everything(service: &Service, tokens: &[Value]) -> Value {
    let mut states = Vec::new();
    for token in tokens {
        states.push(service.status(token).await);
    }
    json!([
        service.user("ada").await,
        states,
        service
            .back_end()
            .get("/api/v1/logs/export")
            .await
            .text()
            .to_owned()
    ])
}

/// Who makes a call: the back end, where the call needs an access key.
fn caller(service: &Service, keyed: bool) -> Client {
    if keyed {
        service.back_end()
    } else {
        service.stranger()
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_400_everywhere_and_changes_nothing() {
    let service = Service::new().await;
    service.register("ada", &mut Authenticator::default()).await;
    let pending = service.enroll("ada").await;
    let approval = service.approve(Some("ada")).await;
    let tokens = [
        pending["enrollment"]["statusToken"].clone(),
        approval["statusToken"].clone(),
    ];
    let user = service.user("ada").await;
    let (user, authenticator) = (
        user["userId"].as_str().unwrap().to_owned(),
        user["authenticators"][0]["authenticatorId"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    let before = everything(&service, &tokens).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_member = format!("{{\"x\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let wide = (0..200)
        .map(|n| format!("\"m{n}\":1"))
        .collect::<Vec<_>>()
        .join(",");
    let bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "[{}]",
        "{}{}",
        "{} x",
        "{\"a\":}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":1e99999}",
        "{\"a\":\"\\ud800\"}",
        "{\"channel\":\"fido2\",\"channel\":\"fido2\"}",
        "{\"statusToken\":\"x\",\"statusToken\":\"x\"}",
        "{\"x\":{\"y\":1,\"y\":2}}",
        "<xml/>",
        "username=ada&channel=fido2",
        &deep,
        &deep_member,
        &format!("{{{wide}}}"),
        &format!("{{\"x\":\"{}\"}}", "a".repeat(50_000)),
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([
        b"\xff\xfe{}".to_vec(),
        b"{\"a\":\"\xff\"}".to_vec(),
        b"\x00".to_vec(),
        vec![0x1f, 0x8b, 8, 0],
    ])
    .collect();
    for (method, path, keyed) in json_calls(&user, &authenticator) {
        for body in &bodies {
            let call = caller(&service, keyed).request(method.clone(), &path);
            let reply = call.body("application/json", body.clone()).await;
            let error = reply.refused(400);
            assert_eq!(
                error["error"],
                "Bad Request",
                "{path} {}",
                String::from_utf8_lossy(body)
            );
        }
        let call = caller(&service, keyed).request(method.clone(), &path);
        let huge = format!("{{\"x\":\"{}\"}}", "a".repeat(70_000));
        let error = call.body("application/json", huge).await.refused(413);
        assert_eq!(error["error"], "Payload Too Large");
    }
    assert_eq!(everything(&service, &tokens).await, before);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of members")]
async fn members_of_every_wrong_type_are_a_clear_refusal_and_change_nothing() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let enrolled = service.enroll("ada").await;
    let approval = service.approve(Some("ada")).await;
    let tokens = [
        enrolled["enrollment"]["statusToken"].clone(),
        approval["statusToken"].clone(),
    ];
    let user = service.user("ada").await;
    let name = format!(
        "/api/v1/authenticators/{}",
        user["authenticators"][0]["authenticatorId"]
            .as_str()
            .unwrap()
    );
    let created = attestation(&mut Authenticator::default(), &enrolled, &Lies::default());
    let got = assertion(&mut authenticator, &approval, &Lies::default());
    let before = everything(&service, &tokens).await;
    let wrong = [
        json!(0),
        json!(-1.5),
        json!(true),
        json!([]),
        json!({}),
        json!([null]),
        json!({"a": 1}),
        json!(18_446_744_073_709_551_615_u64),
    ];
    let good: [(Method, &str, Value, &[&str], bool); 5] = [
        (
            Method::POST,
            "/api/v1/users/enroll",
            json!({"username": "ada", "displayName": "Ada", "channel": "fido2", "userId": user["userId"],
                   "fido2Options": {"attestation": "none", "authenticatorSelection": {
                       "userVerification": "preferred", "residentKey": "preferred",
                       "authenticatorAttachment": "platform"}}}),
            &[
                "/username",
                "/displayName",
                "/channel",
                "/userId",
                "/fido2Options/attestation",
                "/fido2Options/authenticatorSelection/userVerification",
                "/fido2Options/authenticatorSelection/residentKey",
                "/fido2Options/authenticatorSelection/authenticatorAttachment",
            ],
            true,
        ),
        (
            Method::POST,
            "/api/v1/approval",
            json!({"username": "ada", "channel": "fido2", "userId": user["userId"],
                   "authenticatorId": user["authenticators"][0]["authenticatorId"],
                   "fido2Options": {"userVerification": "preferred"}}),
            &[
                "/username",
                "/channel",
                "/userId",
                "/authenticatorId",
                "/fido2Options/userVerification",
            ],
            true,
        ),
        (
            Method::POST,
            "/api/v1/intent",
            json!({"username": "ada", "operation": "approve", "channels": ["fido2"]}),
            &["/username", "/operation", "/channels", "/channels/0"],
            true,
        ),
        (
            Method::POST,
            "/api/v1/status",
            json!({"statusToken": tokens[0]}),
            &["/statusToken"],
            false,
        ),
        (Method::PATCH, &name, json!({"name": "x"}), &["/name"], true),
    ];
    for (method, path, body, members, keyed) in good {
        for member in members {
            for value in &wrong {
                let mut bad = body.clone();
                *bad.pointer_mut(member).unwrap() = value.clone();
                let call = caller(&service, keyed).request(method.clone(), path);
                let error = call.json(&bad).await.refused(422);
                assert_eq!(
                    error["error"], "Unprocessable Entity",
                    "{path} {member} {value}"
                );
            }
        }
    }
    for (path, body, members) in [
        (
            "/_app/attestation/result",
            &created,
            &[
                "/type",
                "/id",
                "/rawId",
                "/response",
                "/response/clientDataJSON",
                "/response/attestationObject",
                "/statusToken",
            ][..],
        ),
        (
            "/_app/assertion/result",
            &got,
            &[
                "/type",
                "/id",
                "/rawId",
                "/response",
                "/response/clientDataJSON",
                "/response/authenticatorData",
                "/response/signature",
                "/response/userHandle",
                "/statusToken",
            ][..],
        ),
    ] {
        for member in members {
            for value in &wrong {
                let mut bad = body.clone();
                *bad.pointer_mut(member).unwrap() = value.clone();
                let reply = service.page().post(path, &bad).await;
                assert_eq!(reply.status, 200, "{path} {member} {value}");
                reply.failed();
            }
        }
    }
    assert_eq!(everything(&service, &tokens).await, before);
    service
        .page()
        .post("/_app/attestation/result", &created)
        .await
        .token();
    service
        .page()
        .post("/_app/assertion/result", &got)
        .await
        .token();
}

#[tokio::test]
async fn members_that_nobody_asked_for_are_ignored_and_change_nothing() {
    let service = Service::new().await;
    let body = json!({"username": "ada", "channel": "fido2", "status": "active", "sign_count": 5,
                      "createdAt": "1970-01-01T00:00:00Z", "relying_party": "x", "authenticators": ["x"],
                      "fido2Options": {"rp": {"id": "evil.test"}, "origins": ["https://evil.test"],
                                       "timeout": 1, "challenge": "AAAA"}});
    let enrolled = service
        .back_end()
        .post("/api/v1/users/enroll", &body)
        .await
        .expect(201);
    assert_eq!(enrolled["status"], "new");
    assert_eq!(enrolled["createdAt"], "2026-01-02T03:04:05Z");
    let options = &enrolled["enrollment"]["credentialCreationOptions"];
    assert_eq!(options["rp"]["id"], "acme.test");
    assert_eq!(options["timeout"], 60_000);
    assert_ne!(options["challenge"], "AAAA");
}
