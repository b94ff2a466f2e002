//! The store itself: what its nodes share, and what keeps it small and alive.

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::grant::{KeyUse, UsedKey};
use domain::model::ids::NodeId;
use domain::store::{Fault, Responds, Swept, Upkeep};

use super::Memory;

#[async_trait]
impl Upkeep for Memory {
    async fn shared_secret(&self, candidate: [u8; 32]) -> Result<[u8; 32], Fault> {
        Ok(*self.state().shared_secret.get_or_insert(candidate))
    }

    async fn store_key(&self) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.state().store_key.clone())
    }

    async fn keep_store_key(&self, candidate: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut state = self.state();
        let kept = state.store_key.get_or_insert_with(|| candidate.to_vec());
        Ok(kept.clone())
    }

    async fn replace_store_key(&self, expected: &[u8], new: &[u8]) -> Result<bool, Fault> {
        let mut state = self.state();
        let Some(stored) = &mut state.store_key else {
            return Ok(false);
        };
        if stored == expected {
            *stored = new.to_vec();
        }
        Ok(stored == new)
    }

    async fn latest_time(&self, now: Timestamp) -> Result<Timestamp, Fault> {
        let mut state = self.state();
        let latest = state.latest_time.map_or(now, |noted| noted.max(now));
        state.latest_time = Some(latest);
        Ok(latest)
    }

    async fn note_key_uses(&self, uses: &[KeyUse]) -> Result<(), Fault> {
        let mut state = self.state();
        for KeyUse { key, at } in uses {
            let noted = match key {
                UsedKey::Api(id) => state.api_keys.get_mut(id).map(|key| &mut key.used),
                UsedKey::Access(rp, id) => {
                    let key = state.access_keys.get_mut(&(*rp, *id));
                    key.map(|key| &mut key.used)
                }
            };
            if let Some(noted) = noted {
                *noted = (*noted).max(Some(*at));
            }
        }
        Ok(())
    }

    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        answers_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault> {
        let mut state = self.state();
        let budget = budget as usize;
        let answers = state.sweep_answers(answers_before, budget);
        let deletions = state.sweep_deletions(budget);
        // What a deletion has set aside expires all the same.
        let live = state.ceremonies.iter();
        let mut ceremonies: Vec<_> = live
            .map(|(key, kept)| (kept.ceremony.expires(), *key))
            .chain(state.deletions.iter().flat_map(|((_, rp, _), remains)| {
                let rows = remains.ceremonies.iter();
                rows.map(|(expires, id)| (*expires, (*rp, *id)))
            }))
            .filter(|(expires, _)| *expires < expired_before)
            .collect();
        ceremonies.sort_unstable();
        ceremonies.truncate(budget);
        for (_, key) in &ceremonies {
            state.ceremonies.remove(key);
            for ((_, rp, _), remains) in &mut state.deletions {
                let gone = |id| (*rp, id) == *key;
                remains.ceremonies.retain(|(_, id)| !gone(*id));
            }
        }
        let live = state.used_tokens.iter();
        let mut tokens: Vec<_> = live
            .map(|(key, (expires, _))| (*expires, *key))
            .chain(state.deletions.iter().flat_map(|((_, rp, _), remains)| {
                let rows = remains.used_tokens.iter();
                rows.map(|(expires, id)| (*expires, (*rp, *id)))
            }))
            .filter(|(expires, _)| *expires < expired_before)
            .collect();
        tokens.sort_unstable();
        tokens.truncate(budget);
        for (_, key) in &tokens {
            state.used_tokens.remove(key);
            for ((_, rp, _), remains) in &mut state.deletions {
                let gone = |id| (*rp, id) == *key;
                remains.used_tokens.retain(|(_, id)| !gone(*id));
            }
        }
        let events: Vec<_> = state
            .events
            .keys()
            .filter(|(_, at, _)| *at < events_before)
            .take(budget)
            .copied()
            .collect();
        for key in &events {
            state.events.remove(key);
        }
        Ok(Swept {
            deletions: deletions as u64,
            ceremonies: ceremonies.len() as u64,
            events: events.len() as u64,
            tokens: tokens.len() as u64,
            answers: answers as u64,
        })
    }

    async fn lease(
        &self,
        name: &str,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let taken = state.leases.get(name);
        if taken.is_some_and(|(holder, until)| *holder != node && *until > now) {
            return Ok(false);
        }
        state.leases.insert(name.to_owned(), (node, until));
        Ok(true)
    }

    async fn ping(&self) -> Result<Responds, Fault> {
        Ok(Responds::Fully)
    }

    async fn close(&self) -> Result<(), Fault> {
        Ok(())
    }
}
