//! The end of a registration.

use std::sync::Arc;

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ceremony::{Authentication, CeremonyState, Registration};
use domain::model::ids::AttemptId;
use domain::model::page::PageRequest;
use domain::store::{FinishedRegistration, Refused};
use testkit::Lies;
use webauthn::error::Reason;

use super::fixture::{
    Bed, Enrol, LIFETIME, NOW, Passkey, World, at, authentication, key, registration,
};

/// A started registration of a user with its verified answer.
async fn answered(world: &World, passkey: &mut Passkey, lies: &Lies) -> (Registration, Enrol) {
    let ceremony = registration(&passkey.user, NOW);
    world.begin(&ceremony).await;
    let enrol = passkey.enrol_with(&ceremony, at(1), lies);
    (ceremony, enrol)
}

/// Makes an authenticator answer with a credential id that another one has chosen already.
pub(crate) fn with_id(id: &[u8]) -> Lies {
    let text = testkit::base64url(id);
    Lies {
        attested_credential_id: Some(id.to_vec()),
        id: Some(text.clone()),
        raw_id: Some(text),
        ..Lies::default()
    }
}

pub(crate) async fn a_verified_registration_becomes_a_credential(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let ann = world.user("ann").await;
    let mut passkey = Passkey::new(&ann);
    let (ceremony, enrol) = answered(&world, &mut passkey, &Lies::default()).await;
    assert_eq!(
        enrol.send(&*world.store).await,
        Ok(FinishedRegistration::Registered)
    );

    let record = enrol.credential.record();
    let stored = world.store.credential(world.rp, enrol.key()).await;
    assert_eq!(stored, Ok(Some((record.clone(), ann))));
    let kept = world.store.evidence(world.rp, enrol.key()).await;
    assert_eq!(kept, Ok(Some(enrol.credential.evidence())));
    let succeeded = Registration {
        state: CeremonyState::Succeeded {
            user: ceremony.user,
            credential: enrol.key(),
        },
        updated: at(1),
        ..ceremony.clone()
    };
    assert_eq!(world.ceremony(ceremony.id).await, Some(succeeded.into()));
    let events = world.events().await;
    assert_eq!(events.iter().filter(|e| **e == enrol.event).count(), 1);
}

pub(crate) async fn a_registration_that_the_store_refuses_is_recorded_as_refused(
    bed: &mut dyn Bed,
) {
    let world = World::new(bed).await;
    let ann = world.user("ann").await;
    let (_, record) = world.passkey(&ann).await;
    let with_taken_id = with_id(record.id.as_bytes());
    for (lies, max, reason) in [
        (with_taken_id, 50, Reason::CredentialExists),
        (Lies::default(), 1, Reason::TooManyCredentials),
    ] {
        let (_, mut enrol) = answered(&world, &mut Passkey::new(&ann), &lies).await;
        enrol.max_credentials = max;
        let before = world.events().await.len();
        for _ in 0..2 {
            enrol.send(&*world.store).await.unwrap();
        }
        let events = world.events().await;
        assert_eq!(events.len(), before + 1);
        let expected = AuditEvent {
            kind: AuditKind::RegistrationRefused,
            credential: None,
            reason: Some(reason),
            ..enrol.event.clone()
        };
        assert!(events.contains(&expected), "{events:?}");
    }
}

