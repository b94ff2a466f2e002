//! Bodies of requests.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
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

/// Reads a JSON body.
///
/// # Errors
/// 415 for another content type, 400 for a body that is not as described.
pub fn read<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let json = headers.get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b';')
            .next()
            .is_some_and(|essence| {
                essence
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"application/json")
            })
    });
    if !json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type_not_supported",
        )
        .saying("send application/json"));
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
