//! Access keys, the keys of tokens, and tokens that are used once.

use std::sync::Arc;

use domain::model::access_key::AccessKey;
use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::clock::Timestamp;
use domain::model::grant::{Scope, Scopes};
use domain::model::ids::{AccessKeyId, AttemptId, RelyingPartyId, TokenId};
use domain::model::page::PageRequest;
use domain::model::token::{TokenKey, TokenKind};
use domain::store::Swept;

use super::fixture::{Fixture, NOW, StoreUnderTest, at, event, key};

pub(crate) fn access_key(rp: RelyingPartyId, created: Timestamp) -> AccessKey {
    AccessKey {
        id: AccessKeyId(key()),
        relying_party: rp,
        name: "shop \u{1f6d2}".to_owned(),
        scopes: Scopes::of(&[Scope::Read, Scope::Approve]),
        created,
        expires: Some(created.plus_millis(1000)),
        used: None,
    }
}

/// A token key of 64 equal bytes.
pub(crate) fn token_key(byte: u8) -> TokenKey {
    TokenKey::new(vec![byte; 64])
}

pub async fn an_access_key_lives_in_its_relying_party(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    let created = || event(AuditKind::AccessKeyCreated, fixture.rp);
    let deleted = || event(AuditKind::AccessKeyDeleted, fixture.rp);
    let access_key = access_key(fixture.rp, NOW);
    let forever = AccessKey {
        scopes: Scopes::ALL,
        expires: None,
        ..self::access_key(fixture.rp, at(1))
    };
    for made in [&access_key, &forever] {
        assert_eq!(store.create_access_key(made, &created()).await, Ok(true));
        let found = store.access_key(fixture.rp, made.id).await;
        assert_eq!(found, Ok(Some(made.clone())));
        assert_eq!(store.access_key(other, made.id).await, Ok(None));
    }
    let listed = store
        .list_access_keys(fixture.rp, PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!(listed.items, [access_key.clone(), forever.clone()]);

    let gone = |rp, id| {
        let event = deleted();
        async move { store.delete_access_key(rp, id, &event).await }
    };
    assert_eq!(gone(other, access_key.id).await, Ok(false));
    assert_eq!(gone(fixture.rp, access_key.id).await, Ok(true));
    assert_eq!(gone(fixture.rp, access_key.id).await, Ok(false));
    assert_eq!(store.access_key(fixture.rp, access_key.id).await, Ok(None));
    let found = store.access_key(fixture.rp, forever.id).await;
    assert_eq!(found, Ok(Some(forever)));
    assert_eq!(fixture.count(AuditKind::AccessKeyCreated).await, 2);
    assert_eq!(fixture.count(AuditKind::AccessKeyDeleted).await, 1);

    let orphan = self::access_key(RelyingPartyId(key()), NOW);
    assert_eq!(
        store.create_access_key(&orphan, &created()).await,
        Ok(false)
    );
    assert_eq!(fixture.count(AuditKind::AccessKeyCreated).await, 2);
}

pub async fn a_token_key_is_the_first_one_offered_for_its_relying_party_and_kind(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    let mut byte = 0;
    for rp in [fixture.rp, other] {
        for kind in TokenKind::ALL.iter().copied() {
            byte += 1;
            assert_eq!(store.token_key(rp, kind).await, Ok(None));
            for offered in [byte, byte + 100] {
                let kept = store.keep_token_key(rp, kind, token_key(offered)).await;
                assert_eq!(kept, Ok(Some(token_key(byte))));
            }
            let found = store.token_key(rp, kind).await;
            assert_eq!(found, Ok(Some(token_key(byte))));
        }
    }
    let nobody = RelyingPartyId(key());
    let kept = store.keep_token_key(nobody, TokenKind::Access, token_key(1));
    assert_eq!(kept.await, Ok(None));
    assert_eq!(store.token_key(nobody, TokenKind::Access).await, Ok(None));
}

pub async fn of_many_token_keys_offered_at_once_one_is_kept(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let rp = fixture.rp;
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                let kept = store.keep_token_key(rp, TokenKind::Status, token_key(n));
                kept.await.unwrap().unwrap()
            })
        })
        .collect();
    let stored = fixture.store.token_key(rp, TokenKind::Status);
    let mut kept = Vec::new();
    for task in tasks {
        kept.push(task.await.unwrap());
    }
    // A read that runs beside them sees the one that is kept, or none yet.
    let stored = stored.await.unwrap().unwrap();
    assert_eq!(kept, vec![stored; 20]);
}

pub async fn a_one_time_token_is_used_once_in_its_relying_party(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    let token = TokenId(key());
    for rp in [fixture.rp, other] {
        assert_eq!(store.is_claimed(rp, token).await, Ok(false));
        assert_eq!(
            store.claim_once(rp, token, at(10), AttemptId(key())).await,
            Ok(true)
        );
        assert_eq!(store.is_claimed(rp, token).await, Ok(true));
        // Whatever is said about its expiry.
        for expires in [at(10), at(1_000_000), at(-10)] {
            assert_eq!(
                store.claim_once(rp, token, expires, AttemptId(key())).await,
                Ok(false)
            );
        }
    }
    let another = TokenId(key());
    assert_eq!(
        store
            .claim_once(fixture.rp, another, at(10), AttemptId(key()))
            .await,
        Ok(true)
    );
    let nobody = RelyingPartyId(key());
    assert_eq!(
        store
            .claim_once(nobody, another, at(10), AttemptId(key()))
            .await,
        Ok(false)
    );
}

pub async fn of_a_hundred_uses_of_one_token_at_once_one_is_the_first(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let (rp, token) = (fixture.rp, TokenId(key()));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                store
                    .claim_once(rp, token, at(10), AttemptId(key()))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut first = 0;
    for task in tasks {
        first += usize::from(task.await.unwrap());
    }
    assert_eq!(first, 1);
}

