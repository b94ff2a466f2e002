//! `Reason` to HTTP status: what a refusal of the domain is called on this wire.

use domain::Reason;
use webauthn::error::Class;

use crate::api::exception;

/// The reasons that are of another class on this wire.
const EXCEPTIONS: &[(Reason, Class)] = &[
    // The configuration names the Relying Party of this wire.
    (Reason::RelyingPartyUnknown, Class::Internal),
    (Reason::AccountUnknown, Class::Forbidden),
];

fn class(reason: Reason) -> Class {
    exception(EXCEPTIONS, reason).unwrap_or_else(|| reason.class())
}

/// What a response says about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// What is wrong with the request.
    Particulars,
    /// That the credential was not accepted. Only the conformance tools learn which check failed: it would help an attacker
    /// who tries one after the other.
    Verdict,
    /// Nothing: the caller can do nothing about it.
    Nothing,
}

/// The HTTP status for a reason at the root.
pub fn status(reason: Reason) -> u16 {
    match class(reason) {
        Class::Forbidden if reason == Reason::ScopeMissing => 403,
        Class::Malformed
        | Class::Form
        | Class::Invalid
        | Class::Ceremony
        | Class::Verdict
        | Class::Attestation => 400,
        Class::Forbidden => 401,
        Class::Absent => 404,
        Class::Conflict => 409,
        Class::Limited => 429,
        Class::Unavailable => 503,
        Class::Internal => 500,
    }
}

/// The HTTP status for a reason in the dialect: a request that was processed has 200, however it ended.
pub fn status_in_dialect(reason: Reason) -> u16 {
    match class(reason) {
        Class::Malformed
        | Class::Form
        | Class::Invalid
        | Class::Absent
        | Class::Conflict
        | Class::Ceremony
        | Class::Verdict
        | Class::Attestation => 200,
        Class::Forbidden | Class::Limited | Class::Unavailable | Class::Internal => status(reason),
    }
}

/// What a response says about a reason.
pub fn telling(reason: Reason) -> Telling {
    match class(reason) {
        Class::Malformed
        | Class::Form
        | Class::Invalid
        | Class::Absent
        | Class::Forbidden
        | Class::Conflict => Telling::Particulars,
        Class::Ceremony | Class::Verdict | Class::Attestation => Telling::Verdict,
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
