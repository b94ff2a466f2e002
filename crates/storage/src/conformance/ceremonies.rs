//! Ceremonies, as far as no credential is concerned.

use std::sync::Arc;

use std::collections::BTreeSet;

use domain::model::audit::{Actor, ActorKind, AuditKind};
use domain::model::ceremony::{Authentication, Ceremony, CeremonyState, Standing};
use domain::model::ids::{AccessKeyId, AttemptId, CeremonyId, CredentialKey};
use domain::model::page::PageRequest;
use domain::model::user::UserRef;
use domain::store::{AuthenticationFilter, Begin, BeginRegistration, CreateUser, Refused, Swept};
use webauthn::error::Reason;

use super::device::Claims;
use super::fixture::{
    Fixture, LIFETIME, NOW, StoreUnderTest, at, authentication, event, key, new_user, registration,
};

pub async fn a_ceremony_reads_back_as_begun_in_its_own_relying_party(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let other = fixture.another_rp().await;
    let ann = fixture.user("ann").await;
    let (_, record) = fixture.passkey(&ann).await;
    let restricted = Authentication {
        credential: Some(record.key),
        ..authentication(fixture.rp, Some(&ann), at(3))
    };
    for ceremony in [
        Ceremony::from(registration(&ann, at(1))),
        authentication(fixture.rp, None, at(2)).into(),
        restricted.into(),
    ] {
        fixture.begin(&ceremony).await;
        let id = ceremony.id();
        assert_eq!(fixture.ceremony(id).await, Some(ceremony.clone()));
        assert_eq!(fixture.store.ceremony(other, id).await, Ok(None));
        let loaded = fixture
            .store
            .load_for_authentication(fixture.rp, id, &record.id)
            .await
            .unwrap();
        let expected = ceremony.clone().authentication().map(Arc::new);
        assert_eq!(loaded.ceremony, expected);
        let expected = Some(Arc::new((record.clone(), ann.clone())));
        assert_eq!(loaded.credential, expected);
        let loaded = fixture
            .store
            .load_for_authentication(other, id, &record.id)
            .await
            .unwrap();
        assert!(loaded.ceremony.is_none() && loaded.credential.is_none());
    }
    assert_eq!(fixture.ceremony(CeremonyId(key())).await, None);
}

pub async fn a_registration_begins_with_a_new_user_or_an_old_one(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = new_user(fixture.rp, "ann", NOW);
    let first = registration(&ann, at(1));
    let events = [
        event(AuditKind::RegistrationStarted, fixture.rp),
        event(AuditKind::UserCreated, fixture.rp),
    ];
    let begin = BeginRegistration {
        ceremony: &first,
        new_user: Some(&ann),
        displaced: &[],
        events: &events,
    };
    assert_eq!(
        store.begin_registration(begin.clone()).await,
        Ok(Begin::Begun)
    );
    assert_eq!(
        store.user(fixture.rp, UserRef::Name("ann")).await,
        Ok(Some(ann.clone()))
    );
    assert_eq!(fixture.ceremony(first.id).await, Some(first.clone().into()));
    assert_eq!(fixture.count(AuditKind::RegistrationStarted).await, 1);
    assert_eq!(fixture.count(AuditKind::UserCreated).await, 1);

    // Somebody else makes a user of that name at the same time.
    let twin = new_user(fixture.rp, "ann", at(1));
    let second = registration(&twin, at(1));
    let events = [event(AuditKind::RegistrationStarted, fixture.rp)];
    let begin = BeginRegistration {
        ceremony: &second,
        new_user: Some(&twin),
        events: &events,
        ..begin
    };
    assert_eq!(
        store.begin_registration(begin.clone()).await,
        Ok(Begin::UserExists)
    );
    assert_eq!(fixture.ceremony(second.id).await, None);

    let third = registration(&ann, at(2));
    let begin = BeginRegistration {
        ceremony: &third,
        new_user: None,
        ..begin
    };
    assert_eq!(
        store.begin_registration(begin.clone()).await,
        Ok(Begin::Begun)
    );
    assert_eq!(fixture.ceremony(third.id).await, Some(third.clone().into()));
    assert_eq!(fixture.count(AuditKind::RegistrationStarted).await, 2);

    let deleted = event(AuditKind::UserDeleted, fixture.rp);
    assert_eq!(
        store.delete_user(fixture.rp, ann.id, &deleted).await,
        Ok(true)
    );
    let fourth = registration(&ann, at(3));
    let events = [event(AuditKind::RegistrationStarted, fixture.rp)];
    let begin = BeginRegistration {
        ceremony: &fourth,
        events: &events,
        ..begin
    };
    assert_eq!(store.begin_registration(begin).await, Ok(Begin::UserGone));
    assert_eq!(fixture.ceremony(fourth.id).await, None);
    assert_eq!(fixture.count(AuditKind::RegistrationStarted).await, 2);

    let elsewhere = new_user(domain::model::ids::RelyingPartyId(key()), "ann", NOW);
    let fifth = registration(&elsewhere, NOW);
    let begin = BeginRegistration {
        ceremony: &fifth,
        new_user: Some(&elsewhere),
        displaced: &[],
        events: &[],
    };
    assert_eq!(store.begin_registration(begin).await, Ok(Begin::UserGone));
    assert_eq!(
        store
            .user(elsewhere.relying_party, UserRef::Name("ann"))
            .await,
        Ok(None)
    );
}

