//! What a store tells about its work, for metrics. A store is opened with a [`Watch`]; nothing that it does depends on it.

use std::time::Duration;

/// A group of writes that the embedded store ran in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many writes.
    pub writes: usize,
    /// How long the first of them waited for its turn.
    pub waited: Duration,
    /// How long the transaction took, its commit included.
    pub took: Duration,
    /// How many writes wait for the next group.
    pub queued: usize,
}

/// Watches a store. Called on the way of every write, so it must be fast.
pub trait Watch: Send + Sync + 'static {
    /// The embedded store ran a group of writes.
    fn group(&self, group: Group);
    /// A call of the networked store had its connection after this time, and its response after this further time.
    fn call(&self, waited: Duration, took: Duration);
}

/// Does not watch.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn group(&self, _: Group) {}
    fn call(&self, _: Duration, _: Duration) {}
}
