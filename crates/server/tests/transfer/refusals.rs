//! Records of other products that are refused, each for a reason in words, while the rest of the file is imported.

use serde_json::{Value, json};
use server::transfer::source::{Source, Told};
use testkit::Authenticator;

use crate::sources::{run, table};
use crate::support::*;
use crate::tables::in_quotes;

/// A record with other members.
pub fn record(authenticator: &Authenticator, user: &str, other: &Value) -> Value {
    let text = simplewebauthn_line(authenticator, user, user.as_bytes());
    with(serde_json::from_str(&text).unwrap(), other)
}

/// The same as a line of a file.
pub fn line(authenticator: &Authenticator, user: &str, other: &Value) -> String {
    record(authenticator, user, other).to_string()
}

/// A record with these members instead of its own.
pub fn with(mut record: Value, other: &Value) -> Value {
    for (name, other) in other.as_object().unwrap() {
        record[name] = other.clone();
    }
    record
}

/// Members that lead to a refusal, and a part of its reason.
fn cases(off_curve: &[u8]) -> Vec<(Value, &'static str)> {
    let url = testkit::base64url;
    vec![
        (json!({"publicKey": url(off_curve)}), "not on the curve"),
        (json!({"publicKey": "AAAA"}), "neither COSE"),
        (json!({"publicKey": null}), "no public key"),
        (
            json!({"id": "AAAA"}),
            "has 3 bytes, and the policy demands 16",
        ),
        (json!({"id": url(&[1; 1024])}), "1 to 1023"),
        (json!({"webauthnUserID": url(&[1; 65])}), "1 to 64"),
        (json!({"webauthnUserID": null}), "no user handle"),
        (
            json!({"counter": 4_294_967_296_u64}),
            "not a number of 32 bits",
        ),
        (json!({"rpID": "other.test"}), "RP ID other.test"),
        (
            json!({"deviceType": "singleDevice", "backedUp": true}),
            "backed up and cannot be",
        ),
        (json!({"username": null, "userId": null}), "--user-column"),
    ]
}

#[tokio::test]
async fn a_record_that_cannot_be_trusted_is_refused_and_the_others_are_imported() {
    let service = Service::new().await;
    let good = registered_elsewhere(b"x", -7);
    let mut off_curve = good.credentials()[0].public_key();
    *off_curve.last_mut().unwrap() ^= 1;
    let cases = cases(&off_curve);
    let mut text: Vec<String> = (0..)
        .zip(&cases)
        .map(|(n, (other, _))| {
            let passkey = registered_elsewhere(b"x", -7);
            line(&passkey, &format!("user-{n}"), other)
        })
        .collect();
    text.push(line(&good, "user-good-1", &json!({})));
    // The same credential of another user, and another credential with the handle of another user.
    text.push(line(&good, "user-z", &json!({})));
    let another = registered_elsewhere(b"x", -7);
    let handle = json!({"webauthnUserID": testkit::base64url(b"user-good-1")});
    text.push(line(&another, "user-y", &handle));
    let text = text.join("\n");
    let source = Source::Simplewebauthn;
    let foreseen = run(&service, &text, source, Told::default(), true).await;
    let foreseen = foreseen.unwrap();
    let done = run(&service, &text, source, Told::default(), false).await;
    let done = done.unwrap();
    assert_eq!(done.summary, foreseen.summary);
    let reasons = foreseen.reports.iter();
    let reasons: Vec<_> = reasons
        .map(|r| r.reason.clone().unwrap_or_default())
        .collect();
    for ((_, why), reason) in cases.iter().zip(&reasons) {
        assert!(reason.contains(why), "{why}: {reason}");
    }
    let last = &reasons[cases.len()..];
    assert!(last[0].is_empty(), "{last:?}");
    assert!(last[1].contains("twice"), "{last:?}");
    assert!(last[2].contains("same user handle"), "{last:?}");
    assert_eq!(done.summary.count("added"), 1);
}

