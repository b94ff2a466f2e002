//! `Reason` to HTTP status: what a refusal of the domain is called on this wire.

use axum::http::StatusCode;
use domain::Reason;
use webauthn::error::Class;

use crate::api::exception;

const fn of_class(class: Class) -> StatusCode {
    match class {
        Class::Malformed | Class::Form | Class::Invalid => StatusCode::BAD_REQUEST,
        Class::Forbidden => StatusCode::UNAUTHORIZED,
        Class::Absent => StatusCode::NOT_FOUND,
        Class::Conflict | Class::Ceremony => StatusCode::CONFLICT,
        Class::Limited => StatusCode::TOO_MANY_REQUESTS,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // No call of this API finishes a ceremony, so a verdict would be an error of ours.
        Class::Verdict | Class::Attestation | Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The reasons with another status than their class: a caller who is known, and what an import of metadata meets.
const EXCEPTIONS: &[(Reason, StatusCode)] = &[
    (Reason::ScopeMissing, StatusCode::FORBIDDEN),
    (Reason::MetadataMalformed, StatusCode::BAD_REQUEST),
    (Reason::MetadataUntrusted, StatusCode::BAD_REQUEST),
    (Reason::MetadataRollback, StatusCode::CONFLICT),
];

/// The HTTP status for a reason.
pub fn status(reason: Reason) -> StatusCode {
    exception(EXCEPTIONS, reason).unwrap_or_else(|| of_class(reason.class()))
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
