//! The strict reader of CBOR: what it accepts has exactly one encoding, and the canonical order is a stricter demand.
#![no_main]
use fuzzing::cbor_bytes;
use libfuzzer_sys::fuzz_target;
use webauthn::cbor::{self, KeyOrder};

fuzz_target!(|input: &[u8]| {
    let any = cbor::read(input, KeyOrder::Any);
    if let Ok(value) = &any {
        assert_eq!(cbor_bytes(value), input);
    }
    if let Ok(value) = cbor::read(input, KeyOrder::Canonical) {
        assert_eq!(any, Ok(value));
    }
    if let Ok((value, used)) = cbor::read_first(input, KeyOrder::Any) {
        assert_eq!(cbor_bytes(&value), input[..used]);
        assert_eq!(cbor::read(&input[..used], KeyOrder::Any), Ok(value));
    }
});
