//! The end of an authentication.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ceremony::{Authentication, Ceremony, CeremonyState};
use domain::model::credential::CredentialRecord;
use domain::model::ids::{AttemptId, RelyingPartyId};
use domain::model::user::UserRef;
use domain::store::{CounterRule, FinishedAuthentication, FinishedRegistration, Refused};
use webauthn::authentication::BackupEligibilityPolicy;
use webauthn::error::Reason;

use super::device::Claims;
use super::fixture::{
    Fixture, LIFETIME, NOW, Passkey, SignIn, StoreUnderTest, at, authentication, counting, event,
    key, registration,
};

pub async fn a_verified_authentication_is_counted(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    // Once for a known user, once for any user.
    let named = authentication(fixture.rp, Some(&ann), NOW);
    let nameless = authentication(fixture.rp, None, NOW);
    for (ceremony, sign_count, backup_state) in [(named, 7, false), (nameless, 9, true)] {
        fixture.begin(&ceremony).await;
        let claims = Claims {
            backup_state: Some(backup_state),
            ..counting(sign_count)
        };
        let mut sign_in = passkey.sign_in(&ceremony, &record, at(2), &claims);
        sign_in.event.signals = "sign_count_not_increased backup_state_changed".into();
        assert_eq!(
            sign_in.send(&*fixture.store).await,
            Ok(FinishedAuthentication::Accepted)
        );

        let expected = CredentialRecord {
            sign_count,
            backup_state: Some(backup_state),
            last_used: Some(at(2)),
            ..record.clone()
        };
        assert_eq!(fixture.record(record.key).await, Some(expected));
        let succeeded = Authentication {
            state: CeremonyState::Succeeded {
                user: ann.id,
                credential: record.key,
            },
            user: Some(ann.id),
            credential: Some(record.key),
            updated: at(2),
            ..ceremony.clone()
        };
        assert_eq!(fixture.ceremony(ceremony.id).await, Some(succeeded.into()));
        let events = fixture.events().await;
        assert_eq!(events.iter().filter(|e| **e == sign_in.event).count(), 1);
    }
}

pub async fn an_authentication_is_taken_only_while_it_is_open(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let other = fixture.another_rp().await;
    let (mut passkey, record) = fixture.passkey(&ann).await;

    let ceremony = authentication(fixture.rp, None, NOW);
    let sign_in = passkey.sign_in(&ceremony, &record, at(2), &counting(5));
    assert_eq!(sign_in.send(store).await, Ok(FinishedAuthentication::Gone));
    fixture.begin(&ceremony).await;
    let elsewhere = SignIn {
        relying_party: other,
        ..sign_in.clone()
    };
    assert_eq!(
        elsewhere.send(store).await,
        Ok(FinishedAuthentication::Gone)
    );
    let late = SignIn {
        now: at(LIFETIME),
        ..sign_in.clone()
    };
    assert_eq!(late.send(store).await, Ok(FinishedAuthentication::Expired));
    let unfinished = registration(&ann, NOW);
    fixture.begin(&unfinished).await;
    let crossed = SignIn {
        ceremony: unfinished.id,
        ..sign_in.clone()
    };
    assert_eq!(crossed.send(store).await, Ok(FinishedAuthentication::Gone));
    // None of them did anything.
    assert_eq!(fixture.ceremony(ceremony.id).await, Some(ceremony.into()));
    assert_eq!(
        fixture.ceremony(unfinished.id).await,
        Some(unfinished.into())
    );
    assert_eq!(fixture.record(record.key).await, Some(record.clone()));
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 0);

    let in_time = SignIn {
        now: at(LIFETIME - 1),
        ..sign_in.clone()
    };
    assert_eq!(
        in_time.send(store).await,
        Ok(FinishedAuthentication::Accepted)
    );
    let again = sign_in.another_attempt();
    assert_eq!(again.send(store).await, Ok(FinishedAuthentication::Used));

    let refused = fixture.answered(&mut passkey, &record, &counting(6)).await;
    fixture
        .refuse(
            refused.ceremony,
            refused.attempt,
            at(1),
            Reason::OriginNotAllowed,
        )
        .await
        .unwrap();
    assert_eq!(refused.send(store).await, Ok(FinishedAuthentication::Used));
    assert_eq!(
        refused.another_attempt().send(store).await,
        Ok(FinishedAuthentication::Used)
    );
    assert_eq!(fixture.record(record.key).await.unwrap().sign_count, 5);
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 1);
}

