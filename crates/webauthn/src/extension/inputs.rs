//! Extension inputs: what the options of a ceremony ask for (WebAuthn 10.1, CTAP 12), in the specification's JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How a credential may be used without user verification (CTAP 12.1), the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialProtection {
    /// Always.
    UserVerificationOptional,
    /// When the request lists it.
    UserVerificationOptionalWithCredentialIdList,
    /// Never.
    UserVerificationRequired,
}

impl CredentialProtection {
    /// The level as authenticators report it, 1 to 3.
    pub const fn level(self) -> u8 {
        match self {
            Self::UserVerificationOptional => 1,
            Self::UserVerificationOptionalWithCredentialIdList => 2,
            Self::UserVerificationRequired => 3,
        }
    }

    /// The value of `credentialProtectionPolicy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserVerificationOptional => "userVerificationOptional",
            Self::UserVerificationOptionalWithCredentialIdList => {
                "userVerificationOptionalWithCredentialIDList"
            }
            Self::UserVerificationRequired => "userVerificationRequired",
        }
    }
}

/// The wish for a credential that can store a blob (10.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LargeBlobSupport {
    /// Wanted, not demanded.
    Preferred,
    /// The client fails without it.
    Required,
}

impl LargeBlobSupport {
    /// The value of `largeBlob.support`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::Required => "required",
        }
    }
}

/// Inputs of the pseudo-random function (10.1.4), base64url, handed to the client as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prf {
    /// `eval.first`.
    pub first: String,
    /// `eval.second`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub second: Option<String>,
}

/// What is asked of the pseudo-random function (10.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PrfInputs {
    /// Whether the credential can evaluate it at all. Only a registration can ask that.
    Probe,
    /// Its values at these inputs, for the client alone.
    Evaluate(Prf),
}

impl Prf {
    fn to_json(&self) -> Value {
        match &self.second {
            None => json!({"eval": {"first": self.first}}),
            Some(second) => json!({"eval": {"first": self.first, "second": second}}),
        }
    }
}

/// What creation options ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistrationInputs {
    /// `credProps` (10.1.3): is the credential discoverable?
    pub cred_props: bool,
    /// `appidExclude` (10.1.2): this U2F application's credentials are excluded as well.
    pub appid_exclude: Option<String>,
    /// `credentialProtectionPolicy` (CTAP 12.1), and whether the client must enforce it.
    pub credential_protection: Option<(CredentialProtection, bool)>,
    /// `minPinLength` (CTAP 12.4): which shortest PIN does the authenticator allow?
    pub min_pin_length: bool,
    /// `largeBlob` (10.1.5).
    pub large_blob: Option<LargeBlobSupport>,
    /// `prf` (10.1.4).
    pub prf: Option<PrfInputs>,
    /// `uvm` (Level 2, 10.3): how was the user verified?
    pub uvm: bool,
}

impl RegistrationInputs {
    /// The `extensions` member; `None` when nothing is asked for.
    pub fn to_json(&self) -> Option<Value> {
        let mut asked = Map::new();
        if self.cred_props {
            asked.insert("credProps".to_owned(), json!(true));
        }
        if let Some(appid) = &self.appid_exclude {
            asked.insert("appidExclude".to_owned(), json!(appid));
        }
        if let Some((level, enforce)) = self.credential_protection {
            asked.insert(
                "credentialProtectionPolicy".to_owned(),
                json!(level.as_str()),
            );
            asked.insert(
                "enforceCredentialProtectionPolicy".to_owned(),
                json!(enforce),
            );
        }
        if self.min_pin_length {
            asked.insert("minPinLength".to_owned(), json!(true));
        }
        if let Some(support) = self.large_blob {
            asked.insert("largeBlob".to_owned(), json!({"support": support.as_str()}));
        }
        if let Some(prf) = &self.prf {
            let input = match prf {
                PrfInputs::Probe => json!({}),
                PrfInputs::Evaluate(prf) => prf.to_json(),
            };
            asked.insert("prf".to_owned(), input);
        }
        if self.uvm {
            asked.insert("uvm".to_owned(), json!(true));
        }
        some_object(asked)
    }
}

