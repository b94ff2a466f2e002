//! The wire APIs. Each speaks its own words and touches neither storage nor another wire.

pub mod auth;
pub mod dates;
pub mod docs;
pub mod fido;
pub mod manage;
pub mod nevis;
pub mod twilio;

use domain::Reason;

/// What a wire tells the process about a refusal, as an extension of its response: the log line and
/// the metrics are made of it, so no wire logs on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalInfo {
    /// The wire's own code, as in the response body.
    pub code: u32,
    /// The domain's reason, when the refusal came from there.
    pub reason: Option<Reason>,
}
