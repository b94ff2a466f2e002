//! `Reason` to code: what a refusal of the domain is called on this wire (docs/wires/twilio.md, section 9).

use domain::Reason;
use webauthn::error::Class;

use super::codes::Code;
use crate::api::exception;

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

    /// The name of the call in the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "path resources",
            Self::CreateFactor => "Passkeys/Factors",
            Self::VerifyFactor => "VerifyFactor",
            Self::CreateChallenge => "Passkeys/Challenges",
            Self::ApproveChallenge => "ApproveChallenge",
        }
    }
}

/// The codes of a reason, call by call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Codes {
    resource: Code,
    /// `CreateFactor` and `CreateChallenge`.
    start: Code,
    verify_factor: Code,
    approve_challenge: Code,
}

impl Codes {
    /// The same code in every call.
    const fn always(code: Code) -> Self {
        Self {
            resource: code,
            start: code,
            verify_factor: code,
            approve_challenge: code,
        }
    }

    /// Only the two calls that finish a ceremony can meet the reason. Elsewhere it would be an error of ours.
    const fn finishing(verify_factor: Code, approve_challenge: Code) -> Self {
        Self {
            verify_factor,
            approve_challenge,
            ..Self::always(Code::InternalError)
        }
    }

    /// Something does not exist. Things in the path are resources; things in the body have codes of their own.
    const fn absent(named_in_body: Code) -> Self {
        Self {
            resource: Code::NotFound,
            ..Self::always(named_in_body)
        }
    }

    const fn of(self, call: Call) -> Code {
        match call {
            Call::Resource => self.resource,
            Call::CreateFactor | Call::CreateChallenge => self.start,
            Call::VerifyFactor => self.verify_factor,
            Call::ApproveChallenge => self.approve_challenge,
        }
    }
}

/// The codes of a class.
const fn of_class(class: Class) -> Codes {
    use Code as C;
    match class {
        Class::Malformed | Class::Invalid | Class::Conflict => Codes::always(C::InvalidRequest),
        Class::Form => Codes::always(C::ResponseInvalid),
        Class::Absent => Codes::always(C::NotFound),
        Class::Forbidden => Codes::always(C::Authenticate),
        Class::Ceremony => Codes::finishing(C::FactorStatusIllegal, C::ChallengeResponded),
        Class::Verdict => {
            Codes::finishing(C::FactorVerificationFailed, C::ChallengeVerificationFailed)
        }
        Class::Attestation => Codes::finishing(C::FactorVerificationFailed, C::InternalError),
        Class::Limited => Codes::always(C::TooManyRequests),
        Class::Unavailable => Codes::always(C::Unavailable),
        Class::Internal => Codes::always(C::InternalError),
    }
}

