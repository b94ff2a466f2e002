//! A store moves to another one, with everything that its callers hold.

use std::sync::Arc;

use domain::model::token::TokenKind;
use domain::service::transfer::{CopyError, copy_store, secrets_of};
use domain::store::Storage;
use serde_json::json;
use storage::{Memory, StoreUrl};
use testkit::Authenticator;

use crate::common::{TestApp, store_of_the_suite};
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
        let lasting = [TokenKind::Access, TokenKind::Signing].contains(kind);
        let there = from.token_key(rp, *kind).await.unwrap().is_some();
        assert_eq!(kept(*kind).await, lasting && there, "{kind:?}");
    }
    let secrets = secrets_of(&*to).await;
    assert_eq!(secrets, secrets_of(&*from).await);
    assert!(secrets.unwrap().0 >= 3);
    let copy = TestApp::builder().store(Arc::clone(&to)).build().await;
    let before = bytes_of(&app.passkeys, ALL).await;
    assert_eq!(bytes_of(&copy.passkeys, ALL).await, before);
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
    // What differs now is not written over.
    let used: Arc<dyn Storage> = Arc::new(Memory::new());
    over(Arc::clone(&used)).await.bootstrap(None).await.unwrap();
    let refused = copy_store(&from, &used, || {}).await;
    assert!(
        matches!(refused, Err(CopyError::Contradiction(_))),
        "{refused:?}"
    );
}
