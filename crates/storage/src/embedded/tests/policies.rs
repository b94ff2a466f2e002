//! Ceremonies that start under the same settings share one row with their policy.

use domain::model::ceremony::{Authentication, Ceremony, Registration};
use domain::model::ids::AttemptId;
use domain::store::{Begin, Refused, Survival};
use serde_json::{Value, json, to_value};
use webauthn::error::Reason;

use super::*;
use crate::conformance::fixture::{Fixture, LIFETIME, NOW, at, authentication, key, registration};

fn count(store: &Embedded, sql: &str) -> i64 {
    let found = store
        .points
        .read(|c| sql::first(c, sql, [], |row| Ok(row.get(0)?)));
    found.unwrap().unwrap()
}

const POLICIES: &str = "SELECT count(*) FROM policies";

#[tokio::test]
async fn a_policy_is_written_once_and_goes_after_its_last_ceremony() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let refuse = async |id| {
        let refused = fixture.refuse(id, AttemptId(key()), at(9), Reason::OriginNotAllowed);
        assert_eq!(refused.await, Ok(Refused::Done));
    };
    for n in 0..9 {
        fixture.begin(&registration(&ann, at(n))).await;
        let begun = authentication(fixture.rp, Some(&ann), at(n));
        fixture.begin(&begun).await;
        refuse(begun.id).await;
    }
    assert_eq!(count(&store, POLICIES), 2);
    // Another demand is another policy; what began before keeps its own.
    let before = registration(&ann, NOW);
    let mut other = registration(&ann, NOW);
    Arc::make_mut(&mut other.policy).max_credentials = 1;
    fixture.begin(&before).await;
    fixture.begin(&other).await;
    assert_eq!(count(&store, POLICIES), 3);
    assert_eq!(fixture.ceremony(before.id).await, Some(before.into()));
    assert_eq!(fixture.ceremony(other.id).await, Some(other.into()));

    // A start much later needs the policy for longer.
    let late = 2 * 3_600_000;
    let last = registration(&ann, at(late));
    fixture.begin(&last).await;
    let sweep = async |moment, budget| {
        let expired = fixture.store.sweep(moment, NOW, NOW, budget).await.unwrap();
        expired.ceremonies
    };
    // The sweep that does not get through the ceremonies leaves the policies alone.
    assert_eq!(sweep(at(late), 5).await, 5);
    assert_eq!(count(&store, POLICIES), 3);
    assert_eq!(sweep(at(late), 1_000).await, 15);
    assert_eq!(count(&store, POLICIES), 1);
    assert_eq!(fixture.ceremony(last.id).await, Some(last.into()));
    assert_eq!(sweep(at(late + LIFETIME + 1), 1_000).await, 1);
    assert_eq!(sweep(at(late + LIFETIME + 3_600_001), 1_000).await, 0);
    assert_eq!(count(&store, POLICIES), 0);
}

#[tokio::test]
async fn a_ceremony_whose_policy_is_damaged_or_lost_cannot_be_read() {
    let under_test = Directory::new();
    let store = under_test.store.clone().unwrap();
    let fixture = Fixture::new(&under_test).await;
    let ceremony = registration(&fixture.user("ann").await, NOW);
    fixture.begin(&ceremony).await;
    for damage in [
        "UPDATE policies SET body = replace(body, 'acme.test', 'acne.test')",
        "DELETE FROM policies",
    ] {
        store
            .write(move |c| sql::execute(c, damage, []).map(drop))
            .await
            .unwrap();
        let found = fixture.store.ceremony(fixture.rp, ceremony.id).await;
        assert!(matches!(found, Err(Fault::Unreadable(_))), "{found:?}");
    }
}

/// What a registration asked for, as format 10 wrote it.
fn registration_of_format_10(ceremony: &Registration) -> Value {
    let expectation = to_value(ceremony.expectation()).unwrap();
    json!({"registration": {
        "expectation": expectation,
        "selection": to_value(&ceremony.policy.selection).unwrap(),
        "credential_name": ceremony.asked.credential_name,
        "user_name": ceremony.asked.user_name,
        "max_credentials": ceremony.policy.max_credentials,
    }})
}

/// What an authentication asked for, as format 10 wrote it.
fn authentication_of_format_10(ceremony: &Authentication) -> Value {
    let (asked, policy) = (&ceremony.asked, &ceremony.policy);
    json!({"authentication": {
        "expectation": to_value(ceremony.expectation()).unwrap(),
        "user_verification": to_value(policy.user_verification).unwrap(),
        "timeout_ms": policy.timeout_ms,
        "transports": asked.transports,
        "user_name": asked.user_name,
        "extensions": asked.extensions,
    }})
}

