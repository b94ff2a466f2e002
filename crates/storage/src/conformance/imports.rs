//! Records that come from a file.

use domain::model::audit::{AuditKind, trail_of};
use domain::model::credential::CredentialRecord;
use domain::model::ids::{CredentialKey, ImportId, RelyingPartyId, UserId};
use domain::model::import::{EARLIER, Import, Imported};
use domain::model::page::PageRequest;
use domain::model::user::{User, UserRef};
use domain::store::{
    FinishedAuthentication, ImportCredential, ImportUser, ImportedCredential, ImportedParty,
    ImportedUser, Storage,
};
use webauthn::credential::{CredentialId, UserHandle};

use super::device::Claims;
use super::fixture::{
    End, Fixture, NOW, StoreUnderTest, at, event, key, new_account, new_relying_party, new_user,
};
use super::tokens::access_key;

/// A credential as another product has it, for this user.
async fn foreign(fixture: &Fixture, owner: &User) -> CredentialRecord {
    let elsewhere = fixture.another_rp().await;
    let user = fixture.user_of(elsewhere, "somebody").await;
    let other = Fixture {
        store: fixture.store.clone(),
        rp: elsewhere,
        account: fixture.account,
    };
    let (_, record) = other.passkey(&user).await;
    CredentialRecord {
        key: CredentialKey(key()),
        relying_party: owner.relying_party,
        user: owner.id,
        user_handle: Some(UserHandle::new(vec![7; 64]).unwrap()),
        sign_count: 5,
        uv_initialized: false,
        backup_eligible: None,
        backup_state: None,
        attestation_format: "none".to_owned(),
        attestation_type: "none".to_owned(),
        trust: "none".to_owned(),
        ..record
    }
}

/// The image of a name, one for each user.
fn name_of(record: &CredentialRecord) -> [u8; 16] {
    record.user.0.map(|byte| !byte)
}

async fn import(
    store: &dyn Storage,
    record: &CredentialRecord,
    import: Option<ImportId>,
) -> ImportedCredential {
    let event = event(AuditKind::CredentialImported, record.relying_party);
    let import = ImportCredential {
        credential: record,
        evidence: None,
        import,
        owner_name: name_of(record),
        adopt_owner: true,
        event: Some(&event),
    };
    store.import_credential(import).await.unwrap()
}

/// Sees a credential imported. A call that was sent again finds what it has written.
async fn is_imported(store: &dyn Storage, record: &CredentialRecord, id: Option<ImportId>) {
    let outcome = import(store, record, id).await;
    let new = [ImportedCredential::Created, ImportedCredential::Exists];
    assert!(new.contains(&outcome), "{outcome:?}");
}

async fn user_is_imported(store: &dyn Storage, user: &User, id: Option<ImportId>) {
    let event = event(AuditKind::UserCreated, user.relying_party);
    let import = ImportUser {
        user,
        import: id,
        event: Some(&event),
    };
    match store.import_user(import).await.unwrap() {
        ImportedUser::Created => {}
        ImportedUser::Exists(found) => assert_eq!(found, *user),
        other => panic!("{other:?}"),
    }
}

async fn quietly(store: &dyn Storage, user: &User) -> ImportedUser {
    let import = ImportUser {
        user,
        import: None,
        event: None,
    };
    store.import_user(import).await.unwrap()
}

