//! Answers that are kept for a while, so that a call which is sent again under the same key gets the same answer and is not
//! done twice.
//!
//! A call with a key is done in three steps: its key is [reserved](Passkeys::reserve_answer), the call is done, its answer is
//! [kept](Passkeys::keep_answer) or the reservation is [released](Passkeys::release_answer). What an answer consists of is the
//! wire's own matter; here it is bytes.

use std::fmt;

use aws_lc_rs::hmac;

use crate::model::ids::{AccountId, AttemptId};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::store::{Reservation, Reserved};

/// How long an answer is kept, in milliseconds.
pub const KEPT_MS: i64 = 10 * 60 * 1000;

/// After this time a call that was begun and has no answer counts as given up, in milliseconds: its process died. It is longer
/// than any request may take.
pub const ABANDONED_MS: i64 = 60 * 1000;

/// Longest answer that is kept, in bytes.
pub const MAX_LENGTH: usize = 64 * 1024;

/// Most answers that are kept for an account; then the oldest one makes room.
pub const MAX_PER_ACCOUNT: u32 = 10_000;

/// Key of the images of keys and calls of one store.
pub(crate) struct AnswerKey(hmac::Key);

impl AnswerKey {
    pub(crate) fn new(shared_secret: &[u8; 32]) -> Self {
        let base = hmac::Key::new(hmac::HMAC_SHA256, shared_secret);
        let derived = hmac::sign(&base, b"passkeyd kept answer v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// An image of these parts. Each part goes in with its length, so that no two lists have the same image.
    fn image(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&purpose).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut image = [0; 32];
        image.copy_from_slice(context.sign().as_ref());
        image
    }
}

impl fmt::Debug for AnswerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerKey(..)")
    }
}

/// A call that may be sent again.
#[derive(Clone, Copy, Debug)]
pub struct Repeatable<'a> {
    /// Who calls.
    pub account: AccountId,
    /// The key that the caller chose for the call.
    pub key: &'a str,
    /// Which call it is; the same key on another one is another key.
    pub route: &'a str,
    /// What the call is done with. It must be the same when the call is sent again.
    pub content: &'a [&'a [u8]],
}

/// The right to do a call, and to keep its answer.
#[derive(Clone, Debug)]
pub struct Permit {
    account: AccountId,
    key: [u8; 32],
    attempt: AttemptId,
}

/// What becomes of a call with a key.
#[derive(Debug)]
pub enum Repeat {
    /// It is to be done now.
    Do(Permit),
    /// It was done; this is its answer.
    Answered(Vec<u8>),
    /// It is being done at this moment.
    Running,
    /// The key belongs to a call with other content.
    Different,
}

impl Passkeys {
    /// Reserves the key of a call, unless the call was made before.
    ///
    /// The key and the content are stored as keyed images only.
    ///
    /// # Errors
    /// Faults of the store; then the call must not be done.
    pub async fn reserve_answer(&self, call: Repeatable<'_>) -> Result<Repeat, Refusal> {
        let now = self.now();
        let permit = Permit {
            account: call.account,
            key: self
                .answer_key
                .image(b"key", &[call.route.as_bytes(), call.key.as_bytes()]),
            attempt: AttemptId::random(&*self.randomness),
        };
        let reservation = Reservation {
            account: permit.account,
            key: permit.key,
            content: self.answer_key.image(b"content", call.content),
            attempt: permit.attempt,
            now,
            expires: now.plus_millis(KEPT_MS),
            abandoned_before: now.plus_millis(-ABANDONED_MS),
            max_per_account: MAX_PER_ACCOUNT,
        };
        Ok(match self.storage.reserve_answer(&reservation).await? {
            Reserved::Yours => Repeat::Do(permit),
            Reserved::Answered(answer) => Repeat::Answered(answer),
            Reserved::Running => Repeat::Running,
            Reserved::Different => Repeat::Different,
        })
    }

    /// Keeps the answer of the call; one that is too long is not kept, and its key is free again.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn keep_answer(&self, permit: &Permit, answer: &[u8]) -> Result<(), Refusal> {
        if answer.len() > MAX_LENGTH {
            return self.release_answer(permit).await;
        }
        // Where it is not kept, the call took so long that another one took its place.
        self.storage
            .keep_answer(permit.account, permit.key, permit.attempt, answer)
            .await?;
        Ok(())
    }

    /// Gives the key free without an answer: the call may be done again.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn release_answer(&self, permit: &Permit) -> Result<(), Refusal> {
        self.storage
            .release_answer(permit.account, permit.key, permit.attempt)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_tells_apart_how_its_parts_are_cut() {
        let key = AnswerKey::new(&[7; 32]);
        let image = |purpose: &[u8], parts: &[&[u8]]| key.image(purpose, parts);
        let base = image(b"key", &[b"ab", b"c"]);
        assert_eq!(base, image(b"key", &[b"ab", b"c"]));
        for other in [
            image(b"key", &[b"a", b"bc"]),
            image(b"key", &[b"abc"]),
            image(b"key", &[b"ab", b"c", b""]),
            image(b"content", &[b"ab", b"c"]),
            AnswerKey::new(&[8; 32]).image(b"key", &[b"ab", b"c"]),
        ] {
            assert_ne!(base, other);
        }
    }
}
