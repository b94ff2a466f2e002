//! The software authenticator as a process: one JSON request per line on standard input, one JSON answer per line on
//! standard output, in the same order. Credentials live as long as the process.
//!
//! Requests: `{"op":"create"|"get","options":{...},"origin":"https://...","device":"...","profile":{...},"lies":{...}}`.
//! `options` is the JSON form of the creation or request options, bare or under `publicKey`. `device` names one of any
//! number of independent authenticators (default: the empty name), `profile` changes that device for this call only.
//! Answers: `{"ok":true,"credential":{...}}` or `{"ok":false,"error":"<DOMException name>","message":"..."}`.
//!
//! `{"op":"root","device":"...","profile":{...}}` is answered with the trust anchor of that device's attestation certificates:
//! `{"ok":true,"root":"<DER in base64url>"}`. The members of profiles and lies are those of the library's types.

use std::collections::HashMap;
use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile, base64url};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Create,
    Get,
    Root,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    op: Operation,
    #[serde(default)]
    options: Value,
    #[serde(default)]
    origin: String,
    #[serde(default)]
    device: String,
    profile: Option<Profile>,
    #[serde(default)]
    lies: Lies,
}

fn main() -> ExitCode {
    let mut devices = HashMap::new();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let written = line.and_then(|line| {
            writeln!(out, "{}", answer(&mut devices, &line))?;
            out.flush()
        });
        if written.is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn answer(devices: &mut HashMap<String, Authenticator>, line: &str) -> Value {
    let request: Request = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => {
            return json!({"ok": false, "error": "RequestUnreadable", "message": error.to_string()});
        }
    };
    let device = devices.entry(request.device).or_default();
    let own = device.profile.clone();
    if let Some(profile) = request.profile {
        device.profile = profile;
    }
    let (member, result) = match request.op {
        Operation::Create => (
            "credential",
            device.create(&request.options, &request.origin, &request.lies),
        ),
        Operation::Get => (
            "credential",
            device.get(&request.options, &request.origin, &request.lies),
        ),
        Operation::Root => (
            "root",
            device
                .attestation_root()
                .map(|root| Value::String(base64url(&root))),
        ),
    };
    device.profile = own;
    match result {
        Ok(value) => json!({"ok": true, member: value}),
        Err(error) => {
            json!({"ok": false, "error": error.dom_exception(), "message": error.to_string()})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_answered_one_by_one_and_devices_remember() {
        let mut devices = HashMap::new();
        let mut ask = |request: &Value| answer(&mut devices, &request.to_string());
        let create = json!({"op": "create", "device": "a", "origin": "https://acme.test",
            "profile": {"format": "apple"},
            "options": {"rp": {"id": "acme.test"}, "user": {"id": "YQ"}, "challenge": "AAAA",
                "pubKeyCredParams": [{"type": "public-key", "alg": -7}]}});
        let created = ask(&create);
        assert_eq!(created["ok"], true);
        let get = |device: &str| {
            json!({"op": "get", "device": device, "origin": "https://acme.test",
                "options": {"rpId": "acme.test", "challenge": "AAAA"}})
        };
        let got = ask(&get("a"));
        assert_eq!(got["credential"]["id"], created["credential"]["id"]);
        assert_eq!(ask(&get("b"))["error"], "NotAllowedError");
        let root = ask(&json!({"op": "root", "device": "a"}));
        assert!(
            root["root"]
                .as_str()
                .is_some_and(|text| text.starts_with("MII"))
        );
        assert_eq!(root, ask(&json!({"op": "root", "device": "a"})));
        assert_ne!(root, ask(&json!({"op": "root", "device": "b"})));
        assert_eq!(answer(&mut devices, "{}")["error"], "RequestUnreadable");
    }
}