#[tokio::test]
async fn an_algorithm_or_a_proof_that_the_policy_demands_is_not_taken_from_a_file() {
    let service = Service::new().await;
    let es384 = registered_elsewhere(b"x", -35);
    let text = line(&es384, "user-0001", &json!({}));
    let seen = run(
        &service,
        &text,
        Source::Simplewebauthn,
        Told::default(),
        true,
    )
    .await
    .unwrap();
    assert!(
        seen.reports[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("does not allow the algorithm")
    );
    let passkey = registered_elsewhere(b"x", -7);
    let text = line(&passkey, "user-0001", &json!({"deviceType": null}));
    for (change, why) in [
        (
            json!({"backup": {"credentials": "device_bound"}}),
            "demand on backups",
        ),
        (
            json!({"attestation": {"requirement": "trusted", "conveyance": "direct"}}),
            "attested authenticators",
        ),
    ] {
        let strict = Service::new().await;
        let path = format!("/manage/v1/services/{}/policy", strict.sid);
        let changed = strict.app.operator().patch(&path, &change).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let seen = run(
            &strict,
            &text,
            Source::Simplewebauthn,
            Told::default(),
            true,
        )
        .await
        .unwrap();
        let reason = seen.reports[0].reason.clone().unwrap_or_default();
        assert!(reason.contains(why), "{why}: {reason}");
    }
}

#[tokio::test]
async fn a_file_that_mixes_base64_and_base64url_is_not_read() {
    let service = Service::new().await;
    let passkeys = [
        registered_elsewhere(b"x", -7),
        registered_elsewhere(b"y", -7),
    ];
    let mixed = [
        line(
            &passkeys[0],
            "user-0001",
            &json!({"id": "abc-abcdefghijklmnopqrst"}),
        ),
        line(
            &passkeys[1],
            "user-0002",
            &json!({"id": "abc+abcdefghijklmnopqrst"}),
        ),
    ];
    let refused = run(
        &service,
        &mixed.join("\n"),
        Source::Simplewebauthn,
        Told::default(),
        true,
    )
    .await;
    let why = refused.err().unwrap().to_string();
    assert!(
        why.contains("credential ids") && why.contains("base64url"),
        "{why}"
    );
}

#[tokio::test]
async fn a_handle_that_names_another_user_signs_nobody_else_in() {
    let service = Service::new().await;
    service
        .register("victim-001", &mut Authenticator::default())
        .await;
    let victim = service
        .app
        .passkeys
        .user(service.id(), "victim-001")
        .await
        .unwrap();
    // The passkey has the handle that passkeyd made for another user.
    let handle = victim.id.user_handle();
    let mut attacker = registered_elsewhere(handle.as_bytes(), -7);
    let text = simplewebauthn_line(&attacker, "attacker-1", handle.as_bytes());
    let done = run(
        &service,
        &text,
        Source::Simplewebauthn,
        Told::default(),
        false,
    )
    .await
    .unwrap();
    assert_eq!(done.summary.count("added"), 1);
    // It is the passkey of its own user, and of nobody else.
    let approved = service.sign_in(None, &mut attacker).await;
    assert_eq!(approved["identity"], "attacker-1");
    assert_eq!(
        service
            .sign_in_nevis(Some("attacker-1"), &mut attacker)
            .await,
        "attacker-1"
    );
    let challenge = service
        .post("Passkeys/Challenges", &json!({"identity": "victim-001"}))
        .await
        .expect(201);
    let mut options = challenge["options"].clone();
    options["publicKey"]["allowCredentials"] = json!([]);
    let answer = attacker
        .get(&options, ORIGIN, &testkit::Lies::default())
        .unwrap();
    let refused = service.post("Passkeys/ApproveChallenge", &answer).await;
    assert_eq!(refused.status / 100, 4, "{}", refused.text());
}

#[tokio::test]
async fn a_foreign_handle_is_refused_where_the_credential_was_not_imported_with_it() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("user-0001", &mut authenticator).await;
    let challenge = service
        .post("Passkeys/Challenges", &json!({}))
        .await
        .expect(201);
    let lies = testkit::Lies {
        user_handle: testkit::UserHandle::Text("another handle".to_owned()),
        ..testkit::Lies::default()
    };
    let answer = authenticator
        .get(&challenge["options"], ORIGIN, &lies)
        .unwrap();
    let refused = service.post("Passkeys/ApproveChallenge", &answer).await;
    assert_eq!(
        (refused.status, &refused.json["code"]),
        (400, &60365.into()),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn a_removed_imported_passkey_is_unknown_whatever_its_handle_is() {
    let service = Service::new().await;
    let handle = b"a handle of another server";
    let mut passkey = registered_elsewhere(handle, -7);
    let text = simplewebauthn_line(&passkey, "ann-0000001", handle);
    let source = Source::Simplewebauthn;
    run(&service, &text, source, Told::default(), false)
        .await
        .unwrap();
    let challenge = service
        .post("Passkeys/Challenges", &json!({}))
        .await
        .expect(201);
    let passkeys = &service.app.passkeys;
    let page = domain::model::page::PageRequest::first(9);
    let import = passkeys.list_imports(page).await.unwrap().items.remove(0);
    passkeys.undo_import(import.id).await.unwrap();
    let answer = passkey
        .get(&challenge["options"], ORIGIN, &testkit::Lies::default())
        .unwrap();
    let refused = service.post("Passkeys/ApproveChallenge", &answer).await;
    assert_eq!(
        refused.json["details"]["reason"],
        "credential_unknown",
        "{}",
        refused.text()
    );
}

/// What became of each record of a file in a dry run.
pub async fn foreseen(service: &Service, source: Source, text: &str) -> Vec<(String, String)> {
    let done = run(service, text, source, table(), true).await.unwrap();
    let seen = done.reports.into_iter().map(|report| {
        let user = report.user.unwrap_or_default();
        (user, report.reason.unwrap_or_default())
    });
    seen.collect()
}

#[tokio::test]
async fn two_users_of_a_file_are_never_taken_for_one() {
    let service = Service::new().await;
    let passkeys = [b"a", b"b", b"c"].map(|handle| registered_elsewhere(handle, -7));
    let of = |n: usize, other: Value| line(&passkeys[n], &format!("user-000{n}"), &other);
    // One member names the users of a file: a name is not compared with an id.
    let text = [
        of(0, json!({"username": null, "userId": "7"})),
        of(1, json!({"username": "7", "userId": "9"})),
    ];
    let seen = foreseen(&service, Source::Simplewebauthn, &text.join("\n")).await;
    let mixed = "some records of the file have the member username";
    assert!(seen.iter().all(|(_, why)| why.contains(mixed)), "{seen:?}");
    // One name, two ids.
    let text = [
        of(0, json!({"username": "ann-0000001", "userId": "1"})),
        of(1, json!({"username": "ann-0000001", "userId": "2"})),
        of(2, json!({"username": "ann-0000001 ", "userId": "3"})),
    ];
    let seen = foreseen(&service, Source::Simplewebauthn, &text.join("\n")).await;
    let two = "two users of the file, with different ids, have this name";
    assert!(
        seen[..2].iter().all(|(_, why)| why.contains(two)),
        "{seen:?}"
    );
    assert!(seen[2].1.contains("white space"), "{seen:?}");
    let long = of(0, json!({"username": "x".repeat(301)}));
    let seen = foreseen(&service, Source::Simplewebauthn, &long).await;
    assert!(seen[0].1.contains("more than 300 characters"), "{seen:?}");

    // A user of Kratos chooses the traits.
    let identity = |n: usize, id: &str, traits: Value| {
        let credential = &passkeys[n].credentials()[0];
        json!({"id": id, "traits": traits, "credentials": {"passkey": {"config": {
            "user_handle": testkit::base64url(&[b"abc"[n]]),
            "credentials": [{"id": testkit::base64url(credential.id()),
                "public_key": testkit::base64url(&credential.public_key()), "is_passwordless": true}],
        }}}})
    };
    let text = json!([
        identity(0, "1", json!({"email": "victim@acme.test"})),
        identity(
            1,
            "2",
            json!({"username": "victim@acme.test", "email": "other@acme.test"})
        ),
    ]);
    let seen = foreseen(&service, Source::Kratos, &text.to_string()).await;
    let mixed = "some records of the file have the member traits.username";
    assert!(seen.iter().all(|(_, why)| why.contains(mixed)), "{seen:?}");
    let told = Told {
        user: Some("traits.email".to_owned()),
        ..Told::default()
    };
    let done = run(&service, &text.to_string(), Source::Kratos, told, true).await;
    let users: Vec<_> = done
        .unwrap()
        .reports
        .into_iter()
        .map(|one| one.user)
        .collect();
    let expected = ["victim@acme.test", "other@acme.test"];
    assert_eq!(users, expected.map(|user| Some(user.to_owned())));
    // The id is that of the person, and not that of a passkey.
    let told = Told {
        user: Some("id".to_owned()),
        ..Told::default()
    };
    let done = run(&service, &text.to_string(), Source::Kratos, told, true).await;
    let users = done.unwrap().reports.into_iter().map(|one| one.user);
    let expected = ["1", "2"].map(|id| Some(id.to_owned()));
    assert_eq!(users.collect::<Vec<_>>(), expected);
}

/// People choose their names, and the names of their passkeys.
#[tokio::test]
async fn a_name_that_is_json_does_not_say_whose_passkey_it_is() {
    let service = Service::new().await;
    let passkeys = [b"a", b"b"].map(|handle| registered_elsewhere(handle, -7));
    let names = [
        r#"{"":"ann-0000001"}"#,
        r#"{"name":"ann-0000001"}"#,
        r#"{"id":"1"}"#,
        r#"{"username":"ann-0000001","userId":"1"}"#,
    ];
    for name in names {
        let text = [
            line(&passkeys[0], "ann-0000001", &json!({"userId": "1"})),
            line(&passkeys[1], name, &json!({"userId": "2", "name": name})),
        ];
        for source in [Source::Simplewebauthn, Source::GoWebauthn] {
            let seen = foreseen(&service, source, &text.join("\n")).await;
            assert_eq!(seen[0], ("ann-0000001".to_owned(), String::new()));
            assert_eq!(seen[1].0, name);
        }
        // In a table, with no id of the user beside it.
        let rows = [("ann-0000001", "YQ"), (name, "Yg")].map(|(user, handle)| {
            let credential = &passkeys[usize::from(handle == "Yg")].credentials()[0];
            let id = testkit::base64url(credential.id());
            let key = testkit::base64url(&credential.public_key());
            let quoted = user.replace('"', "\"\"");
            format!("\"{id}\",\"{key}\",\"{quoted}\",\"{handle}\",0\n")
        });
        let text = format!(
            "id,publicKey,username,webAuthnUserID,counter\n{}",
            rows.concat()
        );
        let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
        assert_eq!(
            seen,
            [
                ("ann-0000001".to_owned(), String::new()),
                (name.to_owned(), String::new())
            ]
        );
        let row: Value = serde_json::from_str(&line(&passkeys[1], "x", &json!({}))).unwrap();
        let realm = json!({"users": [{"id": "2", "username": name, "enabled": true, "credentials": [{
            "type": "webauthn-passwordless", "userLabel": name, "createdDate": 1_700_000_000_000_u64,
            "credentialData": json!({"credentialId": row["id"], "credentialPublicKey": row["publicKey"], "counter": 0}).to_string(),
        }]}]});
        let seen = foreseen(&service, Source::Keycloak, &realm.to_string()).await;
        assert_eq!(seen[0].0, name);
    }
    // The display name of an object beside the name is another member.
    let both = json!({"userId": "2", "user": {"name": "ann-0000001"}});
    let text = line(&passkeys[1], "bob-0000001", &both);
    let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
    assert_eq!(seen, [("bob-0000001".to_owned(), String::new())]);
    let alone =
        json!({"username": null, "user": {"name": "ann-0000001", "email": "bob@acme.test"}});
    let text = line(&passkeys[1], "x", &alone);
    let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
    assert_eq!(seen, [("bob@acme.test".to_owned(), String::new())]);
}

/// Each of these once gave the passkey of one person to another.
#[tokio::test]
async fn nothing_that_a_person_chooses_moves_a_passkey_to_another_person() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    let credential = &passkey.credentials()[0];
    let id = testkit::base64url(credential.id());
    let key = testkit::base64url(&credential.public_key());
    let tabs = |text: &str| {
        let (header, rows) = text.split_once('\n').unwrap();
        let quoted = |row: &str| {
            let values = row.split('|').map(|value| match value {
                "" => String::new(),
                value => in_quotes(&value.replace("<id>", &id).replace("<key>", &key)),
            });
            values.collect::<Vec<_>>().join("\t")
        };
        let rows: Vec<_> = rows.lines().map(quoted).collect();
        format!("{}\n{}\n", header.replace('|', "\t"), rows.join("\n"))
    };
    let told = |user: Option<&str>| Told {
        user: user.map(str::to_owned),
        ..table()
    };
    for (what, why, user, text) in [
        ("a name below another one", "there is no user", None, tabs("id|publicKey|passkey_user|webAuthnUserID|counter\n<id>|<key>|bob|YQ|0\n")),
        ("the label, where there is no name", "there is no member name", Some("name"), tabs("id|publicKey|webAuthnUserID|counter|name|passkey_name\n<id>|<key>|YQ|0||bob\n")),
        ("a name that a tool has escaped", "two backslashes", None, tabs("id|publicKey|username|webAuthnUserID|counter\n<id>|<key>|CORP\\\\tom|YQ|0\n")),
        ("an id that a tool has escaped", "two backslashes", None, json!({"username": "tom", "userId": "CORP\\\\tom", "id": id, "publicKey": key, "webAuthnUserID": "YQ"}).to_string()),
        ("a number that has lost digits", "a number of more than 53 bits", None, format!(r#"{{"username":100000000000000000000001,"id":"{id}","publicKey":"{key}","webAuthnUserID":"YQ"}}"#)),
        ("a column without a name", "there is no user", None, tabs("|id|publicKey|username|webAuthnUserID|counter\n{\"username\":\"bob\"}|<id>|<key>||YQ|0\n")),
        ("a member twice", "twice", Some("name"), format!(r#"{{"name":"eve","id":"{id}","publicKey":"{key}","webAuthnUserID":"YQ","counter":0,"name":"bob"}}"#)),
        ("a member twice within a column", "there is no public key", Some("name"), json!({"name": "eve", "data": format!(r#"{{"id":"{id}","publicKey":"{key}","webAuthnUserID":"YQ","id":"{id}"}}"#), "id": id}).to_string()),
        ("the name within the record", "there is no member name", Some("name"), json!({"name": null, "credential": {"id": id, "publicKey": key, "webAuthnUserID": "YQ", "name": "bob"}}).to_string()),
        ("a display name", "there is no user", None, json!({"user": {"name": "bob", "displayName": "bob"}, "id": id, "publicKey": key, "webAuthnUserID": "YQ"}).to_string()),
        ("an alias of the passkey", "there is no member alias", Some("alias"), json!({"alias": null, "passkeys": [{"id": id, "publicKey": key, "webAuthnUserID": "YQ", "alias": "bob"}]}).to_string()),
        ("two lists", "count as one name", None, json!({"username": "eve", "credentials": [{}], "passkeys": [{"id": id, "publicKey": key, "webAuthnUserID": "YQ"}]}).to_string()),
    ] {
        let done = run(&service, &text, Source::Simplewebauthn, told(user), true).await;
        let refused = match done {
            Ok(done) => {
                assert_eq!(done.reports.len(), 1, "{what}");
                done.reports[0].reason.clone().unwrap_or_default()
            }
            Err(error) => error.to_string(),
        };
        assert!(!refused.is_empty() && refused.contains(why), "{what}: {refused}");
    }
    // A list without passkeys beside one that has some hides nothing.
    let text = json!({"username": "eve-0000001", "credentials": [], "passkeys": [{"id": id, "publicKey": key, "webAuthnUserID": "YQ"}]});
    let seen = foreseen(&service, Source::Simplewebauthn, &text.to_string()).await;
    assert_eq!(seen, [("eve-0000001".to_owned(), String::new())]);
}

/// A user who has a list of passkeys has a name, and each passkey has one, too.
#[tokio::test]
async fn the_name_of_a_passkey_is_not_that_of_its_user() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    let mut row: Value = serde_json::from_str(&line(&passkey, "x", &json!({}))).unwrap();
    row.as_object_mut().unwrap().remove("username");
    row["name"] = json!("bob-0000001");
    let told = || Told {
        user: Some("Name".to_owned()),
        ..Told::default()
    };
    for (user, expected) in [
        (json!("eve-0000001"), Some("eve-0000001")),
        (Value::Null, None),
    ] {
        let text = json!({"name": user, "credentials": [row]}).to_string();
        let done = run(&service, &text, Source::Simplewebauthn, told(), true)
            .await
            .unwrap();
        assert_eq!(done.reports[0].user.as_deref(), expected);
    }
}

#[tokio::test]
async fn names_that_count_as_one_are_not_chosen_from() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"a", -7);
    // A member that differs in case alone, with another value, with the same one, and without one.
    let mut text = Vec::new();
    for other in [json!("AAAA"), Value::Null] {
        text.push(line(
            &passkey,
            "ann",
            &json!({"ID": other, "user_name": "ann"}),
        ));
    }
    let seen = foreseen(&service, Source::Simplewebauthn, &text.join("\n")).await;
    assert!(
        seen[0]
            .1
            .contains("members ID and id have different values"),
        "{seen:?}"
    );
    assert_eq!(seen[1], ("ann".to_owned(), String::new()));

    // A join of two tables has two columns of one name, and the last one is the id of the user.
    let members: Value = serde_json::from_str(&line(&passkey, "ann", &json!({}))).unwrap();
    let (id, key) = (members["id"].as_str(), members["publicKey"].as_str());
    let (id, key) = (id.unwrap(), key.unwrap());
    let written = |names: [&str; 5], between: &str| {
        let values = [id, key, "YQ", "ann", "NDI"].map(|value| format!("\"{value}\""));
        format!("{}\n{}\n", names.join(between), values.join(between))
    };
    for second in ["id", "ID", "\"Id\""] {
        let text = written(
            ["id", "publicKey", "webAuthnUserID", "username", second],
            ",",
        );
        let read = run(&service, &text, Source::Simplewebauthn, table(), true).await;
        let refused = read.err().expect("the file is not read").to_string();
        assert!(
            refused.contains("of the file count as one name"),
            "{refused}"
        );
    }
    // Spreadsheets write other characters between columns.
    for between in [",", ";", "\t"] {
        let names = ["id", "publicKey", "webAuthnUserID", "username", "note"];
        let text = written(names, between);
        let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
        assert_eq!(seen, [("ann".to_owned(), String::new())], "{between:?}");
    }
}

#[tokio::test]
async fn a_file_without_a_record_is_refused_and_a_mark_at_its_beginning_is_no_record() {
    let service = Service::new().await;
    for (source, text) in [
        (Source::Simplewebauthn, ""),
        (Source::Simplewebauthn, " \n\n"),
        (Source::Simplewebauthn, "id,publicKey,username\n"),
        // The first record is where the names of the columns should be.
        (Source::Simplewebauthn, "AAAA,BBBB,ann\nCCCC,DDDD,bob\n"),
        (Source::Simplewebauthn, "\0\0\0\0"),
        (Source::Keycloak, r#"{"users": []}"#),
        (Source::Kratos, r#"[{"id": "1", "traits": {}}]"#),
    ] {
        let done = run(&service, text, source, table(), true).await;
        let why = done.err().expect("the file is not read").to_string();
        let none = [
            "no record was found",
            "no record of the file",
            "neither CSV nor JSON",
        ];
        assert!(
            none.iter().any(|none| why.contains(none)),
            "{text:?}: {why}"
        );
    }
    // Programs of Windows write UTF-16.
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("passkeys.csv");
    for mark in [[0xff, 0xfe], [0xfe, 0xff]] {
        std::fs::write(&file, [&mark[..], b"i\0d\0"].concat()).unwrap();
        let why = server::transfer::import::look(&file, Source::Simplewebauthn, &table());
        let why = why.unwrap_err().to_string();
        assert!(why.contains("save it as UTF-8"), "{why}");
    }
    let passkey = registered_elsewhere(b"x", -7);
    let line = line(&passkey, "ann-0000001", &json!({}));
    for text in [format!("\u{feff}{line}\n"), format!("\u{feff}[{line}]")] {
        let seen = foreseen(&service, Source::Simplewebauthn, &text).await;
        assert_eq!(seen, [("ann-0000001".to_owned(), String::new())]);
    }
}

#[tokio::test]
async fn a_user_who_was_there_before_the_import_is_named() {
    let service = Service::new().await;
    service
        .register("ann-0000001", &mut Authenticator::default())
        .await;
    service.app.clock.advance_millis(1000);
    let passkeys = [b"x", b"y", b"z"].map(|handle| registered_elsewhere(handle, -7));
    // A user whom the import makes, and who has two passkeys, was not there.
    let users = ["ann-0000001", "bob-0000001", "bob-0000001"];
    let lines = users.iter().zip(&passkeys);
    let lines = lines.map(|(user, one)| line(one, user, &json!({})));
    let text: Vec<_> = lines.collect();
    for dry in [true, false] {
        let source = Source::Simplewebauthn;
        let done = run(&service, &text.join("\n"), source, Told::default(), dry).await;
        for report in done.unwrap().reports {
            assert_eq!(report.outcome, "added", "{report:?}");
            let said = "has a user of this name already";
            let named = report.notes.iter().any(|note| note.contains(said));
            assert_eq!(named, report.user.as_deref() == Some("ann-0000001"));
        }
    }
}

#[tokio::test]
async fn a_user_is_not_made_for_a_passkey_that_the_store_refuses() {
    let service = Service::new().await;
    let passkey = registered_elsewhere(b"x", -7);
    let source = Source::Simplewebauthn;
    let text = line(&passkey, "ann-0000001", &json!({}));
    run(&service, &text, source, Told::default(), false)
        .await
        .unwrap();
    let text = line(&passkey, "bob-0000001", &json!({}));
    let done = run(&service, &text, source, Told::default(), false)
        .await
        .unwrap();
    let why = done.reports[0].reason.clone().unwrap_or_default();
    assert!(why.contains("a credential with this id"), "{why}");
    let bob = service.app.passkeys.user(service.id(), "bob-0000001").await;
    assert!(bob.is_err());
}

#[tokio::test]
async fn a_last_use_that_has_not_come_is_unknown_and_is_no_first_sign_in() {
    let service = Service::new().await;
    let mut passkey = registered_elsewhere(b"ann-0000001", -7);
    let future = json!({"lastUsedAt": "2999-01-01T00:00:00Z", "createdAt": "2999-01-01T00:00:00Z"});
    let text = line(&passkey, "ann-0000001", &future);
    let told = Told::default();
    let source = Source::Simplewebauthn;
    let done = run(&service, &text, source, told, false).await.unwrap();
    let notes = &done.reports[0].notes;
    assert!(
        notes.iter().any(|note| note.contains("in the future")),
        "{notes:?}"
    );
    let passkeys = &service.app.passkeys;
    let page = domain::model::page::PageRequest::first(9);
    let import = passkeys.list_imports(page).await.unwrap().items.remove(0);
    let before = passkeys.first_sign_ins(&import).await.unwrap();
    service.sign_in(None, &mut passkey).await;
    let after = passkeys.first_sign_ins(&import).await.unwrap();
    assert_eq!((before.signed_in, after.signed_in), (0, 1));
}
