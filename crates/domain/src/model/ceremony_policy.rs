//! What ceremonies are judged by, apart from what is their own: fixed when they start. Ceremonies that start under the same
//! settings share one.

use serde::{Deserialize, Serialize};
use webauthn::attestation::AttestationPolicy;
use webauthn::authentication::{BackupEligibilityPolicy, Rules, SignCountPolicy};
use webauthn::cose::CoseAlgorithm;
use webauthn::extension::CredentialProtection;
use webauthn::options::UserVerification;
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin};
use webauthn::relying_party::RpId;

use crate::model::policy::Selection;

/// What registrations are judged by (WebAuthn L3 7.1). It never changes. A stored one that lacks a member cannot be read, so a
/// lost demand refuses instead of passing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationPolicy {
    /// The settings in force, kept with the credential.
    pub selection: Selection,
    /// Whether the ceremony may run in a frame of another origin.
    pub cross_origin: CrossOrigin,
    /// The algorithms that were offered, most wanted first.
    pub algorithms: Vec<CoseAlgorithm>,
    /// What is accepted as attestation.
    pub attestation: AttestationPolicy,
    /// What is accepted as to synced credentials.
    pub backup: BackupPolicy,
    /// Fewest bytes of a credential id.
    pub min_credential_id_length: u16,
    /// The least protection that the authenticator must report (CTAP 12.1); `None`: nothing is demanded.
    // With the adapter, an absent member is an error instead of `None`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub credential_protection: Option<CredentialProtection>,
    /// Most credentials that the user may have, the new one included.
    pub max_credentials: u32,
}

/// What authentications are judged by (WebAuthn L3 7.2). It never changes. A stored one that lacks a member cannot be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationPolicy {
    /// The RP ID.
    pub rp_id: RpId,
    /// Origins that may take part.
    pub origins: Vec<Origin>,
    /// Whether the ceremony may run in a frame of another origin.
    pub cross_origin: CrossOrigin,
    /// Whether the user is to be verified.
    pub user_verification: UserVerification,
    /// Time given to the client, in milliseconds.
    pub timeout_ms: u32,
    /// What a signature counter that does not grow does.
    pub sign_count: SignCountPolicy,
    /// What a changed backup eligibility does.
    pub backup_eligibility: BackupEligibilityPolicy,
    /// The rules of the verification.
    pub rules: Rules,
}
