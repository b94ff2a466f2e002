//! Every member of a case counts: changed alone, it gives the refusal that fits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{Authenticator, Format, Lies, Profile};

use crate::support::*;

/// What is changed, to what, and what follows: a reason, or `ok`.
type Change = (&'static str, Value, &'static str);

fn holds(base: &Value, changes: &[Change]) {
    let name = &base["name"];
    let mut cases = vec![base.clone()];
    cases.extend(changes.iter().map(|(member, value, _)| {
        let mut case = base.clone();
        // Members inside the credential are written as a path.
        *case.pointer_mut(&format!("/{member}")).unwrap() = value.clone();
        case
    }));
    let run = verify(&cases);
    assert_eq!(run.verdicts[0]["ok"], true, "{}", run.verdicts[0]);
    for ((member, value, expected), verdict) in changes.iter().zip(&run.verdicts[1..]) {
        let found = if verdict["ok"] == true {
            "ok"
        } else {
            verdict["reason"].as_str().unwrap()
        };
        assert_eq!(
            found, *expected,
            "{name}: {member} changed to {value}: {verdict}"
        );
    }
}

/// The members that both ceremonies have.
fn common() -> Vec<Change> {
    vec![
        ("rp_id", json!("example.com"), "rp_id_hash_mismatch"),
        ("rp_id", json!("EXAMPLE.ORG"), "rp_id_hash_mismatch"),
        ("rp_id", json!("https://example.org"), "rp_id_hash_mismatch"),
        ("origins", json!([]), "origin_not_allowed"),
        (
            "origins",
            json!(["https://example.org/"]),
            "origin_not_allowed",
        ),
        (
            "origins",
            json!(["https://EXAMPLE.org"]),
            "origin_not_allowed",
        ),
        (
            "origins",
            json!(["http://example.org"]),
            "origin_not_allowed",
        ),
        (
            "origins",
            json!(["https://a.example", "https://example.org"]),
            "ok",
        ),
        ("challenge", json!("AAAA"), "challenge_mismatch"),
        ("challenge", json!(""), "challenge_mismatch"),
        ("credential/id", json!("AAAA"), "credential_id_mismatch"),
        ("credential/rawId", json!("AAAA"), "credential_id_mismatch"),
        ("credential/rawId", json!(null), "ok"),
        (
            "credential/type",
            json!("password"),
            "credential_type_mismatch",
        ),
        ("credential/clientExtensionResults", json!(null), "ok"),
        ("credential/response", json!({}), "response_member_missing"),
        (
            "credential/response/clientDataJSON",
            json!("AA=="),
            "base64_invalid",
        ),
        (
            "credential/response/clientDataJSON",
            json!("AAAA"),
            "client_data_malformed",
        ),
        ("credential", json!([]), "request_invalid"),
    ]
}

#[test]
fn each_member_of_a_registration_refuses_when_it_is_changed() {
    let corpus = corpus();
    for vector in corpus["vectors"].as_array().unwrap() {
        if vector["name"] == "android-key-es256" {
            continue;
        }
        let mut changes = common();
        changes.extend([
            ("kind", json!("authentication"), "request_invalid"),
            ("algorithms", json!([]), "algorithm_not_allowed"),
            ("algorithms", json!([-65535]), "algorithm_not_allowed"),
            ("algorithms", json!(null), "ok"),
        ]);
        holds(&registration(&corpus, vector), &changes);
    }
}

#[test]
fn each_member_of_an_authentication_refuses_when_it_is_changed() {
    let corpus = corpus();
    let vectors = corpus["vectors"].as_array().unwrap();
    for (at, vector) in vectors.iter().enumerate() {
        let other = &vectors[(at + 1) % vectors.len()];
        let mut changes = common();
        // Here the record is found by the id, which is then one that the options did not list.
        changes.retain(|(member, ..)| *member != "credential/id");
        let eligible = vector["registration"]["flags"]["BE"] == true;
        changes.extend([
            ("kind", json!("registration"), "response_member_missing"),
            (
                "credential_public_key",
                json!(binary(&other["credential_public_key"])),
                "signature_invalid",
            ),
            ("credential_public_key", json!("AAAA"), "cose_key_malformed"),
            ("stored_sign_count", json!(1), "sign_count_not_increased"),
            ("stored_sign_count", json!(null), "ok"),
            (
                "allow_credentials",
                json!(["AAAA"]),
                "credential_not_allowed",
            ),
            ("allow_credentials", json!([]), "ok"),
            ("allow_credentials", json!(null), "ok"),
            (
                "stored_backup_eligible",
                json!(!eligible),
                "backup_eligibility_changed",
            ),
            ("stored_backup_eligible", json!(null), "ok"),
            (
                "credential/response/signature",
                json!("AAAA"),
                "signature_invalid",
            ),
        ]);
        holds(&authentication(vector), &changes);
    }
}

