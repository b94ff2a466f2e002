//! What a Relying Party demands of metadata. It is stored with the ceremony.

use serde::{Deserialize, Serialize};

/// What a Relying Party demands of metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataPolicy {
    /// What happens to models that the metadata does not know.
    pub unknown_models: UnknownModels,
    /// What happens to attestations while the metadata is stale.
    pub stale: StaleMetadata,
    /// Statuses that refuse a model while they are in effect, in the words of the metadata.
    pub refused_statuses: Vec<String>,
    /// Certification levels, one of which the model must have; then its attestation must also lead to an anchor of the model.
    /// Empty: none is demanded.
    pub required_levels: Vec<String>,
}

/// What happens to models that the metadata does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum UnknownModels {
    /// They are judged by the anchors of the policy alone.
    #[default]
    Accept,
    /// They are refused; so is every attestation while there are no metadata. Absent attestation says nothing about a model
    /// and is another matter: see [`AttestationPolicy::allow_none`](crate::attestation::AttestationPolicy::allow_none). So is a
    /// [volunteered](crate::attestation::StatementPolicy::Volunteered) statement.
    Refuse,
}

/// What happens to attestations while the metadata is stale (`nextUpdate` is over).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum StaleMetadata {
    /// They are judged by the metadata that are there.
    #[default]
    Accept,
    /// They are refused. Absent attestation is another matter, as with unknown models.
    Refuse,
}

/// Statuses that [`MetadataPolicy::default`] refuses: the model cannot be relied upon.
pub const REFUSED_STATUSES: [&str; 5] = [
    "REVOKED",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_VERIFICATION_BYPASS",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
];

/// Every status of the standard (`AuthenticatorStatus`, 3.1.4), so that a policy with a misspelt one can be turned down.
pub const KNOWN_STATUSES: [&str; 20] = [
    "NOT_FIDO_CERTIFIED",
    "FIDO_CERTIFIED",
    "USER_VERIFICATION_BYPASS",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
    "UPDATE_AVAILABLE",
    "RETIRED",
    "REVOKED",
    "SELF_ASSERTION_SUBMITTED",
    "FIDO_CERTIFIED_L1",
    "FIDO_CERTIFIED_L1plus",
    "FIDO_CERTIFIED_L2",
    "FIDO_CERTIFIED_L2plus",
    "FIDO_CERTIFIED_L3",
    "FIDO_CERTIFIED_L3plus",
    "FIPS140_CERTIFIED_L1",
    "FIPS140_CERTIFIED_L2",
    "FIPS140_CERTIFIED_L3",
    "FIPS140_CERTIFIED_L4",
];

impl Default for MetadataPolicy {
    /// Unknown models and stale metadata is accepted, models that cannot be relied upon are refused, no certification is demanded.
    fn default() -> Self {
        Self {
            unknown_models: UnknownModels::default(),
            stale: StaleMetadata::default(),
            refused_statuses: REFUSED_STATUSES.map(str::to_owned).to_vec(),
            required_levels: Vec::new(),
        }
    }
}

impl MetadataPolicy {
    /// Whether an attestation can be judged only with metadata.
    pub(crate) fn needs_metadata(&self) -> bool {
        self.unknown_models == UnknownModels::Refuse || !self.required_levels.is_empty()
    }
}
