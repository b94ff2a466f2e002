//! Passkeys and users with which the product lets nobody sign in. They do not come back unasked.

use std::sync::Arc;

use domain::Passkeys;
use domain::model::audit::{Actor, ActorKind};
use domain::model::ids::RelyingPartyId;
use domain::model::page::PageRequest;
use domain::service::transfer::copy_store;
use domain::store::Storage;
use serde_json::{Value, json};
use server::transfer::export::Wanted;
use server::transfer::import::{Mode, Report};
use server::transfer::source::{Source, Told};
use storage::Memory;

use crate::common::{TestApp, store_of_the_suite};
use crate::own::{bytes_of, into, over};
use crate::refusals::{self, foreseen, line};
use crate::sources::{Imported, run, run_on};
use crate::support::*;

static SOMEBODY: Actor = Actor::new(ActorKind::Api, "test");
const MOMENT: &str = "2025-01-01T00:00:00Z";

/// Members of a passkey or of its user that say that nobody may sign in.
fn off() -> Vec<Value> {
    vec![
        json!({"deleted_at": MOMENT}),
        json!({"revokedAt": {"$date": MOMENT}}),
        json!({"deletedAt": {"$date": {"$numberLong": "1704067200000"}}}),
        json!({"DeletedAt": {"Time": MOMENT, "Valid": true}}),
        json!({"revoked": true}),
        json!({"revoked": "Y"}),
        json!({"disabled": {"$numberInt": "1"}}),
        json!({"disabled": 1.0}),
        json!({"is_active": false}),
        json!({"enabled": "f"}),
        json!({"enabled": "N"}),
        json!({"isEnabled": "off"}),
        json!({"active": "base64:type16:AA=="}),
        json!({"accountNonLocked": false}),
        json!({"status": "Revoked"}),
        json!({"status": " LOCKED_OUT"}),
        json!({"status": {"name": "suspended"}}),
        json!({"user_deleted_at": MOMENT}),
        json!({"passkey_revoked_at": MOMENT}),
        json!({"credential_enabled": false}),
        json!({"user_status": "disabled"}),
        json!({"user_is_active": 0}),
        json!({"archived": true}),
        json!({"dateRevoked": MOMENT}),
        json!({"revocation_reason": "stolen"}),
        json!({"banned_until": "2999-01-01T00:00:00Z"}),
        json!({"LockoutEnd": "9999-12-31T23:59:59+00:00"}),
        json!({"aasm_state": "revoked"}),
        json!({"workflow_state": "archived"}),
        json!({"RevokedAtUtc": MOMENT}),
        json!({"DeletedOnUtc": MOMENT}),
        json!({"users_is_active": false}),
        json!({"passkeys_revoked_at": MOMENT}),
        json!({"enable": 0}),
        json!({"block": 1}),
        json!({"ACTIVE_FLAG": "N"}),
        json!({"DELETE_FLG": 1}),
        json!({"DEL_YN": "Y"}),
        json!({"lifecycle": {"status": "revoked"}}),
        json!({"deleted": {"type": "Buffer", "data": [1]}}),
    ]
}

/// Members that may say so, and have a value that nobody knows.
fn unclear() -> Vec<Value> {
    vec![
        json!({"active": "perhaps"}),
        json!({"status": 2}),
        json!({"state": "CA"}),
        json!({"enabled": ["a"]}),
        // A value that is nothing in every record may be `false`.
        json!({"is_active": ""}),
        json!({"status": null}),
        json!({"enabled": {}}),
        json!({"user_enabled": null}),
        // Seconds of the year 9999, and a date as a number.
        json!({"lockoutEnd": 253_402_300_799_i64}),
        json!({"lockout_end": "20991231"}),
        json!({"locked_until": "never"}),
    ]
}

fn on() -> Value {
    json!({
        "deleted_at": null, "revoked": false, "is_active": true, "status": "verified", "disabled": "n", "active": "Y",
        "revoked_at": "0000-00-00 00:00:00", "BlockedAt": {"Time": "0001-01-01T00:00:00Z", "Valid": false},
        "enabled": {"type": "Buffer", "data": [1]}, "banned_until": MOMENT, "LockoutEnd": null, "removed_at": -62_135_596_800_i64, "lockoutEnabled": true, "mfa": {"enabled": false},
        "subscription": {"canceled_at": MOMENT}, "last_active_at": MOMENT, "user_status": "ACTIVE",
    })
}

