//! Keys for tokens, and which one-time tokens were used.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AttemptId, RelyingPartyId, TokenId};
use domain::model::token::{TokenKey, TokenKind};
use domain::store::{Fault, Tokens};

use super::{Embedded, reads, writes};

#[async_trait]
impl Tokens for Embedded {
    async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Option<TokenKey>, Fault> {
        self.points.read(|c| reads::token_key(c, rp, kind))
    }

    async fn keep_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        candidate: TokenKey,
    ) -> Result<Option<TokenKey>, Fault> {
        self.write(move |c| writes::keep_token_key(c, rp, kind, candidate))
            .await
    }

    async fn replace_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        expected: &TokenKey,
        new: &TokenKey,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault> {
        let (expected, new, event) = (expected.clone(), new.clone(), event.cloned());
        self.write(move |c| {
            writes::replace_token_key(c, rp, kind, (&expected, &new), event.as_ref())
        })
        .await
    }

    async fn list_token_keys(
        &self,
        after: Option<(RelyingPartyId, TokenKind)>,
        limit: u32,
    ) -> Result<Vec<(RelyingPartyId, TokenKind, TokenKey)>, Fault> {
        self.list(move |c| reads::list_token_keys(c, after, limit))
            .await
    }

    async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::claim_once(c, rp, token, expires, attempt))
            .await
    }

    async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Fault> {
        self.points.read(|c| reads::is_claimed(c, rp, token))
    }
}
