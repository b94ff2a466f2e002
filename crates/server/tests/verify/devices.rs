//! Answers of real authenticators (`vectors/devices`): the files go through the command as they are.

use serde_json::Value;

use crate::support::*;

#[test]
fn every_recorded_device_meets_its_expectation() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/devices");
    let files = ["go-webauthn.ndjson", "fido2-net-lib.ndjson"].map(|f| format!("{folder}/{f}"));
    let cases: Vec<Value> = files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            let lines: Vec<Value> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            lines
        })
        .collect();
    let run = run(passkeyd().args(&files), Vec::new());
    assert_eq!(run.code, Some(1));
    assert_eq!(run.verdicts.len(), 60);
    assert_eq!(cases.len(), 60);
    for (case, verdict) in cases.iter().zip(&run.verdicts) {
        let (name, expect) = (&case["name"], &case["expect"]);
        assert_eq!(verdict["name"], *name);
        assert_eq!(verdict["ok"], expect["ok"], "{verdict}");
        if expect["ok"] == true {
            // Statements of Windows are signed with SHA-1, that of the conformance tool is not.
            let sha1 = name.as_str().unwrap().starts_with("tpm-windows-hello");
            let signals = verdict["signals"].as_array().unwrap();
            assert_eq!(signals.contains(&"sha1_attestation".into()), sha1, "{name}");
            for (member, value) in expect.as_object().unwrap() {
                // The verdict has how far the attestation is trusted instead of its type.
                if member == "attestation_type" {
                    let trust = match (value.as_str().unwrap(), case["trust_anchors"].is_array()) {
                        ("None", _) => "none",
                        ("Self", _) => "self",
                        (_, true) => "trusted",
                        (_, false) => "unknown",
                    };
                    assert_eq!(verdict["trust"], trust, "{name}");
                } else {
                    assert_eq!(verdict[member], *value, "{name}: {member}");
                }
            }
        } else {
            let reasons = expect["reasons"].as_array().unwrap();
            assert!(reasons.contains(&verdict["reason"]), "{verdict}");
        }
    }
}
