//! Statements of `packed`; the first byte chooses the registration.
#![no_main]
use fuzzing::{Registration, check_statement, of_format};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static FIXTURES: LazyLock<Vec<&'static Registration>> = LazyLock::new(|| of_format("packed"));

fuzz_target!(|input: &[u8]| check_statement(&FIXTURES, input));
