//! The official test vectors of WebAuthn Level 3 as cases.

use serde_json::{Value, json};

use crate::support::*;

#[test]
fn authentications_of_all_15_vectors_are_accepted_with_the_leave_that_they_need() {
    let corpus = corpus();
    let vectors = corpus["vectors"].as_array().unwrap();
    let cases: Vec<Value> = vectors.iter().map(authentication).collect();
    assert_eq!(cases.len(), 15);
    let run = verify(&cases);
    assert_eq!(run.code, Some(0));
    for ((verdict, case), vector) in run.verdicts.iter().zip(&cases).zip(vectors) {
        let data = &vector["authentication"];
        let expected = json!({
            "name": case["name"],
            "ok": true,
            "credential_id": binary(&vector["registration"]["credential_id"]),
            "credential_public_key": binary(&vector["credential_public_key"]),
            "algorithm": vector["alg"],
            "aaguid": null,
            "format": null,
            "trust": null,
            "sign_count": data["sign_count"],
            "user_present": data["flags"]["UP"],
            "user_verified": data["flags"]["UV"],
            "backup_eligible": data["flags"]["BE"],
            "backup_state": data["flags"]["BS"],
            "signals": [],
        });
        assert_eq!(*verdict, expected);
    }
}

#[test]
fn registrations_of_14_vectors_are_accepted_and_android_key_is_refused_for_its_absent_origin() {
    let corpus = corpus();
    let vectors = corpus["vectors"].as_array().unwrap();
    let cases: Vec<Value> = vectors.iter().map(|v| registration(&corpus, v)).collect();
    let run = verify(&cases);
    assert_eq!(run.code, Some(1));
    let mut accepted = 0;
    for ((verdict, case), vector) in run.verdicts.iter().zip(&cases).zip(vectors) {
        if vector["name"] == "android-key-es256" {
            assert_eq!(verdict["reason"], "android_key_origin");
            assert_eq!(verdict["ok"], false);
            continue;
        }
        let data = &vector["registration"];
        let aaguid = data["aaguid"].as_str().unwrap();
        let groups = [
            &aaguid[..8],
            &aaguid[8..12],
            &aaguid[12..16],
            &aaguid[16..20],
            &aaguid[20..],
        ];
        let trust = match vector["attestation_type"].as_str().unwrap() {
            "None" => "none",
            "Self" => "self",
            _ => "trusted",
        };
        let expected = json!({
            "name": case["name"],
            "ok": true,
            "credential_id": binary(&data["credential_id"]),
            "credential_public_key": binary(&vector["credential_public_key"]),
            "algorithm": vector["alg"],
            "aaguid": groups.join("-"),
            "format": vector["fmt"],
            "trust": trust,
            "sign_count": data["sign_count"],
            "user_present": data["flags"]["UP"],
            "user_verified": data["flags"]["UV"],
            "backup_eligible": data["flags"]["BE"],
            "backup_state": data["flags"]["BS"],
            "signals": [],
        });
        assert_eq!(*verdict, expected);
        accepted += 1;
    }
    assert_eq!(accepted, 14);
}

#[test]
fn without_anchors_a_verified_statement_has_unknown_trust() {
    let corpus = corpus();
    for absent in [json!(null), json!([])] {
        let mut case = registration(&corpus, vector(&corpus, "packed-es256"));
        case["trust_anchors"] = absent;
        let verdict = verdict(&case);
        assert_eq!(verdict["ok"], true);
        assert_eq!(verdict["trust"], "unknown");
    }
}