/// A record with these members of the passkey, of its user, and where libraries keep the passkey in an object.
fn with(members: &Value) -> Vec<(Source, String)> {
    let passkey = registered_elsewhere(b"a", -7);
    let bare: Value = serde_json::from_str(&line(&passkey, "ann-0000001", &json!({}))).unwrap();
    let flat: Value = serde_json::from_str(&line(&passkey, "ann-0000001", members)).unwrap();
    let mut user = members.clone();
    user["username"] = json!("ann-0000001");
    let mut listed = user.clone();
    listed["passkeys"] = json!([bare]);
    let mut related = bare.clone();
    related["user"] = members.clone();
    let source = Source::Simplewebauthn;
    let mut all = vec![
        (source, flat.clone()),
        (source, listed),
        (
            source,
            json!({"username": "ann-0000001", "passkeys": [flat]}),
        ),
        (source, related),
    ];
    for (source, member) in [
        (Source::GoWebauthn, "credential"),
        (source, "passkey"),
        (source, "data"),
    ] {
        all.push((source, json!({"username": "ann-0000001", member: flat})));
    }
    all.into_iter()
        .map(|(source, value)| (source, value.to_string()))
        .collect()
}

#[tokio::test]
async fn a_passkey_that_was_revoked_does_not_come_back_unasked() {
    let service = Service::new().await;
    let cases = off()
        .into_iter()
        .map(|members| (members, "in the other system, the passkey or its user"));
    let cases = cases.chain(
        unclear()
            .into_iter()
            .map(|members| (members, "does not know this value")),
    );
    for (members, why) in cases {
        for (source, text) in with(&members) {
            let seen = foreseen(&service, source, &text).await;
            let [(_, found)] = &seen[..] else {
                panic!("{text}: {seen:?}")
            };
            assert!(
                found.contains(why) && found.contains("--include-disabled"),
                "{text}: {found}"
            );
        }
    }
    for (source, text) in with(&on()) {
        let seen = foreseen(&service, source, &text).await;
        assert_eq!(seen, [("ann-0000001".to_owned(), String::new())], "{text}");
    }
}

#[tokio::test]
async fn a_member_that_means_something_else_is_named_by_the_operator() {
    let service = Service::new().await;
    let members = json!({"state": "CA", "status": "gold", "deleted_at": MOMENT, "active": true});
    let all = ["State", "status", "deleted_at"];
    let places = ["", "user.", "credential.", "passkey.", "passkeys.", "data."];
    let judged = |reports: &[Report]| reports[0].reason.clone().unwrap_or_default();
    for (place, (source, text)) in [0, 0, 4, 1, 2, 3, 5].into_iter().zip(with(&members)) {
        // The list of passkeys is the third one.
        let place = places[place];
        let all: Vec<_> = all.iter().map(|name| format!("{place}{name}")).collect();
        let told = Told::default().ignoring(&all);
        let done = run(&service, &text, source, told, true).await.unwrap();
        let report = &done.reports[0];
        assert_eq!(report.outcome, "added", "{text}: {report:?}");
        // What it would have said is noted.
        let noted = report
            .notes
            .iter()
            .filter(|note| note.contains("was ignored, as you said"));
        assert_eq!(noted.count(), 3, "{report:?}");
        let done = run(
            &service,
            &text,
            source,
            Told::default().ignoring(&all[..2]),
            true,
        )
        .await;
        let why = judged(&done.unwrap().reports);
        assert!(
            why.contains("deletedat (\"2025-01-01T00:00:00Z\"): in the other system"),
            "{text}: {why}"
        );
    }
    // The state of a user is not that of a passkey, and a name that no record has is a slip.
    let (_, text) = with(&json!({"state": "CA"})).remove(2);
    for name in ["state", "nosuch"] {
        let told = Told::default().ignoring(&[name.to_owned()]);
        let refused = run(&service, &text, Source::Simplewebauthn, told, true).await;
        let refused = refused.err().map(|why| why.to_string()).unwrap_or_default();
        assert!(
            refused.contains(&format!("no record of the file has the member {name}")),
            "{refused}"
        );
    }
    let done = run(
        &service,
        &text,
        Source::Simplewebauthn,
        Told::default(),
        true,
    )
    .await;
    let why = judged(&done.unwrap().reports);
    assert!(why.contains("passkeys.state (\"CA\"): it may say"), "{why}");
}

