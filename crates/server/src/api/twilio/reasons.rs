//! `Reason` to code: what a refusal of the domain is called on this wire (contract section 9).

use domain::Reason;

use super::codes::Code;

/// Which kind of call was refused; the same reason has another code in another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Everything that names its object in the path: services, entities, factors, challenges, webhooks, lists.
    Resource,
    /// `POST Passkeys/Factors`.
    CreateFactor,
    /// `POST Passkeys/VerifyFactor`.
    VerifyFactor,
    /// `POST Passkeys/Challenges`.
    CreateChallenge,
    /// `POST Passkeys/ApproveChallenge`.
    ApproveChallenge,
}

impl Call {
    /// Every kind of call.
    pub const ALL: &'static [Self] = &[
        Self::Resource,
        Self::CreateFactor,
        Self::VerifyFactor,
        Self::CreateChallenge,
        Self::ApproveChallenge,
    ];

    /// The call as the contract names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "path resources",
            Self::CreateFactor => "Passkeys/Factors",
            Self::VerifyFactor => "VerifyFactor",
            Self::CreateChallenge => "Passkeys/Challenges",
            Self::ApproveChallenge => "ApproveChallenge",
        }
    }

    /// The code of a verdict that only the two finishing calls can meet. Anywhere else it would be an error of ours.
    const fn verdict(self, verify_factor: Code, approve_challenge: Code) -> Code {
        match self {
            Self::VerifyFactor => verify_factor,
            Self::ApproveChallenge => approve_challenge,
            Self::Resource | Self::CreateFactor | Self::CreateChallenge => Code::InternalError,
        }
    }

    /// The code for something that is not there: things in the path are resources, things in the body have codes
    /// of their own (contract, end of section 9.3).
    const fn absent(self, named_in_body: Code) -> Code {
        match self {
            Self::Resource => Code::NotFound,
            _ => named_in_body,
        }
    }
}

/// The code for a reason in a call. There is no wildcard: a new reason does not compile until it has a code here.
pub const fn code(call: Call, reason: Reason) -> Code {
    use Code as C;
    use Reason as R;
    match reason {
        // The body as such.
        R::JsonMalformed
        | R::JsonDuplicateMember
        | R::JsonTooDeep
        | R::JsonTooLarge
        | R::RequestInvalid => C::InvalidRequest,

        // Form of the credential. These codes are given where the form is read, which knows the member; what is here
        // is the code where only the reason is known.
        R::CredentialIdInvalid => C::CredentialIdInvalid,
        R::AuthenticatorAttachmentInvalid => C::AttachmentInvalid,
        R::CredentialTypeMismatch | R::ResponseMemberMissing | R::ResponseInconsistent => {
            C::ResponseInvalid
        }
        R::SignatureMalformed => C::SignatureInvalid,
        R::UserHandleInvalid => C::EntitySidInvalid,
        R::ClientDataMalformed | R::ClientDataTypeMismatch => C::ClientDataInvalid,

        // Attestation object and authenticator data that cannot be read.
        R::Base64Invalid
        | R::CborMalformed
        | R::CborDuplicateKey
        | R::TrailingBytes
        | R::AuthenticatorDataMalformed => {
            call.verdict(C::AttestationObjectInvalid, C::AuthenticatorDataInvalid)
        }
        R::AttestationObjectMalformed
        | R::AttestationObjectMembers
        | R::AttestationFormatUnsupported
        | R::AttestationStatementMalformed => {
            call.verdict(C::AttestationObjectInvalid, C::InternalError)
        }
        R::CredentialIdTooLong | R::CredentialIdTooShort => {
            call.verdict(C::AttestedCredentialDataInvalid, C::CredentialIdInvalid)
        }
        R::AttestedCredentialDataMissing | R::AttestedCredentialDataUnexpected => call.verdict(
            C::AttestedCredentialDataInvalid,
            C::AuthenticatorDataInvalid,
        ),
        // At an authentication the key is a stored one, so a bad one fails the verification.
        R::CoseKeyMalformed
        | R::CoseKeyAlgorithmMismatch
        | R::CoseKeyPointInvalid
        | R::CoseKeyRsaInvalid
        | R::AlgorithmNotAllowed
        | R::AlgorithmUnsupported => {
            call.verdict(C::PublicKeyInvalid, C::ChallengeVerificationFailed)
        }

        // Read, and found not to prove what was asked for.
        R::CredentialIdMismatch
        | R::ChallengeMismatch
        | R::OriginNotAllowed
        | R::CrossOriginNotAllowed
        | R::TopOriginNotAllowed
        | R::TokenBindingUnsupported
        | R::RpIdHashMismatch
        | R::UserNotPresent
        | R::UserNotVerified
        | R::BackupFlagsInvalid
        | R::BackupPolicyRefused
        | R::BackupEligibilityChanged
        | R::SignatureInvalid
        | R::CredentialNotAllowed
        | R::UserHandleMissing
        | R::UserHandleMismatch
        | R::SignCountNotIncreased => {
            call.verdict(C::FactorVerificationFailed, C::ChallengeVerificationFailed)
        }
        R::AttestationSignatureInvalid
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
        | R::AuthenticatorModelRefused
        | R::CredentialProtectionInsufficient
        | R::MetadataRootsUnreadable
        | R::AuthenticatorStatusRefused
        | R::AuthenticatorUnknown
        // That the policy demands metadata which are not there is no fault of the request's, but no failure of
        // this server either: nothing gets better when the client tries again.
        | R::MetadataUnavailable
        | R::MetadataStale => call.verdict(C::FactorVerificationFailed, C::InternalError),

        // Records, and how they stand.
        R::CeremonyNotFound => match call {
            Call::Resource => C::NotFound,
            Call::VerifyFactor => C::FactorNotFound,
            Call::CreateFactor | Call::CreateChallenge | Call::ApproveChallenge => {
                C::ChallengeNotFound
            }
        },
        R::CeremonyUsed => call.verdict(C::FactorStatusIllegal, C::ChallengeResponded),
        R::CeremonyExpired => call.verdict(C::FactorStatusIllegal, C::ChallengeExpired),
        R::CredentialUnknown => call.absent(C::FactorNotFound),
        R::CredentialNotRegistered => C::FactorUnverified,
        R::CredentialRpMismatch => {
            call.verdict(C::FactorVerificationFailed, C::RelyingPartyMismatch)
        }
        R::CredentialExists => C::FactorExists,
        R::TooManyCredentials => C::TooManyFactors,
        R::TooManyPending => C::TooManyRequests,
        R::UserUnknown => call.absent(C::EntityNotFound),
        R::UserExists => C::EntityExists,
        R::RelyingPartyUnknown | R::AccountUnknown => C::NotFound,
        R::RelyingPartyIncomplete => C::RelyingPartyInvalid,
        R::AuthenticatorCriteriaMissing => C::CriteriaMissing,
        R::AccessDenied => C::Authenticate,

        // Ourselves.
        R::StoreUnavailable | R::StoreUnknownOutcome => C::Unavailable,
        R::RecordUnreadable
        | R::Internal
        | R::MetadataMalformed
        | R::MetadataUntrusted
        | R::MetadataRollback => C::InternalError,
    }
}
