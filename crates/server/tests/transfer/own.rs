use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use domain::Passkeys;
use domain::model::audit::{Actor, ActorKind};
use domain::model::clock::{SteppedClock, SystemRandomness, Timestamp};
use domain::model::console::{CONSOLE_ACCOUNT, CONSOLE_PARTY, Role};
use domain::model::ids::RelyingPartyId;
use domain::model::page::PageRequest;
use domain::service::transfer::Undone;
use domain::store::Storage;
use serde_json::Value;
use server::transfer::export::{Lines, Sink as _, Wanted, export};
use server::transfer::import::{ImportError, Mode, Report, Summary};
use server::transfer::own;
use server::transfer::record::Line;
use server::transfer::source::{Source, Told};
use storage::{Memory, StoreUrl};
use testkit::Authenticator;

use crate::common::{ACCOUNT, START, TOKEN, store_of_the_suite};
use crate::sources::run;
use crate::support::*;

pub const ALL: Wanted = Wanted {
    relying_party: None,
    history: true,
};

pub async fn over(store: Arc<dyn Storage>) -> Arc<Passkeys> {
    let clock = Arc::new(SteppedClock::starting_at(Timestamp(START)));
    let opened = Passkeys::open(store, clock, Arc::new(SystemRandomness)).await;
    Arc::new(opened.unwrap())
}

pub async fn bytes_of(passkeys: &Passkeys, wanted: Wanted) -> Vec<u8> {
    let mut lines = Lines::new(Vec::new());
    export(passkeys, wanted, &mut lines).await.unwrap();
    let manifest = lines.manifest(Timestamp(START));
    lines.line(&Line::Manifest(manifest)).unwrap();
    lines.into_inner().unwrap()
}

pub async fn into(
    passkeys: &Arc<Passkeys>,
    bytes: &[u8],
    dry: bool,
) -> Result<(Summary, Vec<Report>, Mode), ImportError> {
    into_one(passkeys, bytes, None, dry).await
}

/// Imports the records of one Relying Party, or all.
async fn into_one(
    passkeys: &Arc<Passkeys>,
    bytes: &[u8],
    only: Option<RelyingPartyId>,
    dry: bool,
) -> Result<(Summary, Vec<Report>, Mode), ImportError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let checked = own::check(file.path(), only)?;
    let mode = if dry {
        Mode::DryRun
    } else {
        Mode::Write(
            passkeys
                .begin_import(domain::model::import::OWN)
                .await
                .unwrap(),
        )
    };
    let mut reports = Vec::new();
    let take = |report: &Report| reports.push(report.clone());
    let summary = own::import(passkeys, file.path(), checked, mode, take).await?;
    Ok((summary, reports, mode))
}

/// A Service with users who registered here, a user without a passkey, and a passkey that was imported.
async fn filled() -> (Service, Authenticator) {
    let service = Service::new().await;
    for n in 0..20 {
        let name = format!("user-{n:04}");
        service.register(&name, &mut Authenticator::default()).await;
    }
    let path = format!("/v2/Services/{}/Entities", service.sid);
    let created = service
        .app
        .account()
        .post(&path, "Identity=nobody-0001")
        .await;
    created.expect(201);
    let passkey = registered_elsewhere(b"a handle", -7);
    let line = simplewebauthn_line(&passkey, "imported-0001", b"a handle");
    let done = run(
        &service,
        &line,
        Source::Simplewebauthn,
        Told::default(),
        false,
    )
    .await;
    assert_eq!(done.unwrap().summary.count("added"), 1);
    service.has_a_past().await;
    (service, passkey)
}

