//! Authentications that wait for their response. They live in memory, because most of them are answered within seconds, and what
//! ended is written once instead of three times.
//!
//! A stop writes out those that are left, and so does the sweep with those whose time has passed, so that they are shown as long as
//! any others. The death of the process loses those that wait: their responses are refused as `ceremony_not_found`. Nobody has
//! accepted them yet, so nothing that was acknowledged is lost. When too many wait, further ones begin in the table.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::model::ceremony::Authentication;
use domain::model::clock::Timestamp;
use domain::model::ids::{CeremonyId, RelyingPartyId, UserId};
use domain::model::page::{Order, PageRequest};
use parking_lot::Mutex;

use super::records::{Records, Signer, Use};
use super::rows::KeptPolicy;
use super::writer::Settled;

type Key = (RelyingPartyId, CeremonyId);

struct Entry {
    ceremony: Arc<Authentication>,
    /// A job is writing its end.
    claimed: bool,
    /// A commit with its end may have happened.
    doubtful: bool,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Key, Entry>,
    by_owner: BTreeSet<(RelyingPartyId, Option<UserId>, Timestamp, CeremonyId)>,
    by_expiry: BTreeSet<(Timestamp, RelyingPartyId, CeremonyId)>,
    /// The last ones that ended, oldest first, so that a start which is sent again does not begin anew what has ended.
    ended: VecDeque<Key>,
}

/// How many of those that ended are remembered. A start is sent again within a second, and before anybody knows its challenge.
const ENDED: usize = 256;

impl Inner {
    fn take(&mut self, key: Key) -> Option<Arc<Authentication>> {
        let ceremony = self.entries.remove(&key)?.ceremony;
        let c = &*ceremony;
        self.by_owner
            .remove(&(c.relying_party, c.user, c.created, c.id));
        self.by_expiry.remove(&(c.expires, c.relying_party, c.id));
        Some(ceremony)
    }

    /// Keys of those that expire before a moment and that no job is ending, the longest expired first.
    fn expiring(&self, before: Timestamp, limit: usize) -> Vec<Key> {
        let first = (
            Timestamp(i64::MIN),
            RelyingPartyId([0; 16]),
            CeremonyId([0; 16]),
        );
        let last = (before, RelyingPartyId([0; 16]), CeremonyId([0; 16]));
        let expired = self
            .by_expiry
            .range(first..last)
            .map(|(_, rp, id)| (*rp, *id));
        expired
            .filter(|key| self.entries.get(key).is_some_and(|entry| !entry.claimed))
            .take(limit)
            .collect()
    }
}

/// Most bytes that an authentication in memory asks for: with the room for the entry itself that is about 2 KiB. One that lists many
/// credentials is larger.
const LARGEST: usize = 1536;

/// About how many bytes an authentication asks for, beside those that all have.
fn size(ceremony: &Authentication) -> usize {
    let asked = &ceremony.asked;
    let lists = asked.allow_credentials.iter().zip(&asked.transports);
    let listed = lists.map(|(id, transports)| {
        let transports = transports.iter().map(|t| 24 + t.len());
        48 + id.as_bytes().len() + transports.sum::<usize>()
    });
    let texts = [&asked.user_name, &asked.appid].map(|text| text.as_ref().map_or(0, String::len));
    let extensions = asked.extensions.as_ref().map_or(0, |e| e.to_string().len());
    listed.sum::<usize>() + texts.iter().sum::<usize>() + 4 * extensions
}

/// The pending authentications of a store.
pub(super) struct Pending {
    inner: Mutex<Inner>,
    capacity: usize,
}

