use super::support::*;
use crate::Error;
use crate::algorithm::Algorithm;
use crate::authenticator::Authenticator;
use crate::lies::{CertificateLies, ChainLies, Lies, SafetyNetLies};
use crate::profile::{AndroidKey, Authorizations, Chain, Format, Profile};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{Any, AnyRef, Null, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use serde_json::{Value, json};

const AAGUID: &str = "1.3.6.1.4.1.45724.1.1.4";
const KEY_DESCRIPTION: &str = "1.3.6.1.4.1.11129.2.1.17";
const APPLE_NONCE: &str = "1.2.840.113635.100.8.2";

#[test]
fn every_algorithm_makes_a_packed_attestation_key() {
    for algorithm in Algorithm::ALL {
        let profile = Profile {
            attestation_algorithm: Some(algorithm),
            ..Profile::security_key()
        };
        let (parts, root) = register(profile, &Lies::default());
        let leaf = &parts.chain()[0];
        assert_eq!(parts.algorithm(), Some(algorithm.cose()));
        let (key, signed) = (key_of(leaf), parts.signed());
        assert!(
            verifies_raw(algorithm.cose(), &key, &signed, parts.signature()),
            "{algorithm:?}"
        );
        assert!(signed_by(leaf, &root, -7), "{algorithm:?}");
    }
}

#[test]
fn fido_u2f_signs_the_raw_parts_of_the_registration() {
    let (parts, root) = register(Profile::u2f(), &Lies::default());
    assert_eq!(parts.format, "fido-u2f");
    assert_eq!(parts.statement.names(), ["sig", "x5c"]);
    assert_eq!(parts.authenticator_data[37..53], [0; 16]);
    let cose = Item::decode(&parts.cose);
    let Item::Map(cose) = &cose else { panic!() };
    let signed = [
        &[0],
        &parts.authenticator_data[..32],
        &parts.client_data_hash,
        &parts.id,
        &[4],
        cose[3].1.bytes(),
        cose[4].1.bytes(),
    ]
    .concat();
    let [leaf] = &parts.chain()[..] else {
        panic!("one certificate")
    };
    assert!(verifies_raw(-7, &key_of(leaf), &signed, parts.signature()));
    assert!(signed_by(leaf, &root, -7));
}

#[test]
fn apple_certifies_the_credential_key_with_the_nonce() {
    for algorithm in Algorithm::ALL {
        let profile = Profile::default()
            .with_format(Format::Apple)
            .with_algorithm(algorithm);
        let (parts, root) = register(profile, &Lies::default());
        assert_eq!(parts.format, "apple");
        assert_eq!(parts.statement.names(), ["x5c"]);
        let leaf = &parts.chain()[0];
        assert!(signed_by(leaf, &root, -7));
        let (critical, content) = extension(leaf, APPLE_NONCE).unwrap();
        assert!(!critical);
        let nonce = sha256(&parts.signed());
        assert_eq!(content, [&[0x30, 36, 0xa1, 34, 4, 32], &nonce[..]].concat());
        assert_certifies_credential(leaf, &parts);
    }
}

/// The leaf's key is the credential's: what the COSE key holds occurs in the certificate's bits.
fn assert_certifies_credential(leaf: &[u8], parts: &Parts) {
    let Item::Map(cose) = Item::decode(&parts.cose) else {
        panic!()
    };
    let key = key_of(leaf);
    for (_, value) in &cose {
        if let Item::Bytes(bytes) = value {
            assert!(key.windows(bytes.len()).any(|window| window == bytes));
        }
    }
}

#[test]
fn apple_with_another_key_nonce_or_extension_still_chains() {
    let told = |lies: Lies| register(Profile::default().with_format(Format::Apple), &lies);
    let (parts, root) = told(Lies {
        certificate: CertificateLies {
            other_key: true,
            ..CertificateLies::default()
        },
        statement_algorithm: Some(-7),
        ..Lies::default()
    });
    assert_eq!(parts.statement.names(), ["alg", "x5c"]);
    let leaf = &parts.chain()[0];
    let Item::Map(cose) = Item::decode(&parts.cose) else {
        panic!()
    };
    assert!(!key_of(leaf)[1..].starts_with(cose[3].1.bytes()));
    assert!(signed_by(leaf, &root, -7));

    let (parts, _) = told(Lies {
        attestation_challenge: Some(vec![7; 32]),
        ..Lies::default()
    });
    let content = extension(&parts.chain()[0], APPLE_NONCE).unwrap().1;
    assert_eq!(content[6..], [7; 32]);
    let (parts, _) = told(Lies {
        without_attestation_extension: true,
        ..Lies::default()
    });
    assert_eq!(extension(&parts.chain()[0], APPLE_NONCE), None);
    let (parts, _) = told(Lies {
        attestation_extension: Some(vec![0x30]),
        ..Lies::default()
    });
    assert_eq!(
        extension(&parts.chain()[0], APPLE_NONCE),
        Some((false, vec![0x30]))
    );
}

/// A key description, taken apart.
struct Description {
    version: i64,
    level: u8,
    challenge: Vec<u8>,
    software: Vec<(u32, Vec<u8>)>,
    tee: Vec<(u32, Vec<u8>)>,
}

/// An authorization list: tag numbers and what stands under them.
fn authorizations(reader: &mut SliceReader<'_>) -> Vec<(u32, Vec<u8>)> {
    let list = AnyRef::decode(reader).unwrap();
    assert_eq!(list.tag(), Tag::Sequence);
    let mut inner = SliceReader::new(list.value()).unwrap();
    let mut found = Vec::new();
    while !inner.is_finished() {
        let element = AnyRef::decode(&mut inner).unwrap();
        let Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(number),
        } = element.tag()
        else {
            panic!("{:?}", element.tag())
        };
        found.push((number, element.value().to_vec()));
    }
    found
}

