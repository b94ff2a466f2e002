//! An authenticator for the cases, and for the samples of the demo: ES256, format `none`, user verified, backed up, and a counter of zero where a claim does not say
//! another number.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use webauthn::base64url::encode;

/// Flags of authenticator data (section 6.1).
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKUP_STATE: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;

/// The model, as the authenticator of the cases names it.
const AAGUID: &[u8; 16] = b"passkeyd's suite";

/// A public key in COSE, before and between its coordinates.
const COSE: [&[u8]; 2] = [
    &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20],
    &[0x22, 0x58, 0x20],
];
/// An attestation object of format `none`, until the length of its authenticator data.
const ATTESTATION: &[u8] = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData";

/// What an authenticator says in one response that it would not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The signature counter.
    pub sign_count: Option<u32>,
    /// The flag UV.
    pub user_verified: Option<bool>,
    /// The flag BE.
    pub backup_eligible: Option<bool>,
    /// The flag BS.
    pub backup_state: Option<bool>,
    /// The id of a new credential.
    pub credential_id: Option<Vec<u8>>,
    /// The handle of the user of a sign-in.
    pub user_handle: Option<Vec<u8>>,
}

impl Claims {
    fn authenticator_data(&self, rp_id: &str, attested: &[u8]) -> Vec<u8> {
        let mut flags = USER_PRESENT;
        for (flag, set) in [
            (USER_VERIFIED, self.user_verified.unwrap_or(true)),
            (BACKUP_ELIGIBLE, self.backup_eligible.unwrap_or(true)),
            (BACKUP_STATE, self.backup_state.unwrap_or(true)),
            (ATTESTED, !attested.is_empty()),
        ] {
            if set {
                flags |= flag;
            }
        }
        let counter = self.sign_count.unwrap_or_default().to_be_bytes();
        let rp = digest(&SHA256, rp_id.as_bytes());
        [rp.as_ref(), &[flags], &counter, attested].concat()
    }
}

/// An authenticator with its keys, by the ids of their credentials.
pub struct Device {
    model: [u8; 16],
    keys: HashMap<Vec<u8>, EcdsaKeyPair>,
}

impl Default for Device {
    fn default() -> Self {
        Self::of_model(*AAGUID)
    }
}

impl Device {
    /// An authenticator of the model with this AAGUID.
    pub fn of_model(model: [u8; 16]) -> Self {
        Self {
            model,
            keys: HashMap::new(),
        }
    }

    /// The response to the options of a registration. `id` is the id of the new credential.
    pub fn create(
        &mut self,
        (rp_id, origin): (&str, &str),
        challenge: &[u8],
        id: Vec<u8>,
        claims: &Claims,
    ) -> Value {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let length = u16::try_from(id.len()).unwrap().to_be_bytes();
        let attested = [&self.model, &length[..], &id, COSE[0], x, COSE[1], y].concat();
        let data = claims.authenticator_data(rp_id, &attested);
        // The length of a byte string, in as few bytes as possible.
        let length = match u16::try_from(data.len()).unwrap().to_be_bytes() {
            [0, length] => vec![0x58, length],
            [high, low] => vec![0x59, high, low],
        };
        let object = [ATTESTATION, &length, &data].concat();
        let response = json!({
            "clientDataJSON": encode(&client_data("webauthn.create", origin, challenge)),
            "attestationObject": encode(&object),
            "transports": ["internal", "hybrid"],
        });
        let credential = credential(&id, &response);
        self.keys.insert(id, pair);
        credential
    }

    /// The response of one of its credentials to the options of an authentication. `handle` is that of its user.
    pub fn get(
        &self,
        (rp_id, origin): (&str, &str),
        challenge: &[u8],
        (id, handle): (&[u8], &[u8]),
        claims: &Claims,
    ) -> Value {
        let data = claims.authenticator_data(rp_id, &[]);
        let client_data = client_data("webauthn.get", origin, challenge);
        let signed = [&data, digest(&SHA256, &client_data).as_ref()].concat();
        #[expect(
            clippy::disallowed_methods,
            reason = "the library's own signatures cannot take the domain's randomness"
        )]
        let random = SystemRandom::new();
        let signature = self.keys[id].sign(&random, &signed).unwrap();
        let response = json!({
            "clientDataJSON": encode(&client_data),
            "authenticatorData": encode(&data),
            "signature": encode(signature.as_ref()),
            "userHandle": encode(claims.user_handle.as_deref().unwrap_or(handle)),
        });
        credential(id, &response)
    }
}

fn client_data(kind: &str, origin: &str, challenge: &[u8]) -> Vec<u8> {
    let data = json!({
        "type": kind,
        "challenge": encode(challenge),
        "origin": origin,
        "crossOrigin": false,
    });
    data.to_string().into_bytes()
}

fn credential(id: &[u8], response: &Value) -> Value {
    json!({
        "id": encode(id),
        "rawId": encode(id),
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    })
}
