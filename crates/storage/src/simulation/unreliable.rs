//! What a node of the simulation stands on: random numbers, a clock and a store.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::Poll;

use domain::model::clock::{Clock, Randomness, Timestamp};
use domain::store::{Fault, Storage};
use parking_lot::Mutex;
use testkit::random::Random;

/// Random numbers that all parts of a run share.
#[derive(Clone)]
pub(super) struct Chance(pub(super) Arc<Mutex<Random>>);

impl Chance {
    pub(super) fn below(&self, end: usize) -> usize {
        self.0.lock().below(end)
    }
}

impl Randomness for Chance {
    fn fill(&self, buffer: &mut [u8]) {
        let bytes = self.0.lock().bytes(buffer.len());
        buffer.copy_from_slice(&bytes);
    }
}

/// A clock that differs from the true time, and never goes back while its node runs.
pub(super) struct Skewed {
    pub(super) time: Arc<AtomicI64>,
    pub(super) skew: Arc<AtomicI64>,
    pub(super) least: AtomicI64,
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        let shown = self.time.load(Ordering::Relaxed) + self.skew.load(Ordering::Relaxed);
        let least = self.least.fetch_max(shown, Ordering::Relaxed);
        Timestamp(shown.max(least))
    }

    fn not_before(&self, time: Timestamp) {
        self.least.fetch_max(time.0, Ordering::Relaxed);
    }
}

/// Lets others go first.
async fn pause() {
    let mut paused = false;
    poll_fn(|_| {
        if std::mem::replace(&mut paused, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// A store whose operations take a while and fail. It sends them again, as [`Retrying`](crate::Retrying) does, and gives up at times.
pub(super) struct Unreliable {
    pub(super) inner: Arc<dyn Storage>,
    pub(super) chance: Chance,
    pub(super) fails: Arc<AtomicBool>,
}

enum Luck {
    Works,
    FailsBefore,
    FailsAfter,
    GivesUp,
}

impl Unreliable {
    fn luck(&self) -> Luck {
        if !self.fails.load(Ordering::Relaxed) {
            return Luck::Works;
        }
        match self.chance.below(40) {
            0..=2 => Luck::FailsBefore,
            3..=5 => Luck::FailsAfter,
            6 => Luck::GivesUp,
            _ => Luck::Works,
        }
    }

    async fn keep<T, F>(
        &self,
        _: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let mut sent = false;
        loop {
            pause().await;
            match self.luck() {
                Luck::Works => {
                    let outcome = call().await;
                    pause().await;
                    return outcome;
                }
                Luck::FailsBefore => {}
                Luck::FailsAfter => {
                    call().await?;
                    sent = true;
                }
                Luck::GivesUp if sent => return Err(Fault::Unknown("simulated".to_owned())),
                Luck::GivesUp => return Err(Fault::Retryable("simulated".to_owned())),
            }
        }
    }

    async fn remove<F>(
        &self,
        _: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<bool, Fault>
    where
        F: Future<Output = Result<bool, Fault>> + Send,
    {
        let mut removed = false;
        loop {
            pause().await;
            match self.luck() {
                Luck::Works => {
                    removed |= call().await?;
                    pause().await;
                    return Ok(removed);
                }
                Luck::FailsBefore => {}
                Luck::FailsAfter => removed |= call().await?,
                Luck::GivesUp if removed => return Err(Fault::Unknown("simulated".to_owned())),
                Luck::GivesUp => return Err(Fault::Retryable("simulated".to_owned())),
            }
        }
    }

    async fn once<T, F>(
        &self,
        _: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        pause().await;
        match self.luck() {
            Luck::Works => call().await,
            Luck::FailsBefore | Luck::GivesUp => Err(Fault::Retryable("simulated".to_owned())),
            Luck::FailsAfter => {
                call().await?;
                Err(Fault::Unknown("simulated".to_owned()))
            }
        }
    }
}

crate::forward::forward!(Unreliable);