pub async fn an_authentication_needs_its_user_and_its_relying_party(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let other = fixture.another_rp().await;
    fixture
        .begin(&authentication(fixture.rp, Some(&ann), NOW))
        .await;
    fixture.begin(&authentication(fixture.rp, None, NOW)).await;

    let gone = [
        authentication(fixture.rp, Some(&new_user(fixture.rp, "bob", NOW)), NOW),
        authentication(other, Some(&ann), NOW),
        authentication(domain::model::ids::RelyingPartyId(key()), None, NOW),
    ];
    for ceremony in gone {
        assert_eq!(fixture.try_begin(&ceremony, &[]).await, Ok(Begin::UserGone));
        let stored = fixture
            .store
            .ceremony(ceremony.relying_party, ceremony.id)
            .await;
        assert_eq!(stored, Ok(None));
    }
}

pub async fn a_start_removes_the_pending_ceremonies_that_it_displaces(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let other = fixture.another_rp().await;
    let ann = fixture.user("ann").await;
    let begun = |created| authentication(fixture.rp, Some(&ann), at(created));
    let (pending, taken, left) = (begun(0), begun(1), begun(2));
    let registering = registration(&ann, at(3));
    for ceremony in [&pending, &taken, &left] {
        fixture.begin(ceremony).await;
    }
    fixture.begin(&registering).await;
    let elsewhere = authentication(other, None, NOW);
    fixture.begin(&elsewhere).await;
    let refused = fixture
        .refuse(taken.id, AttemptId(key()), at(1), Reason::SignatureInvalid)
        .await;
    assert_eq!(refused, Ok(Refused::Done));

    // A start that does not come about displaces nothing.
    let displaced = [pending.id, taken.id, elsewhere.id, CeremonyId(key())];
    let nobody = authentication(fixture.rp, Some(&new_user(fixture.rp, "bob", NOW)), at(4));
    let outcome = fixture.try_begin(&nobody, &displaced).await;
    assert_eq!(outcome, Ok(Begin::UserGone));
    assert!(fixture.ceremony(pending.id).await.is_some());

    let next = begun(4);
    let outcome = fixture.try_begin(&next, &displaced).await;
    assert_eq!(outcome, Ok(Begin::Begun));
    for (ceremony, there) in [
        (pending.id, false),
        (taken.id, true),
        (left.id, true),
        (registering.id, true),
        (next.id, true),
    ] {
        assert_eq!(fixture.ceremony(ceremony).await.is_some(), there);
    }
    let found = fixture.store.ceremony(other, elsewhere.id).await;
    assert_eq!(found, Ok(Some(elsewhere.into())));

    // Registrations have the same rule.
    let next = registration(&ann, at(5));
    let outcome = fixture.try_begin(&next, &[registering.id]).await;
    assert_eq!(outcome, Ok(Begin::Begun));
    assert!(fixture.ceremony(registering.id).await.is_none());
    assert!(fixture.ceremony(next.id).await.is_some());
}

