//! Accounts, the secrets by which they prove themselves, and responses that are kept for their calls.

use async_trait::async_trait;
use domain::model::account::{Account, ApiKey, Principal, SecretHash};
use domain::model::audit::AuditEvent;
use domain::model::grant::Grant;
use domain::model::ids::{AccountId, ApiKeyId, AttemptId, RelyingPartyId};
use domain::model::page::{Page, PageRequest};
use domain::store::{Accounts, Answers, Fault, FirstAccount, Reservation, Reserved, StoredSecret};

use super::cells::{Cells, params};
use super::pool::Does;
use super::records::{self, event_params};
use super::statements::Statement;
use super::{Postgres, settled};

#[async_trait]
impl Accounts for Postgres {
    async fn create_first_account(&self, account: &Account) -> Result<FirstAccount, Fault> {
        settled!({
            let params = params![account.id.0, account.token, account.created.0];
            let sent = (Statement::CreateFirstAccount, params);
            let row = self.pool.only(Does::Write, sent).await?;
            let mut cells = Cells::new(&row);
            let (created, oldest, same) = (cells.any()?, cells.maybe_key()?, cells.bool()?);
            Ok(if created || same {
                Some(FirstAccount::Created)
            } else {
                oldest.map(|id| FirstAccount::Exists(AccountId(id)))
            })
        })
    }

    async fn create_account(&self, account: &Account) -> Result<bool, Fault> {
        settled!({
            let params = params![account.id.0, account.token, account.created.0];
            let row = self
                .pool
                .only(Does::Write, (Statement::CreateAccount, params))
                .await?;
            let mut cells = Cells::new(&row);
            let (created, there, same) = (cells.any()?, cells.bool()?, cells.bool()?);
            Ok(if created {
                Some(true)
            } else {
                there.then_some(same)
            })
        })
    }

    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, Fault> {
        let lists = (Statement::ListAccounts, Statement::ListAccountsDown);
        self.page(lists, params![], page, records::account).await
    }

    async fn replace_account_token(
        &self,
        account: AccountId,
        token: SecretHash,
    ) -> Result<bool, Fault> {
        let sent = (Statement::ReplaceAccountToken, params![account.0, token]);
        self.pool.done(sent).await
    }

    async fn replace_secret(
        &self,
        of: Principal,
        expected: SecretHash,
        new: SecretHash,
    ) -> Result<bool, Fault> {
        let sent = match of {
            Principal::Account(id) => (
                Statement::ReplaceAccountSecret,
                params![id.0, expected, new],
            ),
            Principal::ApiKey(id) => (Statement::ReplaceApiKeySecret, params![id.0, expected, new]),
        };
        self.pool.done(sent).await
    }

    async fn secret(&self, principal: Principal) -> Result<Option<StoredSecret>, Fault> {
        let sent = match principal {
            Principal::Account(id) => (Statement::AccountSecret, params![id.0]),
            Principal::ApiKey(id) => (Statement::ApiKeySecret, params![id.0]),
        };
        self.record(sent, |cells| {
            Ok(StoredSecret {
                account: AccountId(cells.key()?),
                hash: cells.secret_hash()?,
                grant: match principal {
                    Principal::Account(_) => Grant::EVERYTHING,
                    Principal::ApiKey(_) => records::grant(cells)?,
                },
            })
        })
        .await
    }

    async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Fault> {
        let granted = records::granted(key.grant)?;
        let params = params![
            key.id.0,
            key.account.0,
            &key.name,
            key.secret,
            key.created.0,
            granted.as_deref(),
            key.used.map(|at| at.0),
        ];
        let row = self
            .pool
            .only(Does::Write, (Statement::CreateApiKey, params))
            .await?;
        Cells::new(&row).bool()
    }

    async fn list_api_keys(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Fault> {
        let lists = (Statement::ListApiKeys, Statement::ListApiKeysDown);
        self.page(lists, params![account.0], page, records::api_key)
            .await
    }

    async fn delete_api_key(
        &self,
        account: AccountId,
        key: ApiKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut params = event_params(RelyingPartyId(account.0), event);
        params.extend(params![key.0]);
        self.done_told((Statement::DeleteApiKey, params), event)
            .await
    }
}

#[async_trait]
impl Answers for Postgres {
    async fn reserve_answer(&self, new: &Reservation) -> Result<Reserved, Fault> {
        settled!({
            let params = params![
                new.account.0,
                new.key,
                new.content,
                new.attempt.0,
                new.now.0,
                new.expires.0,
                new.abandoned_before.0,
                new.max_per_account.max(1) - 1,
            ];
            let row = self
                .pool
                .only(Does::Write, (Statement::ReserveAnswer, params))
                .await?;
            let mut cells = Cells::new(&row);
            if cells.any()? {
                return Ok(Some(Reserved::Yours));
            }
            // No row: another attempt has reserved it meanwhile.
            let Some(content) = cells.maybe_key::<32>()? else {
                return Ok(None);
            };
            let attempt = cells.key::<16>()?;
            let started = cells.int()?;
            let answer = cells.maybe_bytes()?;
            Ok(if content != new.content {
                Some(Reserved::Different)
            } else if let Some(answer) = answer {
                Some(Reserved::Answered(answer.to_vec()))
            } else if attempt == new.attempt.0 {
                Some(Reserved::Yours)
            } else {
                (started >= new.abandoned_before.0).then_some(Reserved::Running)
            })
        })
    }

    async fn keep_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
        answer: &[u8],
    ) -> Result<bool, Fault> {
        let sent = (
            Statement::KeepAnswer,
            params![account.0, key, attempt.0, answer],
        );
        self.pool.done(sent).await
    }

    async fn release_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        let sent = (Statement::ReleaseAnswer, params![account.0, key, attempt.0]);
        self.pool.done(sent).await
    }
}
