//! Client data: what is accepted is JSON to others too, and they read the same members.
#![no_main]
use fuzzing::json_of;
use libfuzzer_sys::fuzz_target;
use webauthn::base64url::encode;
use webauthn::client_data::ClientData;
use webauthn::json::Limits;

fuzz_target!(|input: &[u8]| {
    let Ok(data) = ClientData::parse(input) else {
        return;
    };
    let text = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let seen = json_of(text, &Limits::default()).expect("client data is JSON");
    assert_eq!(seen["type"], data.kind.as_str());
    assert_eq!(seen["challenge"], encode(&data.challenge));
    assert_eq!(seen["origin"], data.origin);
    assert_eq!(seen["crossOrigin"] == true, data.cross_origin);
    assert_eq!(seen["topOrigin"].as_str(), data.top_origin.as_deref());
});
