//! What the authenticator, or the client around it, should get wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::der;
use crate::encoding::{Bytes, optional};

mod certificate;

pub use certificate::{
    CertificateLies, ChainLies, ExtraExtension, IssuerLies, NameConstraints, TpmAttribute,
};

/// Everything that differs from the truth in one answer. The default tells no lie. A changed value is signed like a true
/// one, so that exactly one check of the verifier can fail; only the members about the signature break the signature.
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
    /// Members of the client data to leave out.
    pub without_client_data: Vec<String>,
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
    /// No attested credential data, without touching the AT flag.
    pub without_attested_credential_data: bool,
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
    /// What is wrong with the COSE key inside the attested credential data.
    pub cose: CoseLies,
    /// Another COSE key inside the attested credential data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub credential_public_key: Option<Vec<u8>>,
    /// These bytes in place of the extension map, with the ED flag set.
    #[serde(deserialize_with = "optional::deserialize")]
    pub extensions: Option<Vec<u8>>,
    /// Bytes behind the end of the authenticator data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub trailing_authenticator_data: Option<Vec<u8>>,
    /// These bytes in place of the whole authenticator data.
    #[serde(deserialize_with = "optional::deserialize")]
    pub authenticator_data: Option<Vec<u8>>,

    /// Flip one bit in the middle of the signature (of the assertion, or of the attestation statement).
    pub tampered_signature: bool,
    /// ECDSA: a zero byte too many in front of r, which DER forbids.
    pub padded_signature: bool,
    /// Bytes behind the signature.
    #[serde(deserialize_with = "optional::deserialize")]
    pub trailing_signature: Option<Vec<u8>>,
    /// These bytes in place of the signature.
    #[serde(deserialize_with = "optional::deserialize")]
    pub signature: Option<Vec<u8>>,
    /// Another `fmt` in the attestation object.
    pub format_name: Option<String>,
    /// Another `alg` in the attestation statement; in `apple`, which has none, an `alg`.
    pub statement_algorithm: Option<i64>,
    /// Drop this member of the attestation statement.
    pub without_statement_member: Option<String>,
    /// Other values for members of the attestation statement that are there; `{"base64url": text}` is a byte string.
    pub statement_members: Map<String, Value>,
    /// No member at all in the attestation statement.
    pub empty_statement: bool,
    /// `packed` with a certificate: whose signature it is.
    pub signed_by: Signer,
    /// Drop this member of the attestation object.
    pub without_object_member: Option<String>,
    /// Other values for members of the attestation object; `{"base64url": text}` is a byte string.
    pub object_members: Map<String, Value>,
    /// What is wrong with the attestation certificate.
    pub certificate: CertificateLies,
    /// What is wrong with the certificate above it.
    pub issuer: IssuerLies,
    /// What is wrong with `x5c` as a whole.
    pub chain: ChainLies,
    /// What is wrong with a `tpm` statement.
    pub tpm: TpmLies,
    /// What is wrong with an `android-safetynet` response.
    pub safetynet: SafetyNetLies,
    /// `android-key`: another `attestationChallenge`. `apple`: another nonce.
    #[serde(deserialize_with = "optional::deserialize")]
    pub attestation_challenge: Option<Vec<u8>>,
    /// `android-key`, `apple`: these bytes in place of the content of the format's own certificate extension.
    #[serde(deserialize_with = "optional::deserialize")]
    pub attestation_extension: Option<Vec<u8>>,
    /// `android-key`, `apple`: no such extension.
    pub without_attestation_extension: bool,
    /// `compound`: tell the lies about statements and certificates in the one at this position only, counted from zero.
    pub only_sub_statement: Option<usize>,
    /// `compound`: another `fmt` in the sub-statements.
    pub sub_format_name: Option<String>,
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
    /// Members of `clientExtensionResults` that replace or join the true ones.
    pub client_extension_results: Map<String, Value>,
    /// Another `id` in the JSON, verbatim.
    pub id: Option<String>,
    /// Another `rawId` in the JSON, verbatim.
    pub raw_id: Option<String>,
}

