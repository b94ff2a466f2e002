//! One ceremony with what its server expected, as a case of `passkeyd verify`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::merge;
use crate::algorithm::Algorithm;
use crate::authenticator::Authenticator;
use crate::encoding::base64url;
use crate::error::Error;
use crate::lies::Lies;
use crate::profile::Profile;
use crate::random::Random;

pub(super) const RP_ID: &str = "example.org";
pub(super) const ORIGIN: &str = "https://example.org";
/// When every case is judged; the responses of `SafetyNet` are five seconds old then.
pub(super) const AT: &str = "2026-01-01T00:00:05Z";
/// The handle of the only user.
pub(super) const USER: &[u8] = b"user of the corpus";

/// The two ceremonies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Registration,
    Authentication,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Authentication => "authentication",
        }
    }
}

/// A case before it becomes a line.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) kind: Kind,
    /// As in labels.
    pub(super) format: String,
    pub(super) algorithm: Algorithm,
    /// What differs from the truth.
    pub(super) change: String,
    /// Everything but the credential.
    pub(super) expected: Map<String, Value>,
    pub(super) credential: Value,
    /// Text to be written behind the first brace of the credential, and of its `response`.
    pub(super) first_member: Option<String>,
    pub(super) first_response_member: Option<String>,
}

impl Case {
    /// A ceremony of an authenticator like `profile` that tells `lies`.
    pub(super) fn make(
        kind: Kind,
        format: &str,
        algorithm: Algorithm,
        profile: &Value,
        lies: impl FnOnce(&str) -> Result<Lies, Error>,
        random: &mut Random,
    ) -> Result<Self, Error> {
        let challenge = base64url(&random.bytes(32));
        let mut authenticator = Authenticator::new(profile_of(format, algorithm, profile)?);
        let root = authenticator.attestation_root()?;
        let create = json!({
            "rp": {"id": RP_ID, "name": "corpus"},
            "user": {"id": base64url(USER), "name": "u", "displayName": "u"},
            "challenge": challenge,
            "pubKeyCredParams": [{"type": "public-key", "alg": algorithm.cose()}],
        });
        let lies = lies(&challenge)?;
        let mut expected = json!({
            "kind": kind.name(),
            "rp_id": RP_ID,
            "origins": [ORIGIN],
            "challenge": challenge,
            "at": AT,
        });
        let credential = match kind {
            Kind::Registration => {
                let of_registration = json!({
                    "algorithms": [algorithm.cose()],
                    "trust_anchors": [pem(&root)],
                    "accept_test_tpm_vendor": true,
                    "accept_safetynet": true,
                });
                merge(&mut expected, &of_registration);
                authenticator.create(&create, ORIGIN, &lies)?
            }
            Kind::Authentication => {
                authenticator.create(&create, ORIGIN, &Lies::default())?;
                let key = authenticator.credentials().first();
                let of_authentication = json!({
                    "credential_public_key": key.map(|key| base64url(&key.public_key())),
                    "stored_sign_count": 0,
                    "sign_count_policy": "reject",
                    "expected_user_handle": base64url(USER),
                });
                merge(&mut expected, &of_authentication);
                let get = json!({"rpId": RP_ID, "challenge": challenge});
                authenticator.get(&get, ORIGIN, &lies)?
            }
        };
        let expected = expected.as_object().cloned().unwrap_or_default();
        Ok(Self {
            kind,
            format: format.to_owned(),
            algorithm,
            change: "honest".to_owned(),
            expected,
            credential,
            first_member: None,
            first_response_member: None,
        })
    }

    pub(super) fn is_honest(&self) -> bool {
        self.change == "honest"
    }

    /// `kind/format/algorithm/change`.
    pub(super) fn label(&self) -> String {
        let (kind, algorithm) = (self.kind.name(), self.algorithm);
        format!("{kind}/{}/{algorithm:?}/{}", self.format, self.change)
    }

    /// The case as one line of JSON. `format` and `key_algorithm` are for verifiers that must know what they cannot do.
    pub(super) fn line(&self, name: &str) -> String {
        let mut members = self.expected.clone();
        members.insert("name".to_owned(), name.into());
        members.insert("format".to_owned(), self.format.as_str().into());
        members.insert("key_algorithm".to_owned(), self.algorithm.cose().into());
        let mut credential = self.credential.to_string();
        if let Some(first) = &self.first_member {
            credential = credential.replacen('{', &format!("{{{first},"), 1);
        }
        if let Some(first) = &self.first_response_member {
            let begin = "\"response\":{";
            credential = credential.replacen(begin, &format!("{begin}{first},"), 1);
        }
        let members = Value::Object(members).to_string();
        let open = members.strip_suffix('}').unwrap_or(&members);
        format!("{open},\"credential\":{credential}}}")
    }
}

/// What an authenticator is that makes `format`, with the members of `over` in place of the usual ones.
fn profile_of(format: &str, algorithm: Algorithm, over: &Value) -> Result<Profile, Error> {
    let mut profile = json!({
        "format": if format == "-" { "none".to_owned() } else { format.replace('-', "_") },
        "counter": "increasing",
    });
    if format == "fido-u2f" {
        // Level 3 does not ask for it; every verifier that is compared does.
        profile["aaguid"] = json!(vec![0; 16]);
    }
    if format == "tpm" {
        // A vendor that everybody knows.
        profile["tpm"] = json!({"manufacturer": "id:414D4400"});
    }
    merge(&mut profile, over);
    let profile: Profile = serde_json::from_value(profile).map_err(Error::corpus)?;
    Ok(profile.with_algorithm(algorithm))
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
