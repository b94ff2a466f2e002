//! What the attestation statement formats and their certificates may vary in without lying.

use serde::Deserialize;

use crate::algorithm::{Algorithm, Hash};

/// 2020-01-01 and 2120-01-01, in seconds since 1970.
const BEGIN: i64 = 1_577_836_800;
const END: i64 = 4_733_510_400;

/// When a certificate is valid, in seconds since 1970, both ends included. The default is 2020 to 2120.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Validity {
    /// The first second.
    pub not_before: i64,
    /// The last second.
    pub not_after: i64,
}

impl Default for Validity {
    fn default() -> Self {
        Self {
            not_before: BEGIN,
            not_after: END,
        }
    }
}

/// The certificates above an attestation key. The default is a leaf signed by the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chain {
    /// How many intermediates stand between the leaf and the root.
    pub intermediates: usize,
    /// The keys of the root and the intermediates; `RS1` makes certificates signed with SHA-1.
    pub algorithm: Algorithm,
    /// Validity of the leaf.
    pub leaf: Validity,
    /// Validity of the root. The intermediates have the default.
    pub root: Validity,
    /// How all of them are written.
    pub encoding: Encoding,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            intermediates: 0,
            algorithm: Algorithm::ES256,
            leaf: Validity::default(),
            root: Validity::default(),
            encoding: Encoding::default(),
        }
    }
}

/// How certificates are written. The default is DER (X.690); the other ways occur in the field, but for those called other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Encoding {
    /// The octet for TRUE, which is 0xff in DER.
    pub true_octet: u8,
    /// How many bits of the signature's last octet are said to be unused.
    pub unused_bits: u8,
    /// How keys on P-256 say on which curve they are.
    pub curves: Curves,
    /// How certificates write the name of their issuer.
    pub issuer_names: IssuerNames,
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            true_octet: 0xff,
            unused_bits: 0,
            curves: Curves::default(),
            issuer_names: IssuerNames::default(),
        }
    }
}

/// How a key says on which curve it is (RFC 3279 section 2.3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curves {
    /// By the curve's name.
    #[default]
    Named,
    /// By all numbers of the curve.
    Described,
    /// By the same numbers, but for the generator: that is the key itself, so everybody knows its private key.
    OtherGenerator,
}

/// How certificates write the name of their issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerNames {
    /// As the issuer writes it.
    #[default]
    Same,
    /// In another string type, in capital letters, and with two blanks for one.
    Alike,
    /// With a word more.
    Other,
}

/// What a TPM says of itself (sections 8.3 and 8.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tpm {
    /// `TPMManufacturer`; the default is the vendor id of conformance tools.
    pub manufacturer: String,
    /// `TPMModel`.
    pub model: String,
    /// `TPMVersion`.
    pub version: String,
    /// One relative name with three attributes instead of three relative names.
    pub one_relative_name: bool,
    /// `nameAlg` of the public area.
    pub name_algorithm: Hash,
    /// A signing scheme (RSASSA or ECDSA) in the public area instead of `TPM_ALG_NULL`.
    pub scheme: bool,
    /// Write the RSA exponent out instead of the zero that stands for 65537.
    pub explicit_exponent: bool,
    /// Drop leading zeros of coordinates, as some TPMs do.
    pub drop_leading_zeros: bool,
}

impl Default for Tpm {
    fn default() -> Self {
        Self {
            manufacturer: "id:FFFFF1D0".to_owned(),
            model: "passkeyd testkit".to_owned(),
            version: "id:00020008".to_owned(),
            one_relative_name: false,
            name_algorithm: Hash::Sha256,
            scheme: false,
            explicit_exponent: false,
            drop_leading_zeros: false,
        }
    }
}

/// The key description in the certificate of `android-key` (section 8.4.1). The default is a key of a locked device,
/// generated in its trusted environment, for signing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AndroidKey {
    /// `attestationVersion` and `keyMintVersion`.
    pub version: i64,
    /// `attestationSecurityLevel` and `keyMintSecurityLevel`: 0 software, 1 trusted environment, 2 `StrongBox`.
    pub security_level: i64,
    /// `softwareEnforced`.
    pub software: Authorizations,
    /// `hardwareEnforced`, formerly `teeEnforced`.
    pub tee: Authorizations,
}

impl Default for AndroidKey {
    fn default() -> Self {
        Self {
            version: 300,
            security_level: 1,
            software: Authorizations::default(),
            tee: Authorizations {
                purpose: Some(vec![2]),
                origin: Some(0),
                root_of_trust: Some(RootOfTrust::default()),
                ..Authorizations::default()
            },
        }
    }
}

/// An `AuthorizationList`, as far as a Relying Party reads it; by default empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authorizations {
    /// `purpose` [1]: 2 is SIGN.
    pub purpose: Option<Vec<i64>>,
    /// `allApplications` [600].
    pub all_applications: bool,
    /// `origin` [702]: 0 is GENERATED.
    pub origin: Option<i64>,
    /// `rootOfTrust` [704].
    pub root_of_trust: Option<RootOfTrust>,
    /// An element under a tag that nobody knows yet, [799].
    pub unknown_tag: bool,
}

/// `RootOfTrust`. The default is a locked device whose boot was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RootOfTrust {
    /// `deviceLocked`.
    pub device_locked: bool,
    /// `verifiedBootState`: 0 verified, 1 self-signed, 2 unverified, 3 failed.
    pub verified_boot_state: i64,
    /// All of it inside an OCTET STRING, which is no form that the schema knows.
    pub wrapped: bool,
}

impl Default for RootOfTrust {
    fn default() -> Self {
        Self {
            device_locked: true,
            verified_boot_state: 0,
            wrapped: false,
        }
    }
}

/// What the `SafetyNet` service says of the device (section 8.5).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SafetyNet {
    /// `ver` of the statement.
    pub version: String,
    /// `timestampMs`, in milliseconds since 1970; the default is 2026-01-01.
    pub timestamp_ms: i64,
    /// `ctsProfileMatch`.
    pub cts_profile_match: bool,
    /// `basicIntegrity`.
    pub basic_integrity: bool,
}

impl Default for SafetyNet {
    fn default() -> Self {
        Self {
            version: "14799021".to_owned(),
            timestamp_ms: 1_767_225_600_000,
            cts_profile_match: true,
            basic_integrity: true,
        }
    }
}
