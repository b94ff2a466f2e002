//! Authentications in memory: those that wait for their response, and the sign-ins of the last moments.
//!
//! Most authentications are answered within seconds, so what ended is written once instead of three times. A sign-in becomes one
//! row at the end of the table `sign_ins`; the tables and indexes where readers look for it get many of them at a time. Until then
//! readers find it here.
//!
//! A stop writes out those that are left, and so does the sweep with those whose time has passed, so that they are shown as long as
//! any others. The death of the process loses those that wait: their responses are refused as `ceremony_not_found`. Nobody has
//! accepted them yet, so nothing that was acknowledged is lost. When too many wait, further ones begin in the table.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::model::audit::AuditEvent;
use domain::model::ceremony::{Authentication, CeremonyState};
use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{AttemptId, CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::page::{Order, PageRequest};
use foldhash::{HashMap, HashSet};
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
    /// How it ended, where that lies in the table `sign_ins`. As long as it is claimed, that is not committed.
    end: Option<SignedIn>,
}

/// How an authentication succeeded.
pub(super) struct SignedIn {
    /// The attempt that ended it.
    pub(super) by: AttemptId,
    /// The event that tells of it. It names the user and the credential.
    pub(super) event: AuditEvent,
}

impl Entry {
    fn waiting(ceremony: &Arc<Authentication>) -> Self {
        Self {
            ceremony: Arc::clone(ceremony),
            claimed: false,
            doubtful: false,
            end: None,
        }
    }

    /// How it ended, if that is committed.
    fn end(&self) -> Option<&SignedIn> {
        self.end.as_ref().filter(|_| !self.claimed)
    }

    /// The authentication as readers see it.
    fn seen(&self) -> Arc<Authentication> {
        let Some(SignedIn { event, .. }) = self.end() else {
            return Arc::clone(&self.ceremony);
        };
        let (Some(user), Some(credential)) = (event.user, event.credential) else {
            return Arc::clone(&self.ceremony);
        };
        let mut ended = Authentication::clone(&self.ceremony);
        ended.user = Some(user);
        ended.credential = Some(credential);
        ended.updated = event.at;
        ended.state = CeremonyState::Succeeded { user, credential };
        Arc::new(ended)
    }
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Key, Entry>,
    by_owner: BTreeSet<(RelyingPartyId, Option<UserId>, Timestamp, CeremonyId)>,
    by_expiry: BTreeSet<(Timestamp, RelyingPartyId, CeremonyId)>,
    /// The last ones that ended, oldest first, so that a start which is sent again does not begin anew what has ended.
    ended: VecDeque<Key>,
    /// The same.
    have_ended: HashSet<Key>,
    /// Those in the table `sign_ins`, in the order of their commits.
    signed_in: Vec<Key>,
    /// The last use of each credential that signed one of these.
    last_uses: HashMap<(RelyingPartyId, CredentialKey), Timestamp>,
    /// How often the rows of `sign_ins` have moved.
    moves: u64,
}

/// How many of those that ended are remembered. A start is sent again within a second, and before anybody knows its challenge.
const ENDED: usize = 256;

impl Inner {
    /// Takes in one that waits.
    fn insert(&mut self, entry: Entry) {
        let c = &*entry.ceremony;
        let key = (c.relying_party, c.id);
        self.by_owner
            .insert((c.relying_party, c.user, c.created, c.id));
        self.by_expiry.insert((c.expires, c.relying_party, c.id));
        self.entries.insert(key, entry);
    }

    /// Takes out one that waits.
    fn take(&mut self, key: Key) -> Option<Arc<Authentication>> {
        let Entry { ceremony, .. } = self.entries.remove(&key)?;
        let c = &*ceremony;
        self.by_owner
            .remove(&(c.relying_party, c.user, c.created, c.id));
        self.by_expiry.remove(&(c.expires, c.relying_party, c.id));
        Some(ceremony)
    }

    /// Forgets one whose row of `sign_ins` has moved.
    fn forget(&mut self, key: Key) {
        if let Some(Entry { ceremony, end, .. }) = self.entries.remove(&key) {
            let c = &*ceremony;
            let user = end.map_or(c.user, |end| end.event.user);
            self.by_owner
                .remove(&(c.relying_party, user, c.created, c.id));
        }
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

    /// Remembers one that ended.
    fn remember(&mut self, key: Key) {
        if self.ended.len() == ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.have_ended.remove(&oldest);
        }
        if self.have_ended.insert(key) {
            self.ended.push_back(key);
        }
    }

