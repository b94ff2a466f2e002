//! What a Relying Party wishes and accepts as attestation.

use serde::{Deserialize, Deserializer, Serialize};
use webauthn::attestation::MetadataPolicy;
use webauthn::attestation::{
    AndroidKeyPolicy, AttestationPolicy, CompoundPolicy, ModelPolicy, SafetyNetPolicy,
    StatementPolicy,
};
use webauthn::options::AttestationConveyance;
use webauthn::x509::CertificateList;

/// What is demanded of attestation, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationRequirement {
    /// Nothing: the format is recorded, the statement is not judged.
    Ignore,
    /// A statement that is there must verify. Where trust anchors are known its chain must lead to one; where none are, the
    /// credential is recorded as of unknown trust. Absent and self attestation are fine.
    Verify,
    /// There must be a statement whose chain leads to a trust anchor of the policy or of the metadata.
    Trusted,
}

/// Whether statements may be signed with SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sha1Policy {
    /// They may, and a signal tells of it: every statement of Windows Hello that is known is signed so.
    #[default]
    Accept,
    /// They are refused.
    Refuse,
}

/// A choice; or `rs1` of old records, which was false in every one whose operator had chosen nothing, and so says nothing.
fn sha1_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sha1Policy, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Chosen(Sha1Policy),
        Rs1(bool),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Chosen(policy) => policy,
        Stored::Rs1(true | false) => Sha1Policy::default(),
    })
}

/// What is wished and accepted as attestation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationSettings {
    /// The wish in the options.
    pub conveyance: AttestationConveyance,
    /// What is demanded of the answer.
    pub requirement: AttestationRequirement,
    /// DER certificates that chains must lead to, for models without anchors in the metadata.
    pub trust_anchors: CertificateList,
    /// DER certificates that complete chains which lack them; no anchors.
    pub intermediates: CertificateList,
    /// Which models are accepted.
    pub models: ModelPolicy,
    /// What is made of metadata about the model.
    pub metadata: MetadataPolicy,
    /// Whether `tpm` statements may be signed with SHA-1.
    #[serde(default, alias = "rs1", deserialize_with = "sha1_policy")]
    pub tpm_sha1: Sha1Policy,
    /// TPM vendor ids of conformance tools are accepted.
    pub test_tpm_vendors: bool,
    /// TPM vendor ids beside the ones of the registry.
    pub tpm_vendors: Vec<String>,
    /// What `android-key` has to say.
    pub android_key: AndroidKeyPolicy,
    /// Whether `android-safetynet` is verified.
    pub android_safetynet: SafetyNetPolicy,
    /// Which statements of `compound` must hold.
    pub compound: CompoundPolicy,
    /// A chain that contains a root certificate is refused.
    pub refuse_root_in_path: bool,
    /// `fido-u2f` must come with an AAGUID of zeros.
    pub u2f_aaguid_must_be_zero: bool,
}

impl AttestationSettings {
    /// What the verifier is given.
    pub(crate) fn freeze(&self) -> AttestationPolicy {
        let (statement, without_trust) = match self.requirement {
            AttestationRequirement::Ignore => (StatementPolicy::Ignored, true),
            AttestationRequirement::Verify => (StatementPolicy::Verified, true),
            AttestationRequirement::Trusted => (StatementPolicy::Verified, false),
        };
        AttestationPolicy {
            statement,
            models: self.models.clone(),
            allow_none: without_trust,
            allow_self: without_trust,
            allow_unknown_trust: without_trust,
            trust_anchors: self.trust_anchors.clone(),
            intermediates: self.intermediates.clone(),
            refuse_root_in_path: self.refuse_root_in_path,
            u2f_aaguid_must_be_zero: self.u2f_aaguid_must_be_zero,
            // Of conformance tools only; metadata in the field list what credentials are signed with, not attestations.
            algorithm_must_be_listed: false,
            rs1_credentials: false,
            allow_rs1: self.tpm_sha1 == Sha1Policy::Accept,
            accept_test_tpm_vendor: self.test_tpm_vendors,
            tpm_vendors: self.tpm_vendors.clone(),
            android_key: self.android_key,
            android_safetynet: self.android_safetynet,
            compound: self.compound,
            metadata: self.metadata.clone(),
        }
    }
}

impl Default for AttestationSettings {
    /// Attestation is not wished for, and what comes all the same must verify.
    fn default() -> Self {
        Self {
            conveyance: AttestationConveyance::None,
            requirement: AttestationRequirement::Verify,
            trust_anchors: CertificateList::default(),
            intermediates: CertificateList::default(),
            models: ModelPolicy::default(),
            metadata: MetadataPolicy::default(),
            tpm_sha1: Sha1Policy::default(),
            test_tpm_vendors: false,
            tpm_vendors: Vec::new(),
            android_key: AndroidKeyPolicy::default(),
            android_safetynet: SafetyNetPolicy::default(),
            compound: CompoundPolicy::default(),
            refuse_root_in_path: false,
            u2f_aaguid_must_be_zero: false,
        }
    }
}
