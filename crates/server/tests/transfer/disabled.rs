//! Passkeys and users with which the product lets nobody sign in. They do not come back unasked.

use serde_json::{Value, json};
use server::transfer::source::{Source, Told};

use crate::refusals::{foreseen, line};
use crate::sources::run;
use crate::support::*;

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
        .map(|members| (members, "says that it is revoked"));
    let cases = cases.chain(
        unclear()
            .into_iter()
            .map(|members| (members, "does not know the value")),
    );
    for (members, why) in cases {
        for (source, text) in with(&members) {
            let seen = foreseen(&service, source, &text).await;
            let [(_, found)] = &seen[..] else {
                panic!("{text}: {seen:?}")
            };
            assert!(
                found.contains(why) && found.contains("--disabled-users"),
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
    let members = json!({"state": "CA", "status": "gold", "deleted_at": MOMENT});
    let revoked = json!({"status": "revoked"});
    let told = |no_state: &[&str]| Told {
        no_state: no_state.iter().map(|member| (*member).to_owned()).collect(),
        ..Told::default()
    };
    for (source, text) in with(&members) {
        let all = ["State", "status", "deleted_at"];
        let places = ["", "user.", "credential.", "passkey.", "passkeys.", "data."];
        let all: Vec<_> = places
            .iter()
            .flat_map(|place| all.map(|name| format!("{place}{name}")))
            .collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        let done = run(&service, &text, source, told(&all), true)
            .await
            .unwrap();
        assert_eq!(
            done.reports[0].outcome, "added",
            "{text}: {:?}",
            done.reports
        );
        let some: Vec<_> = all
            .iter()
            .copied()
            .filter(|name| !name.contains("deleted"))
            .collect();
        let done = run(&service, &text, source, told(&some), true)
            .await
            .unwrap();
        let why = done.reports[0].reason.clone().unwrap_or_default();
        assert!(
            why.contains("deletedat (\"2025-01-01T00:00:00Z\") says that it is"),
            "{text}: {why}"
        );
    }
    // A status that means more than that still means that.
    for (source, text) in with(&revoked) {
        let all = [
            "status",
            "passkeys.status",
            "user.status",
            "credential.status",
        ];
        let done = run(&service, &text, source, told(&all), true)
            .await
            .unwrap();
        let why = done.reports[0].reason.clone().unwrap_or_default();
        assert!(
            why.contains("status (\"revoked\") says that it is"),
            "{text}: {why}"
        );
    }
    // The state of a user is not that of a passkey.
    let (_, text) = with(&json!({"state": "CA"})).remove(2);
    let done = run(
        &service,
        &text,
        Source::Simplewebauthn,
        told(&["state"]),
        true,
    )
    .await;
    let why = done.unwrap().reports[0].reason.clone().unwrap_or_default();
    assert!(why.contains("passkeys.state (\"CA\") may say"), "{why}");
}

/// No list of names is complete: what is not read is named, and nothing is written until the operator has said that it does not matter.
#[tokio::test]
async fn what_is_not_read_is_named_before_anything_is_written() {
    let service = Service::new().await;
    let source = Source::Simplewebauthn;
    let passkey = registered_elsewhere(b"a", -7);
    let bare: Value = serde_json::from_str(&line(&passkey, "ann-0000001", &json!({}))).unwrap();
    let with = |other: Value| {
        let mut record = bare.clone();
        for (name, value) in other.as_object().unwrap() {
            record[name] = value.clone();
        }
        record
    };
    let listed = json!({"username": "ann-0000001", "gekuendigt": true, "passkeys": [with(json!({"gesperrt": true}))]});
    for (record, named) in [
        (with(json!({"Gesperrt_am": MOMENT})), "gesperrtam"),
        (with(json!({"kunde": {"gesperrt": true}})), "kunde.gesperrt"),
        (with(json!({"user": [{"disabled": true}]})), "user"),
        (
            with(json!({"credential": {"gesperrt": 1}})),
            "credential.gesperrt",
        ),
        (listed, "gekuendigt, passkeys.gesperrt"),
    ] {
        let text = record.to_string();
        let said = format!("members that passkeyd does not read: {named}. If one");
        let done = run(&service, &text, source, Told::default(), true)
            .await
            .unwrap();
        assert!(
            done.summary
                .file
                .iter()
                .any(|line| line.starts_with("the file has") && line.contains(&said)),
            "{:?}",
            done.summary
        );
        let refused = run(&service, &text, source, Told::default(), false).await;
        let refused = refused.err().map(|why| why.to_string()).unwrap_or_default();
        assert!(
            refused.contains(&said) && refused.contains("--ignore-unread"),
            "{refused}"
        );
        let told = Told {
            ignore_unread: true,
            ..Told::default()
        };
        let done = run(&service, &text, source, told, true).await.unwrap();
        assert_eq!(done.reports[0].outcome, "added", "{:?}", done.reports);
        assert!(
            !done
                .summary
                .file
                .iter()
                .any(|line| line.contains("does not read"))
        );
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
                why.contains("--disabled-users"),
                "{source:?}: {:?}",
                done.reports
            );
        }
        let seen = foreseen(&service, source, &enabled).await;
        assert_eq!(seen, [("ann-0000001".to_owned(), String::new())]);
        let told = Told {
            disabled_users: true,
            ..Told::default()
        };
        let done = run(&service, &disabled, source, told, false).await.unwrap();
        let report = &done.reports[0];
        assert_eq!(report.outcome, "added", "{report:?}");
        assert!(
            report.notes.iter().any(|note| note.contains("disabled")),
            "{report:?}"
        );
    }
}