    /// The end of this one is committed, in the table `sign_ins`.
    fn keep(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        entry.claimed = false;
        let Some(SignedIn { event, .. }) = &entry.end else {
            return;
        };
        let c = &*entry.ceremony;
        self.by_expiry.remove(&(c.expires, c.relying_party, c.id));
        if c.user != event.user {
            self.by_owner
                .remove(&(c.relying_party, c.user, c.created, c.id));
            self.by_owner
                .insert((c.relying_party, event.user, c.created, c.id));
        }
        if let Some(credential) = event.credential {
            let last = self
                .last_uses
                .entry((key.0, credential))
                .or_insert(event.at);
            *last = event.at.max(*last);
        }
        self.signed_in.push(key);
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

/// With how many rows of `sign_ins` they move. The more there are, the more of them share the pages that they move to; the longer
/// do others wait for it.
const MOVED: usize = 256;

/// The authentications of a store that are in memory.
pub(super) struct Pending {
    inner: Mutex<Inner>,
    capacity: usize,
    moved: usize,
}

impl Pending {
    /// None yet, and room for so many that wait.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            capacity,
            moved: MOVED.min(capacity),
        }
    }

    /// Takes in an authentication; `false` when there is no room, or when it is a large one.
    pub(super) fn insert(&self, ceremony: &Arc<Authentication>) -> bool {
        if size(ceremony) > LARGEST {
            return false;
        }
        let mut inner = self.inner.lock();
        if inner.by_expiry.len() >= self.capacity {
            return false;
        }
        inner.insert(Entry::waiting(ceremony));
        true
    }

    /// Whether it waits, or ended a moment ago.
    pub(super) fn has_begun(&self, rp: RelyingPartyId, id: CeremonyId) -> bool {
        let inner = self.inner.lock();
        inner.entries.contains_key(&(rp, id)) || inner.have_ended.contains(&(rp, id))
    }

    pub(super) fn get(&self, rp: RelyingPartyId, id: CeremonyId) -> Option<Arc<Authentication>> {
        let inner = self.inner.lock();
        Some(inner.entries.get(&(rp, id))?.seen())
    }

    /// Removes those that wait and that no job is ending; the keys of the others.
    pub(super) fn displace(&self, rp: RelyingPartyId, ids: &[CeremonyId]) -> Vec<CeremonyId> {
        let mut inner = self.inner.lock();
        let mut others = Vec::new();
        for id in ids {
            match inner.entries.get(&(rp, *id)) {
                Some(entry) if !entry.claimed && entry.end.is_none() => {
                    inner.take((rp, *id));
                }
                Some(_) => {}
                None => others.push(*id),
            }
        }
        others
    }

    /// Forgets one that is in the table now, or is not to be; unless a job ends it, or has ended it meanwhile.
    pub(super) fn remove(&self, rp: RelyingPartyId, id: CeremonyId) {
        let mut inner = self.inner.lock();
        let waits = |entry: &Entry| !entry.claimed && entry.end.is_none();
        if inner.entries.get(&(rp, id)).is_some_and(waits) {
            inner.take((rp, id));
        }
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
            let seen = inner.entries.get(&(rp, *id))?.seen();
            accept(&seen).then_some(seen)
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

    /// Takes out what waits of an owner who was deleted: a user, whose oldest come first, or a Relying Party as a whole.
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
            .filter(|key| inner.entries.get(key).is_some_and(|e| e.end.is_none()))
            .collect();
        if user.is_none() {
            // In the order in which the sweep removes their rows.
            keys.sort_unstable();
        }
        keys.truncate(limit);
        keys.into_iter().filter_map(|key| inner.take(key)).collect()
    }

    /// All that wait, for a store that stops.
    pub(super) fn all(&self) -> Vec<Arc<Authentication>> {
        let inner = self.inner.lock();
        let waiting = inner.entries.values().filter(|entry| entry.end.is_none());
        waiting.map(|entry| Arc::clone(&entry.ceremony)).collect()
    }

    /// Whether the rows of `sign_ins` are to be moved.
    pub(super) fn is_full(&self) -> bool {
        self.inner.lock().signed_in.len() >= self.moved
    }

    /// The rows of `sign_ins` have moved: readers find them in the other tables. To be called by the job that moved them, in its turn.
    pub(super) fn moved(&self) {
        let mut inner = self.inner.lock();
        inner.moves += 1;
        inner.last_uses.clear();
        for key in std::mem::take(&mut inner.signed_in) {
            inner.forget(key);
        }
    }

