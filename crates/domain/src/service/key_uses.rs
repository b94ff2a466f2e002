//! When keys were used last. The moments wait in memory, and are written together: a request with a key writes nothing for it.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::model::clock::Timestamp;
use crate::model::grant::{KeyUse, UsedKey};

/// The last use of each key since the last write. There are as many as keys that were used, all of them valid ones.
#[derive(Default)]
pub(crate) struct KeyUses(Mutex<BTreeMap<UsedKey, Timestamp>>);

impl KeyUses {
    /// Notes a use.
    pub(crate) fn note(&self, key: UsedKey, at: Timestamp) {
        let mut waiting = self.0.lock();
        let noted = waiting.entry(key).or_insert(at);
        *noted = at.max(*noted);
    }

    /// The last use: the stored one, or one that waits.
    pub(crate) fn last(&self, key: UsedKey, stored: Option<Timestamp>) -> Option<Timestamp> {
        self.0.lock().get(&key).copied().max(stored)
    }

    /// The last use of each key since the last write, which wait no more.
    pub(crate) fn take(&self) -> Vec<KeyUse> {
        let waiting = std::mem::take(&mut *self.0.lock());
        let uses = waiting.into_iter();
        uses.map(|(key, at)| KeyUse { key, at }).collect()
    }
}
