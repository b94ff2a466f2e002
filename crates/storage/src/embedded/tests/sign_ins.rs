//! Sign-ins of the last moments: one row each, and what readers see of them before and after many of them move.

use domain::model::audit::AuditEvent;
use domain::model::ceremony::{Authentication, CeremonyState, Standing};
use domain::model::clock::Timestamp;
use domain::model::ids::AttemptId;
use domain::model::user::User;
use domain::store::{
    AuthenticationFilter, EventFilter, FinishAuthentication, FinishedAuthentication,
};

use super::*;
use crate::conformance::fixture::{
    Fixture, LIFETIME, NOW, Passkey, SignIn, at, authentication, counting, event, key, new_user,
};
use crate::embedded::pending::Ending;
use crate::embedded::rows::CeremonyRow;
use crate::embedded::writes;

/// How many rows are in `sign_ins`, and in `ceremonies` of authentications.
fn rows(store: &Embedded) -> (i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM sign_ins WHERE seq > 0), \
               (SELECT count(*) FROM ceremonies WHERE relying_party_id > x'' AND kind = 1)";
    let found = store
        .points
        .read(|c| sql::first(c, sql, [], |row| Ok((row.get(0)?, row.get(1)?))));
    found.unwrap().unwrap()
}

struct Ann {
    fixture: Fixture,
    store: Arc<Embedded>,
    user: User,
    passkey: Passkey,
    record: CredentialRecord,
}

impl Ann {
    async fn of(under_test: &Directory) -> Self {
        let fixture = Fixture::new(under_test).await;
        let user = fixture.user("ann").await;
        let (passkey, record) = fixture.passkey(&user).await;
        Self {
            store: under_test.store.clone().unwrap(),
            fixture,
            user,
            passkey,
            record,
        }
    }

    fn answer(&mut self, ceremony: &Authentication, now: Timestamp) -> SignIn {
        self.passkey
            .sign_in(ceremony, &self.record, now, &counting(0))
    }

    /// Begins an authentication and signs in with it a millisecond later.
    async fn signs_in(&mut self, begun: Timestamp) -> (Authentication, SignIn) {
        let ceremony = authentication(self.fixture.rp, None, begun);
        self.fixture.begin(&ceremony).await;
        let answered = self.answer(&ceremony, begun.plus_millis(1));
        let done = answered.send(&*self.store).await;
        assert_eq!(done, Ok(FinishedAuthentication::Accepted));
        let (user, credential) = (self.user.id, self.record.key);
        let ended = Authentication {
            user: Some(user),
            credential: Some(credential),
            updated: answered.now,
            state: CeremonyState::Succeeded { user, credential },
            ..ceremony
        };
        (ended, answered)
    }

    async fn moves(&self) {
        self.store.sweep(NOW, NOW, NOW, 100).await.unwrap();
        assert_eq!(rows(&self.store).0, 0);
    }

    /// Everything that readers see of it.
    async fn sees(&self, ended: &Authentication, sign_in: &SignIn) {
        let fixture = &self.fixture;
        assert_eq!(fixture.ceremony(ended.id).await, Some(ended.clone().into()));
        let filter = AuthenticationFilter {
            standing: Some(Standing::Succeeded),
            credential: Some(self.record.key),
            now: NOW,
        };
        let page = PageRequest::first(10);
        let listed = self
            .store
            .list_authentications(fixture.rp, self.user.id, filter, page);
        assert!(listed.await.unwrap().items.contains(ended));
        assert!(fixture.events().await.contains(&sign_in.event));
        let again = sign_in.send(&*self.store).await;
        assert_eq!(again, Ok(FinishedAuthentication::Accepted));
        let other = sign_in.another_attempt().send(&*self.store).await;
        assert_eq!(other, Ok(FinishedAuthentication::Used));
    }
}

#[tokio::test]
async fn a_sign_in_is_one_row_and_readers_see_it_everywhere_before_and_after_it_moves() {
    let under_test = Directory::new();
    let mut ann = Ann::of(&under_test).await;
    let (first, _) = ann.signs_in(at(10)).await;
    let (second, answered) = ann.signs_in(at(20)).await;
    assert_eq!(rows(&ann.store), (2, 0));
    ann.sees(&second, &answered).await;
    // The row of the credential has the first use.
    let record = ann.fixture.record(ann.record.key).await.unwrap();
    assert_eq!(record.last_used, Some(at(21)));
    let listed = ann
        .store
        .list_credentials(ann.fixture.rp, ann.user.id, PageRequest::first(1));
    assert_eq!(listed.await.unwrap().items, [record]);
    ann.moves().await;
    assert_eq!(rows(&ann.store), (0, 2));
    ann.sees(&second, &answered).await;
    let record = ann.fixture.record(ann.record.key).await.unwrap();
    assert_eq!(record.last_used, Some(at(21)));
    let found = ann.fixture.ceremony(first.id).await;
    assert_eq!(found, Some(first.into()));
}

