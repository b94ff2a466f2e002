//! The id of a request: in its response's header, in the body of an error, and in its log line.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderValue;
use domain::model::clock::Randomness;

use super::current;

/// The header that carries a request's id.
pub const REQUEST_ID: &str = "x-request-id";

/// The id of the request that this task answers, for the body of an error; `None` outside of the front.
pub fn current() -> Option<String> {
    current::id()
}

/// Goes on under the id of the request that this task answers, in a task of its own.
pub fn carried<F: Future>(answer: F) -> impl Future<Output = F::Output> {
    current::carried(answer)
}

/// Ids of requests: unique within the process, and not alike in two of them.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(randomness: &dyn Randomness) -> Self {
        let mut bytes = [0; 8];
        randomness.fill(&mut bytes);
        Self {
            process: u64::from_le_bytes(bytes),
            next: AtomicU64::new(0),
        }
    }

    pub(super) fn next(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Odd multipliers permute the numbers, so ids are unique and neighbours look different.
        let id = self
            .process
            .wrapping_add(number)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut text = [0_u8; 16];
        match hex::encode_to_slice(id.to_be_bytes(), &mut text) {
            Ok(()) => {
                HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
            }
            Err(_) => HeaderValue::from_static("-"),
        }
    }
}
