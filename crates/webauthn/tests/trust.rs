//! Trust in chains (7.1 steps 23-24, RFC 5280 section 6): each way to be wrong has an error of its own.
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod device;

use device::{Algorithm, Device, Format, of};
use testkit::{Curves, Encoding, ExtraExtension, IssuerNames, Lies, NameConstraints};
use webauthn::Reason;
use webauthn::attestation::AttestationPolicy;
use webauthn::registration::RegistrationError;
use webauthn::signal::Signal;
use webauthn::trust::{Trust, TrustError};
use webauthn::x509::ChainError;

/// Packed attestation under so many intermediates.
fn below(intermediates: usize) -> Device {
    of(Format::PackedX5c).profile(|profile| profile.chain.intermediates = intermediates)
}

#[track_caller]
fn refused(device: &Device) -> TrustError {
    match device.finish() {
        Err(RegistrationError::Trust(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn lie(intermediates: usize, change: impl FnOnce(&mut Lies)) -> TrustError {
    refused(&below(intermediates).lie(change))
}

#[test]
fn chains_of_every_allowed_length_lead_to_the_root() {
    for intermediates in 0..=5 {
        let verified = below(intermediates).succeeds();
        assert_eq!(verified.trust(), Trust::Trusted, "{intermediates}");
    }
    below(6).fails(Reason::AttestationStatementMalformed);
}

#[test]
fn authorities_may_sign_with_every_algorithm_but_sha1() {
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::ES256K,
        Algorithm::EdDSA,
        Algorithm::Ed448,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::MlDsa44,
        Algorithm::MlDsa65,
        Algorithm::MlDsa87,
    ] {
        let device = below(1).profile(|profile| profile.chain.algorithm = algorithm);
        assert_eq!(device.succeeds().trust(), Trust::Trusted, "{algorithm:?}");
    }
    let sha1 = below(1).profile(|profile| profile.chain.algorithm = Algorithm::RS1);
    assert_eq!(
        refused(&sha1),
        TrustError::Chain(ChainError::CertificateSignature { index: 0 })
    );
}

#[test]
fn a_key_on_secp256k1_attests_with_es256k_only() {
    let device = of(Format::PackedX5c)
        .profile(|profile| profile.attestation_algorithm = Some(Algorithm::ES256K));
    let _ = device.succeeds();
    device
        .lie(|lies| lies.statement_algorithm = Some(-7))
        .fails(Reason::CertificateRequirements);
}

#[test]
fn a_key_of_ml_dsa_attests_with_its_own_parameter_set_only() {
    let device = of(Format::PackedX5c)
        .profile(|profile| profile.attestation_algorithm = Some(Algorithm::MlDsa65));
    let _ = device.succeeds();
    for other in [-48, -50] {
        let lying = device.clone();
        lying
            .lie(|lies| lies.statement_algorithm = Some(other))
            .fails(Reason::CertificateRequirements);
    }
}

#[test]
fn a_root_included_is_told_and_in_conformance_mode_refused() {
    let device = below(1).lie(|lies| lies.chain.root_included = true);
    let verified = device.succeeds();
    assert_eq!(verified.trust(), Trust::Trusted);
    assert_eq!(verified.signals(), [Signal::RootCertificateInPath]);
    let strict = device.policy(|policy| policy.refuse_root_in_path = true);
    assert_eq!(refused(&strict), TrustError::RootInPath);
}

#[test]
fn a_foreign_root_brought_along_is_no_anchor() {
    assert_eq!(
        lie(1, |lies| lies.chain.foreign_root = true).reason(),
        Reason::AttestationUntrusted
    );
}

#[test]
fn the_order_is_that_of_issue() {
    assert_eq!(
        lie(3, |lies| lies.chain.issuers_reversed = true),
        TrustError::Chain(ChainError::WrongOrder { index: 0 })
    );
    below(1)
        .lie(|lies| lies.chain.leaf_last = true)
        .fails(Reason::AttestationSignatureInvalid);
}

#[test]
fn certificates_that_do_not_belong_to_the_chain_are_refused() {
    for (intermediates, index) in [(0, 1), (1, 2), (2, 3)] {
        assert_eq!(
            lie(intermediates, |lies| lies.chain.extra_certificates = 1),
            TrustError::Chain(ChainError::ForeignCertificate { index })
        );
    }
}

#[test]
fn a_missing_intermediate_is_not_guessed() {
    assert_eq!(
        lie(2, |lies| lies.chain.without_intermediates = true),
        TrustError::Chain(ChainError::NoAnchor)
    );
}

#[test]
fn what_has_expired_and_what_is_not_yet_valid_is_named() {
    assert_eq!(
        lie(1, |lies| lies.certificate.expired = true),
        TrustError::Chain(ChainError::Expired { index: 0 })
    );
    assert_eq!(
        lie(1, |lies| lies.certificate.not_yet_valid = true),
        TrustError::Chain(ChainError::NotYetValid { index: 0 })
    );
    assert_eq!(
        lie(1, |lies| lies.issuer.expired = true),
        TrustError::Chain(ChainError::Expired { index: 1 })
    );
    assert_eq!(
        lie(1, |lies| lies.issuer.not_yet_valid = true),
        TrustError::Chain(ChainError::NotYetValid { index: 1 })
    );
    let root = |device: Device, begin, end| {
        device.profile(|profile| {
            (profile.chain.root.not_before, profile.chain.root.not_after) = (begin, end);
        })
    };
    assert_eq!(
        refused(&root(below(1), 0, 1_600_000_000)),
        TrustError::Chain(ChainError::Expired { index: 2 })
    );
    assert_eq!(
        refused(&root(below(1), 4_000_000_000, 4_100_000_000)),
        TrustError::Chain(ChainError::NotYetValid { index: 2 })
    );
}

#[test]
fn a_leaf_may_be_issued_up_to_five_minutes_after_the_registration() {
    let begins = |ahead: i64| {
        below(1).profile(|profile| profile.chain.leaf.not_before = device::NOW.0 + ahead)
    };
    is_trusted(&begins(300));
    assert_eq!(
        refused(&begins(301)),
        TrustError::Chain(ChainError::NotYetValid { index: 0 })
    );
}

#[test]
fn each_link_is_signed_and_named() {
    assert_eq!(
        lie(2, |lies| lies.certificate.tampered_signature = true),
        TrustError::Chain(ChainError::CertificateSignature { index: 0 })
    );
    assert_eq!(
        lie(2, |lies| lies.issuer.tampered_signature = true),
        TrustError::Chain(ChainError::CertificateSignature { index: 1 })
    );
    assert_eq!(
        lie(0, |lies| lies.certificate.tampered_signature = true),
        TrustError::Chain(ChainError::NoAnchor)
    );
    assert_eq!(
        lie(1, |lies| lies.certificate.wrong_issuer = true),
        TrustError::Chain(ChainError::ForeignCertificate { index: 1 })
    );
    assert_eq!(
        lie(0, |lies| lies.certificate.wrong_issuer = true),
        TrustError::Chain(ChainError::NoAnchor)
    );
}

#[test]
fn issuers_are_authorities_that_may_sign() {
    let bends: [fn(&mut Lies); 5] = [
        |lies| lies.issuer.not_authority = true,
        |lies| lies.issuer.without_basic_constraints = true,
        |lies| lies.issuer.without_cert_sign = true,
        |lies| lies.chain.top_path_length_zero = true,
        |lies| {
            lies.issuer.name_constraints = Some(NameConstraints {
                permitted_countries: vec!["DE".to_owned()],
                ..NameConstraints::default()
            });
        },
    ];
    for bend in bends {
        assert!(matches!(
            lie(2, bend),
            TrustError::Chain(ChainError::Untrusted(_))
        ));
    }
    for bend in [
        |lies: &mut Lies| lies.issuer.without_key_usage = true,
        |lies: &mut Lies| lies.issuer.path_length = Some(0),
    ] {
        assert_eq!(below(1).lie(bend).succeeds().trust(), Trust::Trusted);
    }
}

#[test]
fn critical_extensions_are_understood_or_refused() {
    let with = |oid: &str, critical| {
        let extension = ExtraExtension {
            oid: oid.to_owned(),
            critical,
            value: testkit::Bytes(vec![0x30, 0]),
        };
        below(1).certificate(|certificate| certificate.extra_extensions = vec![extension])
    };
    // Certificate policies, as real certificates of TPMs have them.
    let _ = with("2.5.29.32", true).succeeds();
    let _ = with("1.2.3.4", false).succeeds();
    assert!(matches!(
        refused(&with("1.2.3.4", true)),
        TrustError::Chain(ChainError::Untrusted(_))
    ));
    assert!(matches!(
        refused(&with("2.5.29.30", true)),
        TrustError::Chain(ChainError::Untrusted(_))
    ));
}

/// Chains of every place that a deviation can stand in: alone below the root, and below an intermediate.
fn encoded(intermediates: usize, change: impl FnOnce(&mut Encoding)) -> Device {
    below(intermediates).profile(|profile| change(&mut profile.chain.encoding))
}

#[track_caller]
fn is_trusted(device: &Device) {
    assert_eq!(device.succeeds().trust(), Trust::Trusted);
}

#[test]
fn true_is_read_in_every_certificate_whatever_octet_it_is_written_with() {
    for intermediates in [0, 1] {
        for octet in [0x01, 0x80] {
            is_trusted(&encoded(intermediates, |encoding| {
                encoding.true_octet = octet;
            }));
        }
        // A FALSE that is written out makes no authority.
        let error = refused(&encoded(intermediates, |encoding| encoding.true_octet = 0));
        assert_eq!(error.reason(), Reason::AttestationUntrusted);
    }
    // A critical extension stays critical.
    let unknown = ExtraExtension {
        oid: "1.2.3.4".to_owned(),
        critical: true,
        value: testkit::Bytes(vec![0x30, 0]),
    };
    let critical = encoded(1, |encoding| encoding.true_octet = 1)
        .certificate(|certificate| certificate.extra_extensions = vec![unknown]);
    assert!(matches!(
        refused(&critical),
        TrustError::Chain(ChainError::Untrusted(_))
    ));
}

#[test]
fn a_signature_is_all_bytes_of_its_bit_string() {
    for intermediates in [0, 1] {
        is_trusted(&encoded(intermediates, |encoding| encoding.unused_bits = 3));
    }
    encoded(0, |encoding| encoding.unused_bits = 8).fails(Reason::AttestationStatementMalformed);
    let tampered = encoded(1, |encoding| encoding.unused_bits = 3)
        .certificate(|certificate| certificate.tampered_signature = true);
    assert_eq!(
        refused(&tampered),
        TrustError::Chain(ChainError::CertificateSignature { index: 0 })
    );
}

#[test]
fn an_issuer_may_be_named_in_another_string_type_and_letter_case() {
    for intermediates in [0, 1, 3] {
        is_trusted(&encoded(intermediates, |encoding| {
            encoding.issuer_names = IssuerNames::Alike;
        }));
    }
    let other = |intermediates| {
        refused(&encoded(intermediates, |encoding| {
            encoding.issuer_names = IssuerNames::Other;
        }))
    };
    assert_eq!(other(0), TrustError::Chain(ChainError::NoAnchor));
    assert_eq!(
        other(1),
        TrustError::Chain(ChainError::ForeignCertificate { index: 1 })
    );
    // A root that is included is seen as one.
    let root = encoded(1, |encoding| encoding.issuer_names = IssuerNames::Alike)
        .lie(|lies| lies.chain.root_included = true);
    assert_eq!(root.succeeds().signals(), [Signal::RootCertificateInPath]);
}

#[test]
fn a_curve_may_be_described_instead_of_named_but_with_no_other_generator() {
    for intermediates in [0, 1] {
        is_trusted(&encoded(intermediates, |encoding| {
            encoding.curves = Curves::Described;
        }));
        encoded(intermediates, |encoding| {
            encoding.curves = Curves::OtherGenerator;
        })
        .fails(Reason::CertificateRequirements);
    }
    // The leaf's curve is named, those of the authorities have another generator.
    let authorities = below(1).profile(|profile| {
        profile.attestation_algorithm = Some(Algorithm::RS256);
        profile.chain.encoding.curves = Curves::OtherGenerator;
    });
    assert_eq!(
        refused(&authorities),
        TrustError::Chain(ChainError::CertificateSignature { index: 0 })
    );
}

#[test]
fn serial_numbers_of_any_value_occur() {
    for serial in [vec![0], vec![0xff], vec![1; 20], vec![0x80; 30]] {
        let _ = below(1)
            .certificate(|certificate| certificate.serial = Some(serial))
            .succeeds();
    }
}

#[test]
fn a_policy_of_trusted_attestation_only_accepts_nothing_else() {
    let strict = |format| {
        let mut device = of(format);
        device.policy = AttestationPolicy {
            allow_none: false,
            allow_self: false,
            allow_unknown_trust: false,
            ..AttestationPolicy::default()
        };
        device
    };
    let _ = strict(Format::PackedX5c).succeeds();
    strict(Format::PackedSelf).fails(Reason::AttestationPolicyRefused);
    strict(Format::None).fails(Reason::AttestationPolicyRefused);
    let mut unanchored = strict(Format::PackedX5c);
    unanchored.anchored = false;
    unanchored.fails(Reason::AttestationPolicyRefused);
}

#[test]
fn only_a_certificate_of_at_most_8_kib_can_be_an_anchor() {
    use webauthn::limits::MAX_CERTIFICATE;
    use webauthn::x509::is_certificate;
    let Ok(root) = testkit::Authenticator::default().attestation_root() else {
        panic!("no root")
    };
    assert!(is_certificate(&root));
    assert!(!is_certificate(&root[1..]));
    assert!(!is_certificate(&[&root[..], &[0]].concat()));
    assert!(!is_certificate(&[]));
    assert!(!is_certificate(&vec![0x30; MAX_CERTIFICATE + 1]));
}