pub async fn the_counter_rule_decides_about_a_counter_that_does_not_grow(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let top = u32::MAX;
    // Stored, received, and whether a rule that demands growth lets it pass.
    for (stored, received, passes) in [
        (0, 0, true),
        (0, 1, true),
        (5, 6, true),
        (5, 5, false),
        (5, 4, false),
        (5, 0, false),
        (top - 1, top, true),
        (top, top, false),
        (top, 0, false),
    ] {
        for rule in [CounterRule::KeepHighest, CounterRule::MustIncrease] {
            let (mut passkey, record) = fixture.passkey(&ann).await;
            let first = fixture
                .answered(&mut passkey, &record, &counting(stored))
                .await;
            first.send(&*fixture.store).await.unwrap();
            let before = fixture.record(record.key).await.unwrap();
            assert_eq!(before.sign_count, stored);

            // Verified against the record as it was at first, as if both had been under way at once.
            let mut second = fixture
                .answered(&mut passkey, &record, &counting(received))
                .await;
            second.counter = rule;
            second.now = at(3);
            let outcome = second.send(&*fixture.store).await;
            let after = fixture.record(record.key).await.unwrap();
            let state = fixture.ceremony(second.ceremony).await.unwrap().state();
            if passes || rule == CounterRule::KeepHighest {
                assert_eq!(
                    outcome,
                    Ok(FinishedAuthentication::Accepted),
                    "{stored} {received}"
                );
                assert_eq!(after.sign_count, stored.max(received));
                assert_eq!(after.last_used, Some(at(3)));
                assert!(matches!(state, CeremonyState::Succeeded { .. }));
            } else {
                let back = FinishedAuthentication::CounterWentBack { stored };
                assert_eq!(outcome, Ok(back), "{stored} {received}");
                assert_eq!(after, before);
                assert_eq!(state, CeremonyState::Failed(Reason::SignCountNotIncreased));
            }
        }
    }
}

pub async fn a_counter_that_fell_is_remembered_until_it_passes_the_highest(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    for (received, highest, since_fall) in [
        (10, 10, None),
        (4, 10, Some(4)),
        (5, 10, Some(5)),
        (0, 10, Some(0)),
        (10, 10, Some(10)),
        (11, 11, None),
        (11, 11, Some(11)),
    ] {
        let sign_in = fixture
            .answered(&mut passkey, &record, &counting(received))
            .await;
        assert_eq!(
            sign_in.send(&*fixture.store).await,
            Ok(FinishedAuthentication::Accepted)
        );
        let after = fixture.record(record.key).await.unwrap();
        assert_eq!(
            (after.sign_count, after.sign_count_since_fall),
            (highest, since_fall),
            "{received}"
        );
    }
    // A rule that demands growth compares with the highest, whatever was remembered, and writes nothing.
    let mut low = fixture.answered(&mut passkey, &record, &counting(9)).await;
    low.counter = CounterRule::MustIncrease;
    assert_eq!(
        low.send(&*fixture.store).await,
        Ok(FinishedAuthentication::CounterWentBack { stored: 11 })
    );
    let after = fixture.record(record.key).await.unwrap();
    assert_eq!(after.sign_count_since_fall, Some(11));
}

