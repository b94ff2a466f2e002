use super::support::*;
use crate::algorithm::Algorithm;
use crate::authenticator::Authenticator;
use crate::certificate_key_identifier;
use crate::encoding::Bytes;
use crate::lies::{CertificateLies, ChainLies, ExtraExtension, IssuerLies, Lies, NameConstraints};
use crate::profile::{Chain, Profile, Validity};

use der::asn1::AnyRef;
use der::{Decode as _, Encode as _, SliceReader};
use x509_cert::ext::pkix::{self, BasicConstraints};

fn with_chain(chain: Chain) -> Profile {
    Profile {
        chain,
        ..Profile::security_key()
    }
}

fn chain_with(intermediates: usize, lies: &Lies) -> (Vec<Vec<u8>>, Vec<u8>) {
    let chain = Chain {
        intermediates,
        ..Chain::default()
    };
    let (parts, root) = register(with_chain(chain), lies);
    (parts.chain(), root)
}

#[test]
fn chains_of_every_length_lead_from_the_leaf_to_the_root() {
    for intermediates in 0..4 {
        let (chain, root) = chain_with(intermediates, &Lies::default());
        assert_eq!(chain.len(), intermediates + 1);
        assert!(!chain.contains(&root));
        let above = chain[1..].iter().chain([&root]);
        for (number, (lower, upper)) in chain.iter().zip(above).enumerate() {
            assert!(signed_by(lower, upper, -7), "{number} of {intermediates}");
            let constraints = extension(upper, "2.5.29.19").unwrap();
            assert_eq!(constraints, (true, vec![0x30, 3, 1, 1, 0xff]));
            assert_eq!(
                extension(upper, "2.5.29.15"),
                Some((true, vec![3, 2, 2, 4]))
            );
            let key_identifier = extension(upper, "2.5.29.14").unwrap().1;
            let named = extension(lower, "2.5.29.35").unwrap().1;
            assert_eq!(named[4..], key_identifier[2..]);
            let text = certificate_key_identifier(upper).unwrap();
            assert_eq!(text, hex::encode(&key_identifier[2..]));
        }
        assert!(signed_by(&root, &root, -7));
    }
    assert_eq!(certificate_key_identifier(b"no certificate"), None);
}

#[test]
fn every_algorithm_signs_certificates() {
    for algorithm in Algorithm::ALL {
        let chain = Chain {
            intermediates: 1,
            algorithm,
            ..Chain::default()
        };
        let (parts, root) = register(with_chain(chain), &Lies::default());
        let chain = parts.chain();
        assert!(
            signed_by(&chain[0], &chain[1], algorithm.cose()),
            "{algorithm:?}"
        );
        assert!(
            signed_by(&chain[1], &root, algorithm.cose()),
            "{algorithm:?}"
        );
    }
}

#[test]
fn the_authority_stays_the_same_while_the_profile_does() {
    let mut device = Authenticator::new(Profile::security_key());
    let root = device.attestation_root().unwrap();
    for _ in 0..2 {
        let created = device
            .create(&creation_options(), ORIGIN, &Lies::default())
            .unwrap();
        assert!(signed_by(&Parts::of(&created).chain()[0], &root, -7));
    }
    device.profile.chain.algorithm = Algorithm::ES384;
    assert_ne!(device.attestation_root().unwrap(), root);
    device.profile.chain = Chain {
        intermediates: 2,
        ..Chain::default()
    };
    assert_eq!(device.attestation_root().unwrap(), root);
}

fn validity(certificate: &[u8]) -> (u64, u64) {
    let parsed = parse(certificate);
    let validity = parsed.tbs_certificate().validity();
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    (seconds(validity.not_before), seconds(validity.not_after))
}

