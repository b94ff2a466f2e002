//! Extension outputs (WebAuthn 9, 10; CTAP 12). Unsolicited outputs may appear and requested ones may be absent; neither is an
//! error, and one of a wrong type or value counts as absent. Client outputs are unsigned: they steer and inform, and decide
//! nothing. `prf` results and `largeBlob` contents are secrets of the client: they are never read here.

use crate::authenticator_data::AuthenticatorData;
use crate::cbor;
use crate::json::{Object, Value};
use serde::{Deserialize, Serialize};

mod inputs;

pub use inputs::{
    AuthenticationInputs, CredentialProtection, LargeBlobSupport, Prf, PrfInputs,
    RegistrationInputs,
};

/// Most rows of `uvm`.
const MAX_VERIFICATIONS: usize = 3;

/// One row of `uvm` (Level 2, 10.3): how the user was verified, in the numbers of the FIDO registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserVerification {
    /// `userVerificationMethod`.
    pub method: u32,
    /// `keyProtectionType`.
    pub key_protection: u16,
    /// `matcherProtectionType`.
    pub matcher_protection: u16,
}

impl UserVerification {
    fn of(row: [Option<i128>; 3]) -> Option<Self> {
        let [method, key_protection, matcher_protection] = row;
        Some(Self {
            method: u32::try_from(method?).ok()?,
            key_protection: u16::try_from(key_protection?).ok()?,
            matcher_protection: u16::try_from(matcher_protection?).ok()?,
        })
    }

    /// The rows of an output: one to three, each of three numbers. Anything else counts as absent.
    fn rows<T>(
        rows: &[T],
        cells: impl Fn(&T) -> Option<[Option<i128>; 3]>,
    ) -> Option<Vec<UserVerification>> {
        if !(1..=MAX_VERIFICATIONS).contains(&rows.len()) {
            return None;
        }
        rows.iter().map(|row| Self::of(cells(row)?)).collect()
    }
}

/// Client extension outputs that are known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientOutputs {
    /// `credProps.rk` (10.1.3): is the credential discoverable? `None`: the client does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cred_props_rk: Option<bool>,
    /// `appid` (10.1.1): whether the authenticator used the `AppID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<bool>,
    /// `appidExclude` (10.1.2): did the client act upon it?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid_exclude: Option<bool>,
    /// `largeBlob.supported` (10.1.5): can the credential store a blob?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub large_blob_supported: Option<bool>,
    /// `largeBlob.written` (10.1.5): was the blob written?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub large_blob_written: Option<bool>,
    /// `prf.enabled` (10.1.4): can the credential evaluate pseudo-random functions?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prf_enabled: Option<bool>,
    /// `uvm` (Level 2, 10.3); empty when the client does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_verification: Vec<UserVerification>,
}

impl ClientOutputs {
    /// Reads `clientExtensionResults` of a credential, which the FIDO Alliance's server binding spells after the method
    /// `getClientExtensionResults`. Old clients send none.
    pub(crate) fn of(credential: &Object<'_>) -> Self {
        let outputs = credential
            .get("clientExtensionResults")
            .or_else(|| credential.get("getClientExtensionResults"));
        let Some(outputs) = outputs.and_then(Value::as_object) else {
            return Self::default();
        };
        let flag = |name| outputs.get(name).and_then(Value::as_bool);
        let flag_in = |name, member| {
            let object = outputs.get(name).and_then(Value::as_object)?;
            object.get(member).and_then(Value::as_bool)
        };
        let rows = outputs.get("uvm").and_then(Value::as_array);
        Self {
            cred_props_rk: flag_in("credProps", "rk"),
            appid: flag("appid"),
            appid_exclude: flag("appidExclude"),
            large_blob_supported: flag_in("largeBlob", "supported"),
            large_blob_written: flag_in("largeBlob", "written"),
            prf_enabled: flag_in("prf", "enabled"),
            user_verification: rows
                .and_then(|rows| {
                    UserVerification::rows(rows, |row| match row.as_array()? {
                        [a, b, c] => Some([a, b, c].map(|n| n.as_i64().map(i128::from))),
                        _ => None,
                    })
                })
                .unwrap_or_default(),
        }
    }
}

/// Authenticator extension outputs of a registration that are known. They are signed where the attestation is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthenticatorOutputs {
    /// `credProtect` (CTAP 12.1): the level of protection, 1 to 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cred_protect: Option<u8>,
    /// `minPinLength` (CTAP 12.4): the authenticator's shortest PIN, in code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_pin_length: Option<u32>,
    /// `hmac-secret` (CTAP 12.7): can the credential compute it?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac_secret: Option<bool>,
    /// `credBlob` (CTAP 12.2): was the blob stored?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cred_blob: Option<bool>,
    /// `uvm` (Level 2, 10.3); empty when the authenticator does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_verification: Vec<UserVerification>,
}

impl AuthenticatorOutputs {
    /// Reads the extension map.
    pub(crate) fn of(data: &AuthenticatorData<'_>) -> Self {
        let output = |name| data.extensions.as_ref()?.get(name);
        let number = |name| output(name).and_then(cbor::Value::as_integer);
        let flag = |name| match output(name) {
            Some(cbor::Value::Bool(value)) => Some(*value),
            _ => None,
        };
        let level = number("credProtect").and_then(|level| u8::try_from(level).ok());
        let rows = output("uvm").and_then(cbor::Value::as_array);
        Self {
            cred_protect: level.filter(|level| (1..=3).contains(level)),
            min_pin_length: number("minPinLength").and_then(|length| u32::try_from(length).ok()),
            hmac_secret: flag("hmac-secret"),
            cred_blob: flag("credBlob"),
            user_verification: rows
                .and_then(|rows| {
                    UserVerification::rows(rows, |row| match row.as_array()? {
                        [a, b, c] => Some([a, b, c].map(cbor::Value::as_integer)),
                        _ => None,
                    })
                })
                .unwrap_or_default(),
        }
    }
}
