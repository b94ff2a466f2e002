//! From the browser's JSON bytes to a verdict, beside the bare signature check of the cryptography library.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../tests/common/mod.rs"]
mod common;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature as aws;
use common::certificates::Spec;
use common::{Authentication, Key, NOW, Registration, Statement};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use webauthn::cose::CoseAlgorithm;
use webauthn::json::{Limits, parse};
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::{TrustFacts, verify_authentication, verify_registration};

fn verification(criterion: &mut Criterion) {
    for algorithm in [
        CoseAlgorithm::ES256,
        CoseAlgorithm::RS256,
        CoseAlgorithm::EDDSA,
        CoseAlgorithm::ML_DSA_44,
    ] {
        let mut group = criterion.benchmark_group(algorithm.name());

        let registration = Registration::with_key(Key::new(algorithm));
        let json = registration.json();
        group.bench_function("registration", |bencher| {
            bencher.iter(|| {
                let value = parse(black_box(&json), &Limits::default()).unwrap();
                let response =
                    RegistrationResponse::from_json(&value, &ResponseForm::STRICT).unwrap();
                verify_registration(
                    &registration.expected,
                    &response,
                    &TrustFacts::NO_METADATA,
                    NOW,
                    &mut NoTrace,
                )
                .unwrap()
            });
        });

        let authentication = Authentication::with_key(Key::new(algorithm));
        let json = authentication.json();
        // As in a store that keeps the record in memory.
        let key = authentication.key_of_record();
        group.bench_function("authentication", |bencher| {
            bencher.iter(|| {
                let value = parse(black_box(&json), &Limits::default()).unwrap();
                let response =
                    AuthenticationResponse::from_json(&value, &ResponseForm::STRICT).unwrap();
                verify_authentication(
                    &authentication.expected,
                    &authentication.stored(&key),
                    &response,
                    &mut NoTrace,
                )
                .unwrap()
            });
        });

        let message = authentication.signed();
        let signature = authentication.key.sign(&message);
        let public = authentication.key.public().to_vec();
        group.bench_function("bare signature check", |bencher| match algorithm {
            CoseAlgorithm::ES256 => bencher.iter(|| {
                let key =
                    aws::UnparsedPublicKey::new(&aws::ECDSA_P256_SHA256_ASN1, black_box(&public));
                key.verify(black_box(&message), &signature).unwrap();
            }),
            CoseAlgorithm::EDDSA => bencher.iter(|| {
                let key = aws::UnparsedPublicKey::new(&aws::ED25519, black_box(&public));
                key.verify(black_box(&message), &signature).unwrap();
            }),
            CoseAlgorithm::ML_DSA_44 => bencher.iter(|| {
                let key = aws::UnparsedPublicKey::new(&aws::ML_DSA_44, black_box(&public));
                key.verify(black_box(&message), &signature).unwrap();
            }),
            _ => {
                // SEQUENCE and INTEGER with two length bytes each, a zero for the sign, 256 bytes; then a short INTEGER.
                let key = PublicKeyComponents {
                    n: public[9..265].to_vec(),
                    e: public[267..].to_vec(),
                };
                let algorithm = &aws::RSA_PKCS1_2048_8192_SHA256;
                bencher.iter(|| {
                    key.verify(algorithm, black_box(&message), &signature)
                        .unwrap();
                });
            }
        });
        group.finish();
    }
}

/// An authenticator whose chain leads to the last of ten trust anchors. Each registration has an expectation of its own, made of
/// the same policy.
fn attestation(criterion: &mut Criterion) {
    const NAMES: [&str; 10] = [
        "Root 1", "Root 2", "Root 3", "Root 4", "Root 5", "Root 6", "Root 7", "Root 8", "Root 9",
        "Root 10",
    ];
    let roots = NAMES.map(|_| Key::es256());
    let (signer, middle) = (Key::es256(), Key::es256());
    let intermediate = Spec::ca("Intermediate", NAMES[9]).issue(&middle, &roots[9]);
    let anchors: Vec<_> = NAMES
        .iter()
        .zip(&roots)
        .map(|(name, key)| Spec::ca(name, name).issue(key, key))
        .collect();
    let mut registration = Registration {
        format: "packed".into(),
        statement: Statement::Basic {
            alg: CoseAlgorithm::ES256.0,
            x5c: vec![Spec::leaf().issue(&signer, &middle), intermediate],
            signer,
        },
        ..Registration::new()
    };
    registration.expected.attestation.trust_anchors = anchors.into();
    let json = registration.json();
    let value = parse(&json, &Limits::default()).unwrap();
    let response = RegistrationResponse::from_json(&value, &ResponseForm::STRICT).unwrap();
    let mut group = criterion.benchmark_group("attestation");
    group.bench_function("registration with 10 trust anchors", |bencher| {
        bencher.iter(|| {
            let expected = black_box(&registration.expected).clone();
            verify_registration(
                &expected,
                &response,
                &TrustFacts::NO_METADATA,
                NOW,
                &mut NoTrace,
            )
            .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, verification, attestation);
criterion_main!(benches);
