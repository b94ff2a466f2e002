use super::support::*;
use crate::authenticator::Authenticator;
use crate::json::set;
use crate::lies::Lies;
use crate::profile::{Extensions, Profile};

use serde_json::{Value, json};

const ED: u8 = 1 << 7;

fn extensions(authenticator: &Value, client: &Value) -> Extensions {
    serde_json::from_value(json!({"authenticator": authenticator, "client": client})).unwrap()
}

#[test]
fn authenticator_outputs_follow_the_key_as_one_canonical_map() {
    let outputs = json!({
        "minPinLength": 6,
        "credProtect": 3,
        "hmac-secret": true,
        "uvm": [[2, 4, 2], [4, 2, 1]],
        "credBlob": {"base64url": "AAEC"},
        "x": {"zz": -1, "a": "text"},
    });
    let mut device = Authenticator::new(Profile {
        create_extensions: extensions(&outputs, &json!({})),
        get_extensions: extensions(&json!({"hmac-secret": {"base64url": "__8"}}), &json!({})),
        ..Profile::default()
    });
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let parts = Parts::of(&created);
    assert_eq!(parts.authenticator_data[32] & ED, ED);
    let key = device.credentials()[0].public_key();
    let map = Item::decode(parts.cose.strip_prefix(&key[..]).unwrap());
    let names = [
        "x",
        "uvm",
        "credBlob",
        "credProtect",
        "hmac-secret",
        "minPinLength",
    ];
    assert_eq!(map.names(), names);
    let row = |numbers: [i64; 3]| Item::Array(numbers.map(Item::Integer).to_vec());
    assert_eq!(
        map.get("uvm"),
        Some(&Item::Array(vec![row([2, 4, 2]), row([4, 2, 1])]))
    );
    assert_eq!(map.get("credBlob"), Some(&Item::Bytes(vec![0, 1, 2])));
    assert_eq!(map.get("hmac-secret"), Some(&Item::Bool(true)));
    assert_eq!(map.get("x").unwrap().names(), ["a", "zz"]);

    let got = device
        .get(&request_options(&[]), ORIGIN, &Lies::default())
        .unwrap();
    let data = member(&got, "authenticatorData");
    assert_eq!(data[32] & ED, ED);
    let map = Item::decode(&data[37..]);
    assert_eq!(map.get("hmac-secret"), Some(&Item::Bytes(vec![0xff, 0xff])));
    assert!(assertion_verifies(&key, &got));
}

#[test]
fn the_extension_map_can_be_any_bytes() {
    let mut device = Authenticator::default();
    let lies = Lies {
        extensions: Some(vec![0x80]),
        ..Lies::default()
    };
    let created = device.create(&creation_options(), ORIGIN, &lies).unwrap();
    let data = member(&created, "authenticatorData");
    assert_eq!((data[32] & ED, data.last()), (ED, Some(&0x80)));
    let lies = Lies {
        extensions: Some(vec![0x80]),
        extension_data: Some(false),
        ..Lies::default()
    };
    let got = device.get(&request_options(&[]), ORIGIN, &lies).unwrap();
    let data = member(&got, "authenticatorData");
    assert_eq!((data[32] & ED, &data[37..]), (0, &[0x80][..]));
}

#[test]
fn client_outputs_come_from_the_profile_and_the_lies() {
    let client = json!({"prf": {"enabled": true}, "largeBlob": {"supported": true}});
    let mut device = Authenticator::new(Profile {
        create_extensions: extensions(&json!({}), &client),
        ..Profile::default()
    });
    let mut options = creation_options();
    set(&mut options, "publicKey.extensions.credProps", true);
    set(
        &mut options,
        "publicKey.extensions.appidExclude",
        "https://acme.test/app",
    );
    let mut lies = Lies::default();
    lies.client_extension_results
        .insert("credProps".to_owned(), json!({"rk": 7}));
    let created = device.create(&options, ORIGIN, &lies).unwrap();
    assert_eq!(
        created["clientExtensionResults"],
        json!({"prf": {"enabled": true}, "largeBlob": {"supported": true}, "appidExclude": true,
            "credProps": {"rk": 7}})
    );
}

#[test]
fn a_u2f_credential_answers_for_its_application() {
    let mut device = Authenticator::new(Profile::u2f());
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let mut options = request_options(&[&created["id"]]);
    set(
        &mut options,
        "publicKey.extensions.appid",
        "https://acme.test/app",
    );
    let got = device.get(&options, ORIGIN, &Lies::default()).unwrap();
    assert_eq!(got["clientExtensionResults"], json!({"appid": false}));
    assert_eq!(
        member(&got, "authenticatorData")[..32],
        sha256(b"acme.test")
    );
    device.profile.uses_appid = true;
    let got = device.get(&options, ORIGIN, &Lies::default()).unwrap();
    assert_eq!(got["clientExtensionResults"], json!({"appid": true}));
    let hash = sha256(b"https://acme.test/app");
    assert_eq!(member(&got, "authenticatorData")[..32], hash);
    assert!(assertion_verifies(
        &device.credentials()[0].public_key(),
        &got
    ));
}
