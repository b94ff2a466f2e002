//! Deletions of users and Relying Parties, and the sweep that frees their space.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::model::audit::AuditKind;
use domain::model::ids::{AttemptId, TokenId};
use domain::model::page::PageRequest;
use domain::model::token::TokenKind;
use domain::model::user::UserRef;
use domain::store::{FinishedRegistration, Storage, Swept};

use super::fixture::{
    End, Fixture, NOW, Passkey, RegistrationAttempt, StoreUnderTest, at, authentication, event,
    key, registration,
};
use super::registrations::with_id;
use super::relying_parties::webhook;
use super::tokens::{access_key, token_key};

/// Sweeps deletions alone, so many rows at a time, until none is left; the rows of each sweep.
async fn sweep(store: &dyn Storage, budget: u32) -> Vec<u64> {
    let mut counts = Vec::new();
    loop {
        let swept = store.sweep(at(-1), at(-1), at(-1), budget).await.unwrap();
        let expected = Swept {
            deletions: swept.deletions,
            ..Swept::default()
        };
        assert_eq!(swept, expected);
        assert!(swept.deletions <= u64::from(budget));
        if swept.deletions == 0 {
            return counts;
        }
        counts.push(swept.deletions);
    }
}

pub async fn what_was_deleted_is_swept_within_the_budget(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let other = Fixture {
        store: Arc::clone(&fixture.store),
        rp: fixture.another_rp().await,
        ..fixture
    };
    let mut kept = Vec::new();
    for w in [&fixture, &other] {
        let store = &w.store;
        let (ann, bob) = (w.user("ann").await, w.user("bob").await);
        let (_, anns) = w.passkey(&ann).await;
        let (_, bobs) = w.passkey(&bob).await;
        for n in 0..1800 {
            let user = [None, Some(&ann), Some(&bob)][n % 3];
            w.begin(&authentication(w.rp, user, NOW)).await;
        }
        store
            .create_webhook(&webhook(w.rp, NOW), None)
            .await
            .unwrap();
        let made = event(AuditKind::AccessKeyCreated, w.rp);
        let access_key = access_key(w.rp, NOW);
        store.create_access_key(&access_key, &made).await.unwrap();
        let made = store.keep_token_key(w.rp, TokenKind::Status, token_key(1));
        made.await.unwrap();
        let used = store
            .claim_once(w.rp, TokenId(key()), at(10), AttemptId(key()))
            .await;
        assert_eq!(used, Ok(true));
        kept.push((ann, bob, anns, bobs));
    }
    let store = Arc::clone(&fixture.store);
    let (ann, bob, anns, bobs) = &kept[0];
    let deleted = event(AuditKind::UserDeleted, fixture.rp);
    assert_eq!(
        store.delete_user(fixture.rp, ann.id, &deleted).await,
        Ok(true)
    );
    // Hers: 600 sign-ins and a registration, a credential, and the mark.
    assert_eq!(sweep(&*store, 550).await, [550, 53]);
    assert_eq!(fixture.record(anns.key).await, None);
    assert_eq!(fixture.record(bobs.key).await.as_ref(), Some(bobs));

    assert_eq!(store.delete_relying_party(fixture.rp, NOW).await, Ok(true));
    // The other 1200 and a registration, a credential, a user, one of each of four kinds, and the mark.
    assert_eq!(sweep(&*store, 1000).await, [1000, 208]);
    assert_eq!(store.user(fixture.rp, UserRef::Id(bob.id)).await, Ok(None));

    let (ann, bob, anns, bobs) = &kept[1];
    for (user, record) in [(ann, anns), (bob, bobs)] {
        let found = store
            .user_with_credentials(other.rp, UserRef::Id(user.id))
            .await;
        assert_eq!(
            found,
            Ok(Some(Arc::new((user.clone(), vec![record.clone()]))))
        );
    }
    let deleted = store.delete_relying_party(other.rp, NOW).await;
    assert_eq!(deleted, Ok(true));
    let all = sweep(&*store, 10_000).await;
    assert_eq!(all, [1800 + 2 + 2 + 2 + 4 + 1]);
}

