//! Attestation statements: one module for each format (WebAuthn 8), chosen by the exact format name (7.1 steps 21-22).

mod none;
mod packed;

use crate::Reason;
use crate::authenticator_data::AttestedCredentialData;
use crate::cbor::Value;
use crate::cose::PublicKey;
use serde::{Deserialize, Serialize};

/// What a Relying Party accepts as attestation. The conveyance wish in the options is another thing: it does not forbid a
/// client to send a statement, and a statement that is there is always verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationPolicy {
    /// No attestation is fine.
    pub allow_none: bool,
    /// Self attestation is fine.
    pub allow_self: bool,
    /// A verified statement whose chain cannot be judged, for want of anchors, is fine.
    pub allow_unknown_trust: bool,
    /// DER certificates that a chain must lead to; they may be roots, intermediates or leaves. Empty: chains are not judged.
    #[serde(with = "crate::base64url::list")]
    pub trust_anchors: Vec<Vec<u8>>,
    /// Conformance mode: a chain that contains a root certificate is refused.
    pub refuse_root_in_path: bool,
}

impl Default for AttestationPolicy {
    /// Everything that verifies is accepted; chains are not judged.
    fn default() -> Self {
        Self {
            allow_none: true,
            allow_self: true,
            allow_unknown_trust: true,
            trust_anchors: Vec::new(),
            refuse_root_in_path: false,
        }
    }
}

/// The attestation types (WebAuthn 6.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationType {
    /// No attestation.
    None,
    /// Signed by the credential's own key.
    #[serde(rename = "self")]
    SelfAttestation,
    /// Signed by a key of the authenticator model.
    Basic,
    /// Certified by an attestation CA.
    AttCa,
    /// Certified by an anonymisation CA.
    AnonCa,
}

impl AttestationType {
    /// `none`, `self`, `basic`, `att_ca` or `anon_ca`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SelfAttestation => "self",
            Self::Basic => "basic",
            Self::AttCa => "att_ca",
            Self::AnonCa => "anon_ca",
        }
    }
}

/// What is wrong with an attestation statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// 7.1 step 21.
    #[error("the attestation format {format:?} is not supported")]
    FormatUnsupported {
        /// The format, cut to 32 characters.
        format: String,
    },
    /// The statement breaks the syntax of its format.
    #[error("the {format} attestation statement is malformed: {problem}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// In which way.
        problem: &'static str,
    },
    /// The statement's signature does not verify.
    #[error("the signature of the {format} attestation statement does not verify")]
    SignatureInvalid {
        /// The format.
        format: &'static str,
    },
    /// 8.2: self attestation with another algorithm.
    #[error("the attestation statement names algorithm {found}, the credential's key {expected}")]
    AlgorithmMismatch {
        /// The key's algorithm.
        expected: i64,
        /// The statement's algorithm.
        found: i128,
    },
    /// The statement's algorithm cannot be verified.
    #[error("the attestation statement's algorithm {0} is not supported")]
    AlgorithmUnsupported(i128),
    /// 8.2.1 and its like.
    #[error("the attestation certificate breaks a requirement: {0}")]
    CertificateRequirements(&'static str),
    /// 8.2.1: the AAGUID extension.
    #[error("the AAGUID extension of the attestation certificate is wrong: {0}")]
    AaguidExtension(&'static str),
}

impl AttestationError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::FormatUnsupported { .. } => Reason::AttestationFormatUnsupported,
            Self::Malformed { .. } => Reason::AttestationStatementMalformed,
            Self::SignatureInvalid { .. } => Reason::AttestationSignatureInvalid,
            Self::AlgorithmMismatch { .. } => Reason::AttestationAlgorithmMismatch,
            Self::AlgorithmUnsupported(_) => Reason::AlgorithmUnsupported,
            Self::CertificateRequirements(_) => Reason::CertificateRequirements,
            Self::AaguidExtension(_) => Reason::AaguidExtensionMismatch,
        }
    }
}

/// What every format's procedure gets (8: "attStmt, authenticatorData, clientDataHash").
pub(crate) struct Subject<'s, 'a> {
    /// The statement.
    pub(crate) statement: &'s Value<'a>,
    /// Authenticator data as received, followed by the hash of the client data: what most formats sign.
    pub(crate) signed: &'s [u8],
    /// The new credential.
    pub(crate) attested: &'s AttestedCredentialData<'a>,
    /// Its key.
    pub(crate) public_key: &'s PublicKey,
}

/// What every format's procedure returns.
#[derive(Debug)]
pub(crate) struct Attested<'a> {
    pub(crate) attestation_type: AttestationType,
    /// DER certificates, the leaf first; empty for none and self.
    pub(crate) trust_path: Vec<&'a [u8]>,
}

/// Most certificates of a chain.
pub const MAX_CERTIFICATES: usize = 6;
/// Most bytes of one certificate.
pub const MAX_CERTIFICATE: usize = 8 * 1024;

/// `x5c`: a non-empty list of DER certificates, bounded in number and size before any is read.
pub(crate) fn certificate_chain<'a>(
    format: &'static str,
    x5c: &Value<'a>,
) -> Result<Vec<&'a [u8]>, AttestationError> {
    let malformed = |problem| AttestationError::Malformed { format, problem };
    let elements = x5c.as_array().ok_or(malformed("`x5c` must be an array"))?;
    if elements.is_empty() {
        return Err(malformed("`x5c` must not be empty"));
    }
    if elements.len() > MAX_CERTIFICATES {
        return Err(malformed("`x5c` has too many certificates"));
    }
    let certificate = |element: &Value<'a>| match element.as_bytes() {
        Some(bytes) if bytes.len() > MAX_CERTIFICATE => {
            Err(malformed("a certificate in `x5c` is too large"))
        }
        Some(bytes) => Ok(bytes),
        None => Err(malformed("`x5c` must hold byte strings only")),
    };
    elements.iter().map(certificate).collect()
}

/// The formats whose statements are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    None,
    Packed,
}

impl Format {
    /// 7.1 step 21: format names are compared case-sensitively.
    pub(crate) fn of(name: &str) -> Result<Self, AttestationError> {
        match name {
            "none" => Ok(Self::None),
            "packed" => Ok(Self::Packed),
            other => Err(AttestationError::FormatUnsupported {
                format: other.chars().take(32).collect(),
            }),
        }
    }

    /// The registered name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Packed => "packed",
        }
    }

    /// 7.1 step 22: the format's own procedure.
    pub(crate) fn verify<'a>(
        self,
        subject: &Subject<'_, 'a>,
    ) -> Result<Attested<'a>, AttestationError> {
        match self {
            Self::None => none::verify(subject),
            Self::Packed => packed::verify(subject),
        }
    }
}