pub async fn an_imported_credential_keeps_its_handle_and_has_no_evidence(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let (store, rp) = (&fixture.store, fixture.rp);
    let mut ann = new_user(rp, "ann", NOW);
    ann.last_success = Some(at(-5));
    user_is_imported(&**store, &ann, None).await;
    assert_eq!(
        store.user(rp, UserRef::Id(ann.id)).await,
        Ok(Some(ann.clone()))
    );
    let record = foreign(&fixture, &ann).await;
    is_imported(&**store, &record, None).await;
    let found = store.credential(rp, record.key).await.unwrap();
    assert_eq!(found, Some((record.clone(), ann.clone())));
    assert_eq!(store.evidence(rp, record.key).await, Ok(None));
    assert_eq!(fixture.count(AuditKind::CredentialImported).await, 1);
    let renamed = event(AuditKind::CredentialRenamed, rp);
    let named = store.rename_credential(rp, ann.id, record.key, "key", &renamed);
    let named = named.await.unwrap().unwrap();
    assert_eq!(named.user_handle, record.user_handle);
    drop(fixture);
    under_test.reopen(End::Closed).await;
    let store = under_test.store();
    let found = store
        .user_with_credentials(rp, UserRef::Id(ann.id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(*found, (ann.clone(), vec![named]));
    let deleted = event(AuditKind::CredentialDeleted, rp);
    let gone = store.delete_credential(rp, ann.id, record.key, &deleted);
    assert_eq!(gone.await, Ok(true));
}

pub async fn an_imported_credential_learns_its_flags_at_its_first_sign_in(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let elsewhere = fixture.another_rp().await;
    let stranger = fixture.user_of(elsewhere, "ann").await;
    let other = Fixture {
        store: store.clone(),
        rp: elsewhere,
        account: fixture.account,
    };
    let (mut passkey, record) = other.passkey(&stranger).await;
    let ann = new_user(fixture.rp, "ann", NOW);
    user_is_imported(&**store, &ann, None).await;
    let record = CredentialRecord {
        relying_party: fixture.rp,
        user: ann.id,
        user_handle: Some(stranger.id.user_handle()),
        backup_eligible: None,
        backup_state: None,
        ..record
    };
    is_imported(&**store, &record, None).await;
    // The verifier compares handles; here the store is asked.
    passkey.user = ann.clone();
    let unnamed = CredentialRecord {
        user_handle: None,
        ..record.clone()
    };
    let claims = Claims {
        user_handle: Some(format!("YE{}", ann.id).into_bytes()),
        ..Claims::default()
    };
    let sign_in = fixture.answered(&mut passkey, &unnamed, &claims).await;
    assert_eq!(
        sign_in.send(&**store).await,
        Ok(FinishedAuthentication::Accepted)
    );
    let used = fixture.record(record.key).await.unwrap();
    assert!(used.backup_eligible.is_some() && used.backup_state.is_some());
    assert_eq!(used.user_handle, record.user_handle);
    assert_eq!(used.last_used, Some(at(2)));
}

pub async fn what_is_there_is_not_replaced_and_a_counter_only_rises(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let (ann, bob) = (fixture.user("ann").await, fixture.user("bob").await);
    let record = foreign(&fixture, &ann).await;
    is_imported(store, &record, None).await;
    let counted = |sign_count| CredentialRecord {
        sign_count,
        name: "another name".to_owned(),
        ..record.clone()
    };
    for (count, outcome) in [
        (4, ImportedCredential::Exists),
        (5, ImportedCredential::Exists),
    ] {
        assert_eq!(import(store, &counted(count), None).await, outcome);
        assert_eq!(fixture.record(record.key).await, Some(record.clone()));
    }
    let raised = import(store, &counted(9), None).await;
    assert!(
        [
            ImportedCredential::CounterRaised,
            ImportedCredential::Exists
        ]
        .contains(&raised)
    );
    let stored = CredentialRecord {
        sign_count: 9,
        ..record.clone()
    };
    // The same id with another owner or another key; another id with the same key.
    let mut other_key = record.clone();
    other_key.public_key = foreign(&fixture, &ann).await.public_key;
    let other_owner = CredentialRecord {
        user: bob.id,
        ..record.clone()
    };
    let other_id = CredentialRecord {
        id: CredentialId::new(vec![9; 20]).unwrap(),
        ..record.clone()
    };
    for other in [other_key, other_owner, other_id] {
        let refused = import(store, &other, None).await;
        assert_eq!(refused, ImportedCredential::Taken);
        assert_eq!(fixture.record(record.key).await, Some(stored.clone()));
    }
    // Users too.
    let namesake = new_user(fixture.rp, "ann", at(5));
    let exists = ImportedUser::Exists(ann.clone());
    assert_eq!(quietly(store, &namesake).await, exists);
    let renamed = User {
        name: "bob".to_owned(),
        ..ann.clone()
    };
    assert_eq!(quietly(store, &renamed).await, exists);
}

pub async fn an_import_brings_nothing_back_that_was_deleted(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let (ann, bob) = (fixture.user("ann").await, fixture.user("bob").await);
    let record = foreign(&fixture, &ann).await;
    is_imported(store, &record, None).await;
    let deleted = event(AuditKind::UserDeleted, fixture.rp);
    let gone = store.delete_user(fixture.rp, ann.id, &deleted).await;
    assert_eq!(gone, Ok(true));
    let refused = import(store, &record, None).await;
    assert_eq!(refused, ImportedCredential::UserGone);
    assert_eq!(quietly(store, &ann).await, ImportedUser::Deleted);
    // The id of the credential is free before the sweep.
    let bobs = CredentialRecord {
        key: CredentialKey(key()),
        user: bob.id,
        ..record.clone()
    };
    is_imported(store, &bobs, None).await;
    store.sweep(at(-1), at(-1), at(-1), 1000).await.unwrap();
    assert_eq!(fixture.record(bobs.key).await, Some(bobs));
    // A Relying Party.
    let rp = store.relying_party(fixture.rp).await.unwrap().unwrap();
    let party = async |rp| store.import_relying_party(rp).await.unwrap();
    assert_eq!(party(&rp).await, ImportedParty::Exists);
    let gone = store.delete_relying_party(rp.id, at(1)).await;
    assert_eq!(gone, Ok(true));
    assert_eq!(party(&rp).await, ImportedParty::Deleted);
    let late = new_user(rp.id, "cem", NOW);
    assert_eq!(quietly(store, &late).await, ImportedUser::RelyingPartyGone);
    let late = event(AuditKind::Authenticated, rp.id);
    assert_eq!(store.import_event(&late).await, Ok(false));
}

pub async fn a_relying_party_and_an_event_are_imported_once(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let orphan = new_relying_party(new_account(NOW).id, NOW);
    let outcome = store.import_relying_party(&orphan).await;
    assert_eq!(outcome, Ok(ImportedParty::AccountGone));
    let mut rp = new_relying_party(fixture.account, at(3));
    rp.version = 7;
    let created = store.import_relying_party(&rp).await.unwrap();
    assert!([ImportedParty::Created, ImportedParty::Exists].contains(&created));
    assert_eq!(store.relying_party(rp.id).await, Ok(Some(rp.clone())));
    let past = event(AuditKind::Authenticated, rp.id);
    for _ in 0..2 {
        assert_eq!(store.import_event(&past).await, Ok(true));
    }
    assert_eq!(super::fixture::events_of(store, rp.id).await, [past]);
    // What happened to an account is in its own trail.
    let trail = trail_of(fixture.account);
    let of_account = event(AuditKind::ApiKeyCreated, trail);
    for _ in 0..2 {
        assert_eq!(store.import_event(&of_account).await, Ok(true));
    }
    let found = super::fixture::events_of(store, trail).await;
    assert_eq!(found, [of_account]);
    let lost = event(AuditKind::ApiKeyCreated, trail_of(new_account(NOW).id));
    assert_eq!(store.import_event(&lost).await, Ok(false));
}

pub async fn an_import_lists_what_it_has_made_and_is_forgotten_in_parts(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let imports: Vec<Import> = (0..3)
        .map(|n| Import {
            id: ImportId(key()),
            source: format!("source {n}"),
            created: at(n),
        })
        .collect();
    for import in &imports {
        assert_eq!(store.create_import(import).await, Ok(()));
    }
    let listed = store.list_imports(PageRequest::first(2)).await.unwrap();
    assert_eq!(listed.items, imports[..2]);
    assert!(listed.more);
    let id = imports[0].id;
    assert_eq!(store.import(id).await, Ok(Some(imports[0].clone())));
    let mut expected: Vec<Imported> = Vec::new();
    for n in 0..4 {
        let user = new_user(fixture.rp, &format!("user {n}"), NOW);
        user_is_imported(store, &user, Some(id)).await;
        expected.push(Imported::User(fixture.rp, user.id));
        let record = foreign(&fixture, &user).await;
        is_imported(store, &record, Some(id)).await;
        expected.push(Imported::Credential(fixture.rp, record.key, user.id));
        expected.push(Imported::Name(fixture.rp, name_of(&record)));
    }
    expected.sort_by_key(|imported| imported.place());
    let list = async |after, limit| store.list_imported(id, after, limit).await.unwrap();
    assert_eq!(list(None, 100).await, expected);
    let mut found = Vec::new();
    while let page @ [_, ..] = &*list(found.last().map(|i: &Imported| i.place()), 3).await {
        found.extend_from_slice(page);
    }
    assert_eq!(found, expected);
    let nobody = (2, RelyingPartyId([0xff; 16]), UserId([0xff; 16]).0);
    assert_eq!(list(Some(nobody), 100).await, []);
    assert_eq!(
        store.list_imported(imports[1].id, None, 9).await,
        Ok(vec![])
    );
    // Another import gives a passkey to a user whom the first one has made, and to one whom nobody has imported.
    let made = expected
        .iter()
        .find(|note| matches!(note, Imported::User(..)));
    let (made, native) = (made.unwrap().user(), fixture.user("nobody").await);
    let made = store.user(fixture.rp, UserRef::Id(made)).await;
    let mut given = Vec::new();
    for user in [made.unwrap().unwrap(), native.clone()] {
        let record = foreign(&fixture, &user).await;
        is_imported(store, &record, Some(imports[2].id)).await;
        given.push(Imported::Credential(fixture.rp, record.key, user.id));
        given.push(Imported::Name(fixture.rp, name_of(&record)));
        if user.id != native.id {
            given.push(Imported::User(fixture.rp, user.id));
        }
    }
    given.sort_by_key(|imported| imported.place());
    let noted = store.list_imported(imports[2].id, None, 9).await;
    assert_eq!(noted, Ok(given));
    // What is noted without a record of it, for example by a copy of the store, is listed in the same way, once.
    let more = [
        Imported::Credential(fixture.rp, CredentialKey(key()), UserId(key())),
        Imported::User(fixture.rp, UserId(key())),
        Imported::Name(fixture.rp, key()),
        Imported::Name(RelyingPartyId(key()), key()),
    ];
    for notes in [&more[..], &more[1..2], &[]] {
        assert_eq!(store.note_imported(id, notes).await, Ok(()));
    }
    assert_eq!(store.note_imported(EARLIER, &more).await, Ok(()));
    expected.extend(more);
    expected.sort_by_key(|imported| imported.place());
    assert_eq!(list(None, 100).await, expected);
    let mut noted = more;
    noted.sort_by_key(|imported| imported.place());
    let earlier = store.list_imported(EARLIER, None, 9).await;
    assert_eq!(earlier, Ok(noted.to_vec()));
    assert_eq!(
        store
            .list_imports(PageRequest::first(9))
            .await
            .unwrap()
            .items
            .len(),
        3
    );
    while !store.forget_import(id, 3).await.unwrap() {}
    assert_eq!(list(None, 100).await, []);
    assert_eq!(store.import(id).await, Ok(None));
    assert_eq!(
        store.import_access_key(&access_key(fixture.rp, NOW)).await,
        Ok(true)
    );
    let keys = store.list_access_keys(fixture.rp, PageRequest::first(9));
    assert_eq!(keys.await.unwrap().items.len(), 1);
    let nowhere = access_key(RelyingPartyId(key()), NOW);
    assert_eq!(store.import_access_key(&nowhere).await, Ok(false));
    // The records stay.
    let users = store.list_users(fixture.rp, PageRequest::first(9)).await;
    assert_eq!(users.unwrap().items.len(), 5);
}
