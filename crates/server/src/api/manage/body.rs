//! Bodies of requests.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use domain::webauthn::json::{self, Limits};
use serde::Deserialize;

use super::error::Problem;

/// Most characters of a name.
const MAX_NAME: usize = 128;

/// The refusal of a name for people that is empty, too long or holds control characters.
pub fn name_problem(name: &str) -> Option<Problem> {
    let bad =
        name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control);
    bad.then(|| {
        Problem::new(StatusCode::BAD_REQUEST, "name_invalid")
            .saying("`name` has 1 to 128 characters, none of them a control character")
    })
}

/// The content type of JSON.
pub const JSON: &str = "application/json";

/// A body must be of one of these content types.
///
/// # Errors
/// 415.
pub fn require_type(headers: &HeaderMap, types: &[&str]) -> Result<(), Problem> {
    let named = headers.get(CONTENT_TYPE).and_then(|value| {
        let essence = value.as_bytes().split(|&byte| byte == b';').next()?;
        Some(essence.trim_ascii())
    });
    let fits =
        |known: &&str| named.is_some_and(|essence| essence.eq_ignore_ascii_case(known.as_bytes()));
    if types.iter().any(fits) {
        return Ok(());
    }
    let refusal = Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content_type_not_supported",
    );
    Err(refusal.saying(format!("send {}", types.join(" or "))))
}

/// Reads a JSON body.
///
/// # Errors
/// 415 for another content type, 400 for a body that is not as described.
pub fn read<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    require_type(headers, &[JSON])?;
    // A structure would be read from a list of its members, too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        let found = match json::parse(body, &Limits::default()) {
            Ok(value) => format!(
                "the body is {}, not a JSON object",
                value.found_instead_of_object()
            ),
            Err(_) => "the body is not a JSON object".to_owned(),
        };
        return Err(Problem::new(StatusCode::BAD_REQUEST, "request_invalid").saying(found));
    }
    serde_json::from_slice(body).map_err(|error| {
        // The kind and the place, not the text: an error may repeat what was sent.
        Problem::new(StatusCode::BAD_REQUEST, "request_invalid").saying(format!(
            "the body is not as described (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}
