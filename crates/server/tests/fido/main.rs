//! The FIDO Alliance's binding and its dialect from outside, as a conformance tool sees them: requests into the whole router,
//! answers out of it. Each published case is a test that is named after its group and its sentence; `nv_` and a number are the
//! row of the contract's acceptance checklist.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/counting.rs"]
mod counting;

mod algorithms;
mod attestation_object;
mod authenticator_data;
mod binding;
mod client_data;
mod dialect;
mod formats;
mod metadata_service;
mod options;
mod reasons;
mod structure;
mod tool;
