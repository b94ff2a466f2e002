//! What is wrong with a COSE key.

use super::algorithm::CoseAlgorithm;
use crate::Reason;
use crate::cbor::CborError;

/// What is wrong with a COSE key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoseKeyError {
    /// Not canonical CBOR.
    #[error("the COSE key is not canonical CBOR: {0}")]
    Cbor(CborError),
    /// CBOR, but not a map.
    #[error("the COSE key is not a map")]
    NotAMap,
    /// A label that must be there is not, or has another type.
    #[error("label {label} of the COSE key must be {expected}")]
    Label {
        /// The label.
        label: i8,
        /// What it must be.
        expected: &'static str,
    },
    /// A label that does not belong to the key type.
    #[error("the COSE key has a label that does not belong to its key type")]
    UnexpectedLabel,
    /// 7.1 step 20.
    #[error("the algorithm {found} is not one of those offered: {offered}")]
    AlgorithmNotAllowed {
        /// The key's algorithm.
        found: CoseAlgorithm,
        /// What was offered, for messages.
        offered: String,
    },
    /// The algorithm cannot be verified.
    #[error("the algorithm {0} is not supported")]
    AlgorithmUnsupported(CoseAlgorithm),
    /// Key type or curve contradict the algorithm.
    #[error("{what} {found} does not belong to the algorithm {algorithm}")]
    AlgorithmMismatch {
        /// `key type` or `curve`.
        what: &'static str,
        /// The number found.
        found: i128,
        /// The key's algorithm.
        algorithm: CoseAlgorithm,
    },
    /// Not a usable point.
    #[error("the public key is not a valid point: {0}")]
    PointInvalid(&'static str),
    /// Not a usable RSA key.
    #[error("the RSA key is not acceptable: {0}")]
    RsaInvalid(&'static str),
}

impl CoseKeyError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Cbor(_) | Self::NotAMap | Self::Label { .. } | Self::UnexpectedLabel => {
                Reason::CoseKeyMalformed
            }
            Self::AlgorithmNotAllowed { .. } => Reason::AlgorithmNotAllowed,
            Self::AlgorithmUnsupported(_) => Reason::AlgorithmUnsupported,
            Self::AlgorithmMismatch { .. } => Reason::CoseKeyAlgorithmMismatch,
            Self::PointInvalid(_) => Reason::CoseKeyPointInvalid,
            Self::RsaInvalid(_) => Reason::CoseKeyRsaInvalid,
        }
    }
}
