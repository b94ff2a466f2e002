//! Authenticator data: what is read, written again, is what came.
#![no_main]
use fuzzing::cbor_bytes;
use libfuzzer_sys::fuzz_target;
use webauthn::authenticator_data::AuthenticatorData;

fuzz_target!(|input: &[u8]| {
    let Ok(data) = AuthenticatorData::parse(input) else {
        return;
    };
    let mut again = data.rp_id_hash.to_vec();
    again.push(data.flags.0);
    again.extend_from_slice(&data.sign_count.to_be_bytes());
    assert_eq!(
        data.attested.is_some(),
        data.flags.attested_credential_data()
    );
    assert_eq!(data.extensions.is_some(), data.flags.extension_data());
    if let Some(attested) = &data.attested {
        let length = u16::try_from(attested.credential_id.len()).expect("at most 1023");
        assert!((1..=1023).contains(&length));
        // Its place is fixed, and its text form is tested elsewhere.
        again.extend_from_slice(&input[37..53]);
        again.extend_from_slice(&length.to_be_bytes());
        again.extend_from_slice(attested.credential_id);
        again.extend_from_slice(attested.public_key);
    }
    if let Some(extensions) = &data.extensions {
        again.extend(cbor_bytes(extensions));
    }
    assert_eq!(again, input);
});
