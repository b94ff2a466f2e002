//! Relying Parties and their webhooks.

use std::sync::Arc;

use domain::model::audit::AuditKind;
use domain::model::ceremony::Ceremony;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, RelyingPartyId, WebhookId};
use domain::model::page::PageRequest;
use domain::model::policy::PartialSelection;
use domain::model::relying_party::RelyingParty;
use domain::model::token::TokenKind;
use domain::model::user::UserRef;
use domain::model::webhook::{BodyFormat, SignatureHash, Webhook};
use domain::store::{CreateUser, Update};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;

use super::fixture::{
    Fixture, NOW, StoreUnderTest, at, authentication, event, events_of, key, new_account,
    new_relying_party, new_user, registration,
};
use super::tokens::{access_key, token_key};

pub(crate) fn webhook(rp: RelyingPartyId, created: Timestamp) -> Webhook {
    Webhook {
        id: WebhookId(key()),
        relying_party: rp,
        name: "hook".to_owned(),
        event_types: vec!["*".to_owned()],
        url: "https://backend.acme.test/hook".to_owned(),
        enabled: true,
        version: "v2".to_owned(),
        revision: 1,
        format: BodyFormat::Form,
        hash: SignatureHash::Sha1,
        secret: 0,
        overlap: None,
        failing: None,
        created,
        updated: created,
    }
}

pub async fn a_relying_party_needs_its_account_and_reads_back_as_written(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let orphan = new_relying_party(AccountId(key()), NOW);
    let created = event(AuditKind::RelyingPartyCreated, orphan.id);
    assert_eq!(
        store.create_relying_party(&orphan, &created).await,
        Ok(false)
    );
    assert_eq!(store.relying_party(orphan.id).await, Ok(None));
    assert_eq!(events_of(&**store, orphan.id).await, []);

    let rp = new_relying_party(fixture.account, at(1));
    let created = event(AuditKind::RelyingPartyCreated, rp.id);
    assert_eq!(store.create_relying_party(&rp, &created).await, Ok(true));
    assert_eq!(store.relying_party(rp.id).await, Ok(Some(rp.clone())));
    assert_eq!(events_of(&**store, rp.id).await, [created]);
}

pub async fn an_update_needs_the_version_before_it(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let mut rp = store.relying_party(fixture.rp).await.unwrap().unwrap();
    rp.version = 2;
    rp.name = "Acme Ltd".into();
    rp.updated = at(1);
    let updated = || event(AuditKind::RelyingPartyUpdated, fixture.rp);
    assert_eq!(
        store.update_relying_party(&rp, &updated()).await,
        Ok(Update::Done)
    );
    assert_eq!(store.relying_party(rp.id).await, Ok(Some(rp.clone())));

    let mut stale = rp.clone();
    stale.name = "Somebody else".into();
    assert_eq!(
        store.update_relying_party(&stale, &updated()).await,
        Ok(Update::Conflict)
    );
    stale.version = 4;
    assert_eq!(
        store.update_relying_party(&stale, &updated()).await,
        Ok(Update::Conflict)
    );
    assert_eq!(store.relying_party(rp.id).await, Ok(Some(rp.clone())));
    assert_eq!(fixture.count(AuditKind::RelyingPartyUpdated).await, 1);

    rp.id = RelyingPartyId(key());
    assert_eq!(
        store.update_relying_party(&rp, &updated()).await,
        Ok(Update::Gone)
    );
}

pub async fn of_many_updates_of_one_version_one_is_done(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let mut rp = fixture
        .store
        .relying_party(fixture.rp)
        .await
        .unwrap()
        .unwrap();
    rp.version = 2;
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (store, mut rp) = (Arc::clone(&fixture.store), rp.clone());
            rp.name = format!("name {n}");
            tokio::spawn(async move {
                let updated = event(AuditKind::RelyingPartyUpdated, rp.id);
                (
                    rp.name.clone(),
                    store.update_relying_party(&rp, &updated).await.unwrap(),
                )
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (name, Update::Done) => winners.push(name),
            (_, outcome) => assert_eq!(outcome, Update::Conflict),
        }
    }
    let stored = fixture
        .store
        .relying_party(fixture.rp)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(winners, [stored.name]);
    assert_eq!(fixture.count(AuditKind::RelyingPartyUpdated).await, 1);
}

