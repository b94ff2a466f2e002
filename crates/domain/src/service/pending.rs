//! How many ceremonies of a user are pending: a cap that costs a start no look-up.
//!
//! Each node remembers which ceremonies it started. When a user has as many as the policy allows, the next start names the
//! oldest, and the store drops it by its key in the same write. On several nodes each counts its own, and a node that was
//! restarted begins anew: what it forgot is dropped when it expires, as every ceremony is.

use std::collections::VecDeque;

use foldhash::HashMap;
use parking_lot::Mutex;

use crate::model::ceremony::CeremonyKind;
use crate::model::ids::{CeremonyId, EnrolmentId, RelyingPartyId, UserId};

/// Most starts that are remembered, of all users together.
const MOST: usize = 20_000;

/// Whose ceremonies of which kind are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    relying_party: RelyingPartyId,
    user: UserId,
    kind: CeremonyKind,
    /// The one-time link by which they start.
    link: Option<EnrolmentId>,
}

impl Key {
    /// With which others a registration of a user is counted. Those of a one-time link are counted separately, so the
    /// holder of the link cannot displace a registration that the product started for the user.
    pub(crate) fn of_registration(
        relying_party: RelyingPartyId,
        user: UserId,
        link: Option<EnrolmentId>,
    ) -> Self {
        Self {
            relying_party,
            user,
            kind: CeremonyKind::Registration,
            link,
        }
    }

    /// With which others an authentication is counted; one of nobody in particular with none.
    pub(crate) fn of_authentication(
        relying_party: RelyingPartyId,
        user: Option<UserId>,
    ) -> Option<Self> {
        Some(Self {
            relying_party,
            user: user?,
            kind: CeremonyKind::Authentication,
            link: None,
        })
    }
}

#[derive(Default)]
struct Starts {
    /// The pending ones of each user, oldest first.
    pending: HashMap<Key, VecDeque<CeremonyId>>,
    /// All of them, and some that have ended, oldest first.
    order: VecDeque<(Key, CeremonyId)>,
}

impl Starts {
    fn remove(&mut self, key: &Key, id: CeremonyId) {
        if let Some(pending) = self.pending.get_mut(key) {
            pending.retain(|own| *own != id);
            if pending.is_empty() {
                self.pending.remove(key);
            }
        }
    }
}

/// The starts that this node remembers.
#[derive(Default)]
pub(crate) struct Pending(Mutex<Starts>);

impl Pending {
    /// Remembers a ceremony that is about to be started, and gives those that it displaces: the oldest, so that `most` are left,
    /// itself included.
    pub(crate) fn start(&self, key: Option<Key>, id: CeremonyId, most: u32) -> Vec<CeremonyId> {
        let Some(key) = key else {
            return Vec::new();
        };
        let starts = &mut *self.0.lock();
        let pending = starts.pending.entry(key).or_default();
        let surplus = (pending.len() + 1).saturating_sub(most.max(1) as usize);
        let displaced = pending.drain(..surplus).collect();
        pending.push_back(id);
        starts.order.push_back((key, id));
        if starts.order.len() > MOST
            && let Some((key, oldest)) = starts.order.pop_front()
        {
            starts.remove(&key, oldest);
        }
        displaced
    }

    /// Forgets a ceremony that is not pending any more, or never was.
    pub(crate) fn end(&self, key: Option<Key>, id: CeremonyId) {
        if let Some(key) = key {
            self.0.lock().remove(&key, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(user: u8) -> Key {
        Key {
            relying_party: RelyingPartyId([1; 16]),
            user: UserId([user; 16]),
            kind: CeremonyKind::Authentication,
            link: None,
        }
    }

    fn id(n: usize) -> CeremonyId {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&n.to_be_bytes());
        CeremonyId(key)
    }

    #[test]
    fn the_oldest_pending_ceremonies_of_a_user_make_room() {
        let pending = Pending::default();
        let start = |key, n, most| pending.start(key, id(n), most);
        for n in 0..3 {
            assert_eq!(start(Some(of(1)), n, 3), []);
        }
        // Another user, and nobody, count for themselves.
        assert_eq!(start(Some(of(2)), 10, 3), []);
        for n in 20..30 {
            assert_eq!(start(None, n, 3), []);
        }
        assert_eq!(start(Some(of(1)), 3, 3), [id(0)]);
        // One that ended has made room already.
        pending.end(Some(of(1)), id(2));
        assert_eq!(start(Some(of(1)), 4, 3), []);
        // A lower cap displaces more at once; no cap is below the one that starts.
        assert_eq!(start(Some(of(1)), 5, 2), [id(1), id(3)]);
        assert_eq!(start(Some(of(1)), 6, 0), [id(4), id(5)]);
    }

    #[test]
    fn no_more_starts_are_remembered_than_there_is_room_for() {
        let pending = Pending::default();
        pending.start(Some(of(1)), id(0), 2);
        pending.start(Some(of(1)), id(1), 2);
        for n in 2..=MOST {
            pending.start(Some(of(2)), id(n), 2);
        }
        assert_eq!(pending.0.lock().order.len(), MOST);
        // The first one is forgotten, so it is not dropped.
        assert_eq!(pending.start(Some(of(1)), id(MOST + 1), 2), []);
        for n in 0..=MOST {
            pending.end(Some(of(2)), id(n));
        }
        assert_eq!(pending.0.lock().pending.len(), 1);
    }
}
