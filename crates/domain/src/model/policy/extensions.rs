//! The extensions that a Relying Party asks for.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use webauthn::extension::{
    AuthenticationInputs, CredentialProtection, LargeBlobSupport, PrfInputs, RegistrationInputs,
};

/// How a new credential is to be protected (CTAP 12.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectionDemand {
    /// The level asked for.
    pub level: CredentialProtection,
    /// Whether client and verifier refuse an authenticator that does not report this level or a higher one.
    pub enforce: bool,
}

/// The extensions that options ask for; by default none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtensionSettings {
    /// Registrations ask whether the credential is discoverable.
    pub cred_props: bool,
    /// Authentications that list credentials accept those of this U2F application, too.
    #[serde(deserialize_with = "Option::deserialize")]
    pub appid: Option<String>,
    /// Registrations exclude credentials of this U2F application.
    #[serde(deserialize_with = "Option::deserialize")]
    pub appid_exclude: Option<String>,
    /// How a new credential is to be protected.
    #[serde(deserialize_with = "Option::deserialize")]
    pub credential_protection: Option<ProtectionDemand>,
    /// Registrations ask for the authenticator's shortest PIN.
    pub min_pin_length: bool,
    /// Registrations ask for a credential that can store a blob.
    #[serde(deserialize_with = "Option::deserialize")]
    pub large_blob: Option<LargeBlobSupport>,
    /// What is asked of the pseudo-random function of a credential.
    #[serde(deserialize_with = "Option::deserialize")]
    pub prf: Option<PrfInputs>,
    /// Both ceremonies ask how the user was verified.
    pub uvm: bool,
}

impl ExtensionSettings {
    /// The extension inputs of a registration: these, and what the request wishes beyond.
    pub(crate) fn for_registration(&self, wished: Option<Value>) -> Option<Value> {
        let own = RegistrationInputs {
            cred_props: self.cred_props,
            appid_exclude: self.appid_exclude.clone(),
            credential_protection: self
                .credential_protection
                .map(|demand| (demand.level, demand.enforce)),
            min_pin_length: self.min_pin_length,
            large_blob: self.large_blob,
            prf: self.prf.clone(),
            uvm: self.uvm,
        };
        joined(own.to_json(), wished)
    }

    /// The protection without which a registration is refused.
    pub(crate) fn demanded_protection(&self) -> Option<CredentialProtection> {
        let demand = self.credential_protection.filter(|demand| demand.enforce);
        demand.map(|demand| demand.level)
    }

    /// The U2F application whose credentials may answer an authentication. Clients refuse the extension beside an empty list of
    /// credentials, and a credential made for an application is never discoverable.
    pub(crate) fn appid(&self, lists_credentials: bool) -> Option<String> {
        self.appid.clone().filter(|_| lists_credentials)
    }

    /// The extension inputs of an authentication: these, and what the request wishes beyond.
    pub(crate) fn for_authentication(
        &self,
        appid: Option<String>,
        wished: Option<Value>,
    ) -> Option<Value> {
        let own = AuthenticationInputs {
            appid,
            prf: match &self.prf {
                Some(PrfInputs::Evaluate(prf)) => Some(prf.clone()),
                Some(PrfInputs::Probe) | None => None,
            },
            uvm: self.uvm,
        };
        joined(own.to_json(), wished)
    }
}

/// Both objects as one. The policy's members win: a request may add to them and not weaken them.
fn joined(own: Option<Value>, wished: Option<Value>) -> Option<Value> {
    match (own, wished) {
        (Some(Value::Object(own)), Some(Value::Object(mut wished))) => {
            wished.extend(own);
            Some(Value::Object(wished))
        }
        (own, wished) => own.or(wished),
    }
}
