//! From the browser's JSON bytes to a verdict, beside the bare signature check of the cryptography library.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../tests/common/mod.rs"]
mod common;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature as aws;
use common::{Authentication, Key, NOW, Registration};
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
        group.bench_function("authentication", |bencher| {
            bencher.iter(|| {
                let value = parse(black_box(&json), &Limits::default()).unwrap();
                let response =
                    AuthenticationResponse::from_json(&value, &ResponseForm::STRICT).unwrap();
                verify_authentication(
                    &authentication.expected,
                    &authentication.stored(),
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

criterion_group!(benches, verification);
criterion_main!(benches);
