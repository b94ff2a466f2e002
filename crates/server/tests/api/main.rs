//! The wire APIs from outside: requests into what is served, responses out of it. The folders mirror the URLs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod canary;
mod client_events;
mod console;
mod console_browser;
mod console_doctor;
mod console_forms;
mod console_lists;
mod console_passkeys;
mod docs;
mod enrolment;
mod front;
mod manage;
mod rates;
mod reference;
mod scopes;
mod support;
mod tenants;
mod twilio;
