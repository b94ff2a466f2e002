//! Settings and secrets as they were read less than a second ago. Credentials and ceremonies are
//! never cached: counters and revocation must be read fresh.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache as Entries, DefaultLifecycle, EntryAction, EntryResult};

use crate::model::clock::Timestamp;
use crate::model::ids::RelyingPartyId;

/// How long a value may be used, in milliseconds: the bound on how late another node sees a change.
const LIFETIME_MS: i64 = 1000;

/// About how many entries are kept.
const CAPACITY: usize = 10_000;

/// What a read found.
#[derive(Clone)]
enum Entry<V> {
    Value {
        value: V,
        read_at: Timestamp,
    },
    /// No value, or the read failed. It is there only until those who wait for the read have seen it.
    Nothing,
}

/// A read-through cache: many callers who ask for one key at once share one read. A read that an invalidation overlaps is not
/// kept. Absence is not kept and not shared, so that what was just created is found at once; neither is an error.
pub(crate) struct Cache<K, V> {
    entries: Entries<K, Entry<V>, UnitWeighter, RandomState>,
}

impl<K: Eq + Hash, V: Clone> Default for Cache<K, V> {
    fn default() -> Self {
        Self {
            entries: Entries::with(
                CAPACITY,
                CAPACITY as u64,
                UnitWeighter,
                RandomState::default(),
                DefaultLifecycle::default(),
            ),
        }
    }
}

impl<K: Eq + Hash + Copy, V: Clone> Cache<K, V> {
    /// The value that was read last for `key`, whatever its age, if it is kept: for what follows from a value, not for the value.
    pub(crate) fn kept(&self, key: &K) -> Option<V> {
        match self.entries.peek(key) {
            Some(Entry::Value { value, .. }) => Some(value),
            Some(Entry::Nothing) | None => None,
        }
    }

    /// The value for `key`: the kept one if it is young enough, else what `read` returns. `read` gets the one that was kept
    /// until now, if there is one.
    pub(crate) async fn get<E, F: Future<Output = Result<Option<V>, E>>>(
        &self,
        key: K,
        now: Timestamp,
        read: impl FnOnce(Option<V>) -> F,
    ) -> Result<Option<V>, E> {
        let young = |read_at: Timestamp| now.0 - read_at.0 < LIFETIME_MS;
        if let Some(Entry::Value { value, read_at }) = self.entries.get(&key)
            && young(read_at)
        {
            return Ok(Some(value));
        }
        // Without waiting, and at once with the removal of what is too old, so that one caller gets it.
        let entry = self
            .entries
            .entry(&key, Some(Duration::ZERO), |_, entry| match entry {
                Entry::Value { read_at, .. } if !young(*read_at) => EntryAction::ReplaceWithGuard,
                entry => EntryAction::Retain(entry.clone()),
            });
        let (entry, kept) = match entry {
            EntryResult::Retained(entry) => (Ok(entry), None),
            EntryResult::Replaced(guard, Entry::Value { value, .. }) => (Err(guard), Some(value)),
            EntryResult::Vacant(guard) | EntryResult::Replaced(guard, Entry::Nothing) => {
                (Err(guard), None)
            }
            // Another caller reads.
            EntryResult::Timeout | EntryResult::Removed(..) => {
                (self.entries.get_value_or_guard_async(&key).await, None)
            }
        };
        let guard = match entry {
            Ok(Entry::Value { value, read_at }) if young(read_at) => return Ok(Some(value)),
            // The other caller's read cannot be shared. All who waited for it read now, and do not wait for each other.
            Ok(_) => return read(None).await,
            Err(guard) => guard,
        };
        let found = read(kept).await;
        // The insertion is refused when the key was invalidated since the guard was given.
        if let Ok(Some(value)) = &found {
            let (value, read_at) = (value.clone(), now);
            drop(guard.insert(Entry::Value { value, read_at }));
        } else {
            drop(guard.insert(Entry::Nothing));
            let nothing = |entry: &Entry<V>| matches!(entry, Entry::Nothing);
            self.entries.remove_if(&key, nothing);
        }
        found
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        self.entries.clear();
    }

