//! A small maker of ceremonies: every part of a response is a plain field that a test can bend before it is signed.
//!
//! The testkit has another software authenticator, and both stay. That one plays a client: it takes options, obeys them, and
//! can only tell the lies that it knows. This one takes no options, so that a test of one step sets one byte. They share no code.
//! A misreading of the specification in one of them therefore shows: the verifier cannot please both.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "each test binary and the benchmark use another part of the maker, so `expect` would not hold in all of them"
)]

pub mod certificates;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaEncoding, RsaKeyPair,
};
use minicbor::Encoder;
use serde_json::{Value, json};
use webauthn::attestation::AttestationPolicy;
use webauthn::authentication::{
    AuthenticationError, AuthenticationExpectation, BackupEligibilityPolicy, ExpectedUser, Rules,
    SignCountPolicy, StoredCredential,
};
use webauthn::base64url::encode;
use webauthn::cose::{CoseAlgorithm, StoredKey};
use webauthn::credential::{CredentialId, UserHandle};
use webauthn::json::{Limits, parse};
use webauthn::origin::Origin;
use webauthn::registration::{
    BackupPolicy, CrossOrigin, RegistrationError, RegistrationExpectation,
};
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::{NoTrace, Trace};
use webauthn::{
    Reason, TrustFacts, UnixSeconds, VerifiedAuthentication, VerifiedRegistration,
    verify_authentication, verify_registration,
};

pub const RP_ID: &str = "example.org";
pub const ORIGIN: &str = "https://example.org";
/// 2026-01-01.
pub const NOW: UnixSeconds = UnixSeconds(1_767_225_600);

pub const UP: u8 = 0x01;
pub const UV: u8 = 0x04;
pub const BE: u8 = 0x08;
pub const BS: u8 = 0x10;
pub const AT: u8 = 0x40;
pub const ED: u8 = 0x80;

pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// A private key of any algorithm that is offered.
pub enum Key {
    Ec(EcdsaKeyPair, CoseAlgorithm),
    Ed25519(Ed25519KeyPair, CoseAlgorithm),
    Rsa(RsaKeyPair, CoseAlgorithm),
    Ed448(Box<ed448_goldilocks::SigningKey>, Vec<u8>),
    MlDsa(PqdsaKeyPair, CoseAlgorithm),
}

pub const EVERY_ALGORITHM: &[CoseAlgorithm] = CoseAlgorithm::SUPPORTED;

