//! Section 8.2, packed attestation with certificates, and the trust in them (7.1 steps 23-24).
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Key, Registration, Statement};
use webauthn::Reason;
use webauthn::UnixSeconds;
use webauthn::attestation::{AttestationError, AttestationType};
use webauthn::cose::CoseAlgorithm;
use webauthn::registration::RegistrationError;
use webauthn::signal::Signal;
use webauthn::trust::{Trust, TrustError};
use webauthn::x509::ChainError;

use common::certificates::{
    Spec, attestation_subject, basic_constraints, extension, fido_oid, tlv,
};

fn basic(
    leaf: &Spec,
    alg: CoseAlgorithm,
    others: impl FnOnce(&Key) -> Vec<Vec<u8>>,
) -> Registration {
    let (signer, issuer) = (Key::new(alg), Key::es256());
    let x5c = [vec![leaf.issue(&signer, &issuer)], others(&issuer)].concat();
    Registration {
        format: "packed".into(),
        statement: Statement::Basic {
            alg: alg.0,
            signer,
            x5c,
        },
        ..Registration::new()
    }
}

fn leaf(spec: &Spec) -> Registration {
    basic(spec, CoseAlgorithm::ES256, |_| vec![])
}

fn spec(bend: fn(&mut Spec)) -> Spec {
    let mut spec = Spec::leaf();
    bend(&mut spec);
    spec
}

#[test]
fn a_certificate_with_every_kind_of_key_succeeds() {
    for algorithm in [
        CoseAlgorithm::ES256,
        CoseAlgorithm::ES384,
        CoseAlgorithm::ES512,
        CoseAlgorithm::EDDSA,
        CoseAlgorithm::RS256,
    ] {
        let verified = basic(&Spec::leaf(), algorithm, |_| vec![]).succeeds();
        assert_eq!(
            (verified.attestation_type(), verified.trust()),
            (AttestationType::Basic, Trust::Unknown)
        );
    }
}

#[test]
fn the_statements_algorithm_fits_the_certificates_key() {
    let with = |algorithm: CoseAlgorithm, named: CoseAlgorithm| {
        let mut ceremony = basic(&Spec::leaf(), algorithm, |_| vec![]);
        if let Statement::Basic { alg, .. } = &mut ceremony.statement {
            *alg = named.0;
        }
        ceremony
    };
    with(CoseAlgorithm::ES256, CoseAlgorithm::RS256).fails(Reason::CertificateRequirements);
    with(CoseAlgorithm::ES256, CoseAlgorithm::EDDSA).fails(Reason::CertificateRequirements);
    with(CoseAlgorithm::ES384, CoseAlgorithm::ESP256).fails(Reason::CertificateRequirements);
    with(CoseAlgorithm::ES256, CoseAlgorithm::ES384).fails(Reason::AttestationSignatureInvalid);
    with(CoseAlgorithm::ES256, CoseAlgorithm(-65535)).fails(Reason::AlgorithmUnsupported);
}

#[test]
fn the_leaf_must_have_signed() {
    let mut ceremony = leaf(&Spec::leaf());
    ceremony.tamper = |data| data[36] ^= 1;
    ceremony.fails(Reason::AttestationSignatureInvalid);
    let mut ceremony = leaf(&Spec::leaf());
    if let Statement::Basic { signer, .. } = &mut ceremony.statement {
        *signer = Key::es256();
    }
    ceremony.fails(Reason::AttestationSignatureInvalid);
}

