//! The keys of a Relying Party for tokens of a kind: the one that makes them, and those before it, whose tokens are still accepted.
//!
//! A store keeps a ring as one value. A ring of one key that is not sealed is the key itself. Every other ring is [`RING`] and a
//! [`Form`] as `postcard` writes it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::vault::{SealedFor, Vault};
use crate::model::clock::{Randomness, Timestamp};
use crate::model::ids::RelyingPartyId;
use crate::model::token::{TokenKey, TokenKind};

/// The first byte of a ring. A key pair begins with 0x30, and keys of the other kinds have 64 bytes, which no ring has.
const RING: u8 = 1;
/// Bytes of a key for message authentication codes: as long as the output of SHA-512 (RFC 7518 3.2).
pub(crate) const MAC_KEY_LENGTH: usize = 64;
/// What the keys are sealed for.
const PURPOSE: &str = "passkeyd token key v1";

/// Why the keys cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RingError {
    /// They are sealed, and this process has no master key.
    #[error(
        "the keys in the store are sealed, and this process has no master key: set the one of the other processes, and restart this one"
    )]
    Sealed,
    /// They are not sealed although the store is.
    #[error("a token key is not sealed although the store is: remove it, or restore a backup")]
    NotSealed,
    /// What is stored is no ring of this Relying Party and kind.
    #[error("a token key cannot be opened: it is damaged, or was sealed under another store key")]
    Unreadable,
}

/// A key of a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RingKey {
    /// Counts the keys of the Relying Party and kind, from 1.
    pub(crate) number: u32,
    /// When it was drawn; 0 when that was not noted.
    pub(crate) created: Timestamp,
    /// From when on it makes tokens.
    pub(crate) signs_from: Timestamp,
    /// From when on its tokens are refused; `None`: it has no end yet.
    pub(crate) ends: Option<Timestamp>,
    pub(crate) key: TokenKey,
}

impl RingKey {
    /// Whether its tokens are accepted at this moment.
    pub(crate) fn is_accepted(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}

/// The keys, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRing {
    pub(crate) keys: Vec<RingKey>,
    sealed: bool,
}

#[derive(Serialize, Deserialize)]
struct Form {
    sealed: bool,
    keys: Vec<Stored>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    number: u32,
    created: i64,
    signs_from: i64,
    ends: Option<i64>,
    key: Vec<u8>,
}

impl KeyRing {
    /// A ring of one key.
    pub(crate) fn of(key: TokenKey, now: Timestamp) -> Self {
        let first = RingKey {
            number: 1,
            created: now,
            signs_from: now,
            ends: None,
            key,
        };
        Self {
            keys: vec![first],
            sealed: false,
        }
    }

    /// Whether it was sealed in the store.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Reads what is stored.
    pub(crate) fn read(
        stored: &TokenKey,
        rp: RelyingPartyId,
        kind: TokenKind,
        vault: Option<&Vault>,
    ) -> Result<Self, RingError> {
        let bytes = stored.reveal();
        let is_ring = bytes.first() == Some(&RING) && bytes.len() != MAC_KEY_LENGTH;
        if !is_ring {
            if vault.is_some_and(Vault::is_complete) {
                return Err(RingError::NotSealed);
            }
            return Ok(Self::of(stored.clone(), Timestamp(0)));
        }
        let form: Form = postcard::from_bytes(&bytes[1..]).map_err(|_| RingError::Unreadable)?;
        let vault = match (form.sealed, vault) {
            (true, None) => return Err(RingError::Sealed),
            (false, Some(vault)) if vault.is_complete() => return Err(RingError::NotSealed),
            (true, vault) => vault,
            (false, _) => None,
        };
        let mut keys = Vec::with_capacity(form.keys.len());
        for stored in form.keys {
            let number = stored.number;
            let key = match vault {
                None => stored.key,
                Some(vault) => {
                    let opened = with_row(rp, kind, number, |of| vault.unseal(of, &stored.key));
                    opened.ok_or(RingError::Unreadable)?.to_vec()
                }
            };
            keys.push(RingKey {
                number,
                created: Timestamp(stored.created),
                signs_from: Timestamp(stored.signs_from),
                ends: stored.ends.map(Timestamp),
                key: TokenKey::new(key),
            });
        }
        if keys.is_empty() {
            return Err(RingError::Unreadable);
        }
        Ok(Self {
            keys,
            sealed: form.sealed,
        })
    }

    /// The value to store; `None` when the library cannot encrypt.
    pub(crate) fn stored(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        vault: Option<&Vault>,
        randomness: &dyn Randomness,
    ) -> Option<TokenKey> {
        if let ([only], None) = (&self.keys[..], vault)
            && only.number == 1
        {
            return Some(only.key.clone());
        }
        let mut keys = Vec::with_capacity(self.keys.len());
        for ring_key in &self.keys {
            let number = ring_key.number;
            let secret = ring_key.key.reveal();
            keys.push(Stored {
                number,
                created: ring_key.created.0,
                signs_from: ring_key.signs_from.0,
                ends: ring_key.ends.map(|ends| ends.0),
                key: match vault {
                    None => secret.to_vec(),
                    Some(vault) => {
                        with_row(rp, kind, number, |of| vault.seal(of, secret, randomness))?
                    }
                },
            });
        }
        let form = Form {
            sealed: vault.is_some(),
            keys,
        };
        let form = Zeroizing::new(postcard::to_allocvec(&form).ok()?);
        Some(TokenKey::new([&[RING][..], &form].concat()))
    }
}

fn with_row<T>(
    rp: RelyingPartyId,
    kind: TokenKind,
    number: u32,
    work: impl FnOnce(SealedFor<'_>) -> T,
) -> T {
    work(SealedFor {
        purpose: PURPOSE,
        row: &[&rp.0, kind.name().as_bytes(), &number.to_be_bytes()],
    })
}
