//! Administrators of the console, their invites and sessions.

use std::sync::Arc;

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::console::{
    Administrator, CONSOLE_ACCOUNT, CONSOLE_PARTY, ConsoleKind, ConsoleRecord, EnrolmentLink,
    Invite, Role, Session,
};
use domain::model::ids::{
    CredentialKey, EnrolmentId, EventId, InviteId, RelyingPartyId, SessionId, UserId,
};
use domain::model::page::PageRequest;
use domain::model::relying_party::RelyingParty;
use domain::store::{EventFilter, Fault, Storage};
use tokio::task::JoinSet;

use super::fixture::{Fixture, NOW, SOMEBODY, StoreUnderTest, at, key, new_relying_party};

fn party() -> RelyingParty {
    RelyingParty {
        id: CONSOLE_PARTY,
        ..new_relying_party(CONSOLE_ACCOUNT, NOW)
    }
}

async fn with_party(under_test: &mut dyn StoreUnderTest) -> Arc<dyn Storage> {
    let store = under_test.store();
    assert_eq!(store.keep_console_party(&party()).await, Ok(()));
    store
}

/// One record of each kind.
#[cfg(test)]
pub(crate) async fn fill(store: &dyn Storage) {
    store.keep_console_party(&party()).await.unwrap();
    let ada = administrator(0);
    for record in [
        ConsoleRecord::Administrator(ada.clone()),
        ConsoleRecord::Invite(invite(Some(ada.id))),
        ConsoleRecord::Session(session(ada.id, 0)),
        ConsoleRecord::Enrolment(link(RelyingPartyId(key()))),
    ] {
        assert!(create(store, &record).await);
    }
}

fn link(rp: RelyingPartyId) -> EnrolmentLink {
    EnrolmentLink {
        id: EnrolmentId(key()),
        relying_party: rp,
        user: UserId(key()),
        by: Some(UserId(key())),
        generation: 2,
        passkey: Some(CredentialKey(key())),
        created: NOW,
        expires: at(10),
    }
}

fn event(kind: AuditKind) -> AuditEvent {
    AuditEvent::new(EventId(key()), kind, CONSOLE_PARTY, NOW, &SOMEBODY)
}

fn administrator(millis: i64) -> Administrator {
    let name = "ada \u{1f511}".to_owned();
    Administrator::new(UserId(key()), name, Role::Support, at(millis))
}

fn session(of: UserId, millis: i64) -> Session {
    Session {
        id: SessionId(key()),
        administrator: of,
        created: at(millis),
        seen: at(millis),
        expires: at(millis + 1000),
        user_agent: Some("browser".to_owned()),
        passkey: Some(CredentialKey(key())),
    }
}

fn invite(administrator: Option<UserId>) -> Invite {
    Invite {
        first: false,
        id: InviteId(key()),
        role: Role::Owner,
        name: "ada".to_owned(),
        administrator,
        by: None,
        generation: 0,
        passkey: None,
        created: NOW,
        expires: at(500),
    }
}

async fn create(store: &dyn Storage, record: &ConsoleRecord) -> bool {
    let event = event(AuditKind::SessionStarted);
    let created = store.create_console_record(record, &event).await;
    created.unwrap()
}

async fn listed(
    store: &dyn Storage,
    kind: ConsoleKind,
    owner: Option<[u8; 16]>,
) -> Vec<ConsoleRecord> {
    let all = PageRequest::first(100);
    let page = store.list_console_records(kind, owner, all).await;
    page.unwrap().items
}

async fn events(store: &dyn Storage) -> usize {
    let all = EventFilter::default();
    let found = store.find_events(CONSOLE_PARTY, &all, 100);
    found.await.unwrap().events.len()
}

pub async fn the_consoles_relying_party_is_kept_and_no_account_lists_it(
    under_test: &mut dyn StoreUnderTest,
) {
    let store = under_test.store();
    let somebody = ConsoleRecord::Administrator(administrator(0));
    assert!(!create(&*store, &somebody).await);
    let store = with_party(under_test).await;
    let later = RelyingParty {
        name: "another".to_owned(),
        ..party()
    };
    assert_eq!(store.keep_console_party(&later).await, Ok(()));
    let found = store.relying_party(CONSOLE_PARTY).await;
    assert_eq!(found, Ok(Some(party())));
    let accounts = store.list_accounts(PageRequest::first(10)).await.unwrap();
    assert!(accounts.items.is_empty());
}

