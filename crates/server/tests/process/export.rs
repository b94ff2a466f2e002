//! `passkeyd export`.

use serde_json::Value;

use crate::support::*;

#[test]
fn a_stopped_store_is_exported_to_a_new_file_or_to_standard_output() {
    let data = tempfile::tempdir().unwrap();
    Server::start(&mut serve_known(data.path())).stop();
    let file = data.path().join("export.ndjson");
    let export = |to: &str| {
        let mut command = passkeyd();
        command.arg("export").arg(to).arg("--data-dir");
        ended(command.arg(data.path()))
    };
    let done = export(file.to_str().unwrap());
    let log = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{log}");
    assert!(log.contains("1 account, 0 Relying Parties"), "{log}");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines[1]["id"], SID[2..]);
    assert_eq!(lines.last().unwrap()["counts"]["accounts"], 1);
    assert!(!text.contains(TOKEN));
    // A file that is there is not replaced.
    let again = export(file.to_str().unwrap());
    assert_eq!(again.status.code(), Some(1));
    assert!(
        String::from_utf8(again.stderr)
            .unwrap()
            .contains("it exists already")
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let printed = export("-");
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(printed.lines().count(), lines.len());
}

#[test]
fn a_store_in_use_and_an_unknown_relying_party_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let export = |more: &[&str]| {
        let mut command = passkeyd();
        command.args(["export", "-"]).args(more).arg("--data-dir");
        let done = ended(command.arg(data.path()));
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, said) = export(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("in use by a running passkeyd"), "{said}");
    server.stop();
    let unknown = format!("VA{}", "0".repeat(32));
    let (code, said) = export(&["--relying-party", &unknown]);
    assert_eq!(code, Some(1));
    assert!(said.contains("no such Relying Party"), "{said}");
    assert_eq!(export(&["--relying-party", "VA1"]).0, Some(2));
}

#[test]
fn a_backup_is_exported_where_its_master_key_is_not() {
    let data = tempfile::tempdir().unwrap();
    Server::start(&mut serve_known(data.path())).stop();
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = elsewhere.path().join("backup.db");
    let run = |arguments: &[&str]| {
        let mut command = passkeyd();
        let done = ended(command.args(arguments));
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{said}");
        said
    };
    let (data, file) = (data.path().to_str().unwrap(), backup.to_str().unwrap());
    run(&["backup", file, "--data-dir", data]);
    let said = run(&["export", "-", "--store", &format!("sqlite:{file}")]);
    assert!(said.contains("1 account, 0 Relying Parties"), "{said}");
    // No key is made for it either.
    assert!(!elsewhere.path().join("backup.key").exists());
}
