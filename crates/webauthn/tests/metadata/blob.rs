//! A BLOB is accepted as a whole or not at all.

use super::{DAY, NOW, accepted, expecting, service, verify, verify_lies};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::metadata::{Blob, BlobLies, Service, signer_certificates};
use testkit::{Algorithm, Chain, Curves, Encoding, IssuerNames, Lies, base64url, from_base64url};
use webauthn::metadata::{BlobExpectation, MAX_NAMED, Metadata, MetadataError, Part};
use webauthn::x509::ChainError;
use webauthn::{Reason, UnixSeconds};

#[track_caller]
fn refused(blob: &Blob, lies: &BlobLies) -> MetadataError {
    verify_lies(blob, lies).unwrap_err()
}

fn lying(lies: &BlobLies) -> MetadataError {
    refused(&Blob::default(), lies)
}

fn certificates(change: impl FnOnce(&mut Lies)) -> MetadataError {
    let mut lies = BlobLies::default();
    change(&mut lies.certificates);
    lying(&lies)
}

#[test]
fn a_blob_of_each_algorithm_and_chain_is_accepted() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        for intermediates in 0..=4 {
            let chain = Chain {
                intermediates,
                ..Chain::default()
            };
            let service = Service::with_chain(algorithm, chain).unwrap();
            let text = service.sign(&Blob::default()).unwrap();
            let metadata = verify(&service, &text).unwrap();
            assert_eq!(metadata.no(), 1);
            assert_eq!(metadata.next_update(), "2099-12-31");
            assert_eq!(metadata.legal_header(), Some("For tests only."));
            assert!(metadata.entries().is_empty());
        }
    }
}

#[test]
fn the_signers_certificates_and_its_root_may_deviate_from_der_as_those_of_statements_may() {
    let signed = |algorithm, encoding| {
        let chain = Chain {
            intermediates: 1,
            encoding,
            ..Chain::default()
        };
        let service = Service::with_chain(algorithm, chain).unwrap();
        let text = service.sign(&Blob::default()).unwrap();
        verify(&service, &text)
    };
    let honest = Encoding {
        true_octet: 1,
        unused_bits: 3,
        curves: Curves::Described,
        issuer_names: IssuerNames::Alike,
    };
    assert!(signed(Algorithm::ES256, honest).is_ok());
    for other in [
        Encoding {
            curves: Curves::OtherGenerator,
            ..honest
        },
        Encoding {
            issuer_names: IssuerNames::Other,
            ..honest
        },
        Encoding {
            true_octet: 0,
            ..honest
        },
    ] {
        let error = signed(Algorithm::RS256, other).unwrap_err();
        assert!(matches!(error, MetadataError::Untrusted(_)), "{error}");
    }
}

#[test]
fn a_legal_header_may_be_absent_and_unknown_members_may_be_there() {
    let mut blob = Blob::default();
    blob.extra.insert("legalHeader".into(), Value::Null);
    blob.extra.insert("later".into(), json!({"a": [1]}));
    assert_eq!(accepted(&blob).legal_header(), None);
}

#[test]
fn white_space_around_the_file_is_no_part_of_it() {
    let service = service();
    let text = service.sign(&Blob::default()).unwrap();
    assert!(verify(&service, &format!("\n {text}\r\n")).is_ok());
    let (start, end) = text.split_at(40);
    let inside = verify(&service, &format!("{start}\n{end}"));
    assert_eq!(inside.unwrap_err().reason(), Reason::MetadataMalformed);
}

