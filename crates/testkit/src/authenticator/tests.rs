//! The authenticator's output, taken apart with a CBOR decoder and checked with the cryptography library.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use super::*;
use crate::json::{set, without};
use crate::lies::CertificateLies;
use crate::profile::Format;
use crate::tests::support::{
    CHALLENGE, Item, ORIGIN, Parts, assertion_verifies, creation_options, extension, key_of,
    member, register, request_options, signed_by, verifies,
};

#[test]
fn every_algorithm_registers_and_signs_with_the_key_it_registered() {
    for algorithm in Algorithm::ALL {
        let mut device = Authenticator::new(Profile::default().with_algorithm(algorithm));
        let created = device
            .create(&creation_options(), ORIGIN, &Lies::default())
            .unwrap();
        assert_eq!(created["response"]["publicKeyAlgorithm"], algorithm.cose());
        let parts = Parts::of(&created);
        assert_eq!(created["id"], base64url(&parts.id).as_str());
        assert_eq!(created["rawId"], created["id"]);
        assert_eq!(parts.cose, device.credentials()[0].public_key());
        assert_eq!(parts.format, "none");
        assert_eq!(parts.statement, Item::Map(Vec::new()));

        let got = device
            .get(
                &request_options(&[&created["id"]]),
                ORIGIN,
                &Lies::default(),
            )
            .unwrap();
        assert!(assertion_verifies(&parts.cose, &got), "{algorithm:?}");
        let tampered = Lies {
            tampered_signature: true,
            ..Lies::default()
        };
        let got = device
            .get(&request_options(&[&created["id"]]), ORIGIN, &tampered)
            .unwrap();
        assert!(!assertion_verifies(&parts.cose, &got), "{algorithm:?}");
    }
}

#[test]
fn packed_self_attestation_is_signed_with_the_credential_key() {
    for algorithm in Algorithm::ALL {
        let profile = Profile::default()
            .with_format(Format::PackedSelf)
            .with_algorithm(algorithm);
        let (parts, _) = register(profile, &Lies::default());
        assert_eq!(parts.format, "packed");
        assert_eq!(parts.statement.names(), ["alg", "sig"]);
        assert_eq!(parts.algorithm(), Some(algorithm.cose()));
        assert!(verifies(&parts.cose, &parts.signed(), parts.signature()));
    }
}

#[test]
fn packed_x5c_is_signed_with_the_leaf_and_the_leaf_by_the_root() {
    let mut device = Authenticator::new(Profile::security_key());
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let parts = Parts::of(&created);
    assert_eq!(parts.format, "packed");
    assert_eq!(parts.statement.names(), ["alg", "sig", "x5c"]);
    assert_eq!(parts.algorithm(), Some(-7));
    let chain = parts.chain();
    let [leaf] = &chain[..] else {
        panic!("one certificate")
    };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key_of(leaf))
        .verify(&parts.signed(), parts.signature())
        .unwrap();
    assert!(signed_by(leaf, &device.attestation_root().unwrap(), -7));

    let aaguid = device.profile.aaguid;
    let has = |certificate: &[u8], bytes: &[u8]| {
        certificate
            .windows(bytes.len())
            .any(|window| window == bytes)
    };
    assert!(has(leaf, b"Authenticator Attestation"));
    assert_eq!(
        extension(leaf, "1.3.6.1.4.1.45724.1.1.4"),
        Some((false, [&[0x04, 0x10], &aaguid[..]].concat()))
    );
    // CA false: DER leaves the default out.
    assert_eq!(extension(leaf, "2.5.29.19"), Some((true, vec![0x30, 0])));

    let lies = Lies {
        certificate: CertificateLies {
            organizational_unit: Some("Other".to_owned()),
            without_aaguid: true,
            ..CertificateLies::default()
        },
        ..Lies::default()
    };
    let (parts, _) = register(Profile::security_key(), &lies);
    assert!(!has(&parts.chain()[0], b"Authenticator Attestation"));
    assert!(!has(&parts.chain()[0], &aaguid));
}

