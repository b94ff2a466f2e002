//! Accounts and their secrets.

use std::sync::Arc;

use domain::model::account::{ApiKey, Principal, SecretHash};
use domain::model::audit::AuditKind;
use domain::model::grant::{Grant, KeyUse, Scope, Scopes, UsedKey};
use domain::model::ids::{AccessKeyId, AccountId, ApiKeyId};
use domain::model::page::PageRequest;
use domain::store::FirstAccount;

use super::fixture::{End, Fixture, NOW, StoreUnderTest, at, event, key, new_account};
use super::tokens::access_key;

pub(crate) fn api_key(account: AccountId) -> ApiKey {
    ApiKey {
        id: ApiKeyId(key()),
        account,
        name: "build server".to_owned(),
        secret: SecretHash::Keyed([9; 32]),
        created: NOW,
        grant: Grant::EVERYTHING,
        used: None,
    }
}

/// The same, which may do less.
pub(crate) fn narrow_key(account: AccountId) -> ApiKey {
    ApiKey {
        grant: Grant {
            scopes: Scopes::of(&[Scope::Read, Scope::Enrol]),
            expires: Some(at(900_000)),
        },
        ..api_key(account)
    }
}

pub async fn only_an_empty_store_takes_a_first_account(under_test: &mut dyn StoreUnderTest) {
    let store = under_test.store();
    let first = new_account(at(5));
    assert_eq!(
        store.create_first_account(&first).await,
        Ok(FirstAccount::Created)
    );
    // Even one that claims to be older.
    let second = new_account(at(0));
    assert_eq!(
        store.create_first_account(&second).await,
        Ok(FirstAccount::Exists(first.id))
    );
    assert!(
        store
            .secret(Principal::Account(second.id))
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn of_many_first_accounts_at_once_one_is_created(under_test: &mut dyn StoreUnderTest) {
    let store = under_test.store();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let account = new_account(NOW);
                (
                    account.id,
                    store.create_first_account(&account).await.unwrap(),
                )
            })
        })
        .collect();
    let mut created = Vec::new();
    let mut named = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (id, FirstAccount::Created) => created.push(id),
            (_, FirstAccount::Exists(id)) => named.push(id),
        }
    }
    assert_eq!(created.len(), 1);
    assert_eq!(named, vec![created[0]; 19]);
}

pub async fn a_secret_is_found_by_its_principal(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let api_key = api_key(fixture.account);
    assert_eq!(fixture.store.create_api_key(&api_key).await, Ok(true));
    let stored = fixture
        .store
        .secret(Principal::Account(fixture.account))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (stored.account, stored.hash),
        (fixture.account, SecretHash::Plain([7; 32]))
    );
    let stored = fixture
        .store
        .secret(Principal::ApiKey(api_key.id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (stored.account, stored.hash),
        (fixture.account, SecretHash::Keyed([9; 32]))
    );
    // The same 16 bytes as another kind of principal are somebody else.
    let crossed = Principal::ApiKey(ApiKeyId(fixture.account.0));
    assert!(fixture.store.secret(crossed).await.unwrap().is_none());
}

pub async fn an_account_is_created_once_and_listed(under_test: &mut dyn StoreUnderTest) {
    let store = under_test.store();
    let (late, early) = (new_account(at(9)), new_account(at(3)));
    assert_eq!(store.create_account(&late).await, Ok(true));
    assert_eq!(store.create_account(&early).await, Ok(true));
    // One with a key that is taken replaces nothing.
    let mut same = new_account(at(1));
    same.id = late.id;
    same.token = SecretHash::Plain([8; 32]);
    assert_eq!(store.create_account(&same).await, Ok(false));
    let page = store.list_accounts(PageRequest::first(10)).await.unwrap();
    let listed: Vec<_> = page
        .items
        .iter()
        .map(|a| (a.id, a.token, a.created))
        .collect();
    assert_eq!(
        listed,
        [
            (early.id, early.token, early.created),
            (late.id, late.token, late.created)
        ]
    );
    // It is an account like the first one.
    assert_eq!(store.create_api_key(&api_key(late.id)).await, Ok(true));
    assert_eq!(
        store.create_first_account(&new_account(NOW)).await,
        Ok(FirstAccount::Exists(early.id))
    );
}

pub async fn a_token_is_replaced_in_its_account_only(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = new_account(at(1));
    assert_eq!(store.create_account(&other).await, Ok(true));
    let key_of_account = api_key(fixture.account);
    assert_eq!(store.create_api_key(&key_of_account).await, Ok(true));

    let new = SecretHash::Keyed([3; 32]);
    assert_eq!(
        store.replace_account_token(fixture.account, new).await,
        Ok(true)
    );
    for (principal, expected) in [
        (Principal::Account(fixture.account), new),
        (Principal::Account(other.id), other.token),
        (Principal::ApiKey(key_of_account.id), key_of_account.secret),
    ] {
        let stored = store.secret(principal).await.unwrap().unwrap();
        assert_eq!(stored.hash, expected, "{principal:?}");
    }
    let stranger = AccountId(key());
    assert_eq!(store.replace_account_token(stranger, new).await, Ok(false));
    let principal = Principal::Account(stranger);
    assert!(store.secret(principal).await.unwrap().is_none());
}

