//! What the most expensive responses cost until they are refused, from the browser's JSON bytes on.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/hostile.rs"]
mod hostile_answers;

use common::NOW;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use webauthn::json::{Limits, parse};
use webauthn::response::{RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::{TrustFacts, verify_registration};

fn hostile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hostile");
    for case in hostile_answers::all() {
        let json = case.registration.json();
        let expected = &case.registration.expected;
        group.bench_function(case.name, |bencher| {
            bencher.iter(|| {
                let value = parse(black_box(&json), &Limits::default()).unwrap();
                RegistrationResponse::from_json(&value, &ResponseForm::STRICT)
                    .ok()
                    .and_then(|response| {
                        verify_registration(
                            expected,
                            &response,
                            &TrustFacts::NO_METADATA,
                            NOW,
                            &mut NoTrace,
                        )
                        .ok()
                    })
                    .is_none()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hostile);
criterion_main!(benches);