#[test]
fn what_is_no_signature_in_compact_form_is_malformed() {
    let service = service();
    let text = service.sign(&Blob::default()).unwrap();
    let (_, rest) = text.split_once('.').unwrap();
    let header = |header: &str| format!("{}.{rest}", base64url(header.as_bytes()));
    for wrong in [
        String::new(),
        "<html><body>Not found</body></html>".to_owned(),
        rest.to_owned(),
        format!("{text}.{rest}"),
        text.replace('.', " "),
        format!("{text}="),
        header("{"),
        header("[]"),
        header(r#"{"alg":"ES256","alg":"ES256"}"#),
    ] {
        let error = verify(&service, &wrong).unwrap_err();
        assert!(matches!(error, MetadataError::Malformed(_)), "{wrong}");
        assert_eq!(error.reason(), Reason::MetadataMalformed);
    }
    let not_text = Metadata::verify(&[0xff, b'.', b'.'], &expecting(&[]));
    assert_eq!(not_text, Err(MetadataError::Malformed("it is not a text")));
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let text = vec![b'.'; 33_554_433];
    let verify = |text: &[u8]| Metadata::verify(text, &expecting(&[])).unwrap_err();
    assert_eq!(verify(&text), MetadataError::TooLarge(33_554_433));
    assert_eq!(verify(&text).reason(), Reason::MetadataMalformed);
    assert!(matches!(
        verify(&text[1..]),
        MetadataError::Malformed("a part is not base64url")
    ));
}

#[test]
fn the_algorithm_is_on_the_list_and_fits_the_key() {
    for name in ["none", "None", "HS256", "RS1", "ES384", "es256", ""] {
        let error = lying(&BlobLies {
            header_algorithm: Some(name.to_owned()),
            ..BlobLies::default()
        });
        assert_eq!(error, MetadataError::Algorithm, "{name}");
        assert_eq!(error.reason(), Reason::MetadataMalformed);
    }
    let error = lying(&BlobLies {
        header_algorithm: Some("RS256".to_owned()),
        ..BlobLies::default()
    });
    assert_eq!(error, MetadataError::SignatureInvalid);
}

#[test]
fn critical_header_parameters_are_refused() {
    let service = service();
    let text = service.sign(&Blob::default()).unwrap();
    let (header, rest) = text.split_once('.').unwrap();
    let header = from_base64url(header).unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    header["crit"] = json!(["b64"]);
    let text = format!("{}.{rest}", base64url(header.to_string().as_bytes()));
    assert_eq!(
        verify(&service, &text),
        Err(MetadataError::Malformed(
            "its header has critical extensions"
        ))
    );
}

#[test]
fn x5c_is_a_list_of_certificates() {
    let without = lying(&BlobLies {
        without_x5c: true,
        ..BlobLies::default()
    });
    assert!(matches!(without, MetadataError::Malformed(_)));
    let eleven = vec!["AAAA"; 11];
    let large = "A".repeat(12 * 1024);
    for x5c in [
        json!([]),
        json!("AAAA"),
        json!([7]),
        json!(["-_-_"]),
        json!(["AAAA"]),
        json!(eleven),
        json!([large]),
        json!([["AAAA"]]),
    ] {
        let lies = BlobLies {
            x5c: Some(x5c.clone()),
            ..BlobLies::default()
        };
        let error = lying(&lies);
        assert!(matches!(error, MetadataError::Malformed(_)), "{x5c}");
    }

    // As many and as large as they may be: read, and found to be no certificates.
    let ten = vec!["AAAA"; 10];
    let largest = STANDARD.encode([0; 8 * 1024]);
    for x5c in [json!(ten), json!([largest])] {
        let lies = BlobLies {
            x5c: Some(x5c),
            ..BlobLies::default()
        };
        assert_eq!(
            lying(&lies),
            MetadataError::Malformed("the signer's certificate cannot be read")
        );
    }
}

#[test]
fn the_signer_leads_to_a_configured_root_and_to_no_other() {
    let (one, other) = (service(), service());
    let text = one.sign(&Blob::default()).unwrap();
    for roots in [vec![], vec![other.root().to_vec()], vec![vec![0x30, 0]]] {
        let error = Metadata::verify(text.as_bytes(), &expecting(&roots)).unwrap_err();
        assert!(matches!(error, MetadataError::Untrusted(_)), "{error}");
        assert_eq!(error.reason(), Reason::MetadataUntrusted);
    }
    let both = [other.root().to_vec(), one.root().to_vec()];
    assert!(Metadata::verify(text.as_bytes(), &expecting(&both)).is_ok());
    let foreign = certificates(|lies| lies.chain.foreign_root = true);
    assert!(matches!(foreign, MetadataError::Untrusted(_)));
    let alone = certificates(|lies| lies.chain.without_intermediates = true);
    assert_eq!(alone, MetadataError::Untrusted(ChainError::NoAnchor));
}

#[test]
fn a_root_included_is_tolerated() {
    let mut lies = BlobLies::default();
    lies.certificates.chain.root_included = true;
    assert!(verify_lies(&Blob::default(), &lies).is_ok());
}

#[test]
fn every_certificate_of_the_signer_is_valid_at_the_moment_given() {
    use MetadataError::Untrusted;
    let expired = ChainError::Expired { index: 0 };
    assert_eq!(
        certificates(|lies| lies.certificate.expired = true),
        Untrusted(expired)
    );
    let early = ChainError::NotYetValid { index: 0 };
    assert_eq!(
        certificates(|lies| lies.certificate.not_yet_valid = true),
        Untrusted(early)
    );
    assert_eq!(
        certificates(|lies| lies.issuer.expired = true),
        Untrusted(ChainError::Expired { index: 1 })
    );
    assert_eq!(
        certificates(|lies| lies.certificate.tampered_signature = true),
        Untrusted(ChainError::CertificateSignature { index: 0 })
    );
    // The certificate that expired in 2021 was good in 2020.
    let service = service();
    let mut lies = BlobLies::default();
    lies.certificates.certificate.expired = true;
    let text = service.sign_with_lies(&Blob::default(), &lies).unwrap();
    let roots = [service.root().to_vec()];
    let at = UnixSeconds(1_600_000_000);
    let then = BlobExpectation {
        at,
        ..expecting(&roots)
    };
    assert!(Metadata::verify(text.as_bytes(), &then).is_ok());
}

#[test]
fn the_signer_is_the_service() {
    for host in [
        "mds.example",
        "xmds.fidoalliance.org",
        "mds.fidoalliance.org.example",
        "fidoalliance.org",
    ] {
        let service = service();
        let lies = BlobLies {
            host: Some(host.to_owned()),
            ..BlobLies::default()
        };
        let text = service.sign_with_lies(&Blob::default(), &lies).unwrap();
        let error = verify(&service, &text).unwrap_err();
        assert_eq!(error, MetadataError::SignerName, "{host}");
        assert_eq!(error.reason(), Reason::MetadataMalformed);
        let roots = [service.root().to_vec()];
        for signer_name in [Some(host), None] {
            let expected = BlobExpectation {
                signer_name,
                ..expecting(&roots)
            };
            assert!(Metadata::verify(text.as_bytes(), &expected).is_ok());
        }
    }
}

#[test]
fn the_signature_covers_the_text_received() {
    let error = lying(&BlobLies {
        tampered_signature: true,
        ..BlobLies::default()
    });
    assert_eq!(error, MetadataError::SignatureInvalid);
    assert_eq!(error.reason(), Reason::MetadataUntrusted);

    let service = service();
    let text = service.sign(&Blob::default()).unwrap();
    let parts: Vec<&str> = text.split('.').collect();
    let payload = String::from_utf8(from_base64url(parts[1]).unwrap()).unwrap();
    let with = |payload: &str| {
        let payload = base64url(payload.as_bytes());
        verify(&service, &format!("{}.{payload}.{}", parts[0], parts[2]))
    };
    assert!(with(&payload).is_ok());
    for payload in [
        payload.replace("\"no\":1", "\"no\":2"),
        format!("{payload} "),
        "not even JSON".to_owned(),
    ] {
        assert_eq!(with(&payload), Err(MetadataError::SignatureInvalid));
    }
}

#[test]
fn a_payload_without_its_members_is_malformed() {
    let with = |name: &str, value: Value| {
        let mut blob = Blob::default();
        blob.extra.insert(name.to_owned(), value);
        refused(&blob, &BlobLies::default())
    };
    for (name, value) in [
        ("no", json!(-1)),
        ("no", json!("1")),
        ("no", json!(1.5)),
        ("no", Value::Null),
        ("nextUpdate", Value::Null),
        ("nextUpdate", json!(20_991_231)),
        ("nextUpdate", json!("soon")),
        ("nextUpdate", json!("2099-13-31")),
        ("entries", Value::Null),
        ("entries", json!({})),
    ] {
        let error = with(name, value.clone());
        assert_eq!(error.reason(), Reason::MetadataMalformed, "{name} {value}");
    }
    assert!(matches!(
        with("entries", json!(vec![7; 10_001])),
        MetadataError::Malformed("it has too many entries")
    ));
    let blob = Blob {
        raw_entries: vec![json!(7); 10_000],
        ..Blob::default()
    };
    let metadata = accepted(&blob);
    assert_eq!(metadata.dropped().count(Part::Entry), 10_000);
    assert_eq!(metadata.dropped().named(Part::Entry).len(), MAX_NAMED);
}

#[test]
fn an_unreadable_legal_header_loses_nothing_else() {
    let mut blob = Blob::default();
    blob.extra.insert("legalHeader".to_owned(), json!(7));
    let metadata = accepted(&blob);
    assert_eq!(metadata.legal_header(), None);
    let [dropped] = metadata.dropped().named(Part::Member) else {
        panic!()
    };
    assert_eq!(
        (dropped.entry, dropped.place.as_str()),
        (None, "legalHeader")
    );
}

#[test]
fn an_unreadable_revocation_list_refuses_the_blob() {
    let service = service();
    let text = service.sign(&Blob::default()).unwrap();
    let roots = [service.root().to_vec()];
    let lists = [service.revocation_list(&[]).unwrap(), vec![0x30, 0]];
    let with = |revocation_lists| {
        let expected = BlobExpectation {
            revocation_lists,
            ..expecting(&roots)
        };
        Metadata::verify(text.as_bytes(), &expected)
    };
    assert!(with(&lists[..1]).is_ok());
    let error = with(&lists).unwrap_err();
    assert_eq!(error, MetadataError::RevocationListUnreadable { index: 1 });
    assert_eq!(error.reason(), Reason::MetadataUntrusted);
}

#[test]
fn an_older_number_is_a_rollback_and_the_same_one_is_not() {
    let service = service();
    let blob = Blob {
        no: 5,
        ..Blob::default()
    };
    let text = service.sign(&blob).unwrap();
    let roots = [service.root().to_vec()];
    let after = |previous_no| {
        let expected = BlobExpectation {
            previous_no,
            ..expecting(&roots)
        };
        Metadata::verify(text.as_bytes(), &expected)
    };
    for previous in [None, Some(0), Some(4), Some(5)] {
        assert_eq!(after(previous).unwrap().no(), 5);
    }
    let error = after(Some(6)).unwrap_err();
    let expected = MetadataError::Rollback {
        previous: 6,
        found: 5,
    };
    assert_eq!(error, expected);
    assert_eq!(error.reason(), Reason::MetadataRollback);
}

#[test]
fn metadata_is_stale_when_the_day_of_the_next_update_is_over() {
    let blob = Blob {
        next_update: "2025-12-31".to_owned(),
        ..Blob::default()
    };
    let metadata = accepted(&blob);
    let last_second = UnixSeconds(NOW.0 - 1);
    assert!(!metadata.is_stale(last_second));
    assert!(!metadata.is_stale(UnixSeconds(NOW.0 - DAY)));
    assert!(metadata.is_stale(NOW));
}

#[test]
fn no_certificate_of_the_signers_chain_is_revoked() {
    for (intermediates, index) in [(0, 0), (1, 1)] {
        let chain = Chain {
            intermediates,
            ..Chain::default()
        };
        let service = Service::with_chain(Algorithm::ES256, chain).unwrap();
        let text = service.sign(&Blob::default()).unwrap();
        let signers = signer_certificates(&text).unwrap();
        let roots = [service.root().to_vec()];
        let verify = |list: Vec<u8>| {
            let lists = [list];
            let expected = BlobExpectation {
                revocation_lists: &lists,
                ..expecting(&roots)
            };
            Metadata::verify(text.as_bytes(), &expected)
        };
        let revoking = service.revocation_list(&signers[index..]).unwrap();
        let error = verify(revoking.clone()).unwrap_err();
        assert_eq!(error, MetadataError::Revoked { index });
        assert_eq!(error.reason(), Reason::MetadataUntrusted);
        // A list without entries, one with other entries, one of another issuer, and no list.
        assert!(verify(service.revocation_list(&[]).unwrap()).is_ok());
        let other = service.sign(&Blob::default()).unwrap();
        let others = signer_certificates(&other).unwrap();
        assert!(verify(service.revocation_list(&others).unwrap()).is_ok());
        let stranger = Service::with_chain(Algorithm::ES256, chain).unwrap();
        assert!(verify(stranger.revocation_list(&signers).unwrap()).is_ok());
        let cut_off = verify(revoking[..revoking.len() - 1].to_vec());
        assert_eq!(
            cut_off,
            Err(MetadataError::RevocationListUnreadable { index: 0 })
        );
        let mut tampered = revoking.clone();
        *tampered.last_mut().unwrap() ^= 1;
        assert!(verify(tampered).is_ok());
    }
}
