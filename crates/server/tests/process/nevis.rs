//! The Nevis wire in a running process: its logs, and its waiting requests when the process ends.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::support::*;

const ORIGIN: &str = "https://canary-rp.test";

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

/// Keeps a text that no log may hold, and gives it on.
fn secret<'v>(secrets: &mut Vec<String>, value: &'v Value) -> &'v str {
    let text = value.as_str().unwrap();
    secrets.push(text.to_owned());
    text
}

#[test]
fn a_whole_registration_and_sign_in_leaves_no_key_token_challenge_credential_or_name_in_the_log() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    let server = Server::start(command.env("PASSKEYD_LOG__LEVEL", "trace"));
    let account = basic(SID, TOKEN);
    let json_type = "Content-Type: application/json";
    let form = "Content-Type: application/x-www-form-urlencoded";
    let mut secrets = vec!["canary".to_owned()];
    let settings = format!(
        "FriendlyName=canary&Passkeys.RelyingParty.Id=canary-rp.test\
         &Passkeys.RelyingParty.Origins={ORIGIN}"
    );
    let service = body(&server.request("POST", "/v2/Services", &[&account, form], &settings));
    let path = format!(
        "/manage/v1/services/{}/access-keys",
        service["sid"].as_str().unwrap()
    );
    let named = json!({"name": "canary-key"}).to_string();
    let key = body(&server.request("POST", &path, &[&account, json_type], &named));
    let bearer = format!(
        "Authorization: Bearer {}",
        secret(&mut secrets, &key["key"])
    );
    let post = |path: &str, headers: &[&str], content: &Value| {
        let mut all = vec![json_type, "User-Agent: canary-agent"];
        all.extend(headers);
        let answer = server.request("POST", path, &all, &content.to_string());
        (status(&answer), body(&answer))
    };

    let mut authenticator = Authenticator::default();
    let user = json!({"username": "canary-user", "displayName": "canary", "channel": "fido2"});
    let (code, enrolled) = post("/api/v1/users/enroll", &[&bearer], &user);
    assert_eq!(code, 201, "{enrolled}");
    let enrollment = &enrolled["enrollment"];
    let options = &enrollment["credentialCreationOptions"];
    secret(&mut secrets, &options["challenge"]);
    let mut answer = authenticator
        .create(options, ORIGIN, &Lies::default())
        .unwrap();
    secret(&mut secrets, &answer["id"]);
    answer["statusToken"] = secret(&mut secrets, &enrollment["statusToken"]).into();
    answer["userFriendlyName"] = "canary-phone".into();
    let (_, done) = post("/_app/attestation/result", &[&bearer], &answer);
    secret(&mut secrets, &done["token"]);

    let (_, approval) = post("/api/v1/approval", &[&bearer], &user);
    let options = &approval["credentialRequestOptions"];
    secret(&mut secrets, &options["challenge"]);
    let mut answer = authenticator
        .get(options, ORIGIN, &Lies::default())
        .unwrap();
    answer["statusToken"] = secret(&mut secrets, &approval["statusToken"]).into();
    let (_, done) = post("/_app/assertion/result", &[], &answer);
    let token = secret(&mut secrets, &done["token"]).to_owned();
    // The transaction is used up: the refusal has status 200.
    let (code, refused) = post("/_app/assertion/result", &[], &answer);
    assert_eq!((code, &refused["status"]), (200, &json!("failed")));
    let asked = json!({"statusToken": approval["statusToken"]});
    assert_eq!(post("/api/v1/status", &[], &asked).1["status"], "succeeded");
    let introspection = format!("token={token}");
    let said = server.request(
        "POST",
        "/api/v1/introspect",
        &[&bearer, form],
        &introspection,
    );
    assert_eq!(body(&said)["active"], true, "{said}");
    let lookup = "/api/v1/users?username=canary-user";
    assert_eq!(status(&server.request("GET", lookup, &[&bearer], "")), 200);
    let wrong = "Authorization: Bearer canary.canary.canary";
    assert_eq!(status(&server.request("GET", "/ping", &[wrong], "")), 403);
    let intent = json!({"username": "canary-user", "operation": "approve"});
    let (_, intent) = post("/api/v1/intent", &[&bearer], &intent);
    secret(&mut secrets, &intent["token"]);

    let log = server.stop().log;
    let whole = log.join("\n");
    for secret in &secrets {
        assert!(!whole.contains(secret.as_str()), "{secret} in {whole}");
    }
    // The log has the refusal, which the status does not show.
    let told = log.iter().any(|line| {
        line.contains("\"refused\"") && line.contains("ceremony_used") && line.contains("/_app/")
    });
    assert!(told, "{whole}");
}

#[test]
fn a_request_that_waits_for_a_transaction_is_answered_when_the_process_is_told_to_end() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let account = basic(SID, TOKEN);
    let json_type = "Content-Type: application/json";
    let form = "Content-Type: application/x-www-form-urlencoded";
    let settings = "FriendlyName=x&Passkeys.RelyingParty.Id=acme.test\
                    &Passkeys.RelyingParty.Origins=https://acme.test";
    let service = body(&server.request("POST", "/v2/Services", &[&account, form], settings));
    let path = format!(
        "/manage/v1/services/{}/access-keys",
        service["sid"].as_str().unwrap()
    );
    let key = body(&server.request("POST", &path, &[&account, json_type], "{\"name\":\"x\"}"));
    let bearer = format!("Authorization: Bearer {}", key["key"].as_str().unwrap());
    let approve = "{\"channel\":\"fido2\"}";
    let approval = server.request("POST", "/api/v1/approval", &[&bearer, json_type], approve);
    let asked = json!({"statusToken": body(&approval)["statusToken"]}).to_string();
    let mut waiting = server.connect();
    waiting
        .write_all(request("POST", "/api/v1/status?wait=30", &[json_type], &asked).as_bytes())
        .unwrap();
    // Others are served meanwhile.
    let started = Instant::now();
    for _ in 0..5 {
        assert_eq!(status(&server.request("GET", "/ping", &[&bearer], "")), 200);
    }
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    let answer = read_to_end(&mut waiting);
    assert_eq!(body(&answer)["status"], "pending", "{answer}");
    assert!(server.wait().status.success());
    assert!(started.elapsed() < Duration::from_secs(10));
}