impl Pending {
    /// None yet, and room for so many.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            capacity,
        }
    }

    /// Takes in an authentication; `false` when there is no room, or when it is a large one.
    pub(super) fn insert(&self, ceremony: &Arc<Authentication>) -> bool {
        if size(ceremony) > LARGEST {
            return false;
        }
        let mut inner = self.inner.lock();
        if inner.entries.len() >= self.capacity {
            return false;
        }
        let c = &**ceremony;
        inner
            .by_owner
            .insert((c.relying_party, c.user, c.created, c.id));
        inner.by_expiry.insert((c.expires, c.relying_party, c.id));
        let entry = Entry {
            ceremony: Arc::clone(ceremony),
            claimed: false,
            doubtful: false,
        };
        inner.entries.insert((c.relying_party, c.id), entry);
        true
    }

    /// Whether it waits, or ended a moment ago.
    pub(super) fn has_begun(&self, rp: RelyingPartyId, id: CeremonyId) -> bool {
        let inner = self.inner.lock();
        inner.entries.contains_key(&(rp, id)) || inner.ended.contains(&(rp, id))
    }

    pub(super) fn get(&self, rp: RelyingPartyId, id: CeremonyId) -> Option<Arc<Authentication>> {
        let inner = self.inner.lock();
        let entry = inner.entries.get(&(rp, id))?;
        Some(Arc::clone(&entry.ceremony))
    }

    /// Removes those that no job is ending; the keys of the others.
    pub(super) fn displace(&self, rp: RelyingPartyId, ids: &[CeremonyId]) -> Vec<CeremonyId> {
        let mut inner = self.inner.lock();
        let mut others = Vec::new();
        for id in ids {
            match inner.entries.get(&(rp, *id)) {
                Some(entry) if !entry.claimed => {
                    inner.take((rp, *id));
                }
                Some(_) => {}
                None => others.push(*id),
            }
        }
        others
    }

    /// Forgets one that is in the table now, or is not to be.
    pub(super) fn remove(&self, rp: RelyingPartyId, id: CeremonyId) {
        self.inner.lock().take((rp, id));
    }

    /// Those of a user, in the order and from the place that a page asks for, at most one more than it holds.
    pub(super) fn of_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
        accept: impl Fn(&Authentication) -> bool,
    ) -> Vec<Arc<Authentication>> {
        let inner = self.inner.lock();
        let place = |created, id| (rp, Some(user), created, CeremonyId(id));
        let first = Bound::Included(place(Timestamp(i64::MIN), [0; 16]));
        let last = Bound::Included(place(Timestamp(i64::MAX), [0xff; 16]));
        let after = page
            .after
            .map(|position| Bound::Excluded(place(position.created, position.key)));
        let range = match page.order {
            Order::Ascending => (after.unwrap_or(first), last),
            Order::Descending => (first, after.unwrap_or(last)),
        };
        let empty = match (&range.0, &range.1) {
            (Bound::Excluded(a), Bound::Included(b)) | (Bound::Included(b), Bound::Excluded(a)) => {
                a == b
            }
            _ => false,
        };
        if empty {
            return Vec::new();
        }
        let keys = inner.by_owner.range(range);
        let found = |(_, _, _, id): &(_, _, _, CeremonyId)| {
            let entry = inner.entries.get(&(rp, *id))?;
            accept(&entry.ceremony).then(|| Arc::clone(&entry.ceremony))
        };
        let limit = page.limit as usize + 1;
        match page.order {
            Order::Ascending => keys.filter_map(found).take(limit).collect(),
            Order::Descending => keys.rev().filter_map(found).take(limit).collect(),
        }
    }

    /// Those that have expired by now, the longest expired first.
    pub(super) fn expired(&self, now: Timestamp, limit: usize) -> Vec<Arc<Authentication>> {
        let inner = self.inner.lock();
        let keys = inner.expiring(now.plus_millis(1), limit);
        let found = keys.iter().filter_map(|key| inner.entries.get(key));
        found.map(|entry| Arc::clone(&entry.ceremony)).collect()
    }

    /// Takes out what an owner who was deleted had: a user, whose oldest come first, or a Relying Party as a whole.
    pub(super) fn take_of(
        &self,
        rp: RelyingPartyId,
        user: Option<UserId>,
        limit: usize,
    ) -> Vec<Arc<Authentication>> {
        let mut inner = self.inner.lock();
        let first = (rp, user, Timestamp(i64::MIN), CeremonyId([0; 16]));
        let mut keys: Vec<Key> = inner
            .by_owner
            .range(first..)
            .take_while(|(of, owner, ..)| *of == rp && (user.is_none() || *owner == user))
            .map(|(_, _, _, id)| (rp, *id))
            .collect();
        if user.is_none() {
            // In the order in which the sweep removes their rows.
            keys.sort_unstable();
        }
        keys.truncate(limit);
        keys.into_iter().filter_map(|key| inner.take(key)).collect()
    }

    /// All, for a store that stops.
    pub(super) fn all(&self) -> Vec<Arc<Authentication>> {
        let inner = self.inner.lock();
        let entries = inner.entries.values();
        entries.map(|entry| Arc::clone(&entry.ceremony)).collect()
    }
}

