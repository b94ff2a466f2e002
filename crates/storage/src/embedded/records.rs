//! Credentials with their owners as the table has them, so that a sign-in reads them from memory. This process is the only one
//! that writes the file, so what is here is the same as what is there: a write tells this cache after its commit, and before its
//! caller learns of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{CredentialKey, RelyingPartyId, UserId};
use domain::model::user::{User, UserRef};
use foldhash::{HashMap, HashSet};
use parking_lot::Mutex;
use webauthn::authentication::SignCounter;

use super::rows::KeptPolicy;

/// Most credentials of a user whose list is kept.
const LONGEST_LIST: usize = 10;

/// Most bytes of the ids and keys in such a list.
const LARGEST_LIST: usize = 4096;

type UserKey = (RelyingPartyId, UserId);
/// A Relying Party, and the hash of the id of a credential of it.
type CredentialHash = (RelyingPartyId, [u8; 32]);
/// A credential with its owner.
pub(super) type Signer = (CredentialRecord, User);
type Owner = (User, Vec<CredentialRecord>);

/// What is known of a credential.
struct Known {
    signer: Arc<Signer>,
    /// The last use that its row has, if that is known.
    written: Option<Timestamp>,
}

/// What jobs of the running group have written and not committed.
#[derive(Default)]
struct Uncommitted {
    /// Credentials that signed.
    used: Vec<CredentialHash>,
    /// Jobs of other kinds, which may have written anything.
    others: usize,
}

#[derive(Default)]
struct Inner {
    /// Relying Parties that are there.
    parties: HashSet<RelyingPartyId>,
    by_credential: HashMap<CredentialHash, Known>,
    by_user: HashMap<UserKey, Arc<Owner>>,
    by_name: HashMap<RelyingPartyId, HashMap<String, UserId>>,
    /// What `by_credential` has of each user.
    hashes: HashMap<UserKey, Vec<[u8; 32]>>,
    /// How long policies of ceremonies are in the table at least.
    policies: HashMap<(RelyingPartyId, [u8; 16]), Timestamp>,
}

impl Inner {
    fn forget(&mut self, key: UserKey) {
        if let Some(owner) = self.by_user.remove(&key)
            && let Some(names) = self.by_name.get_mut(&key.0)
        {
            names.remove(&owner.0.name);
        }
        for hash in self.hashes.remove(&key).unwrap_or_default() {
            self.by_credential.remove(&(key.0, hash));
        }
    }

    /// Makes room for one more of `capacity`.
    fn make_room(&mut self, capacity: usize) {
        if self.by_credential.len() >= capacity
            && let Some((key, known)) = self.by_credential.iter().next()
        {
            let key = (key.0, known.signer.1.id);
            self.forget(key);
        }
        if self.by_user.len() >= capacity
            && let Some(key) = self.by_user.keys().next().copied()
        {
            self.forget(key);
        }
        if self.parties.len() >= capacity {
            self.parties.clear();
        }
    }
}

/// What a sign-in changes in the record of its credential.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) relying_party: RelyingPartyId,
    pub(super) user: UserId,
    pub(super) credential: CredentialKey,
    pub(super) id_hash: [u8; 32],
    pub(super) counter: SignCounter,
    pub(super) user_verified: bool,
    pub(super) backup_eligible: bool,
    pub(super) backup_state: bool,
    pub(super) at: Timestamp,
    /// Whether the row of the credential is written.
    pub(super) written: bool,
}

impl Use {
    fn note(&self, record: &mut CredentialRecord) {
        record.sign_count = self.counter.highest;
        record.sign_count_since_fall = self.counter.since_fall;
        record.uv_initialized |= self.user_verified;
        record.backup_eligible = Some(self.backup_eligible);
        record.backup_state = Some(self.backup_state);
        record.last_used = record.last_used.max(Some(self.at));
    }
}

/// The cache.
pub(super) struct Records {
    inner: Mutex<Inner>,
    /// Counts writes that changed what may be here, so that a read which overlapped one is not kept.
    changes: AtomicU64,
    capacity: usize,
    uncommitted: Mutex<Uncommitted>,
}

/// What a reader notes before it reads.
#[derive(Clone, Copy)]
pub(super) struct Before(u64);

