//! What is there after the store was closed or dropped and opened again.

use std::fmt::Write;

use domain::model::account::Principal;
use domain::model::audit::AuditKind;
use domain::model::clock::Timestamp;
use domain::model::ids::{AttemptId, RelyingPartyId, TokenId, UserId};
use domain::model::page::PageRequest;
use domain::model::token::TokenKind;
use domain::store::{
    AuthenticationFilter, EventFilter, FinishedAuthentication, FirstAccount, Refused, Storage,
};
use webauthn::error::Reason;

use super::accounts::api_key;
use super::device::Claims;
use super::fixture::{
    End, Fixture, NOW, StoreUnderTest, at, authentication, counting, event, key, new_account,
    registration,
};
use super::relying_parties::webhook;
use super::tokens::{access_key, token_key};

/// Everything that lists show of a Relying Party, as text.
pub(crate) async fn dump(store: &dyn Storage, rp: RelyingPartyId, users: &[UserId]) -> String {
    let all = PageRequest::first(100_000);
    let mut text = format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n",
        store.relying_party(rp).await,
        store.list_users(rp, all).await,
        store.list_webhooks(rp, all).await,
        store
            .find_events(rp, &EventFilter::default(), 100_000)
            .await,
    );
    writeln!(text, "{:?}", store.list_access_keys(rp, all).await).unwrap();
    for user in users {
        let filter = AuthenticationFilter {
            standing: None,
            credential: None,
            now: Timestamp(0),
        };
        let listed = store.list_unfinished_registrations(rp, *user, all).await;
        writeln!(text, "{listed:?}").unwrap();
        let listed = store.list_authentications(rp, *user, filter, all).await;
        writeln!(text, "{listed:?}").unwrap();
        writeln!(text, "{:?}", store.list_credentials(rp, *user, all).await).unwrap();
    }
    text
}

async fn everything_is_there(under_test: &mut dyn StoreUnderTest, end: End) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let sign_in = fixture.answered(&mut passkey, &record, &counting(42)).await;
    sign_in.send(&*fixture.store).await.unwrap();
    fixture.begin(&registration(&ann, NOW)).await;
    let pending = authentication(fixture.rp, None, NOW);
    fixture.begin(&pending).await;
    fixture
        .store
        .create_webhook(&webhook(fixture.rp, NOW), None)
        .await
        .unwrap();
    let access_key = access_key(fixture.rp, NOW);
    let made = event(AuditKind::AccessKeyCreated, fixture.rp);
    fixture
        .store
        .create_access_key(&access_key, &made)
        .await
        .unwrap();
    let kept = fixture
        .store
        .keep_token_key(fixture.rp, TokenKind::Intent, token_key(5));
    kept.await.unwrap();
    let token = TokenId(key());
    let used = fixture
        .store
        .claim_once(fixture.rp, token, at(10), AttemptId(key()))
        .await;
    assert_eq!(used, Ok(true));
    let api_key = api_key(fixture.account);
    fixture.store.create_api_key(&api_key).await.unwrap();
    fixture.store.shared_secret([3; 32]).await.unwrap();
    let before = dump(&*fixture.store, fixture.rp, &[ann.id]).await;
    let (account, rp) = (fixture.account, fixture.rp);
    drop(fixture);

    for _ in 0..3 {
        under_test.reopen(end).await;
        let store = under_test.store();
        assert_eq!(dump(&*store, rp, &[ann.id]).await, before);
        let loaded = store
            .load_for_authentication(rp, pending.id, &record.id)
            .await
            .unwrap();
        assert_eq!(loaded.ceremony.as_deref(), Some(&pending));
        let count = loaded.credential.map(|found| found.0.sign_count);
        assert_eq!(count, Some(42));
        assert_eq!(store.shared_secret([4; 32]).await, Ok([3; 32]));
        let kept = store.token_key(rp, TokenKind::Intent).await;
        assert_eq!(kept, Ok(Some(token_key(5))));
        assert_eq!(
            store.claim_once(rp, token, at(10), AttemptId(key())).await,
            Ok(false)
        );
        assert!(
            store
                .secret(Principal::ApiKey(api_key.id))
                .await
                .unwrap()
                .is_some()
        );
        let outcome = store.create_first_account(&new_account(NOW)).await;
        assert_eq!(outcome, Ok(FirstAccount::Exists(account)));
    }
    assert!(before.contains("sign_count: 42"));
}

pub async fn everything_is_there_after_a_close(under_test: &mut dyn StoreUnderTest) {
    everything_is_there(under_test, End::Closed).await;
}

pub async fn everything_is_there_after_a_drop(under_test: &mut dyn StoreUnderTest) {
    everything_is_there(under_test, End::Dropped).await;
}

pub async fn a_ceremony_taken_before_a_restart_stays_taken(under_test: &mut dyn StoreUnderTest) {
    for end in [End::Closed, End::Dropped] {
        let store = under_test.store();
        let fixture = match store.create_first_account(&new_account(NOW)).await.unwrap() {
            FirstAccount::Created => {
                let account = store.create_first_account(&new_account(NOW)).await.unwrap();
                let FirstAccount::Exists(account) = account else {
                    panic!()
                };
                Fixture {
                    store,
                    account,
                    rp: RelyingPartyId([0; 16]),
                }
            }
            FirstAccount::Exists(account) => Fixture {
                store,
                account,
                rp: RelyingPartyId([0; 16]),
            },
        };
        let fixture = Fixture {
            rp: fixture.another_rp().await,
            ..fixture
        };
        let ann = fixture.user("ann").await;
        let (mut passkey, record) = fixture.passkey(&ann).await;
        let sign_in = fixture.answered(&mut passkey, &record, &counting(5)).await;
        let refused = fixture
            .answered(&mut passkey, &record, &Claims::default())
            .await;
        let attempt = AttemptId(key());
        sign_in.send(&*fixture.store).await.unwrap();
        fixture
            .refuse(refused.ceremony, attempt, at(1), Reason::OriginNotAllowed)
            .await
            .unwrap();
        let (account, rp) = (fixture.account, fixture.rp);
        drop(fixture);

        under_test.reopen(end).await;
        let fixture = Fixture {
            store: under_test.store(),
            account,
            rp,
        };
        let again = sign_in.another_attempt().send(&*fixture.store).await;
        assert_eq!(again, Ok(FinishedAuthentication::Used));
        assert_eq!(
            refused.send(&*fixture.store).await,
            Ok(FinishedAuthentication::Used)
        );
        // The attempts themselves are remembered too.
        let again = sign_in.send(&*fixture.store).await;
        assert_eq!(again, Ok(FinishedAuthentication::Accepted));
        let again = fixture
            .refuse(refused.ceremony, attempt, at(1), Reason::OriginNotAllowed)
            .await;
        assert_eq!(again, Ok(Refused::Done));
        assert_eq!(
            fixture
                .events()
                .await
                .iter()
                .filter(|e| e.ceremony.is_some())
                .count(),
            2
        );
    }
}
