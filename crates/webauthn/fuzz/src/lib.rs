//! What the fuzz targets share: ceremonies to start from, the other encoder, and what must hold whatever the bytes are.
//!
//! Fixtures are ceremonies that verify: those of the testkit's authenticator (`fixtures.ndjson`, made by `testkit-corpus`), the
//! official vectors and the responses of real devices. A target takes one of them, puts the fuzzer's bytes in the place of one
//! part, and lets the verifier judge. Without trust anchors, so that nothing but the statement decides.

pub mod metadata;
mod other;

use serde_json::{Value, json};
use std::sync::LazyLock;
use webauthn::attestation::{AttestationPolicy, SafetyNetPolicy};
use webauthn::authentication::{
    BackupEligibilityPolicy, ExpectedUser, Rules, SignCountPolicy, StoredCredential,
};
use webauthn::base64url::{decode, encode};
use webauthn::cbor::{self, KeyOrder};
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::UserHandle;
use webauthn::json::{Limits, parse};
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin};
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::{TrustFacts, AuthenticationExpectation, RegistrationExpectation, UnixSeconds, VerifiedAuthentication,
    VerifiedRegistration, verify_authentication, verify_registration,
};

pub use other::{cbor_bytes, cbor_of, json_of};

/// 2026-01-01.
pub const NOW: UnixSeconds = UnixSeconds(1_767_225_600);

/// A registration that verifies, and its parts.
pub struct Registration {
    pub name: String,
    pub format: String,
    pub expected: RegistrationExpectation,
    /// The credential as JSON.
    pub credential: Value,
    pub client_data_json: Vec<u8>,
    pub attestation_object: Vec<u8>,
    /// Inside the attestation object.
    pub authenticator_data: Vec<u8>,
    /// Inside the attestation object, encoded.
    pub statement: Vec<u8>,
    /// A root that the statement's chain leads to, if one is known.
    pub anchor: Option<Vec<u8>>,
}

/// An authentication that verifies, and its parts.
pub struct Authentication {
    pub name: String,
    pub expected: AuthenticationExpectation,
    pub credential: Value,
    pub client_data_json: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub public_key: Vec<u8>,
    pub sign_count: u32,
    pub user_handle: UserHandle,
}

static REGISTRATIONS: LazyLock<Vec<Registration>> = LazyLock::new(|| {
    cases("registration")
        .filter_map(Registration::read)
        .collect()
});

static AUTHENTICATIONS: LazyLock<Vec<Authentication>> = LazyLock::new(|| {
    cases("authentication")
        .filter_map(Authentication::read)
        .collect()
});

/// All registrations.
pub fn registrations() -> &'static [Registration] {
    &REGISTRATIONS
}

/// All authentications.
pub fn authentications() -> &'static [Authentication] {
    &AUTHENTICATIONS
}

/// The registrations with this format.
pub fn of_format(format: &str) -> Vec<&'static Registration> {
    let found: Vec<_> = REGISTRATIONS
        .iter()
        .filter(|one| one.format == format)
        .collect();
    assert!(!found.is_empty(), "no fixture has the format {format}");
    found
}

/// The one that the first byte of the input chooses, and the rest of the input.
pub fn choose<'f, 'i, T>(from: &'f [T], input: &'i [u8]) -> Option<(&'f T, &'i [u8])> {
    let (first, rest) = input.split_first()?;
    let chosen = from.get(usize::from(*first) % from.len())?;
    Some((chosen, rest))
}

fn cases(kind: &'static str) -> impl Iterator<Item = Value> {
    let lines = [
        include_str!("../fixtures.ndjson"),
        include_str!("../../../../vectors/devices/go-webauthn.ndjson"),
        include_str!("../../../../vectors/devices/fido2-net-lib.ndjson"),
    ];
    let lines = lines.into_iter().flat_map(str::lines);
    let recorded = lines.map(|line| serde_json::from_str(line).expect("a fixture is JSON"));
    recorded
        .chain(official())
        .filter(move |case: &Value| case["kind"] == kind)
}

