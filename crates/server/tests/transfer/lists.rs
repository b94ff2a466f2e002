//! Users with lists of passkeys, and users without passkeys.

use serde_json::{Value, json};
use server::transfer::source::{Source, Told};

use crate::refusals::{self, foreseen, line};
use crate::sources::run;
use crate::support::*;

/// A user with a list of one passkey, which has other members than its user.
fn user_with_list(n: u8, user: &Value, of_passkey: &Value) -> String {
    let passkey = registered_elsewhere(&[n], -7);
    let text = simplewebauthn_line(&passkey, "x", &[n]);
    let mut row: Value = serde_json::from_str(&text).unwrap();
    row.as_object_mut().unwrap().remove("username");
    for (name, value) in of_passkey.as_object().unwrap() {
        row[name] = value.clone();
    }
    let mut user = user.clone();
    user["passkeys"] = json!([row]);
    user.to_string()
}

/// A user has a list of passkeys: no member of a passkey says whose it is.
#[tokio::test]
async fn whose_list_a_passkey_is_in_is_whose_it_is() {
    let service = Service::new().await;
    let says_bob = [
        json!({"username": "bob@acme.test"}),
        json!({"identifier": "bob@acme.test"}),
        json!({"user": {"username": "bob@acme.test"}}),
        json!({"userId": "bob@acme.test"}),
    ];
    for says_bob in &says_bob {
        // passkeyd knows the member that names the user, or does not know it.
        for member in ["email", "user_email", "mail", "sub", "name"] {
            let text = user_with_list(1, &json!({member: "eve@acme.test"}), says_bob);
            let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
            let known = member == "email";
            assert_eq!(known, seen[0].1.is_empty(), "{member} {seen:?}");
            assert_eq!(known, seen[0].0 == "eve@acme.test", "{member} {seen:?}");
            assert!(known || seen[0].1.contains("there is no user"), "{seen:?}");
            let told = Told {
                user: Some(member.to_owned()),
                ..Told::default()
            };
            let done = run(&service, &text, Source::GoWebauthn, told, true).await;
            let report = &done.unwrap().reports[0];
            assert_eq!(report.user.as_deref(), Some("eve@acme.test"), "{member}");
        }
    }
    // The user and the passkey contradict each other; two users have one name; a list of a user without a name.
    for (users, why) in [
        (
            vec![(json!({"username": "eve"}), json!({"username": "bob"}))],
            "different values of username",
        ),
        (
            vec![
                (json!({"id": 1, "email": "bob"}), json!({})),
                (json!({"id": 2, "email": "bob"}), json!({})),
            ],
            "have this name",
        ),
        (
            vec![
                (json!({"_id": {"$oid": "65a1"}, "email": "bob"}), json!({})),
                (json!({"_id": {"$oid": "65a2"}, "email": "bob"}), json!({})),
            ],
            "have this name",
        ),
        (
            vec![
                (json!({"id": [1, 2], "email": "bob"}), json!({})),
                (json!({"id": null, "email": "bob"}), json!({})),
            ],
            "have this name",
        ),
        (
            vec![(json!({"email": null}), json!({"email": "bob"}))],
            "there is no user",
        ),
    ] {
        let lines = (0..).zip(&users);
        let lines = lines.map(|(n, (user, of_passkey))| user_with_list(n, user, of_passkey));
        let text = lines.collect::<Vec<_>>().join("\n");
        let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
        let all = seen.iter().all(|(_, found)| found.contains(why));
        assert!(all, "{why}: {seen:?}");
    }
    // A list of records within an object, for a product whose lists are of users.
    let [bob, ann] = [("bob-0000001", b"b"), ("ann-0000001", b"a")].map(|(name, handle)| {
        let passkey = registered_elsewhere(handle, -7);
        let text = simplewebauthn_line(&passkey, name, handle);
        serde_json::from_str::<Value>(&text).unwrap()
    });
    let text = json!({"email": "dba@acme.test", "passkeys": [bob, ann]}).to_string();
    let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
    let alone = seen
        .iter()
        .all(|(_, why)| why.contains("write the list alone"));
    assert!(alone, "{seen:?}");
    // A member of the user is none of the passkey.
    let user = json!({"username": "ann-0000001", "counter": 7, "name": "Ann"});
    let text = user_with_list(1, &user, &json!({"counter": null}));
    let told = Told::default();
    let done = run(&service, &text, Source::Simplewebauthn, told, false).await;
    assert_eq!(done.unwrap().summary.count("added"), 1);
    let passkeys = &service.app.passkeys;
    let stored = passkeys.user_with_credentials(service.id(), "ann-0000001");
    let stored = stored.await.unwrap().1.remove(0);
    assert_eq!((stored.sign_count, &*stored.name), (0, ""));
}