pub async fn a_record_of_the_console_reads_back_and_is_replaced(
    under_test: &mut dyn StoreUnderTest,
) {
    let store = with_party(under_test).await;
    let (early, late) = (administrator(0), administrator(1));
    let sessions = [session(late.id, 3), session(late.id, 2)];
    let records = [
        ConsoleRecord::Administrator(late.clone()),
        ConsoleRecord::Administrator(early.clone()),
        ConsoleRecord::Session(sessions[0].clone()),
        ConsoleRecord::Session(sessions[1].clone()),
        ConsoleRecord::Session(session(early.id, 2)),
        ConsoleRecord::Invite(invite(None)),
        ConsoleRecord::Invite(invite(Some(early.id))),
    ];
    for record in &records {
        assert!(create(&*store, record).await);
        let found = store.console_record(record.kind(), record.key()).await;
        assert_eq!(found, Ok(Some(record.clone())));
    }
    // An administrator who is not there has no sessions, and no record takes the place of another one.
    let nobody = UserId(key());
    assert!(!create(&*store, &ConsoleRecord::Session(session(nobody, 0))).await);
    let twin = Administrator {
        role: Role::Owner,
        ..early.clone()
    };
    assert!(!create(&*store, &ConsoleRecord::Administrator(twin.clone())).await);
    assert_eq!(events(&*store).await, records.len());

    let administrators = [records[1].clone(), records[0].clone()];
    let found = listed(&*store, ConsoleKind::Administrator, None).await;
    assert_eq!(found, administrators);
    let of_late = [records[3].clone(), records[2].clone()];
    let found = listed(&*store, ConsoleKind::Session, Some(late.id.0)).await;
    assert_eq!(found, of_late);
    assert_eq!(listed(&*store, ConsoleKind::Session, None).await.len(), 3);

    let twin = ConsoleRecord::Administrator(twin);
    let changed = event(AuditKind::AdministratorChanged);
    assert_eq!(
        store.replace_console_record(&twin, &changed).await,
        Ok(true)
    );
    let found = store.console_record(twin.kind(), twin.key()).await;
    assert_eq!(found, Ok(Some(twin)));
    let seen = Session {
        seen: at(900),
        ..sessions[0].clone()
    };
    assert_eq!(store.see_session(&seen).await, Ok(true));
    let found = store.console_record(ConsoleKind::Session, seen.id.0).await;
    assert_eq!(found, Ok(Some(ConsoleRecord::Session(seen))));
    let gone = session(late.id, 0);
    assert_eq!(store.see_session(&gone).await, Ok(false));
    let gone = ConsoleRecord::Session(gone);
    let nothing = event(AuditKind::AdministratorChanged);
    assert_eq!(
        store.replace_console_record(&gone, &nothing).await,
        Ok(false)
    );
    assert_eq!(events(&*store).await, records.len() + 1);
}

pub async fn the_event_of_an_enrolment_link_is_in_the_trail_of_its_relying_party(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    assert_eq!(store.keep_console_party(&party()).await, Ok(()));
    let record = ConsoleRecord::Enrolment(link(fixture.rp));
    let event = |kind| AuditEvent::new(EventId(key()), kind, fixture.rp, NOW, &SOMEBODY);
    let made = event(AuditKind::EnrolmentLinkCreated);
    // Also when it is sent again.
    for _ in 0..2 {
        assert_eq!(store.create_console_record(&record, &made).await, Ok(true));
    }
    assert_eq!(fixture.count(AuditKind::EnrolmentLinkCreated).await, 1);
    let of = ConsoleKind::Enrolment;
    let found = store.console_record(of, record.key()).await;
    assert_eq!(found, Ok(Some(record.clone())));
    assert_eq!(
        listed(&**store, of, None).await,
        std::slice::from_ref(&record)
    );
    // It is found by its user, and not by a user of the same key in another Relying Party.
    let ConsoleRecord::Enrolment(link) = &record else {
        panic!("{record:?}");
    };
    let owner = EnrolmentLink::owner(link.relying_party, link.user);
    assert_eq!(record.owner(), Some(owner));
    let theirs = listed(&**store, of, Some(owner)).await;
    assert_eq!(theirs, std::slice::from_ref(&record));
    let elsewhere = EnrolmentLink::owner(RelyingPartyId(key()), link.user);
    assert_eq!(listed(&**store, of, Some(elsewhere)).await, []);
    assert_eq!(listed(&**store, ConsoleKind::Session, None).await, []);
    for there in [true, false] {
        let gone = event(AuditKind::EnrolmentLinkRevoked);
        let deleted = store.delete_console_record(of, record.key(), &gone).await;
        assert_eq!(deleted, Ok(there));
    }
    assert_eq!(fixture.count(AuditKind::EnrolmentLinkRevoked).await, 1);
}

