//! What the server needs to make and check tokens of a Relying Party: its secret keys, and the memory of which one-time
//! tokens were used. What a token looks like is the server's business.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use subtle::ConstantTimeEq;
use webauthn::error::Reason;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Passkeys;
use crate::clock::Timestamp;
use crate::error::Refusal;
use crate::ids::{RelyingPartyId, TokenId};

/// Bytes of a key for message authentication codes: as long as the output of SHA-512 (RFC 7518 3.2).
const MAC_KEY_LENGTH: usize = 64;

/// What a token key is for. Each kind has a key of its own, so that a token of one kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// Access keys of back ends.
    Access,
    /// One-time tokens that start a ceremony.
    Intent,
    /// Tokens that ask how a ceremony stands.
    Status,
    /// Tokens that prove how a ceremony ended.
    Transaction,
    /// The key pair of tokens that others can check.
    Signing,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Access,
        Self::Intent,
        Self::Status,
        Self::Transaction,
        Self::Signing,
    ];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Intent => "intent",
            Self::Status => "status",
            Self::Transaction => "transaction",
            Self::Signing => "signing",
        }
    }
}

/// A secret key for tokens: 64 random bytes, or for [`TokenKind::Signing`] a P-256 key pair as PKCS#8 (RFC 5958).
///
/// It is wiped when dropped and prints as a placeholder.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TokenKey(Vec<u8>);

impl TokenKey {
    /// Takes bytes as a key.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The key itself.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenKey {}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

impl Passkeys {
    /// The Relying Party's key for tokens of a kind. It is made when it is first asked for, is the same on every node,
    /// and is never replaced; it goes with the Relying Party.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Arc<TokenKey>, Refusal> {
        self.token_keys
            .get((rp, kind), self.now(), async || {
                let mut stored = self.storage.token_key(rp, kind).await?;
                if stored.is_none() {
                    let candidate = self.new_token_key(kind)?;
                    stored = self.storage.keep_token_key(rp, kind, candidate).await?;
                }
                Ok::<_, Refusal>(stored.map(Arc::new))
            })
            .await?
            .ok_or_else(|| Reason::RelyingPartyUnknown.into())
    }

    fn new_token_key(&self, kind: TokenKind) -> Result<TokenKey, Refusal> {
        Ok(TokenKey::new(match kind {
            // The library draws the key itself, from the operating system's generator.
            TokenKind::Signing => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                    .map_err(|_| Refusal::new(Reason::Internal, "no key pair could be made"))?
                    .as_ref()
                    .to_vec()
            }
            TokenKind::Access | TokenKind::Intent | TokenKind::Status | TokenKind::Transaction => {
                let mut bytes = vec![0; MAC_KEY_LENGTH];
                self.randomness.fill(&mut bytes);
                bytes
            }
        }))
    }

    /// The id of a new token.
    pub fn new_token_id(&self) -> TokenId {
        TokenId::random(&*self.randomness)
    }

    /// Uses a one-time token that is valid until `expires`; `false` when it was used before, or its Relying Party is
    /// not there. Of several uses at once one is the first.
    pub async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
    ) -> Result<bool, Refusal> {
        Ok(self.storage.claim_once(rp, token, expires).await?)
    }

    /// Whether a one-time token was used.
    pub async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Refusal> {
        Ok(self.storage.is_claimed(rp, token).await?)
    }
}