/// What request options ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthenticationInputs {
    /// `appid` (10.1.1): credentials of this U2F application are allowed.
    pub appid: Option<String>,
    /// `prf` (10.1.4).
    pub prf: Option<Prf>,
    /// `uvm` (Level 2, 10.3): how was the user verified?
    pub uvm: bool,
}

impl AuthenticationInputs {
    /// The `extensions` member; `None` when nothing is asked for.
    pub fn to_json(&self) -> Option<Value> {
        let mut asked = Map::new();
        if let Some(appid) = &self.appid {
            asked.insert("appid".to_owned(), json!(appid));
        }
        if let Some(prf) = &self.prf {
            asked.insert("prf".to_owned(), prf.to_json());
        }
        if self.uvm {
            asked.insert("uvm".to_owned(), json!(true));
        }
        some_object(asked)
    }
}

fn some_object(members: Map<String, Value>) -> Option<Value> {
    (!members.is_empty()).then_some(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prf(second: Option<&str>) -> Prf {
        Prf {
            first: "AAEC".to_owned(),
            second: second.map(str::to_owned),
        }
    }

    #[test]
    fn nothing_asked_for_leaves_the_member_out() {
        assert_eq!(RegistrationInputs::default().to_json(), None);
        assert_eq!(AuthenticationInputs::default().to_json(), None);
    }

    #[test]
    fn inputs_are_spelt_as_the_specifications_spell_them() {
        let everything = RegistrationInputs {
            cred_props: true,
            appid_exclude: Some("https://a.test/app".to_owned()),
            credential_protection: Some((CredentialProtection::UserVerificationRequired, true)),
            min_pin_length: true,
            large_blob: Some(LargeBlobSupport::Required),
            prf: Some(PrfInputs::Evaluate(prf(Some("AwQF")))),
            uvm: true,
        };
        assert_eq!(
            everything.to_json().unwrap(),
            json!({
                "credProps": true,
                "appidExclude": "https://a.test/app",
                "credentialProtectionPolicy": "userVerificationRequired",
                "enforceCredentialProtectionPolicy": true,
                "minPinLength": true,
                "largeBlob": {"support": "required"},
                "prf": {"eval": {"first": "AAEC", "second": "AwQF"}},
                "uvm": true,
            })
        );
        let little = RegistrationInputs {
            credential_protection: Some((
                CredentialProtection::UserVerificationOptionalWithCredentialIdList,
                false,
            )),
            large_blob: Some(LargeBlobSupport::Preferred),
            prf: Some(PrfInputs::Probe),
            ..RegistrationInputs::default()
        };
        assert_eq!(
            little.to_json().unwrap(),
            json!({
                "credentialProtectionPolicy": "userVerificationOptionalWithCredentialIDList",
                "enforceCredentialProtectionPolicy": false,
                "largeBlob": {"support": "preferred"},
                "prf": {},
            })
        );
        let request = AuthenticationInputs {
            appid: Some("https://a.test/app".to_owned()),
            prf: Some(prf(None)),
            uvm: true,
        };
        assert_eq!(
            request.to_json().unwrap(),
            json!({
                "appid": "https://a.test/app",
                "prf": {"eval": {"first": "AAEC"}},
                "uvm": true,
            })
        );
    }

    #[test]
    fn protection_has_the_levels_that_authenticators_report() {
        use CredentialProtection as P;
        let all = [
            P::UserVerificationOptional,
            P::UserVerificationOptionalWithCredentialIdList,
            P::UserVerificationRequired,
        ];
        assert_eq!(all.map(P::level), [1, 2, 3]);
        assert_eq!(all[0].as_str(), "userVerificationOptional");
    }
}