pub async fn a_deletion_that_is_not_swept_yet_survives_a_restart(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (_, record) = fixture.passkey(&ann).await;
    let deleted = event(AuditKind::UserDeleted, fixture.rp);
    let gone = fixture
        .store
        .delete_user(fixture.rp, ann.id, &deleted)
        .await;
    assert_eq!(gone, Ok(true));
    let rp = fixture.rp;
    drop(fixture);
    for end in [End::Dropped, End::Closed] {
        under_test.reopen(end).await;
        let store = under_test.store();
        assert_eq!(store.credential(rp, record.key).await, Ok(None));
        assert_eq!(store.user(rp, UserRef::Id(ann.id)).await, Ok(None));
    }
    assert_eq!(sweep(&*under_test.store(), 10).await, [3]);
}

pub async fn the_credential_id_of_a_deleted_user_is_free_before_the_sweep(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = fixture.user("ann").await;
    let mut passkey = Passkey::new(&ann);
    let ceremony = registration(&ann, NOW);
    fixture.begin(&ceremony).await;
    let finish = passkey.register(&ceremony, at(1));
    let id = finish.credential.record().id.clone();
    let registered = Ok(FinishedRegistration::Registered);
    assert_eq!(finish.send(&**store).await, registered);
    let deleted = event(AuditKind::UserDeleted, fixture.rp);
    assert_eq!(
        store.delete_user(fixture.rp, ann.id, &deleted).await,
        Ok(true)
    );

    // The name is free for somebody else, who brings a credential with the same id.
    let twin = fixture.user("ann").await;
    let ceremony = registration(&twin, NOW);
    fixture.begin(&ceremony).await;
    let mut passkey = Passkey::new(&twin);
    let lies = with_id(id.as_bytes());
    let finish = passkey.register_with(&ceremony, at(2), &lies);
    assert_eq!(finish.credential.record().id, id);
    assert_eq!(finish.send(&**store).await, registered);
    sweep(&**store, 10).await;
    let found = store
        .user_with_credentials(fixture.rp, UserRef::Id(twin.id))
        .await;
    let record = finish.credential.record().clone();
    assert_eq!(found, Ok(Some(Arc::new((twin, vec![record.clone()])))));
    let evidence = store.evidence(fixture.rp, record.key).await;
    assert_eq!(evidence, Ok(Some(finish.credential.evidence())));
}

/// Rounds of a race with a deletion.
const ROUNDS: usize = 50;

pub async fn no_credential_follows_an_acknowledged_deletion_of_its_user(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let mut outcomes = BTreeSet::new();
    for round in 0..ROUNDS {
        let user = fixture.user(&format!("user {round}")).await;
        let mut registrations: Vec<RegistrationAttempt> = Vec::new();
        for _ in 0..4 {
            let ceremony = registration(&user, NOW);
            fixture.begin(&ceremony).await;
            registrations.push(Passkey::new(&user).register(&ceremony, at(1)));
        }
        let late = registrations.pop().unwrap();
        let keys: Vec<_> = registrations.iter().map(RegistrationAttempt::key).collect();
        let mut tasks = Vec::new();
        for finish in registrations {
            let store = Arc::clone(&fixture.store);
            tasks.push(tokio::spawn(
                async move { finish.send(&*store).await.unwrap() },
            ));
        }
        let deleted = event(AuditKind::UserDeleted, fixture.rp);
        let gone = fixture
            .store
            .delete_user(fixture.rp, user.id, &deleted)
            .await;
        assert_eq!(gone, Ok(true));
        assert_eq!(
            late.send(&*fixture.store).await,
            Ok(FinishedRegistration::Gone)
        );
        for task in tasks {
            outcomes.insert(format!("{:?}", task.await.unwrap()));
        }
        for key in keys.into_iter().chain([late.key()]) {
            assert_eq!(fixture.record(key).await, None);
        }
        let first = PageRequest::first(10);
        let listed = fixture
            .store
            .list_credentials(fixture.rp, user.id, first)
            .await;
        assert!(listed.unwrap().items.is_empty());
    }
    outcomes.remove("Registered");
    outcomes.remove("Gone");
    assert!(outcomes.is_empty(), "{outcomes:?}");
    // Nothing is left over that no sweep would find: each credential that came before its user's deletion is swept with it.
    let swept: u64 = sweep(&*fixture.store, 10_000).await.iter().sum();
    let registered = fixture.count(AuditKind::CredentialRegistered).await;
    assert_eq!(swept, (ROUNDS * 5 + registered) as u64);
}