#[test]
fn the_requirements_of_8_2_1_hold_one_by_one() {
    let bends: [fn(&mut Spec); 15] = [
        |s| {
            s.version = 0;
            s.extensions.clear();
        },
        |s| s.version = 1,
        |s| s.subject[0].1 = "AAA",
        |s| s.subject[0].1 = "A1",
        |s| s.subject.retain(|(kind, _)| *kind != 6),
        |s| s.subject[1].1 = "",
        |s| s.subject.retain(|(kind, _)| *kind != 10),
        |s| s.subject[2].1 = "authenticator attestation",
        |s| s.subject[2].1 = "Authenticator Attestation CA",
        |s| s.subject.retain(|(kind, _)| *kind != 11),
        |s| s.subject[3].1 = "",
        |s| s.subject.retain(|(kind, _)| *kind != 3),
        |s| s.extensions[0] = basic_constraints(true, None),
        |s| s.extensions[0] = extension(&[0x55, 0x1d, 19], true, &[1, 2, 3]),
        |s| s.extensions.push(extension(&fido_oid(2), true, &[4, 0])),
    ];
    for (at, bend) in bends.into_iter().enumerate() {
        let error = leaf(&spec(bend)).finish().unwrap_err();
        assert_eq!(
            error.reason(),
            Reason::CertificateRequirements,
            "{at}: {error}"
        );
    }
    leaf(&spec(|s| {
        s.extensions.push(extension(&fido_oid(5), true, &[4, 0]));
    }))
    .fails(Reason::CertificateRequirements);
    let _ = leaf(&spec(|s| {
        s.extensions.push(extension(&fido_oid(5), false, &[4, 0]));
    }))
    .succeeds();
    // Absent Basic Constraints are tolerated.
    let _ = leaf(&spec(|s| drop(s.extensions.remove(0)))).succeeds();
    assert_eq!(attestation_subject().len(), 4);
}

#[test]
fn the_aaguid_extension_if_present_is_not_critical_and_names_the_model() {
    let bends: [fn(&mut Spec); 5] = [
        |s| s.extensions[1] = extension(&fido_oid(4), false, &tlv(4, &[0xab; 16])),
        |s| s.extensions[1] = extension(&fido_oid(4), true, &tlv(4, &[0xaa; 16])),
        |s| s.extensions[1] = extension(&fido_oid(4), false, &[0xaa; 16]),
        |s| s.extensions[1] = extension(&fido_oid(4), false, &tlv(4, &[0xaa; 15])),
        |s| {
            s.extensions[1] = extension(
                &fido_oid(4),
                false,
                &[&tlv(4, &[0xaa; 16])[..], &[0]].concat(),
            );
        },
    ];
    for bend in bends {
        leaf(&spec(bend)).fails(Reason::AaguidExtensionMismatch);
    }
    let _ = leaf(&spec(|s| drop(s.extensions.remove(1)))).succeeds();
}

#[test]
fn a_certificate_that_cannot_be_read_fails() {
    for cut in [1, 5, 50] {
        let mut ceremony = leaf(&Spec::leaf());
        if let Statement::Basic { x5c, .. } = &mut ceremony.statement {
            let length = x5c[0].len() - cut;
            x5c[0].truncate(length);
        }
        ceremony.fails(Reason::AttestationStatementMalformed);
    }
    leaf(&spec(|s| s.extensions.push(s.extensions[0].clone())))
        .fails(Reason::AttestationStatementMalformed);

    // Something behind the certificate, and a fourth element inside it.
    let behind: fn(&mut Vec<u8>) = |der| der.push(0);
    let inside: fn(&mut Vec<u8>) = |der| {
        let content = der.split_off(4);
        *der = tlv(0x30, &[content, vec![5, 0]].concat());
    };
    for bend in [behind, inside] {
        let mut ceremony = leaf(&Spec::leaf());
        if let Statement::Basic { x5c, .. } = &mut ceremony.statement {
            bend(&mut x5c[0]);
        }
        ceremony.fails(Reason::AttestationStatementMalformed);
    }
}

