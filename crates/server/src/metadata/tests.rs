use base64::Engine as _;
use webauthn::UnixSeconds;
use webauthn::metadata::{BlobExpectation, MetadataError};

use super::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn both_roots_of_the_fido_alliances_metadata_are_built_in() {
    let sources = Sources::load(&Metadata::default()).unwrap();
    let roots = &sources.trust.roots;
    assert_eq!(roots.len(), 2);
    for (name, fingerprint) in ["GlobalSign Root CA - R3", "GlobalSign Root R46"]
        .iter()
        .zip(FIDO_ROOTS)
    {
        let root = roots
            .iter()
            .find(|root| digest(&SHA256, root).as_ref() == fingerprint)
            .unwrap();
        let mut texts = root.windows(name.len());
        assert!(texts.any(|text| text == name.as_bytes()), "{name}");
        // The core can read it and takes it for an anchor: what it vouches for fails for the signature alone.
        assert_eq!(
            forged_in_the_name_of(root, roots),
            Err(MetadataError::SignatureInvalid),
            "{name}"
        );
    }
    assert_eq!(
        sources.trust.signer_name.as_deref(),
        Some("mds.fidoalliance.org")
    );
}

/// What becomes of a BLOB with a made-up signature, whose signer is said to be this root.
fn forged_in_the_name_of(
    root: &[u8],
    roots: &[Vec<u8>],
) -> Result<webauthn::metadata::Metadata, MetadataError> {
    let text = |bytes: &[u8]| testkit::base64url(bytes);
    let x5c = base64::engine::general_purpose::STANDARD.encode(root);
    let header = format!("{{\"alg\":\"RS256\",\"x5c\":[\"{x5c}\"]}}");
    let blob = format!(
        "{}.{}.{}",
        text(header.as_bytes()),
        text(b"{}"),
        text(&[1; 256])
    );
    webauthn::metadata::Metadata::verify(
        blob.as_bytes(),
        &BlobExpectation {
            roots,
            revocation_lists: &[],
            signer_name: None,
            previous_no: None,
            at: UnixSeconds(1_800_000_000),
        },
    )
}

#[test]
fn other_roots_come_from_a_pem_file() {
    let pem = |der: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    let service = testkit::metadata::Service::new(testkit::Algorithm::ES256).unwrap();
    let good = file(&pem(service.root()));
    let settings = |file: &Path| Metadata {
        roots_file: Some(file.to_owned()),
        signer_name: String::new(),
        ..Metadata::default()
    };
    let sources = Sources::load(&settings(good.path())).unwrap();
    assert_eq!(sources.trust.roots, [service.root()]);
    assert_eq!(sources.trust.signer_name, None);
    let large = file(&"x".repeat(1024 * 1024 + 1));
    let no_certificate = file(&pem(&[1, 2, 3]));
    for wrong in [
        file("").path(),
        no_certificate.path(),
        large.path(),
        Path::new("/nowhere/at-all"),
    ] {
        let error = Sources::load(&settings(wrong)).unwrap_err().to_string();
        assert!(error.contains("`metadata.roots_file`"), "{error}");
    }
}

#[test]
fn own_names_of_providers_are_a_json_object_by_aaguid() {
    let load = |text: &str| {
        let file = file(text);
        Sources::load(&Metadata {
            extra_names_file: Some(file.path().to_owned()),
            ..Metadata::default()
        })
        .map(|sources| sources.names)
        .map_err(|error| error.to_string())
    };
    let aaguid = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4";
    let names = load(&format!("{{\"{aaguid}\": \"A Wallet\"}}")).unwrap();
    assert_eq!(names[&aaguid.parse().unwrap()], "A Wallet");
    assert_eq!(load("{}").unwrap(), BTreeMap::new());
    for wrong in [
        String::new(),
        "[]".to_owned(),
        "{\"x\": \"A\"}".to_owned(),
        format!("{{\"{aaguid}\": 1}}"),
        format!("{{\"{aaguid}\": \" \"}}"),
        format!("{{\"{aaguid}\": \"a\\u0007\"}}"),
        format!("{{\"{aaguid}\": \"{}\"}}", "x".repeat(129)),
        format!(
            "{{\"{aaguid}\": \"A\", \"{}\": \"B\"}}",
            aaguid.to_uppercase()
        ),
    ] {
        let error = load(&wrong).unwrap_err();
        assert!(
            error.contains("`metadata.extra_names_file`"),
            "{wrong}: {error}"
        );
    }
}

#[test]
fn revocation_lists_come_from_files_and_what_is_none_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("list.crl");
    let settings = Metadata {
        revocation_list_files: vec![file.clone()],
        ..Metadata::default()
    };
    let list = testkit::metadata::Service::new(testkit::Algorithm::ES256)
        .unwrap()
        .revocation_list(&[])
        .unwrap();
    std::fs::write(&file, &list).unwrap();
    let sources = Sources::load(&settings).unwrap();
    assert_eq!(sources.trust.revocation_lists, [&list[..]]);

    for wrong in [&b"-----BEGIN X509 CRL-----"[..], b"", &list[..40]] {
        std::fs::write(&file, wrong).unwrap();
        let error = Sources::load(&settings).unwrap_err().to_string();
        assert!(error.contains("metadata.revocation_list_files"), "{error}");
        assert!(error.contains("list.crl"), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(Sources::load(&settings).is_err());
}
