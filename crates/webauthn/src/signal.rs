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
    /// The name of each signal.
    pub const NAMES: [&'static str; 7] = [
        "sign_count_not_increased",
        "backup_eligibility_gained",
        "backup_eligibility_lost",
        "backup_state_changed",
        "root_certificate_in_path",
        "authenticator_update_available",
        "sha1_attestation",
    ];

    /// The place of its name in [`NAMES`](Self::NAMES).
    pub const fn place(&self) -> usize {
        match self {
            Self::SignCountNotIncreased { .. } => 0,
            Self::BackupEligibilityGained => 1,
            Self::BackupEligibilityLost => 2,
            Self::BackupStateChanged { .. } => 3,
            Self::RootCertificateInPath => 4,
            Self::AuthenticatorUpdateAvailable => 5,
            Self::Sha1Attestation => 6,
        }
    }

    /// The stable `snake_case` name.
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.place()]
    }
}
