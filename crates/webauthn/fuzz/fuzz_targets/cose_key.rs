//! COSE keys: what is accepted is canonical, has a known algorithm, and verifies no signature of zeros.
#![no_main]
use fuzzing::{authentications, cbor_bytes};
use libfuzzer_sys::fuzz_target;
use webauthn::cbor::{self, KeyOrder};
use webauthn::cose::PublicKey;

fuzz_target!(|input: &[u8]| {
    let Ok(key) = PublicKey::parse(input) else {
        return;
    };
    let value = cbor::read(input, KeyOrder::Canonical).expect("a key is canonical");
    assert_eq!(cbor_bytes(&value), input);
    assert!(key.algorithm().is_supported());
    // A key of another making must not verify the assertion.
    let fixture = &authentications()[0];
    if input != fixture.public_key {
        assert!(
            fixture
                .judge_with_key(input, &fixture.credential_json())
                .is_none()
        );
    }
});
