//! `Idempotency-Key`: a request that is sent again gets the same response, and is not done twice.

use std::sync::Arc;
use std::task::{Context, Waker};

use axum::http::Method;
use serde_json::{Value, json};
use storage::memory::Memory;
use testkit::{Authenticator, Lies};

use crate::common::{Answer, Client, FORM, JSON, TestApp};
use crate::support::{create, get};
use domain::model::audit::{Actor, ActorKind};

const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

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

    async fn send(&self, account: &Client) -> Answer {
        let body = self.body.clone();
        account
            .request(Method::POST, &self.path)
            .body(self.kind, body)
            .await
    }
}

fn is_replayed(reply: &Answer) -> bool {
    reply
        .headers
        .get("idempotent-replayed")
        .is_some_and(|value| value == "true")
}

/// Sends the call twice under a key of its own; the response that both got.
async fn twice(account: &Client, key: &str, call: &Call) -> Value {
    let keyed = account.with_key(key);
    let first = call.send(&keyed).await;
    assert!(!is_replayed(&first));
    account.app.clock.advance_millis(1500);
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

async fn count(account: &Client, path: &str, list: &str) -> usize {
    account.get(path).await.expect(200)[list]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn every_post_that_is_sent_again_under_its_key_gets_the_same_response_and_is_done_once() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let entity = format!("{service}/Entities/user-0001");
    let at = |rest: &str| format!("{service}/{rest}");

    let call = Call::form("/v2/Services", "FriendlyName=Other", 201);
    twice(&account, "1", &call).await;
    assert_eq!(count(&account, "/v2/Services", "services").await, 2);
    let call = Call::form(&service, "FriendlyName=Renamed", 200);
    twice(&account, "2", &call).await;
    let call = Call::form(at("Entities"), "Identity=user-0002", 201);
    twice(&account, "3", &call).await;
    let hook =
        "FriendlyName=Hook&EventTypes=*&WebhookUrl=https%3A%2F%2Facme.test%2Fhook&Status=enabled";
    let call = Call::form(at("Webhooks"), hook, 201);
    let hook = twice(&account, "4", &call).await;
    assert_eq!(count(&account, &at("Webhooks"), "webhooks").await, 1);
    let sid = hook["sid"].as_str().unwrap();
    let call = Call::form(at(&format!("Webhooks/{sid}")), "FriendlyName=Renamed", 200);
    twice(&account, "5", &call).await;

    let mut authenticator = Authenticator::default();
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"});
    let factor = twice(
        &account,
        "6",
        &Call::json(at("Passkeys/Factors"), &body, 201),
    )
    .await;
    assert_eq!(
        count(&account, &format!("{entity}/Factors"), "factors").await,
        1
    );
    let credential = create(&mut authenticator, &factor, &Lies::default());
    let call = Call::json(at("Passkeys/VerifyFactor"), &credential, 200);
    let verified = twice(&account, "7", &call).await;
    assert_eq!(verified["status"], "verified");
    let call = Call::form(
        format!("{entity}/Factors/{}", factor["sid"].as_str().unwrap()),
        "FriendlyName=Renamed",
        200,
    );
    twice(&account, "8", &call).await;

    let body = json!({"identity": "user-0001"});
    let challenge = twice(
        &account,
        "9",
        &Call::json(at("Passkeys/Challenges"), &body, 201),
    )
    .await;
    assert_eq!(
        count(&account, &format!("{entity}/Challenges"), "challenges").await,
        1
    );
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let call = Call::json(at("Passkeys/ApproveChallenge"), &credential, 200);
    let approved = twice(&account, "10", &call).await;
    assert_eq!(approved["status"], "approved");
}

#[tokio::test]
async fn a_refusal_is_a_response_that_is_kept_too() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let lie = Lies {
        tampered_signature: true,
        user_present: Some(false),
        ..Lies::default()
    };
    let credential = create(&mut Authenticator::default(), &factor, &lie);
    let call = Call::json(format!("{service}/Passkeys/VerifyFactor"), &credential, 403);
    let refused = twice(&account, KEY, &call).await;
    // Without the key the same body is a second attempt, of which there is none.
    let second = call.send(&account).await;
    assert_ne!(second.json["code"], refused["code"]);
    second.refused(403, 60383);

    let call = Call::form(format!("{service}/Entities"), "Identity=short", 400);
    twice(&account, KEY, &call).await;
}

#[tokio::test]
async fn a_key_that_was_used_with_another_body_is_refused_on_its_path_only() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let keyed = account.with_key(KEY);
    let entities = format!("{service}/Entities");
    keyed
        .post(&entities, "Identity=user-0001")
        .await
        .expect(201);
    for other in ["Identity=user-0002", "Identity=user-0001&x=1", ""] {
        let reply = keyed.post(&entities, other).await;
        assert!(!reply.headers.contains_key("retry-after"));
        let error = reply.refused(409, 20409);
        let message = error["details"]["message"].as_str().unwrap();
        assert!(message.contains("another body"), "{error}");
    }
    let query = format!("{entities}?x=1");
    keyed
        .post(&query, "Identity=user-0001")
        .await
        .refused(409, 20409);
    // A slash at the end makes no other path of it.
    let slash = format!("{entities}/");
    assert!(is_replayed(&keyed.post(&slash, "Identity=user-0001").await));
    let other = account.service().await;
    let entities = format!("{other}/Entities");
    keyed
        .post(&entities, "Identity=user-0002")
        .await
        .expect(201);
}

