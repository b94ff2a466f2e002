//! Checks of an installation: each says what it found, why it matters and how to fix it.
//!
//! [`store`] has the checks that need the store. A running server does them for `passkeyd doctor`, which reaches it through the control socket.
//! [`machine`] looks at the settings, the files and the clock, and [`web`] at what clients reach.

mod finding;
pub mod machine;
pub mod store;
pub mod web;

pub use finding::{Finding, Level};
