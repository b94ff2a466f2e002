//! One request on its way in and its answer on the way out: authentication, body, path and rendering, the same for
//! every call.

use std::future::Future;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::relying_party::RelyingParty;
use domain::model::user::User;
use domain::webauthn::json::{self, Limits};
use serde::Serialize;

use super::codes::Code;
use super::error::{ApiError, refused};
use super::form::Form;
use super::idempotency;
use super::reasons::Call;
use super::sid::{self, Key};
use crate::api::auth::{self, AuthError};
use crate::app::App;

/// A request whose caller is known and whose body is complete.
pub struct Inbound {
    /// Who calls.
    pub account: AccountId,
    headers: HeaderMap,
    uri: Uri,
    path: RawPathParams,
    body: Bytes,
}

/// What a call answers.
#[derive(Debug)]
pub enum Answer {
    /// A JSON body with its status.
    Json(StatusCode, Vec<u8>),
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
        // Options with an allow list are the longest common answer, at about this size.
        let mut bytes = Vec::with_capacity(1536);
        serde_json::to_writer(&mut bytes, body).map_err(|_| ApiError::new(Code::InternalError))?;
        Ok(Self::Json(status, bytes))
    }
}

/// Turns a call into a handler: authenticates, reads the body, calls, renders.
///
/// The caller is authenticated before the body is read, and nothing is looked up for a caller who is not known.
pub async fn serve<F, Fut>(app: App, request: Request, call: F) -> Response
where
    F: FnOnce(App, Inbound) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Answer, ApiError>> + Send,
{
    let uri = request.uri().clone();
    let method = request.method().clone();
    let inbound = Inbound::read(&app, request).await;
    let read = inbound.and_then(|inbound| {
        let key = idempotency::key(&method, &inbound.headers)?;
        Ok((inbound, key))
    });
    let result = match read {
        Ok((inbound, None)) => call(app.clone(), inbound).await,
        // In a box: its state is large, and every call without a key would carry it along.
        Ok((inbound, Some(key))) => {
            return Box::pin(repeatable(app, uri, inbound, key, call)).await;
        }
        Err(error) => Err(error),
    };
    render(&app, &uri, result)
}

/// A call that is done once for its `Idempotency-Key`.
async fn repeatable<F, Fut>(
    app: App,
    uri: Uri,
    inbound: Inbound,
    key: HeaderValue,
    call: F,
) -> Response
where
    F: FnOnce(App, Inbound) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Answer, ApiError>> + Send,
{
    let once = idempotency::Once {
        account: inbound.account,
        key,
        uri: uri.clone(),
        body: inbound.body.clone(),
    };
    let (inner, path) = (app.clone(), uri.clone());
    let call = async move {
        let result = call(inner.clone(), inbound).await;
        render(&inner, &path, result)
    };
    let done = once.run(&app, call).await;
    done.unwrap_or_else(|error| error.into_response(&app.public_url, uri.path()))
}

/// What a call answers, as a response.
fn render(app: &App, uri: &Uri, result: Result<Answer, ApiError>) -> Response {
    match result {
        Ok(Answer::Json(status, bytes)) => {
            let mut response = Response::new(Body::from(bytes));
            *response.status_mut() = status;
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Ok(Answer::NoContent) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(&app.public_url, uri.path()),
    }
}

/// A path that nobody serves: 401 for strangers, else 20404.
pub async fn not_found(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |_, inbound| {
        if lacks_service_sid(inbound.uri.path()) {
            return Err(ApiError::new(Code::ServiceSidInvalid).explained(
                "The path names no Service: a collection stands where its SID must be",
            ));
        }
        Err(ApiError::new(Code::NotFound))
    })
    .await
}

/// Whether a collection of a Service stands in place of its SID. Lists of Ruby's SDK that were made without their Service ask
/// for `/v2/Services//Passkeys/Factors`.
fn lacks_service_sid(path: &str) -> bool {
    let below = path.strip_prefix("/v2/Services/").unwrap_or_default();
    let first = below.split('/').next();
    first.is_some_and(|first| ["Passkeys", "Entities", "Webhooks", "AccessTokens"].contains(&first))
}

