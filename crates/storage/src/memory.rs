//! The reference store: plain maps behind one lock. It says what each operation means in the fewest words, and
//! other stores are compared with it. Nothing survives the process.

mod access_keys;
mod accounts;
mod answers;
mod ceremonies;
mod credentials;
mod deletions;
mod events;
mod metadata;
mod parties;
mod remains;
mod state;
mod tokens;
mod upkeep;
mod users;
mod webhooks;

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use self::state::State;

/// A store in the memory of the process.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    operations: AtomicU64,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations it has done: each takes the lock once.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.operations.fetch_add(1, Ordering::Relaxed);
        self.state.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use domain::store::{Storage, Upkeep};

    use super::*;
    use crate::conformance::injector::Faulty;
    use crate::conformance::{Bed, End};

    struct Kept(Arc<Memory>);

    fn bed() -> Kept {
        Kept(Arc::new(Memory::new()))
    }

    #[async_trait]
    impl Bed for Kept {
        fn store(&self) -> Arc<dyn Storage> {
            Arc::<Memory>::clone(&self.0)
        }

        async fn reopen(&mut self, end: End) {
            if let End::Closed = end {
                self.0.close().await.unwrap();
            }
        }
    }

    mod conformance {
        crate::conformance::every_case!(crate::memory::tests::bed);
    }

    fn faulty() -> Faulty<Kept> {
        Faulty::new(bed())
    }

    /// The same store, failing before and after its work all the time.
    mod conformance_under_faults {
        crate::conformance::every_case!(crate::memory::tests::faulty);
    }
}
