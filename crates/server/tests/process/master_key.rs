//! The keys in a store are sealed under a master key.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use domain::webauthn::base64url;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::support::*;

const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

/// A data directory with a Service that has an access key.
struct Made {
    place: tempfile::TempDir,
    service: String,
    key: String,
}

impl Made {
    fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    fn key_file(&self) -> PathBuf {
        self.data().join("passkeyd.key")
    }

    /// The database alone, in another directory.
    fn copied(&self) -> PathBuf {
        let to = self.place.path().join("copy");
        fs::create_dir(&to).unwrap();
        fs::copy(self.data().join("passkeyd.db"), to.join("passkeyd.db")).unwrap();
        to
    }
}

fn made() -> Made {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let account = basic(SID, TOKEN);
    let server = Server::start(&mut serve_known(&data));
    let created = server.request(
        "POST",
        "/v2/Services",
        &[&account, FORM],
        "FriendlyName=Acme",
    );
    let service = body(&created)["sid"].as_str().unwrap().to_owned();
    let path = format!("/manage/v1/services/{service}/access-keys");
    let key = server.request("POST", &path, &[&account, JSON], r#"{"name":"shop"}"#);
    let key = body(&key)["key"].as_str().unwrap().to_owned();
    assert_eq!(ping(&server, &key), 200);
    drop(server.stop());
    Made {
        place,
        service,
        key,
    }
}

fn ping(server: &Server, key: &str) -> u16 {
    let bearer = format!("Authorization: Bearer {key}");
    status(&server.request("GET", "/ping", &[&bearer], ""))
}

/// Runs a command on the store of `data`: its exit code, and what it says.
fn on(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = ended(passkeyd().args(arguments).arg("--data-dir").arg(data));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    (output.status.code().unwrap(), said)
}

/// What a server says that does not start.
fn refused(command: &mut std::process::Command) -> String {
    let output = ended(command);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_copy_of_the_database_makes_no_access_key_that_the_server_accepts() {
    let made = made();
    let copy = made.copied();
    // A server on it does not start, and no command opens it.
    let why = refused(&mut serve(&copy));
    assert!(why.contains("are sealed under the master key"), "{why}");
    assert!(
        why.contains("master_key_file") && why.contains("passkeyd.key"),
        "{why}"
    );
    let (code, why) = on(&copy, &["access-key", "create", "--service", &made.service]);
    assert_eq!(code, 1, "{why}");

    // The claims of a real key, under a code made with whatever the database has.
    let (signed, mac) = made.key.rsplit_once('.').unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(copy.join("passkeyd.db"), flags).unwrap();
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for sql in ["SELECT value FROM token_keys", "SELECT value FROM meta"] {
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        secrets.extend(rows.map(Result::unwrap));
    }
    assert!(secrets.len() > 2);
    let server = Server::start(&mut serve_known(&made.data()));
    let mut tried = 0;
    for secret in &secrets {
        for part in [
            &secret[..],
            &secret[..secret.len().min(64)],
            &secret[secret.len().saturating_sub(64)..],
        ] {
            let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, part), signed.as_bytes());
            let code = base64url::encode(code.as_ref());
            assert_ne!(code, mac);
            assert_eq!(ping(&server, &format!("{signed}.{code}")), 403);
            tried += 1;
        }
    }
    assert!(tried > 6);
    assert_eq!(ping(&server, &made.key), 200);

    // With another master key the copy has other keys, so what it makes is refused here, and what was made here is refused there.
    let (code, said) = on(&copy, &["master-key", "discard"]);
    assert_eq!(code, 2, "{said}");
    let (code, said) = on(&copy, &["master-key", "discard", "--yes"]);
    assert_eq!(code, 0, "{said}");
    let (code, theirs) = on(
        &copy,
        &["access-key", "create", "--service", &made.service, "--json"],
    );
    assert_eq!(code, 0, "{theirs}");
    let theirs: Value = serde_json::from_str(&theirs).unwrap();
    let theirs = theirs["key"].as_str().unwrap();
    assert_eq!(ping(&server, theirs), 403);
    // A second time nothing is lost, so nothing is discarded.
    let (code, said) = on(&copy, &["master-key", "discard", "--yes"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nothing is lost: the master key"), "{said}");
    let other = Server::start(&mut serve(&copy));
    assert_eq!(ping(&other, theirs), 200);
    assert_eq!(ping(&other, &made.key), 403);
}

#[test]
fn the_master_key_is_in_a_file_that_only_its_owner_reads_or_in_the_environment() {
    let made = made();
    let file = made.key_file();
    let rights = fs::metadata(&file).unwrap().permissions();
    assert_eq!(rights.mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.trim().len(), 64);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let why = refused(&mut serve(&made.data()));
    assert!(
        why.contains("mode 640") && why.contains("chmod 600"),
        "{why}"
    );
    let (_, found) = on(&made.data(), &["doctor", "--offline"]);
    assert!(found.contains("PROBLEM  master_key"), "{found}");
    // That the store cannot be opened follows from it.
    assert!(!found.contains("PROBLEM  store"), "{found}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (_, found) = on(&made.data(), &["doctor", "--offline"]);
    assert!(
        found.contains("good  master_key: the master key comes from the file"),
        "{found}"
    );

    fs::write(&file, "no key\n").unwrap();
    let why = refused(&mut serve(&made.data()));
    assert!(
        why.contains("64 hex digits") && !why.contains("no key\n"),
        "{why}"
    );
    fs::remove_file(&file).unwrap();
    let why = refused(&mut serve(&made.data()));
    assert!(why.contains("no master key is set"), "{why}");
    // A new one must not be made for a store that is sealed under another.
    assert!(!file.exists());

    let other = made.place.path().join("other.key");
    let (code, said) = on_no_store(&["master-key", "create", other.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains(fs::read_to_string(&other).unwrap().trim()));
    let (code, said) = on_no_store(&["master-key", "create", other.to_str().unwrap()]);
    assert_eq!(code, 1, "{said}");
    let why = refused(serve(&made.data()).env("PASSKEYD_MASTER_KEY_FILE", &other));
    assert!(why.contains("and the master key that is set is"), "{why}");
    // Where the right one is in a place that does not count, the message names the place.
    let mut command = serve(&made.data());
    command.env("PASSKEYD_MASTER_KEY_FILE", &other);
    let why = refused(command.env("PASSKEYD_MASTER_KEY", text.trim()));
    let place = "It is in the environment variable PASSKEYD_MASTER_KEY, but";
    assert!(why.contains(place), "{why}");
    // The reverse: the right one counts, and the log names the other.
    fs::write(&file, &text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let another = fs::read_to_string(&other).unwrap();
    let mut command = serve(&made.data());
    command.env("PASSKEYD_MASTER_KEY_FILE", &file);
    let server = Server::start(command.env("PASSKEYD_MASTER_KEY", another.trim()));
    assert_eq!(ping(&server, &made.key), 200);
    let log = server.stop().log.join("\n");
    let told =
        log.contains("PASSKEYD_MASTER_KEY has the master key") && log.contains("is not used");
    assert!(told && !log.contains(another.trim()), "{log}");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let why = refused(&mut serve(&made.data()));
    assert!(why.contains("is a directory"), "{why}");
    fs::remove_dir(&file).unwrap();

    // The right one, in each of the other ways.
    let credentials = made.place.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("passkeyd-master-key"), &text).unwrap();
    for (name, value) in [
        ("PASSKEYD_MASTER_KEY", text.trim()),
        ("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap()),
    ] {
        let server = Server::start(serve(&made.data()).env(name, value));
        assert_eq!(ping(&server, &made.key), 200, "{name}");
    }
}

fn on_no_store(arguments: &[&str]) -> (i32, String) {
    let output = ended(passkeyd().args(arguments));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    (output.status.code().unwrap(), said)
}

#[test]
fn a_master_key_is_replaced_beside_a_running_server() {
    let made = made();
    let (old, new) = (made.key_file(), made.place.path().join("new.key"));
    let (code, said) = on_no_store(&["master-key", "create", new.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let config = made.place.path().join("passkeyd.toml");
    let settings = |previous: bool| {
        let mut text = format!("master_key_file = {:?}\n", new.display());
        if previous {
            let _ = writeln!(text, "master_key_previous_file = {:?}", old.display());
        }
        fs::write(&config, text).unwrap();
    };
    settings(true);
    let with = |command: &mut std::process::Command| {
        command.arg("--config").arg(&config);
    };
    let mut command = serve(&made.data());
    with(&mut command);
    let server = Server::start(&mut command);
    assert_eq!(ping(&server, &made.key), 200);
    let config_path = config.to_str().unwrap();
    let (code, before) = on(
        &made.data(),
        &["master-key", "show", "--json", "--config", config_path],
    );
    assert_eq!(code, 0, "{before}");
    let before: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(before["sealed_under"], before["previous"]);
    assert_ne!(before["current"], before["previous"]);
    for changed in [true, false] {
        let (code, said) = on(
            &made.data(),
            &["master-key", "reseal", "--json", "--config", config_path],
        );
        assert_eq!(code, 0, "{said}");
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["changed"], changed);
        assert_eq!(said["sealed_under"], before["current"]);
    }
    assert_eq!(ping(&server, &made.key), 200);
    drop(server.stop());

    settings(false);
    let mut command = serve(&made.data());
    with(&mut command);
    let server = Server::start(&mut command);
    assert_eq!(ping(&server, &made.key), 200);
    drop(server.stop());
    let why = refused(&mut serve(&made.data()));
    assert!(why.contains("and the master key that is set is"), "{why}");
}

#[test]
fn token_keys_are_replaced_beside_a_server_and_without_one() {
    let made = made();
    let data = made.data();
    let keys = |arguments: &[&str]| {
        let arguments = [&["token-key"], arguments, &["--json"]].concat();
        let (code, said) = on(&data, &arguments);
        assert_eq!(code, 0, "{said}");
        let said: Value = serde_json::from_str(&said).unwrap();
        let keys = said["token_keys"].as_array().unwrap().clone();
        assert!(keys.iter().all(|key| key["sealed"] == true));
        let rows = keys
            .iter()
            .map(|key| (key["kind"].clone(), key["number"].clone()));
        rows.collect::<Vec<_>>()
    };
    let service = ["--service", made.service.as_str()];
    let with = |arguments: &[&'static str]| [arguments, &service].concat();
    let access = |number: u32| (Value::from("access"), Value::from(number));
    assert_eq!(keys(&with(&["list"])), [access(1)]);
    // Without one, and not of access keys unless they are named.
    assert_eq!(keys(&["rotate", "--all"]), []);
    assert_eq!(
        keys(&["rotate", "--all", "--kind", "access"]),
        [access(2), access(1)]
    );
    let server = Server::start(&mut serve(&data));
    assert_eq!(ping(&server, &made.key), 200);
    assert_eq!(keys(&with(&["rotate", "--kind", "access"])).len(), 3);
    assert_eq!(ping(&server, &made.key), 200);
    assert_eq!(keys(&with(&["retire", "--kind", "access"])), [access(3)]);
    assert_eq!(ping(&server, &made.key), 403);
    let (code, said) = on(&data, &["token-key", "list", "--all"]);
    assert_eq!(code, 0);
    assert!(
        said.contains("makes tokens") && said.contains(&made.service),
        "{said}"
    );
    let (code, _) = on(&data, &["token-key", "list"]);
    assert_eq!(code, 2);
    let (code, said) = on(&data, &["token-key", "rotate", "--service", "VA0"]);
    assert_eq!(code, 1, "{said}");
}

#[test]
fn a_backup_says_which_master_key_it_needs_and_a_restore_says_what_is_missing() {
    let made = made();
    let backup = made.place.path().join("backup.db");
    let (code, said) = on(&made.data(), &["backup", backup.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("sealed under the master key"), "{said}");
    let elsewhere = made.place.path().join("elsewhere");
    let (code, said) = on(&elsewhere, &["restore", backup.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("passkeyd does not start until the right one is set"),
        "{said}"
    );
    refused(&mut serve(&elsewhere));
    fs::copy(made.key_file(), elsewhere.join("passkeyd.key")).unwrap();
    let server = Server::start(&mut serve(&elsewhere));
    assert_eq!(ping(&server, &made.key), 200);
    drop(server.stop());
    // With the key in its place there is nothing to say.
    let (code, said) = on(
        &elsewhere,
        &["restore", "--replace", backup.to_str().unwrap()],
    );
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("master key"), "{said}");
}

#[test]
fn the_database_has_no_hash_of_an_auth_token_against_which_guesses_can_be_tested() {
    let made = made();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(made.data().join("passkeyd.db"), flags).unwrap();
    let token = |row: &rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
    let sql = "SELECT token FROM accounts";
    let stored = database.query_row(sql, [], token).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, TOKEN.as_bytes());
    // One byte says that it is keyed.
    assert_eq!(stored.len(), 33);
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for sql in ["SELECT value FROM token_keys", "SELECT value FROM meta"] {
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        keys.extend(rows.map(Result::unwrap));
    }
    keys.push(Vec::new());
    let mut owner = vec![b'A'];
    owner.extend(hex::decode(&SID[2..]).unwrap());
    for key in &keys {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        for content in [digest.as_ref(), TOKEN.as_bytes()] {
            let of_owner = [&owner[..], content].concat();
            for code in [hmac::sign(&key, content), hmac::sign(&key, &of_owner)] {
                assert_ne!(&stored[1..], code.as_ref());
            }
        }
    }
    assert_ne!(&stored[1..], digest.as_ref());
}
