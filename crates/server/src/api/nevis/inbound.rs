//! One request on its way in and its answer on the way out, the same for every call of this wire.

use std::future::Future;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, FromRequestParts as _, RawPathParams, Request, State};
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use domain::Reason;
use domain::webauthn::json::{self, Limits, Object, Value};
use percent_encoding::percent_decode;
use serde::Serialize;

use super::auth;
use super::error::ApiError;
use crate::app::App;

/// Most parameters of a form or query.
const MAX_PARAMETERS: usize = 64;

/// A request whose body is complete.
pub struct Inbound {
    /// Its headers.
    pub headers: HeaderMap,
    uri: Uri,
    path: RawPathParams,
    body: Bytes,
}

/// What a call answers.
#[derive(Debug)]
pub enum Answer {
    /// A JSON body with its status.
    Json(StatusCode, Vec<u8>),
    /// A body of another kind, with 200.
    Text(&'static str, String),
    /// 204.
    NoContent,
}

impl Answer {
    /// 200.
    pub fn ok(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(StatusCode::OK, body)
    }

    /// 201.
    pub fn created(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(StatusCode::CREATED, body)
    }

    fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, ApiError> {
        // An enrolment with its options is the longest common answer, at about this size.
        let mut bytes = Vec::with_capacity(2048);
        serde_json::to_writer(&mut bytes, body).map_err(|_| ApiError::internal())?;
        Ok(Self::Json(status, bytes))
    }

    fn into_response(self) -> Response {
        let (status, content_type, body) = match self {
            Self::Json(status, bytes) => (status, "application/json", Body::from(bytes)),
            Self::Text(content_type, text) => (StatusCode::OK, content_type, Body::from(text)),
            Self::NoContent => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                return response;
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        // Most answers hold tokens or challenges.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Turns a call into a handler: reads the request, calls, renders.
pub async fn serve<F, Fut>(app: App, request: Request, call: F) -> Response
where
    F: FnOnce(App, Inbound) -> Fut,
    Fut: Future<Output = Result<Answer, ApiError>>,
{
    let uri = request.uri().clone();
    let result = match Inbound::read(request).await {
        Ok(inbound) => call(app.clone(), inbound).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(answer) => answer.into_response(),
        Err(error) => error.into_response(Some(app.passkeys.now()), uri.path()),
    }
}

/// A path that nobody serves: 401 and 403 for strangers, else 404.
pub async fn unknown_path(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        auth::access_key(&app, &inbound.headers).await?;
        Err(ApiError::not_found("There is nothing at this path."))
    })
    .await
}

/// A path that nobody serves, where no key is needed.
pub async fn unknown_path_in_public(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |_, _| {
        Err(ApiError::not_found("There is nothing at this path."))
    })
    .await
}

/// A method that the path does not have: 401 and 403 for strangers, else 405. The router adds `Allow`.
pub async fn wrong_method(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        auth::access_key(&app, &inbound.headers).await?;
        Err(method_not_allowed())
    })
    .await
}

/// 405 on a path that needs no key.
pub async fn wrong_method_in_public(State(app): State<App>, request: Request) -> Response {
    let mut response = serve(app, request, async |_, _| Err(method_not_allowed())).await;
    let methods = HeaderValue::from_static("POST, OPTIONS");
    response.headers_mut().insert(ALLOW, methods);
    response
}

fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This path does not have this method.",
    )
}

