//! What the edge tells about its work, for metrics. Nothing that it does depends on it.

use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;

use super::funnel::Funnels;

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The name of the [area](super::front::Area); empty outside of all areas.
    pub wire: &'static str,
    /// The status of the response.
    pub status: StatusCode,
    /// Why it was refused, by a stable name.
    pub reason: Option<&'static str>,
    /// How long it took.
    pub took: Duration,
    /// The name of the rate limit that it is over.
    pub limit: Option<&'static str>,
}

/// Watches connections and requests. Called on the way of every request, so it must be fast.
pub trait Traffic: fmt::Debug + Send + Sync + 'static {
    /// A connection was accepted.
    fn opened(&self);
    /// A connection that was accepted is closed.
    fn closed(&self);
    /// A connection was closed at once, because a limit was reached.
    fn turned_away(&self);
    /// A request was answered.
    fn answered(&self, answered: &Answered);
    /// Where it is counted how far people come, if it is.
    fn funnels(&self) -> Option<&Funnels> {
        None
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Traffic for Unwatched {
    fn opened(&self) {}
    fn closed(&self) {}
    fn turned_away(&self) {}
    fn answered(&self, _: &Answered) {}
}
