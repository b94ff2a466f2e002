//! Accounts and the secrets by which they prove themselves.

use async_trait::async_trait;

use crate::model::account::{Account, ApiKey, Principal, SecretHash};
use crate::model::audit::AuditEvent;
use crate::model::grant::Grant;
use crate::model::ids::{AccountId, ApiKeyId};
use crate::model::page::{Page, PageRequest};
use crate::store::Fault;

/// What is stored about a [`Principal`].
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// The account that it proves.
    pub account: AccountId,
    /// Hash of the secret.
    pub hash: SecretHash,
    /// What the principal may do, and until when: an account everything, for ever.
    pub grant: Grant,
}

/// Outcome of [`Accounts::create_first_account`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstAccount {
    /// The store was empty; the account is there now.
    Created,
    /// There is an account already (the oldest one); nothing was changed.
    Exists(AccountId),
}

/// Accounts and the secrets by which they prove themselves. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Creates the account if the store holds none.
    async fn create_first_account(&self, account: &Account) -> Result<FirstAccount, Fault>;
    /// Adds an account; `false` when one with this key is there already.
    async fn create_account(&self, account: &Account) -> Result<bool, Fault>;
    /// All accounts.
    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, Fault>;
    /// Replaces the hash of an account's token; `false` when the account is not there.
    async fn replace_account_token(
        &self,
        account: AccountId,
        token: SecretHash,
    ) -> Result<bool, Fault>;
    /// Puts another hash of the same secret in the place of `expected`; `false` when another one is stored, or none.
    async fn replace_secret(
        &self,
        of: Principal,
        expected: SecretHash,
        new: SecretHash,
    ) -> Result<bool, Fault>;
    /// The stored hash of a principal's secret.
    async fn secret(&self, principal: Principal) -> Result<Option<StoredSecret>, Fault>;
    /// Adds an API key to an account; `false` when the account is not there.
    async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Fault>;
    /// API keys of an account.
    async fn list_api_keys(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Fault>;
    /// Removes an API key and records the event with it; `false` when it is not there, and then there is no event.
    async fn delete_api_key(
        &self,
        account: AccountId,
        key: ApiKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
}
