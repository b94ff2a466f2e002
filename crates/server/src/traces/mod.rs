//! Traces for OpenTelemetry: what was recorded of requests ([`http::traces`](crate::http::traces)) goes to a collector.
//!
//! Only a binary with the Cargo feature `opentelemetry` has them.

#[cfg(feature = "opentelemetry")]
mod exporter;
#[cfg(not(feature = "opentelemetry"))]
mod off;
#[cfg(feature = "opentelemetry")]
mod spans;

#[cfg(feature = "opentelemetry")]
pub use exporter::{Exporting, start, timed};
#[cfg(not(feature = "opentelemetry"))]
pub use off::{Exporting, start, timed};
