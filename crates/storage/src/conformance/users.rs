//! Users, and what their owner does with their credentials.

use std::sync::Arc;

use domain::model::audit::AuditKind;
use domain::model::ids::{AttemptId, CredentialKey, UserId};
use domain::model::page::PageRequest;
use domain::model::user::{User, UserRef};
use domain::store::{
    CountedModels, CreateUser, FinishedAuthentication, FinishedRegistration, RefuseCeremony,
    Refused,
};
use webauthn::error::Reason;

use super::device::Claims;
use super::fixture::{
    Fixture, LIFETIME, NOW, Passkey, StoreUnderTest, at, authentication, event, key, new_user,
    registration,
};

pub async fn a_name_is_taken_once_in_a_relying_party_byte_for_byte(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = fixture.user("ann").await;
    let twin = new_user(fixture.rp, "ann", at(1));
    let created = event(AuditKind::UserCreated, fixture.rp);
    assert_eq!(
        store.create_user(&twin, &created).await,
        Ok(CreateUser::Exists(ann.clone()))
    );
    assert_eq!(fixture.count(AuditKind::UserCreated).await, 1);

    // The two forms of é differ in bytes, and so do case, blanks and a trailing NUL.
    for name in ["Ann", "ann ", " ann", "ann\0", "\u{e9}", "e\u{301}", ""] {
        let user = fixture.user(name).await;
        assert_eq!(
            store.user(fixture.rp, UserRef::Name(name)).await,
            Ok(Some(user)),
            "{name:?}"
        );
    }
    assert_eq!(
        store.user(fixture.rp, UserRef::Name("ann")).await,
        Ok(Some(ann))
    );
    assert_eq!(store.user(fixture.rp, UserRef::Name("ANN")).await, Ok(None));

    let other = fixture.another_rp().await;
    assert_eq!(store.user(other, UserRef::Name("ann")).await, Ok(None));
    let namesake = fixture.user_of(other, "ann").await;
    assert_eq!(
        store.user(other, UserRef::Name("ann")).await,
        Ok(Some(namesake))
    );
}

pub async fn users_are_found_by_the_beginning_of_their_names(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    for name in [
        "ann",
        "Ann",
        "anna",
        "ann ",
        "an\0na",
        "an\0nb",
        "an\u{1a}",
        "an%",
        "an_x",
        "anz",
        "b",
        "\u{e9}a",
        "e\u{301}a",
        "\u{10ffff}\u{10ffff}",
        "",
    ] {
        fixture.user(name).await;
    }
    let other = fixture.another_rp().await;
    fixture.user_of(other, "annabel").await;
    let found = async |rp, beginning: &str, limit| {
        let page = store.users_named(rp, beginning, limit).await.unwrap();
        let names = page.items.into_iter().map(|user| user.name);
        (names.collect::<Vec<_>>(), page.more)
    };
    // Case, forms of a letter and other characters differ. No character is a pattern.
    for (beginning, names) in [
        ("ann", &["ann", "ann ", "anna"][..]),
        ("Ann", &["Ann"]),
        ("an%", &["an%"]),
        ("an_", &["an_x"]),
        ("an\0", &["an\0na", "an\0nb"]),
        ("an\0nb", &["an\0nb"]),
        ("an\u{1a}", &["an\u{1a}"]),
        ("\u{e9}", &["\u{e9}a"]),
        ("e", &["e\u{301}a"]),
        ("\u{10ffff}", &["\u{10ffff}\u{10ffff}"]),
        ("\u{10ffff}\u{10ffff}\u{10ffff}", &[]),
        ("annab", &[]),
        ("c", &[]),
    ] {
        let (found, more) = found(fixture.rp, beginning, 50).await;
        assert_eq!(
            (&found[..], more),
            (names_of(names).as_slice(), false),
            "{beginning:?}"
        );
    }
    let two = names_of(&["ann", "ann "]);
    assert_eq!(found(fixture.rp, "ann", 2).await, (two, true));
    assert!(!found(fixture.rp, "ann", 3).await.1);
    assert_eq!(found(fixture.rp, "", 50).await.0.len(), 15);
    assert_eq!(found(other, "ann", 50).await.0, names_of(&["annabel"]));
    let deleted = store.delete_relying_party(other, at(2)).await;
    assert_eq!(deleted, Ok(true));
    assert_eq!(found(other, "ann", 50).await, (Vec::new(), false));
}

