use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::Algorithm;
use testkit::metadata::{Blob, Entry, Service, Status};

use crate::support::*;

const PATH: &str = "/manage/v1/metadata";
const MODEL: [u8; 16] = [0x42; 16];
const AAGUID: &str = "42424242-4242-4242-4242-424242424242";

/// A directory for a store, and a metadata service that is believed by what runs on it.
struct Setup {
    directory: tempfile::TempDir,
    service: Service,
}

impl Setup {
    fn new() -> Self {
        use base64::Engine as _;
        let setup = Self {
            directory: tempfile::tempdir().unwrap(),
            service: Service::new(Algorithm::ES256).unwrap(),
        };
        let root = base64::engine::general_purpose::STANDARD.encode(setup.service.root());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n");
        std::fs::write(setup.roots(), pem).unwrap();
        setup
    }

    fn roots(&self) -> PathBuf {
        self.directory.path().join("roots.pem")
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn sign(&self, no: i64, entries: Vec<Entry>) -> String {
        self.sign_blob(&Blob {
            no,
            ..Blob::of(entries)
        })
    }

    fn sign_blob(&self, blob: &Blob) -> String {
        self.service.sign(blob).unwrap()
    }

    /// The text in a file.
    fn file(&self, text: &str) -> PathBuf {
        let path = self.directory.path().join("blob.jwt");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn believing<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PASSKEYD_METADATA__ROOTS_FILE", self.roots())
    }

    /// `passkeyd mds ...`: exit code, output, errors.
    fn mds(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = passkeyd();
        command.arg("mds").args(arguments);
        command.arg("--data-dir").arg(self.data());
        let output = ended(self.believing(&mut command));
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    fn import(&self, text: &str) -> (Option<i32>, String, String) {
        let file = self.file(text);
        self.mds(&["import", file.to_str().unwrap()])
    }

    fn serve(&self) -> Server {
        Server::start(self.believing(&mut serve_known(&self.data())))
    }
}

fn state(server: &Server) -> Value {
    let answer = server.request("GET", PATH, &[&basic(SID, TOKEN)], "");
    assert_eq!(status(&answer), 200, "{answer}");
    body(&answer)
}

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn put(server: &Server, blob: &str) -> String {
    server.request("PUT", PATH, &[&basic(SID, TOKEN)], blob)
}

fn revoked() -> Entry {
    Entry::fido2(MODEL, vec![]).with_statuses(vec![Status::new("REVOKED", "2020-01-01")])
}

#[test]
fn a_file_is_imported_and_what_changed_is_told() {
    let setup = Setup::new();
    let (code, _, errors) = setup.mds(&["show"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("there is no store at"), "{errors}");

    let (code, out, errors) = setup.import(&setup.sign(5, vec![Entry::fido2(MODEL, vec![])]));
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(
        out.starts_with("This is the first metadata of this store.\n"),
        "{out}"
    );
    assert!(out.contains("no            5\n"), "{out}");
    assert!(out.contains("next update   2099-12-31\n"), "{out}");
    assert!(out.contains("models        1\n"), "{out}");

    let new = Entry {
        description: "New \u{1b}[31mkey".to_owned(),
        ..Entry::fido2([1; 16], vec![])
    };
    let (code, out, _) = setup.import(&setup.sign(6, vec![revoked(), new]));
    assert_eq!(code, Some(0));
    assert!(out.contains("before        no 5\n"), "{out}");
    let told = format!("changed       {AAGUID} passkeyd testkit: FIDO_CERTIFIED_L1 -> REVOKED\n");
    assert!(out.contains(&told), "{out}");
    assert!(
        out.contains("new           01010101-0101-0101-0101-010101010101 New  [31mkey\n"),
        "{out}"
    );

    let (code, out, _) = setup.import(&setup.sign(6, vec![revoked()]));
    assert_eq!((code, out.as_str()), (Some(1), ""), "another content");
    let (code, out, errors) = setup.import(&setup.sign(5, vec![]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(errors.contains("metadata_rollback"), "{errors}");
    let (code, _, errors) = setup.import("not metadata");
    assert_eq!(code, Some(1));
    assert!(errors.contains("metadata_malformed"), "{errors}");
    let stranger = Service::new(Algorithm::ES256).unwrap();
    let (code, _, errors) = setup.import(&stranger.sign(&Blob::default()).unwrap());
    assert_eq!(code, Some(1));
    assert!(errors.contains("metadata_untrusted"), "{errors}");

    let (code, out, errors) = setup.mds(&["show"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(out.contains("no            6\n"), "{out}");
    assert!(out.contains("(command)\n"), "{out}");

    let (code, out, _) = setup.mds(&["remove"]);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "The metadata was removed.\n")
    );
    let (code, ..) = setup.import(&setup.sign(5, vec![]));
    assert_eq!(code, Some(0));
}

#[test]
fn what_cannot_be_read_is_named_by_the_import_by_show_and_in_the_log() {
    let setup = Setup::new();
    let mut unreadable = revoked();
    unreadable.extra_statement.insert(
        "attestationRootCertificates".to_owned(),
        serde_json::json!(["AAAA", "\u{1b}[31m"]),
    );
    let raw_entries = (0..25).map(|_| serde_json::json!({"aaguid": "\u{1b}[31mred"}));
    let blob = Blob {
        no: 5,
        raw_entries: raw_entries.collect(),
        ..Blob::of(vec![unreadable])
    };
    let (code, imported, _) = setup.import(&setup.sign_blob(&blob));
    assert_eq!(code, Some(0));
    let (_, shown, _) = setup.mds(&["show"]);
    let root = format!(
        "unreadable    2 root_certificate\n              entry 0 ({AAGUID}) (2 of them) at \
         metadataStatement.attestationRootCertificates[0]: it is no X.509 certificate that can be read\n"
    );
    for out in [imported, shown] {
        assert!(out.contains(&root), "{out}");
        let entries = "unreadable    25 entry\n              entry 1 ( [31mred): it is no AAGUID\n";
        assert!(out.contains(entries), "{out}");
        assert!(out.contains("              entry 20 ("), "{out}");
        assert!(!out.contains("entry 21 "), "{out}");
        assert!(out.contains("              and 5 more\n"), "{out}");
    }
    let mut server = setup.serve();
    let line = server.wait_for_line("root_certificate");
    assert!(line.contains("\"WARN\""), "{line}");
    assert!(line.contains(AAGUID), "{line}");
}

#[test]
fn a_server_uses_what_was_imported_and_keeps_what_it_was_given_over_a_restart() {
    let setup = Setup::new();
    let (code, ..) = setup.import(&setup.sign(5, vec![]));
    assert_eq!(code, Some(0));
    let server = setup.serve();
    assert_eq!(state(&server)["in_use"]["no"], 5);
    let answer = put(&server, &setup.sign(6, vec![revoked()]));
    assert_eq!(status(&answer), 200, "{answer}");

    // The store is the server's: the command says so, and what to do instead.
    let (code, _, errors) = setup.import(&setup.sign(7, vec![]));
    assert_eq!(code, Some(1));
    assert!(errors.contains("in use"), "{errors}");
    assert!(
        errors.contains("curl -u ACCOUNT_SID:AUTH_TOKEN -T "),
        "{errors}"
    );
    assert!(errors.contains(PATH), "{errors}");
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0));

    let server = setup.serve();
    let state = state(&server);
    assert_eq!(state["in_use"]["no"], 6);
    assert_eq!(state["in_use"]["source"], "management");
    assert_eq!(status(&put(&server, &setup.sign(5, vec![]))), 409);
    let model = format!("{PATH}/models/{AAGUID}");
    let answer = server.request("GET", &model, &[&basic(SID, TOKEN)], "");
    assert_eq!(body(&answer)["metadata"]["status"], "REVOKED");
}

#[test]
fn metadata_that_a_server_does_not_believe_are_told_and_stop_nothing() {
    let setup = Setup::new();
    let (code, ..) = setup.import(&setup.sign(5, vec![]));
    assert_eq!(code, Some(0));
    // Believes the FIDO Alliance.
    let mut server = Server::start(&mut serve_known(&setup.data()));
    let line = server.wait_for_line("the metadata in the store is not used");
    assert!(line.contains("metadata_untrusted"), "{line}");
    let state = state(&server);
    assert_eq!(state["in_use"], Value::Null);
    assert_eq!(state["problem"]["error"], "metadata_untrusted");
    let ready = server.request("GET", "/readyz", &[], "");
    assert_eq!(status(&ready), 200);
    assert!(ready.contains("cannot be used"), "{ready}");
}

#[test]
fn sighup_reads_the_trusted_signers_again_and_judges_the_stored_metadata_by_them() {
    let setup = Setup::new();
    let (code, ..) = setup.import(&setup.sign(5, vec![]));
    assert_eq!(code, Some(0));
    let mut server = setup.serve();
    assert_eq!(state(&server)["in_use"]["no"], 5);
    let trusted = std::fs::read_to_string(setup.roots()).unwrap();
    let others = std::fs::read_to_string(Setup::new().roots()).unwrap();

    // What cannot be read changes nothing.
    std::fs::write(setup.roots(), "no certificate").unwrap();
    server.signal("HUP");
    server.wait_for_line("nothing was changed");
    assert_eq!(state(&server)["in_use"]["no"], 5);
    // Another signer: the metadata goes out of use at once.
    std::fs::write(setup.roots(), others).unwrap();
    server.signal("HUP");
    server.wait_for_line("cannot be used with the settings that were read again");
    assert_eq!(state(&server)["in_use"], Value::Null);
    assert_eq!(state(&server)["problem"]["error"], "metadata_untrusted");
    // And back, without a restart.
    std::fs::write(setup.roots(), trusted).unwrap();
    server.signal("HUP");
    server.wait_for_line("read again");
    let found = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        state(&server)["in_use"]["no"] == 5
    });
    assert!(found, "{}", state(&server));
    assert_eq!(state(&server)["problem"], Value::Null);
}

#[test]
fn stale_metadata_are_used_and_told() {
    let setup = Setup::new();
    let blob = Blob {
        next_update: "2020-01-01".to_owned(),
        ..Blob::default()
    };
    let (code, out, _) = setup.import(&setup.sign_blob(&blob));
    assert_eq!(code, Some(0));
    assert!(out.contains("newer metadata is due"), "{out}");
    let mut server = setup.serve();
    let line = server.wait_for_line("metadata_stale");
    assert!(line.contains("\"WARN\""), "{line}");
    assert_eq!(state(&server)["in_use"]["stale"], true);
    let ready = server.request("GET", "/readyz", &[], "");
    assert_eq!(status(&ready), 200);
    assert!(ready.contains("ready; the metadata is stale"), "{ready}");
}

#[test]
fn a_body_as_large_as_a_blob_is_read_of_known_callers_only() {
    let setup = Setup::new();
    let server = setup.serve();
    // More than any other body may have.
    let large = Blob {
        legal_header: "x".repeat(2 << 20),
        ..Blob::default()
    };
    let answer = put(&server, &setup.sign_blob(&large));
    assert_eq!(status(&answer), 200, "{}", &answer[..200]);

    let head = |authorization: &str, length: usize| {
        format!("PUT {PATH} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: {length}\r\n\r\n")
    };
    // Nothing of the body is sent, and nothing of it is waited for.
    let started = Instant::now();
    assert_eq!(
        status(&server.exchange(head("", 9_000_000).as_bytes())),
        401
    );
    let known = format!("{}\r\n", basic(SID, TOKEN));
    let answer = server.exchange(head(&known, 33_554_433).as_bytes());
    assert_eq!(status(&answer), 413, "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
    let compressed = format!("{known}Content-Encoding: gzip\r\n");
    let answer = server.exchange(head(&compressed, 3).as_bytes());
    assert_eq!(status(&answer), 415, "{answer}");
    assert_eq!(state(&server)["in_use"]["no"], 1);
}

#[test]
fn settings_of_metadata_are_checked_at_the_start() {
    let setup = Setup::new();
    let missing = setup.directory.path().join("missing").display().to_string();
    for (key, value) in [
        ("ROOTS_FILE", missing.as_str()),
        ("EXTRA_NAMES_FILE", missing.as_str()),
        ("URL", "http://mds.example/"),
        ("URL", "nonsense"),
        ("INTERVAL_SECONDS", "0"),
    ] {
        let name = format!("PASSKEYD_METADATA__{key}");
        let output = ended(serve(&setup.data()).env(name, value));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{key}: {errors}");
        let named = format!("`metadata.{}`", key.to_lowercase());
        assert!(errors.contains(&named), "{errors}");
    }
}

#[test]
fn own_names_of_providers_are_shown() {
    let setup = Setup::new();
    let names = setup.directory.path().join("names.json");
    std::fs::write(&names, format!("{{\"{AAGUID}\": \"Our Wallet\"}}")).unwrap();
    let mut command = serve_known(&setup.data());
    command.env("PASSKEYD_METADATA__EXTRA_NAMES_FILE", &names);
    let server = Server::start(&mut command);
    let path = format!("{PATH}/models/{AAGUID}");
    let answer = server.request("GET", &path, &[&basic(SID, TOKEN)], "");
    assert_eq!(
        body(&answer),
        serde_json::json!({"aaguid": AAGUID, "provider_name": "Our Wallet", "metadata": null})
    );
}

// ---- fetching ---------------------------------------------------------------------------------

/// A metadata service on this machine that gives these answers, one for each request, and tells what was asked.
fn metadata_service(answers: Vec<Vec<u8>>) -> (SocketAddr, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, asked) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let head: Vec<String> = reader
                .by_ref()
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let _ = (&stream).write_all(&answer);
            if send.send(head).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// Waits until the server uses metadata with this number.
fn wait_for_number(server: &Server, no: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while state(server)["in_use"]["no"] != no {
        assert!(Instant::now() < deadline, "{}", state(server));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn fetching(setup: &Setup, address: SocketAddr, path: &str) -> Server {
    let mut command = serve_known(&setup.data());
    command
        .env("PASSKEYD_METADATA__URL", format!("http://{address}{path}"))
        .env("PASSKEYD_METADATA__INTERVAL_SECONDS", "1");
    Server::start(setup.believing(&mut command))
}

fn has(head: &[String], wanted: &str) -> bool {
    head.iter().any(|line| line.eq_ignore_ascii_case(wanted))
}

#[test]
fn metadata_are_fetched_on_schedule_and_a_failure_keeps_the_old() {
    let setup = Setup::new();
    let first = setup.sign(1, vec![]);
    let (address, asked) = metadata_service(vec![
        answer("500 Internal Server Error", "", ""),
        answer("200 OK", "ETag: \"one\"\r\n", &first),
        answer("304 Not Modified", "", ""),
        answer("200 OK", "", "<html>maintenance</html>"),
        // Cut off.
        answer("200 OK", "", &setup.sign(9, vec![]))[..400].to_vec(),
        answer(
            "200 OK",
            "ETag: \"two\"\r\n",
            &setup.sign(2, vec![revoked()]),
        ),
        answer("200 OK", "", &first),
        answer("304 Not Modified", "", ""),
    ]);
    let mut server = fetching(&setup, address, "/blob?x=y");
    let next = || asked.recv_timeout(Duration::from_secs(20)).unwrap();
    let head = next();
    assert_eq!(head[0], "GET /blob?x=y HTTP/1.1");
    assert!(has(&head, &format!("host: {address}")), "{head:?}");
    let line = server.wait_for_line("metadata could not be fetched");
    assert!(line.contains("status 500"), "{line}");
    assert!(!line.contains("x=y"), "the address is not logged: {line}");

    assert!(!next().iter().any(|line| line.starts_with("if-none-match")));
    wait_for_number(&server, 1);
    let known = "if-none-match: \"one\"";
    // After 304, after what is no BLOB, and after half of one, it still has the first.
    for _ in 0..3 {
        let head = next();
        assert!(has(&head, known), "{head:?}");
        assert_eq!(state(&server)["in_use"]["no"], 1);
    }
    let line = server.wait_for_line("the fetched metadata is refused");
    assert!(line.contains("metadata_malformed"), "{line}");
    assert!(has(&next(), known));
    wait_for_number(&server, 2);
    assert_eq!(state(&server)["in_use"]["source"], "fetch");
    // An older one is of no use.
    assert!(has(&next(), "if-none-match: \"two\""));
    server.wait_for_line("metadata_rollback");
    assert!(has(&next(), "if-none-match: \"two\""));
    assert_eq!(state(&server)["in_use"]["no"], 2);
    server.stop();
    assert_eq!(state(&setup.serve())["in_use"]["no"], 2);
}

#[test]
fn a_redirection_is_followed_on_this_machine_and_not_in_circles() {
    let setup = Setup::new();
    let (there, _asked) = metadata_service(vec![answer("200 OK", "", &setup.sign(3, vec![]))]);
    let elsewhere = format!("Location: http://{there}/blob\r\n");
    let (address, asked) = metadata_service(vec![
        answer("302 Found", "Location: http://mds.example/blob\r\n", ""),
        answer("302 Found", "Location: /moved\r\n", ""),
        answer("301 Moved Permanently", &elsewhere, ""),
    ]);
    let mut server = fetching(&setup, address, "/");
    server.wait_for_line("metadata could not be fetched");
    wait_for_number(&server, 3);
    let paths: Vec<String> = (0..3)
        .map(|_| asked.recv_timeout(Duration::from_secs(20)).unwrap()[0].clone())
        .collect();
    assert_eq!(
        paths,
        ["GET / HTTP/1.1", "GET / HTTP/1.1", "GET /moved HTTP/1.1"]
    );
    drop(server);

    let circle = vec![answer("302 Found", "Location: /\r\n", ""); 6];
    let (address, _asked) = metadata_service(circle);
    let mut server = fetching(&setup, address, "/");
    let line = server.wait_for_line("metadata could not be fetched");
    assert!(line.contains("redirects"), "{line}");
}

#[test]
fn an_answer_larger_than_a_blob_may_be_is_not_read() {
    let setup = Setup::new();
    let (address, _asked) = metadata_service(vec![
        b"HTTP/1.1 200 OK\r\nContent-Length: 33554433\r\n\r\nabc".to_vec(),
    ]);
    let mut server = fetching(&setup, address, "/");
    let line = server.wait_for_line("metadata could not be fetched");
    assert!(line.contains("more than 33554432 bytes"), "{line}");
    assert_eq!(state(&server)["in_use"], Value::Null);
}

#[test]
fn after_a_removal_the_edition_that_was_fetched_before_is_fetched_again() {
    let setup = Setup::new();
    let blob = setup.sign(1, vec![]);
    let (address, asked) = metadata_service(vec![answer("200 OK", "ETag: \"one\"\r\n", &blob); 20]);
    let mut server = fetching(&setup, address, "/");
    let next = || asked.recv_timeout(Duration::from_secs(20)).unwrap();
    let is_conditional =
        |head: &[String]| head.iter().any(|line| line.starts_with("if-none-match"));
    assert!(!is_conditional(&next()));
    wait_for_number(&server, 1);
    let removed = server.request("DELETE", PATH, &[&basic(SID, TOKEN)], "");
    assert_eq!(status(&removed), 204, "{removed}");
    // Of those that were asked with the tag before the removal, there are few.
    let again = (0..5).map(|_| next()).find(|head| !is_conditional(head));
    assert!(again.is_some());
    wait_for_number(&server, 1);
    server.wait_for_line("metadata imported");
}