pub async fn a_start_that_is_sent_again_begins_once(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = new_user(fixture.rp, "ann", NOW);
    let registering = registration(&ann, NOW);
    let events = [
        event(AuditKind::RegistrationStarted, fixture.rp),
        event(AuditKind::UserCreated, fixture.rp),
    ];
    let begin = BeginRegistration {
        ceremony: &registering,
        new_user: Some(&ann),
        displaced: &[],
        events: &events,
    };
    let signing_in = authentication(fixture.rp, Some(&ann), NOW);
    let bob = new_user(fixture.rp, "bob", NOW);
    let created = event(AuditKind::UserCreated, fixture.rp);
    for _ in 0..3 {
        let outcome = store.begin_registration(begin.clone()).await;
        assert_eq!(outcome, Ok(Begin::Begun));
        fixture.begin(&signing_in).await;
        let outcome = store.create_user(&bob, &created).await;
        assert_eq!(outcome, Ok(CreateUser::Created));
    }
    assert_eq!(fixture.count(AuditKind::RegistrationStarted).await, 1);
    assert_eq!(fixture.count(AuditKind::UserCreated).await, 2);
    let listed = store.list_users(fixture.rp, PageRequest::first(10)).await;
    assert_eq!(listed.unwrap().items.len(), 2);
    assert_eq!(
        fixture.ceremony(registering.id).await,
        Some(registering.into())
    );

    // A start that comes late leaves what happened meanwhile as it is.
    let refused = fixture
        .refuse(
            signing_in.id,
            AttemptId(key()),
            at(1),
            Reason::SignatureInvalid,
        )
        .await;
    assert_eq!(refused, Ok(Refused::Done));
    fixture.begin(&signing_in).await;
    let stands = fixture.ceremony(signing_in.id).await.unwrap().state();
    assert_eq!(stands, CeremonyState::Failed(Reason::SignatureInvalid));
}

pub async fn a_ceremony_is_refused_once(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let other = fixture.another_rp().await;
    for ceremony in [
        Ceremony::from(registration(&ann, NOW)),
        authentication(fixture.rp, None, NOW).into(),
    ] {
        let id = ceremony.id();
        fixture.begin(&ceremony).await;
        let before = fixture.events().await.len();
        let attempt = AttemptId(key());
        let refuse = |attempt, now, reason| fixture.refuse(id, attempt, now, reason);
        // From the moment of its expiry on, nobody takes it.
        for late in [LIFETIME, LIFETIME + 1] {
            let outcome = refuse(attempt, at(late), Reason::OriginNotAllowed).await;
            assert_eq!(outcome, Ok(Refused::Expired));
        }
        assert_eq!(fixture.ceremony(id).await, Some(ceremony.clone()));
        assert_eq!(fixture.events().await.len(), before);

        let last = at(LIFETIME - 1);
        let outcome = refuse(attempt, last, Reason::SignatureInvalid).await;
        assert_eq!(outcome, Ok(Refused::Done));
        let mut failed = ceremony.clone();
        let (state, updated) = match &mut failed {
            Ceremony::Registration(c) => (&mut c.state, &mut c.updated),
            Ceremony::Authentication(c) => (&mut c.state, &mut c.updated),
        };
        *state = CeremonyState::Failed(Reason::SignatureInvalid);
        *updated = last;
        assert_eq!(fixture.ceremony(id).await, Some(failed.clone()));
        assert_eq!(fixture.events().await.len(), before + 1);

        // The same attempt again, even late, and another one.
        let outcome = refuse(attempt, at(LIFETIME), Reason::SignatureInvalid).await;
        assert_eq!(outcome, Ok(Refused::Done));
        let outcome = refuse(AttemptId(key()), at(2), Reason::OriginNotAllowed).await;
        assert_eq!(outcome, Ok(Refused::Used));
        assert_eq!(fixture.ceremony(id).await, Some(failed));
        assert_eq!(fixture.events().await.len(), before + 1);

        let elsewhere = Fixture {
            store: std::sync::Arc::clone(&fixture.store),
            rp: other,
            ..fixture
        };
        let outcome = elsewhere
            .refuse(id, AttemptId(key()), at(2), Reason::OriginNotAllowed)
            .await;
        assert_eq!(outcome, Ok(Refused::Gone));
    }
    let nothing = CeremonyId(key());
    let outcome = fixture
        .refuse(nothing, AttemptId(key()), at(2), Reason::OriginNotAllowed)
        .await;
    assert_eq!(outcome, Ok(Refused::Gone));
}

