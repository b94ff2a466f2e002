//! `Reason` to HTTP status: what a refusal of the domain is called on this wire (docs/wires/nevis.md, section 1.3 and section 4.3).

use domain::Reason;
use webauthn::error::Class;

use crate::api::exception;

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

    /// The name of the call in the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "/api/v1",
            Self::Result => "/_app results",
        }
    }
}

/// What a result call says about a refusal. Anybody can send one, so all verdicts have the same sentence. Only the back end
/// learns which check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// What is wrong with the request.
    Particulars,
    /// How the transaction stands.
    Standing,
    /// That the credential was not accepted.
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

/// The reasons that are of another class on this wire.
const EXCEPTIONS: &[(Reason, Class)] = &[
    // A key whose Relying Party no longer exists is of no use, and the response says no more than that.
    (Reason::RelyingPartyUnknown, Class::Forbidden),
    (Reason::AccountUnknown, Class::Forbidden),
];

fn class(reason: Reason) -> Class {
    exception(EXCEPTIONS, reason).unwrap_or_else(|| reason.class())
}

/// Whether a call can have a reason. Only the result calls verify credentials.
pub fn occurs(call: Call, reason: Reason) -> bool {
    call == Call::Result
        || !matches!(
            class(reason),
            Class::Form | Class::Verdict | Class::Attestation
        )
}

/// The HTTP status for a reason in a call.
pub fn status(call: Call, reason: Reason) -> u16 {
    match (call, class(reason)) {
        (_, Class::Malformed) => 400,
        (_, Class::Limited) => 429,
        (_, Class::Unavailable) => 503,
        // Only the result calls judge credentials. Elsewhere these classes would be an error of ours.
        (_, Class::Internal) | (Call::Api, Class::Form | Class::Verdict | Class::Attestation) => {
            500
        }
        (Call::Api, Class::Invalid) => 422,
        (Call::Api, Class::Absent) => 404,
        (Call::Api, Class::Forbidden) => 403,
        (Call::Api, Class::Conflict | Class::Ceremony) => 409,
        // A ceremony that failed is a result, not an error of the transport.
        (
            Call::Result,
            Class::Form
            | Class::Invalid
            | Class::Absent
            | Class::Forbidden
            | Class::Conflict
            | Class::Ceremony
            | Class::Verdict
            | Class::Attestation,
        ) => 200,
    }
}

/// What a result call says about a reason.
pub fn telling(reason: Reason) -> Telling {
    match class(reason) {
        Class::Malformed | Class::Form | Class::Invalid => Telling::Particulars,
        Class::Forbidden | Class::Ceremony => Telling::Standing,
        Class::Absent | Class::Conflict | Class::Verdict | Class::Attestation => Telling::Verdict,
        Class::Limited | Class::Unavailable | Class::Internal => Telling::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::assert_exceptional;

    #[test]
    fn every_exception_differs_from_its_class() {
        assert_exceptional(EXCEPTIONS, std::convert::identity);
    }
}