#[test]
fn the_chain_is_bounded_in_number_and_size() {
    let filler = |count: usize| move |_: &Key| vec![vec![0x30, 0]; count];
    basic(&Spec::leaf(), CoseAlgorithm::ES256, filler(6))
        .fails(Reason::AttestationStatementMalformed);
    basic(&Spec::leaf(), CoseAlgorithm::ES256, |_| {
        vec![vec![0; 8 * 1024 + 1]]
    })
    .fails(Reason::AttestationStatementMalformed);

    // Exactly the limit: five more certificates, or 8 KiB in one.
    let mut ceremony = basic(&Spec::leaf(), CoseAlgorithm::ES256, filler(5));
    ceremony.expected.attestation.allow_unknown_trust = false;
    assert!(matches!(
        ceremony.finish(),
        Err(RegistrationError::Trust(TrustError::Chain(
            ChainError::Untrusted(_)
        )))
    ));
    let large = |padding: usize| {
        // Signatures of Ed25519 are all of one length.
        let (signer, issuer) = (Key::es256(), Key::new(CoseAlgorithm::EDDSA));
        let mut spec = Spec::leaf();
        spec.extensions
            .push(extension(&[0x2a, 3], false, &vec![0; padding]));
        let certificate = spec.issue(&signer, &issuer);
        let length = certificate.len();
        let ceremony = Registration {
            format: "packed".into(),
            statement: Statement::Basic {
                alg: -7,
                signer,
                x5c: vec![certificate],
            },
            ..Registration::new()
        };
        (ceremony, length)
    };
    let padding = 4096 + 8 * 1024 - large(4096).1;
    assert_eq!(large(padding).1, 8 * 1024);
    let _ = large(padding).0.succeeds();
    large(padding + 1)
        .0
        .fails(Reason::AttestationStatementMalformed);
}

#[test]
fn the_statement_is_a_map() {
    let ceremony = Registration {
        format: "packed".into(),
        statement: Statement::Raw(vec![0x80]),
        ..Registration::new()
    };
    assert_eq!(
        ceremony.finish().unwrap_err(),
        RegistrationError::Attestation(AttestationError::Malformed {
            format: "packed",
            problem: "it must be a map"
        })
    );
}

/// Root (anchor), intermediate, leaf; the intermediate can be bent, and so can what is sent.
struct Chain {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    leaf: Vec<u8>,
    signer: Option<Key>,
}

impl Chain {
    fn new(leaf: &Spec, intermediate: &Spec, root: &Spec) -> Self {
        let (signer, middle, top) = (
            Key::es256(),
            Key::new(CoseAlgorithm::ES384),
            Key::new(CoseAlgorithm::RS256),
        );
        Self {
            root: root.issue(&top, &top),
            intermediate: intermediate.issue(&middle, &top),
            leaf: leaf.issue(&signer, &middle),
            signer: Some(signer),
        }
    }

    fn good() -> Self {
        Self::new(
            &Spec::leaf(),
            &Spec::ca("Intermediate", "Root"),
            &Spec::ca("Root", "Root"),
        )
    }

    fn send(&mut self, x5c: &[&[u8]], anchors: &[&[u8]]) -> Registration {
        let signer = self.signer.take().unwrap();
        let x5c = x5c.iter().map(|c| c.to_vec()).collect();
        let statement = Statement::Basic {
            alg: -7,
            signer,
            x5c,
        };
        let mut ceremony = Registration {
            format: "packed".into(),
            statement,
            ..Registration::new()
        };
        let anchors: Vec<_> = anchors.iter().map(|c| c.to_vec()).collect();
        ceremony.expected.attestation.trust_anchors = anchors.into();
        ceremony
    }
}

fn chain(bend: fn(&mut Spec, &mut Spec, &mut Spec)) -> Registration {
    let (mut leaf, mut middle, mut root) = (
        Spec::leaf(),
        Spec::ca("Intermediate", "Root"),
        Spec::ca("Root", "Root"),
    );
    bend(&mut leaf, &mut middle, &mut root);
    let mut chain = Chain::new(&leaf, &middle, &root);
    let (l, m, r) = (
        chain.leaf.clone(),
        chain.intermediate.clone(),
        chain.root.clone(),
    );
    chain.send(&[&l, &m], &[&r])
}

#[test]
fn a_chain_that_leads_to_an_anchor_is_trusted() {
    let verified = chain(|_, _, _| {}).succeeds();
    assert_eq!(verified.trust(), Trust::Trusted);
    assert!(verified.signals().is_empty());
}

