//! A request of this wire, the same for every call.

use std::sync::Arc;

use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::grant::Scopes;
use domain::model::refusal::Refusal;
use domain::service::prepared::Prepared;

use super::reply::Failure;
use super::state::{Dialect, State};
use crate::http::auth::{self, AuthError};
use crate::http::json::JsonText;
use crate::http::{Inbound, Needs, Wire, media};

/// A request. Its body is read when a handler asks for it, which is after the caller is authenticated.
#[derive(Debug)]
pub struct Request {
    /// What the handlers share.
    pub state: State,
    needs: Needs,
    inbound: Inbound,
}

impl Wire for State {
    type Request = Request;
    type Error = Failure;

    async fn admit(&self, request: HttpRequest, needs: Needs) -> Result<Request, Failure> {
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
            needs,
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
    /// sign in under it. What the key allows is returned too.
    pub async fn relying_party(&self) -> Result<(Arc<Prepared>, Scopes), Failure> {
        let State {
            passkeys,
            relying_party: id,
            ..
        } = &self.state;
        if self.state.conformance {
            return Ok((passkeys.relying_party_itself(*id).await?, Scopes::ALL));
        }
        if let Some(token) = auth::bearer(self.headers()) {
            let found = self.state.access_keys.relying_party(token).await?;
            let Some((_, scopes)) = found.filter(|(rp, _)| rp == id) else {
                return Err(Refusal::from(Reason::AccessDenied).into());
            };
            self.needs.check(scopes)?;
            return Ok((passkeys.relying_party_itself(*id).await?, scopes));
        }
        let known = auth::authenticate(passkeys, self.headers(), self.needs).await;
        let known = known.map_err(|error| match error {
            AuthError::Lacking(refusal) => refusal,
            other => Refusal::from(other.reason()),
        })?;
        let rp = passkeys.relying_party(known.account, *id).await;
        let rp = rp.map_err(|refusal| match refusal.reason {
            Reason::RelyingPartyUnknown => Refusal::from(Reason::AccessDenied),
            _ => refusal,
        })?;
        Ok((rp, known.grant.scopes))
    }
}