pub async fn eligibility_is_lost_only_where_the_policy_accepts_that(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let eligible = |value| Claims {
        backup_eligible: Some(value),
        backup_state: Some(false),
        ..Claims::default()
    };
    for (policy, shown, stored) in [
        (BackupEligibilityPolicy::AcceptChange, true, true),
        (BackupEligibilityPolicy::AcceptChange, false, false),
        (BackupEligibilityPolicy::AcceptGain, true, true),
        // Verified against the record as it was at first: another sign-in was faster.
        (BackupEligibilityPolicy::AcceptGain, false, true),
    ] {
        let mut ceremony = authentication(fixture.rp, Some(&ann), NOW);
        Arc::make_mut(&mut ceremony.policy).backup_eligibility = policy;
        fixture.begin(&ceremony).await;
        let known = CredentialRecord {
            backup_eligible: Some(false),
            ..record.clone()
        };
        let known = if policy == BackupEligibilityPolicy::AcceptChange {
            fixture.record(record.key).await.unwrap()
        } else {
            known
        };
        let sign_in = passkey.sign_in(&ceremony, &known, at(2), &eligible(shown));
        assert_eq!(
            sign_in.send(&*fixture.store).await,
            Ok(FinishedAuthentication::Accepted)
        );
        let after = fixture.record(record.key).await.unwrap();
        assert_eq!(after.backup_eligible, Some(stored), "{policy:?} {shown}");
    }
}

pub async fn an_authentication_that_the_store_refuses_is_recorded_as_refused(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let high = fixture.answered(&mut passkey, &record, &counting(9)).await;
    high.send(store).await.unwrap();
    let mut low = fixture.answered(&mut passkey, &record, &counting(8)).await;
    low.counter = CounterRule::MustIncrease;
    low.event.signals = "something".into();
    let late = fixture.answered(&mut passkey, &record, &counting(10)).await;
    for (sign_in, reason) in [
        (low, Reason::SignCountNotIncreased),
        (late, Reason::CredentialUnknown),
    ] {
        let before = fixture.events().await.len();
        for _ in 0..2 {
            sign_in.send(store).await.unwrap();
        }
        let events = fixture.events().await;
        assert_eq!(events.len(), before + 1);
        let expected = AuditEvent {
            kind: AuditKind::AuthenticationRefused,
            reason: Some(reason),
            signals: String::new(),
            ..sign_in.event.clone()
        };
        assert!(events.contains(&expected), "{events:?}");
        // A counter that went back is a failed sign-in of the credential's owner.
        let found = store.user(fixture.rp, UserRef::Id(ann.id)).await.unwrap();
        assert_eq!(found.unwrap().last_failure, Some(at(2)));
        let deleted = event(AuditKind::CredentialDeleted, fixture.rp);
        let gone = store.delete_credential(fixture.rp, ann.id, record.key, &deleted);
        gone.await.unwrap();
    }
}

pub async fn what_a_credential_gained_is_not_lost(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let mut passkey = Passkey::new(&ann);
    let ceremony = registration(&ann, NOW);
    fixture.begin(&ceremony).await;
    let plain = Claims {
        user_verified: Some(false),
        backup_eligible: Some(false),
        backup_state: Some(false),
        ..Claims::default()
    };
    let finish = passkey.register_with(&ceremony, at(1), &plain);
    assert_eq!(
        finish.send(&*fixture.store).await,
        Ok(FinishedRegistration::Registered)
    );
    let record = fixture.record(finish.key()).await.unwrap();
    let facts = |r: &CredentialRecord| {
        (
            r.uv_initialized,
            r.backup_eligible,
            r.backup_state,
            r.last_used,
        )
    };
    assert_eq!(facts(&record), (false, Some(false), Some(false), None));

    let full = Claims {
        user_verified: Some(true),
        backup_eligible: Some(true),
        backup_state: Some(true),
        ..Claims::default()
    };
    // All three were under way at once; the one that says least arrives last, and is the oldest.
    let mut sign_ins = Vec::new();
    for (claims, millis) in [(&plain, 4), (&full, 6), (&plain, 5)] {
        let mut sign_in = fixture.answered(&mut passkey, &record, claims).await;
        sign_in.now = at(millis);
        sign_ins.push(sign_in);
    }
    let expected = [
        (false, Some(false), Some(false), Some(at(4))),
        (true, Some(true), Some(true), Some(at(6))),
        (true, Some(true), Some(false), Some(at(6))),
    ];
    for (sign_in, expected) in sign_ins.iter().zip(expected) {
        assert_eq!(
            sign_in.send(&*fixture.store).await,
            Ok(FinishedAuthentication::Accepted)
        );
        assert_eq!(facts(&fixture.record(record.key).await.unwrap()), expected);
    }
}

