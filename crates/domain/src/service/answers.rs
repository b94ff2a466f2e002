//! Responses that are kept for a while, so that a call which is sent again with the same key gets the same response and
//! runs once.
//!
//! A call with a key has three steps: its key is [reserved](Passkeys::reserve_answer), the call runs, its response is
//! [kept](Passkeys::keep_answer) or the reservation is [released](Passkeys::release_answer). Here a response is bytes; the
//! wire knows what they mean.

use webauthn::error::Reason;

use crate::model::ids::{AccountId, AttemptId};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::service::vault::SealedFor;
use crate::store::{Reservation, Reserved};

/// How long a response is kept, in milliseconds.
pub const KEPT_MS: i64 = 10 * 60 * 1000;

/// After this time, in milliseconds, a started call without a response counts as lost: its process died. It is longer
/// than any request may take.
pub const ABANDONED_MS: i64 = 60 * 1000;

/// Longest response that is kept, in bytes.
pub const MAX_LENGTH: usize = 64 * 1024;

/// Most responses that are kept for an account. Then the oldest is removed.
pub const MAX_PER_ACCOUNT: u32 = 10_000;

/// A call that may be sent again.
#[derive(Clone, Copy, Debug)]
pub struct Repeatable<'a> {
    /// The caller's account.
    pub account: AccountId,
    /// The key that the caller chose for the call.
    pub key: &'a str,
    /// The call. The same key for another call is another key.
    pub route: &'a str,
    /// The content of the call. It must be the same when the call is sent again.
    pub content: &'a [&'a [u8]],
}

/// The right to run a call and to keep its response.
#[derive(Clone, Debug)]
pub struct Permit {
    account: AccountId,
    key: [u8; 32],
    attempt: AttemptId,
}

/// What to do with a call with a key.
#[derive(Debug)]
pub enum Repeat {
    /// Run it.
    Do(Permit),
    /// It ran before; this is its response.
    Answered(Vec<u8>),
    /// It is running.
    Running,
    /// The key belongs to a call with other content.
    Different,
}

/// What a kept response is sealed for.
fn of_answer<'a>(row: &'a [&'a [u8]]) -> SealedFor<'a> {
    SealedFor {
        purpose: "passkeyd kept response v1",
        row,
    }
}

impl Passkeys {
    /// Reserves the key of a call, unless the call was made before.
    ///
    /// The key and the content are stored as keyed hashes only.
    ///
    /// # Errors
    /// Faults of the store. Then the call must not run.
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
            Reserved::Answered(answer) => match self.unsealed_answer(&permit, answer) {
                Some(answer) => Repeat::Answered(answer),
                None => return Err(Reason::RecordUnreadable.into()),
            },
            Reserved::Running => Repeat::Running,
            Reserved::Different => Repeat::Different,
        })
    }

    /// Keeps the response of the call. One that is too long is not kept, and its key can be used again.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn keep_answer(&self, permit: &Permit, answer: &[u8]) -> Result<(), Refusal> {
        if answer.len() > MAX_LENGTH {
            return self.release_answer(permit).await;
        }
        let sealed = match &self.vault {
            Some(vault) => vault.seal(
                of_answer(&[&permit.account.0, &permit.key]),
                answer,
                &*self.randomness,
            ),
            None => Some(answer.to_vec()),
        };
        let answer = sealed.ok_or_else(|| Refusal::from(Reason::Internal))?;
        // If it is not kept, the call took so long that another one replaced it.
        self.storage
            .keep_answer(permit.account, permit.key, permit.attempt, &answer)
            .await?;
        Ok(())
    }

    /// A kept response, as it was. In a store that is sealed it is sealed too.
    fn unsealed_answer(&self, permit: &Permit, kept: Vec<u8>) -> Option<Vec<u8>> {
        let Some(vault) = &self.vault else {
            return Some(kept);
        };
        let opened = vault.unseal(of_answer(&[&permit.account.0, &permit.key]), &kept)?;
        Some(opened.to_vec())
    }

    /// Releases the key without a response: the call may run again.
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
