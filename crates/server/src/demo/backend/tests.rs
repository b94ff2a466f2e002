use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE};
use domain::Passkeys;
use domain::model::clock::{SystemClock, SystemRandomness};
use domain::service::accounts::Bootstrap;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::app::{App, PublicUrl};
use crate::config::Limits;

async fn demo() -> Router {
    let passkeys = Passkeys::open(
        Arc::new(storage::Memory::new()),
        Arc::new(SystemClock::default()),
        Arc::new(SystemRandomness),
    )
    .await
    .unwrap();
    let Bootstrap::Created(account, token) = passkeys.bootstrap(None).await.unwrap() else {
        panic!("a new store is empty")
    };
    let app = App::new(Arc::new(passkeys), PublicUrl::new("http://localhost:8080"));
    let (backend, _) = Backend::start(
        app,
        &Limits::default(),
        account,
        &token,
        "http://localhost:8080",
    )
    .await
    .unwrap();
    router(&backend)
}

async fn send(demo: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let Ok(response) = demo.clone().oneshot(request).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn json_to(path: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

#[tokio::test]
async fn an_exchange_is_shown_without_the_token() {
    let demo = demo().await;
    let (status, answer) = send(
        &demo,
        json_to("/twilio/register/start", &json!({ "name": " Ada " })),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let exchange = &answer["exchanges"][0];
    assert_eq!(exchange["authorization"], "Basic ***");
    assert_eq!(exchange["status"], 201);
    assert_eq!(exchange["request"]["friendly_name"], "Ada");
    assert_eq!(exchange["request"]["identity"], identity_of("Ada"));
    assert!(answer["options"]["publicKey"]["challenge"].is_string());
}

#[tokio::test]
async fn a_refusal_of_passkeyd_is_handed_on_with_its_status_and_envelope() {
    let demo = demo().await;
    let credential =
        json!({ "credential": { "id": "AAAA", "rawId": "AAAA", "type": "public-key" } });
    for path in ["/twilio/sign-in/finish", "/twilio/register/finish"] {
        let (status, answer) = send(&demo, json_to(path, &credential)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer["refusal"]["code"], 60378, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_json_or_has_no_usable_name_goes_no_further() {
    let demo = demo().await;
    let form = Request::post("/twilio/register/start")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("name=Ada"))
        .unwrap();
    assert_eq!(
        send(&demo, form).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    for name in ["", "   ", "a\u{7}b", &"x".repeat(65)] {
        let (status, answer) = send(
            &demo,
            json_to("/twilio/register/start", &json!({ "name": name })),
        )
        .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name:?}");
        assert_eq!(answer["exchanges"], json!([]));
    }
}

#[tokio::test]
async fn only_who_is_signed_in_renames_and_deletes() {
    let demo = demo().await;
    let sid = format!("YF{}", "0".repeat(32));
    let delete = |cookie: Option<&str>| {
        let mut request = Request::delete(format!("/twilio/passkeys/{sid}"));
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(send(&demo, delete(None)).await.0, StatusCode::UNAUTHORIZED);
    let made_up = "passkeyd-demo=00000000000000000000000000000000";
    assert_eq!(
        send(&demo, delete(Some(made_up))).await.0,
        StatusCode::UNAUTHORIZED
    );
    let rename = json_to(&format!("/twilio/passkeys/{sid}"), &json!({ "name": "x" }));
    assert_eq!(send(&demo, rename).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn each_api_starts_both_ceremonies_with_the_same_shape() {
    let demo = demo().await;
    for wire in Wire::ALL {
        let path = format!("/{}/register/start", wire.name());
        let (status, answer) = send(&demo, json_to(&path, &json!({ "name": "Ada" }))).await;
        assert_eq!(status, StatusCode::OK, "{wire:?} {answer}");
        let options = &answer["options"]["publicKey"];
        assert!(options["challenge"].is_string(), "{wire:?} {answer}");
        assert_eq!(options["rp"]["id"], "localhost", "{wire:?}");
        let path = format!("/{}/sign-in/start", wire.name());
        let (status, answer) = send(&demo, json_to(&path, &json!({ "name": "" }))).await;
        if wire == Wire::Fido {
            assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
            continue;
        }
        assert_eq!(status, StatusCode::OK, "{wire:?} {answer}");
        let options = &answer["options"]["publicKey"];
        assert_eq!(options["rpId"], "localhost", "{wire:?} {answer}");
        let shown = answer["exchanges"].to_string();
        assert!(!shown.contains("Bearer ey"), "{wire:?}");
    }
}

#[test]
fn a_sid_in_a_path_can_be_nothing_else() {
    assert!(checked_sid(&format!("YF{}", "0".repeat(32))).is_ok());
    for bad in [
        "",
        "YF",
        "..",
        "YF/../../x",
        &format!("YE{}", "0".repeat(32)),
        &format!("YF{}", "g".repeat(32)),
    ] {
        assert!(checked_sid(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_name_is_sent_in_a_form_byte_by_byte() {
    let encoded = utf8_percent_encode("a b&c=é", NON_ALPHANUMERIC);
    assert_eq!(encoded.to_string(), "a%20b%26c%3D%C3%A9");
}
