//! Settings and secrets as they were read less than a second ago. Credentials and ceremonies are
//! never cached: counters and revocation must be read fresh.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::RwLock;

use crate::model::clock::Timestamp;
use crate::model::ids::RelyingPartyId;

/// How long a value may be used, in milliseconds: the bound on how late another node sees a change.
const LIFETIME_MS: i64 = 1000;

/// Most entries; when there are more, the cache starts anew.
const CAPACITY: usize = 10_000;

struct Entry<V> {
    value: V,
    read_at: Timestamp,
}

/// A read-through cache. Absence is not kept, so that what was just created is found at once.
pub(crate) struct Cache<K, V> {
    entries: RwLock<HashMap<K, Entry<V>>>,
    /// Counts invalidations, so that a read which overlapped one is not kept.
    epoch: AtomicU64,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self {
            entries: RwLock::default(),
            epoch: AtomicU64::new(0),
        }
    }
}

impl<K: Eq + Hash + Copy, V: Clone> Cache<K, V> {
    /// The value for `key`: the kept one if young enough, else what `read` gives.
    pub(crate) async fn get<E, F: Future<Output = Result<Option<V>, E>>>(
        &self,
        key: K,
        now: Timestamp,
        read: impl FnOnce() -> F,
    ) -> Result<Option<V>, E> {
        if let Some(entry) = self.entries.read().get(&key)
            && now.0 - entry.read_at.0 < LIFETIME_MS
        {
            return Ok(Some(entry.value.clone()));
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let value = read().await?;
        if let Some(value) = &value {
            let mut entries = self.entries.write();
            if self.epoch.load(Ordering::Acquire) == epoch {
                if entries.len() >= CAPACITY {
                    entries.clear();
                }
                entries.insert(
                    key,
                    Entry {
                        value: value.clone(),
                        read_at: now,
                    },
                );
            }
        }
        Ok(value)
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        let mut entries = self.entries.write();
        self.epoch.fetch_add(1, Ordering::AcqRel);
        entries.clear();
    }

    /// Drops what is known about `key`.
    pub(crate) fn forget(&self, key: &K) {
        let mut entries = self.entries.write();
        self.epoch.fetch_add(1, Ordering::AcqRel);
        entries.remove(key);
    }
}

/// A text of any length as a key of a fixed length.
pub(crate) type TextKey = [u8; 32];

pub(crate) fn text_key(text: &str) -> TextKey {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    key
}

/// What the look-ups found within the last second.
#[derive(Default)]
pub(crate) struct Lookups {
    pub(crate) origins: Cache<TextKey, bool>,
    pub(crate) rp_ids: Cache<TextKey, Arc<[RelyingPartyId]>>,
}

impl Lookups {
    /// Drops everything: a Relying Party was created, changed or deleted on this node.
    pub(crate) fn clear(&self) {
        self.origins.clear();
        self.rp_ids.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Runs a future that never waits.
    fn now_or_never<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future waits"),
        }
    }

    fn get(cache: &Cache<u8, u32>, at: i64, stored: Option<u32>) -> Option<u32> {
        let read = async || Ok::<_, Infallible>(stored);
        now_or_never(cache.get(1, Timestamp(at), read)).unwrap()
    }

    #[test]
    fn a_value_is_kept_for_less_than_a_second() {
        let cache = Cache::default();
        assert_eq!(get(&cache, 0, Some(1)), Some(1));
        assert_eq!(get(&cache, 999, Some(2)), Some(1));
        assert_eq!(get(&cache, 1000, Some(2)), Some(2));
    }

    #[test]
    fn absence_is_not_kept() {
        let cache = Cache::default();
        assert_eq!(get(&cache, 0, None), None);
        assert_eq!(get(&cache, 0, Some(1)), Some(1));
    }

    #[test]
    fn a_forgotten_value_is_read_again() {
        let cache = Cache::default();
        assert_eq!(get(&cache, 0, Some(1)), Some(1));
        cache.forget(&1);
        assert_eq!(get(&cache, 0, None), None);
    }

    #[test]
    fn a_read_that_overlapped_an_invalidation_is_not_kept() {
        let cache: Cache<u8, u32> = Cache::default();
        let overlapping = async || {
            cache.forget(&1);
            Ok::<_, Infallible>(Some(1))
        };
        assert_eq!(
            now_or_never(cache.get(1, Timestamp(0), overlapping)),
            Ok(Some(1))
        );
        assert_eq!(get(&cache, 0, Some(2)), Some(2));
    }
}
