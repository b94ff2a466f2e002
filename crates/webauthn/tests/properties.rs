//! Properties that hold for all inputs: nothing but the signed bytes is accepted, and no parser panics.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Authentication, Key, Registration};
use proptest::prelude::*;
use std::sync::LazyLock;
use webauthn::authentication::ExpectedUser;
use webauthn::authenticator_data::AuthenticatorData;
use webauthn::base64url::{decode, encode};
use webauthn::cbor::{self, KeyOrder};
use webauthn::client_data::ClientData;
use webauthn::cose::{CoseAlgorithm, PublicKey};
use webauthn::json::{Limits, parse};
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::{TrustFacts, verify_authentication, verify_registration};

/// One ceremony of each kind of key, made once.
static AUTHENTICATIONS: LazyLock<Vec<Authentication>> = LazyLock::new(|| {
    [
        CoseAlgorithm::ES256,
        CoseAlgorithm::EDDSA,
        CoseAlgorithm::RS256,
        CoseAlgorithm::PS256,
    ]
    .map(|algorithm| Authentication::with_key(Key::new(algorithm)))
    .into()
});

static ATTESTED: LazyLock<Registration> = LazyLock::new(|| Registration::packed_self(Key::es256()));

/// The ceremony's response with one bit of one member of `response` flipped.
fn flipped(json: &[u8], member: &str, at: prop::sample::Index, bit: u8) -> Vec<u8> {
    let mut credential: serde_json::Value = serde_json::from_slice(json).unwrap();
    let mut bytes = decode(credential["response"][member].as_str().unwrap()).unwrap();
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
    credential["response"][member] = encode(&bytes).into();
    credential.to_string().into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_one_bit_change_of_an_assertion_is_accepted(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0u8..8,
        member in prop::sample::select(vec!["clientDataJSON", "authenticatorData", "signature", "userHandle"]),
    ) {
        let ceremony = which.get(&AUTHENTICATIONS);
        let json = flipped(&ceremony.json(), member, at, bit);
        let value = parse(&json, &Limits::default()).unwrap();
        if let Ok(response) = AuthenticationResponse::from_json(&value, &ResponseForm::STRICT) {
            prop_assert!(verify_authentication(&ceremony.expected, &ceremony.stored(&ceremony.key_of_record()), &response, &mut NoTrace).is_err());
        }
    }

    #[test]
    fn no_one_bit_change_of_an_attested_registration_is_accepted(
        at in any::<prop::sample::Index>(), bit in 0u8..8, member in prop::sample::select(vec!["clientDataJSON", "attestationObject"]),
    ) {
        let json = flipped(&ATTESTED.json(), member, at, bit);
        let value = parse(&json, &Limits::default()).unwrap();
        if let Ok(response) = RegistrationResponse::from_json(&value, &ResponseForm::STRICT) {
            prop_assert!(verify_registration(&ATTESTED.expected, &response, &TrustFacts::NO_METADATA, common::NOW, &mut NoTrace).is_err());
        }
    }

    #[test]
    fn no_parser_panics_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = cbor::read(&bytes, KeyOrder::Any);
        let _ = AuthenticatorData::parse(&bytes);
        let _ = PublicKey::parse(&bytes);
        let _ = ClientData::parse(&bytes);
        let _ = parse(&bytes, &Limits::default());
        let text = String::from_utf8_lossy(&bytes);
        let _ = decode(&text);
        let _ = webauthn::relying_party::RpId::parse(&text);
        let _ = webauthn::origin::Origin::parse_configured(&text);
    }

    #[test]
    fn no_parser_panics_on_a_mangled_answer(
        cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8,
        inserted in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let object = ATTESTED.attestation_object();
        let mut mangled = object.clone();
        let at = at.index(mangled.len());
        mangled[at] = byte;
        mangled.splice(at..at, inserted);
        mangled.truncate(cut.index(mangled.len() * 2).max(1));
        let mut credential: serde_json::Value = serde_json::from_slice(&ATTESTED.json()).unwrap();
        credential["response"]["attestationObject"] = encode(&mangled).into();
        let json = credential.to_string().into_bytes();
        let value = parse(&json, &Limits::default()).unwrap();
        let response = RegistrationResponse::from_json(&value, &ResponseForm::STRICT).unwrap();
        let verdict = verify_registration(&ATTESTED.expected, &response, &TrustFacts::NO_METADATA, common::NOW, &mut NoTrace);
        prop_assert!(verdict.is_err() || mangled == object);
    }

    #[test]
    fn base64url_round_trips_and_has_one_text(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[A-Za-z0-9_-]{0,12}") {
        prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        if let Ok(decoded) = decode(&text) {
            prop_assert_eq!(encode(&decoded), text);
        }
    }

    #[test]
    fn an_rp_id_never_contains_anything_but_domain_characters(text in "\\PC{0,40}") {
        if let Ok(rp_id) = webauthn::relying_party::RpId::parse(&text) {
            prop_assert!(rp_id.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-'));
        }
    }
}

#[test]
fn a_username_less_ceremony_is_bound_to_the_handle_as_well() {
    let mut ceremony = Authentication::new();
    ceremony.expected.user = ExpectedUser::NamedByCredential;
    let _ = ceremony.succeeds();
}
