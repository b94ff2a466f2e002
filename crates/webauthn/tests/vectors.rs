//! The official test vectors of WebAuthn Level 3 (`vectors/w3c-webauthn-l3`).
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::{Value, json};
use webauthn::attestation::AttestationPolicy;
use webauthn::authentication::{
    BackupEligibilityPolicy, ExpectedUser, Rules, SignCountPolicy, StoredCredential,
};
use webauthn::base64url::encode;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{CredentialId, UserHandle};
use webauthn::json::{Limits, parse};
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin, RegistrationError};
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::trust::Trust;
use webauthn::{
    AuthenticationExpectation, Reason, RegistrationExpectation, TrustFacts, UnixSeconds,
    VerifiedRegistration, verify_authentication, verify_registration,
};

const VECTORS: &str = include_str!("../../../vectors/w3c-webauthn-l3/vectors.json");

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// The leave that a vector's client data need.
fn cross_origin(ceremony: &Value) -> CrossOrigin {
    if ceremony["crossOrigin"] == json!(true) {
        let top_origins = ceremony["topOrigin"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect();
        CrossOrigin::Allowed { top_origins }
    } else {
        CrossOrigin::Refused
    }
}

fn register(
    vector: &Value,
    policy: CrossOrigin,
    anchors: Vec<Vec<u8>>,
) -> Result<VerifiedRegistration, RegistrationError> {
    let registration = &vector["registration"];
    let expected = RegistrationExpectation {
        challenge: bytes(&registration["challenge"]),
        rp_id: RpId::parse(vector["rp_id"].as_str().unwrap()).unwrap(),
        origins: vec![Origin::exact(vector["origin"].as_str().unwrap())],
        cross_origin: policy,
        algorithms: vec![CoseAlgorithm(vector["alg"].as_i64().unwrap())],
        user_verification_required: registration["flags"]["UV"].as_bool().unwrap(),
        conditional_create: false,
        attestation: AttestationPolicy {
            accept_test_tpm_vendor: true,
            ..AttestationPolicy::recorded(anchors)
        },
        backup: BackupPolicy::Any,
        min_credential_id_length: 16,
        credential_protection: None,
    };
    let id = encode(&bytes(&registration["credential_id"]));
    let text = json!({"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": {
        "clientDataJSON": encode(&bytes(&registration["clientDataJSON"])),
        "attestationObject": encode(&bytes(&registration["attestationObject"])),
        "transports": [],
    }})
    .to_string();
    let value = parse(text.as_bytes(), &Limits::default()).unwrap();
    let response = RegistrationResponse::from_json(&value, &ResponseForm::STRICT).unwrap();
    verify_registration(
        &expected,
        &response,
        &TrustFacts::NO_METADATA,
        UnixSeconds(1_767_225_600),
        &mut NoTrace,
    )
}

fn authenticate(vector: &Value, public_key: &[u8]) -> Result<(), Reason> {
    let (registration, authentication) = (&vector["registration"], &vector["authentication"]);
    let owner = UserHandle::new(vec![1]).unwrap();
    let id = CredentialId::new(bytes(&registration["credential_id"])).unwrap();
    let expected = AuthenticationExpectation {
        challenge: bytes(&authentication["challenge"]),
        rp_id: RpId::parse(vector["rp_id"].as_str().unwrap()).unwrap(),
        origins: vec![Origin::exact(vector["origin"].as_str().unwrap())],
        cross_origin: cross_origin(authentication),
        user_verification_required: authentication["flags"]["UV"].as_bool().unwrap(),
        allow_credentials: vec![id.clone()],
        user: ExpectedUser::Known(owner.clone()),
        sign_count: SignCountPolicy::Refuse,
        backup_eligibility: BackupEligibilityPolicy::Strict,
        appid: None,
        rules: Rules::Level3,
    };
    let text = json!({"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": {
        "clientDataJSON": encode(&bytes(&authentication["clientDataJSON"])),
        "authenticatorData": encode(&bytes(&authentication["authenticatorData"])),
        "signature": encode(&bytes(&authentication["signature"])),
    }})
    .to_string();
    let value = parse(text.as_bytes(), &Limits::default()).unwrap();
    let response = AuthenticationResponse::from_json(&value, &ResponseForm::STRICT).unwrap();
    let stored = StoredCredential {
        id: &id,
        public_key: &public_key.into(),
        sign_count: u32::try_from(registration["sign_count"].as_u64().unwrap())
            .unwrap()
            .into(),
        used: false,
        backup_eligible: registration["flags"]["BE"].as_bool(),
        backup_state: registration["flags"]["BS"].as_bool(),
        user_handle: &owner,
    };
    let verified = verify_authentication(&expected, &stored, &response, &mut NoTrace)
        .map_err(|error| error.reason())?;
    assert_eq!(
        u64::from(verified.received_sign_count()),
        authentication["sign_count"].as_u64().unwrap()
    );
    assert_eq!(
        Some(verified.user_verified()),
        authentication["flags"]["UV"].as_bool()
    );
    Ok(())
}

#[test]
fn registrations_but_one_verify_and_chain_to_the_attestation_ca() {
    let corpus: Value = serde_json::from_str(VECTORS).unwrap();
    let anchor = bytes(&corpus["attestation_ca"]["cert_der"]);
    let mut verified_names = Vec::new();
    for vector in corpus["vectors"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let outcome = register(
            vector,
            cross_origin(&vector["registration"]),
            vec![anchor.clone()],
        );
        // Both lists of its key description are empty, and 8.4 demands origin and purpose.
        let expected = (name == "android-key-es256").then_some(Reason::AndroidKeyOrigin);
        assert_eq!(
            outcome.as_ref().err().map(RegistrationError::reason),
            expected,
            "{name}: {outcome:?}"
        );
        let Ok(verified) = outcome else { continue };
        assert_eq!(
            verified.credential_id().as_bytes(),
            bytes(&vector["registration"]["credential_id"]),
            "{name}"
        );
        assert_eq!(
            verified.public_key(),
            bytes(&vector["credential_public_key"]),
            "{name}"
        );
        assert_eq!(
            &verified.aaguid().as_bytes()[..],
            bytes(&vector["registration"]["aaguid"]),
            "{name}"
        );
        assert_eq!(verified.format(), vector["fmt"], "{name}");
        let trust = match vector["attestation_type"].as_str().unwrap() {
            "None" => Trust::None,
            "Self" => Trust::SelfAttested,
            _ => Trust::Trusted,
        };
        assert_eq!(verified.trust(), trust, "{name}");
        verified_names.push(name);
    }
    assert_eq!(verified_names.len(), 14, "{verified_names:?}");
}

#[test]
fn attested_registrations_are_untrusted_under_another_anchor() {
    let corpus: Value = serde_json::from_str(VECTORS).unwrap();
    let vector = corpus["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|vector| vector["name"] == "packed-es256")
        .unwrap();
    let leaf = bytes(
        &corpus["vectors"]
            .as_array()
            .unwrap()
            .iter()
            .find(|v| v["name"] == "packed-es384")
            .unwrap()["x5c"][0],
    );
    let error = register(vector, CrossOrigin::Refused, vec![leaf]).unwrap_err();
    assert_eq!(error.reason(), Reason::AttestationUntrusted);
    assert_eq!(
        register(vector, CrossOrigin::Refused, vec![])
            .unwrap()
            .trust(),
        Trust::Unknown
    );
}

#[test]
fn embedded_vectors_need_leave() {
    let corpus: Value = serde_json::from_str(VECTORS).unwrap();
    for (name, reason) in [
        ("none-es256-crossOrigin", Reason::CrossOriginNotAllowed),
        ("none-es256-topOrigin", Reason::CrossOriginNotAllowed),
    ] {
        let vector = corpus["vectors"]
            .as_array()
            .unwrap()
            .iter()
            .find(|vector| vector["name"] == name)
            .unwrap();
        assert_eq!(
            register(vector, CrossOrigin::Refused, vec![])
                .unwrap_err()
                .reason(),
            reason,
            "{name}"
        );
    }
}

#[test]
fn authentications_of_every_vector_verify() {
    let corpus: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors = corpus["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 15);
    for vector in vectors {
        let name = vector["name"].as_str().unwrap();
        assert_eq!(
            authenticate(vector, &bytes(&vector["credential_public_key"])),
            Ok(()),
            "{name}"
        );
    }
    // With the key of another vector the same responses fail.
    let foreign = bytes(&vectors[1]["credential_public_key"]);
    assert_eq!(
        authenticate(&vectors[0], &foreign),
        Err(Reason::SignatureInvalid)
    );
}