#[test]
fn an_anchor_may_be_the_intermediate_or_the_leaf_itself() {
    for pick in [
        |c: &Chain| c.intermediate.clone(),
        |c: &Chain| c.leaf.clone(),
    ] {
        let mut chain = Chain::good();
        let (leaf, anchor) = (chain.leaf.clone(), pick(&chain));
        assert_eq!(
            chain.send(&[&leaf], &[&anchor]).succeeds().trust(),
            Trust::Trusted
        );
    }
}

#[test]
fn a_root_that_the_statement_brings_along_proves_nothing() {
    let other = Chain::good().root;
    let mut own = Chain::good();
    let (leaf, middle, root) = (own.leaf.clone(), own.intermediate.clone(), own.root.clone());
    let mut ceremony = own.send(&[&leaf, &middle, &root], &[&other]);
    ceremony.fails(Reason::AttestationUntrusted);
    ceremony.expected.attestation.trust_anchors = vec![root].into();
    let verified = ceremony.succeeds();
    assert_eq!(
        (verified.trust(), verified.signals()),
        (Trust::Trusted, &[Signal::RootCertificateInPath][..])
    );
    ceremony.expected.attestation.refuse_root_in_path = true;
    ceremony.fails(Reason::AttestationUntrusted);
}

#[test]
fn a_missing_intermediate_a_wrong_order_and_foreign_certificates_fail() {
    let send = |pick: fn(&Chain, &Chain) -> Vec<Vec<u8>>| {
        let (mut own, other) = (Chain::good(), Chain::good());
        let (x5c, root) = (pick(&own, &other), own.root.clone());
        own.send(&x5c.iter().map(Vec::as_slice).collect::<Vec<_>>(), &[&root])
    };
    send(|own, _| vec![own.leaf.clone()]).fails(Reason::AttestationUntrusted);
    send(|own, _| vec![own.leaf.clone(), own.root.clone(), own.intermediate.clone()])
        .fails(Reason::AttestationUntrusted);
    send(|own, other| vec![own.leaf.clone(), other.intermediate.clone()])
        .fails(Reason::AttestationUntrusted);
    send(|own, _| vec![own.leaf.clone(), own.leaf.clone()]).fails(Reason::AttestationUntrusted);
    send(|own, _| vec![own.leaf.clone(), vec![0x30, 0]]).fails(Reason::AttestationUntrusted);
}

#[test]
fn issuers_are_cas_of_sufficient_path_length_that_may_sign() {
    let bends: [fn(&mut Spec, &mut Spec, &mut Spec); 7] = [
        |_, middle, _| middle.extensions[0] = basic_constraints(false, None),
        |_, middle, _| drop(middle.extensions.remove(0)),
        |_, middle, _| {
            middle.extensions[1] = extension(&[0x55, 0x1d, 15], true, &[3, 2, 7, 0x80]);
        },
        |_, _, root| root.extensions[0] = basic_constraints(true, Some(0)),
        |_, _, root| root.extensions[0] = basic_constraints(false, None),
        |_, middle, _| {
            middle
                .extensions
                .push(extension(&[0x55, 0x1d, 30], true, &[0x30, 0]));
        },
        |_, middle, _| middle.issuer = vec![(3, "Another root")],
    ];
    for (at, bend) in bends.into_iter().enumerate() {
        let error = chain(bend).finish().unwrap_err();
        assert_eq!(
            error.reason(),
            Reason::AttestationUntrusted,
            "{at}: {error}"
        );
    }
    let exact: fn(&mut Spec, &mut Spec, &mut Spec) = |_, middle, root| {
        middle.extensions[0] = basic_constraints(true, Some(0));
        root.extensions[0] = basic_constraints(true, Some(1));
    };
    let _ = chain(exact).succeeds();
    chain(|leaf, _, _| leaf.extensions.push(extension(&[0x2a, 3], true, &[5, 0])))
        .fails(Reason::AttestationUntrusted);
}