pub async fn deleting_a_relying_party_takes_all_that_is_in_it_and_nothing_else(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    // Two alike: the same user name and all.
    let other = Fixture {
        store: Arc::clone(store),
        rp: fixture.another_rp().await,
        ..fixture
    };
    let mut kept = Vec::new();
    for w in [&fixture, &other] {
        let user = w.user("ann").await;
        let (_, record) = w.passkey(&user).await;
        let pending = authentication(w.rp, None, NOW);
        w.begin(&pending).await;
        let hook = webhook(w.rp, NOW);
        assert_eq!(store.create_webhook(&hook, None).await, Ok(true));
        let access_key = access_key(w.rp, NOW);
        let made = event(AuditKind::AccessKeyCreated, w.rp);
        assert_eq!(store.create_access_key(&access_key, &made).await, Ok(true));
        let kind = TokenKind::Status;
        let token = store.keep_token_key(w.rp, kind, token_key(1)).await;
        assert_eq!(token, Ok(Some(token_key(1))));
        kept.push((user, record, pending, hook, access_key));
    }

    assert_eq!(store.delete_relying_party(fixture.rp, NOW).await, Ok(true));
    assert_eq!(store.delete_relying_party(fixture.rp, NOW).await, Ok(false));

    let first = PageRequest::first(10);
    for (w, there, (user, record, pending, hook, access_key)) in
        [(&fixture, false, &kept[0]), (&other, true, &kept[1])]
    {
        let found = store.access_key(w.rp, access_key.id).await.unwrap();
        assert_eq!(found.is_some(), there);
        let listed = store.list_access_keys(w.rp, first).await.unwrap();
        assert_eq!(listed.items.is_empty(), !there);
        let found = store.token_key(w.rp, TokenKind::Status).await.unwrap();
        assert_eq!(found.is_some(), there);
        assert_eq!(store.relying_party(w.rp).await.unwrap().is_some(), there);
        let named = store.user(w.rp, UserRef::Name("ann")).await;
        assert_eq!(named.unwrap().is_some(), there);
        let found = store.user_with_credentials(w.rp, UserRef::Name("ann"));
        let found = found.await.unwrap();
        let whole = found.is_some_and(|found| found.1 == [record.clone()]);
        assert_eq!(whole, there);
        assert_eq!(
            store
                .list_users(w.rp, first)
                .await
                .unwrap()
                .items
                .is_empty(),
            !there
        );
        assert_eq!(w.record(record.key).await.is_some(), there);
        let loaded = store
            .load_for_authentication(w.rp, pending.id, &record.id)
            .await
            .unwrap();
        assert_eq!(loaded.ceremony.is_some(), there);
        assert_eq!(loaded.credential.is_some(), there);
        let listed = store.list_credentials(w.rp, user.id, first).await.unwrap();
        assert_eq!(listed.items.is_empty(), !there);
        assert_eq!(store.webhook(w.rp, hook.id).await.unwrap().is_some(), there);
        assert_eq!(
            store
                .list_webhooks(w.rp, first)
                .await
                .unwrap()
                .items
                .is_empty(),
            !there
        );
        // What happened stays on record.
        assert_eq!(w.count(AuditKind::CredentialRegistered).await, 1);
    }

    // Nothing begins in what is gone.
    let late = new_user(fixture.rp, "bob", NOW);
    let created = event(AuditKind::UserCreated, fixture.rp);
    assert_eq!(
        store.create_user(&late, &created).await,
        Ok(CreateUser::RelyingPartyGone)
    );
    assert_eq!(
        store.create_webhook(&webhook(fixture.rp, NOW), None).await,
        Ok(false)
    );
    for ceremony in [
        Ceremony::from(authentication(fixture.rp, None, NOW)),
        Ceremony::from(registration(&kept[0].0, NOW)),
    ] {
        assert_eq!(
            fixture.try_begin(&ceremony, &[]).await,
            Ok(domain::store::Begin::UserGone)
        );
    }
}

