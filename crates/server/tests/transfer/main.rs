//! What leaves a store as a file, and what comes in from one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests may stop at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

mod copy;
mod disabled;
mod export;
mod leaving;
mod lists;
mod own;
mod refusals;
mod sources;
mod support;
mod tables;
