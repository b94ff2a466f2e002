//! The audit trail, searched.

use std::sync::Arc;

use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::ids::RelyingPartyId;
use domain::store::{EventFilter, FoundEvents};

use super::fixture::{Fixture, SOMEBODY, StoreUnderTest, at, event, key, new_user};

pub async fn events_are_found_by_what_a_filter_says(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = fixture.another_rp().await;
    // After the creation of the Relying Party: pairs of each moment, by two kinds of parties.
    let mut written = fixture.events().await;
    for n in 0..40 {
        let by = if n % 3 == 0 {
            Actor::new(ActorKind::Api, "test")
        } else {
            SOMEBODY
        };
        let created = AuditEvent {
            at: at(1 + n / 2),
            signals: format!("number {n}"),
            actor: by,
            ..event(AuditKind::UserCreated, fixture.rp)
        };
        let user = new_user(fixture.rp, &format!("user {n}"), at(1));
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
    let kinds = |kinds: &[AuditKind]| EventFilter {
        kinds: Some(kinds.to_vec()),
        ..EventFilter::default()
    };
    let filters = [
        all.clone(),
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
    ];
    for filter in filters {
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
    };
    assert_eq!(found, Ok(complete));
}
