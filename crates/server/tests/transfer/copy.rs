//! A store moves to another one, with everything that its callers hold.

use std::sync::Arc;

use axum::http::Method;
use domain::model::clock::{SystemRandomness, Timestamp};
use domain::model::master_key::{MasterKey, MasterKeys};
use domain::model::page::PageRequest;
use domain::model::token::TokenKind;
use domain::model::webhook::Webhook;
use domain::service::transfer::{CopyError, copy_store, secrets_of};
use domain::service::vault::{Vault, VaultError};
use domain::store::Storage;
use serde_json::json;
use storage::{Memory, StoreUrl};
use testkit::{Authenticator, Lies};

use crate::common::{JSON, TestApp, store_of_the_suite};
use crate::own::{ALL, bytes_of, over};
use crate::support::*;

#[tokio::test]
async fn a_copy_has_every_record_and_every_secret_and_serves_as_the_first_one_did() {
    let directory = tempfile::tempdir().unwrap();
    let url = StoreUrl::File(directory.path().join("store.db"));
    let from = storage::open(&url).await.unwrap();
    let app = TestApp::builder().store(Arc::clone(&from)).build().await;
    let service = Service::of(&app).await;
    let mut authenticator = Authenticator::default();
    for n in 0..5 {
        service
            .register(&format!("user-{n:04}"), &mut authenticator)
            .await;
    }
    service.sign_in_nevis(None, &mut authenticator).await;
    let path = format!("/manage/v1/services/{}/access-keys", service.sid);
    let key = app.operator().post(&path, &json!({"name": "shop"})).await;
    let key = key.expect(201)["key"].as_str().unwrap().to_owned();
    let of_account = service.has_a_past().await;

    let to = store_of_the_suite().await;
    let mut steps = 0;
    copy_store(&from, &to, || steps += 1).await.unwrap();
    assert!(steps > 10, "{steps}");
    // A one-time token of the first store is refused by the other one: which of them were used stays behind.
    let rp = service.id();
    let kept = async |kind| to.token_key(rp, kind).await.unwrap().is_some();
    assert!(
        from.token_key(rp, TokenKind::Status)
            .await
            .unwrap()
            .is_some()
    );
    for kind in TokenKind::ALL {
        let lasting = *kind == TokenKind::Access;
        let there = from.token_key(rp, *kind).await.unwrap().is_some();
        assert_eq!(kept(*kind).await, lasting && there, "{kind:?}");
    }
    let secrets = secrets_of(&*to).await;
    assert_eq!(secrets, secrets_of(&*from).await);
    assert!(secrets.unwrap().0 >= 3);
    let copy = TestApp::builder().store(Arc::clone(&to)).build().await;
    let before = bytes_of(&app.passkeys, ALL).await;
    assert_eq!(bytes_of(&copy.passkeys, ALL).await, before);
    let events = copy.operator().get("/manage/v1/events?limit=100").await;
    assert_eq!(events.expect(200), of_account);
    // Once more, as after an interruption.
    copy_store(&from, &to, || {}).await.unwrap();
    assert_eq!(bytes_of(&copy.passkeys, ALL).await, before);
    // The access key and the passkey work there.
    let answer = copy
        .access_key(&key)
        .get("/api/v1/users?username=user-0000")
        .await;
    answer.expect(200);
    let moved = Service {
        app: copy,
        sid: service.sid.clone(),
    };
    moved.sign_in(None, &mut authenticator).await;
    // A copy that was used since is not written over: what was revoked there would come back. Both apps draw the same ids, so only a later time makes
    // the events of this one other events.
    moved.app.clock.advance_millis(60_000);
    let path = format!("/manage/v1/services/{}/access-keys", service.sid);
    let operator = moved.app.operator();
    let made = operator
        .post(&path, &json!({"name": "new"}))
        .await
        .expect(201);
    let path = format!("{path}/{}", made["id"].as_str().unwrap());
    operator.delete(&path).await.expect(204);
    let there = bytes_of(&moved.app.passkeys, ALL).await;
    let refused = copy_store(&from, &to, || {}).await.unwrap_err().to_string();
    assert!(
        refused.contains("it was used after it was copied to"),
        "{refused}"
    );
    assert_eq!(bytes_of(&moved.app.passkeys, ALL).await, there);
    // Nor is what differs.
    let used: Arc<dyn Storage> = Arc::new(Memory::new());
    over(Arc::clone(&used)).await.bootstrap(None).await.unwrap();
    let refused = copy_store(&from, &used, || {}).await;
    assert!(
        matches!(refused, Err(CopyError::Contradiction(_))),
        "{refused:?}"
    );
}

