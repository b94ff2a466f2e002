//! A request of this wire, the same for every call.

use std::sync::Arc;

use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::refusal::Refusal;
use domain::service::prepared::Prepared;

use super::reply::Failure;
use super::state::{Dialect, State};
use crate::http::json::JsonText;
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

impl Request {
    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.inbound.headers
    }

    /// Reads the body.
    pub async fn json_text(&self) -> Result<JsonText, Failure> {
        Ok(JsonText::new(self.inbound.read_body().await?))
    }

    /// The Relying Party, for a call that starts a ceremony or asks how one stands. Outside conformance mode the caller must
    /// show the account's secret or an access key of the Relying Party: a caller that may start a registration for a name can
    /// sign in under it.
    pub async fn relying_party(&self) -> Result<Arc<Prepared>, Failure> {
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
