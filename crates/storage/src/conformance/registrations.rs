//! The end of a registration.

use std::sync::Arc;

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ceremony::{Authentication, CeremonyState, Registration};
use domain::model::ids::AttemptId;
use domain::model::page::PageRequest;
use domain::store::{FinishedRegistration, Refused};
use webauthn::error::Reason;

use super::device::Claims;
use super::fixture::{
    Fixture, LIFETIME, NOW, Passkey, RegistrationAttempt, StoreUnderTest, at, authentication, key,
    registration,
};

/// A started registration of a user with its verified answer.
async fn answered(
    fixture: &Fixture,
    passkey: &mut Passkey,
    claims: &Claims,
) -> (Registration, RegistrationAttempt) {
    let ceremony = registration(&passkey.user, NOW);
    fixture.begin(&ceremony).await;
    let finish = passkey.register_with(&ceremony, at(1), claims);
    (ceremony, finish)
}

/// Makes an authenticator answer with a credential id that another one has chosen already.
pub(crate) fn with_id(id: &[u8]) -> Claims {
    Claims {
        credential_id: Some(id.to_vec()),
        ..Claims::default()
    }
}

pub async fn a_verified_registration_becomes_a_credential(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let mut passkey = Passkey::new(&ann);
    let (ceremony, finish) = answered(&fixture, &mut passkey, &Claims::default()).await;
    assert_eq!(
        finish.send(&*fixture.store).await,
        Ok(FinishedRegistration::Registered)
    );

    let record = finish.credential.record();
    let stored = fixture.store.credential(fixture.rp, finish.key()).await;
    assert_eq!(stored, Ok(Some((record.clone(), ann))));
    let kept = fixture.store.evidence(fixture.rp, finish.key()).await;
    assert_eq!(kept, Ok(Some(finish.credential.evidence())));
    let succeeded = Registration {
        state: CeremonyState::Succeeded {
            user: ceremony.user,
            credential: finish.key(),
        },
        updated: at(1),
        ..ceremony.clone()
    };
    assert_eq!(fixture.ceremony(ceremony.id).await, Some(succeeded.into()));
    let events = fixture.events().await;
    assert_eq!(events.iter().filter(|e| **e == finish.event).count(), 1);
}

pub async fn a_registration_that_the_store_refuses_is_recorded_as_refused(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (_, record) = fixture.passkey(&ann).await;
    let with_taken_id = with_id(record.id.as_bytes());
    for (claims, max, reason) in [
        (with_taken_id, 50, Reason::CredentialExists),
        (Claims::default(), 1, Reason::TooManyCredentials),
    ] {
        let (_, mut finish) = answered(&fixture, &mut Passkey::new(&ann), &claims).await;
        finish.max_credentials = max;
        let before = fixture.events().await.len();
        for _ in 0..2 {
            finish.send(&*fixture.store).await.unwrap();
        }
        let events = fixture.events().await;
        assert_eq!(events.len(), before + 1);
        let expected = AuditEvent {
            kind: AuditKind::RegistrationRefused,
            credential: None,
            reason: Some(reason),
            ..finish.event.clone()
        };
        assert!(events.contains(&expected), "{events:?}");
    }
}