pub async fn an_administrator_goes_with_all_sessions(under_test: &mut dyn StoreUnderTest) {
    let store = with_party(under_test).await;
    let (ada, bob) = (administrator(0), administrator(1));
    for record in [
        ConsoleRecord::Administrator(ada.clone()),
        ConsoleRecord::Administrator(bob.clone()),
        ConsoleRecord::Session(session(ada.id, 0)),
        ConsoleRecord::Session(session(ada.id, 1)),
        ConsoleRecord::Session(session(bob.id, 0)),
        ConsoleRecord::Invite(invite(Some(ada.id))),
        ConsoleRecord::Invite(invite(None)),
    ] {
        assert!(create(&*store, &record).await);
    }
    let delete = |kind, key| {
        let store = Arc::clone(&store);
        async move {
            let event = event(AuditKind::AdministratorDeleted);
            store.delete_console_record(kind, key, &event).await
        }
    };
    // The key of an administrator is none of a session.
    delete(ConsoleKind::Session, ada.id.0).await.unwrap();
    let sessions = async |of| listed(&*store, ConsoleKind::Session, of).await.len();
    assert_eq!(sessions(None).await, 3);
    assert_eq!(delete(ConsoleKind::Administrator, ada.id.0).await, Ok(true));
    assert_eq!(sessions(Some(ada.id.0)).await, 0);
    assert_eq!(sessions(None).await, 1);
    assert_eq!(listed(&*store, ConsoleKind::Invite, None).await.len(), 1);
    let late = ConsoleRecord::Session(session(ada.id, 2));
    assert!(!create(&*store, &late).await);
}

pub async fn an_owner_is_left_whatever_owners_do_to_each_other(
    under_test: &mut dyn StoreUnderTest,
) {
    let store = with_party(under_test).await;
    let owners: Vec<_> = (0..6)
        .map(|n| Administrator {
            role: Role::Owner,
            ..administrator(n)
        })
        .collect();
    let support = administrator(10);
    for administrator in owners.iter().chain([&support]) {
        let record = ConsoleRecord::Administrator(administrator.clone());
        assert!(create(&*store, &record).await);
        let session = ConsoleRecord::Session(session(administrator.id, 0));
        assert!(create(&*store, &session).await);
    }
    let mut tasks = JoinSet::new();
    for (n, owner) in owners.into_iter().enumerate() {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            if n % 2 == 0 {
                let event = event(AuditKind::AdministratorDeleted);
                let kind = ConsoleKind::Administrator;
                store.delete_console_record(kind, owner.id.0, &event).await
            } else {
                let role = Role::Operator;
                let record = ConsoleRecord::Administrator(Administrator { role, ..owner });
                let event = event(AuditKind::AdministratorChanged);
                store.replace_console_record(&record, &event).await
            }
        });
    }
    for done in tasks.join_all().await {
        assert!(done.is_ok(), "{done:?}");
    }
    let found = listed(&*store, ConsoleKind::Administrator, None).await;
    let found = found.into_iter().filter_map(ConsoleRecord::administrator);
    let left: Vec<_> = found.filter(|one| one.role == Role::Owner).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    // Nor does this one go, and nothing of it.
    let last = &left[0];
    let kind = ConsoleKind::Administrator;
    let removed = event(AuditKind::AdministratorDeleted);
    let refused = store.delete_console_record(kind, last.id.0, &removed).await;
    assert_eq!(refused, Ok(false));
    let demoted = ConsoleRecord::Administrator(Administrator {
        role: Role::Support,
        ..last.clone()
    });
    let changed = event(AuditKind::AdministratorChanged);
    let refused = store.replace_console_record(&demoted, &changed).await;
    assert_eq!(refused, Ok(false));
    let found = store.console_record(kind, last.id.0).await;
    assert_eq!(found, Ok(Some(ConsoleRecord::Administrator(last.clone()))));
    let sessions = listed(&*store, ConsoleKind::Session, Some(last.id.0)).await;
    assert_eq!(sessions.len(), 1);
    // It may have another name, and others may go.
    let renamed = ConsoleRecord::Administrator(Administrator {
        name: "eve".to_owned(),
        ..last.clone()
    });
    let changed = event(AuditKind::AdministratorChanged);
    let done = store.replace_console_record(&renamed, &changed).await;
    assert_eq!(done, Ok(true));
    let removed = event(AuditKind::AdministratorDeleted);
    let done = store
        .delete_console_record(kind, support.id.0, &removed)
        .await;
    assert_eq!(done, Ok(true));
}

