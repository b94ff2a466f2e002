//! Randomness for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::model::clock::Randomness;
use testkit::random::Random;

/// Different bytes at each call, the same in each run, so that whole answers can be compared.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl Randomness for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let seed = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut random = Random::new(seed);
        buffer.fill_with(|| random.number().to_be_bytes()[0]);
    }
}
