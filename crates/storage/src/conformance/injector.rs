//! A store that fails before and after its work, under [`Retrying`]. The whole suite holds for it, too.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::store::{Fault, Storage};

use super::{End, StoreUnderTest};
use crate::Retrying;

/// Long enough for any number of injected faults in a row.
const WITHIN: Duration = Duration::from_mins(1);

/// Fails two of three operations: some before they begin, some after they are done.
struct Injector {
    inner: Arc<dyn Storage>,
    /// Shared by all injectors of a [`Faulty`], so that the sequence goes on when the store is opened again.
    calls: Arc<AtomicU64>,
}

enum Injected {
    Before,
    After,
    Nothing,
}

fn before() -> Fault {
    Fault::Retryable("injected before the work".to_owned())
}

fn after() -> Fault {
    Fault::Unknown("injected after the work".to_owned())
}

impl Injector {
    /// What happens to the next operation. A fixed sequence without a short period, so that no operation always meets the same.
    fn next(&self) -> Injected {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        match (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 3 {
            0 => Injected::Before,
            1 => Injected::After,
            _ => Injected::Nothing,
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
        match self.next() {
            Injected::Before => Err(before()),
            Injected::After => {
                call().await?;
                Err(after())
            }
            Injected::Nothing => call().await,
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
        match self.next() {
            Injected::Before => Err(before()),
            // What removed nothing committed nothing: there is nothing after it to lose.
            Injected::After if call().await? => Err(after()),
            Injected::After => Ok(false),
            Injected::Nothing => call().await,
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
        match self.next() {
            Injected::Before => Err(before()),
            // Its caller gets to know that the outcome is unknown, and the suite asks for the outcome.
            Injected::After | Injected::Nothing => call().await,
        }
    }
}

crate::forward::forward!(Injector);

/// The same store, but most operations fail before or after their work, and [`Retrying`] sends them again.
#[derive(Debug)]
pub struct Faulty<S> {
    under_test: S,
    calls: Arc<AtomicU64>,
}

impl<S: StoreUnderTest> Faulty<S> {
    /// Lets the operations of a store fail.
    pub fn new(under_test: S) -> Self {
        Self {
            under_test,
            calls: Arc::default(),
        }
    }
}

#[async_trait]
impl<S: StoreUnderTest> StoreUnderTest for Faulty<S> {
    fn store(&self) -> Arc<dyn Storage> {
        let injector = Injector {
            inner: self.under_test.store(),
            calls: Arc::clone(&self.calls),
        };
        Arc::new(Retrying::new(Arc::new(injector), WITHIN).without_pauses())
    }

    async fn reopen(&mut self, end: End) {
        self.under_test.reopen(end).await;
    }
}