pub async fn a_registration_is_taken_only_while_it_is_open(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let ann = fixture.user("ann").await;
    let mut passkey = Passkey::new(&ann);

    // Never begun.
    let ceremony = registration(&ann, NOW);
    let finish = passkey.register(&ceremony, at(1));
    assert_eq!(finish.send(store).await, Ok(FinishedRegistration::Gone));

    // Begun, but its time has passed.
    let (ceremony, mut finish) = answered(&fixture, &mut passkey, &Claims::default()).await;
    finish.now = at(LIFETIME);
    assert_eq!(finish.send(store).await, Ok(FinishedRegistration::Expired));
    assert_eq!(fixture.ceremony(ceremony.id).await, Some(ceremony.into()));
    finish.now = at(LIFETIME - 1);
    assert_eq!(
        finish.send(store).await,
        Ok(FinishedRegistration::Registered)
    );
    assert_eq!(
        finish.another_attempt().send(store).await,
        Ok(FinishedRegistration::Used)
    );

    // Refused before.
    let (ceremony, finish) = answered(&fixture, &mut passkey, &Claims::default()).await;
    fixture
        .refuse(
            ceremony.id,
            AttemptId(key()),
            at(1),
            Reason::OriginNotAllowed,
        )
        .await
        .unwrap();
    assert_eq!(finish.send(store).await, Ok(FinishedRegistration::Used));
    // An attempt that refused it cannot come back as a success.
    let (ceremony, finish) = answered(&fixture, &mut passkey, &Claims::default()).await;
    fixture
        .refuse(ceremony.id, finish.attempt, at(1), Reason::OriginNotAllowed)
        .await
        .unwrap();
    assert_eq!(finish.send(store).await, Ok(FinishedRegistration::Used));

    // Deleted, or swept, before.
    let (ceremony, finish) = answered(&fixture, &mut passkey, &Claims::default()).await;
    assert_eq!(
        store
            .delete_registration(fixture.rp, ann.id, ceremony.id)
            .await,
        Ok(true)
    );
    assert_eq!(finish.send(store).await, Ok(FinishedRegistration::Gone));

    // The key of an authentication is the key of no registration.
    let (ceremony, finish) = answered(&fixture, &mut passkey, &Claims::default()).await;
    store
        .delete_registration(fixture.rp, ann.id, ceremony.id)
        .await
        .unwrap();
    let impostor = Authentication {
        id: ceremony.id,
        ..authentication(fixture.rp, Some(&ann), NOW)
    };
    fixture.begin(&impostor).await;
    assert_eq!(finish.send(store).await, Ok(FinishedRegistration::Gone));

    let listed = store
        .list_credentials(fixture.rp, ann.id, PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(fixture.count(AuditKind::CredentialRegistered).await, 1);
}

pub async fn a_credential_id_is_registered_once_in_a_relying_party(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    let (_, record) = fixture.passkey(&ann).await;
    let claims = with_id(record.id.as_bytes());
    for user in [&bob, &ann] {
        let (ceremony, finish) = answered(&fixture, &mut Passkey::new(user), &claims).await;
        assert_eq!(finish.credential.record().id, record.id);
        let outcome = finish.send(&*fixture.store).await;
        assert_eq!(outcome, Ok(FinishedRegistration::CredentialExists));
        let failed = Registration {
            state: CeremonyState::Failed(Reason::CredentialExists),
            updated: at(1),
            ..ceremony.clone()
        };
        assert_eq!(fixture.ceremony(ceremony.id).await, Some(failed.into()));
        let again = finish.another_attempt().send(&*fixture.store).await;
        assert_eq!(again, Ok(FinishedRegistration::Used));
    }
    assert_eq!(fixture.record(record.key).await, Some(record.clone()));
    assert_eq!(fixture.count(AuditKind::CredentialRegistered).await, 1);

    // Another Relying Party knows nothing of it, and takes it.
    let elsewhere = Fixture {
        store: Arc::clone(&fixture.store),
        rp: fixture.another_rp().await,
        ..fixture
    };
    let carl = elsewhere.user("carl").await;
    let (_, finish) = answered(&elsewhere, &mut Passkey::new(&carl), &claims).await;
    assert_eq!(
        finish.send(&*fixture.store).await,
        Ok(FinishedRegistration::Registered)
    );
    let loaded = fixture
        .store
        .load_for_authentication(elsewhere.rp, finish.key().into(), &record.id)
        .await
        .unwrap();
    assert_eq!(loaded.credential.map(|found| found.1.clone()), Some(carl));
    // Once deleted, the id is free.
    let deleted = super::fixture::event(AuditKind::CredentialDeleted, fixture.rp);
    fixture
        .store
        .delete_credential(fixture.rp, ann.id, record.key, &deleted)
        .await
        .unwrap();
    let (_, finish) = answered(&fixture, &mut Passkey::new(&bob), &claims).await;
    assert_eq!(
        finish.send(&*fixture.store).await,
        Ok(FinishedRegistration::Registered)
    );
}

pub async fn a_user_has_at_most_so_many_credentials(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    fixture.passkey(&ann).await;
    fixture.passkey(&ann).await;
    for (user, max, expected) in [
        (&ann, 2, FinishedRegistration::TooManyCredentials),
        (&ann, 3, FinishedRegistration::Registered),
        (&ann, 3, FinishedRegistration::TooManyCredentials),
        (&bob, 0, FinishedRegistration::TooManyCredentials),
        (&bob, 1, FinishedRegistration::Registered),
    ] {
        let (ceremony, mut finish) =
            answered(&fixture, &mut Passkey::new(user), &Claims::default()).await;
        finish.max_credentials = max;
        assert_eq!(finish.send(&*fixture.store).await, Ok(expected));
        let stored = fixture.ceremony(ceremony.id).await.unwrap();
        let state = match expected {
            FinishedRegistration::Registered => CeremonyState::Succeeded {
                user: user.id,
                credential: finish.key(),
            },
            _ => CeremonyState::Failed(Reason::TooManyCredentials),
        };
        assert_eq!(stored.state(), state);
        assert_eq!(
            fixture.record(finish.key()).await.is_some(),
            expected == FinishedRegistration::Registered
        );
    }
}

pub async fn a_repeated_attempt_has_the_same_outcome_and_writes_nothing(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (_, record) = fixture.passkey(&ann).await;
    let (_, registered) = answered(&fixture, &mut Passkey::new(&ann), &Claims::default()).await;
    let (_, duplicate) = answered(
        &fixture,
        &mut Passkey::new(&ann),
        &with_id(record.id.as_bytes()),
    )
    .await;
    let (_, mut crowded) = answered(&fixture, &mut Passkey::new(&ann), &Claims::default()).await;
    crowded.max_credentials = 1;
    for (finish, expected) in [
        (registered, FinishedRegistration::Registered),
        (duplicate, FinishedRegistration::CredentialExists),
        (crowded, FinishedRegistration::TooManyCredentials),
    ] {
        assert_eq!(finish.send(&*fixture.store).await, Ok(expected));
        let before = (
            fixture.ceremony(finish.key().into()).await,
            fixture.record(finish.key()).await,
            fixture.events().await,
        );
        // Later, and when nothing would stand in the way any more.
        let late = RegistrationAttempt {
            now: at(LIFETIME + 1),
            max_credentials: 50,
            ..finish
        };
        assert_eq!(late.send(&*fixture.store).await, Ok(expected));
        let after = (
            fixture.ceremony(late.key().into()).await,
            fixture.record(late.key()).await,
            fixture.events().await,
        );
        assert_eq!(after, before);
        // An attempt that ended a registration cannot refuse it afterwards.
        let refused = fixture
            .refuse(
                late.key().into(),
                late.attempt,
                at(2),
                Reason::OriginNotAllowed,
            )
            .await;
        let failed = expected != FinishedRegistration::Registered;
        assert_eq!(
            refused,
            Ok(if failed { Refused::Done } else { Refused::Used })
        );
        assert_eq!(fixture.events().await, before.2);
    }
}

/// Sends all of them at once from as many tasks; the outcomes.
async fn race(
    fixture: &Fixture,
    registrations: Vec<RegistrationAttempt>,
) -> Vec<FinishedRegistration> {
    let tasks: Vec<_> = registrations
        .into_iter()
        .map(|finish| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { finish.send(&*store).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn count(outcomes: &[FinishedRegistration], wanted: FinishedRegistration) -> usize {
    outcomes.iter().filter(|o| **o == wanted).count()
}

pub async fn of_a_hundred_attempts_at_one_registration_one_wins(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let (_, finish) = answered(&fixture, &mut Passkey::new(&ann), &Claims::default()).await;
    let attempts = (0..100).map(|_| finish.another_attempt()).collect();
    let outcomes = race(&fixture, attempts).await;
    assert_eq!(count(&outcomes, FinishedRegistration::Registered), 1);
    assert_eq!(count(&outcomes, FinishedRegistration::Used), 99);
    assert_eq!(fixture.count(AuditKind::CredentialRegistered).await, 1);
}

pub async fn of_many_registrations_of_one_credential_id_one_wins(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let mut registrations = Vec::new();
    for n in 0..20 {
        let user = fixture.user(&format!("user {n}")).await;
        registrations.push(
            answered(&fixture, &mut Passkey::new(&user), &with_id(&[5; 32]))
                .await
                .1,
        );
    }
    let owners: Vec<_> = registrations
        .iter()
        .map(|e| (e.key(), e.credential.record().user))
        .collect();
    let id = registrations[0].credential.record().id.clone();
    let outcomes = race(&fixture, registrations).await;
    assert_eq!(count(&outcomes, FinishedRegistration::Registered), 1);
    assert_eq!(count(&outcomes, FinishedRegistration::CredentialExists), 19);
    let winner = outcomes
        .iter()
        .position(|o| *o == FinishedRegistration::Registered)
        .unwrap();
    let loaded = fixture
        .store
        .load_for_authentication(fixture.rp, owners[winner].0.into(), &id)
        .await
        .unwrap();
    assert_eq!(
        loaded.credential.map(|found| (found.0.key, found.1.id)),
        Some(owners[winner])
    );
    assert_eq!(fixture.count(AuditKind::CredentialRegistered).await, 1);
}

pub async fn many_registrations_at_once_stay_within_the_limit(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let mut registrations = Vec::new();
    for _ in 0..20 {
        let (_, finish) = answered(&fixture, &mut Passkey::new(&ann), &Claims::default()).await;
        registrations.push(RegistrationAttempt {
            max_credentials: 3,
            ..finish
        });
    }
    let outcomes = race(&fixture, registrations).await;
    assert_eq!(count(&outcomes, FinishedRegistration::Registered), 3);
    assert_eq!(
        count(&outcomes, FinishedRegistration::TooManyCredentials),
        17
    );
    let listed = fixture
        .store
        .list_credentials(fixture.rp, ann.id, PageRequest::first(50))
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 3);
}
