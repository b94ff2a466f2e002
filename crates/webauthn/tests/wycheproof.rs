//! Project Wycheproof's signatures (`vectors/wycheproof`) against the check that assertions go through (6.5.5, 7.2 step 21).
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use minicbor::Encoder;
use serde_json::Value;
use std::fs;
use std::path::Path;
use webauthn::Reason;
use webauthn::cose::{CoseAlgorithm, PublicKey};
use webauthn::signature::verify;

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// The group's public key as a COSE key.
fn cose(key: &Value, algorithm: CoseAlgorithm) -> Vec<u8> {
    let mut cose = Vec::new();
    let mut cbor = Encoder::new(&mut cose);
    let curve = match key["curve"].as_str() {
        Some("secp256r1") => 1,
        Some("secp384r1") => 2,
        Some("secp521r1") => 3,
        _ => 6,
    };
    if key["uncompressed"].is_string() {
        let point = bytes(&key["uncompressed"]);
        let (x, y) = point[1..].split_at(point.len() / 2);
        cbor.map(5).unwrap().i8(1).unwrap().i8(2).unwrap();
        cbor.i8(3)
            .unwrap()
            .i64(algorithm.0)
            .unwrap()
            .i8(-1)
            .unwrap()
            .i8(curve)
            .unwrap();
        cbor.i8(-2)
            .unwrap()
            .bytes(x)
            .unwrap()
            .i8(-3)
            .unwrap()
            .bytes(y)
            .unwrap();
    } else if key["pk"].is_string() {
        cbor.map(4).unwrap().i8(1).unwrap().i8(1).unwrap();
        cbor.i8(3)
            .unwrap()
            .i64(algorithm.0)
            .unwrap()
            .i8(-1)
            .unwrap()
            .i8(curve)
            .unwrap();
        cbor.i8(-2).unwrap().bytes(&bytes(&key["pk"])).unwrap();
    } else {
        let unsigned = |value: &Value| {
            let number = bytes(value);
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            number[zeros..].to_vec()
        };
        cbor.map(4)
            .unwrap()
            .i8(1)
            .unwrap()
            .i8(3)
            .unwrap()
            .i8(3)
            .unwrap()
            .i64(algorithm.0)
            .unwrap();
        cbor.i8(-1)
            .unwrap()
            .bytes(&unsigned(&key["modulus"]))
            .unwrap();
        cbor.i8(-2)
            .unwrap()
            .bytes(&unsigned(&key["publicExponent"]))
            .unwrap();
    }
    cose
}

/// How many signatures of a file verified, failed, and had a key that is refused.
fn run(file: &str, algorithm: CoseAlgorithm) -> (usize, usize, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/wycheproof")
        .join(file);
    let corpus: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (mut verified, mut failed, mut key_refused) = (0, 0, 0);
    for group in corpus["testGroups"].as_array().unwrap() {
        let tests = group["tests"].as_array().unwrap();
        let key = match PublicKey::parse(&cose(&group["publicKey"], algorithm)) {
            Ok(key) => key,
            Err(error) => {
                assert_eq!(error.reason(), Reason::CoseKeyRsaInvalid, "{file}: {error}");
                key_refused += tests.len();
                continue;
            }
        };
        for test in tests {
            let outcome = verify(&key, &bytes(&test["msg"]), &bytes(&test["sig"])).is_ok();
            // The third kind, "acceptable", leaves out the algorithm's parameters. No authenticator makes such signatures.
            let valid = test["result"] == "valid";
            assert_eq!(
                outcome, valid,
                "{file} {}: {}",
                test["tcId"], test["comment"]
            );
            verified += usize::from(outcome);
            failed += usize::from(!outcome);
        }
    }
    (verified, failed, key_refused)
}

#[test]
fn ecdsa_signatures_are_judged_as_wycheproof_does() {
    assert_eq!(
        run("ecdsa_secp256r1_sha256.json", CoseAlgorithm::ES256),
        (174, 310, 0)
    );
    assert_eq!(
        run("ecdsa_secp384r1_sha384.json", CoseAlgorithm::ES384),
        (194, 310, 0)
    );
    assert_eq!(
        run("ecdsa_secp521r1_sha512.json", CoseAlgorithm::ES512),
        (232, 310, 0)
    );
}

#[test]
fn ed25519_signatures_are_judged_as_wycheproof_does() {
    assert_eq!(run("ed25519.json", CoseAlgorithm::EDDSA), (88, 63, 0));
}

#[test]
fn rsa_signatures_are_judged_as_wycheproof_does() {
    assert_eq!(
        run("rsa_signature_2048_sha256.json", CoseAlgorithm::RS256),
        (7, 250, 2)
    );
    assert_eq!(
        run("rsa_signature_3072_sha384.json", CoseAlgorithm::RS384),
        (7, 252, 0)
    );
    assert_eq!(
        run("rsa_signature_3072_sha512.json", CoseAlgorithm::RS512),
        (7, 252, 1)
    );
    assert_eq!(
        run("rsa_pss_2048_sha256_mgf1_32.json", CoseAlgorithm::PS256),
        (63, 45, 0)
    );
    assert_eq!(
        run("rsa_pss_2048_sha384_mgf1_48.json", CoseAlgorithm::PS384),
        (95, 46, 0)
    );
    assert_eq!(
        run("rsa_pss_4096_sha512_mgf1_64.json", CoseAlgorithm::PS512),
        (132, 47, 0)
    );
}
