//! A request of this wire: what was sent, and what its path names. The same for every call.

use axum::body::{Body, Bytes};
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use serde::Serialize;

use super::error::ApiError;
use super::state::State;
use crate::http::form::{Form, FormError};
use crate::http::json::JsonText;
use crate::http::{Inbound, Needs, Wire, media, reply};

/// Most parameters of a form or query.
const MAX_PARAMETERS: usize = 64;

/// A request. Its body is read when a handler asks for it, which is after the caller is authenticated.
#[derive(Debug)]
pub struct Request {
    /// What the handlers share.
    pub state: State,
    /// What a key needs for the route.
    pub needs: Needs,
    inbound: Inbound,
}

impl Wire for State {
    type Request = Request;
    type Error = ApiError;

    async fn admit(&self, request: HttpRequest, needs: Needs) -> Result<Request, ApiError> {
        self.bodies.admit(request.body())?;
        let inbound = Inbound::of(request, self.bodies)
            .await
            // A segment that is not UTF-8 once decoded names nothing.
            .map_err(|_| ApiError::not_found("There is nothing at this path."))?;
        Ok(Request {
            state: self.clone(),
            needs,
            inbound,
        })
    }

    fn refuse(&self, error: ApiError, path: &str) -> Response {
        error.into_response(self.passkeys.now(), path)
    }
}

/// 200.
pub fn ok(body: &impl Serialize) -> Result<Response, ApiError> {
    json(StatusCode::OK, body)
}

/// 201.
pub fn created(body: &impl Serialize) -> Result<Response, ApiError> {
    json(StatusCode::CREATED, body)
}

fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    // An enrolment with its options is the longest common answer, at about this size.
    let mut bytes = Vec::with_capacity(2048);
    serde_json::to_writer(&mut bytes, body).map_err(|_| ApiError::internal())?;
    Ok(reply::not_stored(reply::json(status, bytes)))
}

/// 200 with a text of another kind than JSON.
pub fn text_of(content_type: &'static str, text: impl Into<Body>) -> Response {
    reply::not_stored(reply::with_body(StatusCode::OK, content_type, text))
}

/// A body that says to be a form.
pub struct FormText(Bytes);

impl FormText {
    /// The parameters.
    ///
    /// # Errors
    /// 400 for a form that is not UTF-8.
    pub fn parameters(&self) -> Result<Parameters<'_>, ApiError> {
        Parameters::parse(&self.0)
    }
}

impl Request {
    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.inbound.headers
    }

    /// A decoded path segment by the name that the route gives it.
    pub fn segment(&self, name: &str) -> &str {
        self.inbound.segment(name)
    }

    /// The parameters of the query.
    ///
    /// # Errors
    /// 400.
    pub fn query(&self) -> Result<Parameters<'_>, ApiError> {
        Parameters::parse(self.inbound.query())
    }

    /// Reads the body of a form.
    ///
    /// # Errors
    /// 415 for another content type, and what the transport refuses.
    pub async fn form_text(&self) -> Result<FormText, ApiError> {
        Ok(FormText(self.body(media::FORM).await?))
    }

    /// Reads the body of JSON.
    ///
    /// # Errors
    /// 415 for another content type, and what the transport refuses.
    pub async fn json_text(&self) -> Result<JsonText, ApiError> {
        Ok(JsonText::new(self.body(media::JSON).await?))
    }

    /// Refuses a client that does not take JSON.
    ///
    /// # Errors
    /// 406.
    pub fn accepts_json(&self) -> Result<(), ApiError> {
        if media::accepts_json(self.headers()).unwrap_or(true) {
            Ok(())
        } else {
            Err(ApiError::new(
                StatusCode::NOT_ACCEPTABLE,
                "The answer is application/json, which the Accept header excludes.",
            ))
        }
    }

    async fn body(&self, wanted: &str) -> Result<Bytes, ApiError> {
        let body = self.inbound.read_body().await?;
        if media::is_only(self.headers(), wanted) {
            Ok(body)
        } else {
            Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("Send Content-Type: {wanted}."),
            )
            .because(Reason::RequestInvalid))
        }
    }
}

/// Parameters of a form or query, in the order of the text.
#[derive(Debug, Default)]
pub struct Parameters<'a>(Form<'a>);

impl<'a> Parameters<'a> {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// 400: not UTF-8 once decoded, a parameter twice, or too many.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ApiError> {
        let wrong = |why: &'static str| ApiError::malformed(Reason::RequestInvalid, why);
        let form = Form::parse(bytes, MAX_PARAMETERS).map_err(|error| {
            wrong(match error {
                FormError::NotUtf8 => "A parameter is not UTF-8.",
                FormError::TooMany => "There are too many parameters.",
            })
        })?;
        for (at, (name, _)) in form.iter().enumerate() {
            // Which of the two counts would be a guess.
            if form.iter().take(at).any(|(other, _)| other == name) {
                return Err(wrong("A parameter occurs twice."));
            }
        }
        Ok(Self(form))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find_map(|(n, value)| (n == name).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
