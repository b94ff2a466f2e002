//! Observations that a ceremony reports without being refused.

use serde::{Deserialize, Serialize};

/// An observation that does not cause a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The signature counter did not grow: perhaps a copy of the key exists.
    SignCountNotIncreased {
        /// The stored counter.
        stored: u32,
        /// The counter in the response.
        received: u32,
    },
    /// The credential can be synced now; it could not when it was registered.
    BackupEligibilityGained,
    /// The credential cannot be synced any more; it could before.
    BackupEligibilityLost,
    /// The credential was synced, or is no longer.
    BackupStateChanged {
        /// Whether it is synced now.
        now: bool,
    },
    /// The attestation's chain contains its own root, which clients should leave out and which is never trusted for it.
    RootCertificateInPath,
    /// The metadata knows of better software for this authenticator.
    AuthenticatorUpdateAvailable,
    /// The attestation statement is signed with SHA-1, as those of Windows are.
    Sha1Attestation,
}

impl Signal {
    /// The stable `snake_case` name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignCountNotIncreased { .. } => "sign_count_not_increased",
            Self::BackupEligibilityGained => "backup_eligibility_gained",
            Self::BackupEligibilityLost => "backup_eligibility_lost",
            Self::BackupStateChanged { .. } => "backup_state_changed",
            Self::RootCertificateInPath => "root_certificate_in_path",
            Self::AuthenticatorUpdateAvailable => "authenticator_update_available",
            Self::Sha1Attestation => "sha1_attestation",
        }
    }
}
