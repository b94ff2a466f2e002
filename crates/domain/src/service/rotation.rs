//! Token keys are replaced: a new key makes tokens, and those of the old one are accepted until they have expired.

use webauthn::error::Reason;

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::ids::RelyingPartyId;
use crate::model::refusal::Refusal;
use crate::model::token::{TokenKey, TokenKind};
use crate::service::key_ring::{KeyRing, RingKey};
use crate::service::tokens::draw_token_key;
use crate::service::{Passkeys, UPDATE_TRIES};

/// How long the tokens of a replaced key are accepted at least, in milliseconds: a day. A shorter life of tokens that was set
/// just before does not cut those that were made with a longer one.
const OVERLAP_MS: i64 = 24 * 3_600_000;

/// The same, after the longest life of a token.
const MARGIN_MS: i64 = 600_000;

/// How long a new key pair is published before it makes tokens, in milliseconds: others fetch the public keys now and then.
const PUBLISHED_MS: i64 = 3_600_000;

/// How long a new key is in the store before it makes tokens, in milliseconds. By then the keys that other nodes have read are old enough to be
/// read again when they do not accept a token.
const KNOWN_MS: i64 = 5_000;

/// A key for tokens, without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedTokenKey {
    /// What its tokens are for.
    pub kind: TokenKind,
    /// Counts the keys of the Relying Party and kind, from 1.
    pub number: u32,
    /// When it was drawn; `None` when that was not noted.
    pub created: Option<Timestamp>,
    /// From when on it makes tokens.
    pub signs_from: Timestamp,
    /// From when on its tokens are refused; `None`: it has no end.
    pub ends: Option<Timestamp>,
    /// Whether it makes the tokens now.
    pub signs: bool,
    /// Whether it is sealed in the store.
    pub sealed: bool,
}

/// What is to be done with the keys of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKeyChange {
    /// A new key makes tokens. Those of the present one are accepted until they have expired. Access keys have no end: theirs
    /// are accepted until [`TokenKeyChange::Retire`].
    Rotate,
    /// Tokens of all keys but the newest are refused from now on.
    Retire,
}

impl Passkeys {
    /// The keys for tokens of a Relying Party, by kind, the newest first, without those that have ended.
    ///
    /// # Errors
    /// Those of [`Passkeys::mac_key`].
    pub async fn list_token_keys(
        &self,
        rp: RelyingPartyId,
    ) -> Result<Vec<ListedTokenKey>, Refusal> {
        let mut listed = Vec::new();
        for kind in TokenKind::ALL.iter().copied() {
            if let Some(stored) = self.storage.token_key(rp, kind).await? {
                let ring = KeyRing::read(&stored, rp, kind, self.vault.as_ref())?;
                listed.extend(self.listed(kind, &ring));
            }
        }
        Ok(listed)
    }

    fn listed(&self, kind: TokenKind, ring: &KeyRing) -> Vec<ListedTokenKey> {
        let now = self.now();
        let maker = ring.keys.iter().find(|key| key.signs_from <= now);
        let maker = maker.or(ring.keys.last()).map(|key| key.number);
        let current = ring.keys.iter().filter(|key| key.is_accepted(now));
        current
            .map(|key| ListedTokenKey {
                kind,
                number: key.number,
                created: (key.created.0 > 0).then_some(key.created),
                signs_from: key.signs_from,
                ends: key.ends,
                signs: maker == Some(key.number),
                sealed: ring.is_sealed(),
            })
            .collect()
    }

    /// Changes the keys of a kind, and notes who did it. The keys of the kind afterwards. A new key makes tokens five
    /// seconds later, on other nodes within a minute; a new key pair an hour later. A kind that has no key yet stays without one.
    ///
    /// # Errors
    /// `relying_party_unknown`; those of [`Passkeys::mac_key`].
    pub async fn change_token_keys(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        change: TokenKeyChange,
        by: &Actor,
    ) -> Result<Vec<ListedTokenKey>, Refusal> {
        let prepared = self.relying_party_itself(rp).await?;
        let nevis = &prepared.settings.nevis;
        let seconds = nevis
            .status_token_seconds
            .max(nevis.transaction_token_seconds);
        let overlap_ms = OVERLAP_MS.max(i64::from(seconds) * 1000 + MARGIN_MS);
        for _ in 0..UPDATE_TRIES {
            let Some(stored) = self.storage.token_key(rp, kind).await? else {
                return Ok(Vec::new());
            };
            let now = self.now();
            let mut ring = KeyRing::read(&stored, rp, kind, self.vault.as_ref())?;
            match change {
                TokenKeyChange::Rotate => {
                    let key = draw_token_key(kind, &*self.randomness)?;
                    rotate(&mut ring, key, kind, overlap_ms, now);
                }
                TokenKeyChange::Retire => ring.keys.truncate(1),
            }
            if change == TokenKeyChange::Retire
                && let Some(newest) = ring.keys.first_mut()
            {
                newest.signs_from = newest.signs_from.min(now);
            }
            let new = self.to_store(&ring, rp, kind)?;
            let event = AuditEvent::new(self.draw(), AuditKind::TokenKeyRotated, rp, now, by)
                .target("token_key", kind.name(), None);
            let replaced = self
                .storage
                .replace_token_key(rp, kind, &stored, &new, Some(&event));
            let replaced = replaced.await;
            prepared.keys.forget(kind);
            if replaced? {
                let ring = KeyRing::read(&new, rp, kind, self.vault.as_ref())?;
                return Ok(self.listed(kind, &ring));
            }
        }
        Err(Refusal::new(
            Reason::StoreUnavailable,
            "the token key was changed by others again and again",
        ))
    }
}

/// Adds a new key, and gives the others an end.
fn rotate(ring: &mut KeyRing, key: TokenKey, kind: TokenKind, overlap_ms: i64, now: Timestamp) {
    let signs_from = match kind {
        TokenKind::Signing => now.plus_millis(PUBLISHED_MS),
        TokenKind::Access
        | TokenKind::Intent
        | TokenKind::Status
        | TokenKind::Transaction
        | TokenKind::Sealing => now.plus_millis(KNOWN_MS),
    };
    ring.keys.retain(|key| key.is_accepted(now));
    if kind != TokenKind::Access {
        let end = signs_from.plus_millis(overlap_ms);
        for old in &mut ring.keys {
            old.ends = Some(old.ends.map_or(end, |ends| ends.min(end)));
        }
    }
    let number = ring.keys.iter().map(|key| key.number).max().unwrap_or(0) + 1;
    ring.keys.insert(
        0,
        RingKey {
            number,
            created: now,
            signs_from,
            ends: None,
            key,
        },
    );
}