/// Most people have no passkey yet when their names are taken.
#[tokio::test]
async fn people_without_a_passkey_keep_their_names() {
    let service = Service::new().await;
    let eve = json!({"id": 2, "email": "bob@acme.test"});
    let eve = user_with_list(1, &eve, &json!({}));
    let two = "two users of the file, with different ids, have this name";
    for bob in [
        json!({"id": 1, "email": "bob@acme.test", "passkeys": []}),
        json!({"id": 1, "email": "bob@acme.test", "passkeys": null}),
        json!({"uid": 1, "email": "bob@acme.test", "passkeys": "[]"}),
    ] {
        for source in [Source::Simplewebauthn, Source::GoWebauthn, Source::Hanko] {
            let text = format!("{bob}\n{eve}");
            let seen = foreseen(&service, source, &text).await;
            let (_, why) = seen.last().unwrap();
            assert!(why.contains(two), "{bob}: {seen:?}");
        }
    }
    // Nor does a member that only some people have name the users.
    let passkey = registered_elsewhere(b"a", -7);
    let row: Value = serde_json::from_str(&simplewebauthn_line(&passkey, "x", b"YQ")).unwrap();
    let credentials = json!({"passkey": {"config": {"user_handle": "YQ", "credentials": [
        {"id": row["id"], "public_key": row["publicKey"], "is_passwordless": true}]}}});
    let kratos = json!([
        {"id": "1", "traits": {"email": "bob@acme.test"}, "credentials": {}},
        {"id": "2", "traits": {"email": "eve@acme.test", "username": "bob@acme.test"}, "credentials": credentials},
    ]);
    let seen = foreseen(&service, Source::Kratos, &kratos.to_string()).await;
    assert_eq!(seen.len(), 1);
    assert!(seen[0].1.contains("and others do not"), "{seen:?}");
    let keycloak = json!({"users": [
        {"id": "1", "username": "bob"},
        {"id": "2", "username": "bob", "credentials": [{"type": "webauthn-passwordless",
            "credentialData": json!({"credentialId": row["id"], "credentialPublicKey": row["publicKey"], "counter": 0}).to_string()}]},
    ]});
    let seen = foreseen(&service, Source::Keycloak, &keycloak.to_string()).await;
    assert_eq!(seen.len(), 1);
    assert!(seen[0].1.contains(two), "{seen:?}");
}

/// A user without a passkey has an id, which is not one of a credential.
#[tokio::test]
async fn only_passkeys_show_how_credential_ids_are_written() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    let credential = &passkey.credentials()[0];
    let (id, key) = (credential.id(), credential.public_key());
    let list =
        json!([{"id": hex::encode(id), "publicKey": hex::encode(&key), "webAuthnUserID": "YQ"}]);
    let text = [
        json!({"id": "6c2f0a4e-5d1b-4b7e-9f13-2a8c41d7e905", "user_handle": "x_y", "email": "bob@acme.test", "passkeys": null}),
        json!({"id": "7c2f0a4e-5d1b-4b7e-9f13-2a8c41d7e905", "email": "ann@acme.test", "passkeys": list}),
    ];
    let text = text.map(|line| line.to_string()).join("\n");
    let done = run(
        &service,
        &text,
        Source::Simplewebauthn,
        Told::default(),
        true,
    )
    .await;
    let done = done.unwrap();
    assert_eq!(done.reports.len(), 1, "{:?}", done.reports);
    let found = done.reports[0].credential.as_deref();
    assert_eq!(found, Some(&*testkit::base64url(id)));
    // Nor is it guessed which of two members is the credential id.
    for other in ["external_id", "passkey_id", "rawId"] {
        let text = line(
            &passkey,
            "ann-0000001",
            &json!({other: "00000001-0000-4000-8000-000000000001"}),
        );
        let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
        assert!(
            seen[0].1.contains("either may be the credential id"),
            "{seen:?}"
        );
    }
}

