//! What a server leaves behind when its process is killed, when the machine loses its power, or when the disk is full: what was acknowledged is there, and
//! no challenge is accepted twice.
//!
//! `DURABILITY_KILLS` and `DURABILITY_CUTS` say how many kills and how many losses of power a run tries.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise and may say what it measured"
)]

mod cuts;
mod disk;
mod full;
mod kills;
mod load;
mod server;
mod webhooks;

/// How many rounds a run has: as many as this variable says, or the usual number.
fn rounds(variable: &str, usual: u32) -> u32 {
    let text = std::env::var(variable);
    text.map_or(usual, |text| text.parse().expect("a number of rounds"))
}
