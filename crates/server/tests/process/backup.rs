//! `passkeyd backup`, `restore` and `compact` beside a server and without one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::support::*;

const ORIGIN: &str = "https://rp.test";

/// Runs a command on the store of `data`.
fn on(data: &Path, arguments: &[&str]) -> Output {
    ended(passkeyd().args(arguments).arg("--data-dir").arg(data))
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

struct Calls<'s> {
    server: &'s Server,
    service: String,
}

impl Calls<'_> {
    fn send(&self, method: &str, path: &str, content: &Value) -> (u16, Value) {
        let headers = [
            basic(SID, TOKEN),
            "Content-Type: application/json".to_owned(),
        ];
        let headers = headers.each_ref().map(String::as_str);
        let path = path.replace("{service}", &self.service);
        let answer = self
            .server
            .request(method, &path, &headers, &content.to_string());
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (
            status(&answer),
            serde_json::from_str(body).unwrap_or_default(),
        )
    }

    fn post(&self, path: &str, content: &Value) -> (u16, Value) {
        self.send("POST", path, content)
    }

    fn passkeys(&self, what: &str, content: &Value) -> (u16, Value) {
        self.post(
            &format!("/v2/Services/{{service}}/Passkeys/{what}"),
            content,
        )
    }

    fn ping(&self, key: &str) -> u16 {
        let bearer = format!("Authorization: Bearer {key}");
        status(&self.server.request("GET", "/ping", &[&bearer], ""))
    }
}