pub async fn of_many_updates_of_one_webhook_one_is_done(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let hook = webhook(fixture.rp, NOW);
    assert_eq!(fixture.store.create_webhook(&hook, None).await, Ok(true));
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&fixture.store);
            let changed = Webhook {
                name: format!("name {n}"),
                revision: 2,
                ..hook.clone()
            };
            tokio::spawn(async move {
                let outcome = store.update_webhook(&changed, None).await.unwrap();
                (changed, outcome)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (changed, Update::Done) => winners.push(changed),
            (_, outcome) => assert_eq!(outcome, Update::Conflict),
        }
    }
    let stored = fixture.store.webhook(fixture.rp, hook.id).await.unwrap();
    assert_eq!(winners, [stored.unwrap()]);
}

pub async fn a_webhook_lives_in_its_relying_party(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    let mut hook = webhook(fixture.rp, NOW);
    let made = event(AuditKind::WebhookCreated, fixture.rp);
    // Also when it is sent again.
    for _ in 0..2 {
        assert_eq!(store.create_webhook(&hook, Some(&made)).await, Ok(true));
    }
    assert_eq!(fixture.count(AuditKind::WebhookCreated).await, 1);
    assert_eq!(
        store.webhook(fixture.rp, hook.id).await,
        Ok(Some(hook.clone()))
    );
    assert_eq!(store.webhook(other, hook.id).await, Ok(None));

    hook.enabled = false;
    hook.event_types = vec!["a".to_owned(), "b".to_owned()];
    hook.updated = at(1);
    // Not one change after the stored one.
    for revision in [1, 3] {
        hook.revision = revision;
        assert_eq!(
            store.update_webhook(&hook, None).await,
            Ok(Update::Conflict)
        );
    }
    hook.revision = 2;
    for _ in 0..2 {
        // Also when it is sent again.
        assert_eq!(store.update_webhook(&hook, None).await, Ok(Update::Done));
    }
    assert_eq!(
        store.webhook(fixture.rp, hook.id).await,
        Ok(Some(hook.clone()))
    );
    let elsewhere = Webhook {
        relying_party: other,
        revision: 3,
        ..hook.clone()
    };
    assert_eq!(
        store.update_webhook(&elsewhere, None).await,
        Ok(Update::Gone)
    );

    let gone = |rp| event(AuditKind::WebhookDeleted, rp);
    for (rp, there) in [(other, false), (fixture.rp, true), (fixture.rp, false)] {
        let deleted = store.delete_webhook(rp, hook.id, &gone(rp)).await;
        assert_eq!(deleted, Ok(there));
    }
    // What was not there has no event.
    assert_eq!(fixture.count(AuditKind::WebhookDeleted).await, 1);
    let elsewhere = events_of(&**store, other).await;
    assert!(
        elsewhere
            .iter()
            .all(|e| e.kind != AuditKind::WebhookDeleted)
    );
    hook.revision = 3;
    assert_eq!(store.update_webhook(&hook, None).await, Ok(Update::Gone));
    assert_eq!(
        store
            .create_webhook(&webhook(RelyingPartyId(key()), NOW), Some(&made))
            .await,
        Ok(false)
    );
    assert_eq!(fixture.count(AuditKind::WebhookCreated).await, 1);
}

/// The Relying Party with this RP ID and these origins.
pub(crate) fn configured(rp: RelyingParty, rp_id: Option<&str>, origins: &[&str]) -> RelyingParty {
    let origins = origins.iter().map(|origin| Origin::exact(*origin));
    RelyingParty {
        selection: PartialSelection {
            rp_id: rp_id.map(|rp_id| RpId::parse(rp_id).unwrap()),
            origins: Some(origins.collect()),
            ..PartialSelection::default()
        },
        ..rp
    }
}

