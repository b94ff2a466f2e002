//! Deliveries that an event has just written.

use domain::model::audit::AuditEvent;
use domain::model::ids::{EventId, UserId};
use domain::model::notice::{Delivery, DeliveryState};
use domain::model::page::{Order, PageRequest, Position};
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
    assert_eq!(listed.unwrap().items, std::slice::from_ref(&waiting));
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
    // Four wait in one table, and two in the other.
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
        "UPDATE fresh_deliveries SET body = x'0100' WHERE key = (SELECT min(key) FROM fresh_deliveries)",
    ] {
        assert_eq!(file.execute(damage, []), Ok(1));
    }
    drop(file);

    let store = open(&path).unwrap();
    let readable = due(&store).await;
    assert_eq!(readable.len(), 3 + 1);
    for mut one in readable {
        let claimed = one.due;
        one.state = DeliveryState::Delivered;
        assert_eq!(store.replace_delivery(&one, claimed).await, Ok(true));
    }
    // The age of what waits tells of the others.
    let oldest = waiting.iter().map(|delivery| delivery.created).min();
    assert_eq!(store.oldest_delivery().await, Ok(oldest));
    let gone = "DELETE FROM deliveries WHERE state = 0";
    Connection::open(&path).unwrap().execute(gone, []).unwrap();
    assert_eq!(store.oldest_delivery().await, Ok(oldest));
    assert_eq!(due(&store).await, []);
}

#[tokio::test]
async fn a_list_goes_on_within_a_moment_wherever_its_deliveries_lie() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let store = under_test.store.clone().unwrap();
    let hook = webhook(fixture.rp, NOW);
    let other = webhook(fixture.rp, NOW);
    for one in [&hook, &other] {
        store.create_webhook(one, None).await.unwrap();
    }
    // Three moments; four of each are claimed and four fresh. Those of the other webhook are not in the list.
    let mut expected = Vec::new();
    for fresh in [false, true] {
        for number in 0..12 {
            let mut happened = event(AuditKind::Authenticated, fixture.rp);
            happened.at = at(number / 4);
            for one in [&hook, &other] {
                let happened = told(
                    AuditEvent {
                        id: EventId(key()),
                        ..happened.clone()
                    },
                    one,
                );
                if one.id == hook.id {
                    expected.extend(happened.deliveries().iter().map(|d| (d.created, d.id)));
                }
                store.record_event(&happened).await.unwrap();
            }
        }
        if !fresh {
            let claim = ClaimDeliveries {
                now: at(10),
                until: at(20),
                webhooks: &[],
                parties: &[],
                of_webhook: 100,
                of_party: 100,
                most: 100,
            };
            assert_eq!(store.claim_deliveries(claim).await.unwrap().len(), 24);
        }
    }
    expected.sort_unstable();
    for order in [Order::Ascending, Order::Descending] {
        for limit in 1..6 {
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = PageRequest {
                    after,
                    limit,
                    order,
                };
                let page = store.list_deliveries(fixture.rp, hook.id, page);
                let page = page.await.unwrap();
                found.extend(page.items.iter().map(|d| (d.created, d.id)));
                after = page.items.last().map(|last| Position {
                    created: last.created,
                    key: last.id.0,
                });
                if !page.more {
                    break;
                }
            }
            assert_eq!(found, expected, "{order:?}, {limit}");
        }
        expected.reverse();
    }
    // The row after which the list goes on need not be one of a fresh delivery.
    for (order, left) in [(Order::Ascending, 16), (Order::Descending, 16)] {
        let edge = if order == Order::Ascending {
            [0xff; 16]
        } else {
            [0; 16]
        };
        let page = PageRequest {
            after: Some(Position {
                created: at(if order == Order::Ascending { 0 } else { 2 }),
                key: edge,
            }),
            limit: 50,
            order,
        };
        let page = store.list_deliveries(fixture.rp, hook.id, page);
        assert_eq!(page.await.unwrap().items.len(), left, "{order:?}");
    }
}
