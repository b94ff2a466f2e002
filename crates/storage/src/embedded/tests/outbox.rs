//! Deliveries that an event has just written.

use domain::model::ids::UserId;
use domain::model::notice::Delivery;
use domain::model::page::PageRequest;
use domain::store::{ClaimDeliveries, Deliveries, Webhooks};
use rusqlite::params;

use super::copies::database;
use super::*;
use crate::conformance::deliveries::told;
use crate::conformance::fixture::{Fixture, NOW, at, event, key};
use crate::conformance::relying_parties::webhook;

/// What is due and was not claimed yet.
async fn due(store: &Embedded) -> Vec<Delivery> {
    let claim = ClaimDeliveries {
        now: at(10),
        until: at(20),
        webhooks: &[],
        parties: &[],
        of_webhook: 10,
        of_party: 10,
        most: 10,
    };
    store.claim_deliveries(claim).await.unwrap()
}

#[tokio::test]
async fn what_waits_in_a_store_of_format_24_is_delivered() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let hook = webhook(fixture.rp, NOW);
    store.create_webhook(&hook, None).await.unwrap();
    let mut happened = told(event(AuditKind::Authenticated, fixture.rp), &hook);
    happened.user = Some(UserId(key()));
    happened.user_name = Some("ann".to_owned());
    let waiting = happened.deliveries().remove(0);
    let path = database(&under_test);
    store.close().await.unwrap();
    drop(store);

    // One that can be read, and one of a Relying Party that is gone.
    let old = Connection::open(&path).unwrap();
    let format = include_str!("../../../migrations/sqlite/0024.sql");
    old.execute_batch("DROP TABLE fresh_deliveries; PRAGMA user_version = 24;")
        .unwrap();
    old.execute_batch(format).unwrap();
    let body = serde_json::to_string(&waiting).unwrap();
    for party in [fixture.rp.0, key()] {
        let id = if party == fixture.rp.0 {
            waiting.id.0
        } else {
            key()
        };
        let values = params![hook.id.0, waiting.created.0, id, party, body];
        old.execute(
            "INSERT INTO fresh_deliveries VALUES (?1, ?2, ?3, ?4, ?5)",
            values,
        )
        .unwrap();
    }
    drop(old);

    let store = open(&path).unwrap();
    let first = PageRequest::first(10);
    let listed = store.list_deliveries(fixture.rp, hook.id, first).await;
    assert_eq!(listed.unwrap().items, [waiting.clone()]);
    let user = happened.user.unwrap();
    let claimed = due(&store).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].id, claimed[0].due), (waiting.id, at(20)));
    // The erasure of a person finds it, too.
    let erased = store.erase_deliveries(fixture.rp, user, 10).await;
    assert_eq!(erased, Ok(1));
    let erased = store.delivery(fixture.rp, waiting.id).await;
    assert_eq!(erased.unwrap().unwrap().notice.user_name, None);
    assert_eq!(due(&store).await, []);
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_does_not_keep_the_others_back() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let hook = webhook(fixture.rp, NOW);
    store.create_webhook(&hook, None).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let happened = told(event(AuditKind::Authenticated, fixture.rp), &hook);
        waiting.extend(happened.deliveries());
        store.record_event(&happened).await.unwrap();
    }
    let back = |mut delivery: Delivery| {
        delivery.due = at(0);
        delivery
    };
    // Two wait in either table.
    let claim = due(&store).await;
    assert_eq!(claim.len(), 4);
    for one in claim {
        let put = store.replace_delivery(&back(one.clone()), one.due).await;
        assert_eq!(put, Ok(true));
    }
    for _ in 0..2 {
        let happened = told(event(AuditKind::Authenticated, fixture.rp), &hook);
        store.record_event(&happened).await.unwrap();
    }
    let path = database(&under_test);
    store.close().await.unwrap();
    drop(store);
    let file = Connection::open(&path).unwrap();
    for damage in [
        "UPDATE deliveries SET body = '{' WHERE id = (SELECT min(id) FROM deliveries)",
        "UPDATE fresh_deliveries SET what = '?' WHERE id = (SELECT min(id) FROM fresh_deliveries)",
    ] {
        assert_eq!(file.execute(damage, []), Ok(1));
    }
    drop(file);

    let store = open(&path).unwrap();
    assert_eq!(due(&store).await.len(), 3 + 1);
    assert_eq!(due(&store).await, []);
}