#[test]
fn every_certificate_is_valid_at_the_moment_of_registration() {
    chain(|leaf, _, _| leaf.not_after = "20251231235959Z").fails(Reason::CertificateExpired);
    // Clocks may differ by five minutes where a leaf is concerned.
    let _ = chain(|leaf, _, _| leaf.not_before = "20260101000500Z").succeeds();
    chain(|leaf, _, _| leaf.not_before = "20260101000501Z").fails(Reason::CertificateNotYetValid);
    chain(|_, middle, _| middle.not_after = "20251231235959Z").fails(Reason::CertificateExpired);
    chain(|_, middle, _| middle.not_before = "20260101000001Z")
        .fails(Reason::CertificateNotYetValid);
    chain(|_, _, root| root.not_after = "20251231235959Z").fails(Reason::CertificateExpired);
    let _ = chain(|leaf, _, _| {
        (leaf.not_before, leaf.not_after) = ("20260101000000Z", "20260101000000Z");
    })
    .succeeds();
    let later = Registration {
        at: UnixSeconds(2_524_608_000),
        ..chain(|_, _, _| {})
    };
    later.fails(Reason::CertificateExpired);
}

#[test]
fn a_chain_that_is_not_judged_is_accepted_only_where_allowed() {
    let mut unknown = leaf(&Spec::leaf());
    unknown.expected.attestation.allow_unknown_trust = false;
    unknown.fails(Reason::AttestationPolicyRefused);
}

#[test]
fn a_missing_intermediate_is_completed_from_the_known_ones_which_are_no_anchors() {
    let (foreign, mut own) = (Chain::good(), Chain::good());
    let (leaf, middle, root) = (own.leaf.clone(), own.intermediate.clone(), own.root.clone());
    let mut ceremony = own.send(&[&leaf], &[&root]);
    ceremony.fails(Reason::AttestationUntrusted);
    ceremony.expected.attestation.intermediates = vec![foreign.intermediate.clone()].into();
    ceremony.fails(Reason::AttestationUntrusted);
    ceremony.expected.attestation.intermediates =
        vec![foreign.intermediate, vec![0x30, 0], middle.clone()].into();
    assert_eq!(ceremony.succeeds().trust(), Trust::Trusted);
    ceremony.expected.attestation.trust_anchors = vec![foreign.root].into();
    ceremony.fails(Reason::AttestationUntrusted);

    // Also where the chain goes on with the root.
    if let Statement::Basic { x5c, .. } = &mut ceremony.statement {
        x5c.push(root.clone());
    }
    ceremony.expected.attestation.trust_anchors = vec![root].into();
    assert_eq!(ceremony.succeeds().trust(), Trust::Trusted);
}

#[test]
fn known_intermediates_are_held_to_the_same_rules() {
    let bends: [fn(&mut Spec); 4] = [
        |middle| middle.subject = vec![(3, "Another")],
        |middle| middle.not_after = "20251231235959Z",
        |middle| middle.extensions[0] = basic_constraints(false, None),
        |middle| {
            middle
                .extensions
                .push(extension(&[0x55, 0x1d, 30], true, &[0x30, 0]));
        },
    ];
    for bend in bends {
        let mut middle = Spec::ca("Intermediate", "Root");
        bend(&mut middle);
        let mut own = Chain::new(&Spec::leaf(), &middle, &Spec::ca("Root", "Root"));
        let (leaf, middle, root) = (own.leaf.clone(), own.intermediate.clone(), own.root.clone());
        let mut ceremony = own.send(&[&leaf], &[&root]);
        ceremony.expected.attestation.intermediates = vec![middle].into();
        ceremony.fails(Reason::AttestationUntrusted);
    }
}

