use super::support::*;
use crate::algorithm::{Algorithm, Hash};
use crate::lies::{CertificateLies, Lies, TpmAttribute, TpmLies};
use crate::profile::{Format, Profile, Tpm};

use aws_lc_rs::digest;

/// A reader of big-endian structures.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(length);
        self.0 = tail;
        head
    }

    fn number(&mut self, length: usize) -> u64 {
        let bytes = self.take(length);
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    fn sized(&mut self) -> &'a [u8] {
        let length = usize::try_from(self.number(2)).unwrap();
        self.take(length)
    }
}

fn hashed(with: &'static digest::Algorithm, bytes: &[u8]) -> Vec<u8> {
    digest::digest(with, bytes).as_ref().to_vec()
}

/// The names and numbers of one combination that TPMs have.
struct Case {
    credential: Algorithm,
    attestation: Algorithm,
    name: Hash,
    extra_data_with: &'static digest::Algorithm,
    name_with: &'static digest::Algorithm,
    name_id: u64,
}

#[test]
fn tpm_certifies_rsa_and_ecc_keys_with_every_digest() {
    let cases = [
        Case {
            credential: Algorithm::RS256,
            attestation: Algorithm::RS1,
            name: Hash::Sha1,
            extra_data_with: &digest::SHA1_FOR_LEGACY_USE_ONLY,
            name_with: &digest::SHA1_FOR_LEGACY_USE_ONLY,
            name_id: 4,
        },
        Case {
            credential: Algorithm::ES256,
            attestation: Algorithm::RS256,
            name: Hash::Sha256,
            extra_data_with: &digest::SHA256,
            name_with: &digest::SHA256,
            name_id: 0xb,
        },
        Case {
            credential: Algorithm::ES384,
            attestation: Algorithm::ES256,
            name: Hash::Sha384,
            extra_data_with: &digest::SHA256,
            name_with: &digest::SHA384,
            name_id: 0xc,
        },
        Case {
            credential: Algorithm::ES512,
            attestation: Algorithm::ES384,
            name: Hash::Sha512,
            extra_data_with: &digest::SHA384,
            name_with: &digest::SHA512,
            name_id: 0xd,
        },
    ];
    for case in cases {
        let profile = Profile {
            attestation_algorithm: Some(case.attestation),
            tpm: Tpm {
                name_algorithm: case.name,
                ..Tpm::default()
            },
            ..Profile::default()
                .with_format(Format::Tpm)
                .with_algorithm(case.credential)
        };
        let (parts, root) = register(profile, &Lies::default());
        let statement = &parts.statement;
        assert_eq!(parts.format, "tpm");
        let names = ["alg", "sig", "ver", "x5c", "pubArea", "certInfo"];
        assert_eq!(statement.names(), names);
        assert_eq!(statement.get("ver").unwrap().text(), "2.0");
        assert_eq!(parts.algorithm(), Some(case.attestation.cose()));
        let area = statement.get("pubArea").unwrap().bytes();
        let info = statement.get("certInfo").unwrap().bytes();

        let mut reader = Bytes(info);
        assert_eq!(reader.number(4), 0xff54_4347);
        assert_eq!(reader.number(2), 0x8017);
        reader.sized();
        assert_eq!(
            reader.sized(),
            hashed(case.extra_data_with, &parts.signed())
        );
        reader.take(17 + 8);
        let mut attested = Bytes(reader.sized());
        reader.sized();
        assert!(reader.0.is_empty());
        assert_eq!(attested.number(2), case.name_id);
        assert_eq!(attested.0, hashed(case.name_with, area));

        assert_describes(area, case.name_id, &parts);
        let leaf = &parts.chain()[0];
        let key = key_of(leaf);
        assert!(verifies_raw(
            case.attestation.cose(),
            &key,
            info,
            parts.signature()
        ));
        assert!(signed_by(leaf, &root, -7));
    }
}