#[test]
fn authenticator_data_carries_rp_id_hash_flags_and_counter() {
    let mut device = Authenticator::new(Profile {
        counter: Counter::Increasing,
        ..Profile::default()
    });
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let data = member(&created, "authenticatorData");
    assert_eq!(data[..32], *digest(&SHA256, b"acme.test").as_ref());
    assert_eq!(data[32], UP | UV | BE | BS | AT);
    assert_eq!(data[33..37], [0, 0, 0, 0]);
    assert_eq!(data[37..53], device.profile.aaguid);

    for count in 1_u8..=3 {
        let got = device
            .get(&request_options(&[]), ORIGIN, &Lies::default())
            .unwrap();
        let data = member(&got, "authenticatorData");
        assert_eq!(data[32..], [UP | UV | BE | BS, 0, 0, 0, count]);
    }

    let lies = Lies {
        rp_id: Some("evil.test".to_owned()),
        user_verified: Some(false),
        extension_data: Some(true),
        flip_flags: 0b10,
        sign_count: Some(0x0102_0304),
        trailing_authenticator_data: Some(vec![0xa0]),
        ..Lies::default()
    };
    let got = device.get(&request_options(&[]), ORIGIN, &lies).unwrap();
    let data = member(&got, "authenticatorData");
    assert_eq!(data[..32], *digest(&SHA256, b"evil.test").as_ref());
    assert_eq!(data[32..], [UP | BE | BS | ED | 0b10, 1, 2, 3, 4, 0xa0]);
    assert!(
        assertion_verifies(&device.credentials()[0].public_key(), &got),
        "a changed value is signed all the same"
    );
}

#[test]
fn client_data_carries_type_challenge_origin_in_that_order() {
    let mut device = Authenticator::default();
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    assert_eq!(
        String::from_utf8(member(&created, "clientDataJSON")).unwrap(),
        format!(
            r#"{{"type":"webauthn.create","challenge":"{CHALLENGE}","origin":"{ORIGIN}","crossOrigin":false}}"#
        )
    );
    let mut extra = Map::new();
    extra.insert("tokenBinding".to_owned(), json!({"status": "supported"}));
    extra.insert("origin".to_owned(), json!(7));
    let lies = Lies {
        client_data_type: Some("webauthn.create".to_owned()),
        challenge: Some("AA".to_owned()),
        cross_origin: Some(true),
        top_origin: Some("https://top.test".to_owned()),
        extra_client_data: extra,
        ..Lies::default()
    };
    let got = device.get(&request_options(&[]), ORIGIN, &lies).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&member(&got, "clientDataJSON")).unwrap(),
        json!({"type": "webauthn.create", "challenge": "AA", "crossOrigin": true, "topOrigin": "https://top.test",
            "tokenBinding": {"status": "supported"}, "origin": 7})
    );
}

#[test]
fn exclude_credentials_refuses_a_second_registration() {
    let mut device = Authenticator::default();
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let mut options = creation_options();
    set(
        &mut options,
        "publicKey.excludeCredentials",
        json!([{"type": "public-key", "id": created["id"]}]),
    );
    assert_eq!(
        device.create(&options, ORIGIN, &Lies::default()),
        Err(Error::Excluded)
    );
    let lies = Lies {
        ignore_exclude_list: true,
        ..Lies::default()
    };
    assert!(device.create(&options, ORIGIN, &lies).is_ok());
    assert!(
        Authenticator::default()
            .create(&options, ORIGIN, &Lies::default())
            .is_ok()
    );
}

#[test]
fn only_resident_credentials_answer_an_empty_allow_list() {
    let mut device = Authenticator::new(Profile {
        resident: false,
        ..Profile::default()
    });
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    assert_eq!(
        device.get(&request_options(&[]), ORIGIN, &Lies::default()),
        Err(Error::NoCredential {
            rp_id: "acme.test".to_owned()
        })
    );
    let got = device
        .get(
            &request_options(&[&created["id"]]),
            ORIGIN,
            &Lies::default(),
        )
        .unwrap();
    assert_eq!(
        got["response"].get("userHandle"),
        None,
        "a credential that is not discoverable has no handle to tell"
    );

    device.profile.resident = true;
    device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let got = device
        .get(&request_options(&[]), ORIGIN, &Lies::default())
        .unwrap();
    assert_ne!(got["id"], created["id"]);
    assert_eq!(got["response"]["userHandle"], base64url(b"YE00").as_str());

    let mut elsewhere = request_options(&[]);
    set(&mut elsewhere, "publicKey.rpId", "other.test");
    assert!(device.get(&elsewhere, ORIGIN, &Lies::default()).is_err());
}

