//! What a Relying Party accepts as attestation, as data that is frozen into the ceremony.

mod metadata;

use crate::credential::Aaguid;
use crate::x509::CertificateList;
use serde::{Deserialize, Serialize};

pub use metadata::{
    KNOWN_STATUSES, MetadataPolicy, REFUSED_STATUSES, StaleMetadata, UnknownModels,
};

/// What a Relying Party accepts as attestation. The conveyance wish in the options is another thing: it does not forbid a
/// client to send a statement, and a statement that is there is verified unless [`StatementPolicy::Ignored`] is said.
///
/// It is stored with the ceremony; a record that lacks a member is unreadable rather than lenient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationPolicy {
    /// Whether statements are judged at all.
    pub statement: StatementPolicy,
    /// Which authenticator models are accepted.
    pub models: ModelPolicy,
    /// No attestation is fine.
    pub allow_none: bool,
    /// Self attestation is fine.
    pub allow_self: bool,
    /// A verified statement whose chain cannot be judged, for want of anchors, is fine.
    pub allow_unknown_trust: bool,
    /// DER certificates that a chain must lead to; they may be roots, intermediates or leaves. Empty: chains are not judged.
    pub trust_anchors: CertificateList,
    /// DER certificates that complete a chain which lacks them. They are no anchors.
    pub intermediates: CertificateList,
    /// Conformance mode: a chain that contains a root certificate is refused.
    pub refuse_root_in_path: bool,
    /// Conformance mode: `fido-u2f` must come with an AAGUID of zeros. Level 3 has no such step.
    pub u2f_aaguid_must_be_zero: bool,
    /// Conformance mode: credentials may be keys for RS1, where it was offered. Real ones are refused, since its hash is broken.
    pub rs1_credentials: bool,
    /// Conformance mode: the `alg` of a `packed` statement must be one of the algorithms that the metadata lists for the model.
    /// Level 3 has no such step, and metadata in the field list the algorithms of credentials only.
    pub algorithm_must_be_listed: bool,
    /// `tpm` statements may be signed with RSA and SHA-1 (COSE -65535), as those of Windows are. No other format's may.
    pub allow_rs1: bool,
    /// TPM vendor ids of conformance tools and test vectors (`id:FFFFF1D0`, `id:00000000`) are fine.
    pub accept_test_tpm_vendor: bool,
    /// TPM vendor ids beside the ones of the registry, in the form `id:` and eight hexadecimal digits.
    pub tpm_vendors: Vec<String>,
    /// What `android-key` has to say.
    pub android_key: AndroidKeyPolicy,
    /// Whether `android-safetynet` is verified.
    pub android_safetynet: SafetyNetPolicy,
    /// Which statements of `compound` must hold.
    pub compound: CompoundPolicy,
    /// What is demanded of metadata about the model.
    pub metadata: MetadataPolicy,
}

/// Whether attestation statements are judged (7.1 steps 21-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum StatementPolicy {
    /// By the procedure of their format.
    #[default]
    Verified,
    /// As `Verified`, for a statement that was not asked for (`attestation: "none"`). Where the metadata that the policy
    /// demands are not there, are stale or do not know the model, it counts as absent instead of being refused: a client
    /// that sends no statement is accepted as well, so this gives no more trust.
    Volunteered,
    /// The format's name is recorded, whether it is known or not. The statement counts as absent: it proves nothing and its
    /// mistakes refuse nothing.
    Ignored,
}

/// Which authenticator models are accepted, by AAGUID (7.1 step 24).
///
/// The AAGUID is the authenticator's own claim unless a trusted attestation proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ModelPolicy {
    /// The only ones that are accepted; empty: all that are not denied.
    pub allowed: Vec<Aaguid>,
    /// Never accepted.
    pub denied: Vec<Aaguid>,
}

impl ModelPolicy {
    /// Whether the model is accepted.
    pub(crate) fn accepts(&self, aaguid: Aaguid) -> bool {
        let allowed = self.allowed.is_empty() || self.allowed.contains(&aaguid);
        allowed && !self.denied.contains(&aaguid)
    }
}