/// The public area holds the credential's key.
fn assert_describes(area: &[u8], name_id: u64, parts: &Parts) {
    let Item::Map(cose) = Item::decode(&parts.cose) else {
        panic!()
    };
    let mut reader = Bytes(area);
    let kind = reader.number(2);
    assert_eq!(reader.number(2), name_id);
    reader.number(4);
    reader.sized();
    assert_eq!(reader.number(2), 0x10, "no symmetric algorithm");
    assert_eq!(reader.number(2), 0x10, "no scheme");
    match kind {
        1 => {
            assert_eq!(reader.number(2), 2048);
            assert_eq!(reader.number(4), 0, "65537");
            assert_eq!(reader.sized(), cose[2].1.bytes());
        }
        0x23 => {
            let curve = i64::try_from(reader.number(2)).unwrap();
            // TPM counts P-256, P-384, P-521 from 3; COSE from 1.
            assert_eq!(Item::Integer(curve - 2), cose[2].1);
            assert_eq!(reader.number(2), 0x10, "no derivation");
            assert_eq!(reader.sized(), cose[3].1.bytes());
            assert_eq!(reader.sized(), cose[4].1.bytes());
        }
        other => panic!("type {other}"),
    }
    assert!(reader.0.is_empty());
}

fn tpm(tpm: Tpm, algorithm: Algorithm, lies: &Lies) -> Parts {
    let profile = Profile {
        attestation_algorithm: Some(Algorithm::ES256),
        tpm,
        ..Profile::default()
            .with_format(Format::Tpm)
            .with_algorithm(algorithm)
    };
    register(profile, lies).0
}

#[test]
fn the_aik_certificate_has_no_subject_and_names_the_tpm() {
    let attributes = [
        &[0x30, 0x16, 6, 5, 0x67, 0x81, 5, 2, 1, 12, 13][..9],
        b"id:FFFFF1D0",
    ];
    for one_relative_name in [false, true] {
        let profile = Tpm {
            one_relative_name,
            ..Tpm::default()
        };
        let parts = tpm(profile, Algorithm::ES256, &Lies::default());
        let leaf = &parts.chain()[0];
        let parsed = parse(leaf);
        assert!(parsed.tbs_certificate().subject().is_empty());
        let usage = [0x30, 7, 6, 5, 0x67, 0x81, 5, 8, 3];
        assert_eq!(extension(leaf, "2.5.29.37"), Some((false, usage.to_vec())));
        let (critical, names) = extension(leaf, "2.5.29.17").unwrap();
        assert!(critical);
        let names =
            <x509_cert::ext::pkix::SubjectAltName as der::Decode>::from_der(&names).unwrap();
        let [x509_cert::ext::pkix::name::GeneralName::DirectoryName(name)] = &names.0[..] else {
            panic!("{names:?}")
        };
        let relative: Vec<usize> = name.iter_rdn().map(|one| one.iter().count()).collect();
        let expected: &[usize] = if one_relative_name { &[3] } else { &[1, 1, 1] };
        assert_eq!(relative, expected);
        let found: Vec<(String, Vec<u8>)> = name
            .iter()
            .map(|one| (one.oid.to_string(), one.value.value().to_vec()))
            .collect();
        assert!(found.contains(&("2.23.133.2.1".to_owned(), attributes[1].to_vec())));
        assert!(found.contains(&("2.23.133.2.2".to_owned(), b"passkeyd testkit".to_vec())));
        assert!(found.contains(&("2.23.133.2.3".to_owned(), b"id:00020008".to_vec())));
    }
}

