//! What a Relying Party demands of its ceremonies: data that is resolved once, when a ceremony starts.

use serde::{Deserialize, Serialize};
use webauthn::authentication::{BackupEligibilityPolicy, SignCountPolicy};
use webauthn::cose::CoseAlgorithm;
use webauthn::options::{AuthenticatorAttachment, ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin};
use webauthn::relying_party::RpId;

mod attestation;

pub(crate) mod conformance;

mod extensions;

pub use attestation::{AttestationRequirement, AttestationSettings, Sha1Policy};

pub use extensions::{ExtensionSettings, ProtectionDemand};

/// Authenticator attachment as configured; `Any` leaves the choice to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Only authenticators built into the device.
    Platform,
    /// Only authenticators that move between devices.
    CrossPlatform,
    /// Either.
    Any,
}

impl Attachment {
    /// The member of the creation options, absent for `Any`.
    pub fn to_option(self) -> Option<AuthenticatorAttachment> {
        match self {
            Self::Platform => Some(AuthenticatorAttachment::Platform),
            Self::CrossPlatform => Some(AuthenticatorAttachment::CrossPlatform),
            Self::Any => None,
        }
    }
}

/// The configured settings for new credentials. A Relying Party has them; the settings of a request
/// take precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialSelection {
    /// The RP ID.
    pub rp_id: Option<RpId>,
    /// Name shown to the user.
    pub rp_name: Option<String>,
    /// Origins that may take part, compared as exact strings.
    pub origins: Option<Vec<Origin>>,
    /// Which kind of authenticator to ask for.
    pub attachment: Option<Attachment>,
    /// Whether the credential should be discoverable.
    pub resident_key: Option<ResidentKey>,
    /// Whether the user should be verified.
    pub user_verification: Option<UserVerification>,
}

/// All settings for a credential, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The RP ID.
    pub rp_id: RpId,
    /// Name shown to the user.
    pub rp_name: String,
    /// Origins that may take part.
    pub origins: Vec<Origin>,
    /// Which kind of authenticator was asked for.
    pub attachment: Attachment,
    /// Whether the credential was to be discoverable.
    pub resident_key: ResidentKey,
    /// Whether the user was to be verified.
    pub user_verification: UserVerification,
}

/// When an authentication for a known user lists that user's credentials in the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowCredentials {
    /// Always.
    Always,
    /// Only when the user has a credential that may not be discoverable.
    Auto,
    /// Never. The owner of the credential is checked all the same.
    Never,
}

/// Whether a request may name a relying party other than the configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelyingPartyOverride {
    /// Any well-formed RP ID and origins: the caller holds the account's secret and could
    /// configure them as well.
    Allowed,
    /// Only the configured RP ID and a subset of the configured origins.
    ConfiguredOnly,
}

/// What a Relying Party demands beyond its [`PartialSelection`].
///
/// Records of Relying Parties live long, so a member that joins later has a default: what held before there was a choice. In
/// a ceremony, into which all of this is frozen, a missing member makes the record unreadable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Algorithms for new credentials, most wanted first. They are offered as [`Policy::offer`] says.
    pub algorithms: Vec<CoseAlgorithm>,
    /// Whether every ceremony demands user verification, whatever settings and requests say.
    #[serde(default)]
    pub user_verification_required: bool,
    /// Time for a registration, in milliseconds.
    pub registration_timeout_ms: u32,
    /// Time for an authentication, in milliseconds.
    pub authentication_timeout_ms: u32,
    /// Whether options list a known user's credentials.
    pub allow_credentials: AllowCredentials,
    /// What happens when a signature counter does not grow.
    pub sign_count: SignCountPolicy,
    /// What happens when the backup-eligibility bit changes; see also [`Policy::backup`].
    pub backup_eligibility: BackupEligibilityPolicy,
    /// Which credentials are accepted with regard to backups. If only device-bound credentials are, the
    /// backup-eligibility bit must not change later either.
    #[serde(default)]
    pub backup: BackupPolicy,
    /// Whether ceremonies may run inside a frame of another origin.
    pub cross_origin: CrossOrigin,
    /// Whether a request may name another relying party.
    pub relying_party_override: RelyingPartyOverride,
    /// Most credentials that one user may have.
    pub max_credentials_per_user: u32,
    /// Most pending ceremonies of one kind that one user may have. The oldest are removed.
    pub max_pending_per_user: u32,
    /// Shortest credential id accepted at registration, in bytes.
    pub min_credential_id_length: u16,
    /// Whether authentications are sealed into their challenges. A start then writes nothing, and an authentication that
    /// waits for its response cannot be shown, counted or removed.
    #[serde(default)]
    pub sealed_authentications: bool,
    /// What is requested and accepted as attestation.
    #[serde(default)]
    pub attestation: AttestationSettings,
    /// The extensions that options ask for.
    #[serde(default)]
    pub extensions: ExtensionSettings,
}

/// Longest time for a ceremony, in milliseconds.
pub const MAX_TIMEOUT_MS: u32 = 600_000;

impl Policy {
    /// The algorithms in the order in which they are offered: post-quantum algorithms last, because some clients fail on
    /// algorithms that they do not know, and none that cannot be verified.
    pub fn offer(&self) -> Vec<CoseAlgorithm> {
        let known = self.algorithms.iter().copied().filter(|a| a.is_supported());
        let (last, mut offer): (Vec<_>, Vec<_>) = known.partition(|a| a.is_post_quantum());
        offer.extend(last);
        offer
    }

    /// What happens when the backup-eligibility bit changes, with [`Policy::backup`] taken into account.
    pub(crate) fn effective_backup_eligibility(&self) -> BackupEligibilityPolicy {
        match self.backup {
            BackupPolicy::DeviceBound => BackupEligibilityPolicy::Strict,
            BackupPolicy::Any | BackupPolicy::Eligible | BackupPolicy::BackedUp => {
                self.backup_eligibility
            }
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            // The order that WebAuthn L3 5.4 recommends.
            algorithms: vec![
                CoseAlgorithm::EDDSA,
                CoseAlgorithm::ES256,
                CoseAlgorithm::RS256,
            ],
            user_verification_required: false,
            registration_timeout_ms: 600_000,
            authentication_timeout_ms: 300_000,
            allow_credentials: AllowCredentials::Always,
            sign_count: SignCountPolicy::Signal,
            backup_eligibility: BackupEligibilityPolicy::AcceptGain,
            backup: BackupPolicy::Any,
            cross_origin: CrossOrigin::Refused,
            relying_party_override: RelyingPartyOverride::Allowed,
            max_credentials_per_user: 50,
            max_pending_per_user: 20,
            min_credential_id_length: 16,
            sealed_authentications: false,
            attestation: AttestationSettings::default(),
            extensions: ExtensionSettings::default(),
        }
    }
}

#[cfg(test)]
mod tests;
