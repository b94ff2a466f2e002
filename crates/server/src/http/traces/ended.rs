//! What a trace has of a request.

use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{HeaderValue, Method, StatusCode};
use domain::model::ids::{AccountId, CeremonyId, RelyingPartyId};

/// What a part of the work on a request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A part of the work on a response to a ceremony.
    Ceremony,
    /// An operation of the store.
    Store,
}

/// A request that was answered. It has nothing that the client chose freely, and no secret.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The method.
    pub method: Method,
    /// The template of the route.
    pub route: Option<MatchedPath>,
    /// The name of the [area](crate::http::front::Area); empty outside of all areas.
    pub wire: &'static str,
    /// The status of the response.
    pub status: StatusCode,
    /// Why it was refused, by a stable name.
    pub reason: Option<&'static str>,
    /// How long it took.
    pub took: Duration,
    /// Its id.
    pub request_id: HeaderValue,
    /// The account whose secret was shown, or who claims to be it.
    pub account: Option<AccountId>,
    /// The Relying Party that it is about.
    pub service: Option<RelyingPartyId>,
    /// The ceremony that was refused.
    pub ceremony: Option<CeremonyId>,
}