pub async fn a_hash_is_replaced_where_it_is_the_expected_one(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let key_of_account = api_key(fixture.account);
    assert_eq!(store.create_api_key(&key_of_account).await, Ok(true));
    let (account, of_key) = (
        Principal::Account(fixture.account),
        Principal::ApiKey(key_of_account.id),
    );
    let stored = async |principal| store.secret(principal).await.unwrap().unwrap().hash;
    for (principal, before, other) in [
        (account, SecretHash::Plain([7; 32]), of_key),
        (of_key, SecretHash::Keyed([9; 32]), account),
    ] {
        let new = SecretHash::Keyed([5; 32]);
        let untouched = stored(other).await;
        // The same bytes as another kind of hash are another hash.
        for wrong in [SecretHash::Plain([9; 32]), SecretHash::Keyed([7; 32])] {
            let replaced = store.replace_secret(principal, wrong, new).await;
            assert_eq!(replaced, Ok(false), "{principal:?}");
            assert_eq!(stored(principal).await, before);
        }
        // Sent twice, as after a lost response.
        for _ in 0..2 {
            let replaced = store.replace_secret(principal, before, new).await;
            assert_eq!(replaced, Ok(true), "{principal:?}");
            assert_eq!(stored(principal).await, new);
        }
        let back = store
            .replace_secret(principal, before, SecretHash::Keyed([6; 32]))
            .await;
        assert_eq!(back, Ok(false));
        assert_eq!(stored(other).await, untouched);
    }
    for nobody in [
        Principal::Account(AccountId(key_of_account.id.0)),
        Principal::ApiKey(ApiKeyId(fixture.account.0)),
    ] {
        let (one, other) = (SecretHash::Keyed([5; 32]), SecretHash::Keyed([4; 32]));
        assert_eq!(store.replace_secret(nobody, one, other).await, Ok(false));
    }
    let listed = store
        .list_api_keys(fixture.account, PageRequest::first(9))
        .await;
    assert_eq!(listed.unwrap().items[0].secret, SecretHash::Keyed([5; 32]));
}

