//! The page behind a one-time enrolment link, `/enroll/{token}`.
//!
//! The link is a secret: who has it registers a passkey for its user. It is in no log, because a log names the template of a route, and in no
//! store. The page has the policy of the console, and its script.

mod pages;

pub use pages::{State, router};

/// What the paths of the page begin with.
pub const PREFIXES: &[&str] = &["/enroll"];
