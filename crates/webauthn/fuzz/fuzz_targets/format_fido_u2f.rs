//! Statements of `fido-u2f`; the first byte chooses the registration.
#![no_main]
use fuzzing::{Registration, check_statement, of_format};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static FIXTURES: LazyLock<Vec<&'static Registration>> = LazyLock::new(|| of_format("fido-u2f"));

fuzz_target!(|input: &[u8]| check_statement(&FIXTURES, input));
