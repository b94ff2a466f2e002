//! The memory store passes the conformance suite, which this test uses as a store in another crate does.

use std::sync::Arc;

use async_trait::async_trait;
use domain::store::{Storage, Upkeep};
use storage::Memory;
use storage::conformance::{End, Faulty, StoreUnderTest};

struct InMemory(Arc<Memory>);

#[async_trait]
impl StoreUnderTest for InMemory {
    fn store(&self) -> Arc<dyn Storage> {
        Arc::<Memory>::clone(&self.0)
    }

    async fn reopen(&mut self, end: End) {
        if let End::Closed = end {
            assert_eq!(self.0.close().await, Ok(()));
        }
    }
}

fn in_memory() -> InMemory {
    InMemory(Arc::new(Memory::new()))
}

mod conformance {
    storage::conformance_tests!(crate::in_memory);
}

fn faulty() -> Faulty<InMemory> {
    Faulty::new(in_memory())
}

/// The same store, failing before and after its work all the time.
mod conformance_under_faults {
    storage::conformance_tests!(crate::faulty);
}
