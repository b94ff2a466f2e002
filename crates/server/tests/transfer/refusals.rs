//! Records of other products that are refused, each for a reason in words, while the rest of the file is imported.

use serde_json::{Value, json};
use server::transfer::source::{Source, Told};
use testkit::Authenticator;

use crate::sources::{run, table};
use crate::support::*;

/// A record with other members.
fn line(authenticator: &Authenticator, user: &str, other: &Value) -> String {
    let text = simplewebauthn_line(authenticator, user, user.as_bytes());
    let mut value: Value = serde_json::from_str(&text).unwrap();
    for (name, other) in other.as_object().unwrap() {
        value[name] = other.clone();
    }
    value.to_string()
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
async fn foreseen(service: &Service, source: Source, text: &str) -> Vec<(String, String)> {
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

/// A table of passkeys with their users and labels.
struct Table {
    rows: Vec<[String; 4]>,
}

const COLUMNS: [&str; 6] = [
    "id",
    "publicKey",
    "webAuthnUserID",
    "counter",
    "username",
    "name",
];

impl Table {
    /// `rows` are names of users and labels.
    fn new(rows: &[(&str, &str)]) -> Self {
        let row = |(n, (user, label)): (u8, &(&str, &str))| {
            let passkey = registered_elsewhere(&[n], -7);
            let credential = &passkey.credentials()[0];
            let id = testkit::base64url(credential.id());
            let key = testkit::base64url(&credential.public_key());
            [id, key, (*user).to_owned(), (*label).to_owned()]
        };
        Self {
            rows: (0..).zip(rows).map(row).collect(),
        }
    }

    /// As a tool writes it that treats each text so.
    fn written(&self, between: &str, write: impl Fn(&str) -> String) -> String {
        let mut text = COLUMNS.join(between) + "\n";
        for (n, [id, key, user, label]) in (0..).zip(&self.rows) {
            let handle = testkit::base64url(&[n]);
            let texts = [id, key, &handle, user, label].map(|text| write(text));
            let [id, key, handle, user, label] = texts;
            let row = [id, key, handle, "0".to_owned(), user, label];
            text += &(row.join(between) + "\n");
        }
        text
    }
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Quotes where they are needed, and doubled.
fn rfc4180(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        return in_quotes(text);
    }
    text.to_owned()
}

/// What people may call themselves and their passkeys.
const CHOSEN: &[(&str, &str)] = &[
    ("bob-0000001", "y"),
    ("\"bob-0000001\"", "\"x"),
    ("bob, smith", "a label, and \"more\""),
    (
        "eve-0000001",
        "x\n\"AAAA\",\"AAAA\",\"AAAA\",0,\"bob-0000001\",\"x\"",
    ),
    ("eve\",\"bob-0000001", "NULL"),
    ("NULL", "\\N"),
    ("CORP\\tom", "x\ry"),
];

#[tokio::test]
async fn a_table_is_read_whatever_people_call_themselves_if_its_rule_is_stated() {
    let service = Service::new().await;
    let table_of = Table::new(CHOSEN);
    for (between, write) in [
        (",", &in_quotes as &dyn Fn(&str) -> String),
        (";", &in_quotes),
        ("\t", &in_quotes),
        (",", &rfc4180),
    ] {
        let text = table_of.written(between, write);
        let done = run(&service, &text, Source::Simplewebauthn, table(), true).await;
        let seen = done.unwrap().reports;
        assert_eq!(seen.len(), CHOSEN.len());
        for ((user, _), report) in CHOSEN.iter().zip(&seen) {
            // A word that is not in quotes is nothing.
            let is_nothing = *user == "NULL" && !text.contains("\"NULL\"");
            let read = (!is_nothing).then_some(*user);
            assert_eq!(report.user.as_deref(), read, "{report:?}");
        }
    }
}

/// `mysql -B`, `COPY ... TO` and `INTO OUTFILE` have other rules, and scripts none.
#[tokio::test]
async fn a_table_whose_rule_is_not_stated_is_not_read() {
    let service = Service::new().await;
    let none = |text: &str| format!("\"{text}\"");
    let people = [
        ("ann-0000001", "L"),
        (",\"bob-0000001", "x\""),
        ("bob-0000001", "L"),
    ];
    for (table, between) in [
        (Table::new(&people).written(",", none), ","),
        (Table::new(&people).written("\t", str::to_owned), "\t"),
        (Table::new(CHOSEN).written(",", in_quotes), ","),
    ] {
        let told = Told::default();
        let read = run(&service, &table, Source::Simplewebauthn, told, true).await;
        let refused = read.err().expect("the file is not read").to_string();
        assert!(refused.contains("is no JSON."), "{between}: {refused}");
        assert!(refused.contains("--csv rfc4180"), "{between}: {refused}");
    }
    // By the rule that is stated these are no CSV.
    for (text, why) in [
        ("\"x", "does not end with one"),
        ("\"x\"y", "something after the quote"),
        ("Bob \"work\" key", "has a quote in it"),
        ("\"x\",\"y\"", "it has 7 values"),
    ] {
        let write = |value: &str| match value {
            "label" => text.to_owned(),
            other => in_quotes(other),
        };
        let text = Table::new(&[("eve-0000001", "label")]).written(",", write);
        let read = run(&service, &text, Source::Simplewebauthn, table(), true).await;
        let refused = read.err().expect("the file is not read").to_string();
        assert!(refused.contains(why), "{why}: {refused}");
    }
}

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
        (json!({"active": false}), "--disabled-users"),
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
            "is a text",
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
