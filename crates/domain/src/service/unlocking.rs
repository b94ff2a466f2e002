//! A store is sealed, opened with its master key, and given another one.

use std::sync::Arc;

use webauthn::error::Reason;

use crate::model::account::{Principal, SecretHash};
use crate::model::clock::{Randomness, Timestamp};
use crate::model::master_key::{MasterKey, MasterKeyId, MasterKeys};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::service::key_ring::KeyRing;
use crate::service::tokens::draw_token_key;
use crate::service::transfer::copy::{accounts, api_keys};
use crate::service::vault::{StoreKey, Vault, VaultError, master_key_of};
use crate::store::{Fault, Storage};

/// Token keys of one read.
const PAGE: u32 = 500;

impl Passkeys {
    /// Wraps the store key under the present master key, if it is wrapped under the one before. Whether there was something to do.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn rewrap_store_key(&self, keys: &MasterKeys) -> Result<bool, VaultError> {
        Vault::rewrap(&*self.storage, keys, &*self.randomness).await
    }

    /// The master key under which the store is sealed; `None` when it is not sealed.
    ///
    /// # Errors
    /// `store_unavailable`; `record_unreadable` when the sealed store key is damaged.
    pub async fn sealed_under(&self) -> Result<Option<MasterKeyId>, Refusal> {
        let Some(wrapped) = self.storage.store_key().await? else {
            return Ok(None);
        };
        let sealed = master_key_of(&wrapped);
        Ok(Some(sealed.ok_or(Reason::RecordUnreadable)?))
    }
}

impl Vault {
    /// The vault of a store. A store that is not sealed yet is sealed, if there is a master key: every token key in it is sealed
    /// before this returns, and every hash of a secret keyed. `None` when the store is not sealed and there is no master key.
    ///
    /// # Errors
    /// [`VaultError`]: the store is sealed under a master key that is not there.
    pub async fn open(
        store: &Arc<dyn Storage>,
        keys: Option<&MasterKeys>,
        randomness: &dyn Randomness,
    ) -> Result<Option<Self>, VaultError> {
        let mut wrapped = match (store.store_key().await?, keys) {
            (Some(wrapped), _) => wrapped,
            (None, None) => return Ok(None),
            (None, Some(keys)) => {
                let drawn = StoreKey {
                    key: MasterKey::random(randomness),
                    all_sealed: false,
                };
                let candidate = drawn.wrapped(&keys.current, randomness)?;
                store.keep_store_key(&candidate).await?
            }
        };
        let (mut store_key, mut sealed_under) = StoreKey::unwrapped(&wrapped, keys)?;
        let mut vault = Self::of(&store_key, sealed_under)?;
        // Several nodes may do this at once: each row is replaced by one of them.
        while !store_key.all_sealed {
            vault.seal_all(store, randomness).await?;
            vault.key_hashes(store).await?;
            let Some(keys) = keys else { break };
            let master = keys.named(sealed_under).unwrap_or(&keys.current);
            let done = StoreKey {
                key: store_key.key.clone(),
                all_sealed: true,
            };
            let new = done.wrapped(master, randomness)?;
            if store.replace_store_key(&wrapped, &new).await? {
                store_key.all_sealed = true;
            } else {
                wrapped = store.store_key().await?.ok_or(VaultError::Damaged)?;
                (store_key, sealed_under) = StoreKey::unwrapped(&wrapped, Some(keys))?;
            }
        }
        vault.all_sealed = true;
        vault.master_key = sealed_under;
        Ok(Some(vault))
    }

    /// Wraps the store key under the present master key, if it is wrapped under the one before. Whether there was something to do.
    ///
    /// # Errors
    /// [`VaultError`], also when the store is not sealed at all.
    pub async fn rewrap(
        store: &dyn Storage,
        keys: &MasterKeys,
        randomness: &dyn Randomness,
    ) -> Result<bool, VaultError> {
        loop {
            let wrapped = store.store_key().await?.ok_or(VaultError::Damaged)?;
            let (store_key, sealed) = StoreKey::unwrapped(&wrapped, Some(keys))?;
            if sealed == keys.current.id() {
                return Ok(false);
            }
            let new = store_key.wrapped(&keys.current, randomness)?;
            if store.replace_store_key(&wrapped, &new).await? {
                return Ok(true);
            }
        }
    }