#[tokio::test]
async fn a_round_trip_is_byte_equal_and_what_is_imported_signs_in() {
    let (service, mut passkey) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, ALL).await;
    let directory = tempfile::tempdir().unwrap();
    let file = StoreUrl::File(directory.path().join("store.db"));
    let stores = [
        store_of_the_suite().await,
        storage::open(&file).await.unwrap(),
    ];
    for store in stores {
        let empty = over(Arc::clone(&store)).await;
        let (foreseen, ..) = into(&empty, &bytes, true).await.unwrap();
        assert_eq!(foreseen.count("refused"), 0);
        assert!(
            empty
                .list_accounts(domain::model::page::PageRequest::first(9))
                .await
                .unwrap()
                .items
                .is_empty()
        );
        let (done, reports, _) = into(&empty, &bytes, false).await.unwrap();
        assert_eq!(done, foreseen, "{reports:?}");
        assert_eq!(bytes_of(&empty, ALL).await, bytes);
        // Again: nothing is new.
        let (again, ..) = into(&empty, &bytes, false).await.unwrap();
        assert_eq!(
            (again.count("refused"), bytes_of(&empty, ALL).await),
            (0, bytes.clone())
        );
        let said = ["events", "notes of earlier imports"]
            .map(|what| format!("{what} count as added, also those that the store has already"));
        assert_eq!(again.file, said);
        // The token of the account is a new one, which nobody knows.
        let token = domain::model::account::Secret::new(TOKEN).hash();
        store.replace_account_token(ACCOUNT, token).await.unwrap();
        let app = crate::common::TestApp::builder().store(store).build().await;
        let copy = Service {
            app,
            sid: service.sid.clone(),
        };
        assert_eq!(
            copy.sign_in_nevis(None, &mut passkey).await,
            "imported-0001"
        );
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_changed_or_is_newer_is_not_imported() {
    let (service, _) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, ALL).await;
    let text = String::from_utf8(bytes).unwrap();
    let end = text.trim_end().rfind('\n').unwrap();
    let cut = text[..=end].to_owned();
    for (damaged, says) in [
        (cut.clone(), "cut off"),
        (text.replacen("user-0003", "user-0333", 1), "does not match"),
        (
            text.replacen("\"version\":2", "\"version\":3", 1),
            "reads passkeyd up to 2",
        ),
        (
            text.replacen("\"sign_count\":", "\"sign_counter\":", 1),
            "line ",
        ),
        (text.clone() + "{}\n", "line "),
        (String::new(), "cut off"),
        ("id,publicKey\n".to_owned(), "--from names the product"),
        ("x".repeat(1 << 24), "longer than 16777216 bytes"),
    ] {
        let empty = over(Arc::new(Memory::new())).await;
        let refused = into(&empty, damaged.as_bytes(), false).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
}

/// The first version had no notes of imports.
#[tokio::test]
async fn an_export_of_the_first_version_is_imported() {
    let (service, _) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, ALL).await;
    let old = changed(&bytes, |lines| {
        lines[0]["version"] = 1.into();
        lines.retain(|line| line["record"] != "imported");
        let counts = lines.last_mut().unwrap()["counts"].as_object_mut();
        assert_eq!(counts.unwrap().remove("imported"), Some(2.into()));
    });
    let empty = over(Arc::new(Memory::new())).await;
    let (done, reports, _) = into(&empty, &old, false).await.unwrap();
    assert_eq!(done.count("refused"), 0, "{reports:?}");
    let rp = service.id();
    let users = empty.list_users(rp, PageRequest::first(100)).await.unwrap();
    assert_eq!(users.items.len(), 22);
}

#[tokio::test]
async fn what_the_store_has_stays_and_what_contradicts_it_is_refused() {
    let (service, _) = filled().await;
    let there = &service.app.passkeys;
    let before = bytes_of(there, Wanted::default()).await;
    let text = String::from_utf8(before.clone()).unwrap();
    // Another public key under a known id, a higher counter, a name that is another user's.
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let mut lines = lines;
    let keys: Vec<Value> = lines
        .iter()
        .filter(|l| l["record"] == "credential")
        .map(|l| l["public_key"].clone())
        .collect();
    let mut credentials = lines.iter_mut().filter(|l| l["record"] == "credential");
    credentials.next().unwrap()["public_key"] = keys[1].clone();
    credentials.next().unwrap()["sign_count"] = 4_000_000_000_u32.into();
    let third = credentials.next().unwrap();
    third["algorithm"] = (-8).into();
    let mut users = lines.iter_mut().filter(|l| l["record"] == "user");
    let user = users.next_back().unwrap();
    user["id"] = "00".repeat(16).into();
    let changed = sealed(&lines);
    let (_, reports, _) = into(there, &changed, false).await.unwrap();
    let refused: Vec<&str> = reports.iter().filter_map(|r| r.reason.as_deref()).collect();
    for why in [
        "a credential with this id",
        "not that of its public key",
        "another user of this name",
        "its user was refused",
    ] {
        assert!(
            refused.iter().any(|r| r.contains(why)),
            "{why}: {refused:?}"
        );
    }
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert_eq!(
        reports
            .iter()
            .filter(|r| r.outcome == "counter_raised")
            .count(),
        1
    );
    let after = String::from_utf8(bytes_of(there, Wanted::default()).await).unwrap();
    let differ = text
        .lines()
        .zip(after.lines())
        .filter(|(a, b)| a != b)
        .count();
    // The counter, and the digest.
    assert_eq!(differ, 2);
}