pub async fn a_list_of_ceremonies_shows_what_its_filter_says(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;
    let named = |created| authentication(fixture.rp, Some(&ann), at(created));

    let expired = named(-LIFETIME);
    let pending = named(2);
    let failed = named(3);
    let restricted = Authentication {
        credential: Some(record.key),
        ..named(4)
    };
    let bobs = authentication(fixture.rp, Some(&bob), at(5));
    let of_nobody = authentication(fixture.rp, None, at(6));
    let started = registration(&ann, at(7));
    for c in [&expired, &pending, &failed, &restricted, &bobs, &of_nobody] {
        fixture.begin(c).await;
    }
    fixture.begin(&started).await;
    let sign_in = fixture
        .answered(&mut passkey, &record, &Claims::default())
        .await;
    sign_in.send(&*fixture.store).await.unwrap();
    fixture
        .refuse(failed.id, AttemptId(key()), at(8), Reason::SignatureInvalid)
        .await
        .unwrap();

    let filter = AuthenticationFilter {
        standing: None,
        credential: None,
        now: at(9),
    };
    let expired_or = |standing| AuthenticationFilter {
        standing: Some(standing),
        ..filter
    };
    let cases: [(AuthenticationFilter, &[CeremonyId]); 8] = [
        (
            filter,
            &[
                expired.id,
                sign_in.ceremony,
                pending.id,
                failed.id,
                restricted.id,
            ],
        ),
        (expired_or(Standing::Pending), &[pending.id, restricted.id]),
        (expired_or(Standing::Expired), &[expired.id]),
        (expired_or(Standing::Succeeded), &[sign_in.ceremony]),
        (expired_or(Standing::Failed), &[failed.id]),
        // At the moment before, the first one was pending still.
        (
            AuthenticationFilter {
                now: at(-1),
                ..expired_or(Standing::Pending)
            },
            &[expired.id, pending.id, restricted.id],
        ),
        (
            AuthenticationFilter {
                credential: Some(record.key),
                ..filter
            },
            &[sign_in.ceremony, restricted.id],
        ),
        (
            AuthenticationFilter {
                credential: Some(CredentialKey(key())),
                ..filter
            },
            &[],
        ),
    ];
    for (filter, expected) in cases {
        let page = fixture
            .store
            .list_authentications(fixture.rp, ann.id, filter, PageRequest::first(20))
            .await
            .unwrap();
        let listed: Vec<_> = page.items.iter().map(|c| c.id).collect();
        assert_eq!(listed, expected, "{filter:?}");
        for ceremony in page.items {
            assert_eq!(fixture.ceremony(ceremony.id).await, Some(ceremony.into()));
        }
    }
    // The registration that succeeded is shown as its credential.
    let unfinished = fixture
        .store
        .list_unfinished_registrations(fixture.rp, ann.id, PageRequest::first(20))
        .await
        .unwrap();
    assert_eq!(unfinished.items, [started]);
}

pub async fn an_unfinished_registration_is_renamed_and_deleted(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let ann = fixture.user("ann").await;
    let bob = fixture.user("bob").await;
    let (_, record) = fixture.passkey(&ann).await;
    let pending = registration(&ann, NOW);
    let failed = registration(&ann, NOW);
    let sign_in = authentication(fixture.rp, Some(&ann), NOW);
    for ceremony in [&pending, &failed] {
        fixture.begin(ceremony).await;
    }
    fixture.begin(&sign_in).await;
    fixture
        .refuse(failed.id, AttemptId(key()), at(1), Reason::SignatureInvalid)
        .await
        .unwrap();

    let not_these = [
        (ann.id, record.key.into()),
        (ann.id, sign_in.id),
        (bob.id, pending.id),
        (ann.id, CeremonyId(key())),
    ];
    for (user, id) in not_these {
        let answer = store
            .rename_registration(fixture.rp, user, id, "x", at(2))
            .await;
        assert_eq!(answer, Ok(None));
        assert_eq!(
            store.delete_registration(fixture.rp, user, id).await,
            Ok(false)
        );
    }
    for id in [pending.id, failed.id] {
        let found = fixture.ceremony(id).await;
        let mut expected = found.and_then(Ceremony::registration).unwrap();
        expected.asked.credential_name = "new \"name\"".into();
        expected.updated = at(2);
        let answer = store
            .rename_registration(fixture.rp, ann.id, id, "new \"name\"", at(2))
            .await;
        assert_eq!(answer, Ok(Some(expected.clone())));
        assert_eq!(fixture.ceremony(id).await, Some(expected.into()));
        assert_eq!(
            store.delete_registration(fixture.rp, ann.id, id).await,
            Ok(true)
        );
        assert_eq!(
            store.delete_registration(fixture.rp, ann.id, id).await,
            Ok(false)
        );
        assert_eq!(fixture.ceremony(id).await, None);
    }
    assert!(fixture.ceremony(sign_in.id).await.is_some());
    assert!(fixture.record(record.key).await.is_some());
}

