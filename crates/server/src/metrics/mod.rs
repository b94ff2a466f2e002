//! Metrics: what is counted and measured, and the text that Prometheus reads.
//!
//! The rooms tell what they do through traits of their own ([`Observer`](domain::service::observer::Observer), [`Watch`](storage::Watch),
//! [`Traffic`](crate::http::Traffic)). [`Metrics`] implements all of them. Handles of the metrics that every request changes are looked up once.

mod listener;
mod measured;
pub mod table;

pub use listener::router;
pub use measured::{Metrics, start};