pub async fn the_models_of_the_newest_users_are_counted(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let none = CountedModels::default();
    assert_eq!(store.count_models(fixture.rp, 9).await, Ok(none.clone()));
    let mut users = Vec::new();
    for (n, name) in (0..).zip(["ann", "bob", "eve"]) {
        let user = new_user(fixture.rp, name, at(n));
        let created = event(AuditKind::UserCreated, fixture.rp).user(user.id);
        let created = store.create_user(&user, &created).await;
        assert_eq!(created, Ok(CreateUser::Created));
        users.push(user);
    }
    let nothing = CountedModels {
        users: 3,
        models: Vec::new(),
    };
    assert_eq!(store.count_models(fixture.rp, 9).await, Ok(nothing));
    let (_, record) = fixture.passkey(&users[0]).await;
    for user in [&users[0], &users[2]] {
        fixture.passkey(user).await;
    }
    let counted = |users, credentials| {
        Ok(CountedModels {
            users,
            models: vec![(record.aaguid, credentials)],
        })
    };
    assert_eq!(store.count_models(fixture.rp, 9).await, counted(3, 3));
    // The newest one, and the two newest ones.
    assert_eq!(store.count_models(fixture.rp, 1).await, counted(1, 1));
    assert_eq!(store.count_models(fixture.rp, 2).await, counted(2, 1));
    let other = fixture.another_rp().await;
    assert_eq!(store.count_models(other, 9).await, Ok(none.clone()));
    let deleted = event(AuditKind::UserDeleted, fixture.rp).user(users[0].id);
    let deleted = store.delete_user(fixture.rp, users[0].id, &deleted).await;
    assert_eq!(deleted, Ok(true));
    assert_eq!(store.count_models(fixture.rp, 9).await, counted(2, 1));
    let deleted = store.delete_relying_party(fixture.rp, at(9)).await;
    assert_eq!(deleted, Ok(true));
    assert_eq!(store.count_models(fixture.rp, 9).await, Ok(none));
}

fn names_of(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub async fn of_many_users_of_one_name_one_is_created(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (store, user) = (Arc::clone(&fixture.store), new_user(fixture.rp, "ann", NOW));
            tokio::spawn(async move {
                let created = event(AuditKind::UserCreated, user.relying_party);
                let outcome = store.create_user(&user, &created).await.unwrap();
                (user, outcome)
            })
        })
        .collect();
    let stored = {
        let mut winners = Vec::new();
        let mut named = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                (user, CreateUser::Created) => winners.push(user),
                (_, CreateUser::Exists(user)) => named.push(user),
                (_, other) => panic!("{other:?}"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(named, vec![winners[0].clone(); 19]);
        winners.remove(0)
    };
    assert_eq!(
        fixture.store.user(fixture.rp, UserRef::Name("ann")).await,
        Ok(Some(stored))
    );
    assert_eq!(fixture.count(AuditKind::UserCreated).await, 1);
}

pub async fn a_user_comes_with_all_credentials_oldest_first(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    assert_eq!(
        store
            .user_with_credentials(fixture.rp, UserRef::Name("ann"))
            .await,
        Ok(None)
    );
    let ann = fixture.user("ann").await;
    let found = store
        .user_with_credentials(fixture.rp, UserRef::Name("ann"))
        .await;
    assert_eq!(found, Ok(Some(Arc::new((ann.clone(), Vec::new())))));

    let bob = fixture.user("bob").await;
    fixture.passkey(&bob).await;
    let mut passkey = Passkey::new(&ann);
    let mut expected = Vec::new();
    for created in [30, 10, 20, 10] {
        let ceremony = registration(&ann, at(created));
        fixture.begin(&ceremony).await;
        let finish = passkey.register(&ceremony, at(100 - created));
        assert_eq!(
            finish.send(&**store).await,
            Ok(FinishedRegistration::Registered)
        );
        expected.push(finish.credential.record().clone());
    }
    expected.sort_by_key(|c| (c.created, c.key));
    let found = store
        .user_with_credentials(fixture.rp, UserRef::Name("ann"))
        .await;
    assert_eq!(found, Ok(Some(Arc::new((ann, expected)))));
}