pub async fn an_origin_is_found_while_a_relying_party_of_any_account_has_it(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let found = async |origin| store.has_origin(origin).await.unwrap();
    let (web, app) = ("https://login.acme.test", "ios:bundle-id:test.acme");
    let another = new_account(at(1));
    assert_eq!(store.create_account(&another).await, Ok(true));
    assert!(!found(web).await);

    // Two of different accounts share an origin; one names it twice.
    let one = new_relying_party(fixture.account, NOW);
    let mut one = configured(one, None, &[web, app, web]);
    let two = configured(new_relying_party(another.id, NOW), None, &[web]);
    for rp in [&one, &two] {
        let created = event(AuditKind::RelyingPartyCreated, rp.id);
        assert_eq!(store.create_relying_party(rp, &created).await, Ok(true));
    }
    // One that was not created has none.
    let orphan = new_relying_party(AccountId(key()), NOW);
    let orphan = configured(orphan, None, &["https://orphan.test"]);
    let created = event(AuditKind::RelyingPartyCreated, orphan.id);
    assert_eq!(
        store.create_relying_party(&orphan, &created).await,
        Ok(false)
    );
    assert!(found(web).await && found(app).await);
    // Compared byte by byte, and as a whole.
    for other in [
        "https://orphan.test",
        "https://LOGIN.acme.test",
        "https://login.acme.test/",
        "https://login.acme.tes",
        "https://login.acme.test:443",
        "null",
        "",
        "%",
    ] {
        assert!(!found(other).await, "{other}");
    }

    // An update that is refused changes nothing; one that is done replaces the list.
    let mut update = configured(one.clone(), None, &["https://new.acme.test"]);
    for (version, outcome) in [(3, Update::Conflict), (2, Update::Done)] {
        update.version = version;
        let updated = event(AuditKind::RelyingPartyUpdated, update.id);
        let done = store.update_relying_party(&update, &updated).await;
        assert_eq!(done, Ok(outcome));
        assert_eq!(found(app).await, outcome != Update::Done);
        let new = found("https://new.acme.test").await;
        assert_eq!(new, outcome == Update::Done);
    }
    one = update;
    assert!(found(web).await, "the other one has it still");
    assert_eq!(store.delete_relying_party(two.id, NOW).await, Ok(true));
    assert!(!found(web).await);
    assert_eq!(store.delete_relying_party(one.id, NOW).await, Ok(true));
    assert!(!found("https://new.acme.test").await);
}

pub async fn relying_parties_are_found_by_their_rp_id_in_the_order_of_their_keys(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let (acme, other) = (
        RpId::parse("acme.test").unwrap(),
        RpId::parse("other.test").unwrap(),
    );
    let mut parties = Vec::new();
    for _ in 0..5 {
        let rp = new_relying_party(fixture.account, NOW);
        let rp = configured(rp, Some("acme.test"), &[]);
        let created = event(AuditKind::RelyingPartyCreated, rp.id);
        assert_eq!(store.create_relying_party(&rp, &created).await, Ok(true));
        parties.push(rp);
    }
    parties.sort_by_key(|rp| rp.id);
    let ids = |parties: &[RelyingParty]| parties.iter().map(|rp| rp.id).collect::<Vec<_>>();
    for limit in [0, 1, 3, 5, 10] {
        let found = store.relying_parties_with_rp_id(&acme, limit).await;
        let expected = ids(&parties[..parties.len().min(limit as usize)]);
        assert_eq!(found, Ok(expected));
    }
    let none = store.relying_parties_with_rp_id(&other, 10).await;
    assert_eq!(none, Ok(Vec::new()));

    // One gets another RP ID, one loses it, one is deleted.
    for (n, rp_id) in [(0, Some("other.test")), (2, None)] {
        let mut rp = configured(parties[n].clone(), rp_id, &[]);
        rp.version += 1;
        let updated = event(AuditKind::RelyingPartyUpdated, rp.id);
        let done = store.update_relying_party(&rp, &updated).await;
        assert_eq!(done, Ok(Update::Done));
    }
    assert_eq!(
        store.delete_relying_party(parties[3].id, NOW).await,
        Ok(true)
    );
    let found = store.relying_parties_with_rp_id(&acme, 10).await;
    assert_eq!(found, Ok(vec![parties[1].id, parties[4].id]));
    let found = store.relying_parties_with_rp_id(&other, 10).await;
    assert_eq!(found, Ok(vec![parties[0].id]));
}
