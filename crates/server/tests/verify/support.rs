//! Running the command, and the official vectors as its cases.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use webauthn::base64url::encode;

const VECTORS: &str = include_str!("../../../../vectors/w3c-webauthn-l3/vectors.json");

/// What the command printed, and its exit code.
pub struct Run {
    pub verdicts: Vec<Value>,
    pub code: Option<i32>,
}

pub fn passkeyd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passkeyd"));
    command
        .env_clear()
        .arg("verify")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the command with this standard input.
pub fn run(command: &mut Command, input: Vec<u8>) -> Run {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        // A command that reads files only ends without reading this.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Run {
        verdicts: text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        code: output.status.code(),
    }
}

/// Cases as lines.
pub fn text(cases: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = cases.iter().map(|case| format!("{case}\n")).collect();
    lines.concat().into_bytes()
}

/// The verdicts on these cases.
pub fn verify(cases: &[Value]) -> Run {
    let run = run(&mut passkeyd(), text(cases));
    assert_eq!(run.verdicts.len(), cases.len());
    run
}

/// The verdict on one case.
pub fn verdict(case: &Value) -> Value {
    verify(std::slice::from_ref(case)).verdicts.remove(0)
}

pub fn binary(hexadecimal: &Value) -> String {
    encode(&hex::decode(hexadecimal.as_str().unwrap()).unwrap())
}

pub fn corpus() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn ceremony(vector: &Value, kind: &str) -> Value {
    let data = &vector[kind];
    let mut case = json!({
        "name": format!("{kind} {}", vector["name"].as_str().unwrap()),
        "kind": kind,
        "rp_id": vector["rp_id"],
        "origins": [vector["origin"]],
        "challenge": binary(&data["challenge"]),
        "user_verification_required": data["flags"]["UV"],
    });
    // The leave that the README of the vectors names.
    if data["crossOrigin"] == true {
        case["allow_cross_origin"] = json!(true);
    }
    if data["topOrigin"].is_string() {
        case["top_origins"] = json!([data["topOrigin"]]);
    }
    case
}

fn credential(vector: &Value, response: &Value) -> Value {
    let id = binary(&vector["registration"]["credential_id"]);
    json!({"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response})
}

/// The registration of a vector, anchored at the one attestation CA.
pub fn registration(corpus: &Value, vector: &Value) -> Value {
    let data = &vector["registration"];
    let mut case = ceremony(vector, "registration");
    case["algorithms"] = json!([vector["alg"]]);
    case["trust_anchors"] = json!([corpus["attestation_ca"]["cert_pem"]]);
    case["at"] = json!("2026-01-01T00:00:00Z");
    case["accept_test_tpm_vendor"] = json!(true);
    case["credential"] = credential(
        vector,
        &json!({
            "clientDataJSON": binary(&data["clientDataJSON"]),
            "attestationObject": binary(&data["attestationObject"]),
            "transports": [],
        }),
    );
    case
}

/// The authentication of a vector.
pub fn authentication(vector: &Value) -> Value {
    let (made, data) = (&vector["registration"], &vector["authentication"]);
    let mut case = ceremony(vector, "authentication");
    case["credential_public_key"] = json!(binary(&vector["credential_public_key"]));
    case["stored_sign_count"] = made["sign_count"].clone();
    case["sign_count_policy"] = json!("reject");
    case["allow_credentials"] = json!([binary(&made["credential_id"])]);
    case["stored_backup_eligible"] = made["flags"]["BE"].clone();
    case["credential"] = credential(
        vector,
        &json!({
            "clientDataJSON": binary(&data["clientDataJSON"]),
            "authenticatorData": binary(&data["authenticatorData"]),
            "signature": binary(&data["signature"]),
        }),
    );
    case
}

/// The vector of this name.
pub fn vector<'c>(corpus: &'c Value, name: &str) -> &'c Value {
    let vectors = corpus["vectors"].as_array().unwrap();
    vectors.iter().find(|v| v["name"] == name).unwrap()
}