/// Whose signature an attestation statement carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signer {
    /// That of the key in the certificate.
    #[default]
    AttestationKey,
    /// That of the new credential's key.
    CredentialKey,
    /// That of a fresh key of the attestation key's algorithm.
    OtherKey,
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

/// What is wrong with the credential public key in its COSE form (section 6.5.1, RFC 9053). The steps are taken in this order.
/// Statements are about the true key, and signed with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoseLies {
    /// Elliptic curves: flip one bit of y, so that the point leaves the curve.
    pub off_curve: bool,
    /// Elliptic curves: y as the boolean of a compressed point.
    pub compressed: bool,
    /// Elliptic curves: a zero byte in front of x.
    pub padded: bool,
    /// Elliptic curves: x and y without leading zero bytes; see `leading_zero_coordinate` of the profile.
    pub stripped: bool,
    /// Integers under these labels, in place of what is there or beside it: `{1: 3}` is another key type.
    pub numbers: BTreeMap<i64, i64>,
    /// Byte strings under these labels, likewise: `{-4: ...}` is the private part of an elliptic-curve key.
    pub bytes: BTreeMap<i64, Bytes>,
    /// Labels to drop.
    pub without: Vec<i64>,
    /// The labels in reverse order, which is not canonical.
    pub reversed: bool,
}

/// What is wrong with a `tpm` statement (section 8.3); its certificate is in [`CertificateLies`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TpmLies {
    /// Another `ver` than `2.0`.
    pub version: Option<String>,
    /// Another `magic` than `TPM_GENERATED_VALUE`.
    pub magic: Option<u32>,
    /// Another `type` than `TPM_ST_ATTEST_CERTIFY`.
    pub attest_type: Option<u16>,
    /// Another `extraData`.
    #[serde(deserialize_with = "optional::deserialize")]
    pub extra_data: Option<Vec<u8>>,
    /// Another `attested.name`.
    #[serde(deserialize_with = "optional::deserialize")]
    pub name: Option<Vec<u8>>,
    /// Another `clockInfo.safe` than one.
    pub clock_safe: Option<u8>,
    /// The public area, and with it the name, of another key of the same algorithm.
    pub other_key: bool,
    /// This exponent in the public area of an RSA key.
    pub exponent: Option<u32>,
    /// Bytes behind the public area, which the name covers.
    #[serde(deserialize_with = "optional::deserialize")]
    pub trailing_public_area: Option<Vec<u8>>,
    /// Bytes behind the certification, which the signature covers.
    #[serde(deserialize_with = "optional::deserialize")]
    pub trailing_certificate_info: Option<Vec<u8>>,
    /// These bytes in place of the public area, which the name covers.
    #[serde(deserialize_with = "optional::deserialize")]
    pub public_area: Option<Vec<u8>>,
    /// These bytes in place of the certification, which the signature covers.
    #[serde(deserialize_with = "optional::deserialize")]
    pub certificate_info: Option<Vec<u8>>,
}

/// What is wrong with an `android-safetynet` response (section 8.5), beside what the profile lets it say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SafetyNetLies {
    /// Another `nonce`, verbatim.
    pub nonce: Option<String>,
    /// Leave `ctsProfileMatch` out.
    pub without_cts_profile_match: bool,
    /// Another `alg` in the header.
    pub header_algorithm: Option<String>,
    /// An empty `x5c` in the header.
    pub without_certificates: bool,
    /// This text in place of the whole response.
    pub response: Option<String>,
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
        if self.padded_signature
            && let [r, s] = der::elements(&signature)[..]
        {
            let padded = der::tlv(2, &[&[0], r].concat());
            signature = der::sequence(&[padded, der::tlv(2, s)]);
        }
        signature.extend(self.trailing_signature.iter().flatten());
        signature
    }
}