    /// Drops what is known about `key`.
    pub(crate) fn forget(&self, key: &K) {
        self.entries.remove(key);
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
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tokio::sync::Semaphore;

    use super::*;

    /// Runs a future that never waits.
    fn now_or_never<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future waits"),
        }
    }

    fn get(cache: &Cache<u8, u32>, at: i64, stored: Option<u32>) -> Option<u32> {
        let read = async |_| Ok::<_, Infallible>(stored);
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
    fn the_value_that_was_read_last_is_there_without_a_read() {
        let cache = Cache::default();
        assert_eq!(cache.kept(&1), None);
        assert_eq!(get(&cache, 0, Some(1)), Some(1));
        assert_eq!(cache.kept(&1), Some(1));
        assert_eq!(cache.kept(&2), None);
        assert_eq!(get(&cache, 1000, None), None);
        assert_eq!(cache.kept(&1), None);
    }

    #[test]
    fn a_read_gets_the_value_that_is_too_old() {
        let cache = Cache::default();
        let seen = |at| {
            let seen = Cell::new(None);
            let read = async |old| {
                seen.set(Some(old));
                Ok::<_, Infallible>(Some(at))
            };
            now_or_never(cache.get(1, Timestamp(at), read)).unwrap();
            seen.get()
        };
        assert_eq!(seen(0), Some(None));
        assert_eq!(seen(999), None);
        assert_eq!(seen(1000), Some(Some(0)));
        cache.forget(&1);
        assert_eq!(seen(1001), Some(None));
    }

    #[test]
    fn absence_is_not_kept() {
        let cache = Cache::default();
        assert_eq!(get(&cache, 0, None), None);
        assert_eq!(get(&cache, 0, Some(1)), Some(1));
        // Nor is a value that was there before.
        assert_eq!(get(&cache, 1000, None), None);
        assert_eq!(get(&cache, 1000, Some(2)), Some(2));
    }

    #[test]
    fn a_forgotten_value_is_read_again() {
        let cache = Cache::default();
        assert_eq!(get(&cache, 0, Some(1)), Some(1));
        cache.forget(&1);
        assert_eq!(get(&cache, 0, None), None);
        assert_eq!(get(&cache, 0, Some(1)), Some(1));
        cache.clear();
        assert_eq!(get(&cache, 0, None), None);
    }

    #[test]
    fn a_read_that_overlapped_an_invalidation_is_not_kept() {
        let cache: Cache<u8, u32> = Cache::default();
        let invalidations: [&dyn Fn(); 2] = [&|| cache.forget(&1), &|| cache.clear()];
        for invalidate in invalidations {
            let overlapping = async |_| {
                invalidate();
                Ok::<_, Infallible>(Some(1))
            };
            assert_eq!(
                now_or_never(cache.get(1, Timestamp(0), overlapping)),
                Ok(Some(1))
            );
            assert_eq!(get(&cache, 0, Some(2)), Some(2));
            invalidate();
            // The same when an old value was there.
            assert_eq!(get(&cache, -1000, Some(3)), Some(3));
            assert_eq!(
                now_or_never(cache.get(1, Timestamp(0), overlapping)),
                Ok(Some(1))
            );
            assert_eq!(get(&cache, 0, Some(2)), Some(2));
            invalidate();
        }
    }

    #[test]
    fn who_asks_after_an_invalidation_does_not_get_a_read_from_before_it() {
        let cache: Cache<u8, u32> = Cache::default();
        let door = Semaphore::new(0);
        let mut context = Context::from_waker(Waker::noop());
        let mut before = pin!(cache.get(1, Timestamp(0), async |_| {
            let _ = door.acquire().await;
            Ok::<_, Infallible>(Some(1))
        }));
        assert!(before.as_mut().poll(&mut context).is_pending());
        cache.forget(&1);
        assert_eq!(get(&cache, 0, Some(2)), Some(2));
        door.add_permits(1);
        assert_eq!(now_or_never(before), Ok(Some(1)));
        assert_eq!(get(&cache, 0, None), Some(2));
    }

    #[test]
    fn no_more_than_the_capacity_is_kept() {
        let cache: Cache<u32, u32> = Cache::default();
        for key in 0..3 * u32::try_from(CAPACITY).unwrap() {
            let read = async |_| Ok::<_, Infallible>(Some(key));
            assert_eq!(
                now_or_never(cache.get(key, Timestamp(0), read)),
                Ok(Some(key))
            );
        }
        let kept = cache.entries.len();
        assert!(
            (CAPACITY / 2..=CAPACITY + CAPACITY / 10).contains(&kept),
            "{kept}"
        );
    }

    /// What a hundred callers get who ask for one key at once, and how many of them read. Each read waits until all have
    /// asked, and returns what `outcome` says for its number.
    async fn at_once(
        cache: &Arc<Cache<u8, usize>>,
        outcome: fn(usize) -> Result<Option<usize>, &'static str>,
    ) -> (Vec<Result<Option<usize>, &'static str>>, usize) {
        const CALLERS: usize = 100;
        let reads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let door = Arc::new(Semaphore::new(0));
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..CALLERS {
            let (cache, reads, door) = (Arc::clone(cache), Arc::clone(&reads), Arc::clone(&door));
            callers.spawn(async move {
                let read = async |_| {
                    let number = reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    drop(door.acquire().await);
                    outcome(number)
                };
                cache.get(1, Timestamp(0), read).await
            });
        }
        // Each caller runs until it waits: on one thread, in turn.
        for _ in 0..CALLERS {
            tokio::task::yield_now().await;
        }
        door.add_permits(1);
        let answers = callers.join_all().await;
        (answers, reads.load(std::sync::atomic::Ordering::Relaxed))
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_read() {
        let cache = Arc::default();
        let (answers, reads) = at_once(&cache, |_| Ok(Some(7))).await;
        assert_eq!(reads, 1);
        assert!(answers.iter().all(|answer| *answer == Ok(Some(7))));
    }

    #[tokio::test]
    async fn an_error_is_neither_kept_nor_shared() {
        let cache = Arc::default();
        let (answers, reads) = at_once(&cache, |number| match number {
            0 => Err("the store is away"),
            _ => Ok(Some(7)),
        })
        .await;
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!((failed, answers.len(), reads), (1, 100, 100));
        let (answers, _) = at_once(&cache, |_| Err("the store is away")).await;
        assert!(answers.iter().all(Result::is_err));
        let (answers, reads) = at_once(&cache, |_| Ok(Some(7))).await;
        assert_eq!(reads, 1);
        assert!(answers.iter().all(|answer| *answer == Ok(Some(7))));
    }

    #[tokio::test]
    async fn absence_is_not_shared() {
        let cache = Arc::default();
        let (answers, reads) = at_once(&cache, |number| Ok((number > 0).then_some(7))).await;
        let absent = answers.iter().filter(|answer| **answer == Ok(None)).count();
        assert_eq!((absent, reads), (1, 100));
    }

    #[tokio::test]
    async fn a_read_that_is_given_up_is_taken_over() {
        let cache: Arc<Cache<u8, usize>> = Arc::default();
        let given_up = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move {
                let never = async |_| std::future::pending::<Result<Option<usize>, ()>>().await;
                cache.get(1, Timestamp(0), never).await
            }
        });
        tokio::task::yield_now().await;
        let waiting = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move {
                let read = async |_| Ok::<_, ()>(Some(7));
                cache.get(1, Timestamp(0), read).await
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        given_up.abort();
        assert_eq!(waiting.await.unwrap(), Ok(Some(7)));
    }
}