/// The reasons with other codes than their class.
const EXCEPTIONS: &[(Reason, Codes)] = {
    use Code as C;
    use Reason as R;

    const UNREADABLE: Codes =
        Codes::finishing(C::AttestationObjectInvalid, C::AuthenticatorDataInvalid);
    const ATTESTATION_OBJECT: Codes =
        Codes::finishing(C::AttestationObjectInvalid, C::InternalError);
    const CREDENTIAL_ID: Codes =
        Codes::finishing(C::AttestedCredentialDataInvalid, C::CredentialIdInvalid);
    const NEW_CREDENTIAL: Codes = Codes::finishing(
        C::AttestedCredentialDataInvalid,
        C::AuthenticatorDataInvalid,
    );
    // At an authentication the key is a stored one, so a bad one fails the verification.
    const PUBLIC_KEY: Codes = Codes::finishing(C::PublicKeyInvalid, C::ChallengeVerificationFailed);

    &[
        (R::ScopeMissing, Codes::always(C::Forbidden)),
        // Where the form of the credential is read, the member is known and has its code. These are the codes where only the
        // reason is known.
        (
            R::CredentialIdInvalid,
            Codes::always(C::CredentialIdInvalid),
        ),
        (
            R::AuthenticatorAttachmentInvalid,
            Codes::always(C::AttachmentInvalid),
        ),
        (R::SignatureMalformed, Codes::always(C::SignatureInvalid)),
        (R::UserHandleInvalid, Codes::always(C::EntitySidInvalid)),
        (R::ClientDataMalformed, Codes::always(C::ClientDataInvalid)),
        (
            R::ClientDataTypeMismatch,
            Codes::always(C::ClientDataInvalid),
        ),
        (R::Base64Invalid, UNREADABLE),
        // Attestation object and authenticator data that cannot be read.
        (R::CborMalformed, UNREADABLE),
        (R::CborDuplicateKey, UNREADABLE),
        (R::TrailingBytes, UNREADABLE),
        (R::AuthenticatorDataMalformed, UNREADABLE),
        (R::AttestationObjectMalformed, ATTESTATION_OBJECT),
        (R::AttestationObjectMembers, ATTESTATION_OBJECT),
        (R::AttestationFormatUnsupported, ATTESTATION_OBJECT),
        (R::AttestationStatementMalformed, ATTESTATION_OBJECT),
        (R::CredentialIdTooLong, CREDENTIAL_ID),
        (R::CredentialIdTooShort, CREDENTIAL_ID),
        (R::AttestedCredentialDataMissing, NEW_CREDENTIAL),
        (R::AttestedCredentialDataUnexpected, NEW_CREDENTIAL),
        (R::CoseKeyMalformed, PUBLIC_KEY),
        (R::CoseKeyAlgorithmMismatch, PUBLIC_KEY),
        (R::CoseKeyPointInvalid, PUBLIC_KEY),
        (R::CoseKeyRsaInvalid, PUBLIC_KEY),
        (R::AlgorithmNotAllowed, PUBLIC_KEY),
        (R::AlgorithmUnsupported, PUBLIC_KEY),
        (
            R::CredentialRpMismatch,
            Codes::finishing(C::FactorVerificationFailed, C::RelyingPartyMismatch),
        ),
        // Records, and how they stand.
        (
            R::CeremonyNotFound,
            Codes {
                verify_factor: C::FactorNotFound,
                ..Codes::absent(C::ChallengeNotFound)
            },
        ),
        (
            R::CeremonyExpired,
            Codes::finishing(C::FactorStatusIllegal, C::ChallengeExpired),
        ),
        (R::CredentialUnknown, Codes::absent(C::FactorNotFound)),
        (R::UserUnknown, Codes::absent(C::EntityNotFound)),
        (
            R::CredentialNotRegistered,
            Codes::always(C::FactorUnverified),
        ),
        (R::CredentialExists, Codes::always(C::FactorExists)),
        (R::TooManyCredentials, Codes::always(C::TooManyFactors)),
        (R::UserExists, Codes::always(C::EntityExists)),
        (
            R::RelyingPartyIncomplete,
            Codes::always(C::RelyingPartyInvalid),
        ),
        (R::RpIdPublicSuffix, Codes::always(C::RelyingPartyIdInvalid)),
        (R::OriginsOutsideRpId, Codes::always(C::RelyingPartyInvalid)),
        (
            R::AuthenticatorCriteriaMissing,
            Codes::always(C::CriteriaMissing),
        ),
        (R::TooManyCeremonies, Codes::always(C::TooManyCeremonies)),
        // Metadata are imported by an operator. No call of this wire reads them.
        (R::MetadataMalformed, Codes::always(C::InternalError)),
        (R::MetadataUntrusted, Codes::always(C::InternalError)),
        (R::MetadataRollback, Codes::always(C::InternalError)),
    ]
};

/// The code for a reason in a call.
pub fn code(call: Call, reason: Reason) -> Code {
    exception(EXCEPTIONS, reason)
        .unwrap_or_else(|| of_class(reason.class()))
        .of(call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::assert_exceptional;

    #[test]
    fn every_exception_differs_from_its_class() {
        assert_exceptional(EXCEPTIONS, of_class);
    }
}