pub async fn the_sweep_removes_what_is_old_within_its_budget(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = Fixture {
        store: std::sync::Arc::clone(store),
        rp: fixture.another_rp().await,
        ..fixture
    };
    // More than one job's worth, spread over both.
    let mut ceremonies = Vec::new();
    for n in 0..1300 {
        let ceremony = authentication(if n % 2 == 0 { fixture.rp } else { other.rp }, None, at(n));
        fixture.begin(&ceremony).await;
        ceremonies.push(ceremony);
    }
    let there = || async {
        let mut found = BTreeSet::new();
        for (n, c) in ceremonies.iter().enumerate() {
            if store
                .ceremony(c.relying_party, c.id)
                .await
                .unwrap()
                .is_some()
            {
                found.insert(n);
            }
        }
        found
    };
    // The one that expires at that very moment stays.
    let before = at(LIFETIME + 1250);
    let swept = store.sweep(before, at(-1), at(-1), 1200).await;
    assert_eq!(
        swept,
        Ok(Swept {
            ceremonies: 1200,
            ..Swept::default()
        })
    );
    assert_eq!(there().await, (1200..1300).collect());
    let swept = store.sweep(before, at(-1), at(-1), 1200).await;
    assert_eq!(
        swept,
        Ok(Swept {
            ceremonies: 50,
            ..Swept::default()
        })
    );
    assert_eq!(there().await, (1250..1300).collect());

    // Events: one of NOW in each Relying Party, and four more of later.
    for (rp, millis) in [
        (fixture.rp, 1),
        (other.rp, 2),
        (fixture.rp, 3),
        (other.rp, 3),
    ] {
        let user = new_user(rp, &format!("user {millis}"), NOW);
        let created = domain::model::audit::AuditEvent {
            at: at(millis),
            ..event(AuditKind::UserCreated, rp)
        };
        store.create_user(&user, &created).await.unwrap();
    }
    let gone = store.delete_relying_party(other.rp, NOW).await;
    assert_eq!(gone, Ok(true));
    let swept = store.sweep(at(0), at(3), at(-1), 1).await;
    assert_eq!(
        swept,
        Ok(Swept {
            deletions: 1,
            events: 1,
            ..Swept::default()
        })
    );
    assert_eq!(fixture.events().await.len() + other.events().await.len(), 5);
    let swept = store.sweep(at(0), at(3), at(-1), 100).await;
    assert_eq!(
        swept,
        // Of the deleted one: its 25 ceremonies less one, two users, and the mark.
        Ok(Swept {
            deletions: 27,
            events: 3,
            ..Swept::default()
        })
    );
    for w in [&fixture, &other] {
        assert_eq!(
            w.events().await.iter().map(|e| e.at).collect::<Vec<_>>(),
            [at(3)]
        );
    }
}

pub async fn an_event_reads_back_as_written(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let ann = fixture.user("ann").await;
    let mut written = Vec::new();
    for (n, kind) in AuditKind::ALL.iter().copied().enumerate() {
        let actor = Actor::new(ActorKind::ALL[n % ActorKind::ALL.len()], "some wire");
        let plain = event(kind, fixture.rp);
        let mut full = event(kind, fixture.rp)
            .of(&ann)
            .credential(CredentialKey(key()))
            .ceremony(CeremonyId(key()))
            .reason(Reason::OriginNotAllowed);
        full.actor = actor
            .access_key(AccessKeyId(key()))
            .agent("Browser/1.0 \u{e9}")
            .at(Some(if n % 2 == 0 {
                [192, 0, 2, 7].into()
            } else {
                [0x2001, 0xdb8, 0, 0, 0, 0, 0, 7].into()
            }));
        for event in [plain, full] {
            let hook = BeginRegistration {
                ceremony: &registration(&ann, NOW),
                new_user: None,
                displaced: &[],
                events: std::slice::from_ref(&event),
            };
            assert_eq!(
                fixture.store.begin_registration(hook).await,
                Ok(Begin::Begun)
            );
            written.push(event);
        }
    }
    let stored = fixture.events().await;
    for event in written {
        let found = stored.iter().find(|e| e.id == event.id);
        assert_eq!(found, Some(&event));
    }
}