pub async fn deleting_a_user_takes_all_that_is_theirs_and_nothing_else(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    let first = PageRequest::first(10);
    let mut kept = Vec::new();
    for name in ["ann", "bob"] {
        let user = fixture.user(name).await;
        let (mut passkey, record) = fixture.passkey(&user).await;
        let named = authentication(fixture.rp, Some(&user), NOW);
        fixture.begin(&named).await;
        // One that was started for nobody and became theirs.
        let sign_in = fixture
            .answered(&mut passkey, &record, &Claims::default())
            .await;
        sign_in.send(&**store).await.unwrap();
        let unfinished = registration(&user, NOW);
        fixture.begin(&unfinished).await;
        kept.push((user, record, [named.id, sign_in.ceremony, unfinished.id]));
    }
    let namesake = fixture.user_of(other, "ann").await;
    let anonymous = authentication(fixture.rp, None, NOW);
    fixture.begin(&anonymous).await;

    let deleted = |user| event(AuditKind::UserDeleted, fixture.rp).user(user);
    let ann = kept[0].0.id;
    assert_eq!(
        store.delete_user(other, ann, &deleted(ann)).await,
        Ok(false)
    );
    assert_eq!(
        store.delete_user(fixture.rp, ann, &deleted(ann)).await,
        Ok(true)
    );
    assert_eq!(
        store.delete_user(fixture.rp, ann, &deleted(ann)).await,
        Ok(false)
    );
    let nobody = UserId(key());
    assert_eq!(
        store
            .delete_user(fixture.rp, nobody, &deleted(nobody))
            .await,
        Ok(false)
    );
    assert_eq!(fixture.count(AuditKind::UserDeleted).await, 1);

    for ((user, record, ceremonies), there) in kept.iter().zip([false, true]) {
        assert_eq!(
            store
                .user(fixture.rp, UserRef::Name(&user.name))
                .await
                .unwrap()
                .is_some(),
            there
        );
        let loaded = store
            .load_for_authentication(fixture.rp, anonymous.id, &record.id)
            .await
            .unwrap();
        assert!(loaded.ceremony.is_some());
        assert_eq!(loaded.credential.is_some(), there);
        assert_eq!(fixture.record(record.key).await.is_some(), there);
        for id in ceremonies {
            assert_eq!(fixture.ceremony(*id).await.is_some(), there);
        }
        let listed = store
            .list_credentials(fixture.rp, user.id, first)
            .await
            .unwrap();
        assert_eq!(listed.items.is_empty(), !there);
    }
    assert_eq!(
        store.user(other, UserRef::Name("ann")).await,
        Ok(Some(namesake))
    );
    // What happened stays on record.
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 2);
    // The name is free again, for somebody new.
    let reborn = fixture.user("ann").await;
    let found = store
        .user_with_credentials(fixture.rp, UserRef::Name("ann"))
        .await;
    assert_eq!(found, Ok(Some(Arc::new((reborn, Vec::new())))));
}

pub async fn a_credential_is_renamed_and_deleted_by_its_owner_only(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    let other = fixture.another_rp().await;
    let (_, record) = fixture.passkey(&ann).await;
    let found = store.credential(fixture.rp, record.key).await;
    assert_eq!(found, Ok(Some((record.clone(), ann.clone()))));
    assert_eq!(store.credential(other, record.key).await, Ok(None));

    let renamed = || domain::model::audit::AuditEvent {
        at: at(77),
        ..event(AuditKind::CredentialRenamed, fixture.rp)
    };
    let deleted = || event(AuditKind::CredentialDeleted, fixture.rp);
    let nobody = CredentialKey(key());
    for (rp, user, key) in [
        (fixture.rp, bob.id, record.key),
        (other, ann.id, record.key),
        (fixture.rp, ann.id, nobody),
    ] {
        assert_eq!(
            store
                .rename_credential(rp, user, key, "mine", &renamed())
                .await,
            Ok(None)
        );
        assert_eq!(
            store.delete_credential(rp, user, key, &deleted()).await,
            Ok(false)
        );
    }
    let mut expected = record.clone();
    expected.name = "phone \u{1f511}".into();
    expected.updated = at(77);
    let answer = store
        .rename_credential(fixture.rp, ann.id, record.key, &expected.name, &renamed())
        .await;
    assert_eq!(answer, Ok(Some(expected.clone())));
    assert_eq!(fixture.record(record.key).await, Some(expected));

    assert_eq!(
        store
            .delete_credential(fixture.rp, ann.id, record.key, &deleted())
            .await,
        Ok(true)
    );
    assert_eq!(
        store
            .delete_credential(fixture.rp, ann.id, record.key, &deleted())
            .await,
        Ok(false)
    );
    assert_eq!(fixture.record(record.key).await, None);
    assert_eq!(store.evidence(fixture.rp, record.key).await, Ok(None));
    assert_eq!(
        store.user(fixture.rp, UserRef::Name("ann")).await,
        Ok(Some(ann))
    );
    assert_eq!(fixture.count(AuditKind::CredentialRenamed).await, 1);
    assert_eq!(fixture.count(AuditKind::CredentialDeleted).await, 1);
}

