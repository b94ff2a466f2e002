//! What an operation costs does not depend on how much the installation holds.

use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::audit::AuditEvent;
use domain::model::clock::{SteppedClock, SystemRandomness};
use domain::model::ids::{AccountId, EventId};
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::settings::WireSettings;
use domain::model::user::User;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::service::prepared::Prepared;
use domain::service::registration::StartRegistration;
use domain::store::Swept;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;

use super::*;
use crate::conformance::fixture::{NOW, SOMEBODY, at, events_of, key, new_relying_party};
use crate::embedded::parties::relying_party_row;
use crate::embedded::rows;
use crate::embedded::sql::{Cost, cost};
use crate::embedded::upkeep::SWEEP_PARTIES;
use crate::embedded::writes;

static OPERATOR: domain::model::audit::Actor =
    domain::model::audit::Actor::new(domain::model::audit::ActorKind::Admin, "test");

const ACCOUNT: AccountId = AccountId([0xac; 16]);
const SWEEP: &str = "a sweep with nothing to do";

fn configured(host: &str) -> PartialSelection {
    PartialSelection {
        rp_id: Some(RpId::parse(host).unwrap()),
        origins: Some(vec![Origin::exact(format!("https://{host}"))]),
        attachment: Some(Attachment::Any),
        resident_key: Some(ResidentKey::Preferred),
        user_verification: Some(UserVerification::Preferred),
        ..PartialSelection::default()
    }
}

/// The cost of each operation in a store with so many Relying Parties; the one that is asked about has as many users, each with
/// two ceremonies.
async fn costs(parties: u32) -> Vec<(&'static str, Cost)> {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let path = under_test.place.path().join("store.db");
    let clock = Arc::new(SteppedClock::starting_at(NOW));
    let passkeys = Passkeys::open(under_test.store(), clock, Arc::new(SystemRandomness));
    let passkeys = passkeys.await.unwrap();
    let account = Some((ACCOUNT, Secret::new("a-token")));
    passkeys.bootstrap(account).await.unwrap();
    let acme = configured("acme.test");
    let rp =
        passkeys.create_relying_party(ACCOUNT, "Acme", acme, WireSettings::default(), &OPERATOR);
    let rp = Prepared::from(rp.await.unwrap());
    let mut others = Vec::new();
    let mut users = Vec::new();
    for n in 0..parties {
        let mut other = new_relying_party(ACCOUNT, NOW);
        // Some share the RP ID and the origin that are looked up.
        let host = if n % 2 == 0 {
            "shared.test".to_owned()
        } else {
            format!("host-{n}.test")
        };
        other.selection = configured(&host);
        others.push(relying_party_row(&other).unwrap());
        users.push(User {
            id: UserId(key()),
            relying_party: rp.id,
            name: format!("user {n}"),
            created: NOW,
            updated: NOW,
            last_success: None,
            last_failure: None,
        });
    }
    let made = users.clone();
    store
        .write(move |c| {
            for row in &others {
                let id = EventId(key());
                let event =
                    AuditEvent::new(id, AuditKind::RelyingPartyCreated, row.id, NOW, &SOMEBODY);
                assert!(writes::create_relying_party(c, row, &event)?);
            }
            for user in &made {
                assert!(rows::insert_new_user(c, user)?);
            }
            Ok(())
        })
        .await
        .unwrap();
    let none = PartialSelection::default();
    for user in users.iter().take(5) {
        let start = StartRegistration::new(user.id, "Key", &none, Terms::new(SOMEBODY));
        passkeys.start_registration(&rp, start).await.unwrap();
        let who = StartAuthentication::new(Who::User(user.id.into()), Terms::new(SOMEBODY));
        passkeys.start_authentication(&rp, who).await.unwrap();
    }

    let mut found = Vec::new();
    let mut tally = |what| found.push((what, cost(&path)));
    tally("so far");
    let asked = passkeys.is_configured_origin("https://shared.test").await;
    assert_eq!(asked, Ok(true));
    tally("the preflight of a configured origin");
    let asked = passkeys.is_configured_origin("https://foreign.test").await;
    assert_eq!(asked, Ok(false));
    tally("the preflight of a foreign origin");
    let start = StartRegistration::new(users[0].id, "Key", &none, Terms::new(SOMEBODY));
    passkeys.start_registration(&rp, start).await.unwrap();
    tally("the start of a registration");
    let start = StartRegistration::new("somebody new", "Key", &none, Terms::new(SOMEBODY));
    passkeys.start_registration(&rp, start).await.unwrap();
    tally("the start of a registration of a new user");
    let who = StartAuthentication::new(Who::User(users[0].id.into()), Terms::new(SOMEBODY));
    passkeys.start_authentication(&rp, who).await.unwrap();
    tally("the start of an authentication");
    let who = StartAuthentication::new(Who::Anyone, Terms::new(SOMEBODY));
    passkeys.start_authentication(&rp, who).await.unwrap();
    tally("the start of an authentication that names nobody");
    let named = store.users_named(rp.id, "user 7", 0).await.unwrap();
    assert!(named.more);
    tally("a search by the beginning of a name");
    let by = SOMEBODY;
    let long_ago = Timestamp(0);
    let swept = store.sweep(long_ago, long_ago, long_ago, 1000).await;
    assert_eq!(swept, Ok(Swept::default()));
    tally(SWEEP);
    let deleted = passkeys.delete_user(rp.id, users[0].id, &by);
    assert_eq!(deleted.await, Ok(()));
    tally("the deletion of a user");
    let deleted = passkeys
        .delete_relying_party(ACCOUNT, rp.id, &OPERATOR)
        .await;
    assert_eq!(deleted, Ok(()));
    tally("the deletion of a Relying Party");
    found.remove(0);
    found
}