#[test]
fn the_aik_certificate_can_break_each_of_its_requirements() {
    let told = |certificate: CertificateLies| {
        let lies = Lies {
            certificate,
            ..Lies::default()
        };
        tpm(Tpm::default(), Algorithm::ES256, &lies).chain()[0].clone()
    };
    let honest = CertificateLies::default();
    let leaf = told(CertificateLies {
        with_subject: true,
        alternative_name_not_critical: true,
        without_tpm_attributes: vec![TpmAttribute::Model, TpmAttribute::Version],
        extended_key_usage: Some(vec!["1.3.6.1.5.5.7.3.2".to_owned()]),
        ..honest.clone()
    });
    assert!(!parse(&leaf).tbs_certificate().subject().is_empty());
    let (critical, names) = extension(&leaf, "2.5.29.17").unwrap();
    assert!(!critical);
    assert!(names.ends_with(b"id:FFFFF1D0"));
    let usage = extension(&leaf, "2.5.29.37").unwrap().1;
    assert_eq!(usage, [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2]);
    let leaf = told(CertificateLies {
        without_alternative_name: true,
        extended_key_usage: Some(Vec::new()),
        ..honest
    });
    assert_eq!(extension(&leaf, "2.5.29.17"), None);
    assert_eq!(extension(&leaf, "2.5.29.37"), None);
}

#[test]
fn tpm_lies_are_signed() {
    let lies = Lies {
        tpm: TpmLies {
            version: Some("1.2".to_owned()),
            magic: Some(1),
            attest_type: Some(2),
            extra_data: Some(vec![3]),
            name: Some(vec![4]),
            clock_safe: Some(5),
            trailing_certificate_info: Some(vec![6]),
            trailing_public_area: Some(vec![7]),
            ..TpmLies::default()
        },
        ..Lies::default()
    };
    let parts = tpm(Tpm::default(), Algorithm::ES256, &lies);
    assert_eq!(parts.statement.get("ver").unwrap().text(), "1.2");
    let info = parts.statement.get("certInfo").unwrap().bytes();
    let key = key_of(&parts.chain()[0]);
    assert!(verifies_raw(-7, &key, info, parts.signature()));
    let mut reader = Bytes(info);
    assert_eq!((reader.number(4), reader.number(2)), (1, 2));
    reader.sized();
    assert_eq!(reader.sized(), [3]);
    assert_eq!(reader.take(17)[16], 5);
    reader.take(8);
    assert_eq!(reader.sized(), [4]);
    reader.sized();
    assert_eq!(reader.0, [6]);
    let area = parts.statement.get("pubArea").unwrap().bytes();
    assert_eq!(area.last(), Some(&7));
}

#[test]
fn the_public_area_can_be_of_another_key_with_scheme_exponent_and_short_numbers() {
    let lies = Lies {
        tpm: TpmLies {
            other_key: true,
            ..TpmLies::default()
        },
        ..Lies::default()
    };
    let parts = tpm(Tpm::default(), Algorithm::ES256, &lies);
    let area = parts.statement.get("pubArea").unwrap().bytes();
    let info = parts.statement.get("certInfo").unwrap().bytes();
    let Item::Map(cose) = Item::decode(&parts.cose) else {
        panic!()
    };
    let x = cose[3].1.bytes();
    assert!(!area.windows(32).any(|window| window == x));
    let name = hashed(&digest::SHA256, area);
    assert!(
        info.windows(32).any(|window| window == name),
        "the name is that of the area"
    );

    let profile = Tpm {
        scheme: true,
        explicit_exponent: true,
        ..Tpm::default()
    };
    let parts = tpm(profile, Algorithm::RS256, &Lies::default());
    let mut reader = Bytes(parts.statement.get("pubArea").unwrap().bytes());
    reader.take(8);
    reader.sized();
    // No symmetric algorithm; RSASSA with SHA-256; 2048 bits; 65537.
    assert_eq!(
        reader.take(12),
        [0, 0x10, 0, 0x14, 0, 0xb, 8, 0, 0, 1, 0, 1]
    );

    let profile = Profile {
        attestation_algorithm: Some(Algorithm::ES256),
        leading_zero_coordinate: true,
        tpm: Tpm {
            drop_leading_zeros: true,
            ..Tpm::default()
        },
        ..Profile::default().with_format(Format::Tpm)
    };
    let (parts, _) = register(profile, &Lies::default());
    let mut reader = Bytes(parts.statement.get("pubArea").unwrap().bytes());
    reader.take(8);
    reader.sized();
    reader.take(8);
    assert!(reader.sized().len() + reader.sized().len() < 64);
}
