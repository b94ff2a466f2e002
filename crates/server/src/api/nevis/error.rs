//! Refusals of this wire and their body (docs/wires/nevis.md, section 1.3).

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::clock::Timestamp;
use domain::model::refusal::Refusal;
use domain::service::prepared::Prepared;
use serde::Serialize;

use super::reasons::{Call, status};
use super::state::State;
use crate::api::dates::Date;
use crate::http::cors::About;
use crate::http::json::{BodyError, MemberError};
use crate::http::{RefusalInfo, Refusals, TransportRefusal, reply, request_id};

/// Longest path that a body repeats, in characters.
const SHOWN_PATH: usize = 200;

/// A refusal on its way to the client.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    reason: Option<Reason>,
    message: Cow<'static, str>,
    /// The Relying Party whose pages may read it.
    about: Option<Arc<Prepared>>,
    /// What the transport refused.
    transport: Option<TransportRefusal>,
}

/// The body.
#[derive(Serialize)]
struct Envelope<'a> {
    timestamp: Date,
    status: u16,
    error: &'a str,
    message: &'a str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl ApiError {
    /// A refusal with a sentence that explains it.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            reason: None,
            message: message.into(),
            about: None,
            transport: None,
        }
    }

    /// 400: the request cannot be read.
    pub fn malformed(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message).because(reason)
    }

    /// 422: the request can be read and is against a rule.
    pub fn rule(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message).because(Reason::RequestInvalid)
    }

    /// 403: the key or token is not valid for this.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message).because(Reason::AccessDenied)
    }

    /// 403: the key lacks a scope.
    pub fn lacking(refusal: &Refusal) -> Self {
        // The sentences of this wire begin with a capital.
        Self::forbidden(format!(
            "The access {}.",
            refusal.message.trim_start_matches("the ")
        ))
        .because(refusal.reason)
    }

    /// 404.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 500. Only the log has the details.
    pub fn internal() -> Self {
        Self::of(Call::Api, Reason::Internal)
    }

    /// A refusal of the domain in a call.
    pub fn refused(call: Call, refusal: &Refusal) -> Self {
        let error = Self::of(call, refusal.reason);
        if error.status.is_server_error() || error.status == StatusCode::FORBIDDEN {
            return error;
        }
        Self {
            message: Cow::Owned(refusal.message.clone()),
            ..error
        }
    }

    fn of(call: Call, reason: Reason) -> Self {
        let status =
            StatusCode::from_u16(status(call, reason)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, reason.what()).because(reason)
    }

    /// Names the reason.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The domain's reason, where there is one.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Names the Relying Party whose pages may read the response.
    #[must_use]
    pub fn about(mut self, rp: &Arc<Prepared>) -> Self {
        self.about = Some(Arc::clone(rp));
        self
    }

    /// The response. `path` is the path of the request.
    pub fn into_response(self, now: Timestamp, path: &str) -> Response {
        let envelope = Envelope {
            timestamp: Date(now),
            status: self.status.as_u16(),
            error: self.status.canonical_reason().unwrap_or("Error"),
            message: &self.message,
            path: path.chars().take(SHOWN_PATH).collect(),
            reason: self.reason,
            request_id: request_id::current(),
        };
        // Texts and numbers only: writing them cannot fail.
        let body = escaped(&serde_json::to_vec(&envelope).unwrap_or_default());
        let mut response = reply::not_stored(reply::json(self.status, body));
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"passkeyd\""),
                );
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response.extensions_mut().insert(RefusalInfo {
            code: u32::from(self.status.as_u16()),
            reason: self.reason,
        });
        if let Some(rp) = self.about {
            response.extensions_mut().insert(About(rp));
        }
        if let Some(refusal) = self.transport {
            response.extensions_mut().insert(refusal);
        }
        response
    }
}

/// The refusal of a call as a closure for `map_err`.
pub fn refused(call: Call) -> impl Fn(Refusal) -> ApiError {
    move |refusal| ApiError::refused(call, &refusal)
}

/// JSON in which no character could be taken for markup. These four only occur inside strings, so each may be replaced
/// wherever it stands.
pub fn escaped(json: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(json.len() + 16);
    for byte in json {
        match byte {
            b'<' => safe.extend_from_slice(br"\u003c"),
            b'>' => safe.extend_from_slice(br"\u003e"),
            b'&' => safe.extend_from_slice(br"\u0026"),
            b'\'' => safe.extend_from_slice(br"\u0027"),
            other => safe.push(*other),
        }
    }
    safe
}

impl From<TransportRefusal> for ApiError {
    fn from(refusal: TransportRefusal) -> Self {
        let reason = match refusal {
            TransportRefusal::BodyTooLarge => Reason::JsonTooLarge,
            TransportRefusal::RateLimited => Reason::RateLimited,
            TransportRefusal::Panicked => Reason::Internal,
            TransportRefusal::HostInvalid
            | TransportRefusal::TooManyHeaders
            | TransportRefusal::BodyEncoded
            | TransportRefusal::BodyTooSlow
            | TransportRefusal::BodyBroken => Reason::RequestInvalid,
        };
        let mut error = Self::new(refusal.status(), refusal.message()).because(reason);
        error.transport = Some(refusal);
        error
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::malformed(error.reason, error.message)
    }
}

impl From<MemberError> for ApiError {
    fn from(error: MemberError) -> Self {
        Self::rule(error.to_string())
    }
}

impl Refusals for State {
    fn refusal(&self, refusal: TransportRefusal, path: &str) -> Response {
        ApiError::from(refusal).into_response(self.passkeys.now(), path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_markup_is_escaped_and_reads_the_same() {
        let json = serde_json::json!({"message": "<b>'x' & \"y\"</b>"});
        let safe = String::from_utf8(escaped(json.to_string().as_bytes())).unwrap();
        assert_eq!(
            safe,
            r#"{"message":"\u003cb\u003e\u0027x\u0027 \u0026 \"y\"\u003c/b\u003e"}"#
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
            json
        );
    }
}
