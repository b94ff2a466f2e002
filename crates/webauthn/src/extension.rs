//! Extension outputs (WebAuthn 9, 10). Unsolicited outputs may appear and requested ones may be absent; neither is an error.
//! Client outputs are unsigned: they steer and inform, and decide nothing. `prf` results are secrets of the client: they are
//! never read here.

use crate::authenticator_data::AuthenticatorData;
use crate::cbor;
use crate::json::{Object, Value};

/// Client extension outputs that the core looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientOutputs {
    /// `credProps.rk` (10.1.3): is the credential discoverable? `None`: the client does not say.
    pub cred_props_rk: Option<bool>,
    /// `appid` (10.1.1): did the authenticator answer for the `AppID`?
    pub appid: Option<bool>,
}

impl ClientOutputs {
    /// Reads `clientExtensionResults` of a credential, which the FIDO Alliance's server binding spells after the method
    /// `getClientExtensionResults`. Old clients send none, and outputs of a wrong type count as absent.
    pub(crate) fn of(credential: &Object<'_>) -> Self {
        let outputs = credential
            .get("clientExtensionResults")
            .or_else(|| credential.get("getClientExtensionResults"));
        let Some(outputs) = outputs.and_then(Value::as_object) else {
            return Self::default();
        };
        let cred_props = outputs.get("credProps").and_then(Value::as_object);
        Self {
            cred_props_rk: cred_props
                .and_then(|properties| properties.get("rk"))
                .and_then(Value::as_bool),
            appid: outputs.get("appid").and_then(Value::as_bool),
        }
    }
}

/// Authenticator extension outputs of a registration that the core looks at. They are signed where the attestation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthenticatorOutputs {
    /// `credProtect` (CTAP 12.1): the level of protection, 1 to 3.
    pub cred_protect: Option<u8>,
    /// `minPinLength` (CTAP 12.4): the authenticator's shortest PIN, in code points.
    pub min_pin_length: Option<u32>,
}

impl AuthenticatorOutputs {
    /// Reads the extension map; outputs of a wrong type or value count as absent.
    pub(crate) fn of(data: &AuthenticatorData<'_>) -> Self {
        let number = |name| {
            data.extensions
                .as_ref()?
                .get(name)
                .and_then(cbor::Value::as_integer)
        };
        let level = number("credProtect").and_then(|level| u8::try_from(level).ok());
        Self {
            cred_protect: level.filter(|level| (1..=3).contains(level)),
            min_pin_length: number("minPinLength").and_then(|length| u32::try_from(length).ok()),
        }
    }
}