pub async fn a_use_is_forgotten_only_after_its_token_expired(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    let tokens: Vec<_> = (0..6).map(|n| (n, TokenId(key()))).collect();
    for (n, token) in &tokens {
        let rp = if n % 2 == 0 { fixture.rp } else { other };
        assert_eq!(
            store.claim_once(rp, *token, at(*n), AttemptId(key())).await,
            Ok(true)
        );
    }
    // The longest expired first, within the budget; the one that expires at that very moment stays.
    for removed in [3, 1, 0] {
        let swept = store.sweep(at(4), at(-1), at(-1), 3).await;
        let expected = Swept {
            tokens: removed,
            ..Swept::default()
        };
        assert_eq!(swept, Ok(expected));
    }
    for (n, token) in &tokens {
        let rp = if n % 2 == 0 { fixture.rp } else { other };
        assert_eq!(
            store.claim_once(rp, *token, at(*n), AttemptId(key())).await,
            Ok(*n < 4)
        );
    }
}

pub async fn nothing_of_a_relying_party_comes_after_its_acknowledged_deletion(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    for _ in 0..20 {
        let rp = fixture.another_rp().await;
        let made = access_key(rp, NOW);
        let id = made.id;
        let mut tasks = Vec::new();
        for n in 0..8 {
            let (store, made) = (Arc::clone(&fixture.store), made.clone());
            tasks.push(tokio::spawn(async move {
                match n {
                    0 => {
                        let created = event(AuditKind::AccessKeyCreated, rp);
                        store.create_access_key(&made, &created).await.map(drop)
                    }
                    1 => store.delete_relying_party(rp, NOW).await.map(drop),
                    _ => {
                        let kept = store.keep_token_key(rp, TokenKind::Access, token_key(n));
                        kept.await.map(drop)
                    }
                }
                .unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let store = &fixture.store;
        assert_eq!(store.relying_party(rp).await, Ok(None));
        assert_eq!(store.access_key(rp, id).await, Ok(None));
        assert_eq!(store.token_key(rp, TokenKind::Access).await, Ok(None));
    }
}

pub async fn a_token_key_is_replaced_where_it_is_the_expected_one(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let (rp, kind) = (fixture.rp, TokenKind::Intent);
    let change = async |rp, from, to, event: Option<&AuditEvent>| {
        let (from, to) = (token_key(from), token_key(to));
        store.replace_token_key(rp, kind, &from, &to, event).await
    };
    assert_eq!(change(rp, 1, 2, None).await, Ok(false));
    let kept = store.keep_token_key(rp, kind, token_key(1)).await;
    assert_eq!(kept, Ok(Some(token_key(1))));
    let made = event(AuditKind::TokenKeyRotated, rp);
    assert_eq!(change(rp, 3, 2, Some(&made)).await, Ok(false));
    assert_eq!(
        change(fixture.another_rp().await, 1, 2, None).await,
        Ok(false)
    );
    assert_eq!(change(RelyingPartyId(key()), 1, 2, None).await, Ok(false));
    assert_eq!(store.token_key(rp, kind).await, Ok(Some(token_key(1))));
    assert_eq!(fixture.count(AuditKind::TokenKeyRotated).await, 0);
    // A call that is sent again.
    for _ in 0..2 {
        assert_eq!(change(rp, 1, 2, Some(&made)).await, Ok(true));
        assert_eq!(store.token_key(rp, kind).await, Ok(Some(token_key(2))));
        assert_eq!(fixture.count(AuditKind::TokenKeyRotated).await, 1);
    }
    // Keys need not be of the same length.
    let longer = TokenKey::new(vec![7; 300]);
    let from = token_key(2);
    let replaced = store.replace_token_key(rp, kind, &from, &longer, None);
    assert_eq!(replaced.await, Ok(true));
    assert_eq!(store.token_key(rp, kind).await, Ok(Some(longer)));
    assert_eq!(store.token_key(rp, TokenKind::Status).await, Ok(None));
}

pub async fn of_many_replacements_of_one_token_key_one_is_done(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let (rp, kind) = (fixture.rp, TokenKind::Status);
    let kept = fixture.store.keep_token_key(rp, kind, token_key(0)).await;
    assert_eq!(kept, Ok(Some(token_key(0))));
    let running: tokio::task::JoinSet<_> = (1..=20)
        .map(|byte| {
            let store = Arc::clone(&fixture.store);
            async move {
                let (from, to) = (token_key(0), token_key(byte));
                let done = store.replace_token_key(rp, kind, &from, &to, None).await;
                done.unwrap().then_some(byte)
            }
        })
        .collect();
    let done: Vec<u8> = running.join_all().await.into_iter().flatten().collect();
    let [winner] = done[..] else {
        panic!("{done:?} were done")
    };
    let stored = fixture.store.token_key(rp, kind).await;
    assert_eq!(stored, Ok(Some(token_key(winner))));
}

pub async fn token_keys_are_listed_in_order(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let mut all = Vec::new();
    for rp in [fixture.rp, fixture.another_rp().await] {
        for (kind, byte) in TokenKind::ALL.iter().copied().zip(1..) {
            store
                .keep_token_key(rp, kind, token_key(byte))
                .await
                .unwrap();
            all.push((rp, kind, token_key(byte)));
        }
    }
    all.sort_by_key(|(rp, kind, _)| (*rp, kind.name()));
    for limit in [1, 5, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.list_token_keys(after, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let Some((rp, kind, _)) = page.last() else {
                break;
            };
            after = Some((*rp, *kind));
            found.extend(page);
        }
        assert_eq!(found, all);
    }
}