/// Of products whose lists are of records: what is beside a list names nobody, and hides nothing.
#[tokio::test]
async fn what_is_beside_a_list_of_records_is_not_overlooked() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    let row = line(&passkey, "bob-0000001", &json!({"counter": null}));
    let row: Value = serde_json::from_str(&row).unwrap();
    for (beside, why) in [
        (json!({"username": "eve"}), "different values of username"),
        (json!({"user": {"id": "7"}}), "beside the list"),
        (json!({"active": false}), "--include-disabled"),
        (json!({"relyingPartyId": "other.test"}), "RP ID other.test"),
    ] {
        let mut document = beside;
        document["credentials"] = json!([row]);
        let text = document.to_string();
        let seen = foreseen(&service, Source::Fusionauth, &text).await;
        assert_eq!(seen.len(), 1);
        let found = &seen[0].1;
        assert!(found.contains(why), "{why}: {found}");
    }
}

/// A record that is left out is a person who cannot sign in any more, and nobody knows why.
#[tokio::test]
async fn no_record_is_left_out_without_a_word() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    let record = |more: &Value| line(&passkey, "ann-0000001", more);
    let row: Value = serde_json::from_str(&record(&json!({}))).unwrap();
    let ann = ("ann-0000001".to_owned(), String::new());
    // A list without passkeys beside a passkey.
    for list in ["credentials", "passkeys"] {
        let text = record(&json!({list: []}));
        let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
        assert_eq!(seen[0], ann, "{list}");
        assert_eq!(seen.len(), 1, "{list}");
    }
    let federated = json!({"realm": "a", "federatedUsers": [{"id": "f:1:ann", "credentials": [{"type": "webauthn-passwordless"}]}]});
    let kratos = |credentials: Value| json!([{"id": "1", "credentials": credentials}]);
    for (source, value, why) in [
        (
            Source::Simplewebauthn,
            json!({"username": "ann", "passkeys": "[{}]"}),
            "is no list",
        ),
        (
            Source::Simplewebauthn,
            record(&json!({"passkeys": [row]})).parse().unwrap(),
            "it has a list of passkeys",
        ),
        (
            Source::Hanko,
            json!({"username": "ann", "credentials": [row], "webauthn_credentials": [row]}),
            "count as one name",
        ),
        (Source::Keycloak, federated, "a user of a federation"),
        (
            Source::Kratos,
            kratos(json!({"passkey": {"config": "{}"}})),
            "include_credential",
        ),
        (
            Source::Kratos,
            kratos(json!({"passkey": {"type": "passkey", "identifiers": ["x"]}})),
            "include_credential",
        ),
        (
            Source::Keycloak,
            json!({"users": [{"username": "ann", "credentials": "[]"}]}),
            "no object",
        ),
        (
            Source::Keycloak,
            json!({"users": [{"id": "1", "username": "ann", "credentials": [{"credentialData": json!({"credentialId": 7}).to_string()}]}]}),
            "the credential id",
        ),
        (
            Source::Kratos,
            kratos(json!([{"type": "passkey"}])),
            "no object",
        ),
    ] {
        let seen = foreseen(&service, source, &value.to_string()).await;
        assert_eq!(seen.len(), 1, "{value}");
        assert!(seen[0].1.contains(why), "{why}: {seen:?}");
    }
    // Two realms may have users of one name.
    let realms = json!([{"realm": "a", "users": []}, {"realm": "b", "users": []}]);
    let read = run(
        &service,
        &realms.to_string(),
        Source::Keycloak,
        Told::default(),
        true,
    )
    .await;
    let refused = read.err().expect("the file is not read").to_string();
    assert!(refused.contains("several realms"), "{refused}");
}

