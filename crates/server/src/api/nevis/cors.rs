//! Which pages may call what a browser calls.
//!
//! A preflight names no transaction, so it is answered for the origins of every Relying Party; the response to the call itself is
//! shown only to the origins of the Relying Party that the call turned out to be about. A response to an access key is shown to no
//! page: a key that a page holds is no secret.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use domain::service::prepared::Prepared;

use super::auth;
use super::error::ApiError;
use super::state::State;
use crate::http::cors::{About, Pages, is_own, origin};

impl Pages for State {
    const HEADERS: &'static str = "content-type, accept";

    async fn may_read(&self, origin: &HeaderValue, about: Option<&Prepared>) -> bool {
        if let Some(rp) = about {
            return is_own(rp, origin);
        }
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        // When the store does not answer, no origin is known.
        self.passkeys
            .is_configured_origin(origin)
            .await
            .unwrap_or(false)
    }
}

/// The origin of the page that sent a request, where the caller may also be a back end with its access key.
pub fn page_with_intent(request: &HeaderMap) -> Option<&HeaderValue> {
    origin(request).filter(|_| !auth::claims_access_key(request))
}

/// Notes that a response, or what is refused, is about this Relying Party, so that its pages may read it.
///
/// # Errors
/// What was refused.
pub fn about(rp: &Arc<Prepared>, done: Result<Response, ApiError>) -> Result<Response, ApiError> {
    match done {
        Ok(mut response) => {
            response.extensions_mut().insert(About(Arc::clone(rp)));
            Ok(response)
        }
        Err(error) => Err(error.about(rp)),
    }
}
