//! The names for people that this wire takes.

use super::error::ApiError;
use crate::http::name::NameRule;

/// `FriendlyName` of everything that has one.
pub const FRIENDLY_NAME: NameRule = NameRule::characters(1, 64);

/// The refusal of a friendly name of a factor or webhook. It has the general code (60306), because no other is for it.
pub fn bad_friendly_name(member: &'static str) -> ApiError {
    ApiError::invalid_request(format!(
        "{member} must be a text of 1 to {} characters without control characters",
        FRIENDLY_NAME.most()
    ))
    .member(member)
    .help("Shorten the name, or leave the control characters out.")
}