#[test]
fn allow_credentials_chooses_among_several() {
    let mut device = Authenticator::default();
    let mut ids = Vec::new();
    for user in ["YE01", "YE02", "YE03"] {
        let mut options = creation_options();
        set(
            &mut options,
            "publicKey.user.id",
            base64url(user.as_bytes()),
        );
        ids.push(device.create(&options, ORIGIN, &Lies::default()).unwrap()["id"].clone());
    }
    let got = device
        .get(&request_options(&[&ids[1]]), ORIGIN, &Lies::default())
        .unwrap();
    assert_eq!(got["id"], ids[1]);
    assert_eq!(got["response"]["userHandle"], base64url(b"YE02").as_str());
    let other = from_base64url(ids[0].as_str().unwrap());
    let lies = Lies {
        use_credential: other,
        ..Lies::default()
    };
    let got = device
        .get(&request_options(&[&ids[1]]), ORIGIN, &lies)
        .unwrap();
    assert_eq!(got["id"], ids[0]);
}

#[test]
fn the_user_handle_can_be_absent_null_empty_or_another() {
    let mut device = Authenticator::default();
    device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let mut handle = |user_handle| {
        let lies = Lies {
            user_handle,
            ..Lies::default()
        };
        device.get(&request_options(&[]), ORIGIN, &lies).unwrap()["response"]
            .get("userHandle")
            .cloned()
    };
    assert_eq!(handle(UserHandle::Truth), Some(json!(base64url(b"YE00"))));
    assert_eq!(handle(UserHandle::Omitted), None);
    assert_eq!(handle(UserHandle::Null), Some(Value::Null));
    assert_eq!(handle(UserHandle::Empty), Some(json!("")));
    assert_eq!(
        handle(UserHandle::Text("YE09".to_owned())),
        Some(json!(base64url(b"YE09")))
    );
}

#[test]
fn the_first_algorithm_of_the_profile_that_is_offered_is_taken() {
    let mut options = creation_options();
    set(
        &mut options,
        "publicKey.pubKeyCredParams",
        json!([{"type": "other", "alg": -7}, {"type": "public-key", "alg": -8}]),
    );
    let mut device = Authenticator::default();
    device.create(&options, ORIGIN, &Lies::default()).unwrap();
    assert_eq!(device.credentials()[0].algorithm(), Algorithm::EdDSA);
    device.profile.algorithms = vec![Algorithm::ES256];
    assert_eq!(
        device.create(&options, ORIGIN, &Lies::default()),
        Err(Error::NoCommonAlgorithm { offered: vec![-8] })
    );
}

#[test]
fn faulty_options_are_named() {
    let mut device = Authenticator::default();
    let mut options = creation_options();
    without(&mut options, "publicKey.challenge");
    let error = device
        .create(&options, ORIGIN, &Lies::default())
        .unwrap_err();
    assert_eq!(error.to_string(), "options: `challenge` is not a string");
    set(&mut options, "publicKey.challenge", CHALLENGE);
    set(&mut options, "publicKey.excludeCredentials", "none");
    let error = device
        .create(&options, ORIGIN, &Lies::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "options: `excludeCredentials` is not an array"
    );
    assert!(device.credentials().is_empty());
}

#[test]
fn a_new_discoverable_credential_replaces_the_one_of_the_same_user() {
    let mut device = Authenticator::default();
    let first = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let second = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(device.credentials().len(), 1);
    assert_eq!(
        base64url(device.credentials()[0].id()),
        second["id"].as_str().unwrap()
    );
    let id = device.credentials()[0].id().to_vec();
    assert!(device.forget(&id));
    assert!(!device.forget(&id));
}

#[test]
fn cred_props_are_reported_when_asked_for() {
    let mut device = Authenticator::default();
    let mut options = creation_options();
    assert_eq!(
        device.create(&options, ORIGIN, &Lies::default()).unwrap()["clientExtensionResults"],
        json!({})
    );
    set(&mut options, "publicKey.extensions.credProps", true);
    let created = device.create(&options, ORIGIN, &Lies::default()).unwrap();
    assert_eq!(
        created["clientExtensionResults"],
        json!({"credProps": {"rk": true}})
    );
}

