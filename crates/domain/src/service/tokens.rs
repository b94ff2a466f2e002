//! Keys for tokens of a Relying Party, and the memory of which one-time tokens were used.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use webauthn::error::Reason;

use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, RelyingPartyId, TokenId};
use crate::model::refusal::Refusal;
use crate::model::token::{TokenKey, TokenKind};
use crate::service::Passkeys;

/// Bytes of a key for message authentication codes: as long as the output of SHA-512 (RFC 7518 3.2).
const MAC_KEY_LENGTH: usize = 64;

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
            .get((rp, kind), self.now(), async |_| {
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