#[test]
fn validity_is_as_the_profile_and_the_lies_say() {
    let chain = Chain {
        leaf: Validity {
            not_before: 1_000_000_000,
            not_after: 2_000_000_000,
        },
        root: Validity {
            not_before: 900_000_000,
            not_after: 3_000_000_000,
        },
        ..Chain::default()
    };
    let (parts, root) = register(with_chain(chain), &Lies::default());
    assert_eq!(validity(&parts.chain()[0]), (1_000_000_000, 2_000_000_000));
    assert_eq!(validity(&root), (900_000_000, 3_000_000_000));

    let lies = Lies {
        certificate: CertificateLies {
            expired: true,
            ..CertificateLies::default()
        },
        issuer: IssuerLies {
            not_yet_valid: true,
            ..IssuerLies::default()
        },
        ..Lies::default()
    };
    let (chain, _) = chain_with(2, &lies);
    assert_eq!(validity(&chain[0]), (1_577_836_800, 1_609_459_200));
    assert_eq!(validity(&chain[1]), (4_702_060_800, 4_733_510_400));
    assert_eq!(validity(&chain[2]), (1_577_836_800, 4_733_510_400));
}

/// The content of the serial number, whatever it is.
fn serial(certificate: &[u8]) -> Vec<u8> {
    let whole = AnyRef::from_der(certificate).unwrap();
    let mut outer = SliceReader::new(whole.value()).unwrap();
    let tbs = AnyRef::decode(&mut outer).unwrap();
    let mut inner = SliceReader::new(tbs.value()).unwrap();
    AnyRef::decode(&mut inner).unwrap();
    AnyRef::decode(&mut inner).unwrap().value().to_vec()
}

#[test]
fn the_leaf_can_have_a_wrong_serial_issuer_signature_and_extensions() {
    let told = |certificate: CertificateLies| {
        let lies = Lies {
            certificate,
            ..Lies::default()
        };
        let (chain, root) = chain_with(0, &lies);
        (chain[0].clone(), root)
    };
    let honest = CertificateLies::default();
    for serial in [vec![0], vec![0xff]] {
        let (leaf, _) = told(CertificateLies {
            serial: Some(serial.clone()),
            ..honest.clone()
        });
        assert_eq!(self::serial(&leaf), serial);
    }
    let (leaf, root) = told(CertificateLies {
        wrong_issuer: true,
        ..honest.clone()
    });
    assert!(!signed_by(&leaf, &root, -7));
    let tbs = parse(&leaf).tbs_certificate().to_der().unwrap();
    let signature = parse(&leaf).signature().raw_bytes().to_vec();
    assert!(verifies_raw(-7, &key_of(&root), &tbs, &signature));
    let (leaf, root) = told(CertificateLies {
        tampered_signature: true,
        ..honest.clone()
    });
    assert!(!signed_by(&leaf, &root, -7));
    let (leaf, root) = told(CertificateLies {
        authority: true,
        extra_extensions: vec![ExtraExtension {
            oid: "1.2.3.4".to_owned(),
            critical: true,
            value: Bytes(vec![5, 0]),
        }],
        ..honest.clone()
    });
    assert!(signed_by(&leaf, &root, -7));
    assert_eq!(extension(&leaf, "1.2.3.4"), Some((true, vec![5, 0])));
    let constraints = extension(&leaf, "2.5.29.19").unwrap().1;
    assert!(BasicConstraints::from_der(&constraints).unwrap().ca);
    let (leaf, _) = told(CertificateLies {
        without_basic_constraints: true,
        version: Some(2),
        ..honest
    });
    assert_eq!(extension(&leaf, "2.5.29.19"), None);
    assert_eq!(
        parse(&leaf).tbs_certificate().version(),
        x509_cert::Version::V2
    );
}

#[test]
fn sha1_can_sign_the_leaf_alone() {
    let chain = Chain {
        intermediates: 1,
        algorithm: Algorithm::RS256,
        ..Chain::default()
    };
    let lies = Lies {
        certificate: CertificateLies {
            sha1_signature: true,
            ..CertificateLies::default()
        },
        ..Lies::default()
    };
    let (parts, root) = register(with_chain(chain), &lies);
    let chain = parts.chain();
    assert!(signed_by(&chain[0], &chain[1], Algorithm::RS1.cose()));
    assert!(signed_by(&chain[1], &root, Algorithm::RS256.cose()));
    let oid = parse(&chain[0]).signature_algorithm().oid.to_string();
    assert_eq!(oid, "1.2.840.113549.1.1.5");
}

