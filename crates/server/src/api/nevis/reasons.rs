//! `Reason` to HTTP status: what a refusal of the domain is called on this wire (contract sections 1.3 and 4.3).

use domain::Reason;

/// Which kind of call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `/api/v1`, where the caller holds a key.
    Api,
    /// The result calls below `/_app`, which anybody can send.
    Result,
}

impl Call {
    /// Every kind of call.
    pub const ALL: &'static [Self] = &[Self::Api, Self::Result];

    /// The call as the contract names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "/api/v1",
            Self::Result => "/_app results",
        }
    }
}

/// What kind of refusal a reason is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The body cannot be read at all.
    Body,
    /// A credential in the body is not in form.
    Form,
    /// The body is against a rule.
    Rule,
    /// Something that the request names is not there.
    Absent,
    /// The caller may not.
    Forbidden,
    /// The request is against how things stand.
    Conflict,
    /// Too much at once.
    TooMany,
    /// The transaction is not there, or no longer open.
    Transaction,
    /// The answer of the authenticator was read and not accepted.
    Verdict,
    /// The store does not answer; it may later.
    Unavailable,
    /// Our own fault.
    Internal,
}

/// What a result call says about a refusal. The caller is nobody in particular, so all verdicts are one sentence: which check
/// failed is told to the back end alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// What is wrong with the request.
    Particulars,
    /// How the transaction stands.
    Standing,
    /// That the answer was not accepted.
    Verdict,
    /// Nothing: it is not the caller's fault.
    Nothing,
}

impl Telling {
    /// The words of the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Particulars => "what is wrong with the request",
            Self::Standing => "how the transaction stands",
            Self::Verdict => "that it was not accepted",
            Self::Nothing => "nothing",
        }
    }
}

/// The class of a reason. There is no wildcard: a new reason does not compile until it has a class here.
pub const fn class(reason: Reason) -> Class {
    use Reason as R;
    match reason {
        R::JsonMalformed | R::JsonDuplicateMember | R::JsonTooDeep | R::JsonTooLarge => Class::Body,

        R::CredentialTypeMismatch
        | R::CredentialIdInvalid
        | R::AuthenticatorAttachmentInvalid
        | R::ResponseMemberMissing
        | R::ResponseInconsistent
        | R::Base64Invalid
        | R::SignatureMalformed
        | R::UserHandleInvalid
        | R::ClientDataMalformed
        | R::ClientDataTypeMismatch => Class::Form,

        R::RequestInvalid
        | R::AuthenticatorCriteriaMissing
        | R::RelyingPartyIncomplete
        | R::CredentialNotRegistered => Class::Rule,

        R::UserUnknown | R::CredentialUnknown => Class::Absent,

        // Of a key whose Relying Party is gone nobody may learn more than that the key is of no use.
        R::AccessDenied | R::RelyingPartyUnknown | R::AccountUnknown => Class::Forbidden,

        R::TooManyCredentials | R::CredentialExists | R::UserExists => Class::Conflict,

        R::TooManyPending => Class::TooMany,

        R::CeremonyNotFound | R::CeremonyExpired | R::CeremonyUsed => Class::Transaction,

        R::CredentialIdMismatch
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
        | R::CredentialNotAllowed
        | R::CredentialRpMismatch
        | R::UserHandleMissing
        | R::UserHandleMismatch
        | R::SignCountNotIncreased
        | R::AuthenticatorModelRefused
        | R::CredentialProtectionInsufficient
        | R::MetadataUnavailable
        | R::MetadataMalformed
        | R::MetadataUntrusted
        | R::MetadataRollback
        | R::MetadataStale => Class::Verdict,

        R::StoreUnavailable | R::StoreUnknownOutcome => Class::Unavailable,

        R::RecordUnreadable | R::Internal => Class::Internal,
    }
}

/// The HTTP status for a reason in a call.
pub const fn status(call: Call, reason: Reason) -> u16 {
    match (class(reason), call) {
        (Class::Body, _) => 400,
        (Class::Unavailable, _) => 503,
        // Verdicts come from the result calls only; elsewhere they would be an error of ours.
        (Class::Internal, _) | (Class::Form | Class::Verdict, Call::Api) => 500,
        // A ceremony that failed is an answer, not an error of the transport.
        (_, Call::Result) => 200,
        (Class::Rule, Call::Api) => 422,
        (Class::Absent, Call::Api) => 404,
        (Class::Forbidden, Call::Api) => 403,
        (Class::Conflict | Class::Transaction, Call::Api) => 409,
        (Class::TooMany, Call::Api) => 429,
    }
}

/// What a result call says about a reason.
pub const fn telling(reason: Reason) -> Telling {
    match class(reason) {
        Class::Body | Class::Form | Class::Rule => Telling::Particulars,
        Class::Forbidden | Class::Transaction => Telling::Standing,
        Class::Absent | Class::Conflict | Class::TooMany | Class::Verdict => Telling::Verdict,
        Class::Unavailable | Class::Internal => Telling::Nothing,
    }
}