/// Lines with a manifest that matches them.
fn sealed(lines: &[Value]) -> Vec<u8> {
    let mut out = Lines::new(Vec::new());
    for line in lines {
        let line: Line = serde_json::from_value(line.clone()).unwrap();
        if !matches!(line, Line::Manifest(_)) {
            out.line(&line).unwrap();
        }
    }
    let manifest = out.manifest(Timestamp(START));
    out.line(&Line::Manifest(manifest)).unwrap();
    out.into_inner().unwrap()
}

#[tokio::test]
async fn an_import_is_undone_and_can_be_repeated() {
    let (service, _) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, Wanted::default()).await;
    let empty = over(Arc::new(Memory::new())).await;
    let (summary, _, mode) = into(&empty, &bytes, false).await.unwrap();
    let notes = "notes of earlier imports count as added, also those that the store has already";
    assert_eq!(summary.file, [notes], "there are no events in the file");
    let Mode::Write(id) = mode else {
        unreachable!()
    };
    let import = empty.import(id).await.unwrap().unwrap();
    let report = empty.first_sign_ins(&import).await.unwrap();
    assert_eq!((report.imported, report.signed_in, report.gone), (21, 0, 0));
    let undone = empty.undo_import(id).await.unwrap();
    let expected = Undone {
        credentials: 21,
        users: 22,
        users_kept: 0,
    };
    assert_eq!(undone, expected);
    assert!(empty.import(id).await.unwrap().is_none());
    let left = json_lines(&bytes_of(&empty, Wanted::default()).await);
    let counts = &left.last().unwrap()["counts"];
    assert_eq!(
        (&counts["users"], &counts["relying_parties"]),
        (&0.into(), &1.into())
    );
    into(&empty, &bytes, false).await.unwrap();
    assert_eq!(bytes_of(&empty, Wanted::default()).await, bytes);
}

/// Lines of a file, changed.
fn changed(bytes: &[u8], change: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    let mut lines = json_lines(bytes);
    change(&mut lines);
    sealed(&lines)
}

/// The lines of a kind.
fn of_kind<'a>(lines: &'a mut [Value], kind: &'a str) -> Vec<&'a mut Value> {
    let found = lines.iter_mut().filter(|line| line["record"] == kind);
    found.collect()
}

/// Sees each record refused for a reason by the dry run and by the run, which say the same of every record.
async fn refused_alike(store: Arc<dyn Storage>, bytes: &[u8], reasons: &[&str]) {
    let passkeys = over(store).await;
    let (foreseen, dry, _) = into(&passkeys, bytes, true).await.unwrap();
    let (done, mut reports, _) = into(&passkeys, bytes, false).await.unwrap();
    reports.sort_by_key(|report| dry.iter().position(|seen| seen.place == report.place));
    assert_eq!(dry, reports);
    assert_eq!(foreseen, done);
    let found: Vec<&str> = dry.iter().filter_map(|r| r.reason.as_deref()).collect();
    for why in reasons {
        assert!(found.iter().any(|r| r.contains(why)), "{why}: {found:?}");
    }
    assert_eq!(found.len(), reasons.len(), "{found:?}");
}