fn description(leaf: &[u8]) -> Description {
    let (critical, content) = extension(leaf, KEY_DESCRIPTION).unwrap();
    assert!(!critical);
    let whole = AnyRef::from_der(&content).unwrap();
    assert_eq!(whole.tag(), Tag::Sequence);
    let mut reader = SliceReader::new(whole.value()).unwrap();
    let version = i64::decode(&mut reader).unwrap();
    let level = Any::decode(&mut reader).unwrap();
    assert_eq!(level.tag(), Tag::Enumerated);
    assert_eq!(i64::decode(&mut reader).unwrap(), version);
    assert_eq!(Any::decode(&mut reader).unwrap(), level);
    let challenge = OctetString::decode(&mut reader).unwrap();
    let unique = OctetString::decode(&mut reader).unwrap();
    assert!(unique.as_bytes().is_empty());
    let (software, tee) = (authorizations(&mut reader), authorizations(&mut reader));
    assert!(reader.is_finished());
    Description {
        version,
        level: level.value()[0],
        challenge: challenge.as_bytes().to_vec(),
        software,
        tee,
    }
}

#[test]
fn android_key_describes_the_credential_key_in_its_certificate() {
    for algorithm in Algorithm::ALL {
        let profile = Profile::default()
            .with_format(Format::AndroidKey)
            .with_algorithm(algorithm);
        let (parts, root) = register(profile, &Lies::default());
        assert_eq!(parts.format, "android-key");
        assert_eq!(parts.statement.names(), ["alg", "sig", "x5c"]);
        assert_eq!(parts.algorithm(), Some(algorithm.cose()));
        assert!(verifies(&parts.cose, &parts.signed(), parts.signature()));
        let leaf = &parts.chain()[0];
        assert!(signed_by(leaf, &root, -7));
        assert_certifies_credential(leaf, &parts);
        let told = description(leaf);
        assert_eq!((told.version, told.level), (300, 1));
        assert_eq!(told.challenge, parts.client_data_hash);
        assert!(told.software.is_empty());
        let numbers: Vec<u32> = told.tee.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 702, 704]);
        let purposes = SetOfVec::<i64>::from_der(&told.tee[0].1).unwrap();
        assert_eq!(purposes.as_slice(), [2]);
        assert_eq!(told.tee[1].1, [2, 1, 0]);
    }
}

#[test]
fn android_key_lists_say_what_the_profile_says() {
    let list = Authorizations {
        purpose: Some(vec![3, 2]),
        all_applications: true,
        origin: Some(2),
        root_of_trust: None,
        unknown_tag: true,
    };
    let profile = Profile {
        android_key: AndroidKey {
            security_level: 2,
            software: list,
            tee: Authorizations::default(),
            ..AndroidKey::default()
        },
        ..Profile::default().with_format(Format::AndroidKey)
    };
    let lies = Lies {
        attestation_challenge: Some(vec![9; 5]),
        ..Lies::default()
    };
    let (parts, _) = register(profile, &lies);
    let told = description(&parts.chain()[0]);
    assert_eq!((told.level, &told.challenge[..]), (2, &[9; 5][..]));
    assert!(told.tee.is_empty());
    let numbers: Vec<u32> = told.software.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 600, 702, 799]);
    let purposes = SetOfVec::<i64>::from_der(&told.software[0].1).unwrap();
    assert_eq!(purposes.as_slice(), [2, 3]);
    assert_eq!(told.software[1].1, Null.to_der().unwrap());
    assert_eq!(told.software[2].1, [2, 1, 2]);
}