pub async fn an_api_key_belongs_to_an_account(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let stranger = AccountId(key());
    assert_eq!(store.create_api_key(&api_key(stranger)).await, Ok(false));
    let api_key = api_key(fixture.account);
    assert_eq!(store.create_api_key(&api_key).await, Ok(true));

    let page = store
        .list_api_keys(fixture.account, PageRequest::first(10))
        .await
        .unwrap();
    let listed = &page.items[0];
    assert_eq!(
        (
            listed.id,
            listed.account,
            listed.name.as_str(),
            listed.secret,
            listed.created
        ),
        (
            api_key.id,
            fixture.account,
            "build server",
            api_key.secret,
            api_key.created
        )
    );
    assert!(
        store
            .list_api_keys(stranger, PageRequest::first(10))
            .await
            .unwrap()
            .items
            .is_empty()
    );

    // Its event is there if, and only if, the key was removed.
    for (account, removed) in [
        (stranger, false),
        (fixture.account, true),
        (fixture.account, false),
    ] {
        let gone = event(AuditKind::ApiKeyDeleted, fixture.rp);
        let done = store.delete_api_key(account, api_key.id, &gone).await;
        assert_eq!(done, Ok(removed));
        let told = fixture.events().await.contains(&gone);
        assert_eq!(told, removed);
    }
    assert!(
        store
            .secret(Principal::ApiKey(api_key.id))
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn what_an_api_key_may_do_is_found_with_its_secret(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let keys = [api_key(fixture.account), narrow_key(fixture.account)];
    for key in &keys {
        assert_eq!(fixture.store.create_api_key(key).await, Ok(true));
    }
    let account = fixture.account;
    drop(fixture);
    under_test.reopen(End::Dropped).await;
    let store = under_test.store();
    let of = async |principal| store.secret(principal).await.unwrap().unwrap().grant;
    assert_eq!(of(Principal::Account(account)).await, Grant::EVERYTHING);
    for key in &keys {
        // Another hash of the same secret leaves it as it is.
        for hash in [key.secret, SecretHash::Keyed([8; 32])] {
            let principal = Principal::ApiKey(key.id);
            let replaced = store.replace_secret(principal, key.secret, hash).await;
            assert_eq!(replaced, Ok(true));
            assert_eq!(of(principal).await, key.grant);
        }
        let listed = store.list_api_keys(account, PageRequest::first(9)).await;
        let mut listed = listed.unwrap().items.into_iter();
        assert_eq!(
            listed.find(|one| one.id == key.id).unwrap().grant,
            key.grant
        );
    }
}

pub async fn the_last_use_of_a_key_is_shown_with_it(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let (store, account, rp) = (&fixture.store, fixture.account, fixture.rp);
    let (one, other) = (api_key(account), narrow_key(account));
    for key in [&one, &other] {
        assert_eq!(store.create_api_key(key).await, Ok(true));
    }
    let access = access_key(rp, NOW);
    let made = event(AuditKind::AccessKeyCreated, rp);
    assert_eq!(store.create_access_key(&access, &made).await, Ok(true));
    let shown = async || {
        let page = PageRequest::first(9);
        let keys = store.list_api_keys(account, page).await.unwrap().items;
        let of = |id| keys.iter().find(|key| key.id == id).unwrap().used;
        let listed = store.list_access_keys(rp, page).await.unwrap().items[0].used;
        let found = store.access_key(rp, access.id).await.unwrap().unwrap().used;
        assert_eq!(listed, found);
        (of(one.id), of(other.id), found)
    };
    assert_eq!(shown().await, (None, None, None));
    assert_eq!(store.note_key_uses(&[]).await, Ok(()));
    let (of_one, of_access) = (UsedKey::Api(one.id), UsedKey::Access(rp, access.id));
    let noted = |key, millis| KeyUse {
        key,
        at: at(millis),
    };
    let uses = [noted(of_one, 5), noted(of_access, 7)];
    assert_eq!(store.note_key_uses(&uses).await, Ok(()));
    assert_eq!(shown().await, (Some(at(5)), None, Some(at(7))));
    // An earlier one, as of a slower node, and those of keys that are not there.
    let uses = [
        noted(of_one, 4),
        noted(of_access, 8),
        noted(UsedKey::Api(ApiKeyId(key())), 9),
        noted(UsedKey::Access(rp, AccessKeyId(key())), 9),
        noted(UsedKey::Access(fixture.another_rp().await, access.id), 9),
    ];
    assert_eq!(store.note_key_uses(&uses).await, Ok(()));
    assert_eq!(shown().await, (Some(at(5)), None, Some(at(8))));
    // A secret that is hashed anew is the same key.
    let new = SecretHash::Keyed([4; 32]);
    let replaced = store.replace_secret(Principal::ApiKey(one.id), one.secret, new);
    assert_eq!(replaced.await, Ok(true));
    assert_eq!(shown().await, (Some(at(5)), None, Some(at(8))));
}

pub async fn the_shared_secret_is_the_first_one_that_was_offered(
    under_test: &mut dyn StoreUnderTest,
) {
    let store = under_test.store();
    assert_eq!(store.shared_secret([1; 32]).await, Ok([1; 32]));
    assert_eq!(store.shared_secret([2; 32]).await, Ok([1; 32]));
}

pub async fn the_latest_time_is_kept(under_test: &mut dyn StoreUnderTest) {
    let store = under_test.store();
    assert_eq!(store.latest_time(at(1000)).await, Ok(at(1000)));
    assert_eq!(store.latest_time(at(999)).await, Ok(at(1000)));
    assert_eq!(store.latest_time(at(70_000)).await, Ok(at(70_000)));
    drop(store);
    under_test.reopen(End::Dropped).await;
    let store = under_test.store();
    assert_eq!(store.latest_time(at(69_999)).await, Ok(at(70_000)));
    let times = (0..20).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.latest_time(at(70_000 + n)).await.unwrap() })
    });
    for time in times.collect::<Vec<_>>() {
        assert!(time.await.unwrap() >= at(70_000));
    }
    assert_eq!(store.latest_time(at(0)).await, Ok(at(70_019)));
}

pub async fn the_store_key_is_the_first_one_that_was_offered_until_it_is_replaced(
    under_test: &mut dyn StoreUnderTest,
) {
    let store = under_test.store();
    assert_eq!(store.store_key().await, Ok(None));
    assert_eq!(store.replace_store_key(&[1], &[2]).await, Ok(false));
    assert_eq!(store.keep_store_key(&[1; 60]).await, Ok(vec![1; 60]));
    assert_eq!(store.keep_store_key(&[2; 60]).await, Ok(vec![1; 60]));
    assert_eq!(store.replace_store_key(&[2; 60], &[3; 60]).await, Ok(false));
    for _ in 0..2 {
        let replaced = store.replace_store_key(&[1; 60], &[3; 70]).await;
        assert_eq!(replaced, Ok(true));
    }
    assert_eq!(store.replace_store_key(&[1; 60], &[4; 60]).await, Ok(false));
    assert_eq!(store.store_key().await, Ok(Some(vec![3; 70])));
    drop(store);
    under_test.reopen(End::Closed).await;
    let stored = under_test.store().store_key().await;
    assert_eq!(stored, Ok(Some(vec![3; 70])));
}
