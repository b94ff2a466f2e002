//! The words of a policy document: choices, each of which stands for a value of the domain.

use domain::model::policy as d;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webauthn::attestation::{CompoundPolicy, StaleMetadata as Stale, UnknownModels as Unknown};
use webauthn::authentication::{BackupEligibilityPolicy, SignCountPolicy};
use webauthn::extension as e;
use webauthn::options::AttestationConveyance;
use webauthn::registration::BackupPolicy;

use crate::api::manage::words::words;

words! {
    /// When an authentication for a named user lists that user's credentials.
    AllowCredentials = d::AllowCredentials {
        /// Always.
        Always,
        /// When one of them may not be discoverable.
        Auto,
        /// Never.
        Never,
    }

    /// Whether a request may name another relying party than the configured one.
    RelyingPartyOverride = d::RelyingPartyOverride {
        /// Any.
        Allowed,
        /// Only the configured RP ID and some of the configured origins.
        ConfiguredOnly,
    }

    /// Statements that are signed with SHA-1.
    Sha1 = d::Sha1Policy {
        /// They are accepted, and it is reported.
        Accept,
        /// They are refused.
        Refuse,
    }

    /// What happens when a signature counter does not grow.
    SignCount = SignCountPolicy {
        /// It is reported.
        Signal,
        /// It is refused.
        Refuse,
    }

    /// Which new credentials are accepted.
    BackupCredentials = BackupPolicy {
        /// All.
        Any,
        /// Credentials that never leave their device.
        DeviceBound,
        /// Credentials that can be synced.
        Eligible,
        /// Credentials that are synced already.
        BackedUp,
    }

    /// What happens when the backup-eligibility bit changes.
    EligibilityChange = BackupEligibilityPolicy {
        /// A gain is accepted and reported, a loss is refused.
        AcceptGain,
        /// A gain and a loss are accepted and reported.
        AcceptChange,
        /// Every change is refused.
        Strict,
    }

    /// The attestation conveyance in the options.
    Conveyance = AttestationConveyance {
        /// None is requested.
        None,
        /// The client may make it anonymous.
        Indirect,
        /// As the authenticator makes it.
        Direct,
        /// One that identifies the single device.
        Enterprise,
    }

    /// What is demanded of attestation.
    Requirement = d::AttestationRequirement {
        /// Nothing: the format is recorded, the statement is not verified.
        Ignore,
        /// A statement must verify, and lead to a trust anchor if one is known for the model. None is required.
        Verify,
        /// A statement is required, and must lead to a trust anchor of this policy or of the metadata.
        Trusted,
    }

    /// What happens with models that the metadata does not list.
    UnknownModels = Unknown {
        /// They are accepted.
        Accept,
        /// They are refused. If `conveyance` or the request is `none`, a statement that comes all the same counts as absent.
        Refuse,
    }

    /// What happens with attestations while the metadata is stale.
    StaleMetadata = Stale {
        /// They are checked against the stale metadata.
        Accept,
        /// They are refused.
        Refuse,
    }

    /// Which statements of a `compound` attestation must verify.
    Compound = CompoundPolicy {
        /// Every one.
        All,
        /// At least one, and it must lead to a trust anchor.
        OneTrusted,
    }

    /// How a credential may be used without user verification.
    #[expect(clippy::enum_variant_names, reason = "these are the names of CTAP 12.1")]
    ProtectionLevel = e::CredentialProtection {
        /// Always.
        UserVerificationOptional,
        /// When the request lists it.
        UserVerificationOptionalWithCredentialIdList,
        /// Never.
        UserVerificationRequired,
    }

    /// Whether the credential should be able to store a blob.
    LargeBlob = e::LargeBlobSupport {
        /// Preferred.
        Preferred,
        /// The client fails without it.
        Required,
    }
}
