//! The software authenticator as a process: one JSON request per line on standard input, one JSON answer per line on
//! standard output, in the same order. Credentials live as long as the process.
//!
//! Requests: `{"op":"create"|"get","options":{...},"origin":"https://...","device":"...","profile":{...},"lies":{...}}`.
//! `options` is the JSON form of the creation or request options, bare or under `publicKey`. `device` names one of any
//! number of independent authenticators (default: the empty name), `profile` changes that device for this call only.
//! Answers: `{"ok":true,"credential":{...}}` or `{"ok":false,"error":"<DOMException name>","message":"..."}`.

use std::collections::HashMap;
use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Create,
    Get,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    op: Operation,
    options: Value,
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
    let result = match request.op {
        Operation::Create => device.create(&request.options, &request.origin, &request.lies),
        Operation::Get => device.get(&request.options, &request.origin, &request.lies),
    };
    device.profile = own;
    match result {
        Ok(credential) => json!({"ok": true, "credential": credential}),
        Err(error) => {
            json!({"ok": false, "error": error.dom_exception(), "message": error.to_string()})
        }
    }
}
