//! The policy of a Relying Party as a JSON document, and both ways between it and the domain's.

use domain::model::policy::Policy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webauthn::attestation::SafetyNetPolicy;
use webauthn::extension::PrfInputs;
use webauthn::registration::CrossOrigin;

use super::words::{
    AllowCredentials, BackupCredentials, Compound, Conveyance, EligibilityChange, LargeBlob,
    ProtectionLevel, RelyingPartyOverride, Requirement, Sha1, SignCount, StaleMetadata,
    UnknownModels,
};
use crate::pem::to_pem;

/// What a Relying Party demands of its ceremonies. Each ceremony is judged by the policy under which it began.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Algorithms of new credentials by their registered names, most wanted first. ML-DSA is always offered behind the others,
    /// and only when it is named here. RS1 can never be named.
    #[schema(example = json!(["EdDSA", "ES256", "RS256"]))]
    pub algorithms: Vec<String>,
    /// Every ceremony demands user verification, whatever the service's settings and requests wish.
    pub user_verification_required: bool,
    /// Time for a registration, in milliseconds.
    #[schema(minimum = 1000, maximum = 600_000)]
    pub registration_timeout_ms: u32,
    /// Time for an authentication, in milliseconds.
    #[schema(minimum = 1000, maximum = 600_000)]
    pub authentication_timeout_ms: u32,
    /// When options list a named user's credentials.
    pub allow_credentials: AllowCredentials,
    /// Whether a request may name another relying party.
    pub relying_party_override: RelyingPartyOverride,
    /// What a signature counter does that does not grow.
    pub sign_count: SignCount,
    /// Ceremonies in frames of other origins.
    pub cross_origin: Embedding,
    /// Synced and device-bound credentials.
    pub backup: Backup,
    /// How much of each there may be.
    pub limits: Limits,
    /// What is wished and accepted as attestation.
    pub attestation: Attestation,
    /// The extensions that options ask for.
    pub extensions: Extensions,
}

/// Ceremonies in frames of other origins.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Whether a ceremony may run in a frame of another origin.
    pub allowed: bool,
    /// The origins of the pages that may embed it, where the client names the page.
    pub top_origins: Vec<String>,
}

/// Synced and device-bound credentials.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Which new credentials are accepted.
    pub credentials: BackupCredentials,
    /// What a change of the backup-eligibility bit does. Where only device-bound credentials are accepted it is as with `strict`.
    pub eligibility_change: EligibilityChange,
}

/// How much of each there may be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most credentials of one user.
    #[schema(minimum = 1, maximum = 1000)]
    pub credentials_per_user: u32,
    /// Most pending ceremonies of one kind of one user; the oldest make room.
    #[schema(minimum = 1, maximum = 1000)]
    pub pending_per_user: u32,
    /// Fewest bytes of a credential id.
    #[schema(minimum = 1, maximum = 1023)]
    pub min_credential_id_length: u16,
}

/// What is wished and accepted as attestation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The wish in the options.
    pub conveyance: Conveyance,
    /// What is demanded of the answer.
    pub requirement: Requirement,
    /// Trust anchors beside those of the metadata, each a certificate as PEM. A model with anchors in the metadata leads to
    /// those.
    pub trust_anchors: Vec<String>,
    /// Certificates, as PEM, that complete chains which lack them. They are no anchors.
    pub intermediates: Vec<String>,
    /// Which authenticator models are accepted. An AAGUID is proven by trusted attestation only.
    pub models: Models,
    /// What is made of metadata about the model.
    pub metadata: Metadata,
    /// What single formats have to say.
    pub formats: Formats,
}

/// Which authenticator models are accepted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// AAGUIDs; when there is one here, all others are refused.
    pub allowed: Vec<String>,
    /// AAGUIDs that are refused.
    pub denied: Vec<String>,
}

/// What is made of metadata about the model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Models that the metadata do not know.
    pub unknown_models: UnknownModels,
    /// Metadata that should have been renewed already.
    pub stale: StaleMetadata,
    /// Statuses, in the words of the metadata, that refuse a model.
    pub refused_statuses: Vec<String>,
    /// Certification levels, one of which a model must have; then attestation must also prove the model. None: nothing is
    /// demanded.
    pub required_levels: Vec<String>,
}

/// What single formats have to say.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Formats {
    /// A chain that contains a root certificate is refused, as conformance tools want it.
    pub refuse_root_in_path: bool,
    /// `fido-u2f` must come with an AAGUID of zeros, as conformance tools want it.
    pub u2f_aaguid_must_be_zero: bool,
    /// Which statements of `compound` must hold.
    pub compound: Compound,
    /// `tpm`.
    pub tpm: Tpm,
    /// `android-key`.
    pub android_key: AndroidKey,
    /// `android-safetynet`.
    pub android_safetynet: SafetyNet,
}

/// `tpm`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tpm {
    /// Statements signed with SHA-1, as those of Windows Hello are.
    pub sha1: Sha1,
    /// Vendor ids of conformance tools are accepted.
    pub test_vendors: bool,
    /// Vendor ids beside those of the registry: `id:` and eight hexadecimal digits.
    pub vendors: Vec<String>,
}

/// `android-key`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AndroidKey {
    /// Only what hardware enforces counts, and the key must live in a trusted environment.
    pub trusted_environment: bool,
    /// The key signs and does nothing else.
    pub only_signing: bool,
    /// The device was locked and its boot verified.
    pub verified_boot: bool,
    /// The dates of the key's own certificate count below Google's roots too, where many devices write dates that mean nothing.
    pub leaf_validity: bool,
}

