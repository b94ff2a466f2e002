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
    #[cfg(feature = "suite")]
    pub(crate) fn without_pauses(mut self) -> Self {
        self.first_pause = Duration::ZERO;
        self
    }

    /// The outcome of an operation that may be sent any number of times.
    async fn keep<T, F>(
        &self,
        _: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        self.send(call, &mut false).await
    }

    /// The outcome of a removal. `false` after an unknown outcome is `true`: what was to be removed is gone.
    async fn remove<F>(
        &self,
        _: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<bool, Fault>
    where
        F: Future<Output = Result<bool, Fault>> + Send,
    {
        let mut unknown = false;
        let removed = self.send(call, &mut unknown).await?;
        Ok(removed || unknown)
    }

    /// The outcome of an operation that must not be done twice.
    async fn once<T, F>(
        &self,
        _: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Fault>
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use domain::model::clock::Timestamp;
    use domain::store::{MetadataBlobs, Upkeep};
    use parking_lot::Mutex;

    use super::*;
    use crate::Memory;

    /// What happens to one operation.
    enum Planned {
        Before(Fault),
        After(Fault),
    }

    /// Fails as planned, then goes on without faults.
    struct Scripted {
        inner: Memory,
        plan: Mutex<VecDeque<Planned>>,
    }

    impl Scripted {
        async fn keep<T, F>(
            &self,
            _: &'static str,
            call: impl Fn() -> F + Send + Sync,
        ) -> Result<T, Fault>
        where
            F: Future<Output = Result<T, Fault>> + Send,
        {
            let planned = self.plan.lock().pop_front();
            match planned {
                Some(Planned::Before(fault)) => Err(fault),
                Some(Planned::After(fault)) => {
                    call().await?;
                    Err(fault)
                }
                None => call().await,
            }
        }

        async fn remove<F>(
            &self,
            operation: &'static str,
            call: impl Fn() -> F + Send + Sync,
        ) -> Result<bool, Fault>
        where
            F: Future<Output = Result<bool, Fault>> + Send,
        {
            self.keep(operation, call).await
        }

        async fn once<T, F>(
            &self,
            operation: &'static str,
            call: impl Fn() -> F + Send + Sync,
        ) -> Result<T, Fault>
        where
            F: Future<Output = Result<T, Fault>> + Send,
        {
            self.keep(operation, call).await
        }
    }

    crate::forward::forward!(Scripted);

    fn retryable() -> Fault {
        Fault::Retryable("not now".to_owned())
    }

    fn unknown() -> Fault {
        Fault::Unknown("nobody knows".to_owned())
    }

    /// A store with this plan, under one that sends its operations again for so long; and the plan, to see what is left of it.
    fn store(
        plan: impl IntoIterator<Item = Planned>,
        within: Duration,
    ) -> (Retrying, Arc<Scripted>) {
        let scripted = Arc::new(Scripted {
            inner: Memory::new(),
            plan: Mutex::new(plan.into_iter().collect()),
        });
        let inner: Arc<dyn Storage> = Arc::<Scripted>::clone(&scripted);
        (Retrying::new(inner, within), scripted)
    }

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn what_may_succeed_later_is_sent_until_it_does() {
        let plan = [
            Planned::Before(retryable()),
            Planned::After(unknown()),
            Planned::Before(retryable()),
        ];
        let (store, scripted) = store(plan, MINUTE);
        assert_eq!(store.shared_secret([1; 32]).await, Ok([1; 32]));
        assert!(scripted.plan.lock().is_empty());
    }

    #[tokio::test]
    async fn what_will_not_change_is_sent_once() {
        for fault in [
            Fault::Fatal("broken".to_owned()),
            Fault::Unreadable("damaged".to_owned()),
        ] {
            let plan = [
                Planned::Before(fault.clone()),
                Planned::Before(fault.clone()),
            ];
            let (store, scripted) = store(plan, MINUTE);
            assert_eq!(store.ping().await, Err(fault));
            assert_eq!(scripted.plan.lock().len(), 1);
        }
    }

    #[tokio::test]
    async fn an_outcome_that_was_unknown_once_stays_so_when_the_time_is_over() {
        let endless = || (0..1000).map(|_| Planned::Before(retryable()));
        let within = Duration::from_millis(20);
        let (open, _) = store(endless(), within);
        assert_eq!(open.ping().await, Err(retryable()));
        let plan = std::iter::once(Planned::After(unknown())).chain(endless());
        let (maybe, _) = store(plan, within);
        let outcome = maybe.shared_secret([1; 32]).await;
        assert!(matches!(outcome, Err(Fault::Unknown(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_removal_that_finds_nothing_is_done_only_after_an_unknown_outcome() {
        let (store_of_nothing, _) = store([], MINUTE);
        assert_eq!(store_of_nothing.remove_metadata().await, Ok(false));
        let (refused, _) = store([Planned::Before(retryable())], MINUTE);
        assert_eq!(refused.remove_metadata().await, Ok(false));
        let (lost, _) = store([Planned::After(unknown())], MINUTE);
        assert_eq!(lost.remove_metadata().await, Ok(true));
    }

    #[tokio::test]
    async fn a_sweep_is_sent_again_only_when_nothing_happened() {
        let past = Timestamp(0);
        let plan = [Planned::Before(retryable()), Planned::After(unknown())];
        let (store, scripted) = store(plan, MINUTE);
        assert_eq!(store.sweep(past, past, past, 1).await, Err(unknown()));
        assert!(scripted.plan.lock().is_empty());
    }
}
