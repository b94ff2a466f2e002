//! Registrations by the software authenticator of the testkit, which makes every format and can lie.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses another part, so `expect` would not hold in all of them"
)]

use serde_json::{Value, json};
pub use testkit::{Algorithm, CertificateLies, Format, Lies, Profile};
use testkit::{Authenticator, base64url};
use webauthn::attestation::AttestationPolicy;
use webauthn::base64url::{decode, encode};
use webauthn::cose::CoseAlgorithm;
use webauthn::json::{Limits, parse};
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin, RegistrationError};
use webauthn::relying_party::RpId;
use webauthn::response::{RegistrationResponse, ResponseForm};
use webauthn::trace::{NoTrace, Steps, Trace};
use webauthn::{
    Reason, RegistrationExpectation, TrustFacts, UnixSeconds, VerifiedRegistration,
    verify_registration,
};

const ORIGIN: &str = "https://example.org";
const CHALLENGE: [u8; 32] = [0x5a; 32];
/// 2026-01-01.
pub const NOW: UnixSeconds = UnixSeconds(1_767_225_600);

/// One registration: what the authenticator is and how it lies, and what the Relying Party accepts.
#[derive(Clone)]
pub struct Device {
    pub profile: Profile,
    pub lies: Lies,
    pub policy: AttestationPolicy,
    /// The authenticator's root is a trust anchor.
    pub anchored: bool,
    pub at: UnixSeconds,
}

/// A registration by a device of this format, anchored at its root.
pub fn of(format: Format) -> Device {
    Device {
        profile: Profile::security_key().with_format(format),
        lies: Lies::default(),
        policy: AttestationPolicy::default(),
        anchored: true,
        at: NOW,
    }
}

impl Device {
    #[must_use]
    pub fn profile(mut self, change: impl FnOnce(&mut Profile)) -> Self {
        change(&mut self.profile);
        self
    }

    #[must_use]
    pub fn lie(mut self, change: impl FnOnce(&mut Lies)) -> Self {
        change(&mut self.lies);
        self
    }

    #[must_use]
    pub fn certificate(self, change: impl FnOnce(&mut CertificateLies)) -> Self {
        self.lie(|lies| change(&mut lies.certificate))
    }

    #[must_use]
    pub fn policy(mut self, change: impl FnOnce(&mut AttestationPolicy)) -> Self {
        change(&mut self.policy);
        self
    }

    #[must_use]
    pub fn key(self, algorithm: Algorithm) -> Self {
        self.profile(|profile| profile.algorithms = vec![algorithm])
    }

    pub fn finish(&self) -> Result<VerifiedRegistration, RegistrationError> {
        let made = self.make();
        made.verify(&made.credential)
    }

    /// The recorded steps of a registration that succeeds.
    #[track_caller]
    pub fn explain(&self) -> Steps {
        let (made, mut steps) = (self.make(), Steps::default());
        if let Err(error) = made.verify_traced(&made.credential, &mut steps) {
            panic!("refused: {error}");
        }
        steps
    }

    /// Lets the device answer once.
    pub fn make(&self) -> Made {
        let mut device = Authenticator::new(self.profile.clone());
        let offered: Vec<Value> = Algorithm::ALL
            .iter()
            .map(|algorithm| json!({"type": "public-key", "alg": algorithm.cose()}))
            .collect();
        let options = json!({"publicKey": {
            "rp": {"id": "example.org", "name": "Example"},
            "user": {"id": base64url(b"ada"), "name": "ada", "displayName": "Ada"},
            "challenge": base64url(&CHALLENGE),
            "pubKeyCredParams": offered,
            "excludeCredentials": [],
        }});
        let credential = device.create(&options, ORIGIN, &self.lies).unwrap();
        let mut policy = self.policy.clone();
        if self.anchored {
            let mut anchors = policy.trust_anchors.to_vec();
            anchors.push(device.attestation_root().unwrap());
            policy.trust_anchors = anchors.into();
        }
        let expected = RegistrationExpectation {
            challenge: CHALLENGE.to_vec(),
            rp_id: RpId::parse("example.org").unwrap(),
            origins: vec![Origin::exact(ORIGIN)],
            cross_origin: CrossOrigin::Refused,
            algorithms: CoseAlgorithm::SUPPORTED.to_vec(),
            user_verification_required: false,
            conditional_create: false,
            attestation: policy,
            backup: BackupPolicy::Any,
            min_credential_id_length: 16,
            credential_protection: None,
        };
        Made {
            credential,
            expected,
            at: self.at,
        }
    }

    #[track_caller]
    pub fn succeeds(&self) -> VerifiedRegistration {
        self.finish()
            .unwrap_or_else(|error| panic!("refused: {error}"))
    }

    #[track_caller]
    pub fn fails(&self, reason: Reason) {
        match self.finish() {
            Ok(_) => panic!("accepted, expected {reason}"),
            Err(error) => assert_eq!(error.reason(), reason, "{error}"),
        }
    }
}

/// A response, and what it is verified against.
pub struct Made {
    pub credential: Value,
    pub expected: RegistrationExpectation,
    pub at: UnixSeconds,
}

impl Made {
    /// The attestation object of the response.
    pub fn attestation_object(&self) -> Vec<u8> {
        decode(
            self.credential["response"]["attestationObject"]
                .as_str()
                .unwrap(),
        )
        .unwrap()
    }

    /// Verifies the response with another attestation object.
    pub fn verify_with(&self, object: &[u8]) -> Result<VerifiedRegistration, RegistrationError> {
        let mut credential = self.credential.clone();
        credential["response"]["attestationObject"] = encode(object).into();
        self.verify(&credential)
    }

    pub fn verify(&self, credential: &Value) -> Result<VerifiedRegistration, RegistrationError> {
        self.verify_traced(credential, &mut NoTrace)
    }

    fn verify_traced<T: Trace>(
        &self,
        credential: &Value,
        trace: &mut T,
    ) -> Result<VerifiedRegistration, RegistrationError> {
        let text = credential.to_string();
        let value = parse(text.as_bytes(), &Limits::default()).unwrap();
        let response = RegistrationResponse::from_json(&value, &ResponseForm::STRICT)?;
        verify_registration(
            &self.expected,
            &response,
            &TrustFacts::NO_METADATA,
            self.at,
            trace,
        )
    }
}