#[test]
fn user_verification_is_demanded_only_on_demand() {
    let corpus = corpus();
    let without = vector(&corpus, "none-es256");
    for mut case in [registration(&corpus, without), authentication(without)] {
        assert_eq!(case["user_verification_required"], false);
        case["user_verification_required"] = json!(null);
        holds(
            &case,
            &[(
                "user_verification_required",
                json!(true),
                "user_not_verified",
            )],
        );
    }
}

#[test]
fn embedding_needs_leave_and_the_embedding_origin_to_be_listed() {
    let corpus = corpus();
    let framed = vector(&corpus, "none-es256-crossOrigin");
    for case in [registration(&corpus, framed), authentication(framed)] {
        holds(
            &case,
            &[
                (
                    "allow_cross_origin",
                    json!(false),
                    "cross_origin_not_allowed",
                ),
                (
                    "allow_cross_origin",
                    json!(null),
                    "cross_origin_not_allowed",
                ),
            ],
        );
    }
    let embedded = vector(&corpus, "none-es256-topOrigin");
    for case in [registration(&corpus, embedded), authentication(embedded)] {
        holds(
            &case,
            &[
                (
                    "allow_cross_origin",
                    json!(null),
                    "cross_origin_not_allowed",
                ),
                ("top_origins", json!(null), "top_origin_not_allowed"),
                (
                    "top_origins",
                    json!(["https://example.com/"]),
                    "top_origin_not_allowed",
                ),
            ],
        );
    }
}

#[test]
fn conditional_create_lifts_the_demand_for_user_presence() {
    let corpus = corpus();
    let vector = vector(&corpus, "none-es256");
    let data = &vector["registration"];
    let with = data["authenticatorData"].as_str().unwrap();
    // Nobody signs a registration without attestation, so its UP flag can be cleared.
    let without = format!("{}58{}", &with[..64], &with[66..]);
    let object = data["attestationObject"].as_str().unwrap();
    let object = object.replace(with, &without);
    let mut case = registration(&corpus, vector);
    case["credential"]["response"]["attestationObject"] = json!(binary(&json!(object)));
    case["conditional_create"] = json!(true);
    assert_eq!(verdict(&case)["user_present"], false);
    holds(
        &case,
        &[
            ("conditional_create", json!(false), "user_not_present"),
            ("conditional_create", json!(null), "user_not_present"),
        ],
    );
}

#[test]
fn a_chain_is_judged_by_the_anchors_at_the_moment_given() {
    let corpus = corpus();
    let other = include_str!("../../../../vectors/devices/fido2-net-lib.ndjson")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|case| case["trust_anchors"].is_array())
        .unwrap();
    let foreign = other["trust_anchors"][0].as_str().unwrap();
    let ours = corpus["attestation_ca"]["cert_pem"].as_str().unwrap();
    for name in ["packed-es256", "apple-es256", "fido-u2f-es256", "tpm-es256"] {
        let case = registration(&corpus, vector(&corpus, name));
        holds(
            &case,
            &[
                ("trust_anchors", json!([foreign]), "attestation_untrusted"),
                ("trust_anchors", json!([foreign, ours]), "ok"),
                ("trust_anchors", json!([format!("{foreign}\n{ours}")]), "ok"),
                (
                    "at",
                    json!("2020-01-01T00:00:00Z"),
                    "certificate_not_yet_valid",
                ),
                ("at", json!("4000-01-01T00:00:00Z"), "certificate_expired"),
                ("at", json!("2026-06-01T12:00:00.5+02:00"), "ok"),
                ("at", json!(null), "ok"),
            ],
        );
    }
}

#[test]
fn vendor_ids_of_conformance_tools_need_leave() {
    let corpus = corpus();
    let case = registration(&corpus, vector(&corpus, "tpm-es256"));
    holds(
        &case,
        &[
            ("accept_test_tpm_vendor", json!(false), "tpm_vendor_unknown"),
            ("accept_test_tpm_vendor", json!(null), "tpm_vendor_unknown"),
        ],
    );
}