pub async fn a_credential_that_is_gone_ends_the_ceremony(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let deleted = fixture.answered(&mut passkey, &record, &counting(5)).await;
    // Somebody else's credential counts as none.
    let foreign = SignIn {
        user: bob.id,
        ..fixture.answered(&mut passkey, &record, &counting(5)).await
    };
    assert_eq!(
        foreign.send(store).await,
        Ok(FinishedAuthentication::CredentialGone)
    );
    assert_eq!(fixture.record(record.key).await, Some(record.clone()));

    let removed = event(AuditKind::CredentialDeleted, fixture.rp);
    assert_eq!(
        store
            .delete_credential(fixture.rp, ann.id, record.key, &removed)
            .await,
        Ok(true)
    );
    assert_eq!(
        deleted.send(store).await,
        Ok(FinishedAuthentication::CredentialGone)
    );
    for sign_in in [&foreign, &deleted] {
        let ceremony = fixture.ceremony(sign_in.ceremony).await;
        let ceremony = ceremony.and_then(Ceremony::authentication).unwrap();
        assert_eq!(
            ceremony.state,
            CeremonyState::Failed(Reason::CredentialUnknown)
        );
        assert_eq!((ceremony.user, ceremony.credential), (None, None));
        let again = sign_in.another_attempt().send(store).await;
        assert_eq!(again, Ok(FinishedAuthentication::Used));
    }
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 0);
}

pub async fn a_repeated_attempt_has_the_same_outcome_and_writes_nothing(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let (mut lost, lost_record) = fixture.passkey(&ann).await;
    let accepted = fixture.answered(&mut passkey, &record, &counting(5)).await;
    let mut back = fixture.answered(&mut passkey, &record, &counting(4)).await;
    back.counter = CounterRule::MustIncrease;
    let gone = fixture
        .answered(&mut lost, &lost_record, &counting(1))
        .await;
    let removed = event(AuditKind::CredentialDeleted, fixture.rp);
    store
        .delete_credential(fixture.rp, ann.id, lost_record.key, &removed)
        .await
        .unwrap();

    let went_back = FinishedAuthentication::CounterWentBack { stored: 5 };
    let outcomes = [
        (&accepted, FinishedAuthentication::Accepted),
        (&back, went_back),
        (&gone, FinishedAuthentication::CredentialGone),
    ];
    for (sign_in, outcome) in outcomes {
        assert_eq!(sign_in.send(store).await, Ok(outcome));
    }
    // Later: the stored counter moves.
    fixture
        .answered(&mut passkey, &record, &counting(50))
        .await
        .send(store)
        .await
        .unwrap();
    let stored = fixture.record(record.key).await;
    let events = fixture.events().await;
    for (sign_in, outcome) in outcomes {
        let before = fixture.ceremony(sign_in.ceremony).await;
        let late = SignIn {
            now: at(LIFETIME + 1),
            ..sign_in.clone()
        };
        assert_eq!(late.send(store).await, Ok(outcome));
        assert_eq!(fixture.ceremony(sign_in.ceremony).await, before);
    }
    assert_eq!(fixture.record(record.key).await, stored);
    assert_eq!(fixture.events().await, events);
}