#[test]
fn a_path_grows_by_known_intermediates_to_twice_the_limit_of_a_chain() {
    const NAMES: [&str; 13] = [
        "Intermediate",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "10",
        "11",
        "12",
        "13",
    ];
    // The leaf, so many intermediates, and an anchor that issued the last of them.
    let below = |intermediates: usize| {
        let (signer, issuers) = (Key::es256(), NAMES.map(|_| Key::es256()));
        let named = |at: usize| Spec::ca(NAMES[at], NAMES[(at + 1).min(NAMES.len() - 1)]);
        let issue = |at: usize| named(at).issue(&issuers[at], &issuers[at + 1]);
        let known: Vec<_> = (0..intermediates).map(issue).collect();
        let top = NAMES[intermediates];
        let anchor = Spec::ca(top, top).issue(&issuers[intermediates], &issuers[intermediates]);
        let mut ceremony = Registration {
            format: "packed".into(),
            statement: Statement::Basic {
                alg: -7,
                x5c: vec![Spec::leaf().issue(&signer, &issuers[0])],
                signer,
            },
            ..Registration::new()
        };
        ceremony.expected.attestation.trust_anchors = vec![anchor].into();
        ceremony.expected.attestation.intermediates = known.into();
        ceremony
    };
    assert_eq!(below(1).succeeds().trust(), Trust::Trusted);
    assert_eq!(below(11).succeeds().trust(), Trust::Trusted);
    assert_eq!(
        below(12).finish().unwrap_err(),
        RegistrationError::Trust(TrustError::Chain(ChainError::NoAnchor))
    );
}

#[test]
fn intermediates_that_vouch_for_each_other_end_the_search() {
    let (signer, a, b) = (Key::es256(), Key::es256(), Key::es256());
    let leaf = Spec::leaf().issue(&signer, &a);
    let first = Spec::ca("Intermediate", "Other").issue(&a, &b);
    let second = Spec::ca("Other", "Intermediate").issue(&b, &a);
    let mut ceremony = Registration {
        format: "packed".into(),
        statement: Statement::Basic {
            alg: -7,
            signer,
            x5c: vec![leaf],
        },
        ..Registration::new()
    };
    ceremony.expected.attestation.trust_anchors = vec![Chain::good().root].into();
    ceremony.expected.attestation.intermediates = vec![first, second].into();
    ceremony.fails(Reason::AttestationUntrusted);
}

#[test]
fn an_anchor_may_be_another_certificate_with_the_same_name_and_key() {
    let (signer, top) = (Key::es256(), Key::es256());
    let renewed = Spec {
        not_after: "20601231235959Z",
        ..Spec::ca("Intermediate", "Intermediate")
    };
    let old = Spec {
        not_after: "20201231235959Z",
        ..renewed.clone()
    };
    let leaf = Spec::leaf().issue(&signer, &top);
    let (old, renewed) = (old.issue(&top, &top), renewed.issue(&top, &top));
    let mut ceremony = Registration {
        format: "packed".into(),
        statement: Statement::Basic {
            alg: -7,
            signer,
            x5c: vec![leaf, old.clone()],
        },
        ..Registration::new()
    };
    ceremony.expected.attestation.trust_anchors = vec![renewed.clone()].into();
    assert_eq!(ceremony.succeeds().trust(), Trust::Trusted);
    ceremony.expected.attestation.trust_anchors = vec![old.clone()].into();
    ceremony.fails(Reason::CertificateExpired);
    ceremony.expected.attestation.trust_anchors = vec![old, renewed].into();
    assert_eq!(ceremony.succeeds().trust(), Trust::Trusted);
}

#[test]
fn the_work_of_a_judgement_is_bounded() {
    let mut own = Chain::good();
    let (leaf, middle, root) = (own.leaf.clone(), own.intermediate.clone(), own.root.clone());
    let mut ceremony = own.send(&[&leaf, &middle], &[]);
    let with = |others: usize| {
        // Of the same name, with other keys.
        let mut anchors: Vec<_> = (0..others)
            .map(|_| {
                let key = Key::es256();
                Spec::ca("Root", "Root").issue(&key, &key)
            })
            .collect();
        anchors.push(root.clone());
        anchors
    };
    // One check for the leaf, one for each anchor.
    ceremony.expected.attestation.trust_anchors = with(30).into();
    assert_eq!(ceremony.succeeds().trust(), Trust::Trusted);
    ceremony.expected.attestation.trust_anchors = with(31).into();
    let error = ceremony.finish().unwrap_err();
    assert!(
        matches!(
            error,
            RegistrationError::Trust(TrustError::Chain(ChainError::TooMuchWork))
        ),
        "{error}"
    );
}
