//! In a binary without the feature: nothing is recorded.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderMap;

use super::ended::{Ended, Work};

/// Records nothing.
#[derive(Clone, Debug, Default)]
pub struct Traces(());

/// A request that is recorded. There is none.
#[derive(Debug)]
pub enum Trace {}

impl Traces {
    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    pub(in crate::http) fn begin(&self, _: &HeaderMap, _: [Option<IpAddr>; 2]) -> Option<Trace> {
        None
    }

    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    pub(in crate::http) fn end(&self, trace: &Trace, _: impl FnOnce() -> Ended) {
        match *trace {}
    }
}

impl Trace {
    pub(in crate::http) fn part(&self, _: Work, _: &'static str, _: Duration) {
        match *self {}
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