/// Sends all of them at once from as many tasks; the outcomes.
pub(super) async fn race(fixture: &Fixture, sign_ins: Vec<SignIn>) -> Vec<FinishedAuthentication> {
    let tasks: Vec<_> = sign_ins
        .into_iter()
        .map(|sign_in| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { sign_in.send(&*store).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

pub async fn of_a_hundred_attempts_at_one_authentication_one_wins(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let sign_in = fixture.answered(&mut passkey, &record, &counting(5)).await;
    let attempts = (0..100).map(|_| sign_in.another_attempt()).collect();
    let outcomes = race(&fixture, attempts).await;
    let count = |wanted| outcomes.iter().filter(|o| **o == wanted).count();
    assert_eq!(count(FinishedAuthentication::Accepted), 1);
    assert_eq!(count(FinishedAuthentication::Used), 99);
    assert_eq!(fixture.count(AuditKind::Authenticated).await, 1);
}

pub async fn a_success_and_a_refusal_at_once_leave_one_of_them(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Arc::new(Fixture::new(under_test).await);
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let succeeded = CeremonyState::Succeeded {
        user: ann.id,
        credential: record.key,
    };
    let mut won = 0;
    for round in 0..50 {
        let sign_in = fixture.answered(&mut passkey, &record, &counting(5)).await;
        let id = sign_in.ceremony;
        let refusal = {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                fixture
                    .refuse(id, AttemptId(key()), at(2), Reason::OriginNotAllowed)
                    .await
                    .unwrap()
            })
        };
        let success = {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { sign_in.send(&*store).await.unwrap() })
        };
        let state = match (success.await.unwrap(), refusal.await.unwrap()) {
            (FinishedAuthentication::Accepted, Refused::Used) => succeeded,
            (FinishedAuthentication::Used, Refused::Done) => {
                CeremonyState::Failed(Reason::OriginNotAllowed)
            }
            other => panic!("round {round}: {other:?}"),
        };
        won += usize::from(state == succeeded);
        assert_eq!(fixture.ceremony(id).await.unwrap().state(), state);
    }
    assert_eq!(fixture.count(AuditKind::Authenticated).await, won);
    assert_eq!(
        fixture.count(AuditKind::AuthenticationRefused).await,
        50 - won
    );
}

