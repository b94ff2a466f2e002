//! Checks of an installation: each says what it found, why it matters and how to fix it.
//!
//! [`store`] has the checks that need the store. A running server does them for `passkeyd doctor`, which reaches it through the control socket.
//! [`machine`] looks at the settings, the files and the clock, and [`web`] at what clients reach. [`Checkup`] does all of them in a running server,
//! for the console.

mod checkup;
mod finding;
pub mod machine;
pub mod store;
pub mod web;

pub use checkup::{Checked, Checkup, LONGEST};
pub use finding::{Finding, Level, Report};
