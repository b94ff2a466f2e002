//! A store that cannot be written for a while: every wire says so in its own words, and that the caller may try again.

use std::io::Write as _;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::*;

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

#[test]
fn every_wire_says_that_the_store_is_busy_and_when_to_try_again() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command
        .env("PASSKEYD_FIDO__BINDING", "true")
        .env("PASSKEYD_PUBLIC_URL", "https://passkeys.test");
    let server = Server::start(&mut command);
    let account = basic(SID, TOKEN);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let json_type = "Content-Type: application/json";
    let settings = "FriendlyName=Busy&Passkeys.RelyingParty.Id=rp.test\
        &Passkeys.RelyingParty.Origins=https%3A%2F%2Frp.test&Passkeys.AuthenticatorAttachment=any\
        &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
    let service = body(&server.request("POST", "/v2/Services", &[&account, form], settings));
    let service = service["sid"].as_str().unwrap();
    let keys = format!("/manage/v1/services/{service}/access-keys");
    let named = json!({"name": "key"}).to_string();
    let key = body(&server.request("POST", &keys, &[&account, json_type], &named));
    let bearer = format!("Authorization: Bearer {}", key["key"].as_str().unwrap());
    let user = json!({"username": "ann", "displayName": "Ann", "channel": "fido2"}).to_string();
    let factor = json!({"friendly_name": "Key", "identity": "annabella"}).to_string();
    let factors = format!("/v2/Services/{service}/Passkeys/Factors");

    let calls = [
        (&factors[..], &account, &factor),
        ("/api/v1/users/enroll", &bearer, &user),
        ("/attestation/options", &account, &user),
        (&keys[..], &account, &named),
    ];
    let send = |(path, authorization, content): (&str, &String, &String)| {
        let mut stream = server.connect();
        let text = request("POST", path, &[authorization, json_type], content);
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    // Somebody else writes, for longer than any of them waits.
    let other = Connection::open(data.path().join("passkeyd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers = calls.map(send).map(|mut stream| read_to_end(&mut stream));
    for (answer, (path, ..)) in answers.iter().zip(&calls) {
        assert_eq!(status(answer), 503, "{path}: {answer}");
        assert!(
            answer.to_lowercase().contains("\r\nretry-after: 1\r\n"),
            "{path}: {answer}"
        );
    }
    let [twilio, nevis, fido, manage] = answers.map(|answer| body(&answer));
    assert_eq!(twilio["code"], 20503, "{twilio}");
    assert_eq!(twilio["details"]["reason"], "store_unavailable");
    assert_eq!(nevis["error"], "Service Unavailable", "{nevis}");
    assert_eq!(nevis["reason"], "store_unavailable");
    assert_eq!(fido["status"], "failed", "{fido}");
    assert_eq!(manage["error"], "store_unavailable", "{manage}");
    let ready = |server: &Server| status(&server.request("GET", "/readyz", &[], ""));
    assert_eq!(ready(&server), 503);

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(ready(&server), 200);
    for one in calls {
        let answer = read_to_end(&mut send(one));
        assert!((200..300).contains(&status(&answer)), "{answer}");
    }
    // A probe that was answered with 503 is no error of this process.
    let log = server.stop().log;
    let probes: Vec<_> = log.iter().filter(|line| line.contains("/readyz")).collect();
    assert!(!probes.is_empty(), "{log:?}");
    assert!(
        probes.iter().all(|line| !line.contains("ERROR")),
        "{probes:?}"
    );
}
