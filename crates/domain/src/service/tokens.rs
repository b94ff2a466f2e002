//! Keys for tokens of a Relying Party, and the memory of which one-time tokens were used.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use webauthn::error::Reason;

use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, RelyingPartyId, TokenId};
use crate::model::refusal::Refusal;
use crate::model::token::{MacKind, TokenKey, TokenKind};
use crate::service::Passkeys;
use crate::service::prepared::Prepared;
use crate::service::sealed::SealingKey;
use crate::service::token_keys::{MAC_KEY_LENGTH, MacKey, SigningKey};

impl Passkeys {
    /// The key for tokens of a kind. It is made when it is first asked for, is the same on every node, and is never replaced; it
    /// goes with the Relying Party. It is read once for each prepared Relying Party.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn mac_key<'p>(
        &self,
        rp: &'p Prepared,
        kind: MacKind,
    ) -> Result<&'p MacKey, Refusal> {
        let read = async || {
            let key = self.token_key(rp.id, kind.into()).await?;
            Ok(MacKey::new(key.reveal()))
        };
        rp.keys.mac(kind).get_or_try_init(read).await
    }

    /// The key pair for tokens that others can check; otherwise like [`Passkeys::mac_key`].
    ///
    /// # Errors
    /// `relying_party_unknown`; `record_unreadable` if what is stored is no key pair.
    pub async fn signing_key<'p>(&self, rp: &'p Prepared) -> Result<&'p SigningKey, Refusal> {
        let read = async || {
            let key = self.token_key(rp.id, TokenKind::Signing).await?;
            SigningKey::from_pkcs8(key.reveal()).ok_or_else(|| Reason::RecordUnreadable.into())
        };
        rp.keys.signing.get_or_try_init(read).await
    }

    /// The key that seals ceremonies; otherwise like [`Passkeys::mac_key`].
    pub(crate) async fn sealing_key<'p>(
        &self,
        rp: &'p Prepared,
    ) -> Result<&'p SealingKey, Refusal> {
        let read = async || {
            let key = self.token_key(rp.id, TokenKind::Sealing).await?;
            SealingKey::new(&key).ok_or_else(|| Reason::RecordUnreadable.into())
        };
        rp.keys.sealing.get_or_try_init(read).await
    }

    /// The key that has sealed ceremonies; `None` when there is none yet. A response writes none.
    pub(crate) async fn made_sealing_key<'p>(
        &self,
        rp: &'p Prepared,
    ) -> Result<Option<&'p SealingKey>, Refusal> {
        if let Some(key) = rp.keys.sealing.get() {
            return Ok(Some(key));
        }
        let Some(stored) = self.storage.token_key(rp.id, TokenKind::Sealing).await? else {
            return Ok(None);
        };
        let made = async || SealingKey::new(&stored).ok_or_else(|| Reason::RecordUnreadable.into());
        rp.keys.sealing.get_or_try_init(made).await.map(Some)
    }

    async fn token_key(&self, rp: RelyingPartyId, kind: TokenKind) -> Result<TokenKey, Refusal> {
        if let Some(stored) = self.storage.token_key(rp, kind).await? {
            return Ok(stored);
        }
        let candidate = self.new_token_key(kind)?;
        let kept = self.storage.keep_token_key(rp, kind, candidate).await?;
        kept.ok_or_else(|| Reason::RelyingPartyUnknown.into())
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
            TokenKind::Access
            | TokenKind::Intent
            | TokenKind::Status
            | TokenKind::Transaction
            | TokenKind::Sealing => {
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
