//! Requests that wait until a transaction ends.

use std::collections::HashMap;
use std::sync::Arc;

use domain::model::ids::CeremonyId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Most requests that wait at once. Further ones are answered with how things stand.
const MAX_WAITING: usize = 4096;

/// Who waits for what on this node.
#[derive(Debug, Default)]
pub struct Waiters(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    bells: HashMap<CeremonyId, (usize, Arc<Notify>)>,
    count: usize,
}

/// A place among the waiters; given back when dropped.
#[derive(Debug)]
pub struct Place<'w> {
    waiters: &'w Waiters,
    ceremony: CeremonyId,
    /// Rings when the transaction has ended on this node.
    pub bell: Arc<Notify>,
}

impl Waiters {
    /// A place for a request that waits for this transaction; `None` when too many wait already.
    pub fn join(&self, ceremony: CeremonyId) -> Option<Place<'_>> {
        let mut waiting = self.0.lock();
        if waiting.count >= MAX_WAITING {
            return None;
        }
        waiting.count += 1;
        let (users, bell) = waiting.bells.entry(ceremony).or_default();
        *users += 1;
        Some(Place {
            waiters: self,
            ceremony,
            bell: Arc::clone(bell),
        })
    }

    /// Wakes everybody who waits for this transaction.
    pub fn ring(&self, ceremony: CeremonyId) {
        if let Some((_, bell)) = self.0.lock().bells.get(&ceremony) {
            bell.notify_waiters();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiters.0.lock();
        waiting.count -= 1;
        if let Some((users, _)) = waiting.bells.get_mut(&self.ceremony) {
            *users -= 1;
            if *users == 0 {
                waiting.bells.remove(&self.ceremony);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let waiters = Waiters::default();
        let id = CeremonyId([1; 16]);
        let mut places: Vec<_> = (0..MAX_WAITING)
            .map(|_| waiters.join(id).unwrap())
            .collect();
        assert!(waiters.join(id).is_none());
        places.pop();
        assert!(waiters.join(id).is_some());
        drop(places);
        assert!(waiters.0.lock().bells.is_empty());
        assert_eq!(waiters.0.lock().count, 0);
    }

    #[tokio::test]
    async fn a_bell_wakes_those_who_wait_for_its_transaction_only() {
        let waiters = Waiters::default();
        let (one, other) = (CeremonyId([1; 16]), CeremonyId([2; 16]));
        let (first, second) = (waiters.join(one).unwrap(), waiters.join(other).unwrap());
        let mut rung = std::pin::pin!(first.bell.notified());
        let mut silent = std::pin::pin!(second.bell.notified());
        rung.as_mut().enable();
        silent.as_mut().enable();
        waiters.ring(one);
        rung.await;
        assert!(!silent.as_mut().enable());
    }
}
