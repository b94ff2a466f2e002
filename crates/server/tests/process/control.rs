//! Administration commands beside a running server: the control socket.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::*;

fn command(data: &Path, arguments: &[&str]) -> Output {
    let mut command = passkeyd();
    command.args(arguments).arg("--data-dir").arg(data);
    ended(&mut command)
}

fn json(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn opens(server: &Server, sid: &str, secret: &str) -> bool {
    match status(&server.request("GET", "/v2/Services", &[&basic(sid, secret)], "")) {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[test]
fn a_lost_token_is_replaced_beside_a_running_server_which_takes_the_new_one_at_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    assert!(opens(&server, SID, TOKEN));
    let reset = json(&command(data.path(), &["account", "reset-token", "--json"]));
    assert_eq!(reset["account_sid"], SID);
    let new = reset["auth_token"].as_str().unwrap().to_owned();
    assert!(opens(&server, SID, &new));
    assert!(!opens(&server, SID, TOKEN), "the old token is refused");
    let listed = json(&command(data.path(), &["account", "list", "--json"]));
    assert_eq!(listed["accounts"].as_array().unwrap().len(), 1);
    let stopped = server.stop();
    let log = stopped.log.concat();
    assert!(log.contains("account-reset-token"), "{log}");
    assert!(!log.contains(&new) && !stopped.out.contains(&new));
    // The same without a server.
    let again = json(&command(data.path(), &["account", "reset-token", "--json"]));
    let server = Server::start(&mut serve_known(data.path()));
    assert!(opens(&server, SID, again["auth_token"].as_str().unwrap()));
    assert!(!opens(&server, SID, &new));
}

#[test]
fn api_keys_are_made_listed_and_revoked_beside_a_server_and_without_one() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let beside = json(&command(
        data.path(),
        &["api-key", "create", "--json", "--name", "beside"],
    ));
    let (id, secret) = (
        beside["id"].as_str().unwrap(),
        beside["secret"].as_str().unwrap(),
    );
    assert!(opens(&server, id, secret));
    let second = command(data.path(), &["account", "create", "--json"]);
    let second = json(&second)["account_sid"].as_str().unwrap().to_owned();
    let told = complaint(&command(data.path(), &["api-key", "create"]));
    assert!(told.contains(SID) && told.contains(&second), "{told}");
    // A key belongs to its account.
    let told = complaint(&command(
        data.path(),
        &["api-key", "revoke", id, "--account", &second],
    ));
    assert!(told.contains("has no API key"), "{told}");
    assert!(opens(&server, id, secret));
    server.stop();

    let without = ["api-key", "create", "--json", "--account", SID];
    let without = json(&command(data.path(), &without));
    let listed = json(&command(
        data.path(),
        &["api-key", "list", "--account", SID, "--json"],
    ));
    let listed = listed["api_keys"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|key| key.get("secret").is_none()));
    assert_eq!(listed[0]["name"], "beside");
    let server = Server::start(&mut serve_known(data.path()));
    let secret_without = without["secret"].as_str().unwrap();
    assert!(opens(
        &server,
        without["id"].as_str().unwrap(),
        secret_without
    ));
    let revoked = command(data.path(), &["api-key", "revoke", id, "--account", SID]);
    assert!(revoked.status.success());
    assert!(!opens(&server, id, secret));

    for (arguments, why) in [
        (
            vec!["api-key", "revoke", "x", "--account", SID],
            "expected SK",
        ),
        (
            vec![
                "api-key",
                "list",
                "--account",
                "AC99999999999999999999999999999999",
            ],
            "no account AC99999999999999999999999999999999; it has",
        ),
        (
            vec!["api-key", "create", "--account", SID, "--name", ""],
            "1 to 128",
        ),
    ] {
        let told = complaint(&command(data.path(), &arguments));
        assert!(told.contains(why), "{told}");
    }
}

/// What the socket answers to these bytes.
fn asked(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = String::new();
    // A connection with unread bytes is reset after the response.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn the_control_socket_is_for_one_user_and_survives_whatever_it_is_sent() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(&mut serve_known(data.path()));
    let socket = data.path().join("passkeyd.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for bytes in [
        &b"\n"[..],
        b"{}\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"{\"store\":\"x\",\"execute\":{\"command\":\"account-delete-all\"}}\n",
        b"{\"store\":\"x\",\"execute\":{\"command\":\"account-list\",\"more\":1}}\n",
        b"[[[[[[\n",
    ] {
        let answer = asked(&socket, bytes);
        assert!(answer.contains("does not know this command"), "{answer}");
    }
    asked(&socket, &vec![b'x'; (1 << 20) + 10]);
    asked(&socket, b"\xff\xfe\n");
    let list = |store: &Path| {
        let execute = serde_json::json!({"command": "account-list"});
        let request = serde_json::json!({"store": store, "execute": execute});
        asked(&socket, format!("{request}\n").as_bytes())
    };
    let store = data.path().join("passkeyd.db");
    assert!(list(&store).contains(SID));
    // A server never executes what was meant for the store of another one.
    let other = list(&data.path().join("passkeyd.sock"));
    assert!(other.contains("has another store"), "{other}");

    // A crash leaves the file behind. The next server takes it over, and takes it away when it stops.
    server.signal("KILL");
    server.wait_for_exit();
    assert!(socket.exists());
    let server = Server::start(&mut serve_known(data.path()));
    assert!(list(&store).contains(SID));
    server.stop();
    assert!(!socket.exists());
    let left: Vec<_> = std::fs::read_dir(data.path()).unwrap().collect();
    assert!(
        left.iter().all(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            !name.to_string_lossy().starts_with(".s")
        }),
        "{left:?}"
    );
}

#[test]
fn a_socket_may_be_elsewhere_and_one_that_cannot_be_made_does_not_stop_the_server() {
    let data = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let socket = elsewhere.path().join("control");
    let mut settings = serve_known(data.path());
    let server = Server::start(settings.env("PASSKEYD_CONTROL__PATH", &socket));
    let mut list = passkeyd();
    list.args(["account", "list", "--json", "--data-dir"])
        .arg(data.path())
        .env("PASSKEYD_CONTROL__PATH", &socket);
    assert_eq!(json(&ended(&mut list))["accounts"][0]["account_sid"], SID);
    let told = complaint(&command(data.path(), &["account", "list"]));
    assert!(told.contains("another `control.path`"), "{told}");
    // A second server cannot take it away.
    let other = tempfile::tempdir().unwrap();
    let mut settings = serve(other.path());
    let mut second = Server::start(settings.env("PASSKEYD_CONTROL__PATH", &socket));
    let warned = second.wait_for_line("control socket");
    assert!(warned.contains("another process listens"), "{warned}");
    second.stop();
    assert_eq!(json(&ended(&mut list))["accounts"][0]["account_sid"], SID);
    server.stop();

    let mut settings = serve_known(data.path());
    let long = elsewhere.path().join("x".repeat(200));
    let mut server = Server::start(settings.env("PASSKEYD_CONTROL__PATH", long));
    server.wait_for_line("cannot listen at the control socket");
    assert_eq!(status(&server.request("GET", "/livez", &[], "")), 200);
}