/// The right of one job to end an authentication. It begins when the job runs, and ends with the commit of its group.
pub(super) struct Ending {
    pending: Arc<Pending>,
    key: Key,
    held: AtomicBool,
    records: Arc<Records>,
    change: Mutex<Change>,
}

/// What the job of an [`Ending`] changes beside the authentication.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Nothing,
    /// The record of the credential that signed, and perhaps a policy that was not known to be in the table.
    Credential(Use, Option<KeptPolicy>),
    /// The record of a user.
    User(RelyingPartyId, UserId),
}

/// What a job that wants to end an authentication finds.
pub(super) enum Found {
    /// It waits in memory, and the job may end it.
    Waiting(Arc<Authentication>),
    /// It waits in memory, unless the table says how it ended.
    Doubtful(Arc<Authentication>),
    /// It is not in memory, or another job of the group has ended it: the table knows.
    InTable,
}

impl Ending {
    pub(super) fn new(
        pending: &Arc<Pending>,
        records: &Arc<Records>,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Arc<Self> {
        Arc::new(Self {
            pending: Arc::clone(pending),
            key: (rp, id),
            held: AtomicBool::new(false),
            records: Arc::clone(records),
            change: Mutex::new(Change::Nothing),
        })
    }

    /// Whether a policy is in the table for as long as a ceremony needs it.
    pub(super) fn has_policy(&self, policy: &KeptPolicy) -> bool {
        self.records.has_policy(policy)
    }

    /// What is known of the credential that signed, if no job of the running group may have changed it.
    pub(super) fn signer(
        &self,
        rp: RelyingPartyId,
        id_hash: [u8; 32],
    ) -> Option<(Arc<Signer>, Option<Timestamp>)> {
        self.records.for_writer(rp, id_hash)
    }

    /// Notes what else the job changes.
    pub(super) fn changes(&self, change: Change) {
        if let Change::Credential(used, _) = change {
            self.records.using(used.relying_party, used.id_hash);
        }
        *self.change.lock() = change;
    }

    /// Looks for the authentication, and claims it if it waits.
    pub(super) fn begin(&self) -> Found {
        let mut inner = self.pending.inner.lock();
        let Some(entry) = inner.entries.get_mut(&self.key) else {
            return Found::InTable;
        };
        if entry.claimed {
            return Found::InTable;
        }
        entry.claimed = true;
        self.held.store(true, Ordering::Relaxed);
        let ceremony = Arc::clone(&entry.ceremony);
        if entry.doubtful {
            Found::Doubtful(ceremony)
        } else {
            Found::Waiting(ceremony)
        }
    }

    /// The job has written nothing: the authentication goes on waiting.
    pub(super) fn give_up(&self) {
        self.release(Settled::Lost);
    }

    /// The table says how it ended.
    pub(super) fn is_in_table(&self) {
        self.release(Settled::Kept);
    }

    /// The group of the job has ended.
    pub(super) fn settle(&self, settled: Settled) {
        let change = *self.change.lock();
        if let Change::Credential(used, _) = change {
            self.records
                .no_longer_using(used.relying_party, used.id_hash);
        }
        match (change, settled) {
            (Change::Nothing, _) | (_, Settled::Lost) => {}
            (Change::Credential(used, policy), Settled::Kept) => {
                self.records.used(&used);
                if let Some(policy) = policy {
                    self.records.keep_policy(&policy);
                }
            }
            (Change::Credential(used, _), Settled::Unknown) => {
                self.records.changed_user(used.relying_party, used.user);
            }
            (Change::User(rp, user), _) => self.records.changed_user(rp, user),
        }
        self.release(settled);
    }

    fn release(&self, settled: Settled) {
        if !self.held.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut inner = self.pending.inner.lock();
        if settled == Settled::Kept {
            inner.take(self.key);
            if inner.ended.len() == ENDED {
                inner.ended.pop_front();
            }
            inner.ended.push_back(self.key);
        } else if let Some(entry) = inner.entries.get_mut(&self.key) {
            entry.claimed = false;
            entry.doubtful |= settled == Settled::Unknown;
        }
    }
}