/// `android-safetynet`, a service that was withdrawn.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SafetyNet {
    /// Whether such statements are verified; otherwise the format is refused.
    pub accepted: bool,
    /// How old a response may be, in seconds; null: its time is not judged.
    pub max_age_seconds: Option<u32>,
}

/// The extensions that options ask for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extensions {
    /// `credProps`: registrations ask whether the credential is discoverable.
    pub cred_props: bool,
    /// `appid`: credentials of this U2F application, an https URL, may answer authentications that list credentials.
    pub appid: Option<String>,
    /// `appidExclude`: registrations exclude credentials of this U2F application, an https URL.
    pub appid_exclude: Option<String>,
    /// `credProtect`; null: not asked for.
    pub credential_protection: Option<Protection>,
    /// `minPinLength`: registrations ask for the authenticator's shortest PIN.
    pub min_pin_length: bool,
    /// `largeBlob`; null: not asked for.
    pub large_blob: Option<LargeBlob>,
    /// `prf`; null: not asked for.
    pub prf: Option<Prf>,
    /// `uvm`: both ceremonies ask how the user was verified.
    pub uvm: bool,
}

/// `credProtect`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    /// The level asked for.
    pub level: ProtectionLevel,
    /// Whether a registration is refused when the authenticator does not report that level or a higher one.
    pub enforce: bool,
}

/// `prf`. Without inputs, registrations ask whether the credential can evaluate the function at all.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prf {
    /// First input, base64url; both ceremonies hand it to the client.
    pub first: Option<String>,
    /// Second input, base64url.
    pub second: Option<String>,
}

impl From<&Policy> for PolicyDocument {
    fn from(policy: &Policy) -> Self {
        let (allowed, top_origins) = match &policy.cross_origin {
            CrossOrigin::Refused => (false, Vec::new()),
            CrossOrigin::Allowed { top_origins } => (true, top_origins.clone()),
        };
        Self {
            algorithms: policy.offer().iter().map(|a| a.name().to_owned()).collect(),
            user_verification_required: policy.user_verification_required,
            registration_timeout_ms: policy.registration_timeout_ms,
            authentication_timeout_ms: policy.authentication_timeout_ms,
            allow_credentials: policy.allow_credentials.into(),
            relying_party_override: policy.relying_party_override.into(),
            sign_count: policy.sign_count.into(),
            cross_origin: Embedding {
                allowed,
                top_origins,
            },
            backup: Backup {
                credentials: policy.backup.into(),
                eligibility_change: policy.backup_eligibility.into(),
            },
            limits: Limits {
                credentials_per_user: policy.max_credentials_per_user,
                pending_per_user: policy.max_pending_per_user,
                min_credential_id_length: policy.min_credential_id_length,
            },
            attestation: Attestation::from(&policy.attestation),
            extensions: Extensions::from(&policy.extensions),
        }
    }
}

impl From<&domain::model::policy::AttestationSettings> for Attestation {
    fn from(settings: &domain::model::policy::AttestationSettings) -> Self {
        let texts =
            |list: &[webauthn::credential::Aaguid]| list.iter().map(ToString::to_string).collect();
        let (accepted, max_age_seconds) = match settings.android_safetynet {
            SafetyNetPolicy::Refused => (false, None),
            SafetyNetPolicy::Accepted { max_age_seconds } => (true, max_age_seconds),
        };
        Self {
            conveyance: settings.conveyance.into(),
            requirement: settings.requirement.into(),
            trust_anchors: settings
                .trust_anchors
                .iter()
                .map(|der| to_pem(der))
                .collect(),
            intermediates: settings
                .intermediates
                .iter()
                .map(|der| to_pem(der))
                .collect(),
            models: Models {
                allowed: texts(&settings.models.allowed),
                denied: texts(&settings.models.denied),
            },
            metadata: Metadata {
                unknown_models: settings.metadata.unknown_models.into(),
                stale: settings.metadata.stale.into(),
                refused_statuses: settings.metadata.refused_statuses.clone(),
                required_levels: settings.metadata.required_levels.clone(),
            },
            formats: Formats {
                refuse_root_in_path: settings.refuse_root_in_path,
                u2f_aaguid_must_be_zero: settings.u2f_aaguid_must_be_zero,
                compound: settings.compound.into(),
                tpm: Tpm {
                    sha1: settings.tpm_sha1.into(),
                    test_vendors: settings.test_tpm_vendors,
                    vendors: settings.tpm_vendors.clone(),
                },
                android_key: AndroidKey {
                    trusted_environment: settings.android_key.trusted_environment,
                    only_signing: settings.android_key.only_signing,
                    verified_boot: settings.android_key.verified_boot,
                    leaf_validity: settings.android_key.leaf_validity,
                },
                android_safetynet: SafetyNet {
                    accepted,
                    max_age_seconds,
                },
            },
        }
    }
}

impl From<&domain::model::policy::ExtensionSettings> for Extensions {
    fn from(settings: &domain::model::policy::ExtensionSettings) -> Self {
        Self {
            cred_props: settings.cred_props,
            appid: settings.appid.clone(),
            appid_exclude: settings.appid_exclude.clone(),
            credential_protection: settings.credential_protection.map(|demand| Protection {
                level: demand.level.into(),
                enforce: demand.enforce,
            }),
            min_pin_length: settings.min_pin_length,
            large_blob: settings.large_blob.map(Into::into),
            prf: settings.prf.as_ref().map(|prf| match prf {
                PrfInputs::Probe => Prf {
                    first: None,
                    second: None,
                },
                PrfInputs::Evaluate(inputs) => Prf {
                    first: Some(inputs.first.clone()),
                    second: inputs.second.clone(),
                },
            }),
            uvm: settings.uvm,
        }
    }
}