pub async fn an_invite_brings_in_one_administrator(under_test: &mut dyn StoreUnderTest) {
    let store = with_party(under_test).await;
    let (first, second) = (invite(None), invite(None));
    for invite in [&first, &second] {
        assert!(create(&*store, &ConsoleRecord::Invite(invite.clone())).await);
    }
    let ada = administrator(0);
    let accepted = event(AuditKind::InviteAccepted);
    for _ in 0..2 {
        // The outcome may not be known: the same call has the same one.
        assert_eq!(
            store.accept_invite(first.id, &ada, &accepted).await,
            Ok(true)
        );
    }
    let again = event(AuditKind::InviteAccepted);
    let bob = administrator(1);
    assert_eq!(store.accept_invite(first.id, &bob, &again).await, Ok(false));
    // One who is an administrator already stays as they are.
    let other = Administrator {
        role: Role::Owner,
        ..ada.clone()
    };
    assert_eq!(
        store.accept_invite(second.id, &other, &again).await,
        Ok(true)
    );
    let administrators = listed(&*store, ConsoleKind::Administrator, None).await;
    assert_eq!(administrators, [ConsoleRecord::Administrator(ada)]);
    assert!(listed(&*store, ConsoleKind::Invite, None).await.is_empty());
    assert_eq!(events(&*store).await, 4);
}

pub async fn of_many_who_accept_one_invite_one_comes_in(under_test: &mut dyn StoreUnderTest) {
    let store = with_party(under_test).await;
    let invite = invite(None);
    assert!(create(&*store, &ConsoleRecord::Invite(invite.clone())).await);
    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let (store, id) = (Arc::clone(&store), invite.id);
        tasks.spawn(async move {
            let (who, event) = (administrator(n), event(AuditKind::InviteAccepted));
            store.accept_invite(id, &who, &event).await
        });
    }
    let accepted = tasks.join_all().await;
    let winners = accepted.iter().filter(|a| **a == Ok(true)).count();
    assert_eq!(winners, 1, "{accepted:?}");
    let administrators = listed(&*store, ConsoleKind::Administrator, None).await;
    assert_eq!(administrators.len(), 1);
}

pub async fn expired_records_of_the_console_are_swept(under_test: &mut dyn StoreUnderTest) {
    let store = with_party(under_test).await;
    let ada = administrator(0);
    for record in [
        ConsoleRecord::Administrator(ada.clone()),
        ConsoleRecord::Session(session(ada.id, 0)),
        ConsoleRecord::Session(session(ada.id, 100)),
        ConsoleRecord::Invite(invite(None)),
    ] {
        assert!(create(&*store, &record).await);
    }
    let left = async || {
        let sessions = listed(&*store, ConsoleKind::Session, None).await.len();
        (
            sessions,
            listed(&*store, ConsoleKind::Invite, None).await.len(),
        )
    };
    // The outcome of a sweep may not be known; the next one goes on where it ended.
    let sweep = async |before, budget: u32| {
        for _ in 0..9 {
            match store.sweep_console(before, budget).await {
                Ok(swept) => assert!(swept <= u64::from(budget)),
                Err(fault) => assert!(matches!(fault, Fault::Unknown(_)), "{fault:?}"),
            }
        }
    };
    sweep(at(500), 10).await;
    assert_eq!(left().await, (2, 1));
    sweep(at(1001), 1).await;
    assert_eq!(left().await, (1, 0));
    sweep(at(9000), 10).await;
    assert_eq!(left().await, (0, 0));
    let administrators = listed(&*store, ConsoleKind::Administrator, None).await;
    assert_eq!(administrators.len(), 1);
}
