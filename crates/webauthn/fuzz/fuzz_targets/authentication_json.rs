//! The JSON of an authentication; the first byte chooses what it is verified against.
#![no_main]
use fuzzing::{authentications, choose, json_of};
use libfuzzer_sys::fuzz_target;
use webauthn::json::{Limits, parse};
use webauthn::response::{AuthenticationResponse, ResponseForm};

fuzz_target!(|input: &[u8]| {
    let Some((fixture, text)) = choose(authentications(), input) else {
        return;
    };
    if json_of(text, &Limits::default()).is_none() {
        return;
    }
    let value = parse(text, &Limits::default()).expect("it was JSON a moment ago");
    let read = |form: &ResponseForm| AuthenticationResponse::from_json(&value, form);
    let _ = read(&ResponseForm::LENIENT);
    if let Ok(strict) = read(&ResponseForm::STRICT) {
        assert_eq!(read(&ResponseForm::RECORDED), Ok(strict));
    }
    // Only what was signed is accepted.
    if let Some((response, _)) = fixture.judge(text) {
        assert_eq!(response.client_data_json(), fixture.client_data_json);
        assert_eq!(response.authenticator_data(), fixture.authenticator_data);
    }
});