pub async fn a_user_is_found_by_name_and_by_key(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = fixture.user("ann").await;
    let (_, record) = fixture.passkey(&ann).await;
    let other = fixture.another_rp().await;
    // A name that looks like the key of another user is a name all the same.
    let bob = fixture.user(&ann.id.to_hex()).await;
    for (user, credentials) in [(&ann, vec![record]), (&bob, Vec::new())] {
        for who in [UserRef::Name(&user.name), UserRef::Id(user.id)] {
            assert_eq!(store.user(fixture.rp, who).await, Ok(Some(user.clone())));
            let found = store.user_with_credentials(fixture.rp, who).await;
            assert_eq!(
                found,
                Ok(Some(Arc::new((user.clone(), credentials.clone()))))
            );
            assert_eq!(store.user(other, who).await, Ok(None));
            assert_eq!(store.user_with_credentials(other, who).await, Ok(None));
        }
    }
    let nobody = UserRef::Id(UserId(key()));
    assert_eq!(store.user(fixture.rp, nobody).await, Ok(None));
}

pub async fn the_last_use_of_a_deleted_credential_stays_with_its_user(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    // What each credential was used at, in the order of their deletion, and what the user knows after it.
    for (used, known) in [
        (None, None),
        (Some(20), Some(20)),
        (Some(10), Some(20)),
        (None, Some(20)),
        (Some(30), Some(30)),
    ] {
        let (mut passkey, record) = fixture.passkey(&ann).await;
        if let Some(used) = used {
            let mut sign_in = fixture
                .answered(&mut passkey, &record, &Claims::default())
                .await;
            sign_in.now = at(used);
            let outcome = sign_in.send(&**store).await;
            assert_eq!(outcome, Ok(FinishedAuthentication::Accepted));
        }
        let deleted = event(AuditKind::CredentialDeleted, fixture.rp);
        let gone = store.delete_credential(fixture.rp, ann.id, record.key, &deleted);
        assert_eq!(gone.await, Ok(true));
        let expected = User {
            last_success: known.map(at),
            ..ann.clone()
        };
        let found = store.user(fixture.rp, UserRef::Id(ann.id)).await;
        assert_eq!(found, Ok(Some(expected)));
    }
    assert_eq!(
        store.user(fixture.rp, UserRef::Id(bob.id)).await,
        Ok(Some(bob))
    );
}

pub async fn a_refused_sign_in_is_noted_with_its_user(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    let attempt = AttemptId(key());
    let refuse = |ceremony, attempt, now, failed_user| async move {
        let event = event(AuditKind::AuthenticationRefused, fixture.rp);
        let refuse = RefuseCeremony {
            sealed: None,
            attempt,
            relying_party: fixture.rp,
            ceremony,
            now: at(now),
            reason: Reason::SignatureInvalid,
            failed_user,
            event: &event,
        };
        store.refuse_ceremony(refuse).await.unwrap()
    };
    let known = || async {
        let found = store.user(fixture.rp, UserRef::Id(ann.id)).await.unwrap();
        found.unwrap().last_failure
    };
    let begun = || async {
        let ceremony = authentication(fixture.rp, None, NOW);
        fixture.begin(&ceremony).await;
        ceremony.id
    };
    let (first, second) = (begun().await, begun().await);
    // Late, it is no sign-in any more.
    let late = refuse(first, attempt, LIFETIME, Some(ann.id)).await;
    assert_eq!((late, known().await), (Refused::Expired, None));
    let done = refuse(first, attempt, 20, Some(ann.id)).await;
    assert_eq!((done, known().await), (Refused::Done, Some(at(20))));
    // Nothing is recorded for a ceremony that is over.
    for attempt in [attempt, AttemptId(key())] {
        refuse(first, attempt, 30, Some(ann.id)).await;
        assert_eq!(known().await, Some(at(20)));
    }
    // The latest counts, in whatever order they are written.
    refuse(second, AttemptId(key()), 10, Some(ann.id)).await;
    assert_eq!(known().await, Some(at(20)));
    refuse(begun().await, AttemptId(key()), 40, Some(ann.id)).await;
    assert_eq!(known().await, Some(at(40)));
    // Of nobody, or of somebody who is gone.
    for nobody in [None, Some(UserId(key()))] {
        let done = refuse(begun().await, AttemptId(key()), 50, nobody).await;
        assert_eq!((done, known().await), (Refused::Done, Some(at(40))));
    }
    let found = store.user(fixture.rp, UserRef::Id(bob.id)).await;
    assert_eq!(found, Ok(Some(bob)));
}
