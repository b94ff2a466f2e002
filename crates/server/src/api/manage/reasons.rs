//! `Reason` to HTTP status: what a refusal of the domain is called on this wire.

use axum::http::StatusCode;
use domain::Reason;

/// The status of a domain reason. Whatever this API's calls cannot cause is a fault of ours.
pub fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::AccessDenied => StatusCode::UNAUTHORIZED,
        Reason::AccountUnknown | Reason::RelyingPartyUnknown => StatusCode::NOT_FOUND,
        Reason::MetadataMalformed | Reason::MetadataUntrusted => StatusCode::BAD_REQUEST,
        Reason::MetadataRollback => StatusCode::CONFLICT,
        Reason::StoreUnavailable | Reason::StoreUnknownOutcome => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