#[tokio::test]
async fn a_preflight_a_start_and_a_deletion_cost_the_same_with_10_and_with_10_000_relying_parties()
{
    let (few, many) = (costs(10).await, costs(10_000).await);
    for (few, many) in few.iter().zip(&many) {
        let (few_cost, many_cost) = (few.1, many.1);
        // An authentication waits in memory.
        let in_memory = few.0.starts_with("the start of an authentication");
        assert!(in_memory || few_cost.statements > 0, "{few:?}");
        if few.0 == SWEEP {
            // It looks at so many Relying Parties at most, each with one statement, and notes where it stopped.
            let most = SWEEP_PARTIES as u64 + 1;
            assert!(
                many_cost.statements <= few_cost.statements + most,
                "{few:?}, {many:?}"
            );
            assert!(
                many_cost.steps <= few_cost.steps + 20 * most.cast_signed(),
                "{few:?}, {many:?}"
            );
            continue;
        }
        assert_eq!(
            few_cost.statements, many_cost.statements,
            "{few:?}, {many:?}"
        );
        // Keys are random. A key that is the last of a page of the index ends a search one step sooner. A search that reads every
        // Relying Party takes thousands of steps more.
        let difference = few_cost.steps.abs_diff(many_cost.steps);
        assert!(difference < 20, "{few:?}, {many:?}");
    }
    assert_eq!(few.len(), many.len());
    // A preflight is one look-up, and a start writes without one.
    assert_eq!(few[0].1.statements, 1);
}

#[tokio::test]
async fn repeated_sweeps_remove_old_events_of_more_relying_parties_than_one_sweep_looks_at() {
    let mut under_test = Directory::new();
    // Each Relying Party has an old event and a new one.
    let parties: Vec<_> = (0..SWEEP_PARTIES * 5 / 2)
        .map(|_| RelyingPartyId(key()))
        .collect();
    let written = parties.clone();
    let store = under_test.store.clone().unwrap();
    let write = store.write(move |c| {
        for rp in written {
            for moment in [at(-1), NOW] {
                let id = EventId(key());
                let event = AuditEvent::new(id, AuditKind::UserCreated, rp, moment, &SOMEBODY);
                rows::insert_event(c, &event)?;
            }
        }
        Ok(())
    });
    write.await.unwrap();
    drop(store);
    let mut removed = Vec::new();
    for _ in 0..5 {
        let swept = under_test.store().sweep(NOW, NOW, NOW, 5000).await;
        removed.push(usize::try_from(swept.unwrap().events).unwrap());
        // The next sweep goes on from there, also in another process.
        under_test.reopen(End::Closed).await;
    }
    let most = SWEEP_PARTIES;
    assert_eq!(removed, [most, most, most / 2, 0, 0]);
    for rp in parties {
        let found = events_of(&*under_test.store(), rp).await;
        assert_eq!(found.iter().map(|e| e.at).collect::<Vec<_>>(), [NOW]);
    }
}
