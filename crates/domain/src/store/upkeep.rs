//! The store itself: what its nodes share, and what keeps it small and alive.

use async_trait::async_trait;

use crate::model::clock::Timestamp;
use crate::model::grant::KeyUse;
use crate::model::ids::NodeId;
use crate::store::Fault;

/// What one [`Upkeep::sweep`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows of deleted Relying Parties and users.
    pub deletions: u64,
    /// Ceremonies.
    pub ceremonies: u64,
    /// Audit events.
    pub events: u64,
    /// Tokens noted as used.
    pub tokens: u64,
    /// Kept answers.
    pub answers: u64,
}

/// What a store that responds can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responds {
    /// Reads and writes.
    Fully,
    /// Reads only: for example, no server of a cluster takes writes at the moment.
    ToReads,
}

/// The store itself: what its nodes share, and what keeps it small and alive. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// The secret that all nodes of this store share: the stored one, else `candidate`, stored now.
    async fn shared_secret(&self, candidate: [u8; 32]) -> Result<[u8; 32], Fault>;
    /// The wrapped [store key](crate::service::vault), if there is one.
    async fn store_key(&self) -> Result<Option<Vec<u8>>, Fault>;
    /// The wrapped store key: the stored one, else `candidate`, stored now.
    async fn keep_store_key(&self, candidate: &[u8]) -> Result<Vec<u8>, Fault>;
    /// Replaces the wrapped store key; `false` when the stored one is neither `expected` nor `new`.
    async fn replace_store_key(&self, expected: &[u8], new: &[u8]) -> Result<bool, Fault>;
    /// Notes the time that a node has. The latest time that any node has noted, this one included.
    async fn latest_time(&self, now: Timestamp) -> Result<Timestamp, Fault>;
    /// Notes when keys were used last. An earlier use than the one that is noted, and one of a key that is gone, change nothing.
    async fn note_key_uses(&self, uses: &[KeyUse]) -> Result<(), Fault>;
    /// Removes what deleted Relying Parties and users had, ceremonies and notes of used tokens that expired before
    /// `expired_before`, events older than `events_before`, and answers that expired before `answers_before`: at most `budget`
    /// rows of each. One sweep may look for old events in a part of the Relying Parties only. Repeated sweeps remove all.
    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        answers_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault>;
    /// Gives a node the lease of this name until a moment; `false` while another node has it. A node that has it renews it. A
    /// node that crashes loses it by time.
    async fn lease(
        &self,
        name: &str,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Fault>;
    /// Whether the store responds, and to what.
    async fn ping(&self) -> Result<Responds, Fault>;
    /// Ends the store's work; what was acknowledged is on disk afterwards.
    async fn close(&self) -> Result<(), Fault>;
}
