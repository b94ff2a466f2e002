//! Refusals of this wire and their envelope (docs/wires/twilio.md, section 9.3).

use std::borrow::Cow;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::refusal::Refusal;
use serde::Serialize;

use super::codes::Code;
use super::reasons::{self, Call};
use super::state::State;
use crate::http::auth::BASIC_CHALLENGE;
use crate::http::{PublicUrl, RefusalInfo, Refusals, TransportRefusal, reply, request_id};

/// Longest path that a message repeats, in characters.
const SHOWN_PATH: usize = 200;

/// A refusal on its way to the client. Boxed, so that a `Result` around it stays small.
#[derive(Debug)]
pub struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    /// `None`: the code's title.
    message: Option<Cow<'static, str>>,
    details: Details,
    /// The same request may succeed in a second.
    retry_soon: bool,
    /// What the transport refused.
    transport: Option<TransportRefusal>,
}

/// The member `details`: what exactly was wrong, for machines and for people.
#[derive(Debug, Default, Serialize)]
struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Cow<'static, str>>,
    /// The same as in the header `X-Request-Id`, which the helper libraries do not hand on.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Details {
    fn is_empty(&self) -> bool {
        self.reason.is_none()
            && self.message.is_none()
            && self.members.is_empty()
            && self.help.is_none()
            && self.request_id.is_none()
    }
}

/// The body. Never with `type` and `title`: both SDKs would take it for another kind of error.
#[derive(Serialize)]
struct Envelope<'a> {
    code: u32,
    message: &'a str,
    more_info: String,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Details>,
}

impl ApiError {
    /// A refusal with the code's title as its message and no details.
    pub fn new(code: Code) -> Self {
        Self(Box::new(Parts {
            code,
            message: None,
            details: Details::default(),
            retry_soon: matches!(
                code,
                Code::TooManyRequests | Code::TooManyCeremonies | Code::Unavailable
            ),
            transport: None,
        }))
    }

    /// A refusal of the domain in a call.
    pub fn refused(call: Call, refusal: &Refusal) -> Self {
        let code = reasons::code(call, refusal.reason);
        let error = Self::new(code).because(refusal.reason);
        if let (Reason::RpIdPublicSuffix | Reason::OriginsOutsideRpId, [member, ..]) =
            (refusal.reason, refusal.members.as_slice())
        {
            return error
                .explained(refusal.message.clone())
                .member(wire_name(member));
        }
        match code {
            // Our own trouble is nobody's business but the log's, and the other two tell nothing to strangers.
            Code::InternalError | Code::Unavailable | Code::NotFound | Code::Authenticate => error,
            Code::CriteriaMissing | Code::RelyingPartyInvalid => error
                .explained(refusal.message.clone())
                .missing(&refusal.members),
            _ => error.explained(refusal.message.clone()),
        }
    }