pub(crate) async fn a_registration_is_taken_only_while_it_is_open(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let store = &*world.store;
    let ann = world.user("ann").await;
    let mut passkey = Passkey::new(&ann);

    // Never begun.
    let ceremony = registration(&ann, NOW);
    let enrol = passkey.enrol(&ceremony, at(1));
    assert_eq!(enrol.send(store).await, Ok(FinishedRegistration::Gone));

    // Begun, but its time has passed.
    let (ceremony, mut enrol) = answered(&world, &mut passkey, &Lies::default()).await;
    enrol.now = at(LIFETIME);
    assert_eq!(enrol.send(store).await, Ok(FinishedRegistration::Expired));
    assert_eq!(world.ceremony(ceremony.id).await, Some(ceremony.into()));
    enrol.now = at(LIFETIME - 1);
    assert_eq!(
        enrol.send(store).await,
        Ok(FinishedRegistration::Registered)
    );
    assert_eq!(
        enrol.another_attempt().send(store).await,
        Ok(FinishedRegistration::Used)
    );

    // Refused before.
    let (ceremony, enrol) = answered(&world, &mut passkey, &Lies::default()).await;
    world
        .refuse(
            ceremony.id,
            AttemptId(key()),
            at(1),
            Reason::OriginNotAllowed,
        )
        .await
        .unwrap();
    assert_eq!(enrol.send(store).await, Ok(FinishedRegistration::Used));
    // An attempt that refused it cannot come back as a success.
    let (ceremony, enrol) = answered(&world, &mut passkey, &Lies::default()).await;
    world
        .refuse(ceremony.id, enrol.attempt, at(1), Reason::OriginNotAllowed)
        .await
        .unwrap();
    assert_eq!(enrol.send(store).await, Ok(FinishedRegistration::Used));

    // Deleted, or swept, before.
    let (ceremony, enrol) = answered(&world, &mut passkey, &Lies::default()).await;
    assert_eq!(
        store
            .delete_registration(world.rp, ann.id, ceremony.id)
            .await,
        Ok(true)
    );
    assert_eq!(enrol.send(store).await, Ok(FinishedRegistration::Gone));

    // The key of an authentication is the key of no registration.
    let (ceremony, enrol) = answered(&world, &mut passkey, &Lies::default()).await;
    store
        .delete_registration(world.rp, ann.id, ceremony.id)
        .await
        .unwrap();
    let impostor = Authentication {
        id: ceremony.id,
        ..authentication(world.rp, Some(&ann), NOW)
    };
    world.begin(&impostor).await;
    assert_eq!(enrol.send(store).await, Ok(FinishedRegistration::Gone));

    let listed = store
        .list_credentials(world.rp, ann.id, PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(world.count(AuditKind::CredentialRegistered).await, 1);
}

pub(crate) async fn a_credential_id_is_registered_once_in_a_relying_party(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let ann = world.user("ann").await;
    let bob = world.user("bob").await;
    let (_, record) = world.passkey(&ann).await;
    let lies = with_id(record.id.as_bytes());
    for user in [&bob, &ann] {
        let (ceremony, enrol) = answered(&world, &mut Passkey::new(user), &lies).await;
        assert_eq!(enrol.credential.record().id, record.id);
        let outcome = enrol.send(&*world.store).await;
        assert_eq!(outcome, Ok(FinishedRegistration::CredentialExists));
        let failed = Registration {
            state: CeremonyState::Failed(Reason::CredentialExists),
            updated: at(1),
            ..ceremony.clone()
        };
        assert_eq!(world.ceremony(ceremony.id).await, Some(failed.into()));
        let again = enrol.another_attempt().send(&*world.store).await;
        assert_eq!(again, Ok(FinishedRegistration::Used));
    }
    assert_eq!(world.record(record.key).await, Some(record.clone()));
    assert_eq!(world.count(AuditKind::CredentialRegistered).await, 1);

    // Another Relying Party knows nothing of it, and takes it.
    let elsewhere = World {
        store: Arc::clone(&world.store),
        rp: world.another_rp().await,
        ..world
    };
    let carl = elsewhere.user("carl").await;
    let (_, enrol) = answered(&elsewhere, &mut Passkey::new(&carl), &lies).await;
    assert_eq!(
        enrol.send(&*world.store).await,
        Ok(FinishedRegistration::Registered)
    );
    let loaded = world
        .store
        .load_for_authentication(elsewhere.rp, enrol.key().into(), &record.id)
        .await
        .unwrap();
    assert_eq!(loaded.credential.map(|(_, owner)| owner), Some(carl));
    // Once deleted, the id is free.
    let deleted = super::fixture::event(AuditKind::CredentialDeleted, world.rp);
    world
        .store
        .delete_credential(world.rp, ann.id, record.key, &deleted)
        .await
        .unwrap();
    let (_, enrol) = answered(&world, &mut Passkey::new(&bob), &lies).await;
    assert_eq!(
        enrol.send(&*world.store).await,
        Ok(FinishedRegistration::Registered)
    );
}

pub(crate) async fn a_user_has_at_most_so_many_credentials(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let ann = world.user("ann").await;
    let bob = world.user("bob").await;
    world.passkey(&ann).await;
    world.passkey(&ann).await;
    for (user, max, expected) in [
        (&ann, 2, FinishedRegistration::TooManyCredentials),
        (&ann, 3, FinishedRegistration::Registered),
        (&ann, 3, FinishedRegistration::TooManyCredentials),
        (&bob, 0, FinishedRegistration::TooManyCredentials),
        (&bob, 1, FinishedRegistration::Registered),
    ] {
        let (ceremony, mut enrol) =
            answered(&world, &mut Passkey::new(user), &Lies::default()).await;
        enrol.max_credentials = max;
        assert_eq!(enrol.send(&*world.store).await, Ok(expected));
        let stored = world.ceremony(ceremony.id).await.unwrap();
        let state = match expected {
            FinishedRegistration::Registered => CeremonyState::Succeeded {
                user: user.id,
                credential: enrol.key(),
            },
            _ => CeremonyState::Failed(Reason::TooManyCredentials),
        };
        assert_eq!(stored.state(), state);
        assert_eq!(
            world.record(enrol.key()).await.is_some(),
            expected == FinishedRegistration::Registered
        );
    }
}

pub(crate) async fn a_repeated_attempt_has_the_same_outcome_and_writes_nothing(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let ann = world.user("ann").await;
    let (_, record) = world.passkey(&ann).await;
    let (_, registered) = answered(&world, &mut Passkey::new(&ann), &Lies::default()).await;
    let (_, duplicate) = answered(
        &world,
        &mut Passkey::new(&ann),
        &with_id(record.id.as_bytes()),
    )
    .await;
    let (_, mut crowded) = answered(&world, &mut Passkey::new(&ann), &Lies::default()).await;
    crowded.max_credentials = 1;
    for (enrol, expected) in [
        (registered, FinishedRegistration::Registered),
        (duplicate, FinishedRegistration::CredentialExists),
        (crowded, FinishedRegistration::TooManyCredentials),
    ] {
        assert_eq!(enrol.send(&*world.store).await, Ok(expected));
        let before = (
            world.ceremony(enrol.key().into()).await,
            world.record(enrol.key()).await,
            world.events().await,
        );
        // Later, and when nothing would stand in the way any more.
        let late = Enrol {
            now: at(LIFETIME + 1),
            max_credentials: 50,
            ..enrol
        };
        assert_eq!(late.send(&*world.store).await, Ok(expected));
        let after = (
            world.ceremony(late.key().into()).await,
            world.record(late.key()).await,
            world.events().await,
        );
        assert_eq!(after, before);
        // An attempt that ended a registration cannot refuse it afterwards.
        let refused = world
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
        assert_eq!(world.events().await, before.2);
    }
}

/// Sends all of them at once from as many tasks; the outcomes.
async fn race(world: &World, enrols: Vec<Enrol>) -> Vec<FinishedRegistration> {
    let tasks: Vec<_> = enrols
        .into_iter()
        .map(|enrol| {
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { enrol.send(&*store).await.unwrap() })
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

pub(crate) async fn of_a_hundred_attempts_at_one_registration_one_wins(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let ann = world.user("ann").await;
    let (_, enrol) = answered(&world, &mut Passkey::new(&ann), &Lies::default()).await;
    let attempts = (0..100).map(|_| enrol.another_attempt()).collect();
    let outcomes = race(&world, attempts).await;
    assert_eq!(count(&outcomes, FinishedRegistration::Registered), 1);
    assert_eq!(count(&outcomes, FinishedRegistration::Used), 99);
    assert_eq!(world.count(AuditKind::CredentialRegistered).await, 1);
}

pub(crate) async fn of_many_registrations_of_one_credential_id_one_wins(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let mut enrols = Vec::new();
    for n in 0..20 {
        let user = world.user(&format!("user {n}")).await;
        enrols.push(
            answered(&world, &mut Passkey::new(&user), &with_id(&[5; 32]))
                .await
                .1,
        );
    }
    let owners: Vec<_> = enrols
        .iter()
        .map(|e| (e.key(), e.credential.record().user))
        .collect();
    let id = enrols[0].credential.record().id.clone();
    let outcomes = race(&world, enrols).await;
    assert_eq!(count(&outcomes, FinishedRegistration::Registered), 1);
    assert_eq!(count(&outcomes, FinishedRegistration::CredentialExists), 19);
    let winner = outcomes
        .iter()
        .position(|o| *o == FinishedRegistration::Registered)
        .unwrap();
    let loaded = world
        .store
        .load_for_authentication(world.rp, owners[winner].0.into(), &id)
        .await
        .unwrap();
    assert_eq!(
        loaded.credential.map(|(c, owner)| (c.key, owner.id)),
        Some(owners[winner])
    );
    assert_eq!(world.count(AuditKind::CredentialRegistered).await, 1);
}

pub(crate) async fn many_registrations_at_once_stay_within_the_limit(bed: &mut dyn Bed) {
    let world = World::new(bed).await;
    let ann = world.user("ann").await;
    let mut enrols = Vec::new();
    for _ in 0..20 {
        let (_, enrol) = answered(&world, &mut Passkey::new(&ann), &Lies::default()).await;
        enrols.push(Enrol {
            max_credentials: 3,
            ..enrol
        });
    }
    let outcomes = race(&world, enrols).await;
    assert_eq!(count(&outcomes, FinishedRegistration::Registered), 3);
    assert_eq!(
        count(&outcomes, FinishedRegistration::TooManyCredentials),
        17
    );
    let listed = world
        .store
        .list_credentials(world.rp, ann.id, PageRequest::first(50))
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 3);
}
