//! `passkeyd access-key`.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::*;

const JSON: &str = "Content-Type: application/json";

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

/// The command, with the store in this directory.
struct AccessKeys<'a>(&'a Path);

impl AccessKeys<'_> {
    fn ended(&self, arguments: &[&str]) -> Output {
        let mut command = passkeyd();
        let command = command.arg("access-key").args(arguments);
        ended(command.arg("--data-dir").arg(self.0))
    }

    /// What it prints when it has done its work.
    fn output(&self, arguments: &[&str]) -> Value {
        let output = self.ended(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// What it prints when it has not.
    fn complaint(&self, arguments: &[&str]) -> String {
        let output = self.ended(arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn access_keys_are_made_shown_and_revoked_on_the_command_line_beside_a_server_and_without_one() {
    let data = tempfile::tempdir().unwrap();
    let account = basic(SID, TOKEN);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let server = Server::start(&mut serve_known(data.path()));
    let created = server.request(
        "POST",
        "/v2/Services",
        &[&account, form],
        "FriendlyName=Acme",
    );
    let service = body(&created)["sid"].as_str().unwrap().to_owned();
    let keys = AccessKeys(data.path());
    let output = |arguments: &[&str]| keys.output(arguments);
    let complaint = |arguments: &[&str]| keys.complaint(arguments);
    // The running server has the store: the command goes through its control socket.
    let beside = output(&["create", "--service", &service, "--name", "beside"]);
    let path = format!("/manage/v1/services/{service}/access-keys");
    let by_server = server.request("POST", &path, &[&account, JSON], "{\"name\":\"shop\"}");
    assert_eq!(status(&by_server), 201, "{by_server}");
    let ping = |server: &Server, key: &Value| {
        let bearer = format!("Authorization: Bearer {}", key.as_str().unwrap());
        status(&server.request("GET", "/ping", &[&bearer], ""))
    };
    assert_eq!(ping(&server, &beside["key"]), 200);
    drop(server.stop());

    let of_service = ["create", "--service", &service, "--name", "nightly"];
    let allowed = [
        "--scope",
        "read,approve",
        "--expires-at",
        "2099-12-31T00:00:00Z",
    ];
    let made = output(&[&of_service[..], &allowed[..]].concat());
    assert_eq!(made["name"], "nightly");
    assert_eq!(made["scopes"], serde_json::json!(["read", "approve"]));
    assert_eq!(made["expires_at"], "2099-12-31T00:00:00Z");
    for wrong in [
        ["--scope", "write"],
        ["--expires-at", "2001-01-01T00:00:00Z"],
    ] {
        complaint(&[&of_service[..], &wrong[..]].concat());
    }
    let listed = output(&["list", "--service", &service]);
    let names: Vec<&Value> = listed["access_keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            assert!(key.get("key").is_none());
            &key["name"]
        })
        .collect();
    assert_eq!(names, ["beside", "shop", "nightly"]);
    // The server has written at its end which of them was used.
    let used = |at: usize| listed["access_keys"][at]["last_used_at"].is_string();
    assert_eq!(
        [used(0), used(1), used(2)],
        [true, false, false],
        "{listed}"
    );

    // All keys open the server, whatever its address is now.
    let mut again = serve_known(data.path());
    again.args(["--public-url", "https://moved.test"]);
    let server = Server::start(&mut again);
    assert_eq!(ping(&server, &made["key"]), 200);
    assert_eq!(ping(&server, &body(&by_server)["key"]), 200);
    drop(server.stop());
    output(&[
        "revoke",
        "--service",
        &service,
        made["id"].as_str().unwrap(),
    ]);
    let server = Server::start(&mut serve_known(data.path()));
    assert_eq!(ping(&server, &made["key"]), 403);
    // Beside the server it is revoked at once.
    assert_eq!(ping(&server, &beside["key"]), 200);
    output(&[
        "revoke",
        "--service",
        &service,
        beside["id"].as_str().unwrap(),
    ]);
    assert_eq!(ping(&server, &beside["key"]), 403);
    assert_eq!(ping(&server, &body(&by_server)["key"]), 200);
    let stopped = server.stop();
    let log = stopped.log.concat() + &stopped.out;
    assert!(!log.contains(made["key"].as_str().unwrap()));

    for (arguments, why) in [
        (
            vec!["create", "--service", "VA00112233445566778899aabbccddeeff"],
            "no such Service",
        ),
        (
            vec!["list", "--service", "VA00112233445566778899aabbccddeeff"],
            "no such Service",
        ),
        (vec!["list", "--service", "x"], "no Service"),
        (vec!["revoke", "--service", &service, "x"], "no access key"),
    ] {
        let told = complaint(&arguments);
        assert!(told.contains(why), "{told}");
    }
}
