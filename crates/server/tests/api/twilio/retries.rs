//! `Idempotency-Key`: a request that is sent again gets the same response, and is not done twice.

use std::task::{Context, Waker};

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::backend::{Backend, Reply, basic, create, get};

const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// A call with everything that it is made of.
struct Call {
    path: String,
    kind: &'static str,
    body: String,
    status: u16,
}

impl Call {
    fn form(path: impl Into<String>, body: &str, status: u16) -> Self {
        let (path, body) = (path.into(), body.to_owned());
        Self {
            path,
            kind: FORM,
            body,
            status,
        }
    }

    fn json(path: impl Into<String>, body: &Value, status: u16) -> Self {
        let (path, body) = (path.into(), body.to_string());
        Self {
            path,
            kind: JSON,
            body,
            status,
        }
    }

    async fn send(&self, backend: &Backend) -> Reply {
        let body = self.body.clone();
        backend
            .request(Method::POST, &self.path, Some(self.kind), body)
            .await
    }
}

fn is_replayed(reply: &Reply) -> bool {
    reply
        .headers
        .get("idempotent-replayed")
        .is_some_and(|value| value == "true")
}

/// Sends the call twice under a key of its own; the response that both got.
async fn twice(backend: &Backend, key: &str, call: &Call) -> Value {
    let keyed = backend.with_key(key);
    let first = call.send(&keyed).await;
    assert!(!is_replayed(&first));
    backend.clock.advance_millis(1500);
    let second = call.send(&keyed).await;
    assert!(is_replayed(&second), "{}", call.path);
    assert_eq!(
        (first.status, &first.bytes),
        (second.status, &second.bytes),
        "{}",
        call.path
    );
    assert_eq!(
        first.headers.get("content-type"),
        second.headers.get("content-type")
    );
    first.expect(call.status)
}

async fn count(backend: &Backend, path: &str, list: &str) -> usize {
    backend.get(path).await.expect(200)[list]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn every_post_that_is_sent_again_under_its_key_gets_the_same_response_and_is_done_once() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let entity = format!("{service}/Entities/user-0001");
    let at = |rest: &str| format!("{service}/{rest}");

    let call = Call::form("/v2/Services", "FriendlyName=Other", 201);
    twice(&backend, "1", &call).await;
    assert_eq!(count(&backend, "/v2/Services", "services").await, 2);
    let call = Call::form(&service, "FriendlyName=Renamed", 200);
    twice(&backend, "2", &call).await;
    let call = Call::form(at("Entities"), "Identity=user-0002", 201);
    twice(&backend, "3", &call).await;
    let hook =
        "FriendlyName=Hook&EventTypes=*&WebhookUrl=https%3A%2F%2Facme.test%2Fhook&Status=enabled";
    let call = Call::form(at("Webhooks"), hook, 201);
    let hook = twice(&backend, "4", &call).await;
    assert_eq!(count(&backend, &at("Webhooks"), "webhooks").await, 1);
    let sid = hook["sid"].as_str().unwrap();
    let call = Call::form(at(&format!("Webhooks/{sid}")), "FriendlyName=Renamed", 200);
    twice(&backend, "5", &call).await;

    let mut authenticator = Authenticator::default();
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"});
    let factor = twice(
        &backend,
        "6",
        &Call::json(at("Passkeys/Factors"), &body, 201),
    )
    .await;
    assert_eq!(
        count(&backend, &format!("{entity}/Factors"), "factors").await,
        1
    );
    let credential = create(&mut authenticator, &factor, &Lies::default());
    let call = Call::json(at("Passkeys/VerifyFactor"), &credential, 200);
    let verified = twice(&backend, "7", &call).await;
    assert_eq!(verified["status"], "verified");
    let call = Call::form(
        format!("{entity}/Factors/{}", factor["sid"].as_str().unwrap()),
        "FriendlyName=Renamed",
        200,
    );
    twice(&backend, "8", &call).await;

    let body = json!({"identity": "user-0001"});
    let challenge = twice(
        &backend,
        "9",
        &Call::json(at("Passkeys/Challenges"), &body, 201),
    )
    .await;
    assert_eq!(
        count(&backend, &format!("{entity}/Challenges"), "challenges").await,
        1
    );
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let call = Call::json(at("Passkeys/ApproveChallenge"), &credential, 200);
    let approved = twice(&backend, "10", &call).await;
    assert_eq!(approved["status"], "approved");
}

