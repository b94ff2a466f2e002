//! Leases: what only one node does at a time.

use std::sync::Arc;

use domain::model::ids::NodeId;

use super::fixture::{End, StoreUnderTest, at, key};

pub async fn a_lease_is_one_nodes_until_its_time_is_over(under_test: &mut dyn StoreUnderTest) {
    let store = under_test.store();
    let (one, two) = (NodeId(key()), NodeId(key()));
    let lease = async |name, node, now, until| {
        let outcome = store.lease(name, node, at(now), at(until)).await;
        outcome.unwrap()
    };
    assert!(lease("sweep", one, 0, 10).await);
    assert!(!lease("sweep", two, 9, 20).await);
    // Another name is another lease.
    assert!(lease("other", two, 9, 20).await);
    // The node that has it renews it, and gives it up by asking for no more time.
    assert!(lease("sweep", one, 9, 30).await);
    assert!(!lease("sweep", two, 29, 50).await);
    assert!(lease("sweep", one, 29, 29).await);
    assert!(lease("sweep", two, 29, 50).await);
    assert!(!lease("sweep", one, 49, 60).await);
    assert!(lease("sweep", one, 50, 60).await);
}

pub async fn of_many_nodes_one_gets_the_lease(under_test: &mut dyn StoreUnderTest) {
    let store = under_test.store();
    for round in 0..20 {
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let store = Arc::clone(&store);
                let (now, until) = (at(round * 10), at(round * 10 + 10));
                tokio::spawn(async move {
                    let outcome = store.lease("sweep", NodeId(key()), now, until).await;
                    outcome.unwrap()
                })
            })
            .collect();
        let mut holders = 0;
        for task in tasks {
            holders += usize::from(task.await.unwrap());
        }
        assert_eq!(holders, 1);
    }
}

pub async fn a_lease_outlives_the_process_that_took_it(under_test: &mut dyn StoreUnderTest) {
    let (one, two) = (NodeId(key()), NodeId(key()));
    assert_eq!(
        under_test.store().lease("sweep", one, at(0), at(10)).await,
        Ok(true)
    );
    under_test.reopen(End::Dropped).await;
    let store = under_test.store();
    assert_eq!(store.lease("sweep", two, at(9), at(20)).await, Ok(false));
    assert_eq!(store.lease("sweep", two, at(10), at(20)).await, Ok(true));
}
