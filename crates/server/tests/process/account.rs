//! `passkeyd account`.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::*;

fn account(data: &Path, arguments: &[&str]) -> Output {
    let mut command = passkeyd();
    command
        .arg("account")
        .args(arguments)
        .arg("--data-dir")
        .arg(data);
    ended(&mut command)
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Whether the server knows the account by this token.
fn opens(data: &Path, pairs: &[(&str, &str)]) -> Vec<bool> {
    let server = Server::start(&mut serve(data));
    let opened = pairs
        .iter()
        .map(|(sid, token)| {
            let listed = server.request("GET", "/v2/Services", &[&basic(sid, token)], "");
            match status(&listed) {
                200 => true,
                401 => false,
                other => panic!("{other}: {listed}"),
            }
        })
        .collect();
    server.stop();
    opened
}

#[test]
fn a_lost_token_is_replaced_on_the_command_line_and_the_old_one_stops_working() {
    let data = tempfile::tempdir().unwrap();
    Server::start(&mut serve_known(data.path())).stop();
    let reset = text(&account(data.path(), &["reset-token"]));
    assert!(reset.contains(SID), "{reset}");
    let new = reset
        .lines()
        .find_map(|line| line.trim().strip_prefix("Auth Token"))
        .unwrap()
        .trim();
    assert_eq!(
        opens(data.path(), &[(SID, TOKEN), (SID, new)]),
        [false, true]
    );
    // And once more, as JSON and by name.
    let reset = json(&account(data.path(), &["reset-token", SID, "--json"]));
    assert_eq!(reset["account_sid"], SID);
    let newer = reset["auth_token"].as_str().unwrap();
    assert_eq!(
        opens(data.path(), &[(SID, TOKEN), (SID, new), (SID, newer)]),
        [false, false, true]
    );
}

#[test]
fn accounts_are_made_and_listed_on_the_command_line_each_with_a_token_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    Server::start(&mut serve_known(data.path())).stop();
    let created = json(&account(data.path(), &["create", "--json"]));
    let (sid, token) = (
        created["account_sid"].as_str().unwrap(),
        created["auth_token"].as_str().unwrap(),
    );
    let listed = json(&account(data.path(), &["list", "--json"]));
    let sids: Vec<&str> = listed["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| {
            assert!(account["created_at"].as_str().unwrap().ends_with('Z'));
            assert_eq!(account.as_object().unwrap().len(), 2, "no secret");
            account["account_sid"].as_str().unwrap()
        })
        .collect();
    assert_eq!(sids, [SID, sid]);
    let for_people = text(&account(data.path(), &["list"]));
    assert!(for_people.contains(SID) && for_people.contains(sid));

    // With two accounts one has to be named, and the other keeps its token.
    let told = complaint(&account(data.path(), &["reset-token"]));
    assert!(told.contains(SID) && told.contains(sid), "{told}");
    let reset = json(&account(data.path(), &["reset-token", sid, "--json"]));
    let new = reset["auth_token"].as_str().unwrap();
    assert_eq!(
        opens(data.path(), &[(SID, TOKEN), (sid, token), (sid, new)]),
        [true, false, true]
    );
}

#[test]
fn an_account_command_that_cannot_be_done_says_why_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    for arguments in [vec!["reset-token"], vec!["create"], vec!["list"]] {
        let told = complaint(&account(data.path(), &arguments));
        assert!(told.contains("no store at"), "{told}");
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);

    let mut closed = serve_known(data.path());
    let server = Server::start(closed.env("PASSKEYD_CONTROL__ENABLED", "false"));
    for arguments in [vec!["reset-token"], vec!["create"], vec!["list"]] {
        let mut command = passkeyd();
        command
            .arg("account")
            .args(&arguments)
            .arg("--data-dir")
            .arg(data.path())
            .env("PASSKEYD_CONTROL__ENABLED", "false");
        let told = complaint(&ended(&mut command));
        assert!(
            told.contains("in use by a running passkeyd, and `control.enabled` is false: stop it"),
            "{told}"
        );
    }
    server.stop();
    for (sid, why) in [
        (
            "AC99999999999999999999999999999999",
            "no account AC99999999999999999999999999999999; it has AC00112233445566778899aabbccddeeff",
        ),
        ("AC99", "expected AC and 32 hex digits"),
        (
            "SK00112233445566778899aabbccddeeff",
            "expected AC and 32 hex digits",
        ),
    ] {
        let told = complaint(&account(data.path(), &["reset-token", sid]));
        assert!(told.contains(why), "{told}");
    }
    assert_eq!(opens(data.path(), &[(SID, TOKEN)]), [true]);
}
