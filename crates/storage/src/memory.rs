//! The reference store: plain maps behind one lock. It says what each operation means in the fewest words, and
//! other stores are compared with it. Nothing survives the process.

mod access_keys;
mod accounts;
mod answers;
mod ceremonies;
mod console;
mod credentials;
mod deletions;
mod deliveries;
mod events;
mod imports;
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