impl Inbound {
    async fn read(app: &App, request: Request) -> Result<Self, ApiError> {
        let account = authenticate(app, request.headers()).await?;
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, &())
            .await
            // A segment that is not UTF-8 once decoded names nothing.
            .map_err(|_| ApiError::new(Code::NotFound))?;
        let headers = std::mem::take(&mut parts.headers);
        let uri = parts.uri.clone();
        let body = Bytes::from_request(Request::from_parts(parts, body), &())
            .await
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(Code::TooLarge),
                _ => ApiError::invalid_request("The body did not arrive completely"),
            })?;
        Ok(Self {
            account,
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

    /// The key whose SID stands in the path.
    ///
    /// # Errors
    /// `malformed` when it is no SID of that kind.
    pub fn sid<K: Key>(&self, name: &str, malformed: Code) -> Result<K, ApiError> {
        sid::parse(self.segment(name)).ok_or_else(|| ApiError::new(malformed))
    }

    /// The key of the service in the path.
    ///
    /// # Errors
    /// 60363.
    pub fn service_id(&self) -> Result<RelyingPartyId, ApiError> {
        self.sid("service", Code::ServiceSidInvalid)
    }

    /// The service in the path.
    ///
    /// # Errors
    /// 60363 when it is no SID, 20404 when there is none of the caller's with it.
    pub async fn service(&self, app: &App) -> Result<Arc<RelyingParty>, ApiError> {
        app.passkeys
            .relying_party(self.account, self.service_id()?)
            .await
            .map_err(refused(Call::Resource))
    }

    /// The service and the entity in the path. Every name is looked up, whichever wire created it.
    ///
    /// # Errors
    /// As [`service`](Self::service); 20404 for an unknown entity.
    pub async fn entity(&self, app: &App) -> Result<(Arc<RelyingParty>, User), ApiError> {
        let rp = self.service(app).await?;
        let user = app
            .passkeys
            .user(rp.id, self.segment("identity"))
            .await
            .map_err(refused(Call::Resource))?;
        Ok((rp, user))
    }

    /// The query string.
    ///
    /// # Errors
    /// 60306.
    pub fn query(&self) -> Result<Form, ApiError> {
        Form::parse(self.uri.query().unwrap_or_default().as_bytes())
    }

    /// The body as a form. An empty body is an empty form, whatever its content type.
    ///
    /// # Errors
    /// 60306 for another content type.
    pub fn form(&self) -> Result<Form, ApiError> {
        if self.body.is_empty() {
            return Ok(Form::default());
        }
        if !self.has_content_type("application/x-www-form-urlencoded") {
            return Err(ApiError::invalid_request(
                "This call takes parameters with Content-Type application/x-www-form-urlencoded",
            ));
        }
        Form::parse(&self.body)
    }

    /// The body as a JSON object. An empty list is an empty object: PHP encodes an object without members as `[]`.
    ///
    /// # Errors
    /// 60306: another content type, not JSON, not an object, or beyond the limits.
    pub fn json(&self) -> Result<json::Value<'_>, ApiError> {
        object(self.json_value()?)
    }

    /// The body of a call that needs none: an absent body and `null` are an empty object.
    ///
    /// # Errors
    /// As [`json`](Self::json).
    pub fn optional_json(&self) -> Result<json::Value<'_>, ApiError> {
        if self.body.is_empty() {
            return Ok(json::Value::Object(json::Object::default()));
        }
        match self.json_value()? {
            json::Value::Null => Ok(json::Value::Object(json::Object::default())),
            value => object(value),
        }
    }

    fn json_value(&self) -> Result<json::Value<'_>, ApiError> {
        if !self.has_content_type("application/json") {
            return Err(ApiError::invalid_request(
                "This call takes a JSON object with Content-Type application/json",
            ));
        }
        json::parse(&self.body, &Limits::default()).map_err(|error| {
            ApiError::new(Code::InvalidRequest)
                .because(error.reason())
                .explained(error.to_string())
        })
    }

    fn has_content_type(&self, wanted: &str) -> bool {
        self.headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
    }
}

/// The value, if it is an object. An empty list is an empty object.
fn object(value: json::Value<'_>) -> Result<json::Value<'_>, ApiError> {
    match value {
        json::Value::Array(elements) if elements.is_empty() => {
            Ok(json::Value::Object(json::Object::default()))
        }
        object @ json::Value::Object(_) => Ok(object),
        other => {
            let refusal = ApiError::invalid_request(format!(
                "The body is {}, not a JSON object",
                other.found_instead_of_object()
            ));
            Err(if other.holds_object() {
                refusal
                    .help("Give the object itself to the HTTP client, or JSON.stringify it once.")
            } else {
                refusal
            })
        }
    }
}

async fn authenticate(app: &App, headers: &HeaderMap) -> Result<AccountId, ApiError> {
    auth::authenticate(&app.passkeys, headers)
        .await
        .map_err(|error| match error {
            AuthError::Unavailable(refusal) => ApiError::refused(Call::Resource, &refusal),
            denied => ApiError::new(Code::Authenticate).because(denied.reason()),
        })
}
