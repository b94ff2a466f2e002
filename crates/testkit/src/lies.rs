//! What the authenticator, or the client around it, should get wrong.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::encoding::optional;

/// Everything that differs from the truth in one answer. The default tells no lie. A changed value is signed like a true
/// one, so that exactly one check of the verifier can fail; only the `signature` members break the signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lies {
    /// Another `type` in the client data.
    pub client_data_type: Option<String>,
    /// Another `challenge` in the client data, verbatim.
    pub challenge: Option<String>,
    /// Another `origin` in the client data.
    pub origin: Option<String>,
    /// Another value of `crossOrigin`, which is otherwise false.
    pub cross_origin: Option<bool>,
    /// Leave `crossOrigin` out, as old clients did.
    pub without_cross_origin: bool,
    /// A `topOrigin` member.
    pub top_origin: Option<String>,
    /// Further members of the client data, written behind the others; a member of the same name is replaced.
    pub extra_client_data: Map<String, Value>,
    /// These bytes in place of the whole client data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub client_data_json: Option<Vec<u8>>,

    /// Hash this Relying Party id into the authenticator data.
    pub rp_id: Option<String>,
    /// The UP flag.
    pub user_present: Option<bool>,
    /// The UV flag.
    pub user_verified: Option<bool>,
    /// The BE flag.
    pub backup_eligible: Option<bool>,
    /// The BS flag.
    pub backup_state: Option<bool>,
    /// The AT flag, without touching the data behind it.
    pub attested_credential_data: Option<bool>,
    /// The ED flag, without touching the data behind it.
    pub extension_data: Option<bool>,
    /// Bits to flip in the finished flags byte (for the reserved bits 1 and 5, say).
    pub flip_flags: u8,
    /// Another signature counter; the authenticator's own one is not changed by it.
    pub sign_count: Option<u32>,
    /// Another AAGUID.
    pub aaguid: Option<[u8; 16]>,
    /// Another credential id inside the attested credential data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub attested_credential_id: Option<Vec<u8>>,
    /// Another COSE key inside the attested credential data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub credential_public_key: Option<Vec<u8>>,
    /// Bytes behind the end of the authenticator data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub trailing_authenticator_data: Option<Vec<u8>>,
    /// These bytes in place of the whole authenticator data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub authenticator_data: Option<Vec<u8>>,

    /// Flip one bit in the middle of the signature (of the assertion, or of the attestation statement).
    pub tampered_signature: bool,
    /// These bytes in place of the signature.
    #[serde(deserialize_with = "optional::deserialize")]
    pub signature: Option<Vec<u8>>,
    /// Another `fmt` in the attestation object.
    pub format_name: Option<String>,
    /// Another `alg` in the attestation statement.
    pub statement_algorithm: Option<i64>,
    /// Drop this member of the attestation statement.
    pub without_statement_member: Option<String>,
    /// What is wrong with the attestation certificate.
    pub certificate: CertificateLies,
    /// These bytes in place of the whole attestation object.
    #[serde(deserialize_with = "optional::deserialize")]
    pub attestation_object: Option<Vec<u8>>,

    /// Register although `excludeCredentials` names a credential of this authenticator.
    pub ignore_exclude_list: bool,
    /// Answer with this credential, whatever `allowCredentials` and the Relying Party id say.
    #[serde(deserialize_with = "optional::deserialize")]
    pub use_credential: Option<Vec<u8>>,
    /// What stands in `response.userHandle`.
    pub user_handle: UserHandle,
    /// Another `id` in the JSON, verbatim.
    pub id: Option<String>,
    /// Another `rawId` in the JSON, verbatim.
    pub raw_id: Option<String>,
}

/// What stands in `response.userHandle` of an assertion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserHandle {
    /// The handle for a discoverable credential, nothing otherwise.
    #[default]
    Truth,
    /// No member.
    Omitted,
    /// `null`.
    Null,
    /// The empty string.
    Empty,
    /// base64url of these characters.
    Text(String),
}

/// What is wrong with the attestation certificate of `packed` (section 8.2.1). The default is a flawless one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateLies {
    /// Another organizational unit than `Authenticator Attestation`.
    pub organizational_unit: Option<String>,
    /// No country.
    pub without_country: bool,
    /// No organization.
    pub without_organization: bool,
    /// No common name.
    pub without_common_name: bool,
    /// Basic constraints with CA true.
    pub authority: bool,
    /// No basic constraints at all.
    pub without_basic_constraints: bool,
    /// Another AAGUID in the extension 1.3.6.1.4.1.45724.1.1.4.
    pub aaguid: Option<[u8; 16]>,
    /// No such extension.
    pub without_aaguid: bool,
    /// The extension marked critical.
    pub critical_aaguid: bool,
    /// Validity ended in 2021.
    pub expired: bool,
}

impl Lies {
    /// `signature` as the lies want it.
    pub(crate) fn distort_signature(&self, mut signature: Vec<u8>) -> Vec<u8> {
        if let Some(other) = &self.signature {
            return other.clone();
        }
        let middle = signature.len() / 2;
        if let Some(byte) = signature
            .get_mut(middle)
            .filter(|_| self.tampered_signature)
        {
            *byte ^= 1;
        }
        signature
    }
}
