//! Access keys: create, look up, list, revoke.

use std::sync::Arc;

use webauthn::error::Reason;

use crate::model::access_key::AccessKey;
use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::grant::{Grant, UsedKey};
use crate::model::ids::{AccessKeyId, RelyingPartyId};
use crate::model::page::{Page, PageRequest};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;

impl Passkeys {
    /// Creates an access key.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn create_access_key(
        &self,
        rp: RelyingPartyId,
        name: &str,
        grant: Grant,
        by: &Actor,
    ) -> Result<AccessKey, Refusal> {
        let now = self.now();
        let key = AccessKey {
            id: AccessKeyId::random(&*self.randomness),
            relying_party: rp,
            name: name.to_owned(),
            scopes: grant.scopes,
            created: now,
            expires: grant.expires,
            used: None,
        };
        let event = AuditEvent::new(self.draw(), AuditKind::AccessKeyCreated, rp, now, by).target(
            "access_key",
            &key.id.to_hex(),
            Some(name),
        );
        let event = self.addressed(event.granting(&grant)).await?;
        if self.storage.create_access_key(&key, &event).await? {
            Ok(key)
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }

    /// The access key with this id, if it is valid now; its use is noted. A revocation on another node takes effect within a second.
    ///
    /// # Errors
    /// `access_denied`, the same for an unknown, a revoked and an expired key.
    pub async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Arc<AccessKey>, Refusal> {
        let now = self.now();
        let key = self
            .access_keys
            .get((rp, id), now, async |_| {
                Ok::<_, Refusal>(self.storage.access_key(rp, id).await?.map(Arc::new))
            })
            .await?
            .filter(|key| key.grant().opens(now))
            .ok_or_else(|| Refusal::from(Reason::AccessDenied))?;
        self.key_uses.note(UsedKey::Access(rp, id), now);
        Ok(key)
    }

    /// Access keys in the order of their creation, including expired ones.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AccessKey>, Refusal> {
        let mut page = self.storage.list_access_keys(rp, page).await?;
        for key in &mut page.items {
            key.used = self.key_uses.last(UsedKey::Access(rp, key.id), key.used);
        }
        Ok(page)
    }

    /// Revokes an access key; `false` if it does not exist. On other nodes it takes effect within a second.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        by: &Actor,
    ) -> Result<bool, Refusal> {
        let name = self.storage.access_key(rp, id).await?.map(|key| key.name);
        let event = AuditEvent::new(self.draw(), AuditKind::AccessKeyDeleted, rp, self.now(), by)
            .target("access_key", &id.to_hex(), name.as_deref());
        let event = self.addressed(event).await?;
        let removed = self.storage.delete_access_key(rp, id, &event).await;
        self.access_keys.forget(&(rp, id));
        Ok(removed?)
    }
}