pub async fn the_stored_counter_never_decreases_in_whatever_order_sign_ins_arrive(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    for rule in [CounterRule::KeepHighest, CounterRule::MustIncrease] {
        for order in [[10, 11], [11, 10]] {
            let (mut passkey, record) = fixture.passkey(&ann).await;
            let mut highest = 0;
            for count in order {
                let mut sign_in = fixture
                    .answered(&mut passkey, &record, &counting(count))
                    .await;
                sign_in.counter = rule;
                let outcome = sign_in.send(&*fixture.store).await.unwrap();
                if rule == CounterRule::MustIncrease && count < highest {
                    let back = FinishedAuthentication::CounterWentBack { stored: highest };
                    assert_eq!(outcome, back);
                } else {
                    assert_eq!(outcome, FinishedAuthentication::Accepted);
                }
                highest = highest.max(count);
                assert_eq!(
                    fixture.record(record.key).await.unwrap().sign_count,
                    highest
                );
            }
        }
        // And all at once.
        let (mut passkey, record) = fixture.passkey(&ann).await;
        let mut sign_ins = Vec::new();
        for count in 1..=30 {
            let sign_in = fixture
                .answered(&mut passkey, &record, &counting(count))
                .await;
            sign_ins.push(SignIn {
                counter: rule,
                ..sign_in
            });
        }
        let outcomes = race(&fixture, sign_ins).await;
        assert_eq!(outcomes[29], FinishedAuthentication::Accepted);
        for (n, outcome) in (1u32..).zip(outcomes) {
            match outcome {
                FinishedAuthentication::Accepted => {}
                FinishedAuthentication::CounterWentBack { stored } => {
                    assert!(rule == CounterRule::MustIncrease && stored >= n);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(fixture.record(record.key).await.unwrap().sign_count, 30);
    }
}

/// What is deleted while sign-ins are under way.
#[derive(Clone, Copy)]
enum Deleted {
    Credential,
    User,
    RelyingParty,
}

/// Rounds of a race with a deletion.
const ROUNDS: usize = 200;

/// Signs in several times in a row while something is deleted. A sign-in that was sent after the
/// deletion was acknowledged must not succeed.
async fn delete_during_sign_ins(under_test: &mut dyn StoreUnderTest, what: Deleted) {
    let first = Fixture::new(under_test).await;
    let mut overtaken = 0;
    for round in 0..ROUNDS {
        let rp: RelyingPartyId = match what {
            Deleted::RelyingParty => first.another_rp().await,
            _ => first.rp,
        };
        let fixture = Fixture {
            store: Arc::clone(&first.store),
            rp,
            ..first
        };
        let user = fixture.user(&format!("user {round}")).await;
        let (mut passkey, record) = fixture.passkey(&user).await;
        let mut sign_ins = Vec::new();
        for count in 1..=4 {
            sign_ins.push(
                fixture
                    .answered(&mut passkey, &record, &counting(count))
                    .await,
            );
        }
        let last = sign_ins.pop().unwrap();

        let gone = Arc::new(AtomicBool::new(false));
        let deletion = {
            let (store, gone, key) = (Arc::clone(&fixture.store), Arc::clone(&gone), record.key);
            tokio::spawn(async move {
                let deleted = match what {
                    Deleted::Credential => {
                        let event = event(AuditKind::CredentialDeleted, rp);
                        store.delete_credential(rp, user.id, key, &event).await
                    }
                    Deleted::User => {
                        let event = event(AuditKind::UserDeleted, rp);
                        store.delete_user(rp, user.id, &event).await
                    }
                    Deleted::RelyingParty => store.delete_relying_party(rp, NOW).await,
                };
                assert_eq!(deleted, Ok(true));
                gone.store(true, Ordering::SeqCst);
            })
        };
        let under_way = {
            let (store, gone) = (Arc::clone(&fixture.store), Arc::clone(&gone));
            tokio::spawn(async move {
                let mut accepted = 0;
                for sign_in in sign_ins {
                    let sent_after = gone.load(Ordering::SeqCst);
                    let outcome = sign_in.send(&*store).await.unwrap();
                    if outcome == FinishedAuthentication::Accepted {
                        assert!(!sent_after, "round {round}: a success after the deletion");
                        accepted += 1;
                    }
                }
                accepted
            })
        };
        deletion.await.unwrap();
        overtaken += usize::from(under_way.await.unwrap() < 3);

        let outcome = last.send(&*fixture.store).await.unwrap();
        let expected = match what {
            Deleted::Credential | Deleted::User => FinishedAuthentication::CredentialGone,
            Deleted::RelyingParty => FinishedAuthentication::Gone,
        };
        assert_eq!(outcome, expected, "round {round}");
        assert_eq!(fixture.record(record.key).await, None);
    }
    // Otherwise the rounds have shown nothing.
    assert!(overtaken > 0, "no deletion ever came before a sign-in");
}

pub async fn no_success_follows_an_acknowledged_deletion_of_the_credential(
    under_test: &mut dyn StoreUnderTest,
) {
    delete_during_sign_ins(under_test, Deleted::Credential).await;
}

pub async fn no_success_follows_an_acknowledged_deletion_of_the_user(
    under_test: &mut dyn StoreUnderTest,
) {
    delete_during_sign_ins(under_test, Deleted::User).await;
}

pub async fn no_success_follows_an_acknowledged_deletion_of_the_relying_party(
    under_test: &mut dyn StoreUnderTest,
) {
    delete_during_sign_ins(under_test, Deleted::RelyingParty).await;
}
