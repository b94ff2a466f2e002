//! Accounts and the secrets by which they prove themselves.

use async_trait::async_trait;
use domain::model::account::{Account, ApiKey, Principal, SecretHash};
use domain::model::audit::AuditEvent;
use domain::model::ids::{AccountId, ApiKeyId};
use domain::model::page::{Page, PageRequest};
use domain::store::{Accounts, Fault, FirstAccount, StoredSecret};

use super::{Embedded, reads, writes};

#[async_trait]
impl Accounts for Embedded {
    async fn create_first_account(&self, account: &Account) -> Result<FirstAccount, Fault> {
        let account = account.clone();
        self.write_at_start(move |c| writes::create_first_account(c, &account))
            .await
    }

    async fn create_account(&self, account: &Account) -> Result<bool, Fault> {
        let account = account.clone();
        self.write(move |c| writes::create_account(c, &account))
            .await
    }

    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, Fault> {
        self.list(move |c| reads::list_accounts(c, page)).await
    }

    async fn replace_account_token(
        &self,
        account: AccountId,
        token: SecretHash,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::replace_account_token(c, account, token))
            .await
    }

    async fn replace_secret(
        &self,
        of: Principal,
        expected: SecretHash,
        new: SecretHash,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::replace_secret(c, of, expected, new))
            .await
    }

    async fn secret(&self, principal: Principal) -> Result<Option<StoredSecret>, Fault> {
        self.points.read(|c| reads::secret(c, principal))
    }

    async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Fault> {
        let key = key.clone();
        self.write(move |c| writes::create_api_key(c, &key)).await
    }

    async fn list_api_keys(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Fault> {
        self.list(move |c| reads::list_api_keys(c, account, page))
            .await
    }

    async fn delete_api_key(
        &self,
        account: AccountId,
        key: ApiKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| writes::delete_api_key(c, account, key, &event))
            .await
    }
}
