//! What lies in memory: authentications that wait, and records of credentials.

use domain::model::ids::AttemptId;
use domain::store::{Begin, FinishedAuthentication, Refused, Survival};
use webauthn::credential::CredentialId;
use webauthn::error::Reason;

use super::*;
use crate::conformance::fixture::{
    Fixture, LIFETIME, NOW, at, authentication, counting, event, key,
};
use crate::embedded::reads;

fn rows(store: &Embedded) -> i64 {
    let sql = "SELECT count(*) FROM ceremonies WHERE relying_party_id > x'' AND kind = 1";
    let found = store
        .points
        .read(|c| sql::first(c, sql, [], |row| Ok(row.get(0)?)));
    found.unwrap().unwrap()
}

#[tokio::test]
async fn an_authentication_is_written_when_it_has_ended_and_no_sooner() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let begun = [0, 1, 2].map(|n| authentication(fixture.rp, Some(&ann), at(n)));
    for ceremony in &begun {
        fixture.begin(ceremony).await;
    }
    assert_eq!(rows(&store), 0);
    let refused = fixture
        .refuse(
            begun[0].id,
            AttemptId(key()),
            at(3),
            Reason::OriginNotAllowed,
        )
        .await;
    assert_eq!(refused, Ok(Refused::Done));
    assert_eq!(rows(&store), 1);
    // Time passes. Those that are left are put aside by the sweep, and are shown as before.
    let expired = at(LIFETIME + 10);
    let swept = store.sweep(NOW, NOW, expired, 100).await.unwrap();
    assert_eq!(swept.ceremonies, 0);
    assert_eq!(rows(&store), 3);
    for ceremony in &begun[1..] {
        let found = fixture.ceremony(ceremony.id).await;
        assert_eq!(found, Some(ceremony.clone().into()));
    }
}

#[tokio::test]
async fn an_authentication_that_is_to_survive_a_crash_begins_in_the_table() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    let ceremony = Arc::new(authentication(fixture.rp, None, NOW));
    for _ in 0..2 {
        let begun = store.begin_authentication(&ceremony, &[], Survival::Crash);
        assert_eq!(begun.await, Ok(Begin::Begun));
    }
    assert_eq!(rows(&store), 1);
    let found = fixture.ceremony(ceremony.id).await;
    assert_eq!(found, Some(Arc::unwrap_or_clone(ceremony).into()));
}

#[tokio::test]
async fn all_that_have_expired_leave_the_memory_in_one_sweep_whatever_its_budget() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    for n in 0..700 {
        fixture
            .begin(&authentication(fixture.rp, None, at(n)))
            .await;
    }
    let later = at(LIFETIME + 700);
    let swept = store.sweep(NOW, NOW, later, 1).await.unwrap();
    assert_eq!(swept.ceremonies, 0);
    assert_eq!(rows(&store), 700);
    assert!(store.pending.all().is_empty());
}

#[tokio::test]
async fn an_authentication_that_lists_many_credentials_begins_in_the_table() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    let listing = |count: usize| {
        let mut ceremony = authentication(fixture.rp, None, NOW);
        for n in 0..count {
            let id = vec![u8::try_from(n).unwrap(); 64];
            let asked = Arc::make_mut(&mut ceremony.asked);
            asked.allow_credentials.push(CredentialId::new(id).unwrap());
            asked.transports.push(vec!["internal".to_owned()]);
        }
        ceremony
    };
    let (few, many) = (listing(5), listing(20));
    for ceremony in [&few, &many] {
        fixture.begin(ceremony).await;
    }
    assert_eq!(rows(&store), 1);
    for ceremony in [few, many] {
        let found = fixture.ceremony(ceremony.id).await;
        assert_eq!(found, Some(ceremony.into()));
    }
}

#[tokio::test]
async fn when_too_many_wait_further_ones_begin_in_the_table() {
    let under_test = Directory::with(Options {
        pending: 2,
        ..Options::default()
    });
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    let begun = [0, 1, 2, 3].map(|n| authentication(fixture.rp, None, at(n)));
    for ceremony in &begun {
        fixture.begin(ceremony).await;
    }
    assert_eq!(rows(&store), 2);
    for (n, ceremony) in begun.iter().enumerate() {
        let found = fixture.ceremony(ceremony.id).await;
        assert_eq!(found, Some(ceremony.clone().into()), "{n}");
        let refused = fixture
            .refuse(
                ceremony.id,
                AttemptId(key()),
                at(4),
                Reason::OriginNotAllowed,
            )
            .await;
        assert_eq!(refused, Ok(Refused::Done), "{n}");
    }
    assert_eq!(rows(&store), 4);
    // There is room again.
    let next = authentication(fixture.rp, None, at(5));
    assert_eq!(fixture.try_begin(&next, &[]).await, Ok(Begin::Begun));
    assert_eq!(rows(&store), 4);
}

