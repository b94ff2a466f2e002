//! `passkeyd import`.

use std::fs::File;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::*;

fn run(data: &Path, arguments: &[&str]) -> (Output, String) {
    let mut command = passkeyd();
    let output = ended(command.args(arguments).arg("--data-dir").arg(data));
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said)
}

#[test]
fn an_export_is_imported_into_a_new_store_listed_reported_and_undone() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    let server = Server::start(&mut serve_known(&old));
    let made = server.request(
        "POST",
        "/v2/Services",
        &[
            &basic(SID, TOKEN),
            "Content-Type: application/x-www-form-urlencoded",
        ],
        "FriendlyName=Acme",
    );
    assert_eq!(status(&made), 201, "{made}");
    server.stop();
    let file = place.path().join("export.ndjson");
    let file = file.to_str().unwrap();
    let (done, said) = run(&old, &["export", file]);
    assert!(done.status.success(), "{said}");

    let (dry, said) = run(&old, &["import", "--dry-run", file]);
    assert!(dry.status.success(), "{said}");
    assert!(
        said.contains("Nothing was written. It would be: "),
        "{said}"
    );
    let lines = String::from_utf8(dry.stdout).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");

    // Where no store is yet, a dry run says what the run would do, and makes none.
    let (dry, said) = run(&new, &["import", "--dry-run", file]);
    assert!(dry.status.success(), "{said}");
    assert!(said.contains("2 added, 0 already there"), "{said}");
    assert!(!new.exists());

    let (done, said) = run(&new, &["import", file]);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("2 added, 0 already there"), "{said}");
    let id = said.split("--undo ").nth(1).unwrap().trim();
    let (listed, _) = run(&new, &["import", "--list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.starts_with(id) && listed.trim_end().ends_with("passkeyd"),
        "{listed}"
    );
    let (report, _) = run(&new, &["import", "--report", id]);
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.contains("imported       0"), "{report}");
    let again = place.path().join("again.ndjson");
    run(&new, &["export", again.to_str().unwrap()]);
    let data = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[..lines.len() - 1].to_vec()
    };
    assert_eq!(data(&again), data(Path::new(file)));
    let (undone, said) = run(&new, &["import", "--undo", id]);
    assert!(
        undone.status.success() && said.contains("Removed: credentials 0, users 0."),
        "{said}"
    );
    let (unknown, said) = run(&new, &["import", "--undo", id]);
    assert!(
        !unknown.status.success() && said.contains("no import with this id"),
        "{said}"
    );
}

#[test]
fn a_file_of_another_product_needs_a_relying_party_and_says_why_a_record_is_refused() {
    let data = tempfile::tempdir().unwrap();
    Server::start(&mut serve_known(data.path())).stop();
    let file = data.path().join("passkeys.json");
    std::fs::write(&file, r#"{"id": "AAAA", "publicKey": "AAAA", "userId": 1}"#).unwrap();
    let file = file.to_str().unwrap();
    let from = ["import", "--from", "simplewebauthn", file];
    let (refused, said) = run(data.path(), &from);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("--relying-party must name"), "{said}");
    let unknown = format!("VA{}", "0".repeat(32));
    let (refused, said) = run(
        data.path(),
        &[&from[..], &["--relying-party", &unknown]].concat(),
    );
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("cannot get passkeys"), "{said}");
    assert_eq!(
        run(data.path(), &["import", "--from", "nobody", file])
            .0
            .status
            .code(),
        Some(2)
    );
    assert_eq!(run(data.path(), &["import"]).0.status.code(), Some(2));
}

