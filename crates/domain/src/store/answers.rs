//! Responses that are kept for calls which may be sent again.

use async_trait::async_trait;

use crate::model::clock::Timestamp;
use crate::model::ids::{AccountId, AttemptId};
use crate::store::Fault;

/// What [`Answers::reserve_answer`] writes: the key of a call that may be sent again.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Who calls.
    pub account: AccountId,
    /// Image of the key and of the route.
    pub key: [u8; 32],
    /// Image of what the call is done with.
    pub content: [u8; 32],
    /// This try.
    pub attempt: AttemptId,
    /// The present moment.
    pub now: Timestamp,
    /// When the key is free again.
    pub expires: Timestamp,
    /// A call without an answer that was begun before this moment was given up.
    pub abandoned_before: Timestamp,
    /// Most keys of the account, this one included; the oldest are dropped.
    pub max_per_account: u32,
}

/// Outcome of [`Answers::reserve_answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The key was free, or its call was given up: this attempt has it now.
    Yours,
    /// The call was done; this is its answer.
    Answered(Vec<u8>),
    /// Another attempt has the key and no answer yet.
    Running,
    /// The key belongs to a call with other content.
    Different,
}

/// Responses that are kept for calls which may be sent again. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Answers: Send + Sync {
    /// Reserves the key of a call for an attempt.
    async fn reserve_answer(&self, reservation: &Reservation) -> Result<Reserved, Fault>;
    /// Keeps the answer of a call; `false` when the attempt does not hold the key (any more).
    async fn keep_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
        answer: &[u8],
    ) -> Result<bool, Fault>;
    /// Gives the key of a call without an answer free; `false` when the attempt does not hold the key (any more).
    async fn release_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
    ) -> Result<bool, Fault>;
}