/// The official vectors as cases.
fn official() -> Vec<Value> {
    let text = include_str!("../../../../vectors/w3c-webauthn-l3/vectors.json");
    let corpus: Value = serde_json::from_str(text).expect("the vectors are JSON");
    let url = |hexadecimal: &Value| {
        encode(&hex::decode(hexadecimal.as_str().unwrap_or_default()).unwrap_or_default())
    };
    let mut cases = Vec::new();
    for vector in corpus["vectors"].as_array().into_iter().flatten() {
        for kind in ["registration", "authentication"] {
            let ceremony = &vector[kind];
            let id = url(&vector["registration"]["credential_id"]);
            let mut response = json!({});
            for member in [
                "clientDataJSON",
                "attestationObject",
                "authenticatorData",
                "signature",
            ] {
                if ceremony[member].is_string() {
                    response[member] = url(&ceremony[member]).into();
                }
            }
            cases.push(json!({
                "name": vector["name"],
                "kind": kind,
                "rp_id": vector["rp_id"],
                "origins": [vector["origin"]],
                "challenge": url(&ceremony["challenge"]),
                "allow_cross_origin": ceremony["crossOrigin"],
                "top_origins": ceremony["topOrigin"].as_str().into_iter().collect::<Vec<_>>(),
                "credential_public_key": url(&vector["credential_public_key"]),
                "credential": {"id": id, "rawId": id, "type": "public-key", "response": response},
            }));
        }
    }
    cases
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    decode(value.as_str()?).ok()
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn cross_origin(case: &Value) -> CrossOrigin {
    if case["allow_cross_origin"] == true {
        CrossOrigin::Allowed {
            top_origins: texts(&case["top_origins"]),
        }
    } else {
        CrossOrigin::Refused
    }
}

/// Everything that a statement can be is verified, no chain is judged.
fn lenient() -> AttestationPolicy {
    AttestationPolicy {
        accept_test_tpm_vendor: true,
        android_safetynet: SafetyNetPolicy::Accepted {
            max_age_seconds: None,
        },
        ..AttestationPolicy::recorded(Vec::new())
    }
}

/// The DER in a PEM text.
fn der(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let url = body.replace('+', "-").replace('/', "_");
    decode(url.trim_end_matches('=')).ok()
}

impl Registration {
    /// `None` when the case does not verify as it is: some are recorded as examples of what must be refused.
    fn read(case: Value) -> Option<Self> {
        let expected = RegistrationExpectation {
            challenge: bytes(&case["challenge"])?,
            rp_id: RpId::exact(case["rp_id"].as_str()?),
            origins: texts(&case["origins"]).iter().map(Origin::exact).collect(),
            cross_origin: cross_origin(&case),
            algorithms: CoseAlgorithm::SUPPORTED.to_vec(),
            user_verification_required: false,
            conditional_create: false,
            attestation: lenient(),
            backup: BackupPolicy::Any,
            min_credential_id_length: 1,
            credential_protection: None,
        };
        let response = &case["credential"]["response"];
        let client_data_json = bytes(&response["clientDataJSON"])?;
        let attestation_object = bytes(&response["attestationObject"])?;
        let object = cbor::read(&attestation_object, KeyOrder::Any).ok()?;
        let format = object.get("fmt")?.as_text()?.to_owned();
        let authenticator_data = object.get("authData")?.as_bytes()?.to_vec();
        let statement = cbor_bytes(object.get("attStmt")?);
        let fixture = Self {
            name: case["name"].as_str().unwrap_or_default().to_owned(),
            format,
            expected,
            credential: case["credential"].clone(),
            client_data_json,
            authenticator_data,
            statement,
            attestation_object,
            anchor: case["trust_anchors"][0].as_str().and_then(der),
        };
        let verified = fixture.judge(&fixture.credential_json());
        assert!(
            verified.is_some() || !fixture.name.contains("/honest"),
            "{} does not verify",
            fixture.name
        );
        verified.map(|_| fixture)
    }

    /// The credential as a browser sends it.
    pub fn credential_json(&self) -> Vec<u8> {
        self.credential.to_string().into_bytes()
    }

    /// The credential with other bytes in it.
    pub fn with(&self, client_data_json: &[u8], attestation_object: &[u8]) -> Vec<u8> {
        let id = self.credential["id"].as_str().unwrap_or_default();
        let text = format!(
            r#"{{"id":"{id}","rawId":"{id}","type":"public-key","clientExtensionResults":{{}},"response":{{"clientDataJSON":"{}","attestationObject":"{}","transports":[]}}}}"#,
            encode(client_data_json),
            encode(attestation_object),
        );
        text.into_bytes()
    }

    /// The attestation object with another statement, which is CBOR or is not.
    pub fn object_with(&self, statement: &[u8]) -> Vec<u8> {
        self.object_of(&self.format, statement)
    }

    fn object_of(&self, format: &str, statement: &[u8]) -> Vec<u8> {
        let mut object = vec![0xa3];
        object.extend(cbor_of("fmt"));
        object.extend(cbor_of(format));
        object.extend(cbor_of("attStmt"));
        object.extend_from_slice(statement);
        object.extend(cbor_of("authData"));
        object.extend(cbor_bytes(&cbor::Value::Bytes(&self.authenticator_data)));
        object
    }

    /// The verdict on a credential as JSON.
    pub fn judge(&self, credential: &[u8]) -> Option<VerifiedRegistration> {
        self.judge_by(&self.expected, credential)
    }

    /// The verdict by another expectation.
    pub fn judge_by(
        &self,
        expected: &RegistrationExpectation,
        credential: &[u8],
    ) -> Option<VerifiedRegistration> {
        let value = parse(credential, &Limits::default()).ok()?;
        let response = RegistrationResponse::from_json(&value, &ResponseForm::RECORDED).ok()?;
        verify_registration(expected, &response, &TrustFacts::NO_METADATA, NOW, &mut NoTrace).ok()
    }

    /// Client data of the same ceremony with one member more: everybody who signed the others did not sign these.
    pub fn other_client_data(&self) -> Vec<u8> {
        let mut other = self.client_data_json.clone();
        let end = other.iter().rposition(|byte| *byte == b'}');
        other.truncate(end.unwrap_or_default());
        other.extend_from_slice(br#","nobodySignedThis":true}"#);
        other
    }

    /// What must hold for every attestation object that comes with this registration's client data.
    pub fn check(&self, object: &[u8]) {
        let Some(verified) = self.judge(&self.with(&self.client_data_json, object)) else {
            return;
        };
        assert_eq!(verified.attestation_object()[..], *object);
        let read = cbor::read(object, KeyOrder::Any).expect("what is accepted is CBOR");
        assert_eq!(cbor_bytes(&read), object, "there is one encoding");
        let statement = read.get("attStmt").expect("there is a statement");
        if verified.format() == "none" {
            assert_eq!(cbor_bytes(statement), [0xa0]);
        } else {
            // Every other format signs the client data, so the same statement must not hold for others.
            let other = self.other_client_data();
            assert!(self.judge(&self.with(&other, object)).is_none());
        }
    }
}

/// The body of the targets for one format: the first byte chooses the registration, the rest is its statement.
pub fn check_statement(fixtures: &[&Registration], input: &[u8]) {
    if let Some((fixture, statement)) = choose(fixtures, input) {
        fixture.check(&fixture.object_with(statement));
    }
}

impl Authentication {
    fn read(case: Value) -> Option<Self> {
        let response = &case["credential"]["response"];
        let user_handle = bytes(&case["expected_user_handle"])
            .or_else(|| bytes(&response["userHandle"]))
            .unwrap_or_else(|| vec![1]);
        let user_handle = UserHandle::new(user_handle).ok()?;
        let fixture = Self {
            name: case["name"].as_str().unwrap_or_default().to_owned(),
            expected: AuthenticationExpectation {
                challenge: bytes(&case["challenge"])?,
                rp_id: RpId::exact(case["rp_id"].as_str()?),
                origins: texts(&case["origins"]).iter().map(Origin::exact).collect(),
                cross_origin: cross_origin(&case),
                user_verification_required: false,
                allow_credentials: Vec::new(),
                user: ExpectedUser::Known(user_handle.clone()),
                sign_count: SignCountPolicy::Refuse,
                backup_eligibility: BackupEligibilityPolicy::Strict,
                appid: case["appid"].as_str().map(str::to_owned),
                rules: Rules::Level3,
            },
            credential: case["credential"].clone(),
            client_data_json: bytes(&response["clientDataJSON"])?,
            authenticator_data: bytes(&response["authenticatorData"])?,
            public_key: bytes(&case["credential_public_key"])?,
            sign_count: case["stored_sign_count"]
                .as_u64()
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or_default(),
            user_handle,
        };
        let verified = fixture.judge(&fixture.credential_json());
        assert!(
            verified.is_some() || !fixture.name.contains("/honest"),
            "{} does not verify",
            fixture.name
        );
        verified.map(|_| fixture)
    }

    /// The credential as a browser sends it.
    pub fn credential_json(&self) -> Vec<u8> {
        self.credential.to_string().into_bytes()
    }

    /// The verdict on a credential as JSON.
    pub fn judge(
        &self,
        credential: &[u8],
    ) -> Option<(AuthenticationResponse, VerifiedAuthentication)> {
        self.judge_with_key(&self.public_key, credential)
    }

    /// The same with another stored key.
    pub fn judge_with_key(
        &self,
        public_key: &[u8],
        credential: &[u8],
    ) -> Option<(AuthenticationResponse, VerifiedAuthentication)> {
        let value = parse(credential, &Limits::default()).ok()?;
        let response = AuthenticationResponse::from_json(&value, &ResponseForm::RECORDED).ok()?;
        let stored = StoredCredential {
            id: &response.id().clone(),
            public_key: &public_key.into(),
            sign_count: self.sign_count.into(),
            used: false,
            backup_eligible: None,
            backup_state: None,
            user_handle: &self.user_handle,
        };
        let verified =
            verify_authentication(&self.expected, &stored, &response, &mut NoTrace).ok()?;
        Some((response, verified))
    }
}
