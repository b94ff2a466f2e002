//! Keys for tokens of a Relying Party, and the memory of which one-time tokens were used.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use webauthn::error::Reason;

use crate::model::clock::{Randomness, Timestamp};
use crate::model::ids::{AttemptId, RelyingPartyId, TokenId};
use crate::model::refusal::Refusal;
use crate::model::token::{MacKind, TokenKey, TokenKind};
use crate::service::Passkeys;
use crate::service::key_ring::{KeyRing, MAC_KEY_LENGTH, RingError};
use crate::service::prepared::Prepared;
use crate::service::sealed::SealingKey;
use crate::service::token_keys::{MacKey, Ready, SigningKey, Slot};

/// How long keys are used before they are read again, in milliseconds. A key that was replaced makes tokens for so long on other
/// nodes.
pub(crate) const READ_AGAIN_MS: i64 = 60_000;

/// A token that no key accepts may be of a key that another node has just drawn: then keys that are older than this, in milliseconds, are read again.
const MISSED_MS: i64 = 1000;

impl From<RingError> for Refusal {
    fn from(why: RingError) -> Self {
        let reason = match why {
            RingError::Sealed => Reason::StoreUnavailable,
            RingError::NotSealed | RingError::Unreadable => Reason::RecordUnreadable,
        };
        Self::new(reason, why.to_string())
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the other kinds of keys may be unreadable"
)]
fn mac_key(key: &TokenKey) -> Option<MacKey> {
    Some(MacKey::new(key.reveal()))
}

fn signing_key(key: &TokenKey) -> Option<SigningKey> {
    SigningKey::from_pkcs8(key.reveal())
}

/// Which keys are asked for, and what becomes of them.
struct Wanted<'p, K> {
    rp: &'p Prepared,
    kind: TokenKind,
    slot: &'p Slot<K>,
    make: fn(&TokenKey) -> Option<K>,
    /// Whether a key is drawn if there is none.
    draws: bool,
}

impl Passkeys {
    /// The key that makes tokens of a kind. The first one is drawn when it is asked for. All nodes have the same keys. They go with
    /// the Relying Party.
    ///
    /// # Errors
    /// `relying_party_unknown`; `record_unreadable` if what is stored is no key; `store_unavailable` if it is sealed and this process has no master key.
    pub async fn mac_key(&self, rp: &Prepared, kind: MacKind) -> Result<Arc<MacKey>, Refusal> {
        let ready = self.ready(&wanted_mac(rp, kind), READ_AGAIN_MS).await?;
        self.maker(ready)
    }

    /// What `verify` makes of the first key for tokens of a kind that it accepts. It is called for each key whose tokens are valid.
    ///
    /// # Errors
    /// Those of [`Passkeys::mac_key`].
    pub async fn verified_with_mac<T>(
        &self,
        rp: &Prepared,
        kind: MacKind,
        verify: impl Fn(&MacKey) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.verified(&wanted_mac(rp, kind), verify).await
    }

    /// The key pair that makes tokens which others can check; otherwise like [`Passkeys::mac_key`].
    ///
    /// # Errors
    /// Those of [`Passkeys::mac_key`].
    pub async fn signing_key(&self, rp: &Prepared) -> Result<Arc<SigningKey>, Refusal> {
        let ready = self.ready(&wanted_signing(rp), READ_AGAIN_MS).await?;
        self.maker(ready)
    }

    /// All key pairs whose tokens are valid, and those that will make tokens soon.
    ///
    /// # Errors
    /// Those of [`Passkeys::mac_key`].
    pub async fn signing_keys(&self, rp: &Prepared) -> Result<Vec<Arc<SigningKey>>, Refusal> {
        let ready = self.ready(&wanted_signing(rp), READ_AGAIN_MS).await?;
        let now = self.now();
        Ok(ready.map_or_else(Vec::new, |keys| keys.accepted(now).cloned().collect()))
    }

    /// As [`Passkeys::verified_with_mac`], for tokens that others can check.
    ///
    /// # Errors
    /// Those of [`Passkeys::mac_key`].
    pub async fn verified_with_signature<T>(
        &self,
        rp: &Prepared,
        verify: impl Fn(&SigningKey) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.verified(&wanted_signing(rp), verify).await
    }

    /// The key that seals ceremonies; otherwise like [`Passkeys::mac_key`].
    pub(crate) async fn sealing_key(&self, rp: &Prepared) -> Result<Arc<SealingKey>, Refusal> {
        let ready = self.ready(&wanted_sealing(rp, true), READ_AGAIN_MS).await?;
        self.maker(ready)
    }

    /// What `open` makes of the first key that has sealed ceremonies and that it accepts. A response draws no key.
    pub(crate) async fn opened_with_sealing_key<T>(
        &self,
        rp: &Prepared,
        open: impl Fn(&SealingKey) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.verified(&wanted_sealing(rp, false), open).await
    }

    /// A key that is never replaced, for what must look the same for ever.
    pub fn lasting_key(&self, rp: &Prepared) -> MacKey {
        MacKey::new(
            &self
                .answer_key
                .image(b"lasting key of a Relying Party", &[&rp.id.0]),
        )
    }

