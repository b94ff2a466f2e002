//! The wire APIs from outside: requests into the router, answers out of it. The folders mirror the URLs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/counting.rs"]
mod counting;

mod backend;
mod docs;
mod manage;
mod twilio;