    /// The call takes a JSON object or form and got something else.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest)
            .because(Reason::RequestInvalid)
            .explained(message)
    }

    /// A parameter that must be there is not (20001).
    pub fn missing_parameter(name: &str) -> Self {
        Self::new(Code::MissingParameter)
            .saying(format!(
                "Missing required parameter {name} in the post body"
            ))
            .member(name.to_owned())
    }

    /// A parameter of a Service has a bad value (60200).
    pub fn invalid_parameter(name: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidParameter)
            .saying(format!("Invalid parameter: {name}"))
            .explained(problem)
            .member(name)
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Names the reason, and takes its help text unless there is a better one.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.0.details.reason = Some(reason);
        self.0
            .details
            .help
            .get_or_insert(Cow::Borrowed(reason.fix()));
        self
    }

    /// Sets `message` in place of the code's title.
    #[must_use]
    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Sets `details.message`: one sentence with the particulars.
    #[must_use]
    pub fn explained(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.details.message = Some(sentence(message.into()));
        self
    }

    /// Sets `details.help`: how to fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.0.details.help = Some(help.into());
        self
    }

    /// Says that the same request may succeed in a second (`Retry-After`).
    #[must_use]
    pub fn retry_soon(mut self) -> Self {
        self.0.retry_soon = true;
        self
    }

    /// Says that the transport refused the request.
    fn of_transport(mut self, refusal: TransportRefusal) -> Self {
        self.0.transport = Some(refusal);
        self
    }

    /// Adds to `details.members`.
    #[must_use]
    pub fn member(mut self, member: impl Into<Cow<'static, str>>) -> Self {
        self.0.details.members.push(member.into());
        self
    }

    /// Names missing settings, in the words of this wire, in `message` and `details.members`.
    fn missing(mut self, settings: &[&'static str]) -> Self {
        let names: Vec<&'static str> = settings.iter().map(|name| wire_name(name)).collect();
        if !names.is_empty() {
            let message = format!("{}: {}", self.0.code.title(), names.join(", "));
            self = self.saying(message);
        }
        self.0.details.members = names.into_iter().map(Cow::Borrowed).collect();
        self
    }

    /// The answer. `path` is the path of the request, which 20404 repeats.
    pub fn into_response(self, public_url: &PublicUrl, path: &str) -> Response {
        let Parts {
            code,
            message,
            mut details,
            retry_soon,
            transport,
        } = *self.0;
        details.request_id = request_id::current();
        let message = match (code, message) {
            (Code::NotFound, None) => Cow::Owned(format!(
                "The requested resource {} was not found",
                path.chars().take(SHOWN_PATH).collect::<String>()
            )),
            (_, Some(message)) => message,
            (_, None) => Cow::Borrowed(code.title()),
        };
        let envelope = Envelope {
            code: code.number(),
            message: &message,
            more_info: public_url.join(&format!("/docs/errors/{}", code.number())),
            status: code.status(),
            details: (!details.is_empty()).then_some(&details),
        };
        // Texts and numbers only: writing them cannot fail.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = reply::json(status, body);
        let headers = response.headers_mut();
        if code == Code::Authenticate {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC_CHALLENGE));
        }
        if retry_soon {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(RefusalInfo {
            code: code.number(),
            reason: details.reason,
        });
        if let Some(refusal) = transport {
            response.extensions_mut().insert(refusal);
        }
        response
    }
}

/// The refusal of a call as a closure for `map_err`.
pub fn refused(call: Call) -> impl Fn(Refusal) -> ApiError {
    move |refusal| ApiError::refused(call, &refusal)
}

/// A message with a capital at its beginning: those of the core begin small, since they may follow others. A name of the wire
/// keeps its spelling.
fn sentence(message: Cow<'static, str>) -> Cow<'static, str> {
    let first_word = message.split([' ', ',', ':']).next().unwrap_or_default();
    let is_word = first_word
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'\''));
    match message.as_bytes().first() {
        Some(first) if is_word && first.is_ascii_lowercase() => {
            let mut message = message.into_owned();
            message[..1].make_ascii_uppercase();
            Cow::Owned(message)
        }
        _ => message,
    }
}

/// This wire's name of a setting that the domain names.
fn wire_name(setting: &'static str) -> &'static str {
    match setting {
        "rp_id" => "relying_party.id",
        "origins" => "relying_party.origins",
        "attachment" => "authenticator_attachment",
        "resident_key" => "discoverable_credentials",
        other => other,
    }
}

impl From<TransportRefusal> for ApiError {
    fn from(refusal: TransportRefusal) -> Self {
        let error = match refusal {
            TransportRefusal::BodyTooLarge => Self::new(Code::TooLarge),
            TransportRefusal::BodyEncoded => Self::new(Code::UnsupportedEncoding),
            TransportRefusal::TooManyHeaders => Self::new(Code::HeadersTooLarge),
            TransportRefusal::HostInvalid => {
                Self::invalid_request("The request needs exactly one valid Host header")
            }
            TransportRefusal::BodyTooSlow | TransportRefusal::BodyBroken => {
                Self::invalid_request("The body did not arrive completely")
            }
            TransportRefusal::RateLimited => {
                Self::new(Code::TooManyRequests).because(Reason::RateLimited)
            }
            TransportRefusal::Panicked => Self::new(Code::InternalError).because(Reason::Internal),
        };
        error.of_transport(refusal)
    }
}

impl Refusals for State {
    fn refusal(&self, refusal: TransportRefusal, path: &str) -> Response {
        ApiError::from(refusal).into_response(&self.public_url, path)
    }
}
