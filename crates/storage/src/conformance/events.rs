//! The audit trail, searched.

use std::sync::Arc;

use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::ids::{CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::store::{About, EventFilter, FoundEvents};
use webauthn::error::Reason;

use super::fixture::{Fixture, SOMEBODY, StoreUnderTest, at, event, key, new_user};

/// Filters of each kind, and of several kinds together.
fn filters(ceremony: CeremonyId, somebody: UserId) -> Vec<EventFilter> {
    let all = EventFilter::default();
    let kinds = |kinds: &[AuditKind]| EventFilter {
        kinds: Some(kinds.to_vec()),
        ..EventFilter::default()
    };
    let about = |about: About| EventFilter {
        about: Some(about),
        ..EventFilter::default()
    };
    vec![
        all.clone(),
        about(About::Ceremony(ceremony)),
        about(About::Ceremony(CeremonyId(key()))),
        // One event has the key, and another one the name.
        about(About::User(somebody, "user 15".to_owned())),
        about(About::User(UserId(key()), "user 1".to_owned())),
        about(About::Refusal(Reason::SignatureInvalid)),
        about(About::Refusal(Reason::OriginNotAllowed)),
        EventFilter {
            about: Some(About::Ceremony(ceremony)),
            until: Some(at(9)),
            ..kinds(&[AuditKind::UserCreated])
        },
        EventFilter {
            about: Some(About::Ceremony(ceremony)),
            ..kinds(&[AuditKind::UserDeleted])
        },
        kinds(&[AuditKind::UserDeleted]),
        kinds(&[AuditKind::UserDeleted, AuditKind::RelyingPartyCreated]),
        kinds(&[AuditKind::Authenticated]),
        kinds(&[]),
        EventFilter {
            actor: Some(ActorKind::Api),
            ..all.clone()
        },
        EventFilter {
            actor: Some(ActorKind::Unknown),
            from: Some(at(3)),
            until: Some(at(9)),
            ..kinds(&[AuditKind::UserCreated])
        },
        EventFilter {
            from: Some(at(5)),
            until: Some(at(5)),
            ..all.clone()
        },
        EventFilter {
            wanted: Some(Arc::new(|event| event.signals.ends_with('7'))),
            ..all.clone()
        },
    ]
}

pub async fn events_are_found_by_what_a_filter_says(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    // After the creation of the Relying Party: pairs of each moment, by two kinds of parties.
    let mut written = fixture.events().await;
    let (ceremony, mut somebody) = (CeremonyId(key()), UserId(key()));
    for n in 0..40 {
        let by = if n % 3 == 0 {
            Actor::new(ActorKind::Api, "test")
        } else {
            SOMEBODY
        };
        let user = new_user(fixture.rp, &format!("user {n}"), at(1));
        let created = AuditEvent {
            at: at(1 + n / 2),
            user: (n % 4 == 0).then_some(user.id),
            user_name: (n % 5 == 0).then(|| user.name.clone()),
            ceremony: (n % 6 == 0).then_some(ceremony),
            reason: (n % 7 == 0).then_some(Reason::SignatureInvalid),
            signals: format!("number {n}"),
            actor: by,
            ..event(AuditKind::UserCreated, fixture.rp)
        };
        if n == 12 {
            somebody = user.id;
        }
        store.create_user(&user, &created).await.unwrap();
        let deleted = AuditEvent {
            at: created.at,
            ..event(AuditKind::UserDeleted, fixture.rp)
        };
        store
            .delete_user(fixture.rp, user.id, &deleted)
            .await
            .unwrap();
        written.extend([created, deleted]);
    }
    written.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let all = EventFilter::default();
    for filter in filters(ceremony, somebody) {
        let mut expected = written.clone();
        expected.retain(|event| {
            filter.accepts(event)
                && filter.from.is_none_or(|from| event.at >= from)
                && filter.until.is_none_or(|until| event.at < until)
        });
        for limit in [0, 1, 5, 1000] {
            let found = store.find_events(fixture.rp, &filter, limit).await.unwrap();
            let most = expected.len().min(limit as usize);
            assert_eq!(found.events, expected[..most], "{filter:?}");
            assert_eq!(found.complete, most == expected.len(), "{filter:?}");
        }
    }
    // Of its own Relying Party only, which need not be there any more.
    for (rp, count) in [(other, 1), (RelyingPartyId(key()), 0)] {
        let found = store.find_events(rp, &all, 10).await.unwrap();
        assert_eq!((found.events.len(), found.complete), (count, true));
    }
    let gone = store.delete_relying_party(fixture.rp, at(100)).await;
    assert_eq!(gone, Ok(true));
    let found = store.find_events(fixture.rp, &all, 1000).await;
    let complete = FoundEvents {
        events: written,
        complete: true,
        stopped: None,
    };
    assert_eq!(found, Ok(complete));
}

pub async fn an_event_that_is_written_by_itself_is_found_with_its_details(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let all = EventFilter::default();
    let mut written = fixture.events().await;
    let details = event(AuditKind::WebhookUpdated, fixture.rp)
        .target("webhook", "07", Some("orders \u{e9}\\"))
        .change("url", None, Some("https://a.test/"));
    let details = AuditEvent {
        at: at(50),
        ..details
    };
    // The second call writes nothing twice.
    for _ in 0..2 {
        store.record_event(&details).await.unwrap();
    }
    written.insert(0, details);
    let found = store.find_events(fixture.rp, &all, 1000).await.unwrap();
    assert_eq!(found.events, written);
    // A trail that is of no Relying Party.
    let account = AuditEvent {
        relying_party: RelyingPartyId(key()),
        ..event(AuditKind::AccountCreated, fixture.rp)
    };
    store.record_event(&account).await.unwrap();
    let found = store.find_events(account.relying_party, &all, 10).await;
    assert_eq!(found.unwrap().events, [account]);
}

pub async fn a_search_of_events_goes_on_where_another_stopped(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let mut written = fixture.events().await;
    // Several of each moment, so that a place in the middle of a moment matters.
    for n in 0..30 {
        let kind = if n % 4 == 0 {
            AuditKind::WebhookUpdated
        } else {
            AuditKind::WebhookCreated
        };
        let made = AuditEvent {
            at: at(1 + n / 5),
            ..event(kind, fixture.rp)
        };
        store.record_event(&made).await.unwrap();
        written.push(made);
    }
    written.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let some = Some(vec![AuditKind::WebhookUpdated]);
    for (kinds, limit, most) in [
        (None, 1, None),
        (None, 7, None),
        (None, 100, Some(4)),
        (some.clone(), 1, None),
        (some.clone(), 2, Some(3)),
        (some, 100, Some(1)),
    ] {
        let mut filter = EventFilter {
            kinds,
            most,
            until: Some(at(6)),
            ..EventFilter::default()
        };
        let mut expected = written.clone();
        expected.retain(|event| filter.accepts(event) && filter.covers(event));
        let mut pages = Vec::new();
        // Every page looks at one event at least, so that there are no more pages than events.
        for _ in 0..=written.len() {
            let found = store.find_events(fixture.rp, &filter, limit).await.unwrap();
            assert!(found.events.len() <= limit as usize);
            assert_eq!(found.complete, found.stopped.is_none(), "{filter:?}");
            pages.extend(found.events);
            filter.after = found.stopped;
            if found.complete {
                break;
            }
        }
        assert_eq!(filter.after, None, "it ends");
        assert_eq!(pages, expected, "{filter:?}");
    }
}

pub async fn erased_events_do_not_tell_who_it_was(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let [ann, bob] = ["ann", "bob"].map(|name| new_user(fixture.rp, name, at(1)));
    let mut written = fixture.events().await;
    for user in [&ann, &bob] {
        let mut made = AuditEvent {
            at: at(2),
            credential: Some(CredentialKey(key())),
            ..event(AuditKind::CredentialDeleted, fixture.rp)
        };
        made.user = Some(user.id);
        made.user_name = Some(user.name.clone());
        made.actor = SOMEBODY
            .agent("Browser/1.0")
            .at(Some([192, 0, 2, 7].into()));
        let made = made.found(Some("seen")).change("name", None, Some("mine"));
        store.record_event(&made).await.unwrap();
        written.push(made);
    }
    // What is not the user's is left alone, also when its keys are given.
    let places: Vec<_> = written.iter().map(|event| (event.at, event.id)).collect();
    for event in &mut written {
        if event.user == Some(ann.id) {
            event.erase();
        }
    }
    written.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    for _ in 0..2 {
        let erased = store.erase_events(fixture.rp, ann.id, &places).await;
        assert_eq!(erased, Ok(()));
        let all = EventFilter::default();
        let found = store.find_events(fixture.rp, &all, 100).await.unwrap();
        assert_eq!(found.events, written);
    }
    let nothing = store.erase_events(fixture.rp, bob.id, &[]).await;
    assert_eq!(nothing, Ok(()));
}
