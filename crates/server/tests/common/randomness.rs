//! Randomness for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::model::clock::Randomness;

/// Different bytes at each call, the same in each run, so that whole answers can be compared.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl Randomness for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        for byte in buffer {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = word.to_le_bytes()[7];
        }
    }
}