#[tokio::test]
async fn a_refusal_is_a_response_that_is_kept_too() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let factor = backend.start(&service, "user-0001").await;
    let lie = Lies {
        tampered_signature: true,
        user_present: Some(false),
        ..Lies::default()
    };
    let credential = create(&mut Authenticator::default(), &factor, &lie);
    let call = Call::json(format!("{service}/Passkeys/VerifyFactor"), &credential, 403);
    let refused = twice(&backend, KEY, &call).await;
    // Without the key the same body is a second attempt, of which there is none.
    let second = call.send(&backend).await;
    assert_ne!(second.json["code"], refused["code"]);
    second.refused(403, 60383);

    let call = Call::form(format!("{service}/Entities"), "Identity=short", 400);
    twice(&backend, KEY, &call).await;
}

#[tokio::test]
async fn a_key_that_was_used_with_another_body_is_refused_on_its_path_only() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let keyed = backend.with_key(KEY);
    let entities = format!("{service}/Entities");
    keyed
        .form(&entities, "Identity=user-0001")
        .await
        .expect(201);
    for other in ["Identity=user-0002", "Identity=user-0001&x=1", ""] {
        let reply = keyed.form(&entities, other).await;
        assert!(!reply.headers.contains_key("retry-after"));
        let error = reply.refused(409, 20409);
        let message = error["details"]["message"].as_str().unwrap();
        assert!(message.contains("another body"), "{error}");
    }
    let query = format!("{entities}?x=1");
    keyed
        .form(&query, "Identity=user-0001")
        .await
        .refused(409, 20409);
    // A slash at the end makes no other path of it.
    let slash = format!("{entities}/");
    assert!(is_replayed(&keyed.form(&slash, "Identity=user-0001").await));
    let other = backend.service().await;
    let entities = format!("{other}/Entities");
    keyed
        .form(&entities, "Identity=user-0002")
        .await
        .expect(201);
}