/// `fputcsv` of PHP writes `false` as nothing, and Go leaves it out.
#[tokio::test]
async fn a_record_that_does_not_say_what_others_say_is_refused() {
    let service = Service::new().await;
    let [ann, bob] = [b"a", b"b"].map(|handle| registered_elsewhere(handle, -7));
    for member in ["is_active", "status", "user.enabled"] {
        let (outer, inner) = member.split_once('.').unwrap_or((member, ""));
        let value = if inner.is_empty() {
            json!("1")
        } else {
            json!({inner: true})
        };
        let value = if member == "status" {
            json!("active")
        } else {
            value
        };
        for nothing in [json!({}), json!({outer: null}), json!({outer: ""})] {
            let lines = [
                line(&ann, "ann-0000001", &json!({outer: value})),
                line(&bob, "bob-0000001", &nothing),
            ];
            let seen = foreseen(&service, Source::Simplewebauthn, &lines.join("\n")).await;
            assert_eq!(
                seen[0],
                ("ann-0000001".to_owned(), String::new()),
                "{member}"
            );
            let is_there = inner.is_empty() && nothing != json!({});
            let why = if is_there {
                "(which is empty): it may say"
            } else {
                "(which other records have): it may say"
            };
            assert!(seen[1].1.contains(why), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn another_record_of_a_revoked_passkey_does_not_bring_it_back() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    let now = line(&passkey, "ann-0000001", &json!({"revoked_at": MOMENT}));
    let before = line(&passkey, "ann-0000001", &json!({"revoked_at": null}));
    for lines in [[&now, &before], [&before, &now]] {
        let text = format!("{}\n{}", lines[0], lines[1]);
        let done = run(
            &service,
            &text,
            Source::Simplewebauthn,
            Told::default(),
            false,
        )
        .await;
        let done = done.unwrap();
        assert_eq!(done.summary.count("refused"), 2, "{:?}", done.reports);
        let said = |why: &str| {
            done.reports
                .iter()
                .any(|one| one.reason.as_deref().unwrap_or_default().contains(why))
        };
        assert!(
            said("another record of the file says of this passkey"),
            "{:?}",
            done.reports
        );
    }
}

#[tokio::test]
async fn a_passkey_that_was_deleted_here_is_not_imported_again_unasked() {
    let store = store_of_the_suite().await;
    let app = TestApp::builder().store(Arc::clone(&store)).build().await;
    let service = Service::of(&app).await;
    let source = Source::Simplewebauthn;
    let passkeys = &service.app.passkeys;
    let users = ["ann-0000001", "bob-0000001", "eve-0000001"];
    let registered: Vec<_> = users
        .iter()
        .map(|user| registered_elsewhere(user.as_bytes(), -7))
        .collect();
    let lines = users.iter().zip(&registered);
    let lines: Vec<_> = lines
        .map(|(user, passkey)| line(passkey, user, &json!({})))
        .collect();
    let text = lines.join("\n");
    let outcomes =
        |done: Imported| -> Vec<_> { done.reports.iter().map(|one| one.outcome).collect() };
    let done = run(&service, &text, source, Told::default(), false)
        .await
        .unwrap();
    assert_eq!(outcomes(done), ["added"; 3]);
    let first = passkeys.list_imports(PageRequest::first(1)).await.unwrap();
    let (ann, records) = passkeys
        .user_with_credentials(service.id(), users[0])
        .await
        .unwrap();
    let deleted = passkeys.delete_credential_or_registration(&ann, records[0].key, &SOMEBODY);
    deleted.await.unwrap();
    let bob = passkeys.user(service.id(), users[1]).await.unwrap();
    passkeys
        .delete_user(service.id(), bob.id, &SOMEBODY)
        .await
        .unwrap();
    // Bob has another passkey in the next file.
    let next = registered_elsewhere(b"bob-0000001", -7);
    let text = format!("{text}\n{}", line(&next, users[1], &json!({})));
    let rp = service.id();
    refuses(passkeys, rp, &text).await;
    // Nor does a store that the data moves to bring them back, whichever way they take.
    let copy: Arc<dyn Storage> = Arc::new(Memory::new());
    copy_store(&store, &copy, || {}).await.unwrap();
    let copied = over(copy).await;
    refuses(&copied, rp, &text).await;
    let before = bytes_of(passkeys, Wanted::default()).await;
    assert_eq!(bytes_of(&copied, Wanted::default()).await, before);
    let moved = over(Arc::new(Memory::new())).await;
    for _ in 0..2 {
        into(&moved, &before, false).await.unwrap();
        assert_eq!(bytes_of(&moved, Wanted::default()).await, before);
        refuses(&moved, rp, &text).await;
    }
    // An undo takes back what the import has made, and does not forget what somebody has deleted. Eve was not deleted.
    let undone = passkeys.undo_import(first.items[0].id).await.unwrap();
    assert_eq!((undone.credentials, undone.users), (1, 2));
    let again = async |dry, with_deleted| {
        let told = Told::default();
        let run = run_on(passkeys, rp, (&text, source, told), (dry, with_deleted));
        outcomes(in_order(run.await.unwrap()))
    };
    assert_eq!(
        again(true, false).await,
        ["refused", "refused", "added", "refused"]
    );
    assert_eq!(
        again(false, false).await,
        ["refused", "refused", "added", "refused"]
    );
    // The operator can say that they come back.
    for dry in [true, false] {
        assert_eq!(
            again(dry, true).await,
            ["added", "added", "exists", "added"]
        );
    }
    assert_eq!(again(false, false).await, ["exists"; 4]);
}

/// A store of before these notes, or one whose import was forgotten, learns from the next file what was imported.
#[tokio::test]
async fn what_is_there_already_is_noted_by_the_next_import() {
    let service = Service::new().await;
    let (passkeys, rp) = (&service.app.passkeys, service.id());
    let [ann, next] = [b"a", b"b"].map(|handle| registered_elsewhere(handle, -7));
    let name = "ann-0000001";
    let one = line(&ann, name, &json!({}));
    let both = format!("{one}\n{}", line(&next, name, &json!({})));
    let import = async |text: &str| imported(passkeys, rp, text).await;
    assert_eq!(import(&one).await, ["added"]);
    let first = passkeys.list_imports(PageRequest::first(1)).await.unwrap();
    passkeys.forget_import(first.items[0].id).await.unwrap();
    assert_eq!(import(&one).await, ["exists"]);
    let ann = passkeys.user(rp, name).await.unwrap();
    passkeys.delete_user(rp, ann.id, &SOMEBODY).await.unwrap();
    assert_eq!(import(&both).await, ["refused"; 2]);
}

/// Undone, an import leaves nothing that keeps out what nobody has deleted.
#[tokio::test]
async fn an_undone_import_keeps_out_only_what_was_deleted() {
    let users = ["ann-0000001", "bob-0000001", "eve-0000001"];
    let registered = [b"a", b"b", b"c"].map(|handle| registered_elsewhere(handle, -7));
    let lines = users.iter().zip(&registered);
    let lines: Vec<_> = lines
        .map(|(user, passkey)| line(passkey, user, &json!({})))
        .collect();
    let text = lines.join("\n");
    let source = Service::new().await;
    let rp = source.id();
    let import = async |passkeys: &Arc<Passkeys>, text: &str| imported(passkeys, rp, text).await;
    assert_eq!(import(&source.app.passkeys, &text).await, ["added"; 3]);
    let delete = async |passkeys: &Arc<Passkeys>, name: &str| {
        let found = passkeys.user_with_credentials(rp, name).await;
        let (user, records) = found.unwrap();
        let deleted = passkeys.delete_credential_or_registration(&user, records[0].key, &SOMEBODY);
        deleted.await.unwrap();
    };
    // Deleted before the move, and after it.
    delete(&source.app.passkeys, users[2]).await;
    let export = bytes_of(&source.app.passkeys, Wanted::default()).await;
    let moved = over(Arc::new(Memory::new())).await;
    let (_, _, Mode::Write(id)) = into(&moved, &export, false).await.unwrap() else {
        unreachable!()
    };
    delete(&moved, users[1]).await;
    moved.undo_import(id).await.unwrap();
    assert_eq!(import(&moved, &text).await, ["added", "refused", "refused"]);
    // A person who has deleted a passkey is no person who was deleted.
    let passkeys = &source.app.passkeys;
    let all = passkeys.list_imports(PageRequest::first(1)).await.unwrap();
    passkeys.undo_import(all.items[0].id).await.unwrap();
    let next = line(&registered_elsewhere(b"d", -7), users[2], &json!({}));
    assert_eq!(import(passkeys, &next).await, ["added"]);
}

/// Imports a file; the outcomes of its records.
async fn imported(passkeys: &Arc<Passkeys>, rp: RelyingPartyId, text: &str) -> Vec<&'static str> {
    let file = (text, Source::Simplewebauthn, Told::default());
    let done = run_on(passkeys, rp, file, (false, false)).await.unwrap();
    let done = in_order(done);
    done.reports.iter().map(|one| one.outcome).collect()
}

/// With the reports in the order of the file. Records are written side by side.
fn in_order(mut done: Imported) -> Imported {
    done.reports
        .sort_by(|one, other| one.place.cmp(&other.place));
    done
}

/// Sees that a file brings back neither the passkey of the first user, nor the second user with the passkeys in the second and fourth line.
async fn refuses(passkeys: &Arc<Passkeys>, rp: RelyingPartyId, text: &str) {
    for dry in [true, false] {
        let file = (text, Source::Simplewebauthn, Told::default());
        let done = run_on(passkeys, rp, file, (dry, false)).await.unwrap();
        let done = in_order(done);
        for (n, said) in [
            (0, "it was imported before and was deleted here since"),
            (1, "it was imported before and was deleted here since"),
            (3, "its user was imported before and was deleted here since"),
        ] {
            let why = done.reports[n].reason.as_deref().unwrap_or_default();
            assert!(why.contains(said), "{n}, {dry}: {:?}", done.reports);
        }
        assert_eq!(done.reports[2].outcome, "exists", "{:?}", done.reports);
    }
}

/// No list of names is complete: what is not read is named, and nothing is written until the operator has said that it does not matter.
#[tokio::test]
async fn what_is_not_read_is_named_before_anything_is_written() {
    let service = Service::new().await;
    let source = Source::Simplewebauthn;
    let passkey = registered_elsewhere(b"a", -7);
    let bare: Value = serde_json::from_str(&line(&passkey, "ann-0000001", &json!({}))).unwrap();
    let with = |other: Value| refusals::with(bare.clone(), &other);
    let many: serde_json::Map<_, _> = (0..45).map(|n| (format!("m{n}"), json!(n))).collect();
    let listed = json!({"username": "ann-0000001", "gekuendigt": true, "passkeys": [with(json!({"gesperrt": true}))]});
    for (record, named) in [
        (with(json!({"Gesperrt_am": MOMENT})), "gesperrtam"),
        // What is nothing in every record may be `false`, too.
        (with(json!({"can_login": ""})), "canlogin"),
        (with(json!({"approved": null})), "approved"),
        (with(json!({"meta": {"is_active": ""}})), "meta.isactive"),
        (with(json!({"kunde": {"gesperrt": true}})), "kunde.gesperrt"),
        (with(json!({"user": [{"disabled": true}]})), "user"),
        (
            with(json!({"credential": {"gesperrt": 1}})),
            "credential.gesperrt",
        ),
        (with(json!({"flags": 3})), "flags"),
        (with(json!({"user": "{\"active\":false}"})), "user"),
        (with(json!({"type": "revoked"})), "type"),
        (with(json!({"": 1})), "(nameless)"),
        (with(json!({"x".repeat(300): 1})), "(longname)"),
        (
            with(json!({"transports": [{"name": "usb", "off": true}]})),
            "transports",
        ),
        (with(json!({"meta": many})), "meta"),
        (listed, "gekuendigt,passkeys.gesperrt"),
    ] {
        let text = record.to_string();
        let said = format!("members that passkeyd does not know: {named}. If one");
        let done = run(&service, &text, source, Told::default(), true)
            .await
            .unwrap();
        let stopped = done.summary.stopped.unwrap_or_default();
        assert!(stopped.contains(&said), "{stopped}");
        let refused = run(&service, &text, source, Told::default(), false).await;
        let refused = refused.err().map(|why| why.to_string()).unwrap_or_default();
        assert!(
            refused.contains(&said) && refused.contains(&format!("--ignore {named}")),
            "{refused}"
        );
        let names: Vec<_> = named.split(',').map(str::to_owned).collect();
        let told = Told::default().ignoring(&names);
        let done = run(&service, &text, source, told, true).await.unwrap();
        assert_eq!(done.reports[0].outcome, "added", "{:?}", done.reports);
        assert_eq!(done.summary.stopped, None);
    }
    let found = service.app.passkeys.user(service.id(), "ann-0000001").await;
    assert!(found.is_err());
    let done = run(&service, &bare.to_string(), source, Told::default(), false).await;
    assert_eq!(done.unwrap().reports[0].outcome, "added");
}

#[tokio::test]
async fn a_user_who_is_disabled_with_the_product_is_imported_only_when_that_is_asked_for() {
    let passkey = registered_elsewhere(b"1", -7);
    let credential = &passkey.credentials()[0];
    let (id, key) = (credential.id(), credential.public_key());
    let url = testkit::base64url;
    let keycloak = |enabled: bool| {
        let data = json!({"credentialId": url(id), "credentialPublicKey": url(&key), "counter": 0});
        json!({"users": [{"id": "1", "username": "ann-0000001", "enabled": enabled, "credentials": [
            {"type": "webauthn-passwordless", "credentialData": data.to_string(), "secretData": "{}"}
        ]}]})
    };
    let kratos = |state: &str| {
        json!([{"id": "1", "state": state, "traits": {"username": "ann-0000001"},
        "credentials": {"passkey": {"config": {"user_handle": url(b"1"), "credentials": [
            {"id": url(id), "public_key": url(&key), "is_passwordless": true}
        ]}}}}])
    };
    let fusionauth = |active: bool| {
        json!({"active": active, "username": "ann-0000001", "userHandle": url(b"1"),
            "credentialId": url(id), "publicKey": url(&key)})
    };
    for (source, disabled, enabled) in [
        (Source::Keycloak, keycloak(false), keycloak(true)),
        (Source::Kratos, kratos("inactive"), kratos("active")),
        (Source::Fusionauth, fusionauth(false), fusionauth(true)),
    ] {
        let service = Service::new().await;
        let (disabled, enabled) = (disabled.to_string(), enabled.to_string());
        for dry in [true, false] {
            let done = run(&service, &disabled, source, Told::default(), dry)
                .await
                .unwrap();
            let why = done.reports[0].reason.clone().unwrap_or_default();
            assert!(
                why.contains("--include-disabled"),
                "{source:?}: {:?}",
                done.reports
            );
        }
        let seen = foreseen(&service, source, &enabled).await;
        assert_eq!(seen, [("ann-0000001".to_owned(), String::new())]);
        let told = Told {
            include_disabled: true,
            ..Told::default()
        };
        let done = run(&service, &disabled, source, told, false).await.unwrap();
        let report = &done.reports[0];
        assert_eq!(report.outcome, "added", "{report:?}");
        assert!(
            report
                .notes
                .iter()
                .any(|note| note.contains("can sign in here")),
            "{report:?}"
        );
    }
}