#[test]
fn android_key_with_another_key_is_signed_with_that_key() {
    let lies = Lies {
        certificate: CertificateLies {
            other_key: true,
            ..CertificateLies::default()
        },
        ..Lies::default()
    };
    let (parts, _) = register(Profile::default().with_format(Format::AndroidKey), &lies);
    let key = key_of(&parts.chain()[0]);
    assert!(verifies_raw(-7, &key, &parts.signed(), parts.signature()));
    assert!(!verifies(&parts.cose, &parts.signed(), parts.signature()));
}

/// A response of the service: header, payload, whether the leaf in the header signed them.
fn response(parts: &Parts, algorithm: i64) -> (Value, Value, bool) {
    let response = parts.statement.get("response").unwrap().bytes();
    let text = std::str::from_utf8(response).unwrap();
    let pieces: Vec<&str> = text.split('.').collect();
    let decode = |piece: &str| crate::from_base64url(piece).unwrap();
    let json = |piece: &str| serde_json::from_slice::<Value>(&decode(piece)).unwrap();
    let (header, payload) = (json(pieces[0]), json(pieces[1]));
    let leaf = STANDARD.decode(header["x5c"][0].as_str().unwrap()).unwrap();
    let signed = format!("{}.{}", pieces[0], pieces[1]);
    let valid = verifies_raw(
        algorithm,
        &key_of(&leaf),
        signed.as_bytes(),
        &decode(pieces[2]),
    );
    (header, payload, valid)
}

#[test]
fn android_safetynet_holds_a_web_signature_of_attest_android_com() {
    let (parts, root) = register_in(Format::AndroidSafetynet);
    assert_eq!(parts.format, "android-safetynet");
    assert_eq!(parts.statement.names(), ["ver", "response"]);
    assert_eq!(parts.statement.get("ver").unwrap().text(), "14799021");
    let (header, payload, valid) = response(&parts, -257);
    assert!(valid);
    assert_eq!(header["alg"], "RS256");
    assert_eq!(payload["nonce"], STANDARD.encode(sha256(&parts.signed())));
    assert_eq!(payload["ctsProfileMatch"], true);
    assert_eq!(payload["timestampMs"], 1_767_225_600_000_i64);
    let leaf = STANDARD.decode(header["x5c"][0].as_str().unwrap()).unwrap();
    assert!(signed_by(&leaf, &root, -7));
    let names = extension(&leaf, "2.5.29.17").unwrap();
    assert_eq!(
        names,
        (
            false,
            [&[0x30, 20, 0x82, 18], &b"attest.android.com"[..]].concat()
        )
    );
}

#[test]
fn android_safetynet_lies_are_signed() {
    let lies = Lies {
        safetynet: SafetyNetLies {
            nonce: Some("bm9uY2U=".to_owned()),
            without_cts_profile_match: true,
            header_algorithm: Some("none".to_owned()),
            without_certificates: false,
            response: None,
        },
        certificate: CertificateLies {
            host: Some("attest.example".to_owned()),
            ..CertificateLies::default()
        },
        ..Lies::default()
    };
    let profile = Profile::default().with_format(Format::AndroidSafetynet);
    let (parts, _) = register(profile.clone(), &lies);
    let (header, payload, valid) = response(&parts, -257);
    assert!(valid);
    assert_eq!(
        (&header["alg"], &payload["nonce"]),
        (&json!("none"), &json!("bm9uY2U="))
    );
    assert_eq!(payload.get("ctsProfileMatch"), None);
    let leaf = STANDARD.decode(header["x5c"][0].as_str().unwrap()).unwrap();
    assert!(
        extension(&leaf, "2.5.29.17")
            .unwrap()
            .1
            .ends_with(b"attest.example")
    );

    let (parts, _) = register(
        profile,
        &Lies {
            tampered_signature: true,
            ..Lies::default()
        },
    );
    assert!(!response(&parts, -257).2);
}