    /// Reads from the table of credentials, and adds the sign-ins of the last moments to the `records` that were read.
    pub(super) fn reading<T, E>(
        &self,
        read: impl Fn() -> Result<T, E>,
        records: impl Fn(&mut T) -> Vec<&mut CredentialRecord>,
    ) -> Result<T, E> {
        let mut moves = self.inner.lock().moves;
        loop {
            let mut found = read()?;
            let inner = self.inner.lock();
            for record in records(&mut found) {
                let last = inner.last_uses.get(&(record.relying_party, record.key));
                record.last_used = record.last_used.max(last.copied());
            }
            // What has moved meanwhile may have been missed in both places.
            if inner.moves == moves {
                return Ok(found);
            }
            moves = inner.moves;
        }
    }

    /// The events of the sign-ins of the last moments that a function accepts, newest first.
    pub(super) fn events(
        &self,
        rp: RelyingPartyId,
        accept: impl Fn(&AuditEvent) -> bool,
    ) -> Vec<AuditEvent> {
        let inner = self.inner.lock();
        let keys = inner.signed_in.iter().filter(|key| key.0 == rp);
        let ends = keys.filter_map(|key| inner.entries.get(key)?.end());
        let wanted = ends.map(|end| &end.event).filter(|event| accept(event));
        let mut events: Vec<_> = wanted.cloned().collect();
        drop(inner);
        events.sort_unstable_by_key(|event| Reverse((event.at, event.id)));
        events
    }
}

/// The right of one job to end an authentication. It begins when the job runs, and ends with the commit of its group.
pub(super) struct Ending {
    pending: Arc<Pending>,
    key: Key,
    held: AtomicBool,
    records: Arc<Records>,
    change: Mutex<Change>,
    /// The authentication as it was begun, if its challenge brought it.
    sealed: Option<Arc<Authentication>>,
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
    /// It succeeded a moment ago, by this attempt.
    SignedIn(Arc<Authentication>, AttemptId),
    /// It is not in memory, or another job of the group has ended it otherwise: the table knows.
    InTable,
}

impl Ending {
    pub(super) fn new(
        pending: &Arc<Pending>,
        records: &Arc<Records>,
        rp: RelyingPartyId,
        id: CeremonyId,
        sealed: Option<&Arc<Authentication>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            pending: Arc::clone(pending),
            key: (rp, id),
            held: AtomicBool::new(false),
            records: Arc::clone(records),
            change: Mutex::new(Change::Nothing),
            sealed: sealed.cloned(),
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
        if let Some(SignedIn { by, event }) = &entry.end {
            let mut ended = Authentication::clone(&entry.ceremony);
            ended.user = event.user;
            return Found::SignedIn(Arc::new(ended), *by);
        }
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

    /// Whether it is one that its challenge brought.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// Takes in the authentication that its challenge brought, and claims it. To be called when neither the memory nor the table
    /// has it.
    pub(super) fn unseal(&self) -> Option<Arc<Authentication>> {
        let ceremony = self.sealed.as_ref()?;
        let mut inner = self.pending.inner.lock();
        if inner.entries.contains_key(&self.key) {
            // Another job of the group has claimed it.
            return None;
        }
        let entry = Entry {
            claimed: true,
            ..Entry::waiting(ceremony)
        };
        inner.insert(entry);
        self.held.store(true, Ordering::Relaxed);
        Some(Arc::clone(ceremony))
    }

    /// Whether the end may be written to `sign_ins`: not when moving its rows fails.
    pub(super) fn has_room(&self) -> bool {
        self.pending.inner.lock().signed_in.len() < 4 * MOVED
    }

    /// The job has written a sign-in to `sign_ins`.
    pub(super) fn signed_in(&self, end: SignedIn) {
        let mut inner = self.pending.inner.lock();
        if let Some(entry) = inner.entries.get_mut(&self.key) {
            entry.end = Some(end);
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
            if inner
                .entries
                .get(&self.key)
                .is_some_and(|e| e.end.is_some())
            {
                inner.keep(self.key);
            } else {
                inner.take(self.key);
            }
            inner.remember(self.key);
        } else if let Some(entry) = inner.entries.get_mut(&self.key) {
            entry.claimed = false;
            entry.end = None;
            entry.doubtful |= settled == Settled::Unknown;
            if self.is_sealed() && !entry.doubtful {
                // Its challenge brings it again.
                inner.take(self.key);
            }
        }
    }
}