#[test]
fn the_user_handle_is_compared_with_that_of_the_expected_user() {
    let corpus = corpus();
    let mut case = authentication(vector(&corpus, "none-es256"));
    case["username_less"] = json!(null);
    case["expected_user_handle"] = json!(null);
    case["credential"]["response"]["userHandle"] = json!(null);
    // Nobody is expected and nobody named.
    holds(
        &case,
        &[
            ("expected_user_handle", json!("AQ"), "ok"),
            ("credential/response/userHandle", json!("AQ"), "ok"),
            (
                "credential/response/userHandle",
                json!(""),
                "user_handle_invalid",
            ),
            ("username_less", json!(true), "user_handle_missing"),
            ("username_less", json!(false), "ok"),
        ],
    );
    // Known beforehand: what the answer names must be the same.
    case["expected_user_handle"] = json!("AQ");
    case["credential"]["response"]["userHandle"] = json!("AQ");
    holds(
        &case,
        &[
            ("expected_user_handle", json!("Ag"), "user_handle_mismatch"),
            (
                "credential/response/userHandle",
                json!("Ag"),
                "user_handle_mismatch",
            ),
            ("credential/response/userHandle", json!(null), "ok"),
        ],
    );
    // Not known beforehand: the answer must name somebody, and the right one where the case says who that is.
    case["username_less"] = json!(true);
    holds(
        &case,
        &[
            ("expected_user_handle", json!("Ag"), "user_handle_mismatch"),
            ("expected_user_handle", json!(null), "ok"),
            (
                "credential/response/userHandle",
                json!(null),
                "user_handle_missing",
            ),
        ],
    );
}

#[test]
fn a_counter_that_does_not_grow_is_a_signal_unless_it_rejects() {
    let corpus = corpus();
    let mut case = authentication(vector(&corpus, "none-es256"));
    case["stored_sign_count"] = json!(7);
    for policy in [json!("signal"), json!(null)] {
        case["sign_count_policy"] = policy;
        let verdict = verdict(&case);
        assert_eq!(verdict["ok"], true);
        assert_eq!(verdict["sign_count"], 0);
        assert_eq!(verdict["signals"], json!(["sign_count_not_increased"]));
    }
    case["sign_count_policy"] = json!("reject");
    assert_eq!(verdict(&case)["reason"], "sign_count_not_increased");
}

#[test]
fn the_appid_counts_only_if_it_was_asked_for_and_used() {
    let corpus = corpus();
    let mut case = authentication(vector(&corpus, "none-es256"));
    case["appid"] = json!("https://example.org/appid.json");
    case["credential"]["clientExtensionResults"] = json!({"appid": false});
    holds(
        &case,
        &[
            ("appid", json!(null), "ok"),
            (
                "credential/clientExtensionResults",
                json!({"appid": true}),
                "rp_id_hash_mismatch",
            ),
        ],
    );
    // The answer was made for this "AppID", whose hash is that of the RP ID.
    case["appid"] = json!("example.org");
    case["rp_id"] = json!("elsewhere.example");
    case["credential"]["clientExtensionResults"] = json!({"appid": true});
    holds(&case, &[("appid", json!(null), "rp_id_hash_mismatch")]);
}

/// A compound registration by the software authenticator, whose second statement, a self attestation, has a wrong signature if
/// it is said to be broken.
fn compound(broken: bool) -> Value {
    let mut device = Authenticator::new(Profile::security_key().with_format(Format::Compound));
    let challenge = "AAECAwQFBgcICQoLDA0ODw";
    let options = json!({"publicKey": {
        "rp": {"id": "example.org", "name": "Example"},
        "user": {"id": "AQ", "name": "ada", "displayName": "Ada"},
        "challenge": challenge,
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "excludeCredentials": [],
    }});
    let lies = Lies {
        tampered_signature: broken,
        only_sub_statement: Some(1),
        ..Lies::default()
    };
    let credential = device.create(&options, "https://example.org", &lies);
    let root = STANDARD.encode(device.attestation_root().unwrap());
    json!({
        "name": "compound",
        "kind": "registration",
        "rp_id": "example.org",
        "origins": ["https://example.org"],
        "challenge": challenge,
        "at": "2026-01-01T00:00:00Z",
        "credential": credential.unwrap(),
        "compound_policy": "one_trusted",
        "trust_anchors": [format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n")],
    })
}

#[test]
fn the_compound_policy_says_whether_one_trusted_statement_is_enough() {
    let whole = compound(false);
    assert_eq!(verdict(&whole)["format"], "compound");
    assert_eq!(verdict(&whole)["trust"], "trusted");
    holds(
        &whole,
        &[
            ("compound_policy", json!(null), "ok"),
            ("compound_policy", json!("all"), "ok"),
            // Without anchors none of the statements is trusted.
            ("trust_anchors", json!([]), "attestation_untrusted"),
        ],
    );
    let refused = "attestation_signature_invalid";
    holds(
        &compound(true),
        &[
            ("compound_policy", json!("all"), refused),
            ("compound_policy", json!(null), refused),
        ],
    );
}
