//! Extension outputs (WebAuthn 9, 10). Unsolicited outputs may appear and requested ones may be absent; neither is an error.
//! Client outputs are unsigned: they steer and inform, and decide nothing. `prf` results are secrets of the client: they are
//! never read here.

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
    /// Reads `clientExtensionResults` of a credential; old clients send none, and outputs of a wrong type count as absent.
    pub(crate) fn of(credential: &Object<'_>) -> Self {
        let Some(outputs) = credential
            .get("clientExtensionResults")
            .and_then(Value::as_object)
        else {
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
