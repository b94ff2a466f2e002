//! Authentications that their challenge brought: the store learns of them by their end.

use std::sync::Arc;

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ceremony::{Authentication, CeremonyState};
use domain::model::ids::{AttemptId, EventId, UserId};
use domain::store::{CounterRule, FinishedAuthentication, RefuseCeremony, Refused};
use webauthn::error::Reason;

use super::authentications::race;
use super::fixture::{
    End, Fixture, LIFETIME, NOW, Passkey, SOMEBODY, SignIn, StoreUnderTest, at, authentication,
    counting, event, key,
};
use domain::model::credential::CredentialRecord;
use domain::store::Fault;

/// The response to an authentication of which the store knows nothing.
fn answered(
    fixture: &Fixture,
    passkey: &mut Passkey,
    record: &CredentialRecord,
    sign_count: u32,
) -> (Arc<Authentication>, SignIn) {
    let ceremony = Arc::new(authentication(fixture.rp, Some(&passkey.user), NOW));
    let sign_in = passkey.sign_in(&ceremony, record, at(2), &counting(sign_count));
    let sealed = Some(Arc::clone(&ceremony));
    (ceremony, SignIn { sealed, ..sign_in })
}

async fn refuse(
    fixture: &Fixture,
    sealed: &Arc<Authentication>,
    attempt: AttemptId,
    user: UserId,
) -> Result<Refused, Fault> {
    let kind = AuditKind::AuthenticationRefused;
    let reason = Reason::OriginNotAllowed;
    let event = AuditEvent::new(EventId(attempt.0), kind, fixture.rp, at(1), &SOMEBODY);
    let refuse = RefuseCeremony {
        attempt,
        relying_party: fixture.rp,
        ceremony: sealed.id,
        now: at(1),
        reason,
        failed_user: Some(user),
        sealed: Some(sealed),
        event: &event.reason(reason),
    };
    fixture.store.refuse_ceremony(refuse).await
}

pub async fn a_sealed_authentication_is_begun_by_its_end(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let (ceremony, sign_in) = answered(&fixture, &mut passkey, &record, 7);
    assert_eq!(fixture.ceremony(ceremony.id).await, None);
    let late = SignIn {
        now: at(LIFETIME),
        ..sign_in.clone()
    };
    assert_eq!(late.send(store).await, Ok(FinishedAuthentication::Expired));
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 0);

    for _ in 0..2 {
        let outcome = sign_in.send(store).await;
        assert_eq!(outcome, Ok(FinishedAuthentication::Accepted));
    }
    let used = sign_in.another_attempt().send(store).await;
    assert_eq!(used, Ok(FinishedAuthentication::Used));
    let refused = refuse(&fixture, &ceremony, AttemptId(key()), ann.id).await;
    assert_eq!(refused, Ok(Refused::Used));

    let found = fixture.record(record.key).await.unwrap();
    assert_eq!((found.sign_count, found.last_used), (7, Some(at(2))));
    let succeeded = Authentication {
        state: CeremonyState::Succeeded {
            user: ann.id,
            credential: record.key,
        },
        credential: Some(record.key),
        updated: at(2),
        ..Authentication::clone(&ceremony)
    };
    assert_eq!(fixture.ceremony(ceremony.id).await, Some(succeeded.into()));
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 1);
    let count = fixture.count(AuditKind::AuthenticationRefused).await;
    assert_eq!(count, 0);
}

