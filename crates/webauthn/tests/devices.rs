//! Responses of real authenticators (`vectors/devices`): every case meets what its line expects.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use webauthn::attestation::{AttestationPolicy, SafetyNetPolicy};
use webauthn::authentication::{
    BackupEligibilityPolicy, ExpectedUser, Rules, SignCountPolicy, StoredCredential,
};
use webauthn::base64url::{decode, encode};
use webauthn::cose::{CoseAlgorithm, PublicKey};
use webauthn::credential::{CredentialId, UserHandle};
use webauthn::json::{Limits, parse};
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin};
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::trust::Trust;
use webauthn::{
    AuthenticationExpectation, Reason, RegistrationExpectation, TrustFacts, UnixSeconds,
    verify_authentication, verify_registration,
};

const CORPORA: [&str; 2] = [
    include_str!("../../../vectors/devices/go-webauthn.ndjson"),
    include_str!("../../../vectors/devices/fido2-net-lib.ndjson"),
];

/// 2026-01-01, for cases that do not say when.
const NOW: i64 = 1_767_225_600;

fn cases() -> impl Iterator<Item = Value> {
    CORPORA
        .iter()
        .flat_map(|corpus| corpus.lines())
        .map(|line| serde_json::from_str(line).unwrap())
}

fn bytes(value: &Value) -> Vec<u8> {
    decode(value.as_str().unwrap()).unwrap()
}

fn set(case: &Value, member: &str) -> bool {
    case[member].as_bool().unwrap_or(false)
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// The DER in a PEM text.
fn der(pem: &str) -> Vec<u8> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let url = body.replace('+', "-").replace('/', "_");
    decode(url.trim_end_matches('=')).unwrap()
}