#[test]
fn compound_holds_statements_about_the_same_data() {
    let profile = Profile {
        compound: vec![Format::PackedX5c, Format::AndroidKey, Format::PackedSelf],
        ..Profile::default().with_format(Format::Compound)
    };
    let lies = Lies {
        tampered_signature: true,
        only_sub_statement: Some(1),
        ..Lies::default()
    };
    let (parts, root) = register(profile, &lies);
    assert_eq!(parts.format, "compound");
    let statements = parts.statement.items();
    let formats: Vec<&str> = statements
        .iter()
        .map(|one| one.get("fmt").unwrap().text())
        .collect();
    assert_eq!(formats, ["packed", "android-key", "packed"]);
    let signature = |at: usize| {
        let statement = statements[at].get("attStmt").unwrap();
        statement.get("sig").unwrap().bytes().to_vec()
    };
    let chain = chain_of(statements[0].get("attStmt").unwrap());
    assert!(signed_by(&chain[0], &root, -7));
    assert!(verifies_raw(
        -7,
        &key_of(&chain[0]),
        &parts.signed(),
        &signature(0)
    ));
    assert!(
        !verifies(&parts.cose, &parts.signed(), &signature(1)),
        "the lie is told in this one only"
    );
    assert!(verifies(&parts.cose, &parts.signed(), &signature(2)));
}

#[test]
fn compound_within_compound_is_made_when_asked_for() {
    let profile = Profile {
        compound: vec![Format::Compound, Format::PackedSelf],
        ..Profile::default().with_format(Format::Compound)
    };
    let (parts, _) = register(profile, &Lies::default());
    let inner = &parts.statement.items()[0];
    assert_eq!(inner.get("fmt").unwrap().text(), "compound");
    assert_eq!(inner.get("attStmt").unwrap().items().len(), 2);

    let lies = Lies {
        sub_format_name: Some("later".to_owned()),
        only_sub_statement: Some(1),
        ..Lies::default()
    };
    let (parts, _) = register(Profile::default().with_format(Format::Compound), &lies);
    let names: Vec<&str> = parts
        .statement
        .items()
        .iter()
        .map(|one| one.get("fmt").unwrap().text())
        .collect();
    assert_eq!(names, ["packed", "later"]);
}

#[test]
fn the_aaguid_extension_can_be_absent_critical_different_or_malformed() {
    let told = |certificate: CertificateLies| {
        let lies = Lies {
            certificate,
            ..Lies::default()
        };
        let (parts, _) = register(Profile::security_key(), &lies);
        extension(&parts.chain()[0], AAGUID)
    };
    let truth = Profile::default().aaguid;
    let honest = CertificateLies::default();
    let octets = |aaguid: [u8; 16]| [&[4, 16], &aaguid[..]].concat();
    assert_eq!(told(honest.clone()), Some((false, octets(truth))));
    let lies = CertificateLies {
        without_aaguid: true,
        ..honest.clone()
    };
    assert_eq!(told(lies), None);
    let lies = CertificateLies {
        critical_aaguid: true,
        aaguid: Some([5; 16]),
        ..honest.clone()
    };
    assert_eq!(told(lies), Some((true, octets([5; 16]))));
    let lies = CertificateLies {
        malformed_aaguid: Some(truth.to_vec()),
        ..honest
    };
    assert_eq!(told(lies), Some((false, truth.to_vec())));
}

#[test]
fn impossible_combinations_are_refused_by_name() {
    let mut device = Authenticator::new(
        Profile::default()
            .with_format(Format::Tpm)
            .with_algorithm(Algorithm::EdDSA),
    );
    let mut create = |lies: &Lies| device.create(&creation_options(), ORIGIN, lies);
    let error = Error::Unsupported("TPM keys are RSA or elliptic-curve keys");
    assert_eq!(create(&Lies::default()), Err(error));
    let mut device = Authenticator::new(Profile::u2f().with_algorithm(Algorithm::EdDSA));
    let error = Error::Unsupported("U2F knows elliptic-curve keys only");
    assert_eq!(
        device.create(&creation_options(), ORIGIN, &Lies::default()),
        Err(error)
    );
    // SHA-1 asks for an RSA authority.
    let lies = Lies {
        certificate: CertificateLies {
            sha1_signature: true,
            ..CertificateLies::default()
        },
        ..Lies::default()
    };
    let mut device = Authenticator::new(Profile::security_key());
    let refused = device.create(&creation_options(), ORIGIN, &lies);
    assert!(matches!(refused, Err(Error::Unsupported(_))));
    device.profile.chain = Chain {
        algorithm: Algorithm::RS256,
        ..Chain::default()
    };
    assert!(device.create(&creation_options(), ORIGIN, &lies).is_ok());
    let chain = ChainLies {
        extra_certificates: 1,
        ..ChainLies::default()
    };
    let lies = Lies {
        chain,
        ..Lies::default()
    };
    let (parts, _) = register(Profile::u2f(), &lies);
    assert_eq!(
        parts.chain().len(),
        2,
        "a U2F statement with two certificates"
    );
}