pub async fn a_sealed_authentication_is_refused_once(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let (ceremony, sign_in) = answered(&fixture, &mut passkey, &record, 7);
    let attempt = AttemptId(key());
    for _ in 0..2 {
        let outcome = refuse(&fixture, &ceremony, attempt, ann.id).await;
        assert_eq!(outcome, Ok(Refused::Done));
    }
    let again = refuse(&fixture, &ceremony, AttemptId(key()), ann.id).await;
    assert_eq!(again, Ok(Refused::Used));
    let used = sign_in.send(store).await;
    assert_eq!(used, Ok(FinishedAuthentication::Used));
    let state = fixture.ceremony(ceremony.id).await.unwrap().state();
    assert_eq!(state, CeremonyState::Failed(Reason::OriginNotAllowed));
    let count = fixture.count(AuditKind::AuthenticationRefused).await;
    assert_eq!(count, 1);

    // A counter that the store refuses ends it, too.
    let (ceremony, mut sign_in) = answered(&fixture, &mut passkey, &record, 7);
    sign_in.counter = CounterRule::MustIncrease;
    let outcome = sign_in.send(store).await;
    assert_eq!(outcome, Ok(FinishedAuthentication::Accepted));
    let (lower, mut sign_in) = answered(&fixture, &mut passkey, &record, 6);
    sign_in.counter = CounterRule::MustIncrease;
    for _ in 0..2 {
        let outcome = sign_in.send(store).await;
        let stored = 7;
        assert_eq!(
            outcome,
            Ok(FinishedAuthentication::CounterWentBack { stored })
        );
    }
    let state = fixture.ceremony(lower.id).await.unwrap().state();
    assert_eq!(state, CeremonyState::Failed(Reason::SignCountNotIncreased));
    let state = fixture.ceremony(ceremony.id).await.unwrap().state();
    assert!(matches!(state, CeremonyState::Succeeded { .. }));
}

pub async fn of_a_hundred_attempts_at_one_sealed_authentication_one_wins(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    for round in 1..4 {
        let (_, sign_in) = answered(&fixture, &mut passkey, &record, round);
        let attempts = (0..100).map(|_| sign_in.another_attempt()).collect();
        let outcomes = race(&fixture, attempts).await;
        let count = |wanted| outcomes.iter().filter(|o| **o == wanted).count();
        assert_eq!(count(FinishedAuthentication::Accepted), 1);
        assert_eq!(count(FinishedAuthentication::Used), 99);
    }
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 3);
}

pub async fn a_sealed_authentication_goes_with_its_owner(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let (ceremony, sign_in) = answered(&fixture, &mut passkey, &record, 7);
    let deleted = event(AuditKind::UserDeleted, fixture.rp);
    assert_eq!(
        store.delete_user(fixture.rp, ann.id, &deleted).await,
        Ok(true)
    );
    let outcome = sign_in.send(store).await;
    assert_eq!(outcome, Ok(FinishedAuthentication::Gone));
    let outcome = refuse(&fixture, &ceremony, AttemptId(key()), ann.id).await;
    assert_eq!(outcome, Ok(Refused::Gone));
    assert_eq!(fixture.ceremony(ceremony.id).await, None);

    let bob = fixture.user("bob").await;
    let (mut passkey, record) = fixture.passkey(&bob).await;
    let (_, sign_in) = answered(&fixture, &mut passkey, &record, 7);
    assert_eq!(
        store.delete_relying_party(fixture.rp, at(2)).await,
        Ok(true)
    );
    let outcome = sign_in.send(store).await;
    assert_eq!(outcome, Ok(FinishedAuthentication::Gone));
}

pub async fn a_sealed_authentication_stays_taken_after_a_restart(
    under_test: &mut dyn StoreUnderTest,
) {
    let mut fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    for (end, sign_count) in [(End::Closed, 7), (End::Dropped, 8)] {
        let (_, sign_in) = answered(&fixture, &mut passkey, &record, sign_count);
        let outcome = sign_in.send(&*fixture.store).await;
        assert_eq!(outcome, Ok(FinishedAuthentication::Accepted));
        let (account, rp) = (fixture.account, fixture.rp);
        drop(fixture);
        under_test.reopen(end).await;
        fixture = Fixture {
            store: under_test.store(),
            account,
            rp,
        };
        let used = sign_in.another_attempt().send(&*fixture.store).await;
        assert_eq!(used, Ok(FinishedAuthentication::Used));
        let repeated = sign_in.send(&*fixture.store).await;
        assert_eq!(repeated, Ok(FinishedAuthentication::Accepted));
    }
}
