//! Keys for tokens, and which one-time tokens were used.

use std::collections::btree_map::Entry;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AttemptId, RelyingPartyId, TokenId};
use domain::model::token::{TokenKey, TokenKind};
use domain::store::{Fault, Tokens};

use super::Memory;

#[async_trait]
impl Tokens for Memory {
    async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Option<TokenKey>, Fault> {
        Ok(self.state().token_keys.get(&(rp, kind)).cloned())
    }

    async fn keep_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        candidate: TokenKey,
    ) -> Result<Option<TokenKey>, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&rp) {
            return Ok(None);
        }
        let kept = state.token_keys.entry((rp, kind)).or_insert(candidate);
        Ok(Some(kept.clone()))
    }

    async fn replace_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        expected: &TokenKey,
        new: &TokenKey,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&rp) {
            return Ok(false);
        }
        let Some(stored) = state.token_keys.get_mut(&(rp, kind)) else {
            return Ok(false);
        };
        if stored != expected {
            return Ok(stored == new);
        }
        *stored = new.clone();
        if let Some(event) = event {
            state.record(event);
        }
        Ok(true)
    }

    async fn list_token_keys(
        &self,
        after: Option<(RelyingPartyId, TokenKind)>,
        limit: u32,
    ) -> Result<Vec<(RelyingPartyId, TokenKind, TokenKey)>, Fault> {
        let after = after.map(|(rp, kind)| (rp, kind.name()));
        let state = self.state();
        let mut found: Vec<_> = state
            .token_keys
            .iter()
            .filter(|((rp, kind), _)| Some((*rp, kind.name())) > after)
            .map(|((rp, kind), key)| (*rp, *kind, key.clone()))
            .collect();
        found.sort_by_key(|(rp, kind, _)| (*rp, kind.name()));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&rp) {
            return Ok(false);
        }
        match state.used_tokens.entry((rp, token)) {
            Entry::Occupied(place) => Ok(place.get().1 == attempt),
            Entry::Vacant(place) => {
                place.insert((expires, attempt));
                Ok(true)
            }
        }
    }

    async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Fault> {
        Ok(self.state().used_tokens.contains_key(&(rp, token)))
    }
}