impl Key {
    pub fn new(algorithm: CoseAlgorithm) -> Self {
        let ec = |signing: &'static EcdsaSigningAlgorithm| {
            Self::Ec(EcdsaKeyPair::generate(signing).unwrap(), algorithm)
        };
        let ml_dsa = |signing: &'static PqdsaSigningAlgorithm| {
            Self::MlDsa(PqdsaKeyPair::generate(signing).unwrap(), algorithm)
        };
        match algorithm {
            CoseAlgorithm::ES256 | CoseAlgorithm::ESP256 => {
                ec(&aws::ECDSA_P256_SHA256_ASN1_SIGNING)
            }
            CoseAlgorithm::ES384 | CoseAlgorithm::ESP384 => {
                ec(&aws::ECDSA_P384_SHA384_ASN1_SIGNING)
            }
            CoseAlgorithm::ES512 | CoseAlgorithm::ESP512 => {
                ec(&aws::ECDSA_P521_SHA512_ASN1_SIGNING)
            }
            CoseAlgorithm::EDDSA | CoseAlgorithm::ED25519 => {
                Self::Ed25519(Ed25519KeyPair::generate().unwrap(), algorithm)
            }
            CoseAlgorithm::ES256K => ec(&aws::ECDSA_P256K1_SHA256_ASN1_SIGNING),
            CoseAlgorithm::ED448 => {
                let mut seed = [0; 57];
                aws_lc_rs::rand::fill(&mut seed).unwrap();
                let key = ed448_goldilocks::SigningKey::try_from(&seed[..]).unwrap();
                let public = key.verifying_key().to_bytes().to_vec();
                Self::Ed448(Box::new(key), public)
            }
            CoseAlgorithm::ML_DSA_44 => ml_dsa(&aws::ML_DSA_44_SIGNING),
            CoseAlgorithm::ML_DSA_65 => ml_dsa(&aws::ML_DSA_65_SIGNING),
            CoseAlgorithm::ML_DSA_87 => ml_dsa(&aws::ML_DSA_87_SIGNING),
            _ => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), algorithm),
        }
    }

    pub fn es256() -> Self {
        Self::new(CoseAlgorithm::ES256)
    }

    pub fn algorithm(&self) -> CoseAlgorithm {
        match self {
            Self::Ec(_, algorithm)
            | Self::Ed25519(_, algorithm)
            | Self::Rsa(_, algorithm)
            | Self::MlDsa(_, algorithm) => *algorithm,
            Self::Ed448(..) => CoseAlgorithm::ED448,
        }
    }

    /// The public key as libraries export it: point, or DER of modulus and exponent.
    pub fn public(&self) -> &[u8] {
        match self {
            Self::Ec(key, _) => key.public_key().as_ref(),
            Self::Ed25519(key, _) => key.public_key().as_ref(),
            Self::Rsa(key, _) => key.public_key().as_ref(),
            Self::Ed448(_, public) => public,
            Self::MlDsa(key, _) => key.public_key().as_ref(),
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ec(key, _) => key
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Ed25519(key, _) => key.sign(message).as_ref().to_vec(),
            Self::Ed448(key, _) => key.sign_raw(message).to_bytes().to_vec(),
            Self::MlDsa(key, _) => {
                let mut signature = vec![0; key.algorithm().signature_len()];
                let length = key.sign(message, &mut signature).unwrap();
                signature.truncate(length);
                signature
            }
            Self::Rsa(key, algorithm) => {
                let encoding: &'static dyn RsaEncoding = match *algorithm {
                    CoseAlgorithm::RS256 => &aws::RSA_PKCS1_SHA256,
                    CoseAlgorithm::RS384 => &aws::RSA_PKCS1_SHA384,
                    CoseAlgorithm::RS512 => &aws::RSA_PKCS1_SHA512,
                    CoseAlgorithm::PS256 => &aws::RSA_PSS_SHA256,
                    CoseAlgorithm::PS384 => &aws::RSA_PSS_SHA384,
                    CoseAlgorithm::PS512 => &aws::RSA_PSS_SHA512,
                    other => panic!("{other}"),
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    /// The COSE key in CTAP2 canonical form.
    pub fn cose(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut cbor = Encoder::new(&mut bytes);
        let algorithm = self.algorithm().0;
        match self {
            Self::Ec(key, _) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match (self.algorithm(), x.len()) {
                    (CoseAlgorithm::ES256K, _) => 8,
                    (_, 32) => 1,
                    (_, 48) => 2,
                    _ => 3,
                };
                cbor.map(5)
                    .unwrap()
                    .i8(1)
                    .unwrap()
                    .i8(2)
                    .unwrap()
                    .i8(3)
                    .unwrap()
                    .i64(algorithm)
                    .unwrap();
                cbor.i8(-1)
                    .unwrap()
                    .i8(curve)
                    .unwrap()
                    .i8(-2)
                    .unwrap()
                    .bytes(x)
                    .unwrap()
                    .i8(-3)
                    .unwrap()
                    .bytes(y)
                    .unwrap();
            }
            Self::MlDsa(key, _) => {
                cbor.map(3).unwrap().i8(1).unwrap().i8(7).unwrap();
                cbor.i8(3).unwrap().i64(algorithm).unwrap();
                cbor.i8(-1)
                    .unwrap()
                    .bytes(key.public_key().as_ref())
                    .unwrap();
            }
            Self::Ed448(_, public) => {
                cbor.map(4).unwrap().i8(1).unwrap().i8(1).unwrap();
                cbor.i8(3).unwrap().i64(algorithm).unwrap();
                cbor.i8(-1).unwrap().i8(7).unwrap();
                cbor.i8(-2).unwrap().bytes(public).unwrap();
            }
            Self::Ed25519(key, _) => {
                cbor.map(4)
                    .unwrap()
                    .i8(1)
                    .unwrap()
                    .i8(1)
                    .unwrap()
                    .i8(3)
                    .unwrap()
                    .i64(algorithm)
                    .unwrap();
                cbor.i8(-1)
                    .unwrap()
                    .i8(6)
                    .unwrap()
                    .i8(-2)
                    .unwrap()
                    .bytes(key.public_key().as_ref())
                    .unwrap();
            }
            Self::Rsa(key, _) => {
                // SEQUENCE and INTEGER with two length bytes each, a zero for the sign, 256 bytes; then a short INTEGER.
                let der = key.public_key().as_ref();
                let (modulus, exponent) = (&der[9..265], &der[267..]);
                cbor.map(4)
                    .unwrap()
                    .i8(1)
                    .unwrap()
                    .i8(3)
                    .unwrap()
                    .i8(3)
                    .unwrap()
                    .i64(algorithm)
                    .unwrap();
                cbor.i8(-1)
                    .unwrap()
                    .bytes(modulus)
                    .unwrap()
                    .i8(-2)
                    .unwrap()
                    .bytes(exponent)
                    .unwrap();
            }
        }
        bytes
    }
}

/// How the attestation statement is made.
pub enum Statement {
    /// These CBOR bytes.
    Raw(Vec<u8>),
    /// `{alg, sig}` signed by the credential's key, naming this algorithm.
    SelfSigned(i64),
    /// `{alg, sig, x5c}` signed by this key, with these certificates.
    Basic {
        alg: i64,
        signer: Key,
        x5c: Vec<Vec<u8>>,
    },
}

/// A registration ceremony and its response, valid until a test bends it.
pub struct Registration {
    pub key: Key,
    pub expected: RegistrationExpectation,
    pub at: UnixSeconds,
    pub client_data: Value,
    /// Instead of `client_data`.
    pub client_data_bytes: Option<Vec<u8>>,
    pub rp_id_hash: Vec<u8>,
    pub flags: u8,
    pub sign_count: u32,
    pub aaguid: [u8; 16],
    pub credential_id: Vec<u8>,
    pub cose_key: Vec<u8>,
    /// After the COSE key.
    pub tail: Vec<u8>,
    pub format: String,
    pub statement: Statement,
    /// Names of the attestation object's members, in their order.
    pub members: Vec<&'static str>,
    /// After the attestation object.
    pub object_tail: Vec<u8>,
    /// Changes the signed bytes after signing.
    pub tamper: fn(&mut Vec<u8>),
    /// Shortens the authenticator data after signing.
    pub cut: Option<usize>,
    /// The `id` that the client names.
    pub named_id: Option<Vec<u8>>,
    /// Changes the credential's JSON at last.
    pub bend: fn(&mut Value),
    pub form: ResponseForm,
}

impl Registration {
    pub fn new() -> Self {
        Self::with_key(Key::es256())
    }

    pub fn with_key(key: Key) -> Self {
        let challenge = vec![0x5a; 32];
        Self {
            client_data: client_data("webauthn.create", &challenge),
            client_data_bytes: None,
            expected: RegistrationExpectation {
                challenge,
                rp_id: RpId::parse(RP_ID).unwrap(),
                origins: vec![Origin::exact(ORIGIN)],
                cross_origin: CrossOrigin::Refused,
                algorithms: CoseAlgorithm::SUPPORTED.to_vec(),
                user_verification_required: false,
                conditional_create: false,
                attestation: AttestationPolicy::default(),
                backup: BackupPolicy::Any,
                min_credential_id_length: 16,
                credential_protection: None,
            },
            form: ResponseForm::STRICT,
            at: NOW,
            rp_id_hash: sha256(RP_ID.as_bytes()),
            flags: UP | UV | AT,
            sign_count: 0,
            aaguid: [0xaa; 16],
            credential_id: vec![0xc1; 32],
            cose_key: key.cose(),
            tail: vec![],
            format: "none".into(),
            statement: Statement::Raw(vec![0xa0]),
            members: vec!["fmt", "attStmt", "authData"],
            object_tail: vec![],
            tamper: |_| {},
            cut: None,
            named_id: None,
            bend: |_| {},
            key,
        }
    }

    /// Packed self attestation.
    pub fn packed_self(key: Key) -> Self {
        let alg = key.algorithm().0;
        Self {
            format: "packed".into(),
            statement: Statement::SelfSigned(alg),
            ..Self::with_key(key)
        }
    }

    pub fn client_data_json(&self) -> Vec<u8> {
        self.client_data_bytes
            .clone()
            .unwrap_or_else(|| self.client_data.to_string().into_bytes())
    }

    pub fn authenticator_data(&self) -> Vec<u8> {
        let mut data = self.rp_id_hash.clone();
        data.push(self.flags);
        data.extend(self.sign_count.to_be_bytes());
        if self.flags & AT != 0 {
            data.extend(self.aaguid);
            data.extend(
                u16::try_from(self.credential_id.len())
                    .unwrap()
                    .to_be_bytes(),
            );
            data.extend(&self.credential_id);
            data.extend(&self.cose_key);
        }
        data.extend(&self.tail);
        data
    }

    pub fn attestation_object(&self) -> Vec<u8> {
        let mut authenticator_data = self.authenticator_data();
        let signed = [&authenticator_data[..], &sha256(&self.client_data_json())].concat();
        (self.tamper)(&mut authenticator_data);
        authenticator_data.truncate(self.cut.unwrap_or(usize::MAX));
        let mut statement = Vec::new();
        let mut cbor = Encoder::new(&mut statement);
        match &self.statement {
            Statement::Raw(raw) => statement.clone_from(raw),
            Statement::SelfSigned(alg) => {
                cbor.map(2).unwrap().str("alg").unwrap().i64(*alg).unwrap();
                cbor.str("sig")
                    .unwrap()
                    .bytes(&self.key.sign(&signed))
                    .unwrap();
            }
            Statement::Basic { alg, signer, x5c } => {
                cbor.map(3).unwrap().str("alg").unwrap().i64(*alg).unwrap();
                cbor.str("sig")
                    .unwrap()
                    .bytes(&signer.sign(&signed))
                    .unwrap();
                cbor.str("x5c").unwrap().array(x5c.len() as u64).unwrap();
                for certificate in x5c {
                    cbor.bytes(certificate).unwrap();
                }
            }
        }
        let mut object = Vec::new();
        Encoder::new(&mut object)
            .map(self.members.len() as u64)
            .unwrap();
        for member in &self.members {
            Encoder::new(&mut object).str(member).unwrap();
            match *member {
                "fmt" => drop(Encoder::new(&mut object).str(&self.format).unwrap()),
                "attStmt" => object.extend(&statement),
                "authData" => drop(
                    Encoder::new(&mut object)
                        .bytes(&authenticator_data)
                        .unwrap(),
                ),
                _ => object.push(0xf6),
            }
        }
        object.extend(&self.object_tail);
        object
    }

    /// The JSON that a browser would send.
    pub fn json(&self) -> Vec<u8> {
        let id = encode(self.named_id.as_ref().unwrap_or(&self.credential_id));
        let mut credential = json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": true}},
            "response": {
                "clientDataJSON": encode(&self.client_data_json()),
                "attestationObject": encode(&self.attestation_object()),
                "transports": ["internal", "hybrid"],
            }
        });
        (self.bend)(&mut credential);
        credential.to_string().into_bytes()
    }

    pub fn response(&self) -> Result<RegistrationResponse, RegistrationError> {
        let json = self.json();
        let value = parse(&json, &Limits::default()).unwrap();
        Ok(RegistrationResponse::from_json(&value, &self.form)?)
    }

    pub fn finish(&self) -> Result<VerifiedRegistration, RegistrationError> {
        self.finish_traced(&mut NoTrace)
    }

    pub fn finish_traced<T: Trace>(
        &self,
        trace: &mut T,
    ) -> Result<VerifiedRegistration, RegistrationError> {
        verify_registration(
            &self.expected,
            &self.response()?,
            &TrustFacts::NO_METADATA,
            self.at,
            trace,
        )
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

pub fn client_data(kind: &str, challenge: &[u8]) -> Value {
    json!({"type": kind, "challenge": encode(challenge), "origin": ORIGIN, "crossOrigin": false})
}

/// Signs a message, well or badly.
pub type Signer = fn(&Key, &[u8]) -> Vec<u8>;

/// An authentication ceremony and its response, valid until a test bends it.
pub struct Authentication {
    pub key: Key,
    pub expected: AuthenticationExpectation,
    pub stored_id: CredentialId,
    pub stored_key: Vec<u8>,
    pub stored_sign_count: u32,
    pub stored_backup_eligible: Option<bool>,
    pub stored_backup_state: Option<bool>,
    pub owner: UserHandle,
    pub client_data: Value,
    pub client_data_bytes: Option<Vec<u8>>,
    pub rp_id_hash: Vec<u8>,
    pub flags: u8,
    pub sign_count: u32,
    pub tail: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
    pub named_id: Vec<u8>,
    pub sign: Signer,
    pub bend: fn(&mut Value),
    pub form: ResponseForm,
}

impl Authentication {
    pub fn new() -> Self {
        Self::with_key(Key::es256())
    }

    pub fn with_key(key: Key) -> Self {
        let challenge = vec![0xa5; 32];
        let owner = UserHandle::new(b"ada".to_vec()).unwrap();
        Self {
            client_data: client_data("webauthn.get", &challenge),
            client_data_bytes: None,
            expected: AuthenticationExpectation {
                challenge,
                rp_id: RpId::parse(RP_ID).unwrap(),
                origins: vec![Origin::exact(ORIGIN)],
                cross_origin: CrossOrigin::Refused,
                user_verification_required: false,
                allow_credentials: vec![],
                user: ExpectedUser::Known(owner.clone()),
                sign_count: SignCountPolicy::Signal,
                backup_eligibility: BackupEligibilityPolicy::AcceptGain,
                appid: None,
                rules: Rules::Level3,
            },
            form: ResponseForm::STRICT,
            stored_id: CredentialId::new(vec![0xc1; 32]).unwrap(),
            stored_key: key.cose(),
            stored_sign_count: 0,
            stored_backup_eligible: Some(false),
            stored_backup_state: Some(false),
            user_handle: Some(owner.as_bytes().to_vec()),
            owner,
            rp_id_hash: sha256(RP_ID.as_bytes()),
            flags: UP | UV,
            sign_count: 0,
            tail: vec![],
            named_id: vec![0xc1; 32],
            sign: |key, message| key.sign(message),
            bend: |_| {},
            key,
        }
    }

    pub fn client_data_json(&self) -> Vec<u8> {
        self.client_data_bytes
            .clone()
            .unwrap_or_else(|| self.client_data.to_string().into_bytes())
    }

    pub fn authenticator_data(&self) -> Vec<u8> {
        let mut data = self.rp_id_hash.clone();
        data.push(self.flags);
        data.extend(self.sign_count.to_be_bytes());
        data.extend(&self.tail);
        data
    }

    pub fn signed(&self) -> Vec<u8> {
        [self.authenticator_data(), sha256(&self.client_data_json())].concat()
    }

    pub fn json(&self) -> Vec<u8> {
        let id = encode(&self.named_id);
        let mut credential = json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&self.client_data_json()),
                "authenticatorData": encode(&self.authenticator_data()),
                "signature": encode(&(self.sign)(&self.key, &self.signed())),
                "userHandle": self.user_handle.as_ref().map(|handle| encode(handle)),
            }
        });
        (self.bend)(&mut credential);
        credential.to_string().into_bytes()
    }

    pub fn response(&self) -> Result<AuthenticationResponse, AuthenticationError> {
        let json = self.json();
        let value = parse(&json, &Limits::default()).unwrap();
        Ok(AuthenticationResponse::from_json(&value, &self.form)?)
    }

    pub fn key_of_record(&self) -> StoredKey {
        StoredKey::new(self.stored_key.clone())
    }

    /// The record, with [`Self::key_of_record`].
    pub fn stored<'a>(&'a self, public_key: &'a StoredKey) -> StoredCredential<'a> {
        StoredCredential {
            id: &self.stored_id,
            public_key,
            sign_count: self.stored_sign_count.into(),
            used: false,
            backup_eligible: self.stored_backup_eligible,
            backup_state: self.stored_backup_state,
            user_handle: &self.owner,
        }
    }

    pub fn finish(&self) -> Result<VerifiedAuthentication, AuthenticationError> {
        self.finish_traced(&mut NoTrace)
    }

    pub fn finish_traced<T: Trace>(
        &self,
        trace: &mut T,
    ) -> Result<VerifiedAuthentication, AuthenticationError> {
        let key = self.key_of_record();
        verify_authentication(&self.expected, &self.stored(&key), &self.response()?, trace)
    }

    #[track_caller]
    pub fn succeeds(&self) -> VerifiedAuthentication {
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

/// Look-alikes of `https://example.org`, none of which is it.
pub const LOOK_ALIKES: &[&str] = &[
    "https://evil-example.org",
    "https://evilexample.org",
    "https://example.org.evil.test",
    "https://example.orgevil.test",
    "https://login.example.org",
    "https://www.example.org",
    "https://org",
    "https://example.com",
    "https://example.co",
    "https://example.or",
    "https://xample.org",
    "https://example.org:443",
    "https://example.org:8443",
    "https://example.org:80",
    "https://example.org:",
    "https://example.org:0443",
    "http://example.org",
    "http://example.org:443",
    "HTTPS://example.org",
    "Https://example.org",
    "https://Example.org",
    "https://EXAMPLE.ORG",
    "https://example.ORG",
    "https://example.org/",
    "https://example.org//",
    "https://example.org/login",
    "https://example.org?",
    "https://example.org?a=b",
    "https://example.org#",
    "https://example.org#a",
    "https://example.org\\",
    "https://user@example.org",
    "https://example.org@evil.test",
    "https://user:password@example.org",
    "https://evil.test/https://example.org",
    "https://evil.test#https://example.org",
    "https://evil.test?https://example.org",
    "https://example.org.",
    "https://.example.org",
    "https://example..org",
    "https:example.org",
    "https:/example.org",
    "https:///example.org",
    "//example.org",
    "example.org",
    " https://example.org",
    "https://example.org ",
    "https://example.org\n",
    "https://example.org\t",
    "\u{feff}https://example.org",
    "https://example.org\0",
    "https://example.org\u{200b}",
    "https://ехample.org",
    "https://exаmple.org",
    "https://xn--xample-2of.org",
    "https://ｅxample.org",
    "https://example。org",
    "https://example%2eorg",
    "https://%65xample.org",
    "https://[example.org]",
    "ftp://example.org",
    "wss://example.org",
    "file://example.org",
    "chrome-extension://example.org",
    "ios:bundle-id:example.org",
    "android:apk-key-hash:example.org",
    "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw",
    "android:apk-key-hash-sha256:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw",
    "null",
    "",
    "*",
    "https://*",
    "https://*.org",
];
