//! Access keys: create, look up, list, revoke.

use std::sync::Arc;

use webauthn::error::Reason;

use crate::model::access_key::AccessKey;
use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
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
        expires: Option<Timestamp>,
        by: &Actor,
    ) -> Result<AccessKey, Refusal> {
        let now = self.now();
        let key = AccessKey {
            id: AccessKeyId::random(&*self.randomness),
            relying_party: rp,
            name: name.to_owned(),
            scopes: vec![AccessKey::EVERYTHING.to_owned()],
            created: now,
            expires,
        };
        let event = AuditEvent::new(self.draw(), AuditKind::AccessKeyCreated, rp, now, by).target(
            "access_key",
            &key.id.to_hex(),
            Some(name),
        );
        let event = self.addressed(event).await?;
        if self.storage.create_access_key(&key, &event).await? {
            Ok(key)
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }

    /// The access key with this id, if it is valid now. A revocation on another node takes effect within a second.
    ///
    /// # Errors
    /// `access_denied`, the same for an unknown, a revoked and an expired key, and for one that is for something else.
    pub async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Arc<AccessKey>, Refusal> {
        let now = self.now();
        self.access_keys
            .get((rp, id), now, async |_| {
                Ok::<_, Refusal>(self.storage.access_key(rp, id).await?.map(Arc::new))
            })
            .await?
            .filter(|key| key.opens(now))
            .ok_or_else(|| Reason::AccessDenied.into())
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
        Ok(self.storage.list_access_keys(rp, page).await?)
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