impl Inbound {
    /// Takes a request apart.
    ///
    /// # Errors
    /// 404 for a path that is not UTF-8 once decoded, 413, 400 for a body that breaks off.
    pub async fn read(request: Request) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, &())
            .await
            .map_err(|_| ApiError::not_found("There is nothing at this path."))?;
        let headers = std::mem::take(&mut parts.headers);
        let uri = parts.uri.clone();
        let body = Bytes::from_request(Request::from_parts(parts, body), &())
            .await
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.")
                        .because(Reason::JsonTooLarge)
                }
                _ => ApiError::malformed(
                    Reason::RequestInvalid,
                    "The body did not arrive completely.",
                ),
            })?;
        Ok(Self {
            headers,
            uri,
            path,
            body,
        })
    }

    /// A decoded path segment by the name that the route gives it.
    pub fn segment(&self, name: &str) -> &str {
        self.path
            .iter()
            .find_map(|(n, value)| (n == name).then_some(value))
            .unwrap_or_default()
    }

    /// The parameters of the query.
    ///
    /// # Errors
    /// 400.
    pub fn query(&self) -> Result<Parameters, ApiError> {
        Parameters::parse(self.uri.query().unwrap_or_default().as_bytes())
    }

    /// The body as a form.
    ///
    /// # Errors
    /// 415 for another content type, 400 for a form that is not UTF-8.
    pub fn form(&self) -> Result<Parameters, ApiError> {
        self.content_type("application/x-www-form-urlencoded")?;
        Parameters::parse(&self.body)
    }

    /// The body as a JSON value that is an object.
    ///
    /// # Errors
    /// 415 for another content type, 400 for what is not one JSON object within the limits.
    pub fn json(&self) -> Result<json::Value<'_>, ApiError> {
        self.content_type("application/json")?;
        let value = json::parse(&self.body, &Limits::default())
            .map_err(|error| ApiError::malformed(error.reason(), error.to_string()))?;
        if value.as_object().is_none() {
            return Err(ApiError::malformed(
                Reason::RequestInvalid,
                format!(
                    "The body is {}, not a JSON object.",
                    value.found_instead_of_object()
                ),
            ));
        }
        Ok(value)
    }

    /// Whether the client takes JSON.
    ///
    /// # Errors
    /// 406.
    pub fn accepts_json(&self) -> Result<(), ApiError> {
        let mut values = self.headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Ok(());
        }
        let acceptable = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(range_holds_json);
        if acceptable {
            Ok(())
        } else {
            Err(ApiError::new(
                StatusCode::NOT_ACCEPTABLE,
                "The answer is application/json, which the Accept header excludes.",
            ))
        }
    }

    fn content_type(&self, wanted: &str) -> Result<(), ApiError> {
        let mut values = self.headers.get_all(CONTENT_TYPE).iter();
        let essence = values
            .next()
            .filter(|_| values.next().is_none())
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next());
        if essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted)) {
            Ok(())
        } else {
            Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("Send Content-Type: {wanted}."),
            )
            .because(Reason::RequestInvalid))
        }
    }
}

/// Whether a media range with its parameters admits `application/json`.
fn range_holds_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let holds = ["application/json", "application/*", "*/*"]
        .iter()
        .any(|json| essence.eq_ignore_ascii_case(json));
    let refused = parts.any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q")
                && value.trim().bytes().all(|byte| matches!(byte, b'0' | b'.'))
        })
    });
    holds && !refused
}

/// Parameters of a form or query, in the order of the text.
#[derive(Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// 400: not UTF-8 once decoded, a parameter twice, or too many.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let wrong = |why: &'static str| ApiError::malformed(Reason::RequestInvalid, why);
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in bytes.split(|byte| *byte == b'&').filter(|p| !p.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(wrong("There are too many parameters."));
            }
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match at {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(wrong("A parameter is not UTF-8."));
            };
            // Which of the two would count is nobody's guess.
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(wrong("A parameter occurs twice."));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find_map(|(n, value)| (n == name).then_some(value.as_str()))
    }
}

fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(decoded).ok()
}

/// A member of an object; null counts as absent.
pub fn member<'v, 'a>(object: &'v Object<'a>, name: &str) -> Option<&'v Value<'a>> {
    object.get(name).filter(|value| !value.is_null())
}

/// A string member.
///
/// # Errors
/// 422 when it is there and no string.
pub fn text<'v>(object: &'v Object<'_>, name: &'static str) -> Result<Option<&'v str>, ApiError> {
    match member(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(name, other, "a string")),
    }
}

/// The refusal of a member of another type.
pub fn wrong_type(name: &'static str, found: &Value<'_>, wanted: &str) -> ApiError {
    ApiError::rule(format!("{name} is {}, not {wanted}", found.type_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_range_admits_json_unless_its_quality_is_zero() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json;charset=utf-8",
            "application/*",
            "*/*",
            " */* ; q=0.1",
            "application/json;q=1.000",
        ] {
            assert!(range_holds_json(good), "{good}");
        }
        for bad in [
            "",
            "text/html",
            "application/problem+json",
            "application/json;q=0",
            "*/*;q=0.000",
            "application/jso",
            "json",
        ] {
            assert!(!range_holds_json(bad), "{bad}");
        }
    }

    #[test]
    fn a_form_is_decoded_once_and_names_nothing_twice() {
        let form = Parameters::parse(b"token=a%2Bb+c&empty=&bare").unwrap();
        assert_eq!(form.get("token"), Some("a+b c"));
        assert_eq!(form.get("empty"), Some(""));
        assert_eq!(form.get("bare"), Some(""));
        assert_eq!(form.get("Token"), None);
        for bad in [&b"a=1&a=2"[..], b"a=%ff", b"a=\xff"] {
            assert_eq!(
                Parameters::parse(bad).unwrap_err().status(),
                StatusCode::BAD_REQUEST
            );
        }
    }
}
