//! Trust in attestation certificates (WebAuthn 7.1 steps 23-24, RFC 5280 section 6).

use crate::Reason;
use crate::attestation::{AttestationPolicy, AttestationType};
use crate::authentication::Signal;
use serde::{Deserialize, Serialize};

/// A moment as seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

/// How far an attestation is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// There is no statement.
    None,
    /// The credential's own key signed: that says nothing about the authenticator.
    #[serde(rename = "self")]
    SelfAttested,
    /// The statement verifies; its chain was not judged, because no anchors were given.
    Unknown,
    /// The chain leads to one of the anchors.
    Trusted,
}

impl Trust {
    /// `none`, `self`, `unknown` or `trusted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SelfAttested => "self",
            Self::Unknown => "unknown",
            Self::Trusted => "trusted",
        }
    }
}

/// Why a chain is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The policy does not accept this kind of attestation.
    #[error("the policy does not accept {0} attestation")]
    PolicyRefused(&'static str),
    /// The chain does not lead to an anchor.
    #[error("the attestation certificate is not trusted: {0}")]
    Untrusted(&'static str),
    /// A certificate has expired.
    #[error("certificate {index} of the chain had expired at that moment")]
    Expired {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
    /// A certificate is not valid yet.
    #[error("certificate {index} of the chain was not yet valid at that moment")]
    NotYetValid {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
}

impl TrustError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::PolicyRefused(_) => Reason::AttestationPolicyRefused,
            Self::Untrusted(_) => Reason::AttestationUntrusted,
            Self::Expired { .. } => Reason::CertificateExpired,
            Self::NotYetValid { .. } => Reason::CertificateNotYetValid,
        }
    }
}

/// 7.1 steps 23-24: is the attestation acceptable to the policy, and how far is it trusted at the moment `at`?
pub(crate) fn judge(
    attestation_type: AttestationType,
    trust_path: &[&[u8]],
    policy: &AttestationPolicy,
    at: UnixSeconds,
    signals: &mut Vec<Signal>,
) -> Result<Trust, TrustError> {
    let _ = (at, &signals, trust_path);
    match attestation_type {
        AttestationType::None if policy.allow_none => Ok(Trust::None),
        AttestationType::None => Err(TrustError::PolicyRefused("no")),
        AttestationType::SelfAttestation if policy.allow_self => Ok(Trust::SelfAttested),
        AttestationType::SelfAttestation => Err(TrustError::PolicyRefused("self")),
        AttestationType::Basic | AttestationType::AttCa | AttestationType::AnonCa => {
            Err(TrustError::Untrusted("no anchors"))
        }
    }
}