#[tokio::test]
async fn sign_ins_move_by_themselves_when_there_are_enough() {
    let under_test = Directory::with(Options {
        pending: 3,
        ..Options::default()
    });
    let mut ann = Ann::of(&under_test).await;
    for n in 0..7 {
        let (ended, answered) = ann.signs_in(at(10 * n)).await;
        ann.sees(&ended, &answered).await;
    }
    let expected = [(1, 6)];
    // The writer moves them after it has answered.
    for _ in 0..500 {
        if expected.contains(&rows(&ann.store)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{:?}", rows(&ann.store));
}

#[tokio::test]
async fn a_sign_in_survives_the_death_of_the_process_and_is_still_taken_once() {
    let under_test = Directory::new();
    let mut ann = Ann::of(&under_test).await;
    let (moved, moved_answer) = ann.signs_in(at(10)).await;
    ann.moves().await;
    let (ended, answered) = ann.signs_in(at(20)).await;
    assert_eq!(rows(&ann.store), (1, 1));
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(under_test.place.path().join(name), copy.path().join(name)).unwrap();
    }
    let store = Arc::new(open(&copy.path().join("store.db")).unwrap());
    assert_eq!(rows(&store), (0, 2));
    ann.store = Arc::clone(&store);
    ann.fixture.store = store;
    ann.sees(&moved, &moved_answer).await;
    ann.sees(&ended, &answered).await;
    let record = ann.fixture.record(ann.record.key).await.unwrap();
    assert_eq!(record.last_used, Some(at(21)));
}

#[tokio::test]
async fn events_come_in_order_wherever_they_lie() {
    let under_test = Directory::new();
    let mut ann = Ann::of(&under_test).await;
    let rp = ann.fixture.rp;
    let mut expected = ann.fixture.events().await;
    for n in 0..12 {
        let (_, sign_in) = ann.signs_in(at(10 * n)).await;
        expected.push(sign_in.event);
        if n == 5 {
            ann.moves().await;
        }
        if n % 4 == 0 {
            let created = AuditEvent {
                at: at(10 * n + n % 3),
                ..event(AuditKind::UserCreated, rp)
            };
            let user = new_user(rp, &format!("user {n}"), NOW);
            ann.store.create_user(&user, &created).await.unwrap();
            expected.push(created);
        }
    }
    assert!(rows(&ann.store).0 > 0);
    expected.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let count = expected.len();
    for limit in [0, 1, 2, 5, count - 1, count, count + 1] {
        for (from, until) in [(i64::MIN, i64::MAX), (25, 91), (101, 112)] {
            let filter = EventFilter {
                from: Some(at(from.max(-1_000_000))),
                until: Some(at(until.min(1_000_000))),
                ..EventFilter::default()
            };
            let found = ann
                .store
                .find_events(rp, &filter, u32::try_from(limit).unwrap());
            let mut events = expected.clone();
            events.retain(|event| filter.covers(event));
            let complete = events.len() <= limit;
            events.truncate(limit);
            let found = found.await.unwrap();
            assert_eq!((found.events, found.complete), (events, complete));
        }
    }
}

#[tokio::test]
async fn a_sign_in_that_meets_the_sweep_at_the_moment_of_its_expiry_stays_a_success() {
    let under_test = Directory::new();
    let mut ann = Ann::of(&under_test).await;
    let ceremony = authentication(ann.fixture.rp, None, NOW);
    ann.fixture.begin(&ceremony).await;
    // The sweep has put it aside, and has not told the memory yet.
    let row = CeremonyRow::authentication(&ceremony).unwrap();
    let put = ann.store.write(move |c| writes::put_aside(c, &[row])).await;
    assert_eq!(put, Ok(()));
    let answered = ann.answer(&ceremony, at(LIFETIME - 1));
    let done = answered.send(&*ann.store).await;
    assert_eq!(done, Ok(FinishedAuthentication::Accepted));
    ann.store.pending.remove(ann.fixture.rp, ceremony.id);
    for _ in 0..2 {
        let other = answered.another_attempt().send(&*ann.store).await;
        assert_eq!(other, Ok(FinishedAuthentication::Used));
        let again = answered.send(&*ann.store).await;
        assert_eq!(again, Ok(FinishedAuthentication::Accepted));
        let found = ann.fixture.ceremony(ceremony.id).await.unwrap();
        let found = found.authentication().unwrap();
        assert_eq!(found.user, Some(ann.user.id));
        assert_eq!(found.standing(at(LIFETIME)), Standing::Succeeded);
        ann.moves().await;
    }
}

#[tokio::test]
async fn an_attempt_whose_commit_is_in_doubt_is_sent_again_and_finds_what_it_did() {
    let under_test = Directory::new();
    let mut ann = Ann::of(&under_test).await;
    let ceremony = authentication(ann.fixture.rp, None, NOW);
    ann.fixture.begin(&ceremony).await;
    let answered = ann.answer(&ceremony, at(1));
    let finish = FinishAuthentication {
        sealed: None,
        attempt: answered.attempt,
        relying_party: answered.relying_party,
        ceremony: answered.ceremony,
        now: answered.now,
        credential: answered.credential,
        user: answered.user,
        verified: &answered.verified,
        counter: answered.counter,
        event: &answered.event,
    };
    let sign_in = writes::SignIn::new(&finish);
    let (rp, id) = (answered.relying_party, answered.ceremony);
    let ending = Ending::new(&ann.store.pending, &ann.store.records, rp, id, None);
    let doubted = Arc::clone(&ending);
    let done = ann.store.writer.run_decided(
        move |c| writes::finish_authentication(c, sign_in, &ending),
        // The disk did not confirm the commit, and has it all the same.
        move |_| doubted.settle(Settled::Unknown),
    );
    assert_eq!(done.await, Ok(FinishedAuthentication::Accepted));
    assert_eq!(ann.fixture.ceremony(id).await, Some(ceremony.into()));
    let other = answered.another_attempt().send(&*ann.store).await;
    assert_eq!(other, Ok(FinishedAuthentication::Used));
    let again = answered.send(&*ann.store).await;
    assert_eq!(again, Ok(FinishedAuthentication::Accepted));
    assert_eq!(rows(&ann.store), (0, 1));
    assert_eq!(ann.fixture.count(AuditKind::Authenticated).await, 1);
}

#[tokio::test]
async fn sign_ins_of_a_deleted_user_go_with_the_user() {
    let under_test = Directory::new();
    let mut ann = Ann::of(&under_test).await;
    let (ended, answered) = ann.signs_in(at(10)).await;
    let gone = event(AuditKind::UserDeleted, ann.fixture.rp);
    let deleted = ann.store.delete_user(ann.fixture.rp, ann.user.id, &gone);
    assert_eq!(deleted.await, Ok(true));
    assert_eq!(rows(&ann.store), (1, 0));
    assert_eq!(ann.fixture.ceremony(ended.id).await, None);
    for attempt in [answered.attempt, AttemptId(key())] {
        let again = SignIn {
            attempt,
            ..answered.clone()
        };
        let again = again.send(&*ann.store).await;
        assert_eq!(again, Ok(FinishedAuthentication::Gone));
    }
    ann.moves().await;
    assert_eq!(rows(&ann.store), (0, 0));
    assert!(ann.fixture.events().await.contains(&answered.event));
}

#[tokio::test]
async fn a_group_that_is_lost_leaves_nothing_of_a_sign_in() {
    let under_test = Directory::new();
    let mut ann = Ann::of(&under_test).await;
    let ceremony = authentication(ann.fixture.rp, None, NOW);
    ann.fixture.begin(&ceremony).await;
    let answered = ann.answer(&ceremony, at(1));
    // Writes of the same group that end the whole transaction.
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let hold = ann.store.writer.run(Durability::Power, move |_| {
        wait.recv().unwrap();
        Ok(())
    });
    let lost = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let rolled_back = ann
            .store
            .writer
            .run(Durability::Power, |c| Ok(c.execute_batch("ROLLBACK")?));
        let releasing = async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            release.send(()).unwrap();
        };
        let (sent, lost, ()) = tokio::join!(answered.send(&*ann.store), rolled_back, releasing);
        (sent, lost)
    };
    let (first, (sent, lost)) = tokio::join!(hold, lost);
    assert_eq!(first, Ok(()));
    assert!(matches!(lost, Err(Fault::Retryable(_))), "{lost:?}");
    assert!(matches!(sent, Err(Fault::Retryable(_))), "{sent:?}");
    assert_eq!(rows(&ann.store), (0, 0));
    let found = ann.fixture.ceremony(ceremony.id).await;
    assert_eq!(found, Some(ceremony.into()));
    let again = answered.another_attempt().send(&*ann.store).await;
    assert_eq!(again, Ok(FinishedAuthentication::Accepted));
    assert_eq!(rows(&ann.store), (1, 0));
}
