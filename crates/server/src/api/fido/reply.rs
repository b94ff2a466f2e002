//! Answers of this wire: `ServerResponse` and what stands beside its members.

use std::borrow::Cow;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::ids::CeremonyId;
use domain::model::refusal::Refusal;
use serde::Serialize;

use super::reasons::{Telling, status, status_in_dialect, telling};
use super::session::SessionId;
use super::state::{Dialect, State};
use crate::http::json::{BodyError, MemberError};
use crate::http::{RefusalInfo, Refusals, TransportRefusal, auth, reply, request_id};

/// `ServerResponse` with the members of an answer beside its own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerResponse<'a, T> {
    status: &'static str,
    error_message: &'a str,
    #[serde(flatten)]
    members: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    fido2_session_id: Option<SessionId>,
    /// Of a refusal outside conformance mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// No members beside.
#[derive(Debug, Serialize)]
pub struct Nothing {}

/// Why a request was not done.
#[derive(Debug)]
pub struct Failure {
    status: Option<StatusCode>,
    reason: Option<Reason>,
    message: Cow<'static, str>,
    ceremony: Option<CeremonyId>,
    /// What the transport refused.
    transport: Option<TransportRefusal>,
}

impl Failure {
    /// The transport's part of HTTP: the same status in both dialects.
    pub fn http(status: StatusCode, message: &'static str) -> Self {
        Self {
            status: Some(status),
            reason: None,
            message: Cow::Borrowed(message),
            ceremony: None,
            transport: None,
        }
    }

    /// The request has not the form that it must have.
    pub fn form(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: None,
            reason: Some(Reason::RequestInvalid),
            message: message.into(),
            ceremony: None,
            transport: None,
        }
    }

    /// Our own fault.
    pub fn internal() -> Self {
        Refusal::from(Reason::Internal).into()
    }

    /// The status service answers a request that it cannot read with 400 in its dialect, too.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status.get_or_insert(status);
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            status: None,
            reason: Some(refusal.reason),
            message: Cow::Owned(refusal.message),
            ceremony: refusal.ceremony,
            transport: None,
        }
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Refusal::new(error.reason, error.message).into()
    }
}

impl From<MemberError> for Failure {
    fn from(error: MemberError) -> Self {
        let error = match error {
            // A value that could be none of the words has its type named.
            MemberError::NotOneOf {
                member,
                other_type: Some(found),
                ..
            } => MemberError::WrongType {
                member,
                found,
                wanted: "a string",
            },
            other => other,
        };
        Self::form(format!("{error}."))
    }
}

impl From<TransportRefusal> for Failure {
    fn from(refusal: TransportRefusal) -> Self {
        let mut failure = Self::http(refusal.status(), refusal.message());
        failure.transport = Some(refusal);
        failure
    }
}

impl State {
    /// 200 with these members; `ceremony` is the one that it is about.
    pub(super) fn ok(&self, members: &impl Serialize, ceremony: CeremonyId) -> Response {
        let body = ServerResponse {
            status: "ok",
            error_message: "",
            members,
            fido2_session_id: self.session(Some(ceremony)),
            request_id: None,
        };
        respond(StatusCode::OK, &body)
    }

    /// 200 to a result. A back end has to learn whose credential it was: `ok` alone would let anybody's response count for the
    /// user that it has in mind. Tools and the dialect know no such member.
    pub(super) fn processed(&self, username: &str, ceremony: CeremonyId) -> Response {
        #[derive(Serialize)]
        struct Named<'a> {
            username: &'a str,
        }
        if self.conformance || self.dialect == Dialect::Nevis {
            return self.ok(&Nothing {}, ceremony);
        }
        self.ok(&Named { username }, ceremony)
    }

    /// The answer to what was not done.
    pub(super) fn failed(&self, failure: Failure) -> Response {
        if let Some(refusal) = failure.transport {
            let mut response = Words.refusal(refusal, "");
            response.extensions_mut().insert(refusal);
            return response;
        }
        let status = failure.status.unwrap_or_else(|| match failure.reason {
            Some(reason) => self.status_of(reason),
            None => StatusCode::BAD_REQUEST,
        });
        let message = match failure.reason.map(|reason| (reason, telling(reason))) {
            Some((reason, Telling::Nothing)) => Cow::Borrowed(reason.what()),
            Some((_, Telling::Verdict)) if !self.conformance => {
                Cow::Borrowed("The credential was not accepted.")
            }
            Some((_, Telling::Particulars | Telling::Verdict)) | None => failure.message,
        };
        let body = ServerResponse {
            status: "failed",
            error_message: &message,
            members: Nothing {},
            fido2_session_id: self.session(failure.ceremony),
            request_id: request_id::current().filter(|_| !self.conformance),
        };
        let mut response = respond(status, &body);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static(auth::BASIC_CHALLENGE),
            );
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // The status does not say it everywhere, so the log has to.
        response.extensions_mut().insert(RefusalInfo {
            code: u32::from(status.as_u16()),
            reason: failure.reason,
        });
        response
    }

    fn status_of(&self, reason: Reason) -> StatusCode {
        let status = match self.dialect {
            Dialect::Fido => status(reason),
            Dialect::Nevis => status_in_dialect(reason),
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn session(&self, ceremony: Option<CeremonyId>) -> Option<SessionId> {
        ceremony
            .filter(|_| self.dialect == Dialect::Nevis)
            .map(SessionId::from)
    }
}

/// A body of JSON that no cache keeps.
pub(super) fn respond(status: StatusCode, body: &impl Serialize) -> Response {
    // Texts, numbers and options: writing them cannot fail.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    // Options hold challenges, and messages may repeat what was sent.
    let mut response = reply::not_stored(reply::json(status, bytes));
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// How the paths of this wire word a refusal of the transport, also where it is not served.
#[derive(Clone, Copy, Debug)]
pub struct Words;

impl Refusals for Words {
    fn refusal(&self, refusal: TransportRefusal, _: &str) -> Response {
        let body = ServerResponse {
            status: "failed",
            error_message: refusal.message(),
            members: Nothing {},
            fido2_session_id: None,
            request_id: None,
        };
        respond(refusal.status(), &body)
    }
}