/// Where two members may be the credential id, the wrong one makes a passkey with which nobody can sign in.
#[tokio::test]
async fn two_members_that_may_be_the_credential_id_are_refused() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    let text = line(&passkey, "ann-0000001", &json!({}));
    let mut bare: Value = serde_json::from_str(&text).unwrap();
    let id = bare.as_object_mut().unwrap().remove("id").unwrap();
    let with = |members: Value| refusals::with(bare.clone(), &members);
    let within = |member: &str, members: Value| {
        let mut record = with(members);
        record.as_object_mut().unwrap().remove("username");
        json!({"username": "ann-0000001", member: record})
    };
    let row = "8f6c1b1e-5d2a-4b7e-9c3d-2f1a0b9c8d7e";
    let mut outside = within("credential", json!({"id": id}));
    outside["credential_id"] = json!(row);
    for record in [
        with(json!({"credential_id": row, "external_id": id})),
        with(json!({"credential_id": row, "raw_id": id})),
        with(json!({"id": row, "rawId": id})),
        with(json!({"id": id, "key_id": row})),
        with(json!({"id": id, "passkey_id": row})),
        within("credential", json!({"id": row, "external_id": id})),
        within("passkey", json!({"id": row, "rawId": id})),
        outside,
    ] {
        let text = record.to_string();
        let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
        assert_eq!(seen.len(), 1);
        let why = &seen[0].1;
        assert!(
            why.contains("either may be the credential id"),
            "{text}: {why}"
        );
    }
    let mut outside = within("passkey", json!({"id": id}));
    outside["id"] = json!(row);
    for record in [
        with(json!({"id": 7, "credential_id": id})),
        with(json!({"id": 7, "external_id": id})),
        with(json!({"id": "passkey|dev_1", "key_id": id})),
        with(json!({"id": row, "passkey_id": row, "credential_id": id})),
        with(json!({"id": id, "rawId": id})),
        within("passkey", json!({"id": row, "credential_id": id})),
        outside,
    ] {
        let text = record.to_string();
        let done = run(
            &service,
            &text,
            Source::Simplewebauthn,
            Told::default(),
            true,
        );
        let report = done.await.unwrap().reports.remove(0);
        assert_eq!(
            report.credential.as_deref(),
            id.as_str(),
            "{text}: {report:?}"
        );
    }
}

#[tokio::test]
async fn a_list_with_another_name_is_not_left_out_without_a_word() {
    let service = Service::new().await;
    let [ann, bob] = [b"a", b"b"].map(|handle| registered_elsewhere(handle, -7));
    let record = |passkey| -> Value {
        serde_json::from_str(&line(passkey, "ann-0000001", &json!({}))).unwrap()
    };
    let (one, other) = (record(&ann), record(&bob));
    let mut holds = one.clone();
    holds["passkeys"] = json!([other]);
    let user = |members: Value| {
        let mut user = members;
        user["username"] = json!("ann-0000001");
        user
    };
    for (text, list, added) in [
        (
            user(json!({"credentials": [], "Authenticator": [one]})),
            "Authenticator",
            0,
        ),
        (user(json!({"securityKeys": [one]})), "securityKeys", 0),
        (
            user(json!({"passkeys": [one], "authenticators": [other]})),
            "authenticators",
            1,
        ),
        (
            user(json!({"passkeys": [], "user": {"passkeys": [one]}})),
            "user.passkeys",
            0,
        ),
        (user(json!({"passkeys": [], "values": [one]})), "values", 0),
        (user(json!({"passkeys": [holds]})), "passkeys", 1),
    ] {
        let seen = foreseen(&service, Source::Simplewebauthn, &text.to_string()).await;
        let said = format!("its list {list} has passkeys and is not read");
        let refused = seen.iter().filter(|(_, why)| why.contains(&said));
        assert_eq!(refused.count(), 1, "{text}: {seen:?}");
        let imported = seen.iter().filter(|(_, why)| why.is_empty());
        assert_eq!(imported.count(), added, "{text}: {seen:?}");
    }
}
