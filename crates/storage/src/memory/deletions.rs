//! What deleted Relying Parties and users had. It is set aside at once, so that no operation finds it; the sweep removes it
//! within its budget, as it does in a store whose deletions must be short.

use domain::model::ceremony::{Ceremony, CeremonyKind};
use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{RelyingPartyId, UserId};
use webauthn::credential::CredentialId;

use super::remains::{Deleted, Remains};
use super::state::State;

/// Removes the values of a map that fit, in the order of the keys.
fn extract<K: Ord + Copy, V>(
    map: &mut std::collections::BTreeMap<K, V>,
    fits: impl Fn(&K, &V) -> bool,
) -> Vec<(K, V)> {
    let found: Vec<K> = map
        .iter()
        .filter(|(key, value)| fits(key, value))
        .map(|(key, _)| *key)
        .collect();
    found
        .into_iter()
        .filter_map(|key| map.remove_entry(&key))
        .collect()
}

impl State {
    pub(super) fn delete_relying_party(&mut self, id: RelyingPartyId, at: Timestamp) -> bool {
        if self.relying_parties.remove(&id).is_none() {
            return false;
        }
        let ceremonies = extract(&mut self.ceremonies, |(rp, _), _| *rp == id);
        let credentials = extract(&mut self.credentials, |(rp, _), _| *rp == id);
        let tokens = extract(&mut self.used_tokens, |(rp, _), _| *rp == id);
        let remains = Remains {
            ceremonies: ceremonies
                .into_iter()
                .map(|((_, id), kept)| (kept.ceremony.expires(), id))
                .collect(),
            credentials: credentials.into_iter().map(|(_, c)| c.id).collect(),
            others: extract(&mut self.users, |(rp, _), _| *rp == id).len()
                + extract(&mut self.webhooks, |(rp, _), _| *rp == id).len()
                + extract(&mut self.deliveries, |(rp, _), _| *rp == id).len()
                + extract(&mut self.access_keys, |(rp, _), _| *rp == id).len()
                + extract(&mut self.token_keys, |(rp, _), _| *rp == id).len(),
            used_tokens: tokens
                .into_iter()
                .map(|((_, id), (expires, _))| (expires, id))
                .collect(),
        };
        self.deletions.insert((at, id, Deleted::Whole), remains);
        true
    }

    pub(super) fn delete_user(&mut self, rp: RelyingPartyId, user: UserId, at: Timestamp) -> bool {
        if self.users.remove(&(rp, user)).is_none() {
            return false;
        }
        let theirs =
            |ceremony: &Ceremony| (ceremony.relying_party(), ceremony.user()) == (rp, Some(user));
        let mut ceremonies = extract(&mut self.ceremonies, |_, kept| theirs(&kept.ceremony));
        ceremonies.sort_by_key(|((_, id), kept)| {
            let authentication = kept.ceremony.kind() == CeremonyKind::Authentication;
            (authentication, kept.ceremony.created(), *id)
        });
        let theirs = |c: &CredentialRecord| (c.relying_party, c.user) == (rp, user);
        let mut credentials = extract(&mut self.credentials, |_, c| theirs(c));
        credentials.sort_by_key(|((_, key), c)| (c.created, *key));
        let remains = Remains {
            ceremonies: ceremonies
                .into_iter()
                .map(|((_, id), kept)| (kept.ceremony.expires(), id))
                .collect(),
            credentials: credentials.into_iter().map(|(_, c)| c.id).collect(),
            ..Remains::default()
        };
        self.deletions
            .insert((at, rp, Deleted::User(user)), remains);
        true
    }

    /// A credential with this id is registered anew, in the place of one of a deleted user.
    pub(super) fn remove_remains(&mut self, rp: RelyingPartyId, id: &CredentialId) {
        for ((_, of, _), remains) in &mut self.deletions {
            if *of == rp {
                remains.credentials.retain(|credential| credential != id);
            }
        }
    }

    pub(super) fn sweep_deletions(&mut self, budget: usize) -> usize {
        let mut left = budget;
        while left > 0 {
            let Some(mut deletion) = self.deletions.first_entry() else {
                break;
            };
            let remains = deletion.get_mut();
            let mut take = |rows: usize| {
                let taken = rows.min(left);
                left -= taken;
                taken
            };
            let taken = take(remains.ceremonies.len());
            remains.ceremonies.drain(..taken);
            let taken = take(remains.credentials.len());
            remains.credentials.drain(..taken);
            remains.others -= take(remains.others);
            let taken = take(remains.used_tokens.len());
            remains.used_tokens.drain(..taken);
            if take(1) == 1 {
                deletion.remove();
            }
        }
        budget - left
    }
}
