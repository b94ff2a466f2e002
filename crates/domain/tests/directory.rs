//! The directory of all Relying Parties.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::clock::{SteppedClock, SystemRandomness, Timestamp};
use domain::model::ids::AccountId;
use domain::model::policy::PartialSelection;
use domain::webauthn::origin::Origin;
use domain::webauthn::relying_party::RpId;
use serde_json::Value;
use storage::Memory;

const ACCOUNT: AccountId = AccountId([0xac; 16]);

async fn node(store: &Arc<Memory>, clock: &Arc<SteppedClock>) -> Passkeys {
    let randomness = Arc::new(SystemRandomness);
    Passkeys::open(store.clone(), clock.clone(), randomness)
        .await
        .unwrap()
}

fn selection(rp_id: &str, origins: &[&str]) -> PartialSelection {
    PartialSelection {
        rp_id: Some(RpId::parse(rp_id).unwrap()),
        origins: Some(origins.iter().map(|o| Origin::exact(*o)).collect()),
        ..PartialSelection::default()
    }
}

#[tokio::test]
async fn a_change_is_seen_at_once_on_its_node_and_within_a_second_on_another() {
    let store = Arc::new(Memory::new());
    let clock = Arc::new(SteppedClock::starting_at(Timestamp(1_000_000)));
    let (here, there) = (node(&store, &clock).await, node(&store, &clock).await);
    here.bootstrap(Some((ACCOUNT, Secret::new("a-token"))))
        .await
        .unwrap();
    let known =
        async |node: &Passkeys, origin: &str| node.directory().await.unwrap().has_origin(origin);
    let origin = "https://acme.test";
    assert!(!known(&here, origin).await && !known(&there, origin).await);
    let rp = here
        .create_relying_party(
            ACCOUNT,
            "Acme",
            selection("acme.test", &[origin]),
            Value::Null,
        )
        .await
        .unwrap();
    assert!(known(&here, origin).await && !known(&there, origin).await);
    clock.advance_millis(1001);
    assert!(known(&there, origin).await);

    here.update_relying_party(ACCOUNT, rp.id, |rp| {
        rp.selection = selection("acme.test", &["https://new.test"]);
    })
    .await
    .unwrap();
    assert!(known(&here, "https://new.test").await && !known(&here, origin).await);
    here.delete_relying_party(ACCOUNT, rp.id).await.unwrap();
    assert!(!known(&here, "https://new.test").await);
}

#[tokio::test]
async fn relying_parties_are_found_by_their_rp_id() {
    let store = Arc::new(Memory::new());
    let clock = Arc::new(SteppedClock::starting_at(Timestamp(1_000_000)));
    let here = node(&store, &clock).await;
    here.bootstrap(Some((ACCOUNT, Secret::new("a-token"))))
        .await
        .unwrap();
    let mut made = Vec::new();
    // More than are read at a time.
    for n in 0..1100 {
        let rp_id = if n % 550 == 0 {
            "acme.test"
        } else {
            "other.test"
        };
        let rp = here
            .create_relying_party(ACCOUNT, "x", selection(rp_id, &[]), Value::Null)
            .await
            .unwrap();
        if n % 550 == 0 {
            made.push(rp.id);
        }
    }
    made.sort_unstable();
    let directory = here.directory().await.unwrap();
    let acme = RpId::parse("acme.test").unwrap();
    assert_eq!(directory.with_rp_id(&acme), made);
    let nobody = RpId::parse("nobody.test").unwrap();
    assert!(directory.with_rp_id(&nobody).is_empty());
}