/// The second copy would not remove the key, and it would work there.
#[tokio::test]
async fn a_key_that_was_revoked_after_a_copy_makes_the_second_one_fail_before_it_writes() {
    let from: Arc<dyn Storage> = Arc::new(Memory::new());
    let app = TestApp::builder().store(Arc::clone(&from)).build().await;
    let service = Service::of(&app).await;
    let path = format!("/manage/v1/services/{}/access-keys", service.sid);
    let operator = app.operator();
    let made = operator.post(&path, &json!({"name": "shop"})).await;
    let made = made.expect(201);
    let to: Arc<dyn Storage> = Arc::new(Memory::new());
    copy_store(&from, &to, || {}).await.unwrap();
    let path = format!("{path}/{}", made["id"].as_str().unwrap());
    operator.delete(&path).await.expect(204);
    let there = secrets_of(&*to).await;
    let refused = copy_store(&from, &to, || {}).await.unwrap_err().to_string();
    assert!(refused.contains("has a key or a webhook"), "{refused}");
    assert_eq!(secrets_of(&*to).await, there);
}

#[tokio::test]
async fn a_webhook_that_was_changed_after_a_copy_makes_both_stores_differ() {
    let from: Arc<dyn Storage> = Arc::new(Memory::new());
    let app = TestApp::builder().store(Arc::clone(&from)).build().await;
    let service = Service::of(&app).await;
    let operator = app.operator();
    let webhooks = format!("/v2/Services/{}/Webhooks", service.sid);
    let webhook = "FriendlyName=W&EventTypes=*&WebhookUrl=https%3A%2F%2Facme.test%2Fhooks";
    let made = operator.post(&webhooks, webhook).await.expect(201);
    let to: Arc<dyn Storage> = Arc::new(Memory::new());
    copy_store(&from, &to, || {}).await.unwrap();
    let copied = secrets_of(&*to).await;
    assert_eq!(copied, secrets_of(&*from).await);
    let sid = made["sid"].as_str().unwrap();
    // That its receiver does not respond is no change of the webhook.
    let page = PageRequest::first(1);
    let of = from.list_webhooks(service.id(), page).await.unwrap();
    let failing = Webhook {
        failing: Some(Timestamp(1)),
        revision: of.items[0].revision + 1,
        ..of.items[0].clone()
    };
    from.update_webhook(&failing, None).await.unwrap();
    copy_store(&from, &to, || {}).await.unwrap();
    assert_eq!(copied, secrets_of(&*from).await);
    let path = format!("/manage/v1/services/{}/webhooks/{sid}/sending", service.sid);
    let changed = operator.request(Method::PATCH, &path);
    changed.json(&json!({"format": "json"})).await.expect(200);
    // A second copy does not write over the webhook, so the comparison must notice.
    copy_store(&from, &to, || {}).await.unwrap();
    assert_ne!(secrets_of(&*from).await, secrets_of(&*to).await);
}

fn new_keys() -> MasterKeys {
    MasterKeys {
        current: MasterKey::random(&SystemRandomness),
        previous: None,
    }
}

/// An empty embedded store.
async fn embedded(directory: &tempfile::TempDir, name: &str) -> Arc<dyn Storage> {
    let url = StoreUrl::File(directory.path().join(name));
    storage::open(&url).await.unwrap()
}

/// Tokens that were made before a copy.
struct Tokens {
    access: String,
    transaction: String,
    status: String,
}

impl Tokens {
    /// One of each kind, of a user who registers. Transaction tokens are signed, so their key goes with the copy.
    async fn of(service: &Service, authenticator: &mut Authenticator) -> Self {
        let path = |of: &str| format!("/manage/v1/services/{}/{of}", service.sid);
        let operator = service.app.operator();
        let signed = json!({"transaction_token_algorithm": "ES256"});
        let changed = operator.request(Method::PATCH, &path("nevis"));
        changed.body(JSON, signed.to_string()).await.expect(200);
        let key = operator
            .post(&path("access-keys"), &json!({"name": "shop"}))
            .await;
        let access = key.expect(201)["key"].as_str().unwrap().to_owned();
        let user = json!({"username": "user-0000", "channel": "fido2"});
        let back_end = service.app.access_key(&access);
        let enrolled = back_end.post("/api/v1/users/enroll", &user).await;
        let enrolled = &enrolled.expect(201)["enrollment"];
        let options = &enrolled["credentialCreationOptions"];
        let mut created = authenticator
            .create(options, ORIGIN, &Lies::default())
            .unwrap();
        created["statusToken"] = enrolled["statusToken"].clone();
        let page = service.app.page(ORIGIN);
        let result = page.post("/_app/attestation/result", &created).await;
        let result = result.expect(200);
        Self {
            access,
            transaction: result["token"].as_str().unwrap().to_owned(),
            status: enrolled["statusToken"].as_str().unwrap().to_owned(),
        }
    }