#[tokio::test]
async fn another_account_has_keys_of_its_own_and_an_api_key_those_of_its_account() {
    let account = TestApp::new().await.account();
    let (another, token) = account
        .app
        .passkeys
        .create_account(&Actor::new(ActorKind::Admin, "test"))
        .await
        .unwrap();
    let other = account
        .with_secret(&format!("AC{}", another.id), token.reveal())
        .with_key(KEY);
    let own = account.with_key(KEY);
    let made = own
        .post("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    let reply = other.post("/v2/Services", "FriendlyName=Acme").await;
    assert!(!is_replayed(&reply));
    assert_ne!(reply.expect(201)["sid"], made["sid"]);

    let api_key = account
        .post("/manage/v1/api-keys", &json!({"name": "shop"}))
        .await;
    let api_key = api_key.expect(201);
    let text = |name: &str| api_key[name].as_str().unwrap();
    let same = own.with_secret(text("id"), text("secret"));
    let reply = same.post("/v2/Services", "FriendlyName=Acme").await;
    assert!(is_replayed(&reply));
    assert_eq!(reply.expect(201)["sid"], made["sid"]);
}

#[tokio::test]
async fn strangers_get_no_kept_response() {
    let store = Arc::new(Memory::new());
    let app = TestApp::builder().store(store.clone()).build().await;
    let keyed = app.account().with_key(KEY);
    keyed
        .post("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    let stranger = app.stranger().with_key(KEY);
    let before = store.operations();
    let reply = stranger.post("/v2/Services", "FriendlyName=Acme").await;
    reply.refused(401, 20003);
    assert_eq!(store.operations(), before);
}

#[tokio::test]
async fn a_key_is_free_again_after_ten_minutes() {
    let account = TestApp::new().await.account();
    let keyed = account.with_key(KEY);
    let send = async || keyed.post("/v2/Services", "FriendlyName=Acme").await;
    let first = send().await.expect(201);
    account.app.clock.advance_millis(599_999);
    assert_eq!(send().await.expect(201)["sid"], first["sid"]);
    account.app.clock.advance_millis(1);
    let later = send().await;
    assert!(!is_replayed(&later));
    assert_ne!(later.expect(201)["sid"], first["sid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_requests_with_one_key_at_once_one_is_done() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let keyed = account.with_key(KEY);
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"});
    let path = format!("{service}/Passkeys/Factors");
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (keyed, body, path) = (keyed.clone(), body.clone(), path.clone());
            tokio::spawn(async move { keyed.post(&path, &body).await })
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
    assert_eq!(keyed.post(&path, &body).await.expect(201), made[0]);
    let factors = format!("{service}/Entities/user-0001/Factors");
    assert_eq!(count(&account, &factors, "factors").await, 1);
}

#[tokio::test]
async fn a_client_that_closes_the_connection_finds_the_response_when_it_sends_the_request_again() {
    // In memory: then the first poll of a request brings it as far as its work.
    let app = TestApp::builder().store(Arc::new(Memory::new()));
    let account = app.build().await.account();
    let keyed = account.with_key(KEY);
    let body = "FriendlyName=Acme";
    {
        let request = keyed.post("/v2/Services", body);
        let mut request = std::pin::pin!(request);
        let mut context = Context::from_waker(Waker::noop());
        assert!(request.as_mut().poll(&mut context).is_pending());
    }
    let mut reply = keyed.post("/v2/Services", body).await;
    while reply.status == 409 {
        tokio::task::yield_now().await;
        reply = keyed.post("/v2/Services", body).await;
    }
    assert!(is_replayed(&reply));
    reply.expect(201);
    assert_eq!(count(&account, "/v2/Services", "services").await, 1);
}

#[tokio::test]
async fn a_key_that_is_no_key_is_told_and_nothing_is_done() {
    let account = TestApp::new().await.account();
    let long = "k".repeat(256);
    for wrong in ["", "two words", &long] {
        let keyed = account.with_key(wrong);
        let error = keyed.post("/v2/Services", "FriendlyName=Acme").await;
        let error = error.refused(400, 60306);
        let message = error["details"]["message"].as_str().unwrap();
        assert!(message.contains("Idempotency-Key must be"), "{error}");
    }
    assert_eq!(count(&account, "/v2/Services", "services").await, 0);
}

#[tokio::test]
async fn get_and_delete_ignore_the_header() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let keyed = account.with_key(KEY);
    let shown = keyed.get(&service).await;
    assert!(!is_replayed(&shown));
    shown.expect(200);
    account
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
    let store = Arc::new(Memory::new());
    let app = TestApp::builder().store(store.clone()).build().await;
    let account = app.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let operations = async |account: &Client, call: &Call| {
        let before = store.operations();
        let reply = call.send(account).await.expect(call.status);
        (reply, store.operations() - before)
    };
    let body = json!({"identity": "user-0001"});
    let start = Call::json(format!("{service}/Passkeys/Challenges"), &body, 201);
    let (challenge, starting) = operations(&account, &start).await;
    // One read of the user, one write of the ceremony.
    assert_eq!(starting, 2);
    let path = format!("{service}/Passkeys/ApproveChallenge");
    let credential = get(&mut authenticator, &challenge, &Lies::default());
    let (_, finishing) = operations(&account, &Call::json(&path, &credential, 200)).await;
    // One read, one write.
    assert_eq!(finishing, 2);

    // With the header: the key is reserved, and the response kept. Sent again: one look.
    let keyed = account.with_key(KEY);
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
    let account = TestApp::new().await.account();
    let call = account
        .request(Method::POST, "/v2/Services")
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    let reply = call.body(FORM, "FriendlyName=Acme").await;
    reply.refused(400, 60306);
}
