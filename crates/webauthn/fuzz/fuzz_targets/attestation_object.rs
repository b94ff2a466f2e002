//! The whole attestation object of a registration whose client data the first byte chooses.
#![no_main]
use fuzzing::{choose, registrations};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some((fixture, object)) = choose(registrations(), input) {
        fixture.check(object);
    }
});