    /// Which of them an app accepts: access, transaction, status.
    async fn accepted(&self, app: &TestApp) -> [bool; 3] {
        let back_end = app.access_key(&self.access);
        let mut found = [false; 3];
        for (token, found) in [&self.access, &self.transaction, &self.status]
            .into_iter()
            .zip(&mut found)
        {
            let form = format!("token={}", token.replace('+', "%2B"));
            let said = back_end.post("/api/v1/introspect", &form).await;
            *found = said.expect(200)["active"] == true;
        }
        found
    }
}

#[tokio::test]
async fn tokens_of_a_sealed_store_are_accepted_after_a_copy_there_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let first = embedded(&directory, "first.db").await;
    let keys = new_keys();
    let app = TestApp::builder().store(Arc::clone(&first));
    let service = Service::of(&app.master_keys(&keys).build().await).await;
    let mut authenticator = Authenticator::default();
    let tokens = Tokens::of(&service, &mut authenticator).await;
    assert_eq!(tokens.accepted(&service.app).await, [true; 3]);
    let mut there = service.app.clone();

    // PostgreSQL where the suite runs on it, else memory; and back to a file.
    let second = store_of_the_suite().await;
    let third = embedded(&directory, "third.db").await;
    for (from, to) in [(&first, &second), (&second, &third)] {
        copy_store(from, to, || {}).await.unwrap();
        let sealed = to.store_key().await.unwrap();
        assert!(sealed.is_some());
        assert_eq!(sealed, from.store_key().await.unwrap());
        let copy = TestApp::builder().store(Arc::clone(to));
        let copy = copy.master_keys(&keys).build().await;
        let before = bytes_of(&there.passkeys, ALL).await;
        assert!(bytes_of(&copy.passkeys, ALL).await == before);
        // Keys of one-time tokens stay behind, and with them the transaction and the status token.
        assert_eq!(tokens.accepted(&copy).await, [true, false, false]);
        let moved = Service {
            app: copy,
            sid: service.sid.clone(),
        };
        moved.sign_in(None, &mut authenticator).await;
        there = moved.app;
    }
}

#[tokio::test]
async fn a_copy_of_a_sealed_store_opens_with_the_master_key_of_that_store_only() {
    let directory = tempfile::tempdir().unwrap();
    let from = embedded(&directory, "store.db").await;
    let (keys, other) = (new_keys(), new_keys());
    let app = TestApp::builder().store(Arc::clone(&from));
    let service = Service::of(&app.master_keys(&keys).build().await).await;
    let mut authenticator = Authenticator::default();
    let tokens = Tokens::of(&service, &mut authenticator).await;
    let to = store_of_the_suite().await;
    copy_store(&from, &to, || {}).await.unwrap();

    let open = async |keys: Option<&MasterKeys>| Vault::open(&to, keys, &SystemRandomness).await;
    let why = open(Some(&other)).await.unwrap_err();
    assert!(
        matches!(why, VaultError::Other { sealed, given } if sealed == keys.current.id() && given == other.current.id()),
        "{why}"
    );
    let why = open(None).await.unwrap_err();
    assert!(matches!(why, VaultError::Missing { sealed } if sealed == keys.current.id()));
    // Neither attempt has changed the copy. With both keys it opens, and can be sealed under the other one.
    let both = MasterKeys {
        current: other.current.clone(),
        previous: Some(keys.current.clone()),
    };
    let copy = TestApp::builder().store(Arc::clone(&to)).master_keys(&both);
    let copy = copy.build().await;
    assert_eq!(tokens.accepted(&copy).await, [true, false, false]);
    assert!(copy.passkeys.rewrap_store_key(&both).await.unwrap());
    let copy = TestApp::builder()
        .store(Arc::clone(&to))
        .master_keys(&other);
    assert_eq!(
        tokens.accepted(&copy.build().await).await,
        [true, false, false]
    );

    // A store that is sealed already has a store key of its own, also where nothing else is in it.
    let sealed: Arc<dyn Storage> = Arc::new(Memory::new());
    Vault::open(&sealed, Some(&keys), &SystemRandomness)
        .await
        .unwrap();
    let refused = copy_store(&from, &sealed, || {}).await.unwrap_err();
    assert!(
        refused.to_string().contains("is sealed, and not with"),
        "{refused}"
    );
}