#[test]
fn the_issuer_can_lack_what_an_issuer_needs() {
    let told = |issuer: IssuerLies| {
        let lies = Lies {
            issuer,
            ..Lies::default()
        };
        let (chain, root) = chain_with(1, &lies);
        assert!(signed_by(&chain[0], &chain[1], -7));
        (chain[1].clone(), root)
    };
    let honest = IssuerLies::default();
    let (issuer, root) = told(IssuerLies {
        not_authority: true,
        without_cert_sign: true,
        ..honest.clone()
    });
    assert_eq!(extension(&issuer, "2.5.29.19"), Some((true, vec![0x30, 0])));
    assert_eq!(
        extension(&issuer, "2.5.29.15"),
        Some((true, vec![3, 2, 7, 0x80]))
    );
    assert!(signed_by(&issuer, &root, -7));
    let (issuer, _) = told(IssuerLies {
        without_basic_constraints: true,
        without_key_usage: true,
        ..honest.clone()
    });
    assert_eq!(extension(&issuer, "2.5.29.19"), None);
    assert_eq!(extension(&issuer, "2.5.29.15"), None);
    let (issuer, root) = told(IssuerLies {
        tampered_signature: true,
        path_length: Some(3),
        name_constraints: Some(NameConstraints {
            permitted_countries: vec!["DE".to_owned()],
            excluded_countries: vec!["AA".to_owned(), "FR".to_owned()],
        }),
        ..honest
    });
    assert!(!signed_by(&issuer, &root, -7));
    let constraints = extension(&issuer, "2.5.29.19").unwrap().1;
    let constraints = BasicConstraints::from_der(&constraints).unwrap();
    assert_eq!(constraints.path_len_constraint, Some(3));
    let (critical, names) = extension(&issuer, "2.5.29.30").unwrap();
    assert!(critical);
    let names = pkix::NameConstraints::from_der(&names).unwrap();
    assert_eq!(names.permitted_subtrees.unwrap().len(), 1);
    assert_eq!(names.excluded_subtrees.unwrap().len(), 2);
}

#[test]
fn x5c_can_be_arranged_in_every_wrong_way() {
    let told = |chain: ChainLies| {
        let lies = Lies {
            chain,
            ..Lies::default()
        };
        chain_with(2, &lies)
    };
    let honest = ChainLies::default();
    let (chain, root) = told(ChainLies {
        root_included: true,
        ..honest.clone()
    });
    assert_eq!((chain.len(), &chain[3]), (4, &root));
    let (chain, root) = told(ChainLies {
        issuers_reversed: true,
        ..honest.clone()
    });
    assert!(signed_by(&chain[0], &chain[2], -7));
    assert!(signed_by(&chain[2], &chain[1], -7));
    assert!(signed_by(&chain[1], &root, -7));
    let (chain, _) = told(ChainLies {
        leaf_last: true,
        ..honest.clone()
    });
    assert!(signed_by(&chain[2], &chain[0], -7));
    let (chain, root) = told(ChainLies {
        without_intermediates: true,
        ..honest.clone()
    });
    assert_eq!(chain.len(), 1);
    assert!(!signed_by(&chain[0], &root, -7));
    let (chain, root) = told(ChainLies {
        extra_certificates: 100,
        extra_elements: vec![Bytes(vec![0x30])],
        ..honest.clone()
    });
    assert_eq!(chain.len(), 104);
    assert_eq!(chain[103], [0x30]);
    assert!(signed_by(&chain[50], &chain[50], -7));
    assert_ne!(chain[50], root);
    let (chain, root) = told(ChainLies {
        foreign_root: true,
        ..honest.clone()
    });
    assert_eq!(chain.len(), 4);
    assert_ne!(chain[3], root);
    assert!(signed_by(&chain[2], &chain[3], -7));
    assert!(!signed_by(&chain[2], &root, -7));
    let (chain, _) = told(ChainLies {
        top_path_length_zero: true,
        ..honest
    });
    let constraints = extension(&chain[2], "2.5.29.19").unwrap().1;
    let constraints = BasicConstraints::from_der(&constraints).unwrap();
    assert_eq!(constraints.path_len_constraint, Some(0));
}
