//! Accounts: the first one, further ones, their tokens and API keys, and who a secret proves to be.

use webauthn::error::Reason;

use crate::model::account::{Account, ApiKey, Principal, Secret, SecretHash};
use crate::model::ids::{AccountId, ApiKeyId};
use crate::model::page::{Page, PageRequest};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::store::FirstAccount;

/// What the first start found or made.
#[derive(Debug)]
pub enum Bootstrap {
    /// The store was empty: this account is new, and its token is shown this once.
    Created(AccountId, Secret),
    /// There was an account already.
    Exists(AccountId),
}

impl Passkeys {
    /// Makes the first account of an empty store, with the given key and token or random ones.
    pub async fn bootstrap(
        &self,
        given: Option<(AccountId, Secret)>,
    ) -> Result<Bootstrap, Refusal> {
        let (id, token) = given.unwrap_or_else(|| {
            (
                AccountId::random(&*self.randomness),
                Secret::random(&*self.randomness),
            )
        });
        let account = Account {
            id,
            token: token.hash(),
            created: self.now(),
        };
        Ok(match self.storage.create_first_account(&account).await? {
            FirstAccount::Created => Bootstrap::Created(id, token),
            FirstAccount::Exists(id) => Bootstrap::Exists(id),
        })
    }

    /// Makes a further account; its token is returned this once.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn create_account(&self) -> Result<(Account, Secret), Refusal> {
        let token = Secret::random(&*self.randomness);
        loop {
            let account = Account {
                id: AccountId::random(&*self.randomness),
                token: token.hash(),
                created: self.now(),
            };
            if self.storage.create_account(&account).await? {
                self.secrets.forget(&Principal::Account(account.id));
                return Ok((account, token));
            }
        }
    }

    /// Accounts in the order of their creation.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, Refusal> {
        Ok(self.storage.list_accounts(page).await?)
    }

    /// Gives an account a new token, which is returned this once. The old token is refused from now on; on other nodes
    /// within a second. The account's API keys stay valid.
    ///
    /// # Errors
    /// `account_unknown`.
    pub async fn reset_account_token(&self, account: AccountId) -> Result<Secret, Refusal> {
        let token = Secret::random(&*self.randomness);
        let replaced = self.storage.replace_account_token(account, token.hash());
        if !replaced.await? {
            return Err(Reason::AccountUnknown.into());
        }
        self.secrets.forget(&Principal::Account(account));
        Ok(token)
    }

    /// The account that a secret proves.
    ///
    /// # Errors
    /// `access_denied`, the same whether the principal is unknown or the secret is wrong.
    pub async fn authenticate(
        &self,
        principal: Principal,
        secret: &Secret,
    ) -> Result<AccountId, Refusal> {
        let stored = self
            .secrets
            .get(principal, self.now(), || self.storage.secret(principal));
        // An unknown principal costs the same comparison as a known one.
        let presented = secret.hash();
        let stored = stored.await?;
        let expected = stored.as_ref().map_or(SecretHash([0; 32]), |s| s.hash);
        let equal = expected == presented;
        match stored {
            Some(stored) if equal => Ok(stored.account),
            _ => Err(Reason::AccessDenied.into()),
        }
    }

    /// Makes an API key; its secret is returned this once.
    ///
    /// # Errors
    /// `account_unknown`.
    pub async fn create_api_key(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<(ApiKey, Secret), Refusal> {
        let secret = Secret::random(&*self.randomness);
        let key = ApiKey {
            id: ApiKeyId::random(&*self.randomness),
            account,
            name: name.to_owned(),
            secret: secret.hash(),
            created: self.now(),
        };
        if self.storage.create_api_key(&key).await? {
            self.secrets.forget(&Principal::ApiKey(key.id));
            Ok((key, secret))
        } else {
            Err(Reason::AccountUnknown.into())
        }
    }

    /// API keys in the order of their creation.
    pub async fn list_api_keys(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Refusal> {
        Ok(self.storage.list_api_keys(account, page).await?)
    }

    /// Removes an API key; `false` when it is not there. Other nodes notice within a second.
    pub async fn delete_api_key(&self, account: AccountId, id: ApiKeyId) -> Result<bool, Refusal> {
        let removed = self.storage.delete_api_key(account, id).await?;
        self.secrets.forget(&Principal::ApiKey(id));
        Ok(removed)
    }
}
