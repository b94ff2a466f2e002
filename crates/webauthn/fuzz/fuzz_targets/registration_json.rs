//! The JSON of a registration; the first byte chooses what it is verified against.
#![no_main]
use fuzzing::{choose, json_of, registrations};
use libfuzzer_sys::fuzz_target;
use webauthn::json::{Limits, parse};
use webauthn::response::{RegistrationResponse, ResponseForm};

fuzz_target!(|input: &[u8]| {
    let Some((fixture, text)) = choose(registrations(), input) else {
        return;
    };
    if json_of(text, &Limits::default()).is_none() {
        return;
    }
    let value = parse(text, &Limits::default()).expect("it was JSON a moment ago");
    let read = |form: &ResponseForm| RegistrationResponse::from_json(&value, form);
    let _ = read(&ResponseForm::LENIENT);
    // The form of records is that of Level 3, with one member less.
    if let Ok(strict) = read(&ResponseForm::STRICT) {
        assert_eq!(read(&ResponseForm::RECORDED), Ok(strict));
    }
    if let Some(verified) = fixture.judge(text) {
        if verified.format() != "none" {
            assert_eq!(verified.client_data_json()[..], fixture.client_data_json);
        }
    }
});
