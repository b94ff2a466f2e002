//! Stores: implementations of [`domain::store::Storage`], and the one suite that every store must pass.
//!
//! [`Embedded`] keeps everything in one `SQLite` file, [`Postgres`] in a database that any number of processes share, [`Memory`]
//! in the process. They report facts and decide nothing; that they report the same facts is what the conformance suite and the model test
//! check.

mod beginning;
#[cfg(feature = "suite")]
pub mod conformance;
mod console;
mod deliveries;
pub mod embedded;
mod forward;
mod images;
pub mod memory;
mod octets;
pub mod postgres;
mod retrying;
#[cfg(test)]
mod simulation;
mod timed;
mod url;
mod watch;

pub use embedded::{Embedded, OpenError, Options};
pub use memory::Memory;
pub use postgres::{Postgres, PostgresUrl};
pub use retrying::Retrying;
pub use timed::{Operations, Timed};
pub use url::{StoreError, StoreUrl, StoreUrlError, open, open_served};
pub use watch::{Group, Unwatched, Watch};
