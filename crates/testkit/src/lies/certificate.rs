//! What should be wrong with certificates and their chain.

use serde::Deserialize;

use crate::certificate::Extension;
use crate::encoding::{Bytes, optional};
use crate::profile::Validity;

/// Moments for what has ended and what has not begun, in seconds since 1970: 2021-01-01 and 2119-01-01.
const PAST: i64 = 1_609_459_200;
const FUTURE: i64 = 4_702_060_800;

/// What is wrong with the attestation certificate, the leaf (sections 8.2.1, 8.3.1 and RFC 5280). The default is a flawless one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateLies {
    /// `packed`: another country than `DE`.
    pub country: Option<String>,
    /// `packed`: another organizational unit than `Authenticator Attestation`.
    pub organizational_unit: Option<String>,
    /// `packed`: no country.
    pub without_country: bool,
    /// `packed`: no organization.
    pub without_organization: bool,
    /// `packed`: no common name.
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
    /// These bytes as the content of the extension, instead of an OCTET STRING of 16 bytes.
    #[serde(deserialize_with = "optional::deserialize")]
    pub malformed_aaguid: Option<Vec<u8>>,
    /// Validity ended in 2021.
    pub expired: bool,
    /// Validity begins in 2119.
    pub not_yet_valid: bool,
    /// Another version than 3, the extensions notwithstanding; at least 1.
    pub version: Option<u8>,
    /// The content of the serial number's INTEGER: `[0]` is zero, `[0xff]` is minus one.
    #[serde(deserialize_with = "optional::deserialize")]
    pub serial: Option<Vec<u8>>,
    /// The issuer's name is somebody else's.
    pub wrong_issuer: bool,
    /// One bit of the signature on the certificate is flipped.
    pub tampered_signature: bool,
    /// Signed with SHA-1 (RS1), which asks for an authority with an RSA key.
    pub sha1_signature: bool,
    /// Other extended key usages than the format's, dotted; an empty list leaves the extension out.
    pub extended_key_usage: Option<Vec<String>>,
    /// Further extensions.
    pub extra_extensions: Vec<ExtraExtension>,
    /// `android-key`, `apple`: certify and sign with a fresh key of the same algorithm, not with the credential's.
    pub other_key: bool,
    /// `tpm`: a subject that is not empty.
    pub with_subject: bool,
    /// `tpm`, `android-safetynet`: no subject alternative name.
    pub without_alternative_name: bool,
    /// `tpm`: the subject alternative name not critical.
    pub alternative_name_not_critical: bool,
    /// `tpm`: the subject alternative name without these attributes: `manufacturer`, `model`, `version`.
    pub without_tpm_attributes: Vec<TpmAttribute>,
    /// `android-safetynet`: another host than `attest.android.com`.
    pub host: Option<String>,
}

/// An attribute of the AIK certificate's subject alternative name (section 8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TpmAttribute {
    /// `TPMManufacturer`.
    Manufacturer,
    /// `TPMModel`.
    Model,
    /// `TPMVersion`.
    Version,
}

/// An extension that nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraExtension {
    /// Dotted object identifier.
    pub oid: String,
    /// Marked critical.
    #[serde(default)]
    pub critical: bool,
    /// The content of `extnValue`.
    pub value: Bytes,
}

impl ExtraExtension {
    pub(crate) fn to_extension(&self) -> Extension {
        Extension::new(&self.oid, self.critical, self.value.0.clone())
    }
}

impl CertificateLies {
    pub(crate) fn validity(&self, truth: Validity) -> Validity {
        bent(truth, self.expired, self.not_yet_valid)
    }
}

fn bent(truth: Validity, expired: bool, not_yet_valid: bool) -> Validity {
    Validity {
        not_before: if not_yet_valid {
            FUTURE
        } else {
            truth.not_before
        },
        not_after: if expired { PAST } else { truth.not_after },
    }
}

/// What is wrong with the intermediate certificate that signs the leaf; without intermediates in the profile it tells nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IssuerLies {
    /// Validity ended in 2021.
    pub expired: bool,
    /// Validity begins in 2119.
    pub not_yet_valid: bool,
    /// Basic constraints with CA false.
    pub not_authority: bool,
    /// No basic constraints at all.
    pub without_basic_constraints: bool,
    /// A path length constraint. Zero is no lie above a leaf; to break it, see [`ChainLies`].
    pub path_length: Option<u8>,
    /// Key usage without `keyCertSign`.
    pub without_cert_sign: bool,
    /// No key usage at all.
    pub without_key_usage: bool,
    /// Name constraints, critical.
    pub name_constraints: Option<NameConstraints>,
    /// Further extensions.
    pub extra_extensions: Vec<ExtraExtension>,
    /// One bit of the signature on the certificate is flipped.
    pub tampered_signature: bool,
}

impl IssuerLies {
    pub(crate) fn validity(&self, truth: Validity) -> Validity {
        bent(truth, self.expired, self.not_yet_valid)
    }
}

/// Directory names, by the country with which they begin, that certificates below may or may not have (RFC 5280, 4.2.1.10). The
/// attestation certificate of `packed` begins with `DE`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameConstraints {
    /// Countries of `permittedSubtrees`.
    pub permitted_countries: Vec<String>,
    /// Countries of `excludedSubtrees`.
    pub excluded_countries: Vec<String>,
}

/// What is wrong with `x5c` as a whole. The steps are taken in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainLies {
    /// Everything issued by an authority founded for this answer, whose root is included.
    pub foreign_root: bool,
    /// A path length constraint of zero in the topmost intermediate, so that two of them are one too many.
    pub top_path_length_zero: bool,
    /// The leaf alone.
    pub without_intermediates: bool,
    /// The root at the end.
    pub root_included: bool,
    /// The leaf first, those above it in reverse.
    pub issuers_reversed: bool,
    /// The leaf behind the others.
    pub leaf_last: bool,
    /// So many unrelated self-signed certificates at the end.
    pub extra_certificates: usize,
    /// These bytes at the end, one element each.
    pub extra_elements: Vec<Bytes>,
}