#[tokio::test]
async fn another_account_has_keys_of_its_own_and_an_api_key_those_of_its_account() {
    let backend = Backend::new().await;
    let (account, token) = backend.passkeys.create_account().await.unwrap();
    let other = basic(&format!("AC{}", account.id), token.reveal());
    let other = backend.with_authorization(Some(other)).with_key(KEY);
    let own = backend.with_key(KEY);
    let made = own
        .form("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    let reply = other.form("/v2/Services", "FriendlyName=Acme").await;
    assert!(!is_replayed(&reply));
    assert_ne!(reply.expect(201)["sid"], made["sid"]);

    let api_key = backend
        .json("/manage/v1/api-keys", &json!({"name": "shop"}))
        .await;
    let api_key = api_key.expect(201);
    let text = |name: &str| api_key[name].as_str().unwrap();
    let authorization = basic(text("id"), text("secret"));
    let same = own.with_authorization(Some(authorization));
    let reply = same.form("/v2/Services", "FriendlyName=Acme").await;
    assert!(is_replayed(&reply));
    assert_eq!(reply.expect(201)["sid"], made["sid"]);
}

#[tokio::test]
async fn strangers_get_no_kept_response() {
    let backend = Backend::new().await;
    let keyed = backend.with_key(KEY);
    keyed
        .form("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    let stranger = keyed.with_authorization(None);
    let before = backend.store.operations();
    let reply = stranger.form("/v2/Services", "FriendlyName=Acme").await;
    reply.refused(401, 20003);
    assert_eq!(backend.store.operations(), before);
}

#[tokio::test]
async fn a_key_is_free_again_after_ten_minutes() {
    let backend = Backend::new().await;
    let keyed = backend.with_key(KEY);
    let send = async || keyed.form("/v2/Services", "FriendlyName=Acme").await;
    let first = send().await.expect(201);
    backend.clock.advance_millis(599_999);
    assert_eq!(send().await.expect(201)["sid"], first["sid"]);
    backend.clock.advance_millis(1);
    let later = send().await;
    assert!(!is_replayed(&later));
    assert_ne!(later.expect(201)["sid"], first["sid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_requests_with_one_key_at_once_one_is_done() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let keyed = backend.with_key(KEY);
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"});
    let path = format!("{service}/Passkeys/Factors");
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (keyed, body, path) = (keyed.clone(), body.clone(), path.clone());
            tokio::spawn(async move { keyed.json(&path, &body).await })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        let reply = task.await.unwrap();
        if reply.status == 409 {
            assert_eq!(reply.headers["retry-after"], "1");
            reply.refused(409, 20409);
        } else {
            made.push(reply.expect(201));
        }
    }
    assert!(made.iter().all(|factor| *factor == made[0]), "{made:?}");
    assert_eq!(keyed.json(&path, &body).await.expect(201), made[0]);
    let factors = format!("{service}/Entities/user-0001/Factors");
    assert_eq!(count(&backend, &factors, "factors").await, 1);
}

#[tokio::test]
async fn a_client_that_closes_the_connection_finds_the_response_when_it_sends_the_request_again() {
    let backend = Backend::new().await;
    let keyed = backend.with_key(KEY);
    let body = "FriendlyName=Acme";
    {
        let request = keyed.form("/v2/Services", body);
        let mut request = std::pin::pin!(request);
        let mut context = Context::from_waker(Waker::noop());
        assert!(request.as_mut().poll(&mut context).is_pending());
    }
    let mut reply = keyed.form("/v2/Services", body).await;
    while reply.status == 409 {
        tokio::task::yield_now().await;
        reply = keyed.form("/v2/Services", body).await;
    }
    assert!(is_replayed(&reply));
    reply.expect(201);
    assert_eq!(count(&backend, "/v2/Services", "services").await, 1);
}

#[tokio::test]
async fn a_key_that_is_no_key_is_told_and_nothing_is_done() {
    let backend = Backend::new().await;
    let long = "k".repeat(256);
    for wrong in ["", "two words", &long] {
        let keyed = backend.with_key(wrong);
        let error = keyed.form("/v2/Services", "FriendlyName=Acme").await;
        let error = error.refused(400, 60306);
        let message = error["details"]["message"].as_str().unwrap();
        assert!(message.contains("Idempotency-Key must be"), "{error}");
    }
    assert_eq!(count(&backend, "/v2/Services", "services").await, 0);
}

#[tokio::test]
async fn get_and_delete_ignore_the_header() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let keyed = backend.with_key(KEY);
    let shown = keyed.get(&service).await;
    assert!(!is_replayed(&shown));
    shown.expect(200);
    backend
        .with_key("two words")
        .get(&service)
        .await
        .expect(200);
    keyed.delete(&service).await.expect(204);
    keyed.delete(&service).await.refused(404, 20404);
    keyed.get(&service).await.refused(404, 20404);
}

#[tokio::test]
async fn without_the_header_nothing_more_is_read_or_written() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let mut authenticator = Authenticator::default();
    backend
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let operations = async |backend: &Backend, call: &Call| {
        let before = backend.store.operations();
        let reply = call.send(backend).await.expect(call.status);
        (reply, backend.store.operations() - before)
    };
    let body = json!({"identity": "user-0001"});
    let start = Call::json(format!("{service}/Passkeys/Challenges"), &body, 201);
    let (challenge, starting) = operations(&backend, &start).await;
    // One read of the user, one write of the ceremony.
    assert_eq!(starting, 2);
    let path = format!("{service}/Passkeys/ApproveChallenge");
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let (_, finishing) = operations(&backend, &Call::json(&path, &credential, 200)).await;
    // One read, one write.
    assert_eq!(finishing, 2);

    // With the header: the key is reserved, and the response kept. Sent again: one look.
    let keyed = backend.with_key(KEY);
    let (challenge, operations_with_key) = operations(&keyed, &start).await;
    assert_eq!(operations_with_key, starting + 2);
    assert_eq!(operations(&keyed, &start).await, (challenge.clone(), 1));
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let call = Call::json(&path, &credential, 200);
    assert_eq!(operations(&keyed, &call).await.1, finishing + 2);
    assert_eq!(operations(&keyed, &call).await.1, 1);
}

#[tokio::test]
async fn two_headers_are_no_key() {
    let backend = Backend::new().await;
    let request = Request::post("/v2/Services")
        .header(
            "authorization",
            basic(&crate::backend::account_sid(), "a-token-for-tests"),
        )
        .header("content-type", FORM)
        .header("idempotency-key", "a")
        .header("idempotency-key", "b")
        .body(Body::from("FriendlyName=Acme"));
    let reply = backend.send(request.unwrap()).await;
    reply.refused(400, 60306);
}
