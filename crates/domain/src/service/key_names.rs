//! The names of the keys that events mention: an event has the id of the key by which something was done.

use std::collections::HashMap;

use crate::model::account::ApiKey;
use crate::model::audit::AuditEvent;
use crate::model::ids::{AccessKeyId, AccountId, ApiKeyId, RelyingPartyId};
use crate::model::page::PageRequest;
use crate::model::refusal::Refusal;
use crate::service::Passkeys;

/// The API keys of an account whose names are looked up: so many of the earliest.
const MOST: u32 = 1000;

/// Names of keys. One that was revoked has none.
#[derive(Clone, Debug, Default)]
pub struct KeyNames {
    access_keys: HashMap<AccessKeyId, String>,
    api_keys: HashMap<ApiKeyId, String>,
}

impl KeyNames {
    /// The name of an access key.
    pub fn access_key(&self, id: AccessKeyId) -> Option<&str> {
        self.access_keys.get(&id).map(String::as_str)
    }

    /// The name of an API key.
    pub fn api_key(&self, id: ApiKeyId) -> Option<&str> {
        self.api_keys.get(&id).map(String::as_str)
    }
}

impl Passkeys {
    /// The names of the keys by which these events were done. The events are those of one Relying Party or account.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn key_names(
        &self,
        account: AccountId,
        rp: RelyingPartyId,
        events: &[AuditEvent],
    ) -> Result<KeyNames, Refusal> {
        let mut names = KeyNames::default();
        for id in events.iter().filter_map(|event| event.actor.access_key) {
            if !names.access_keys.contains_key(&id)
                && let Some(key) = self.storage.access_key(rp, id).await?
            {
                names.access_keys.insert(id, key.name);
            }
        }
        if events.iter().any(|event| event.actor.api_key.is_some()) {
            let all = self
                .storage
                .list_api_keys(account, PageRequest::first(MOST));
            let all = all.await?.items.into_iter();
            names.api_keys = all.map(|ApiKey { id, name, .. }| (id, name)).collect();
        }
        Ok(names)
    }
}
