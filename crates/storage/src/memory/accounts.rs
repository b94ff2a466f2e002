//! Accounts and the secrets by which they prove themselves.

use async_trait::async_trait;
use domain::model::account::{Account, ApiKey, Principal, SecretHash};
use domain::model::audit::AuditEvent;
use domain::model::grant::Grant;
use domain::model::ids::{AccountId, ApiKeyId};
use domain::model::page::{Page, PageRequest};
use domain::store::{Accounts, Fault, FirstAccount, StoredSecret};

use super::Memory;
use super::state::page;

/// Whether two records are of one and the same call.
fn same(stored: &Account, account: &Account) -> bool {
    (stored.id, stored.token, stored.created) == (account.id, account.token, account.created)
}

#[async_trait]
impl Accounts for Memory {
    async fn create_first_account(&self, account: &Account) -> Result<FirstAccount, Fault> {
        let mut state = self.state();
        if let Some(oldest) = state.accounts.values().min_by_key(|a| (a.created, a.id)) {
            // This very account, where the call is sent again.
            return Ok(if same(oldest, account) {
                FirstAccount::Created
            } else {
                FirstAccount::Exists(oldest.id)
            });
        }
        state.accounts.insert(account.id, account.clone());
        Ok(FirstAccount::Created)
    }

    async fn create_account(&self, account: &Account) -> Result<bool, Fault> {
        let mut state = self.state();
        if let Some(stored) = state.accounts.get(&account.id) {
            return Ok(same(stored, account));
        }
        state.accounts.insert(account.id, account.clone());
        Ok(true)
    }

    async fn list_accounts(&self, request: PageRequest) -> Result<Page<Account>, Fault> {
        let state = self.state();
        let accounts = state.accounts.values().cloned();
        Ok(page(accounts, request, |a| (a.created, a.id.0)))
    }

    async fn replace_account_token(
        &self,
        account: AccountId,
        token: SecretHash,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let Some(stored) = state.accounts.get_mut(&account) else {
            return Ok(false);
        };
        stored.token = token;
        Ok(true)
    }

    async fn replace_secret(
        &self,
        of: Principal,
        expected: SecretHash,
        new: SecretHash,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let stored = match of {
            Principal::Account(id) => state.accounts.get_mut(&id).map(|a| &mut a.token),
            Principal::ApiKey(id) => state.api_keys.get_mut(&id).map(|k| &mut k.secret),
        };
        // The new one is there already where the call is sent again.
        let Some(stored) = stored.filter(|stored| **stored == expected || **stored == new) else {
            return Ok(false);
        };
        *stored = new;
        Ok(true)
    }

    async fn secret(&self, principal: Principal) -> Result<Option<StoredSecret>, Fault> {
        let state = self.state();
        Ok(match principal {
            Principal::Account(id) => state.accounts.get(&id).map(|account| StoredSecret {
                account: id,
                hash: account.token,
                grant: Grant::EVERYTHING,
            }),
            Principal::ApiKey(id) => state.api_keys.get(&id).map(|key| StoredSecret {
                account: key.account,
                hash: key.secret,
                grant: key.grant,
            }),
        })
    }

    async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.accounts.contains_key(&key.account) {
            return Ok(false);
        }
        state.api_keys.entry(key.id).or_insert(key.clone());
        Ok(true)
    }

    async fn list_api_keys(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<ApiKey>, Fault> {
        let state = self.state();
        let keys = state
            .api_keys
            .values()
            .filter(|k| k.account == account)
            .cloned();
        Ok(page(keys, request, |k| (k.created, k.id.0)))
    }

    async fn delete_api_key(
        &self,
        account: AccountId,
        key: ApiKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if state
            .api_keys
            .get(&key)
            .is_none_or(|k| k.account != account)
        {
            return Ok(false);
        }
        state.api_keys.remove(&key);
        state.record(event);
        Ok(true)
    }
}
