use super::support::*;
use crate::algorithm::Algorithm;
use crate::certificate_key_identifier;
use crate::from_base64url;
use crate::lies::{CertificateLies, Lies};
use crate::metadata::{Blob, BlobLies, Entry, Service, Status};
use crate::profile::Profile;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Header, certificates and payload of a BLOB, and whether the first certificate signed it.
fn take_apart(text: &str, algorithm: Algorithm) -> (Value, Vec<Vec<u8>>, Value, bool) {
    let pieces: Vec<&str> = text.split('.').collect();
    assert_eq!(pieces.len(), 3);
    let decode = |piece: &str| from_base64url(piece).unwrap();
    let json = |piece: &str| serde_json::from_slice::<Value>(&decode(piece)).unwrap();
    let header = json(pieces[0]);
    let certificates: Vec<Vec<u8>> = header["x5c"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap())
        .collect();
    let signed = format!("{}.{}", pieces[0], pieces[1]);
    let mut signature = decode(pieces[2]);
    if algorithm == Algorithm::ES256 {
        signature = asn1(&signature);
    }
    let key = key_of(&certificates[0]);
    let valid = verifies_raw(algorithm.cose(), &key, signed.as_bytes(), &signature);
    (header, certificates, json(pieces[1]), valid)
}

/// r and s of 32 bytes each as the SEQUENCE that the cryptography library checks.
fn asn1(signature: &[u8]) -> Vec<u8> {
    use der::Encode as _;
    use der::asn1::UintRef;
    assert_eq!(signature.len(), 64);
    let (r, s) = signature.split_at(32);
    let numbers = [UintRef::new(r).unwrap(), UintRef::new(s).unwrap()];
    numbers.to_vec().to_der().unwrap()
}

#[test]
fn a_blob_is_a_web_signature_under_the_service_root() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        let service = Service::new(algorithm).unwrap();
        // Enough of them that r and s with leading zeros occur.
        for no in 0..50 {
            let blob = Blob {
                no,
                ..Blob::default()
            };
            let text = service.sign(&blob).unwrap();
            let (header, certificates, payload, valid) = take_apart(&text, algorithm);
            assert!(valid, "{algorithm:?}");
            assert_eq!(header["alg"], format!("{algorithm:?}"));
            assert_eq!(certificates.len(), 2);
            assert!(signed_by(&certificates[0], &certificates[1], -7));
            assert!(signed_by(&certificates[1], service.root(), -7));
            let names = extension(&certificates[0], "2.5.29.17").unwrap().1;
            assert!(names.ends_with(b"mds.fidoalliance.org"));
            let expected = json!({"legalHeader": "For tests only.", "no": no,
                "nextUpdate": "2099-12-31", "entries": []});
            assert_eq!(payload, expected);
        }
    }
}

#[test]
fn entries_name_their_model_their_roots_and_their_history() {
    let (parts, root) = register(Profile::u2f(), &Lies::default());
    let identifier = certificate_key_identifier(&parts.chain()[0]).unwrap();
    let key = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        &key_of(&parts.chain()[0]),
    );
    assert_eq!(identifier, hex::encode(key));
    let aaguid = Profile::default().aaguid;
    let mut compromised = Status::new("ATTESTATION_KEY_COMPROMISE", "2024-02-03");
    compromised.certificate = Some(root.clone());
    compromised.sunset_date = Some("2025-01-01".to_owned());
    let mut blob = Blob::of(vec![
        Entry::fido2(aaguid, root.clone()).with_statuses(vec![compromised]),
        Entry::u2f(vec![identifier.clone()], root.clone()),
    ]);
    blob.raw_entries.push(json!({"aaguid": 7}));
    let payload = blob.payload();
    let first = &payload["entries"][0];
    assert_eq!(first["aaguid"], "70617373-6b65-7964-2d74-6573746b6974");
    assert_eq!(first["metadataStatement"]["aaguid"], first["aaguid"]);
    let anchors = &first["metadataStatement"]["attestationRootCertificates"];
    assert_eq!(*anchors, json!([STANDARD.encode(&root)]));
    assert_eq!(
        first["statusReports"],
        json!([{"status": "ATTESTATION_KEY_COMPROMISE", "effectiveDate": "2024-02-03",
            "sunsetDate": "2025-01-01", "certificate": STANDARD.encode(&root)}])
    );
    let second = &payload["entries"][1];
    assert_eq!(second.get("aaguid"), None);
    assert_eq!(
        second["attestationCertificateKeyIdentifiers"],
        json!([identifier])
    );
    assert_eq!(second["metadataStatement"]["protocolFamily"], "u2f");
    assert_eq!(payload["entries"][2], json!({"aaguid": 7}));
}

#[test]
fn a_lying_blob_has_one_fault() {
    let service = Service::new(Algorithm::ES256).unwrap();
    let blob = Blob::default();
    let lies = BlobLies {
        tampered_signature: true,
        ..BlobLies::default()
    };
    let text = service.sign_with_lies(&blob, &lies).unwrap();
    assert!(!take_apart(&text, Algorithm::ES256).3);
    let lies = BlobLies {
        header_algorithm: Some("none".to_owned()),
        host: Some("mds.example".to_owned()),
        certificates: Lies {
            certificate: CertificateLies {
                expired: true,
                ..CertificateLies::default()
            },
            ..Lies::default()
        },
        ..BlobLies::default()
    };
    let text = service.sign_with_lies(&blob, &lies).unwrap();
    let (header, certificates, _, valid) = take_apart(&text, Algorithm::ES256);
    assert!(valid);
    assert_eq!(header["alg"], "none");
    let names = extension(&certificates[0], "2.5.29.17").unwrap().1;
    assert!(names.ends_with(b"mds.example"));
    let parsed = parse(&certificates[0]);
    let end = parsed.tbs_certificate().validity().not_after;
    assert_eq!(end.to_unix_duration().as_secs(), 1_609_459_200);
    let lies = BlobLies {
        without_x5c: true,
        ..BlobLies::default()
    };
    let text = service.sign_with_lies(&blob, &lies).unwrap();
    let header = from_base64url(text.split('.').next().unwrap()).unwrap();
    assert_eq!(header, br#"{"alg":"ES256"}"#);
}
