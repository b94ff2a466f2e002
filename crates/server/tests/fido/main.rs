//! The FIDO Alliance's binding and its dialect from outside, as a conformance tool sees them: requests into what is served,
//! responses out of it. Each case that the FIDO Alliance's conformance tools test has a test here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod algorithms;
mod attestation_formats;
mod attestation_object;
mod authenticator_data;
mod binding;
mod client_data;
mod credential_members;
mod dialect;
mod metadata;
mod options;
mod reasons;
mod support;
mod trail;