/// What an Android key description has to say (8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct AndroidKeyPolicy {
    /// Only what hardware enforces counts, and the key must live in a trusted environment or `StrongBox`. Otherwise what
    /// software enforces counts too.
    pub trusted_environment: bool,
    /// The key signs and does nothing else.
    pub only_signing: bool,
    /// The device was locked and its boot verified.
    pub verified_boot: bool,
    /// The dates of the leaf count below every root. Otherwise they do not count below Google's, where many devices write
    /// dates that mean nothing.
    // Older records lack it, and demand nothing of this kind.
    #[serde(default)]
    pub leaf_validity: bool,
}

/// Whether statements of the withdrawn `SafetyNet` service are verified (8.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SafetyNetPolicy {
    /// The format counts as unsupported.
    #[default]
    Refused,
    /// For old records and conformance tools.
    Accepted {
        /// How old a response may be, in seconds before the moment of registration; it must not be younger than that
        /// moment. `None`: its time is not judged.
        // With the adapter, an absent member is an error instead of `None`.
        #[serde(deserialize_with = "Option::deserialize")]
        max_age_seconds: Option<u32>,
    },
}

/// Which statements of a `compound` attestation must hold (8.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum CompoundPolicy {
    /// Every one must verify and be acceptable.
    #[default]
    All,
    /// At least one must verify and lead to a trust anchor. The others are disregarded.
    OneTrusted,
}

impl Default for AttestationPolicy {
    /// For production: every current format that verifies is accepted, chains are not judged.
    fn default() -> Self {
        Self {
            statement: StatementPolicy::default(),
            models: ModelPolicy::default(),
            allow_none: true,
            allow_self: true,
            allow_unknown_trust: true,
            trust_anchors: CertificateList::default(),
            intermediates: CertificateList::default(),
            refuse_root_in_path: false,
            u2f_aaguid_must_be_zero: false,
            rs1_credentials: false,
            algorithm_must_be_listed: false,
            allow_rs1: true,
            accept_test_tpm_vendor: false,
            tpm_vendors: Vec::new(),
            android_key: AndroidKeyPolicy::default(),
            android_safetynet: SafetyNetPolicy::default(),
            compound: CompoundPolicy::default(),
            metadata: MetadataPolicy::default(),
        }
    }
}

impl AttestationPolicy {
    /// For verifying recorded ceremonies: as [`AttestationPolicy::default`], and chains must lead to one of these DER
    /// certificates, if there are any.
    #[must_use]
    pub fn recorded(trust_anchors: Vec<Vec<u8>>) -> Self {
        Self {
            trust_anchors: trust_anchors.into(),
            ..Self::default()
        }
    }

    /// For conformance tools: their test vendors, retired formats and algorithms, and stricter than Level 3 where they are.
    #[must_use]
    pub fn conformance(trust_anchors: Vec<Vec<u8>>) -> Self {
        Self {
            refuse_root_in_path: true,
            u2f_aaguid_must_be_zero: true,
            rs1_credentials: true,
            algorithm_must_be_listed: true,
            accept_test_tpm_vendor: true,
            android_safetynet: SafetyNetPolicy::Accepted {
                max_age_seconds: Some(60),
            },
            ..Self::recorded(trust_anchors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conformance_tools_get_their_vendors_and_retired_formats_and_stricter_rules() {
        let anchors = vec![vec![0x30, 0]];
        let policy = AttestationPolicy::conformance(anchors.clone());
        assert!(policy.refuse_root_in_path);
        assert!(policy.u2f_aaguid_must_be_zero);
        assert!(policy.allow_rs1 && policy.rs1_credentials);
        assert!(AttestationPolicy::default().allow_rs1);
        assert!(policy.algorithm_must_be_listed);
        assert!(policy.accept_test_tpm_vendor);
        assert_eq!(
            policy.android_safetynet,
            SafetyNetPolicy::Accepted {
                max_age_seconds: Some(60)
            }
        );
        assert_eq!(*policy.trust_anchors, anchors);
        assert!(policy.allow_none && policy.allow_self && policy.allow_unknown_trust);
    }
}