impl Records {
    /// An empty cache of at most so many credentials, and as many users.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            changes: AtomicU64::new(0),
            capacity,
            uncommitted: Mutex::default(),
        }
    }

    /// To be noted before a read whose outcome is to be kept.
    pub(super) fn before(&self) -> Before {
        Before(self.changes.load(Ordering::Acquire))
    }

    fn keep(&self, before: Before, keep: impl FnOnce(&mut Inner)) {
        if self.capacity == 0 {
            return;
        }
        let mut inner = self.inner.lock();
        // Changes are counted under the lock.
        if self.changes.load(Ordering::Acquire) == before.0 {
            inner.make_room(self.capacity);
            keep(&mut inner);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock();
        self.changes.fetch_add(1, Ordering::AcqRel);
        change(&mut inner);
    }

    /// Whether the Relying Party is known to be there, and the user of it if one is named.
    pub(super) fn knows(&self, rp: RelyingPartyId, user: Option<UserId>) -> bool {
        let inner = self.inner.lock();
        match user {
            None => inner.parties.contains(&rp),
            Some(user) => {
                inner.by_user.contains_key(&(rp, user)) || inner.hashes.contains_key(&(rp, user))
            }
        }
    }

    /// The credential with this hash of its id, and its owner.
    pub(super) fn signer(&self, rp: RelyingPartyId, id_hash: [u8; 32]) -> Option<Arc<Signer>> {
        let inner = self.inner.lock();
        let known = inner.by_credential.get(&(rp, id_hash))?;
        Some(Arc::clone(&known.signer))
    }

    /// A user with all credentials.
    pub(super) fn owner(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Option<Arc<Owner>> {
        let inner = self.inner.lock();
        let id = match user {
            UserRef::Id(id) => id,
            UserRef::Name(name) => *inner.by_name.get(&rp)?.get(name)?,
        };
        inner.by_user.get(&(rp, id)).map(Arc::clone)
    }

    pub(super) fn keep_party(&self, before: Before, rp: RelyingPartyId) {
        self.keep(before, |inner| {
            inner.parties.insert(rp);
        });
    }

    pub(super) fn keep_signer(&self, before: Before, id_hash: [u8; 32], signer: &Arc<Signer>) {
        let key = (signer.1.relying_party, signer.1.id);
        self.keep(before, |inner| {
            let found = (key.0, id_hash);
            let known = Known {
                signer: Arc::clone(signer),
                written: None,
            };
            if inner.by_credential.insert(found, known).is_none() {
                inner.hashes.entry(key).or_default().push(id_hash);
            }
        });
    }

    pub(super) fn keep_owner(&self, before: Before, owner: &Arc<Owner>) {
        let user = &owner.0;
        let size = |record: &CredentialRecord| record.id.as_bytes().len() + record.public_key.len();
        if owner.1.len() > LONGEST_LIST || owner.1.iter().map(size).sum::<usize>() > LARGEST_LIST {
            return;
        }
        self.keep(before, |inner| {
            let names = inner.by_name.entry(user.relying_party).or_default();
            names.insert(user.name.clone(), user.id);
            let key = (user.relying_party, user.id);
            inner.by_user.insert(key, Arc::clone(owner));
        });
    }

    /// Whether a policy is in the table for as long as a ceremony needs it.
    pub(super) fn has_policy(&self, policy: &KeptPolicy) -> bool {
        let inner = self.inner.lock();
        let kept = inner.policies.get(&policy.key);
        kept.is_some_and(|until| *until >= policy.needed_until)
    }

    /// A policy was written.
    pub(super) fn keep_policy(&self, policy: &KeptPolicy) {
        let mut inner = self.inner.lock();
        if inner.policies.len() >= self.capacity {
            inner.policies.clear();
        }
        inner.policies.insert(policy.key, policy.kept_until);
    }

    /// A sign-in was committed.
    pub(super) fn used(&self, used: &Use) {
        self.change(|inner| {
            let found = (used.relying_party, used.id_hash);
            if let Some(known) = inner.by_credential.get_mut(&found) {
                used.note(&mut Arc::make_mut(&mut known.signer).0);
                if used.written {
                    known.written = known.written.max(Some(used.at));
                }
            }
            let key = (used.relying_party, used.user);
            if let Some(owner) = inner.by_user.get_mut(&key) {
                let records = &mut Arc::make_mut(owner).1;
                if let Some(record) = records.iter_mut().find(|r| r.key == used.credential) {
                    used.note(record);
                }
            }
        });
    }

    /// The credential with this hash of its id and its owner, and the last use that its row has, as the writer has them: `None` when
    /// they are not here, or a job of the running group may have changed them.
    pub(super) fn for_writer(
        &self,
        rp: RelyingPartyId,
        id_hash: [u8; 32],
    ) -> Option<(Arc<Signer>, Option<Timestamp>)> {
        let uncommitted = self.uncommitted.lock();
        if uncommitted.others > 0 || uncommitted.used.contains(&(rp, id_hash)) {
            return None;
        }
        drop(uncommitted);
        let inner = self.inner.lock();
        let known = inner.by_credential.get(&(rp, id_hash))?;
        Some((Arc::clone(&known.signer), known.written))
    }

    /// A job writes a sign-in with this credential.
    pub(super) fn using(&self, rp: RelyingPartyId, id_hash: [u8; 32]) {
        self.uncommitted.lock().used.push((rp, id_hash));
    }

    /// The group of that job has ended.
    pub(super) fn no_longer_using(&self, rp: RelyingPartyId, id_hash: [u8; 32]) {
        let mut uncommitted = self.uncommitted.lock();
        let place = uncommitted.used.iter().position(|u| *u == (rp, id_hash));
        if let Some(place) = place {
            uncommitted.used.swap_remove(place);
        }
    }

    /// A job that may write anything runs.
    pub(super) fn writing(&self) {
        self.uncommitted.lock().others += 1;
    }

    /// The group of that job has ended.
    pub(super) fn no_longer_writing(&self) {
        let mut uncommitted = self.uncommitted.lock();
        uncommitted.others = uncommitted.others.saturating_sub(1);
    }

    /// A write of the user or of one of their credentials was committed, or may have been.
    pub(super) fn changed_user(&self, rp: RelyingPartyId, user: UserId) {
        self.change(|inner| inner.forget((rp, user)));
    }

    /// A deletion of a Relying Party was committed, or may have been.
    pub(super) fn changed_party(&self) {
        self.change(|inner| *inner = Inner::default());
    }
}
