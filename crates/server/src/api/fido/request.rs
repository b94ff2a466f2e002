//! A request of this wire, the same for every call.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::webauthn::json;
use domain::webauthn::json::Limits;
use domain::webauthn::json::Object;
use domain::webauthn::json::Value;

use super::reply::Failure;
use super::state::{Dialect, State};
use crate::http::{Inbound, Wire, auth, media};

/// A request. Its body is read when a handler asks for it, which is after the caller is authenticated.
#[derive(Debug)]
pub struct Request {
    /// What the handlers share.
    pub state: State,
    inbound: Inbound,
}

impl Wire for State {
    type Request = Request;
    type Error = Failure;

    async fn admit(&self, request: HttpRequest) -> Result<Request, Failure> {
        self.bodies.admit(request.body())?;
        // The dialect makes both headers mandatory.
        let headers = request.headers();
        if self.dialect == Dialect::Nevis && media::accepts_json(headers) != Some(true) {
            return Err(Failure::http(
                StatusCode::NOT_ACCEPTABLE,
                "Send Accept: application/json.",
            ));
        }
        if !media::is_only(headers, media::JSON) {
            return Err(Failure::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send Content-Type: application/json.",
            ));
        }
        let inbound = Inbound::of(request, self.bodies)
            .await
            .map_err(|_| Failure::http(StatusCode::NOT_FOUND, "There is nothing at this path."))?;
        Ok(Request {
            state: self.clone(),
            inbound,
        })
    }

    fn refuse(&self, failure: Failure, _: &str) -> Response {
        self.failed(failure)
    }
}

/// A body that says to be JSON.
pub struct JsonText(Bytes);

impl JsonText {
    /// The one JSON value that the text is, which is an object.
    pub fn object(&self) -> Result<Value<'_>, Failure> {
        let value = json::parse(&self.0, &Limits::default())
            .map_err(|error| Refusal::new(error.reason(), error.to_string()))?;
        if value.as_object().is_none() {
            return Err(Failure::form(format!(
                "The body is {}, not a JSON object.",
                value.found_instead_of_object()
            )));
        }
        Ok(value)
    }
}

impl Request {
    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.inbound.headers
    }

    /// Reads the body.
    pub async fn json_text(&self) -> Result<JsonText, Failure> {
        Ok(JsonText(self.inbound.read_body().await?))
    }

    /// The Relying Party, for a call that starts a ceremony or asks how one stands. Outside conformance mode the caller must
    /// show the account's secret or an access key of the Relying Party: a caller that may start a registration for a name can
    /// sign in under it.
    pub async fn relying_party(&self) -> Result<Arc<RelyingParty>, Failure> {
        let State {
            passkeys,
            relying_party: id,
            ..
        } = &self.state;
        if self.state.conformance {
            return Ok(passkeys.relying_party_itself(*id).await?);
        }
        if let Some(token) = auth::bearer(self.headers()) {
            if self.state.access_keys.relying_party(token).await? != Some(*id) {
                return Err(Refusal::from(Reason::AccessDenied).into());
            }
            return Ok(passkeys.relying_party_itself(*id).await?);
        }
        let account = auth::authenticate(passkeys, self.headers())
            .await
            .map_err(|error| Refusal::from(error.reason()))?;
        let rp = passkeys.relying_party(account, *id).await;
        Ok(rp.map_err(|refusal| match refusal.reason {
            Reason::RelyingPartyUnknown => Refusal::from(Reason::AccessDenied),
            _ => refusal,
        })?)
    }
}

/// A member that is there and not null.
pub fn member<'v, 'a>(object: &'v Object<'a>, name: &str) -> Option<&'v Value<'a>> {
    object.get(name).filter(|value| !value.is_null())
}

/// A member that must be a string where it is there.
pub fn text<'v>(object: &'v Object<'_>, name: &'static str) -> Result<Option<&'v str>, Failure> {
    match member(object, name) {
        None => Ok(None),
        Some(value) => value
            .as_str()
            .map(Some)
            .ok_or_else(|| wrong_type(name, value, "a string")),
    }
}

/// A member has another type than it must have.
pub fn wrong_type(name: &'static str, found: &Value<'_>, expected: &'static str) -> Failure {
    Failure::form(format!("{name} is {}, not {expected}.", found.type_name()))
}
