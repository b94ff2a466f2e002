//! Refusals of the management API: a status and `{"error": <stable name>, "message": <sentence>}`.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::refusal::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use super::reasons::status;
use crate::http::auth::{AuthError, BASIC_CHALLENGE};
use crate::http::{RefusalInfo, TransportRefusal, reply, request_id};

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    #[serde(skip)]
    #[schema(ignore)]
    status: StatusCode,
    #[serde(skip)]
    #[schema(ignore)]
    reason: Option<Reason>,
    /// What the transport refused.
    #[serde(skip)]
    #[schema(ignore)]
    transport: Option<TransportRefusal>,
    /// Stable name of what went wrong.
    error: &'static str,
    /// The member that is wrong, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    /// A sentence about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The same as in the header `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Problem {
    /// A refusal that does not come from the domain.
    pub fn new(status: StatusCode, error: &'static str) -> Self {
        Self {
            status,
            reason: None,
            transport: None,
            error,
            member: None,
            message: None,
            request_id: request_id::current(),
        }
    }

    /// Names the member that is wrong.
    pub fn at(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Adds a sentence.
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// 500.
    pub fn internal() -> Self {
        Self::of(Reason::Internal)
    }

    /// The response.
    pub fn into_response(self) -> Response {
        // It holds texts only: writing it cannot fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = reply::json(self.status, body);
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC_CHALLENGE));
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
        if let Some(refusal) = self.transport {
            response.extensions_mut().insert(refusal);
        }
        response
    }

    fn of(reason: Reason) -> Self {
        Self {
            status: status(reason),
            reason: Some(reason),
            transport: None,
            error: reason.name(),
            member: None,
            message: Some(reason.what().to_owned()),
            request_id: request_id::current(),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Lacking(refusal) => refusal.into(),
            other => Self::of(other.reason()),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::of(refusal.reason);
        if problem.status.is_server_error() {
            // What is wrong with the server or its store belongs in the log.
            return problem;
        }
        problem.saying(refusal.message)
    }
}

impl From<TransportRefusal> for Problem {
    fn from(refusal: TransportRefusal) -> Self {
        Self {
            transport: Some(refusal),
            ..Self::new(refusal.status(), refusal.name())
        }
    }
}
