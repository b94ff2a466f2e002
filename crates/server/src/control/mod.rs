//! Administration of a store by the person who has the machine: the commands, and the local socket that carries them.
//!
//! An [`AdminCommand`] is always executed by [`execute`]. `passkeyd account` and its siblings execute it on the store while no server runs. A
//! running server has its embedded store locked, so they send the command as JSON to the server's [socket], which executes it there. Nobody is
//! authenticated: the socket has the mode of the store's file (0600), so a process that can use it can read the store as well.

mod apply;
pub mod client;
mod commands;
mod message;
mod model;
mod named;
pub mod socket;
mod token_keys;

pub use commands::{AdminCommand, execute};
pub use model::{Administered, NotDone};
