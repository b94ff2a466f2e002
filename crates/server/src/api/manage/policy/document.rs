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

/// What a Relying Party demands of its ceremonies. Each ceremony is verified with the policy under which it started.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Algorithms of new credentials by their registered names, preferred ones first. ML-DSA is offered after all others,
    /// and only if it is named here. RS1 is not allowed.
    #[schema(example = json!(["EdDSA", "ES256", "RS256"]))]
    pub algorithms: Vec<String>,
    /// Every ceremony demands user verification, whatever the service's settings and requests say.
    pub user_verification_required: bool,
    /// Time for a registration, in milliseconds.
    #[schema(minimum = 1000, maximum = 600_000)]
    pub registration_timeout_ms: u32,
    /// Time for an authentication, in milliseconds.
    #[schema(minimum = 1000, maximum = 600_000)]
    pub authentication_timeout_ms: u32,
    /// Whether options list the credentials of a named user.
    pub allow_credentials: AllowCredentials,
    /// Whether a request may name another relying party.
    pub relying_party_override: RelyingPartyOverride,
    /// What happens when a signature counter does not grow.
    pub sign_count: SignCount,
    /// Ceremonies in frames of other origins.
    pub cross_origin: Embedding,
    /// Synced and device-bound credentials.
    pub backup: Backup,
    /// Authentications are sealed into their challenges: a start writes nothing to the store. Until its response arrives, an
    /// authentication cannot be listed, counted or removed. For a high volume of sign-ins.
    pub sealed_authentications: bool,
    /// Limits.
    pub limits: Limits,
    /// What is requested and accepted as attestation.
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
    /// The origins of the pages that may embed it, if the client names the page.
    pub top_origins: Vec<String>,
}

/// Synced and device-bound credentials.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Which new credentials are accepted.
    pub credentials: BackupCredentials,
    /// What happens when the backup-eligibility bit changes. If only device-bound credentials are accepted, it is always `strict`.
    pub eligibility_change: EligibilityChange,
}

/// Limits.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most credentials of one user.
    #[schema(minimum = 1, maximum = 1000)]
    pub credentials_per_user: u32,
    /// Most pending ceremonies of one kind of one user. The oldest are removed.
    #[schema(minimum = 1, maximum = 1000)]
    pub pending_per_user: u32,
    /// Fewest bytes of a credential id.
    #[schema(minimum = 1, maximum = 1023)]
    pub min_credential_id_length: u16,
}

/// What is requested and accepted as attestation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The value in the options.
    pub conveyance: Conveyance,
    /// What is demanded of the response.
    pub requirement: Requirement,
    /// Trust anchors besides those of the metadata, each a certificate as PEM. A model with anchors in the metadata must lead to
    /// those.
    pub trust_anchors: Vec<String>,
    /// Certificates, as PEM, that complete incomplete chains. They are not anchors.
    pub intermediates: Vec<String>,
    /// Which authenticator models are accepted. An AAGUID is proven by trusted attestation only.
    pub models: Models,
    /// The use of metadata about the model.
    pub metadata: Metadata,
    /// Rules for single formats.
    pub formats: Formats,
}

/// Which authenticator models are accepted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// AAGUIDs. If the list is not empty, all others are refused.
    pub allowed: Vec<String>,
    /// AAGUIDs that are refused.
    pub denied: Vec<String>,
}

/// The use of metadata about the model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Models that the metadata does not list.
    pub unknown_models: UnknownModels,
    /// Stale metadata.
    pub stale: StaleMetadata,
    /// The statuses of the metadata that refuse a model.
    pub refused_statuses: Vec<String>,
    /// Certification levels. A model must have one of them, and attestation must prove the model. An empty list demands
    /// nothing.
    pub required_levels: Vec<String>,
}

/// Rules for single formats.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Formats {
    /// A chain that contains a root certificate is refused, as conformance tools expect.
    pub refuse_root_in_path: bool,
    /// `fido-u2f` must have an AAGUID of zeros, as conformance tools expect.
    pub u2f_aaguid_must_be_zero: bool,
    /// Which statements of `compound` must verify.
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
    /// Vendor ids besides those of the registry: `id:` and eight hexadecimal digits.
    pub vendors: Vec<String>,
}

/// `android-key`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AndroidKey {
    /// Only what hardware enforces counts, and the key must be in a trusted environment.
    pub trusted_environment: bool,
    /// The key signs and does nothing else.
    pub only_signing: bool,
    /// The device was locked and its boot verified.
    pub verified_boot: bool,
    /// The dates of the key's own certificate are checked below Google's roots too, where many devices write meaningless dates.
    pub leaf_validity: bool,
}

/// `android-safetynet`, a service that was withdrawn.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SafetyNet {
    /// Whether such statements are verified; otherwise the format is refused.
    pub accepted: bool,
    /// How old a response may be, in seconds; null: its time is not checked.
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
    /// `credProtect`; null: not requested.
    pub credential_protection: Option<Protection>,
    /// `minPinLength`: registrations ask for the authenticator's shortest PIN.
    pub min_pin_length: bool,
    /// `largeBlob`; null: not requested.
    pub large_blob: Option<LargeBlob>,
    /// `prf`; null: not requested.
    pub prf: Option<Prf>,
    /// `uvm`: both ceremonies ask how the user was verified.
    pub uvm: bool,
}

/// `credProtect`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    /// The requested level.
    pub level: ProtectionLevel,
    /// Whether a registration is refused if the authenticator does not report that level or a higher one.
    pub enforce: bool,
}

/// `prf`. Without inputs, registrations ask whether the credential can evaluate the function at all.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prf {
    /// First input, base64url; both ceremonies pass it to the client.
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
            sealed_authentications: policy.sealed_authentications,
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
