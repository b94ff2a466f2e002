//! Several nodes of passkeyd on one PostgreSQL.
//!
//! `./test.sh` starts what they need and names it in the environment. Without it the tests fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and may say what it measured"
)]

mod failover;
mod load;
mod node;
mod rolling;
#[expect(dead_code, reason = "the suite of the process uses the rest")]
#[path = "../process/support.rs"]
mod support;
mod together;
mod verify;