#[test]
fn lies_and_profiles_read_from_json() {
    let lies: Lies = serde_json::from_value(json!({"signature": "AAEC", "user_handle": {"text": "x"}, "certificate": {"expired": true}})).unwrap();
    assert_eq!(lies.signature, Some(vec![0, 1, 2]));
    assert_eq!(lies.user_handle, UserHandle::Text("x".to_owned()));
    assert!(lies.certificate.expired);
    assert!(serde_json::from_value::<Lies>(json!({"signatur": "AA"})).is_err());
    let profile: Profile = serde_json::from_value(
        json!({"algorithms": ["RS256"], "format": "packed_x5c", "counter": "increasing"}),
    )
    .unwrap();
    assert_eq!(profile.algorithms, [Algorithm::RS256]);
    assert_eq!(
        (profile.format, profile.counter),
        (Format::PackedX5c, Counter::Increasing)
    );
}

#[test]
fn the_members_about_attestation_read_from_json() {
    let profile: Profile = serde_json::from_value(json!({
        "algorithms": ["ML-DSA-44", "ES256K"],
        "format": "compound",
        "compound": ["android_key", "tpm", "apple", "fido_u2f", "android_safetynet"],
        "attestation_algorithm": "RS1",
        "chain": {"intermediates": 2, "algorithm": "RS256", "leaf": {"not_after": 7}},
        "tpm": {"manufacturer": "id:494E5443", "name_algorithm": "sha1"},
        "android_key": {"tee": {"purpose": [2, 3]}, "software": {"all_applications": true}},
        "safetynet": {"cts_profile_match": false},
        "create_extensions": {"authenticator": {"credProtect": 2}},
    }))
    .unwrap();
    assert_eq!(profile.algorithms, [Algorithm::MlDsa44, Algorithm::ES256K]);
    assert_eq!(profile.compound.len(), 5);
    assert_eq!(profile.chain.leaf.not_after, 7);
    assert_eq!(
        profile.chain.leaf.not_before,
        Profile::default().chain.leaf.not_before
    );
    assert_eq!(profile.android_key.tee.purpose, Some(vec![2, 3]));
    assert_eq!(
        profile.android_key.tee.origin, None,
        "a list that is given is given whole"
    );
    assert!(profile.android_key.software.all_applications);
    assert!(!profile.safetynet.cts_profile_match);

    let lies: Lies = serde_json::from_value(json!({
        "certificate": {"serial": "_w", "without_tpm_attributes": ["model"],
            "extra_extensions": [{"oid": "1.2.3", "value": "BQA"}]},
        "issuer": {"name_constraints": {"excluded_countries": ["DE"]}},
        "chain": {"extra_elements": ["MA"]},
        "cose": {"numbers": {"-1": 2}},
        "tpm": {"magic": 1},
    }))
    .unwrap();
    assert_eq!(lies.certificate.serial, Some(vec![0xff]));
    assert_eq!(lies.certificate.extra_extensions[0].value.0, [5, 0]);
    assert_eq!(lies.chain.extra_elements[0].0, [0x30]);
    assert_eq!(lies.cose.numbers.get(&-1), Some(&2));
}

#[test]
fn an_authenticator_moves_between_threads() {
    let mut device = Authenticator::new(Profile::default().with_algorithm(Algorithm::MlDsa44));
    let created = std::thread::spawn(move || {
        device
            .create(&creation_options(), ORIGIN, &Lies::default())
            .unwrap()
    });
    assert_eq!(
        created.join().unwrap()["response"]["publicKeyAlgorithm"],
        -48
    );
}

#[test]
fn signatures_can_be_padded_or_followed_by_bytes() {
    let mut device = Authenticator::default();
    let created = device
        .create(&creation_options(), ORIGIN, &Lies::default())
        .unwrap();
    let key = Parts::of(&created).cose;
    let lies = Lies {
        padded_signature: true,
        trailing_signature: Some(vec![7]),
        ..Lies::default()
    };
    let mut got = device.get(&request_options(&[]), ORIGIN, &lies).unwrap();
    let signature = member(&got, "signature");
    assert!(!assertion_verifies(&key, &got));
    // SEQUENCE, its length, INTEGER, its length, zero: without the fifth byte and the last one it is a true signature.
    assert_eq!((signature[2], signature[4]), (2, 0));
    let (first, last) = (5, signature.len() - 1);
    let rest = [
        &[0x30, signature[1] - 1, 2, signature[3] - 1],
        &signature[first..last],
    ]
    .concat();
    set(&mut got, "response.signature", base64url(&rest));
    assert!(assertion_verifies(&key, &got));
    assert_eq!(signature[last], 7);
}
