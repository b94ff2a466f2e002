//! A request of this wire: who calls, what was sent, and what the path names. The same for every call.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::user::User;
use domain::service::prepared::Prepared;
use domain::store::Survival;
use domain::webauthn::json;
use domain::webauthn::json::Limits;
use serde::Serialize;

use super::codes::Code;
use super::error::{ApiError, refused};
use super::form::Form;
use super::idempotency::{self, Once};
use super::reasons::Call;
use super::sid::{self, Key};
use super::state::State;
use crate::http::auth::{self, AuthError};
use crate::http::{Inbound, Needs, Wire, handler, media, reply};

/// A request whose caller is known and whose body is complete.
pub struct Request {
    /// What the handlers share.
    pub state: State,
    /// Who calls.
    pub account: AccountId,
    inbound: Inbound,
    body: Bytes,
    /// The `Idempotency-Key` of a call that is to be done once.
    key: Option<HeaderValue>,
    /// Whether the call has such a key, so that its response is kept.
    is_kept: bool,
}

impl Wire for State {
    type Request = Request;
    type Error = ApiError;

    /// The caller is authenticated before the body is read, and nothing is looked up for a caller who is not known.
    async fn admit(&self, request: HttpRequest, needs: Needs) -> Result<Request, ApiError> {
        self.bodies.admit(request.body())?;
        let account = authenticate(self, request.headers(), needs).await?;
        let inbound = Inbound::of(request, self.bodies)
            .await
            // A segment that is not UTF-8 once decoded names nothing.
            .map_err(|_| ApiError::new(Code::NotFound))?;
        let body = inbound.read_body().await?;
        let key = idempotency::key(&inbound.method, &inbound.headers)?;
        Ok(Request {
            state: self.clone(),
            account,
            inbound,
            body,
            is_kept: key.is_some(),
            key,
        })
    }

    fn refuse(&self, error: ApiError, path: &str) -> Response {
        error.into_response(&self.public_url, path)
    }

    async fn run(&self, mut request: Request, uri: &Uri, call: &handler::Call<Self>) -> Response {
        let Some(key) = request.key.take() else {
            let done = call(request).await;
            return done.unwrap_or_else(|error| self.refuse(error, uri.path()));
        };
        let once = Once {
            account: request.account,
            key,
            uri: uri.clone(),
            body: request.body.clone(),
        };
        let (state, path) = (self.clone(), uri.clone());
        // It does nothing before it is polled.
        let answer = call(request);
        let call = async move {
            let done = answer.await;
            done.unwrap_or_else(|error| state.refuse(error, path.path()))
        };
        // In a box: its state is large, and every call without a key would carry it along.
        let done = Box::pin(once.run(&self.passkeys, call)).await;
        done.unwrap_or_else(|error| self.refuse(error, uri.path()))
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
    // Options with an allow list are the longest common answer, at about this size.
    let mut bytes = Vec::with_capacity(1536);
    serde_json::to_writer(&mut bytes, body).map_err(|_| ApiError::new(Code::InternalError))?;
    Ok(reply::json(status, bytes))
}

/// An unknown path: 401 for unknown callers, else 20404.
pub async fn not_found(request: Request) -> Result<Response, ApiError> {
    if lacks_service_sid(request.inbound.uri.path()) {
        return Err(ApiError::new(Code::ServiceSidInvalid)
            .explained("The path names no Service: a collection stands where its SID must be"));
    }
    Err(ApiError::new(Code::NotFound))
}

/// Whether a collection of a Service stands in place of its SID. Lists of Ruby's SDK that were made without their Service ask
/// for `/v2/Services//Passkeys/Factors`.
fn lacks_service_sid(path: &str) -> bool {
    let below = path.strip_prefix("/v2/Services/").unwrap_or_default();
    let first = below.split('/').next();
    first.is_some_and(|first| ["Passkeys", "Entities", "Webhooks", "AccessTokens"].contains(&first))
}

impl Request {
    /// What an authentication that this call starts is to survive: as much as the response that is kept, so that a call which is sent
    /// again after a crash gets no challenge that is lost.
    pub fn survival(&self) -> Survival {
        if self.is_kept {
            Survival::Crash
        } else {
            Survival::Stop
        }
    }

    /// A decoded path segment by the name that the route gives it.
    pub fn segment(&self, name: &str) -> &str {
        self.inbound.segment(name)
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
    pub async fn service(&self) -> Result<Arc<Prepared>, ApiError> {
        self.state
            .passkeys
            .relying_party(self.account, self.service_id()?)
            .await
            .map_err(refused(Call::Resource))
    }

    /// The service and the entity in the path. Every name is looked up, whichever wire created it.
    ///
    /// # Errors
    /// As [`service`](Self::service); 20404 for an unknown entity.
    pub async fn entity(&self) -> Result<(Arc<Prepared>, User), ApiError> {
        let rp = self.service().await?;
        let user = self
            .state
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
    pub fn query(&self) -> Result<Form<'_>, ApiError> {
        Form::parse(self.inbound.query())
    }

    /// The body as a form. An empty body is an empty form, whatever its content type.
    ///
    /// # Errors
    /// 60306 for another content type.
    pub fn form(&self) -> Result<Form<'_>, ApiError> {
        if self.body.is_empty() {
            return Ok(Form::default());
        }
        if !media::is(&self.inbound.headers, media::FORM) {
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
        if !media::is(&self.inbound.headers, media::JSON) {
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

async fn authenticate(
    state: &State,
    headers: &HeaderMap,
    needs: Needs,
) -> Result<AccountId, ApiError> {
    auth::authenticate(&state.passkeys, headers, needs)
        .await
        .map(|known| known.account)
        .map_err(|error| match error {
            AuthError::Lacking(refusal) | AuthError::Unavailable(refusal) => {
                ApiError::refused(Call::Resource, &refusal)
            }
            AuthError::Limited => ApiError::new(Code::TooManyRequests).because(error.reason()),
            denied => ApiError::new(Code::Authenticate).because(denied.reason()),
        })
}