#[tokio::test]
async fn the_last_use_is_exact_although_a_second_one_within_a_minute_is_not_written_to_the_credential()
 {
    // Without records in memory, readers see what the file knows.
    for records in [0, 100] {
        let under_test = Directory::with(Options {
            records,
            ..Options::default()
        });
        let store = under_test.store.clone().unwrap();
        let fixture = Fixture::new(&under_test).await;
        let ann = fixture.user("ann").await;
        let (mut passkey, record) = fixture.passkey(&ann).await;
        let stored = || {
            let sql = "SELECT last_used FROM credentials";
            let found = store
                .points
                .read(|c| sql::first(c, sql, [], |row| Ok(row.get::<_, Option<i64>>(0)?)));
            found.unwrap().unwrap()
        };
        let mut sign_in = async |moment| {
            let ceremony = authentication(fixture.rp, None, moment);
            fixture.begin(&ceremony).await;
            let answered = passkey.sign_in(&ceremony, &record, moment, &counting(0));
            let done = answered.send(&*fixture.store).await;
            assert_eq!(done, Ok(FinishedAuthentication::Accepted));
            fixture.record(record.key).await.unwrap().last_used
        };
        assert_eq!(sign_in(at(10)).await, Some(at(10)));
        assert_eq!(stored(), Some(at(10).0));
        assert_eq!(sign_in(at(60_009)).await, Some(at(60_009)));
        assert_eq!(stored(), Some(at(10).0));
        // The sweep of the sign-in that knows it leaves it with the credential.
        let late = at(60_009 + LIFETIME + 1);
        let swept = store.sweep(late, NOW, late, 100).await.unwrap();
        assert_eq!(swept.ceremonies, 3);
        assert_eq!(stored(), Some(at(60_009).0));
        let found = fixture.record(record.key).await.unwrap();
        assert_eq!(found.last_used, Some(at(60_009)));
        assert_eq!(sign_in(at(120_009)).await, Some(at(120_009)));
        assert_eq!(stored(), Some(at(120_009).0));
        assert_eq!(sign_in(at(120_010)).await, Some(at(120_010)));
        // It stays with the user when the credential goes.
        let gone = event(AuditKind::CredentialDeleted, fixture.rp);
        let deleted = store.delete_credential(fixture.rp, ann.id, record.key, &gone);
        assert_eq!(deleted.await, Ok(true));
        let user = store.user(fixture.rp, UserRef::Id(ann.id)).await.unwrap();
        assert_eq!(user.unwrap().last_success, Some(at(120_010)));
    }
}

#[tokio::test]
async fn a_change_by_another_way_than_a_sign_in_is_seen_at_once() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let (_, record) = fixture.passkey(&ann).await;
    let loaded = async || {
        let found = store
            .load_for_authentication(
                fixture.rp,
                authentication(fixture.rp, None, NOW).id,
                &record.id,
            )
            .await;
        found.unwrap().credential
    };
    let owned = async || {
        let found = store.user_with_credentials(fixture.rp, UserRef::Name("ann"));
        found.await.unwrap()
    };
    let waiting = authentication(fixture.rp, None, NOW);
    fixture.begin(&waiting).await;
    // Both are in memory from now on.
    for _ in 0..2 {
        let found = store.load_for_authentication(fixture.rp, waiting.id, &record.id);
        assert_eq!(found.await.unwrap().credential.unwrap().0, record);
        assert_eq!(owned().await.unwrap().1, std::slice::from_ref(&record));
    }
    let renamed = event(AuditKind::CredentialRenamed, fixture.rp);
    let done = store.rename_credential(fixture.rp, ann.id, record.key, "new", &renamed);
    let record = done.await.unwrap().unwrap();
    let found = store.load_for_authentication(fixture.rp, waiting.id, &record.id);
    assert_eq!(found.await.unwrap().credential.unwrap().0, record);
    assert_eq!(owned().await.unwrap().1, std::slice::from_ref(&record));
    let deleted = event(AuditKind::CredentialDeleted, fixture.rp);
    let done = store.delete_credential(fixture.rp, ann.id, record.key, &deleted);
    assert_eq!(done.await, Ok(true));
    let found = store.load_for_authentication(fixture.rp, waiting.id, &record.id);
    assert_eq!(found.await.unwrap().credential, None);
    assert_eq!(loaded().await, None);
    assert!(owned().await.unwrap().1.is_empty());
    let deleted = event(AuditKind::UserDeleted, fixture.rp);
    let done = store.delete_user(fixture.rp, ann.id, &deleted);
    assert_eq!(done.await, Ok(true));
    assert_eq!(owned().await, None);
    assert!(
        !store
            .points
            .read(|c| reads::owners_are_there(c, fixture.rp, Some(ann.id)))
            .unwrap()
    );
}

#[tokio::test]
async fn what_a_dead_process_left_in_the_log_lies_in_the_file_after_the_next_start() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    // The files as the death of the process leaves them.
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(under_test.place.path().join(name), copy.path().join(name)).unwrap();
    }
    let log = copy.path().join("store.db-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    let store = open(&copy.path().join("store.db")).unwrap();
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    let found = store.user(fixture.rp, UserRef::Id(ann.id)).await;
    assert_eq!(found, Ok(Some(ann)));
}