/// RFC 3339 in UTC with whole seconds.
fn moment(value: &Value) -> UnixSeconds {
    let Some(text) = value.as_str() else {
        return UnixSeconds(NOW);
    };
    let numbers: Vec<i64> = text
        .strip_suffix('Z')
        .unwrap()
        .split(['-', 'T', ':'])
        .map(|number| number.parse().unwrap())
        .collect();
    let [year, month, day, hour, minute, second] = numbers[..] else {
        panic!("{text}")
    };
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let in_years: i64 = (1970..year).map(|year| 365 + i64::from(leap(year))).sum();
    let lengths = [
        31,
        28 + i64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let in_months: i64 = lengths[..usize::try_from(month - 1).unwrap()].iter().sum();
    let days = in_years + in_months + day - 1;
    UnixSeconds(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn policy(case: &Value) -> AttestationPolicy {
    AttestationPolicy {
        accept_test_tpm_vendor: set(case, "accept_test_tpm_vendor"),
        allow_rs1: case["accept_rs1_attestation"] != false,
        android_safetynet: if set(case, "accept_safetynet") {
            SafetyNetPolicy::Accepted {
                max_age_seconds: None,
            }
        } else {
            SafetyNetPolicy::Refused
        },
        ..AttestationPolicy::recorded(
            texts(&case["trust_anchors"])
                .iter()
                .map(|pem| der(pem))
                .collect(),
        )
    }
}

/// Facts of the verdict under the names that the cases use, or why it was refused.
type Verdict = Result<Value, Reason>;

fn register(case: &Value) -> Verdict {
    let algorithms = case["algorithms"].as_array().map_or_else(
        || CoseAlgorithm::SUPPORTED.to_vec(),
        |ids| {
            ids.iter()
                .map(|id| CoseAlgorithm(id.as_i64().unwrap()))
                .collect()
        },
    );
    let expected = RegistrationExpectation {
        challenge: bytes(&case["challenge"]),
        rp_id: RpId::parse(case["rp_id"].as_str().unwrap()).unwrap(),
        origins: texts(&case["origins"]).iter().map(Origin::exact).collect(),
        cross_origin: CrossOrigin::Refused,
        algorithms,
        user_verification_required: set(case, "user_verification_required"),
        conditional_create: false,
        attestation: policy(case),
        backup: BackupPolicy::Any,
        min_credential_id_length: 16,
        credential_protection: None,
    };
    let text = case["credential"].to_string();
    let value = parse(text.as_bytes(), &Limits::default()).unwrap();
    let response = RegistrationResponse::from_json(&value, &ResponseForm::RECORDED)
        .map_err(|error| error.reason())?;
    let verified = verify_registration(
        &expected,
        &response,
        &TrustFacts::NO_METADATA,
        moment(&case["at"]),
        &mut NoTrace,
    )
    .map_err(|error| error.reason())?;
    let anchored = case["trust_anchors"].is_array();
    let trust = match verified.attestation_type().as_str() {
        "none" => Trust::None,
        "self" => Trust::SelfAttested,
        _ if anchored => Trust::Trusted,
        _ => Trust::Unknown,
    };
    assert_eq!(verified.trust(), trust);
    let attestation_type = match verified.attestation_type().as_str() {
        "none" => "None",
        "self" => "Self",
        "basic" => "Basic",
        "att_ca" => "AttCA",
        _ => "AnonCA",
    };
    Ok(json!({
        "ok": true,
        "format": verified.format(),
        "attestation_type": attestation_type,
        "algorithm": verified.algorithm(),
        "aaguid": verified.aaguid().to_string(),
        "credential_public_key": encode(verified.public_key()),
        "sign_count": verified.sign_count(),
        "user_present": verified.user_present(),
        "user_verified": verified.user_verified(),
        "backup_eligible": verified.backup_eligible(),
        "backup_state": verified.backup_state(),
    }))
}

fn authenticate(case: &Value) -> Verdict {
    let id = CredentialId::new(bytes(&case["credential"]["id"])).unwrap();
    let public_key = bytes(&case["credential_public_key"]);
    let handle = case["expected_user_handle"].as_str().map_or_else(
        || UserHandle::new(vec![1]).unwrap(),
        |text| UserHandle::from_base64url(text).unwrap(),
    );
    let expected = AuthenticationExpectation {
        challenge: bytes(&case["challenge"]),
        rp_id: RpId::parse(case["rp_id"].as_str().unwrap()).unwrap(),
        origins: texts(&case["origins"]).iter().map(Origin::exact).collect(),
        cross_origin: CrossOrigin::Refused,
        user_verification_required: set(case, "user_verification_required"),
        allow_credentials: texts(&case["allow_credentials"])
            .iter()
            .map(|id| CredentialId::from_base64url(id).unwrap())
            .collect(),
        user: ExpectedUser::Known(handle.clone()),
        sign_count: SignCountPolicy::Signal,
        backup_eligibility: BackupEligibilityPolicy::Strict,
        appid: case["appid"].as_str().map(str::to_owned),
        rules: Rules::Level3,
    };
    let text = case["credential"].to_string();
    let value = parse(text.as_bytes(), &Limits::default()).unwrap();
    let response = AuthenticationResponse::from_json(&value, &ResponseForm::RECORDED)
        .map_err(|error| error.reason())?;
    let stored = StoredCredential {
        id: &id,
        public_key: &public_key.clone().into(),
        sign_count: u32::try_from(case["stored_sign_count"].as_u64().unwrap())
            .unwrap()
            .into(),
        used: false,
        backup_eligible: None,
        backup_state: None,
        user_handle: &handle,
    };
    let verified = verify_authentication(&expected, &stored, &response, &mut NoTrace)
        .map_err(|error| error.reason())?;
    Ok(json!({
        "ok": true,
        "algorithm": PublicKey::parse(&public_key).unwrap().algorithm(),
        "sign_count": verified.received_sign_count(),
        "user_present": verified.user_present(),
        "user_verified": verified.user_verified(),
        "backup_eligible": verified.backup_eligible(),
        "backup_state": verified.backup_state(),
    }))
}

#[test]
fn every_case_meets_its_expectation() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let verdict = if case["kind"] == "registration" {
            register(&case)
        } else {
            authenticate(&case)
        };
        let expect = &case["expect"];
        let fits = match &verdict {
            Ok(facts) => facts == expect,
            Err(reason) => texts(&expect["reasons"]).iter().any(|r| r == reason.name()),
        };
        if !fits {
            wrong.push(format!("{}: {verdict:?}, expected {expect}", case["name"]));
        }
        *seen
            .entry(if expect["ok"] == true {
                "accepted"
            } else {
                "refused"
            })
            .or_default() += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.values().sum::<usize>(), 60, "{seen:?}");
}