#[test]
fn a_store_is_copied_and_compared_and_another_one_is_not_written_over() {
    let place = tempfile::tempdir().unwrap();
    let (old, other) = (place.path().join("old"), place.path().join("other"));
    for data in [&old, &other] {
        Server::start(&mut serve(data)).stop();
    }
    let url = |data: &Path| format!("sqlite:{}/passkeyd.db", data.display());
    let copy = |from: &Path, to: &Path| {
        let mut command = passkeyd();
        command.args(["copy", "--from", &url(from), "--to", &url(to)]);
        let output = ended(&mut command);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let new = place.path().join("new");
    let (code, said) = copy(&old, &new);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Copied and compared: 1 account"), "{said}");
    // The copy says which master key it needs, and starts with that one only.
    let key = new.join("passkeyd.key");
    let hint = format!("copy its file to {}", key.display());
    assert!(said.contains(&hint) && !key.exists(), "{said}");
    let start = |right: bool| {
        let output = ended(&mut serve(&new));
        assert_eq!(output.status.code(), Some(1));
        let why = String::from_utf8(output.stderr).unwrap();
        let said = "and the master key that is set is";
        assert_eq!(why.contains(said), right, "{why}");
    };
    start(false);
    std::fs::copy(other.join("passkeyd.key"), &key).unwrap();
    start(true);
    std::fs::copy(old.join("passkeyd.key"), &key).unwrap();
    Server::start(&mut serve(&new)).stop();
    let (code, said) = copy(&old, &other);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("Copy to a new file or to an empty database"),
        "{said}"
    );
    let (code, said) = copy(&place.path().join("nowhere"), &new);
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no store at"), "{said}");
    assert_eq!(copy(&old, &old).0, Some(1));
    // Once more, over the copy that was in use: nothing contradicts it.
    let (code, said) = copy(&old, &new);
    assert_eq!(code, Some(0), "{said}");
    // A file of an older format is no source: it would be updated without a word.
    let file = old.join("passkeyd.db");
    let store = rusqlite::Connection::open(&file).unwrap();
    store.pragma_update(None, "user_version", 22).unwrap();
    drop(store);
    let before = std::fs::read(&file).unwrap();
    let (code, said) = copy(&old, &place.path().join("newer"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("has format 22"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn an_import_of_a_file_that_cannot_be_read_leaves_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let nowhere = place.path().join("nowhere.ndjson");
    let nowhere = nowhere.to_str().unwrap();
    let (refused, said) = run(&data, &["import", nowhere]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("cannot read the file "), "{said}");
    assert!(!data.exists(), "no store was made");
    Server::start(&mut serve_known(&data)).stop();
    let empty = place.path().join("empty.csv");
    std::fs::write(&empty, "\n").unwrap();
    let unknown = format!("VA{}", "0".repeat(32));
    for (file, relying_party, why) in [
        (nowhere, &unknown[..], "cannot read the file "),
        (empty.to_str().unwrap(), &unknown, "no record"),
    ] {
        let from = ["import", "--from", "simplewebauthn", file];
        let (refused, said) = run(
            &data,
            &[&from[..], &["--relying-party", relying_party]].concat(),
        );
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.contains(why), "{said}");
    }
    std::fs::write(&empty, "id,publicKey,username\nAAAA,AAAA,ann\n").unwrap();
    let from = [
        "import",
        "--from",
        "simplewebauthn",
        empty.to_str().unwrap(),
    ];
    let stated = ["--csv", "rfc4180"];
    let target = ["--relying-party", &unknown];
    for (more, why) in [
        (&[][..], "is no JSON. A table (CSV)"),
        (&stated, "--relying-party must name"),
        (&[stated, target].concat(), "cannot get passkeys"),
    ] {
        let (refused, said) = run(&data, &[&from[..], more].concat());
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.contains(why), "{said}");
    }
    let (listed, _) = run(&data, &["import", "--list"]);
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "");
}

#[test]
fn migrate_says_of_an_embedded_store_that_it_migrates_itself() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let says = |more: &[&str]| {
        let (done, said) = run(&data, &[&["migrate"][..], more].concat());
        assert!(done.status.success(), "{said}");
        String::from_utf8(done.stdout).unwrap()
    };
    for more in [&[][..], &["--check"]] {
        // A script that has forgotten --store must notice.
        let (done, said) = run(&data, &[&["migrate"][..], more].concat());
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("there is no embedded store at"), "{said}");
        assert!(said.contains("--store postgres://"), "{said}");
    }
    assert!(!data.exists());
    Server::start(&mut serve_known(&data)).stop();
    let said = says(&[]);
    assert!(
        said.contains("which is current. Nothing was changed"),
        "{said}"
    );
    let store = rusqlite::Connection::open(data.join("passkeyd.db")).unwrap();
    store.execute_batch("PRAGMA user_version = 1").unwrap();
    let said = says(&["--check"]);
    assert!(
        said.contains("has format 1. passkeyd serve updates it"),
        "{said}"
    );
}

#[test]
fn a_database_that_cannot_be_reached_is_told_with_the_cause() {
    let mut command = passkeyd();
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let output = ended(command.args(["migrate", "--store", url]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("can be reached (Connection refused"),
        "{said}"
    );
}

#[test]
fn store_verify_names_its_cases_when_none_has_the_name_that_was_asked_for() {
    let mut command = passkeyd();
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let output = ended(command.args(["store", "verify", "--url", url, "--only", "juggling"]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("\"juggling\". The names are:"), "{said}");
    assert!(
        said.contains("an account is created once and listed"),
        "{said}"
    );
}

#[test]
fn a_file_that_can_be_read_only_once_is_imported_as_any_other() {
    let place = tempfile::tempdir().unwrap();
    let data = |name: &str| place.path().join(name);
    Server::start(&mut serve(&data("old"))).stop();
    let file = data("export.ndjson");
    let (done, said) = run(&data("old"), &["export", file.to_str().unwrap()]);
    assert!(done.status.success(), "{said}");
    // A pipe, by both of its names: as a shell gives it for `-` and for `<(...)`.
    for (new, name) in [("a", "-"), ("b", "/dev/stdin")] {
        let mut cat = std::process::Command::new("cat");
        let mut cat = cat.arg(&file).stdout(Stdio::piped()).spawn().unwrap();
        let mut command = passkeyd();
        command.stdin(cat.stdout.take().unwrap());
        command.args(["import", name, "--data-dir"]).arg(data(new));
        let output = ended(&mut command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("1 added, 0 already there"), "{name}: {said}");
        cat.wait().unwrap();
    }
    // And a redirected file.
    let mut command = passkeyd();
    command.stdin(File::open(&file).unwrap());
    command
        .args(["import", "/dev/stdin", "--data-dir"])
        .arg(data("c"));
    let said = String::from_utf8(ended(&mut command).stderr).unwrap();
    assert!(said.contains("1 added, 0 already there"), "{said}");
}
