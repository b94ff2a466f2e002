//! Sends operations again that a store could not do at once.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::store::{Fault, Storage};
use tokio::time::{Instant, sleep_until};

/// The first pause before an operation is sent again. Each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// A store before another one: it sends an operation again when the other one says [`Fault::Retryable`] or
/// [`Fault::Unknown`], until it succeeds or the time is over.
///
/// That is right because the repeat of an operation has the outcome of the first time, or finds nothing to remove. After an
/// unknown outcome, a removal that finds nothing counts as done. The sweep is not sent again after an unknown outcome: the next
/// one goes on where it ended.
pub struct Retrying {
    inner: Arc<dyn Storage>,
    within: Duration,
    first_pause: Duration,
}

impl fmt::Debug for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying")
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}

impl Retrying {
    /// Sends operations of `inner` again, each for at most `within` after it began.
    pub fn new(inner: Arc<dyn Storage>, within: Duration) -> Self {
        Self {
            inner,
            within,
            first_pause: FIRST_PAUSE,
        }
    }

    /// The same, without pauses: for a suite in which most operations fail.
    #[cfg(test)]
    pub(crate) fn without_pauses(mut self) -> Self {
        self.first_pause = Duration::ZERO;
        self
    }

    /// The outcome of an operation that may be sent any number of times.
    async fn keep<T, F>(&self, call: impl Fn() -> F + Send + Sync) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        self.send(call, &mut false).await
    }

    /// The outcome of a removal. `false` after an unknown outcome is `true`: what was to be removed is gone.
    async fn remove<F>(&self, call: impl Fn() -> F + Send + Sync) -> Result<bool, Fault>
    where
        F: Future<Output = Result<bool, Fault>> + Send,
    {
        let mut unknown = false;
        let removed = self.send(call, &mut unknown).await?;
        Ok(removed || unknown)
    }

    /// The outcome of an operation that must not be done twice.
    async fn once<T, F>(&self, call: impl Fn() -> F + Send + Sync) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let known = async || match call().await {
            Err(Fault::Unknown(why)) => Ok(Err(Fault::Unknown(why))),
            outcome => outcome.map(Ok),
        };
        self.send(known, &mut false).await?
    }

    /// Sends an operation until it has an outcome, or the time is over; `unknown` becomes true when any of its outcomes is not
    /// known.
    async fn send<T, F>(
        &self,
        call: impl Fn() -> F + Send + Sync,
        unknown: &mut bool,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        // Hardly any operation comes further.
        let mut fault = match call().await {
            Err(fault @ (Fault::Retryable(_) | Fault::Unknown(_))) => fault,
            outcome => return outcome,
        };
        let deadline = Instant::now() + self.within;
        let mut pause = self.first_pause;
        loop {
            *unknown |= matches!(fault, Fault::Unknown(_));
            let next = Instant::now() + pause;
            if next > deadline {
                // Once an outcome is not known, that stays the truth about the operation.
                return Err(match fault {
                    Fault::Retryable(why) if *unknown => Fault::Unknown(why),
                    fault => fault,
                });
            }
            sleep_until(next).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
            fault = match call().await {
                Err(fault @ (Fault::Retryable(_) | Fault::Unknown(_))) => fault,
                outcome => return outcome,
            };
        }
    }
}

crate::forward::forward!(Retrying);
