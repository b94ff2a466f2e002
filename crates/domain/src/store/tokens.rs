//! Keys for tokens, and which one-time tokens were used.

use async_trait::async_trait;

use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, RelyingPartyId, TokenId};
use crate::model::token::{TokenKey, TokenKind};
use crate::store::Fault;

/// Keys for tokens, and which one-time tokens were used. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Tokens: Send + Sync {
    /// The Relying Party's key for tokens of a kind, if there is one.
    async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Option<TokenKey>, Fault>;
    /// The Relying Party's key for tokens of a kind: the stored one, else `candidate`, stored now;
    /// `None` when the Relying Party is not there.
    async fn keep_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        candidate: TokenKey,
    ) -> Result<Option<TokenKey>, Fault>;
    /// Replaces the Relying Party's key for tokens of a kind, with an event if there is one; `false` when the stored key is neither
    /// `expected` nor `new`, or the Relying Party is not there.
    async fn replace_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        expected: &TokenKey,
        new: &TokenKey,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault>;
    /// At most `limit` token keys of all Relying Parties, ordered by Relying Party and name of the kind, after this one.
    async fn list_token_keys(
        &self,
        after: Option<(RelyingPartyId, TokenKind)>,
        limit: u32,
    ) -> Result<Vec<(RelyingPartyId, TokenKind, TokenKey)>, Fault>;
    /// Notes that an attempt uses a token; `false` when another attempt used it before, or the Relying Party is not
    /// there. The note may go once `expires` has passed, for then the token itself is worth nothing.
    async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
        attempt: AttemptId,
    ) -> Result<bool, Fault>;
    /// Whether a token is noted as used.
    async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Fault>;
}
