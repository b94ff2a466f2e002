//! What is refused before a wire decides anything, and what a refusal tells the process.

use std::fmt;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use domain::Reason;

use super::request_id;

/// What a wire tells the process about a refusal, as an extension of its response. The log line is made of it, so no wire logs a
/// refusal on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalInfo {
    /// The wire's own code, as in the response body.
    pub code: u32,
    /// The domain's reason, when the refusal came from there.
    pub reason: Option<Reason>,
}

/// Why a request is refused by the transport, in words of HTTP. It travels as an extension of the response, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportRefusal {
    /// No `Host` header, more than one, or one that names no host: 400 (RFC 9112, section 3.2).
    HostInvalid,
    /// More headers than allowed: 431.
    TooManyHeaders,
    /// The body is longer than allowed: 413.
    BodyTooLarge,
    /// The body is compressed: 415.
    BodyEncoded,
    /// The body did not come in time: 408.
    BodyTooSlow,
    /// The body broke off or is not framed as HTTP demands: 400.
    BodyBroken,
    /// The client sends too many requests: 429.
    RateLimited,
    /// The handler panicked: 500.
    Panicked,
}

impl TransportRefusal {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::HostInvalid,
        Self::TooManyHeaders,
        Self::BodyTooLarge,
        Self::BodyEncoded,
        Self::BodyTooSlow,
        Self::BodyBroken,
        Self::RateLimited,
        Self::Panicked,
    ];

    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyEncoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::HostInvalid | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostInvalid => "host_invalid",
            Self::TooManyHeaders => "too_many_headers",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyEncoded => "content_encoding_not_supported",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyBroken => "body_broken",
            Self::RateLimited => Reason::RateLimited.name(),
            Self::Panicked => "internal",
        }
    }

    /// A sentence for the client.
    pub fn message(self) -> &'static str {
        match self {
            Self::HostInvalid => "The request needs exactly one valid Host header.",
            Self::TooManyHeaders => "The request has too many headers.",
            Self::BodyTooLarge => "The body is too large.",
            Self::BodyEncoded => "Compressed bodies are not accepted.",
            Self::BodyTooSlow | Self::BodyBroken => "The body did not arrive completely.",
            Self::RateLimited => Reason::RateLimited.what(),
            Self::Panicked => Reason::Internal.what(),
        }
    }

    /// Whether the rest of the request is still on its way, so that the connection cannot be used
    /// again.
    pub(super) fn ends_connection(self) -> bool {
        self != Self::Panicked
    }
}

/// How the paths of a wire word a refusal of the transport. A wire is registered with it where the process is assembled.
pub trait Refusals: fmt::Debug + Send + Sync {
    /// The response. `path` is the path of the request.
    fn refusal(&self, refusal: TransportRefusal, path: &str) -> Response;
}

/// The words of paths that belong to no wire, and of wires that have none of their own: JSON with the refusal's name.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Refusals for Plain {
    fn refusal(&self, refusal: TransportRefusal, _: &str) -> Response {
        let body =
            serde_json::json!({"error": refusal.name(), "request_id": request_id::current()})
                .to_string();
        (refusal.status(), [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}