    /// Looks whether these keys open everything that is sealed in a store. Nothing is written.
    ///
    /// # Errors
    /// [`VaultError`], also when the store is not sealed at all.
    pub async fn check(store: &Arc<dyn Storage>, keys: &MasterKeys) -> Result<(), VaultError> {
        let wrapped = store.store_key().await?.ok_or(VaultError::Damaged)?;
        let (store_key, sealed) = StoreKey::unwrapped(&wrapped, Some(keys))?;
        let vault = Self::of(&store_key, sealed)?;
        let mut after = None;
        loop {
            let page = store.list_token_keys(after, PAGE).await?;
            let Some((rp, kind, _)) = page.last() else {
                return Ok(());
            };
            after = Some((*rp, *kind));
            for (rp, kind, stored) in page {
                KeyRing::read(&stored, rp, kind, Some(&vault)).map_err(|_| VaultError::Foreign)?;
            }
        }
    }

    /// Gives up what was sealed: the store gets another store key, and each token key that cannot be opened is replaced by a new
    /// one. For a store whose master key is lost. Tokens, access keys, account tokens and API keys from before are refused; passkeys
    /// stay. How many token keys were replaced.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn discard(
        store: &Arc<dyn Storage>,
        keys: &MasterKeys,
        randomness: &dyn Randomness,
    ) -> Result<u64, VaultError> {
        let drawn = StoreKey {
            key: MasterKey::random(randomness),
            all_sealed: false,
        };
        let new = drawn.wrapped(&keys.current, randomness)?;
        let before = store.keep_store_key(&new).await?;
        if before != new && !store.replace_store_key(&before, &new).await? {
            return Err(Fault::Retryable("another process seals this store".to_owned()).into());
        }
        let vault = Self::of(&drawn, keys.current.id())?;
        let (mut after, mut replaced) = (None, 0);
        loop {
            let page = store.list_token_keys(after, PAGE).await?;
            let Some((rp, kind, _)) = page.last() else {
                return Ok(replaced);
            };
            after = Some((*rp, *kind));
            for (rp, kind, stored) in page {
                if KeyRing::read(&stored, rp, kind, Some(&vault)).is_ok() {
                    continue;
                }
                let key = draw_token_key(kind, randomness);
                let key = key.map_err(|why| Fault::Fatal(why.message))?;
                let ring = KeyRing::of(key, Timestamp(0));
                let sealed = ring.stored(rp, kind, Some(&vault), randomness);
                let sealed = sealed.ok_or(VaultError::Damaged)?;
                let done = store
                    .replace_token_key(rp, kind, &stored, &sealed, None)
                    .await?;
                replaced += u64::from(done);
            }
        }
    }

    /// Replaces every hash of a secret that is not keyed.
    async fn key_hashes(&self, store: &Arc<dyn Storage>) -> Result<(), VaultError> {
        for account in accounts(&**store).await? {
            let owner = Principal::Account(account.id);
            self.key_hash(store, owner, account.token).await?;
            for key in api_keys(&**store, account.id).await? {
                let owner = Principal::ApiKey(key.id);
                self.key_hash(store, owner, key.secret).await?;
            }
        }
        Ok(())
    }

    async fn key_hash(
        &self,
        store: &Arc<dyn Storage>,
        owner: Principal,
        mut stored: SecretHash,
    ) -> Result<(), VaultError> {
        while let SecretHash::Plain(digest) = stored {
            let keyed = self.hash_of(owner, &digest);
            if store.replace_secret(owner, stored, keyed).await? {
                break;
            }
            // Replaced or removed meanwhile by another node.
            match store.secret(owner).await? {
                Some(now) => stored = now.hash,
                None => break,
            }
        }
        Ok(())
    }

    /// Seals every token key of the store that is not sealed.
    async fn seal_all(
        &self,
        store: &Arc<dyn Storage>,
        randomness: &dyn Randomness,
    ) -> Result<(), VaultError> {
        let mut after = None;
        loop {
            let page = store.list_token_keys(after, PAGE).await?;
            let Some((rp, kind, _)) = page.last() else {
                return Ok(());
            };
            after = Some((*rp, *kind));
            for (rp, kind, stored) in page {
                let mut now = Some(stored);
                // Replaced meanwhile by another node: then it is looked at again.
                while let Some(stored) = now.take() {
                    let ring = KeyRing::read(&stored, rp, kind, Some(self));
                    let ring = ring.map_err(|_| VaultError::Foreign)?;
                    if ring.is_sealed() {
                        break;
                    }
                    let sealed = ring.stored(rp, kind, Some(self), randomness);
                    let sealed = sealed.ok_or(VaultError::Damaged)?;
                    if !store
                        .replace_token_key(rp, kind, &stored, &sealed, None)
                        .await?
                    {
                        now = store.token_key(rp, kind).await?;
                    }
                }
            }
        }
    }
}