#[tokio::test]
async fn a_record_that_no_wire_would_make_is_refused_alone_and_the_dry_run_says_so() {
    let (service, _) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, ALL).await;
    let wrong = changed(&bytes, |lines| {
        let mut users = of_kind(lines, "user");
        users[0]["name"] = "".into();
        users[1]["name"] = "x".repeat(301).into();
        users[2]["name"] = "a\u{0}b".into();
        let (id, name) = (users[4]["id"].clone(), users[4]["name"].clone());
        users[5]["id"] = id;
        users[6]["name"] = name;
        let mut credentials = of_kind(lines, "credential");
        let id = credentials[7]["id"].clone();
        credentials[8]["id"] = id;
        credentials[9]["backup_eligible"] = false.into();
        credentials[9]["backup_state"] = true.into();
        credentials[10]["attestation"]["trust"] = "very".into();
        credentials[11]["name"] = "x".repeat(256).into();
        credentials[12]["transports"] = serde_json::json!(["a\u{0}b"]);
        let mut events = of_kind(lines, "event");
        events[0]["kind"] = "juggled".into();
        events[1]["user_name"] = "a\u{0}b".into();
        // A credential before its user, and one whose Relying Party is not there.
        let first = lines.iter().position(|line| line["record"] == "user");
        let lonely = lines
            .iter()
            .rposition(|line| line["record"] == "credential");
        let lonely = lines.remove(lonely.unwrap());
        lines.insert(first.unwrap(), lonely);
    });
    let reasons = [
        "name of the user is empty",
        "more than 300 characters",
        "the name of the user has a control character",
        "user with this key already",
        "user of this name already",
        // The credentials of those five.
        "its user was refused",
        "its user was refused",
        "its user was refused",
        "its user was refused",
        "its user was refused",
        "this credential id twice",
        "backed up and cannot be backed up",
        "trust that this passkeyd does not know",
        "the name of the passkey has more than 255",
        "a transport has a control character",
        "a word that this passkeyd does not know",
        "the name of the user has a control character",
        "it follows no user",
    ];
    refused_alike(Arc::new(Memory::new()), &wrong, &reasons).await;
    refused_alike(store_of_the_suite().await, &wrong, &reasons).await;
}

#[tokio::test]
async fn a_dry_run_knows_what_the_store_has_and_what_the_file_brings() {
    let (service, _) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, ALL).await;
    // The Relying Party is not in the file: nothing of it can be imported.
    let orphans = changed(&bytes, |lines| {
        lines.retain(|line| line["record"] != "relying_party");
    });
    // The header, the manifest, the account with its three events, and the Relying Party.
    let all = json_lines(&bytes).len() - 7;
    let (users, credentials) = (22, 21);
    let mut reasons = vec!["does not have its Relying Party"; users];
    reasons.extend(vec!["its user was refused"; credentials]);
    let of_events = "has neither its Relying Party nor its account";
    reasons.extend(vec![of_events; all - reasons.len()]);
    refused_alike(store_of_the_suite().await, &orphans, &reasons).await;
    let nobodys = changed(&bytes, |lines| {
        lines.retain(|line| line["record"] == "header" || line["record"] == "relying_party");
    });
    let why = ["does not have its account"];
    refused_alike(store_of_the_suite().await, &nobodys, &why).await;
    // All of it is there, with another name of one user, and with the key of one credential at another one.
    let other = changed(&bytes, |lines| {
        let mut users = of_kind(lines, "user");
        users[0]["name"] = "another-0001".into();
        let mut credentials = of_kind(lines, "credential");
        credentials[1]["id"] = testkit::base64url(&[7; 20]).into();
    });
    let store = store_of_the_suite().await;
    into(&over(Arc::clone(&store)).await, &bytes, false)
        .await
        .unwrap();
    let why = [
        "with another name",
        "its user was refused",
        "a credential with this id",
    ];
    refused_alike(store, &other, &why).await;
}

#[tokio::test]
async fn an_undo_leaves_no_user_of_an_import_that_was_interrupted_and_repeated() {
    let (service, _) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, Wanted::default()).await;
    // The first run ended between the users and their passkeys.
    let part = changed(&bytes, |lines| {
        lines.retain(|line| line["record"] != "credential");
    });
    for first_is_undone_first in [true, false] {
        let passkeys = over(store_of_the_suite().await).await;
        let mut ids = Vec::new();
        for file in [&part, &bytes] {
            let (_, _, mode) = into(&passkeys, file, false).await.unwrap();
            let Mode::Write(id) = mode else {
                unreachable!()
            };
            ids.push(id);
        }
        if !first_is_undone_first {
            ids.reverse();
        }
        let first = passkeys.undo_import(ids[0]).await.unwrap();
        let second = passkeys.undo_import(ids[1]).await.unwrap();
        assert_eq!(first.credentials + second.credentials, 21);
        assert_eq!(first.users + second.users, 22);
        assert_eq!(first.users_kept, if first_is_undone_first { 21 } else { 0 });
        let left = json_lines(&bytes_of(&passkeys, Wanted::default()).await);
        assert_eq!(left.last().unwrap()["counts"]["users"], 0);
    }
}

