//! `Reason` to class: what a refusal of the domain is on this wire.

use domain::Reason;

/// What kind of refusal a reason is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request or the credential in it is not in form, or against a rule.
    Request,
    /// The answer of the authenticator was read and not accepted, or its ceremony is not open.
    Verdict,
    /// Something that the request names is not there.
    Absent,
    /// The request is against how things stand.
    Conflict,
    /// The caller may not.
    Denied,
    /// The store does not answer; it may later.
    Unavailable,
    /// Our own fault.
    Internal,
}

impl Class {
    /// The HTTP status at the root. In the dialect all but the last three are 200.
    pub const fn status(self) -> u16 {
        match self {
            Self::Request | Self::Verdict => 400,
            Self::Absent => 404,
            Self::Conflict => 409,
            Self::Denied => 401,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// The class of a reason. There is no wildcard: a new reason does not compile until it has a class here.
pub const fn class(reason: Reason) -> Class {
    use Reason as R;
    match reason {
        R::JsonMalformed
        | R::JsonDuplicateMember
        | R::JsonTooDeep
        | R::JsonTooLarge
        | R::RequestInvalid
        | R::CredentialTypeMismatch
        | R::CredentialIdInvalid
        | R::AuthenticatorAttachmentInvalid
        | R::ResponseMemberMissing
        | R::ResponseInconsistent
        | R::Base64Invalid
        | R::SignatureMalformed
        | R::UserHandleInvalid
        | R::ClientDataMalformed
        | R::ClientDataTypeMismatch
        | R::AuthenticatorCriteriaMissing
        | R::RelyingPartyIncomplete
        | R::CredentialNotRegistered => Class::Request,

        R::CeremonyNotFound
        | R::CeremonyExpired
        | R::CeremonyUsed
        | R::CredentialIdMismatch
        | R::CredentialIdTooLong
        | R::CredentialIdTooShort
        | R::AttestationObjectMalformed
        | R::ChallengeMismatch
        | R::OriginNotAllowed
        | R::CrossOriginNotAllowed
        | R::TopOriginNotAllowed
        | R::TokenBindingUnsupported
        | R::CborMalformed
        | R::CborDuplicateKey
        | R::TrailingBytes
        | R::AttestationObjectMembers
        | R::AuthenticatorDataMalformed
        | R::RpIdHashMismatch
        | R::UserNotPresent
        | R::UserNotVerified
        | R::BackupFlagsInvalid
        | R::BackupPolicyRefused
        | R::BackupEligibilityChanged
        | R::AttestedCredentialDataMissing
        | R::AttestedCredentialDataUnexpected
        | R::CoseKeyMalformed
        | R::CoseKeyAlgorithmMismatch
        | R::CoseKeyPointInvalid
        | R::CoseKeyRsaInvalid
        | R::AlgorithmNotAllowed
        | R::AlgorithmUnsupported
        | R::SignatureInvalid
        | R::AttestationFormatUnsupported
        | R::AttestationStatementMalformed
        | R::AttestationSignatureInvalid
        | R::AttestationAlgorithmMismatch
        | R::AttestationKeyMismatch
        | R::AttestationCertificateKey
        | R::CertificateRequirements
        | R::AaguidExtensionMismatch
        | R::AaguidNotZero
        | R::AttestationUntrusted
        | R::AttestationPolicyRefused
        | R::AttestationRevoked
        | R::CertificateExpired
        | R::CertificateNotYetValid
        | R::TpmStructure
        | R::TpmPubareaKeyMismatch
        | R::TpmVendorUnknown
        | R::TpmMagic
        | R::TpmType
        | R::TpmExtraData
        | R::TpmNameMismatch
        | R::AndroidKeyExtension
        | R::AndroidKeyChallenge
        | R::AndroidKeyAllApplications
        | R::AndroidKeyOrigin
        | R::AndroidKeyPurpose
        | R::SafetynetMalformed
        | R::SafetynetVersion
        | R::SafetynetHost
        | R::SafetynetNonce
        | R::SafetynetCtsProfile
        | R::SafetynetTimestamp
        | R::AppleNonce
        | R::MetadataRootsUnreadable
        | R::AuthenticatorStatusRefused
        | R::AuthenticatorUnknown
        | R::AuthenticatorModelRefused
        | R::CredentialProtectionInsufficient
        | R::CredentialNotAllowed
        | R::CredentialRpMismatch
        | R::UserHandleMissing
        | R::UserHandleMismatch
        | R::SignCountNotIncreased
        | R::MetadataUnavailable
        | R::MetadataMalformed
        | R::MetadataUntrusted
        | R::MetadataRollback
        | R::MetadataStale => Class::Verdict,

        R::UserUnknown | R::CredentialUnknown => Class::Absent,

        R::TooManyCredentials | R::CredentialExists | R::UserExists | R::TooManyPending => {
            Class::Conflict
        }

        R::AccessDenied | R::AccountUnknown => Class::Denied,

        R::StoreUnavailable | R::StoreUnknownOutcome => Class::Unavailable,

        // The Relying Party of this wire stands in the configuration.
        R::RelyingPartyUnknown | R::RecordUnreadable | R::Internal => Class::Internal,
    }
}
