//! Access keys, keys for tokens, and which one-time tokens were used.

use async_trait::async_trait;
use domain::model::access_key::AccessKey;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccessKeyId, AttemptId, RelyingPartyId, TokenId};
use domain::model::page::{Page, PageRequest};
use domain::model::token::{TokenKey, TokenKind};
use domain::store::{AccessKeys, Fault, Tokens};

use super::cells::{Cells, params, unreadable};
use super::pool::Does;
use super::records::{event_params, from_json, json};
use super::statements::Statement;
use super::{Postgres, settled};

fn access_key(cells: &mut Cells<'_>) -> Result<AccessKey, Fault> {
    let key: AccessKey = from_json(cells.plain()?, "an access key")?;
    let used = cells.maybe_int()?.map(Timestamp);
    Ok(AccessKey { used, ..key })
}

#[async_trait]
impl AccessKeys for Postgres {
    async fn create_access_key(&self, key: &AccessKey, event: &AuditEvent) -> Result<bool, Fault> {
        let body = json(key)?;
        let mut params = event_params(key.relying_party, event);
        params.extend(params![key.id.0, key.created.0, &body]);
        self.done_told((Statement::CreateAccessKey, params), event)
            .await
    }

    async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Option<AccessKey>, Fault> {
        let sent = (Statement::AccessKey, params![rp.0, id.0]);
        self.record(sent, access_key).await
    }

    async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AccessKey>, Fault> {
        let lists = (Statement::ListAccessKeys, Statement::ListAccessKeysDown);
        self.page(lists, params![rp.0], page, access_key).await
    }

    async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        self.delete(Statement::DeleteAccessKey, rp, id.0, event)
            .await
    }
}

#[async_trait]
impl Tokens for Postgres {
    async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Option<TokenKey>, Fault> {
        let sent = (Statement::TokenKey, params![rp.0, kind.name()]);
        self.record(sent, |cells| Ok(TokenKey::new(cells.bytes()?.to_vec())))
            .await
    }

    async fn keep_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        candidate: TokenKey,
    ) -> Result<Option<TokenKey>, Fault> {
        settled!({
            let params = params![rp.0, kind.name(), candidate.reveal()];
            let row = self
                .pool
                .only(Does::Write, (Statement::KeepTokenKey, params))
                .await?;
            let mut cells = Cells::new(&row);
            if !cells.bool()? {
                return Ok(Some(None));
            }
            let kept = cells.maybe_bytes()?;
            Ok(kept.map(|key| Some(TokenKey::new(key.to_vec()))))
        })
    }

    async fn replace_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        expected: &TokenKey,
        new: &TokenKey,
        event: Option<&AuditEvent>,
    ) -> Result<bool, Fault> {
        let change = params![kind.name(), expected.reveal(), new.reveal()];
        let (statement, mut params) = match event {
            Some(event) => (Statement::RotateTokenKey, event_params(rp, event)),
            None => (Statement::ReplaceTokenKey, params![rp.0]),
        };
        params.extend(change);
        let row = self.pool.only(Does::Write, (statement, params)).await?;
        let mut cells = Cells::new(&row);
        Ok(cells.any()? || cells.bool()?)
    }

    async fn list_token_keys(
        &self,
        after: Option<(RelyingPartyId, TokenKind)>,
        limit: u32,
    ) -> Result<Vec<(RelyingPartyId, TokenKind, TokenKey)>, Fault> {
        // The empty key is before every other one.
        let (rp, kind) = after.map_or((Vec::new(), ""), |(rp, kind)| (rp.0.to_vec(), kind.name()));
        let sent = (Statement::ListTokenKeys, params![&rp[..], kind, limit]);
        let rows = self.pool.one(Does::Read, sent).await?;
        let read = |row| {
            let mut cells = Cells::new(row);
            let rp = RelyingPartyId(cells.key()?);
            let kind = TokenKind::from_name(cells.plain()?)
                .ok_or_else(|| unreadable("a token key of an unknown kind"))?;
            Ok((rp, kind, TokenKey::new(cells.bytes()?.to_vec())))
        };
        rows.iter().map(read).collect()
    }

    async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        settled!({
            let params = params![rp.0, token.0, expires.0, attempt.0];
            let row = self
                .pool
                .only(Does::Write, (Statement::ClaimOnce, params))
                .await?;
            let mut cells = Cells::new(&row);
            if !cells.bool()? {
                return Ok(Some(false));
            }
            Ok(cells.maybe_key::<16>()?.map(|by| by == attempt.0))
        })
    }

    async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Fault> {
        self.holds((Statement::IsClaimed, params![rp.0, token.0]))
            .await
    }
}
