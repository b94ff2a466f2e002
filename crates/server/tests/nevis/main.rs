//! The Nevis Authentication Cloud wire from outside: requests into the whole router, answers out of it. Tests whose names begin
//! with `nv_` are the rows of the contract's acceptance checklist.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/counting.rs"]
mod counting;

mod access_keys;
mod approval;
mod authenticators;
mod back_end;
mod cloud;
mod cors;
mod enroll;
mod intent;
mod introspect;
mod logs;
mod malformed;
mod reasons;
mod results;
mod settings;
mod status;
mod tokens;
mod users;
mod vendor_clients;
mod wires;
