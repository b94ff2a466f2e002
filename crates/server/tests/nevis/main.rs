//! The Nevis Authentication Cloud wire from outside: requests into what is served, responses out of it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod access_keys;
mod approval;
mod authenticators;
mod back_end;
mod cors;
mod enroll;
mod intent;
mod introspect;
mod logs;
mod malformed;
mod metrics;
mod reasons;
mod results;
mod rotation;
mod scopes;
mod settings;
mod status;
mod support;
mod tenants;
mod tokens;
mod trail;
mod users;
mod vendor_clients;
mod wires;
