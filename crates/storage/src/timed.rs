//! Tells how long each operation of a store took.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::store::{Fault, Storage};
use tokio::time::Instant;

/// Is told of each operation. It is told in the task that waits for the outcome, so it must be fast.
pub trait Operations: Send + Sync + 'static {
    /// The operation with this name is over, after this time.
    fn took(&self, operation: &'static str, took: Duration);
}

/// A store before another one: it passes each operation on, and tells how long it took.
pub struct Timed {
    inner: Arc<dyn Storage>,
    told: Arc<dyn Operations>,
}

impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed").finish_non_exhaustive()
    }
}

impl Timed {
    /// Tells of the operations of `inner`.
    pub fn new(inner: Arc<dyn Storage>, told: Arc<dyn Operations>) -> Self {
        Self { inner, told }
    }

    async fn keep<T, F>(
        &self,
        operation: &'static str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let begun = Instant::now();
        let outcome = call().await;
        self.told.took(operation, begun.elapsed());
        outcome
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

crate::forward::forward!(Timed);

#[cfg(test)]
mod tests {
    use domain::store::{MetadataBlobs as _, Upkeep as _};
    use parking_lot::Mutex;

    use super::*;
    use crate::Memory;

    #[derive(Default)]
    struct Told(Mutex<Vec<&'static str>>);

    impl Operations for Told {
        fn took(&self, operation: &'static str, _: Duration) {
            self.0.lock().push(operation);
        }
    }

    #[tokio::test]
    async fn each_operation_is_passed_on_and_told_by_its_name() {
        let told = Arc::new(Told::default());
        let listener: Arc<dyn Operations> = Arc::<Told>::clone(&told);
        let store = Timed::new(Arc::new(Memory::new()), listener);
        assert_eq!(store.shared_secret([7; 32]).await, Ok([7; 32]));
        assert_eq!(store.shared_secret([8; 32]).await, Ok([7; 32]));
        assert_eq!(store.remove_metadata().await, Ok(false));
        let expected = ["shared_secret", "shared_secret", "remove_metadata"];
        assert_eq!(*told.0.lock(), expected);
    }
}