#[test]
fn a_backup_of_a_running_server_is_restored_and_says_what_works_again() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let file = place.path().join("backup.db");
    let server = Server::start(&mut serve_known(&data));
    let mut calls = Calls {
        server: &server,
        service: String::new(),
    };
    let settings = format!(
        "FriendlyName=Backup&Passkeys.RelyingParty.Id=rp.test&Passkeys.RelyingParty.Origins={ORIGIN}\
         &Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred"
    );
    let form = "Content-Type: application/x-www-form-urlencoded";
    let made = server.request(
        "POST",
        "/v2/Services",
        &[&basic(SID, TOKEN), form],
        &settings,
    );
    let made: Value = serde_json::from_str(made.split_once("\r\n\r\n").unwrap().1).unwrap();
    made["sid"].as_str().unwrap().clone_into(&mut calls.service);
    let (_, key) = calls.post(
        "/manage/v1/services/{service}/access-keys",
        &json!({"name": "shop"}),
    );
    let (key_id, key) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let (_, trail) = calls.post(
        "/manage/v1/services/{service}/access-keys",
        &json!({"name": "trail"}),
    );
    let mut authenticator = Authenticator::default();
    let asked = json!({"friendly_name": "Phone", "identity": "annabella"});
    let (_, factor) = calls.passkeys("Factors", &asked);
    let options = &factor["options"]["publicKey"];
    let created = authenticator
        .create(options, ORIGIN, &Lies::default())
        .unwrap();
    assert_eq!(calls.passkeys("VerifyFactor", &created).0, 200);
    let (_, challenge) = calls.passkeys("Challenges", &json!({}));
    let options = &challenge["options"]["publicKey"];
    let assertion = authenticator
        .get(options, ORIGIN, &Lies::default())
        .unwrap();

    let done = on(&data, &["backup", file.to_str().unwrap()]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("1 user, 1 passkey"), "{}", said(&done));
    let again = on(&data, &["backup", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("exists already"), "{}", said(&again));

    // What happens after the backup: a sign-in, a revocation, a deletion.
    assert_eq!(calls.passkeys("ApproveChallenge", &assertion).0, 200);
    let path = format!("/manage/v1/services/{{service}}/access-keys/{key_id}");
    assert_eq!(calls.send("DELETE", &path, &json!({})).0, 204);
    assert_ne!(calls.ping(key), 200);
    let factor_sid = factor["sid"].as_str().unwrap();
    let path = format!("/v2/Services/{{service}}/Entities/annabella/Factors/{factor_sid}");
    assert_eq!(calls.send("DELETE", &path, &json!({})).0, 204);
    let service = calls.service.clone();
    assert!(server.stop().status.success());

    let refused = on(&data, &["restore", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--replace"), "{}", said(&refused));
    let restored = on(&data, &["restore", "--replace", file.to_str().unwrap()]);
    let text = said(&restored);
    assert!(restored.status.success(), "{text}");
    for lines in [
        format!("and it stays so:\n  access key {key_id} (shop) of {service}\n"),
        format!("in another form:\n  passkey {factor_sid} (annabella, Phone) of {service}\n"),
    ] {
        assert!(text.contains(&lines), "{lines} is not in {text}");
    }
    assert!(text.contains("The store that was there is "), "{text}");
    // The report is beside the store, for its owner only.
    let (before, report) = text.split_once("This report is also in ").unwrap();
    let report = Path::new(report.trim_end().trim_end_matches('.'));
    assert_eq!(std::fs::read_to_string(report).unwrap(), before);
    let permissions = std::fs::metadata(report).unwrap().permissions().mode();
    assert_eq!(permissions & 0o777, 0o600);
    let server = Server::start(&mut serve_known(&data));
    let calls = Calls {
        server: &server,
        service,
    };
    // The trail says that a backup was restored.
    let bearer = format!("Authorization: Bearer {}", trail["key"].as_str().unwrap());
    let log = server.request("GET", "/api/v1/logs/export", &[&bearer], "");
    let told = log.lines().filter(|line| line.contains("store_restored"));
    assert_eq!(told.count(), 1, "{log}");
    // The challenge was used after the backup, and the key was revoked: neither works again. The passkey does, as was said.
    let (status, answer) = calls.passkeys("ApproveChallenge", &assertion);
    assert_eq!((status, &answer["code"]), (404, &json!(60391)), "{answer}");
    assert_eq!(calls.ping(key), 403);
    let (_, challenge) = calls.passkeys("Challenges", &json!({}));
    let options = &challenge["options"]["publicKey"];
    let assertion = authenticator
        .get(options, ORIGIN, &Lies::default())
        .unwrap();
    assert_eq!(calls.passkeys("ApproveChallenge", &assertion).0, 200);
}

#[test]
fn a_store_in_use_is_backed_up_and_neither_replaced_nor_compacted() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let file = place.path().join("backup.db");
    let server = Server::start(&mut serve_known(&data));
    assert!(
        on(&data, &["backup", file.to_str().unwrap()])
            .status
            .success()
    );
    for command in [
        &["compact"][..],
        &["restore", "--replace", file.to_str().unwrap()],
    ] {
        let refused = on(&data, command);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            said(&refused).contains("is in use by a running passkeyd: stop it first"),
            "{}",
            said(&refused)
        );
    }
    assert!(server.stop().status.success());
    let compacted = on(&data, &["compact"]);
    assert!(
        said(&compacted).contains("Before: "),
        "{}",
        said(&compacted)
    );
    assert!(compacted.status.success());
    // What the console keeps for itself is none of the operator's Relying Parties.
    let elsewhere = place.path().join("elsewhere");
    let restored = on(&elsewhere, &["restore", file.to_str().unwrap()]);
    let text = said(&restored);
    assert!(restored.status.success(), "{text}");
    assert!(
        text.contains("There was no store to compare with"),
        "{text}"
    );
    assert!(text.contains(" 0 Relying Parties, "), "{text}");
    assert!(!text.contains("Relying Party VA"), "{text}");
}

#[test]
fn copies_are_made_of_embedded_stores_that_are_there() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.db");
    for command in [&["backup", file.to_str().unwrap()][..], &["compact"]] {
        let refused = on(&place.path().join("data"), command);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            said(&refused).contains("there is no file"),
            "{}",
            said(&refused)
        );
        let url = ["--store", "postgres://ann@db/passkeyd"];
        let refused = ended(passkeyd().args(command).args(url));
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("PostgreSQL"), "{}", said(&refused));
    }
    assert!(!place.path().join("data").exists());
}