#[tokio::test]
async fn no_file_writes_to_the_console() {
    let (service, _) = filled().await;
    let passkeys = &service.app.passkeys;
    let bytes = bytes_of(passkeys, Wanted::default()).await;
    // Everything of the Service as if it were of the console, into a store that has the console and into one that has not.
    let of_console = changed(&bytes, |lines| {
        for line in lines {
            for member in ["relying_party", "id"] {
                if line[member] == hex::encode(service.id().0) {
                    line[member] = hex::encode(CONSOLE_PARTY.0).into();
                }
            }
        }
    });
    let account = changed(&bytes, |lines| {
        for line in lines {
            for member in ["account", "id"] {
                if line[member] == hex::encode(ACCOUNT.0) {
                    line[member] = hex::encode(CONSOLE_ACCOUNT.0).into();
                }
            }
        }
    });
    let by = Actor::new(ActorKind::Admin, "test");
    let invited = passkeys.invite_administrator("op", Role::Owner, &by);
    invited.await.unwrap();
    let empty = over(Arc::new(Memory::new())).await;
    for to in [passkeys, &empty] {
        for dry in [true, false] {
            // The account alone is no part of the console.
            let (done, reports, _) = into(to, &of_console, dry).await.unwrap();
            let refused = reports.iter().filter(|r| r.outcome == "refused").count();
            assert_eq!(refused, reports.len() - 1, "{done:?}");
        }
        let (_, reports, _) = into(to, &account, true).await.unwrap();
        let reason = |n: usize| reports[n].reason.as_deref().unwrap_or_default();
        assert!(reason(0).contains("belongs to the console"), "{reports:?}");
        assert!(reason(1).contains("belongs to the console"), "{reports:?}");
    }
}

#[tokio::test]
async fn an_import_for_one_relying_party_takes_no_record_of_another() {
    let service = Service::new().await;
    service
        .register("user-0001", &mut Authenticator::default())
        .await;
    let other = Service::of(&service.app).await;
    other
        .register("user-0002", &mut Authenticator::default())
        .await;
    let bytes = bytes_of(&service.app.passkeys, ALL).await;
    let named = Wanted {
        relying_party: Some(other.id()),
        history: true,
    };
    for dry in [true, false] {
        let to = over(Arc::new(Memory::new())).await;
        let done = into_one(&to, &bytes, Some(other.id()), dry).await;
        let (summary, reports, _) = done.unwrap();
        assert!(summary.count(own::LEFT_OUT) > 3, "{summary:?}");
        assert_eq!(summary.count("refused"), 0, "{reports:?}");
        assert!(reports.iter().any(|r| r.outcome == "added"), "{reports:?}");
        if !dry {
            let there = bytes_of(&to, ALL).await;
            assert_eq!(there, bytes_of(&service.app.passkeys, named).await);
        }
        // A file that does not have it changes nothing, not even the accounts.
        let to = over(Arc::new(Memory::new())).await;
        let nobody = bytes_of(&to, ALL).await;
        let unknown = RelyingPartyId([9; 16]);
        let refused = into_one(&to, &bytes, Some(unknown), dry).await.unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("has no Relying Party VA0909"), "{said}");
        assert_eq!(bytes_of(&to, ALL).await, nobody);
    }
}

/// A customer who chose the key of the operator's account for a Service would read what happened to that account.
#[tokio::test]
async fn no_relying_party_gets_the_key_of_an_account() {
    let (service, _) = filled().await;
    let bytes = bytes_of(&service.app.passkeys, ALL).await;
    let renamed = |from: &[u8], to: &[u8]| {
        changed(&bytes, |lines| {
            for line in lines {
                for member in ["relying_party", "account", "id"] {
                    if line[member] == hex::encode(from) {
                        line[member] = hex::encode(to).into();
                    }
                }
            }
        })
    };
    let of_account = renamed(&service.id().0, &ACCOUNT.0);
    let of_service = renamed(&ACCOUNT.0, &service.id().0);
    for dry in [true, false] {
        let to = over(Arc::new(Memory::new())).await;
        let (_, reports, _) = into(&to, &of_account, dry).await.unwrap();
        let party = reports.iter().find(|r| r.outcome == "refused").unwrap();
        assert!(
            party.reason.as_ref().unwrap().contains("one audit trail"),
            "{party:?}"
        );
        // The store has the Relying Party already.
        let (_, reports, _) = into(&service.app.passkeys, &of_service, dry).await.unwrap();
        let reason = reports[0].reason.as_deref().unwrap_or_default();
        assert!(reason.contains("one audit trail"), "{:?}", reports[0]);
    }
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_unreadable() {
    let refused = own::check(Path::new("/nowhere/export.ndjson"), None).unwrap_err();
    assert!(refused.to_string().contains("cannot read the file "));
}
