//! Accounts: the first one, more accounts, their tokens and API keys, and authentication with a secret.

use webauthn::error::Reason;

use crate::model::account::{Account, ApiKey, Principal, Secret, SecretHash};
use crate::model::audit::{Actor, AuditEvent, AuditKind, trail_of};
use crate::model::grant::{Grant, UsedKey};
use crate::model::ids::{AccountId, ApiKeyId};
use crate::model::page::{Page, PageRequest};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::service::key_ring::RingError;
use crate::store::{FirstAccount, StoredSecret};

/// The result of the first start.
#[derive(Debug)]
pub enum Bootstrap {
    /// The store was empty: this account is new. Its token is not shown again.
    Created(AccountId, Secret),
    /// The store has an account already.
    Exists(AccountId),
}

/// Who has proved to be somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The account.
    pub account: AccountId,
    /// What the secret allows.
    pub grant: Grant,
}

impl Passkeys {
    /// Creates the first account of an empty store, with the given key and token or random ones.
    ///
    /// # Errors
    /// `store_unavailable`.
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
            token: self.hash_to_store(Principal::Account(id), &token).await?,
            created: self.now(),
        };
        Ok(match self.storage.create_first_account(&account).await? {
            FirstAccount::Created => Bootstrap::Created(id, token),
            FirstAccount::Exists(id) => Bootstrap::Exists(id),
        })
    }

    /// Creates an account. Its token is returned here only.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn create_account(&self, by: &Actor) -> Result<(Account, Secret), Refusal> {
        let token = Secret::random(&*self.randomness);
        loop {
            let id = AccountId::random(&*self.randomness);
            let account = Account {
                id,
                token: self.hash_to_store(Principal::Account(id), &token).await?,
                created: self.now(),
            };
            if self.storage.create_account(&account).await? {
                self.secrets.forget(&Principal::Account(account.id));
                let kind = AuditKind::AccountCreated;
                self.note(self.of_account(kind, account.id, by)).await?;
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

    /// Gives an account a new token, which is returned here only. The old token is refused at once; on other nodes
    /// within a second. The account's API keys stay valid.
    ///
    /// # Errors
    /// `account_unknown`.
    pub async fn reset_account_token(
        &self,
        account: AccountId,
        by: &Actor,
    ) -> Result<Secret, Refusal> {
        let token = Secret::random(&*self.randomness);
        let hash = self.hash_to_store(Principal::Account(account), &token);
        let hash = hash.await?;
        let replaced = self.storage.replace_account_token(account, hash);
        if !replaced.await? {
            return Err(Reason::AccountUnknown.into());
        }
        self.secrets.forget(&Principal::Account(account));
        let kind = AuditKind::AccountTokenReset;
        self.note(self.of_account(kind, account, by)).await?;
        Ok(token)
    }

    /// The account of a principal with this secret, and what the secret allows. The use of an API key is noted.
    ///
    /// # Errors
    /// `access_denied`, the same for an unknown principal, a wrong secret and an expired key.
    pub async fn authenticate(
        &self,
        principal: Principal,
        secret: &Secret,
    ) -> Result<Authenticated, Refusal> {
        let now = self.now();
        let stored = self
            .secrets
            .get(principal, now, |_| self.storage.secret(principal));
        // An unknown principal takes the same comparison as a known one.
        let presented = self.hash_of(principal, secret);
        let stored = stored.await?;
        let nothing = match presented {
            SecretHash::Plain(_) => SecretHash::Plain([0; 32]),
            SecretHash::Keyed(_) => SecretHash::Keyed([0; 32]),
        };
        let expected = stored.as_ref().map_or(nothing, |s| s.hash);
        let equal = expected == presented;
        match stored {
            Some(stored) if equal && stored.grant.opens(now) => {
                if let Principal::ApiKey(id) = principal {
                    self.key_uses.note(UsedKey::Api(id), now);
                }
                Ok(Authenticated {
                    account: stored.account,
                    grant: stored.grant,
                })
            }
            // The secret may be right: another node has got a master key meanwhile, and this one has none.
            Some(StoredSecret {
                hash: SecretHash::Keyed(_),
                ..
            }) if self.vault.is_none() => Err(RingError::Sealed.into()),
            _ => Err(Reason::AccessDenied.into()),
        }
    }

    /// Creates an API key. Its secret is returned here only.
    ///
    /// # Errors
    /// `account_unknown`.
    pub async fn create_api_key(
        &self,
        account: AccountId,
        name: &str,
        grant: Grant,
        by: &Actor,
    ) -> Result<(ApiKey, Secret), Refusal> {
        let secret = Secret::random(&*self.randomness);
        let id = ApiKeyId::random(&*self.randomness);
        let key = ApiKey {
            id,
            account,
            name: name.to_owned(),
            secret: self.hash_to_store(Principal::ApiKey(id), &secret).await?,
            created: self.now(),
            grant,
            used: None,
        };
        if self.storage.create_api_key(&key).await? {
            self.secrets.forget(&Principal::ApiKey(key.id));
            let event = self.of_account(AuditKind::ApiKeyCreated, account, by);
            let event = event.target("api_key", &key.id.to_hex(), Some(name));
            self.note(event.granting(&grant)).await?;
            Ok((key, secret))
        } else {
            Err(Reason::AccountUnknown.into())
        }
    }

    /// API keys in the order of their creation.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_api_keys(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Refusal> {
        let mut page = self.storage.list_api_keys(account, page).await?;
        for key in &mut page.items {
            key.used = self.key_uses.last(UsedKey::Api(key.id), key.used);
        }
        Ok(page)
    }

    /// Removes an API key; `false` if it does not exist. On other nodes it takes effect within a second.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn delete_api_key(
        &self,
        account: AccountId,
        id: ApiKeyId,
        by: &Actor,
    ) -> Result<bool, Refusal> {
        let event = self.of_account(AuditKind::ApiKeyDeleted, account, by);
        let event = event.target("api_key", &id.to_hex(), None);
        let removed = self.storage.delete_api_key(account, id, &event).await?;
        self.secrets.forget(&Principal::ApiKey(id));
        Ok(removed)
    }

    /// What is stored of a secret of this owner.
    fn hash_of(&self, owner: Principal, secret: &Secret) -> SecretHash {
        match &self.vault {
            Some(vault) => vault.hash_of(owner, &secret.digest()),
            None => secret.hash(),
        }
    }

    /// [`hash_of`](Self::hash_of) for a new secret. A process without the master key stores none in a store that is sealed: it would be
    /// refused by all others.
    pub(crate) async fn hash_to_store(
        &self,
        owner: Principal,
        secret: &Secret,
    ) -> Result<SecretHash, Refusal> {
        if self.vault.is_none() && self.storage.store_key().await?.is_some() {
            return Err(RingError::Sealed.into());
        }
        Ok(self.hash_of(owner, secret))
    }

    /// An event of an account, which belongs to no Relying Party.
    fn of_account(&self, kind: AuditKind, account: AccountId, by: &Actor) -> AuditEvent {
        AuditEvent::new(self.draw(), kind, trail_of(account), self.now(), by).target(
            "account",
            &account.to_hex(),
            None,
        )
    }
}
