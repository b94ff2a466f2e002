//! Why an attestation statement is refused.

use super::{AndroidKeyError, SafetyNetError, TpmError};
use crate::Reason;

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
    /// 8.4, 8.8: the certificate must be about the credential's key.
    #[error("the {format} attestation certificate is about another key than the credential's")]
    KeyMismatch {
        /// The format.
        format: &'static str,
    },
    /// 8.6: the kind of the attestation key.
    #[error("the attestation certificate holds another key than one on P-256")]
    CertificateKey,
    /// 8.6: the kind of the credential's key.
    #[error("a U2F credential has a key on P-256")]
    CredentialKey,
    /// 8.6, conformance mode.
    #[error("a U2F credential has an AAGUID of zeros in conformance mode")]
    AaguidNotZero,
    /// 8.8: the nonce extension.
    #[error("the nonce of the Apple certificate is wrong: {0}")]
    AppleNonce(&'static str),
    /// 8.3: what a TPM says.
    #[error("the tpm attestation statement is refused: {0}")]
    Tpm(#[from] TpmError),
    /// 8.4: what an Android key store says.
    #[error("the Android key description is refused: {0}")]
    AndroidKey(#[from] AndroidKeyError),
    /// 8.5: what the `SafetyNet` service says.
    #[error("the SafetyNet response is refused: {0}")]
    SafetyNet(#[from] SafetyNetError),
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
            Self::KeyMismatch { .. } => Reason::AttestationKeyMismatch,
            Self::CertificateKey => Reason::AttestationCertificateKey,
            Self::CredentialKey => Reason::CoseKeyMalformed,
            Self::AaguidNotZero => Reason::AaguidNotZero,
            Self::AppleNonce(_) => Reason::AppleNonce,
            Self::Tpm(error) => error.reason(),
            Self::AndroidKey(error) => error.reason(),
            Self::SafetyNet(error) => error.reason(),
        }
    }
}
