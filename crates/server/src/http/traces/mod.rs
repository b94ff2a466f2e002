//! Traces of requests: which requests are recorded, and what of them. An exporter takes the records from a queue.
//!
//! Only a binary with the Cargo feature `opentelemetry` has them. In another one no [`Trace`] can exist, so nothing of this costs a request
//! anything.

mod ended;
#[cfg(not(feature = "opentelemetry"))]
mod off;
#[cfg(feature = "opentelemetry")]
mod on;
#[cfg(feature = "opentelemetry")]
mod parent;

pub use ended::{Ended, Work};
#[cfg(not(feature = "opentelemetry"))]
pub use off::{Trace, Traces};
#[cfg(feature = "opentelemetry")]
pub use on::{Part, Queue, Recorded, Rule, Trace, Traces};