#[tokio::test]
async fn ceremonies_of_a_store_of_format_10_are_found_as_they_were() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let mut named = authentication(fixture.rp, Some(&ann), NOW);
    Arc::make_mut(&mut named.asked).extensions = Some(json!({"prf": {"eval": {"first": "AAAA"}}}));
    let anybody = authentication(fixture.rp, None, NOW);
    let registering = registration(&ann, at(1));
    let rows: Vec<(Ceremony, Value)> = vec![
        (named.clone().into(), authentication_of_format_10(&named)),
        (
            anybody.clone().into(),
            authentication_of_format_10(&anybody),
        ),
        (
            registering.clone().into(),
            registration_of_format_10(&registering),
        ),
    ];
    let mut lacking = registration_of_format_10(&registering);
    let expectation = lacking.pointer_mut("/registration/expectation").unwrap();
    expectation
        .as_object_mut()
        .unwrap()
        .remove("credential_protection");
    for (ceremony, _) in &rows {
        fixture.begin(ceremony).await;
    }
    let damaged = [registration(&ann, at(2)), registration(&ann, at(3))];
    for ceremony in &damaged {
        fixture.begin(ceremony).await;
    }
    fixture.store.close().await.unwrap();
    drop(fixture);

    // The same store as format 10 had it.
    let path = under_test.place.path().join("store.db");
    let old = Connection::open(&path).unwrap();
    super::as_format_13(&old);
    old.execute_batch(
        "DROP TABLE sign_ins; DROP TABLE policies; ALTER TABLE ceremonies DROP COLUMN policy_id; PRAGMA user_version=10;",
    )
    .unwrap();
    let set = |id: [u8; 16], text: String| {
        let sql = "UPDATE ceremonies SET asked = ?1 WHERE id = ?2";
        assert_eq!(old.execute(sql, (text, id)).unwrap(), 1);
    };
    for (ceremony, asked) in &rows {
        set(ceremony.id().0, asked.to_string());
    }
    set(damaged[0].id.0, lacking.to_string());
    set(damaged[1].id.0, "{\"registration\": {".to_owned());
    drop(old);

    let store = open(&path).unwrap();
    for (ceremony, _) in rows {
        let found = store
            .ceremony(ceremony.relying_party(), ceremony.id())
            .await;
        assert_eq!(found, Ok(Some(ceremony)));
    }
    for ceremony in damaged {
        let found = store.ceremony(ceremony.relying_party, ceremony.id).await;
        assert!(matches!(found, Err(Fault::Unreadable(_))), "{found:?}");
    }
    // The two authentications share one.
    assert_eq!(count(&store, POLICIES), 2);
}

#[tokio::test]
async fn authentications_of_a_store_of_format_17_are_found_and_taken_as_they_were() {
    let under_test = Directory::new();
    let fixture = Fixture::new(&under_test).await;
    let ann = fixture.user("ann").await;
    let pending = authentication(fixture.rp, Some(&ann), at(1));
    fixture.begin(&pending).await;
    fixture.store.close().await.unwrap();
    let path = under_test.place.path().join("store.db");
    let asked = |id: [u8; 16]| {
        let old = Connection::open(&path).unwrap();
        let sql = "SELECT typeof(asked) FROM ceremonies WHERE id = ?1";
        old.query_row(sql, [id], |row| row.get::<_, String>(0))
            .unwrap()
    };
    assert_eq!(asked(pending.id.0), "blob");

    // The same store as format 17 had it.
    let old = Connection::open(&path).unwrap();
    crate::embedded::seals::register(&old).unwrap();
    let json = serde_json::to_string(&*pending.asked).unwrap();
    let sql = "UPDATE ceremonies SET asked = ?1, digest = seal('ceremonies', relying_party_id, id, kind, user_id, credential_key, \
         created, expires, updated, ?1, policy_id, state, reason, claimed_by, stored_count) WHERE id = ?2";
    assert_eq!(old.execute(sql, (json, pending.id.0)).unwrap(), 1);
    old.execute_batch(super::WITHOUT_REVOKED).unwrap();
    old.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'asked            ANY     NOT NULL', 'asked            TEXT    NOT NULL');
         PRAGMA writable_schema = RESET;
         ALTER TABLE events DROP COLUMN address; ALTER TABLE events DROP COLUMN more;
         ALTER TABLE sign_ins DROP COLUMN address; DROP TABLE deliveries;
         ALTER TABLE api_keys DROP COLUMN granted; ALTER TABLE api_keys DROP COLUMN used;
         ALTER TABLE access_keys DROP COLUMN used;
         PRAGMA user_version = 17;",
    )
    .unwrap();
    let sql = "UPDATE ceremonies SET asked = x'00'";
    old.execute(sql, []).unwrap_err();
    drop(old);

    let store = open(&path).unwrap();
    let found = store.ceremony(pending.relying_party, pending.id).await;
    assert_eq!(found, Ok(Some(pending.clone().into())));
    // Both forms have room in the new one.
    let further = Arc::new(authentication(pending.relying_party, None, at(2)));
    let begun = store.begin_authentication(&further, &[], Survival::Crash);
    assert_eq!(begun.await, Ok(Begin::Begun));
    store.close().await.unwrap();
    assert_eq!(asked(pending.id.0), "text");
    assert_eq!(asked(further.id.0), "blob");
}