    fn maker<K>(&self, ready: Option<Arc<Ready<K>>>) -> Result<Arc<K>, Refusal> {
        ready
            .and_then(|keys| keys.maker(self.now()))
            .ok_or_else(|| Reason::RelyingPartyUnknown.into())
    }

    async fn verified<K, T>(
        &self,
        wanted: &Wanted<'_, K>,
        verify: impl Fn(&K) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        for longest_ms in [READ_AGAIN_MS, MISSED_MS] {
            let Some(keys) = self.ready(wanted, longest_ms).await? else {
                return Ok(None);
            };
            if let Some(found) = keys.accepted(self.now()).find_map(|key| verify(key)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The keys, read at most so many milliseconds ago; `None` when there is none and none is drawn.
    async fn ready<K>(
        &self,
        wanted: &Wanted<'_, K>,
        longest_ms: i64,
    ) -> Result<Option<Arc<Ready<K>>>, Refusal> {
        let now = self.now();
        if let Some(ready) = wanted.slot.get()
            && ready.is_younger(now, longest_ms)
        {
            return Ok(Some(ready));
        }
        let Some(ring) = self.ring(wanted.rp.id, wanted.kind, wanted.draws).await? else {
            return Ok(None);
        };
        let ready = Ready::of(&ring, now, wanted.make);
        let ready = ready.ok_or_else(|| Refusal::from(RingError::Unreadable))?;
        Ok(Some(wanted.slot.put(ready)))
    }

    async fn ring(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        draws: bool,
    ) -> Result<Option<KeyRing>, Refusal> {
        let vault = self.vault.as_ref();
        let stored = match self.storage.token_key(rp, kind).await? {
            Some(stored) => stored,
            None if !draws => return Ok(None),
            None => {
                // Another node may have got a master key meanwhile.
                if vault.is_none() && self.storage.store_key().await?.is_some() {
                    return Err(RingError::Sealed.into());
                }
                let first = KeyRing::of(draw_token_key(kind, &*self.randomness)?, self.now());
                let candidate = self.to_store(&first, rp, kind)?;
                let kept = self.storage.keep_token_key(rp, kind, candidate).await?;
                kept.ok_or_else(|| Refusal::from(Reason::RelyingPartyUnknown))?
            }
        };
        Ok(Some(KeyRing::read(&stored, rp, kind, vault)?))
    }

    pub(crate) fn to_store(
        &self,
        ring: &KeyRing,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<TokenKey, Refusal> {
        let stored = ring.stored(rp, kind, self.vault.as_ref(), &*self.randomness);
        stored.ok_or_else(|| Refusal::new(Reason::Internal, "a token key could not be sealed"))
    }

    /// The id of a new token.
    pub fn new_token_id(&self) -> TokenId {
        TokenId::random(&*self.randomness)
    }

    /// Uses a one-time token that is valid until `expires`; `false` when it was used before, or its Relying Party is
    /// not there. Of several uses at once one is the first.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
    ) -> Result<bool, Refusal> {
        let attempt = AttemptId::random(&*self.randomness);
        Ok(self.storage.claim_once(rp, token, expires, attempt).await?)
    }

    /// Whether a one-time token was used.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Refusal> {
        Ok(self.storage.is_claimed(rp, token).await?)
    }
}

/// Draws a key for tokens of a kind.
pub(crate) fn draw_token_key(
    kind: TokenKind,
    randomness: &dyn Randomness,
) -> Result<TokenKey, Refusal> {
    Ok(TokenKey::new(match kind {
        TokenKind::Signing => {
            #[expect(
                clippy::disallowed_methods,
                reason = "the library makes key pairs with its own generator only, which is the operating system's"
            )]
            let random = SystemRandom::new();
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                .map_err(|_| Refusal::new(Reason::Internal, "no key pair could be made"))?
                .as_ref()
                .to_vec()
        }
        TokenKind::Access
        | TokenKind::Intent
        | TokenKind::Status
        | TokenKind::Transaction
        | TokenKind::Sealing => {
            let mut bytes = vec![0; MAC_KEY_LENGTH];
            randomness.fill(&mut bytes);
            bytes
        }
    }))
}

fn wanted_mac(rp: &Prepared, kind: MacKind) -> Wanted<'_, MacKey> {
    Wanted {
        rp,
        kind: kind.into(),
        slot: rp.keys.mac(kind),
        make: mac_key,
        draws: true,
    }
}

fn wanted_signing(rp: &Prepared) -> Wanted<'_, SigningKey> {
    Wanted {
        rp,
        kind: TokenKind::Signing,
        slot: &rp.keys.signing,
        make: signing_key,
        draws: true,
    }
}

fn wanted_sealing(rp: &Prepared, draws: bool) -> Wanted<'_, SealingKey> {
    Wanted {
        rp,
        kind: TokenKind::Sealing,
        slot: &rp.keys.sealing,
        make: SealingKey::new,
        draws,
    }
}
