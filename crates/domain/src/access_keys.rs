//! Access keys: what a back end shows to work with one Relying Party. A key is text that the server makes and checks with
//! the Relying Party's [`token key`](crate::tokens); here is the record that says whether it still opens anything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webauthn::error::Reason;

use crate::Passkeys;
use crate::audit::{Actor, AuditEvent, AuditKind};
use crate::clock::Timestamp;
use crate::error::Refusal;
use crate::ids::{AccessKeyId, RelyingPartyId};
use crate::storage::{Page, PageRequest};

/// A key that opens one Relying Party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Its key.
    pub id: AccessKeyId,
    /// What it opens.
    pub relying_party: RelyingPartyId,
    /// A name for people.
    pub name: String,
    /// What it may be used for, in the words of the wire that made it.
    pub scopes: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// From this moment on it opens nothing; `None` for a key that lives until it is revoked.
    pub expires: Option<Timestamp>,
}

impl Passkeys {
    /// Makes an access key.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn create_access_key(
        &self,
        rp: RelyingPartyId,
        name: &str,
        scopes: Vec<String>,
        expires: Option<Timestamp>,
        by: &Actor,
    ) -> Result<AccessKey, Refusal> {
        let now = self.now();
        let key = AccessKey {
            id: AccessKeyId::random(&*self.randomness),
            relying_party: rp,
            name: name.to_owned(),
            scopes,
            created: now,
            expires,
        };
        let event = AuditEvent::new(self.draw(), AuditKind::AccessKeyCreated, rp, now).by(by);
        if self.storage.create_access_key(&key, &event).await? {
            Ok(key)
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }

    /// The access key with this key, if it opens anything now. Another node's revocation is noticed within a second.
    ///
    /// # Errors
    /// `access_denied`, the same whether it never was, was revoked or has expired.
    pub async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Arc<AccessKey>, Refusal> {
        let now = self.now();
        self.access_keys
            .get((rp, id), now, async || {
                Ok::<_, Refusal>(self.storage.access_key(rp, id).await?.map(Arc::new))
            })
            .await?
            .filter(|key| key.expires.is_none_or(|expires| now < expires))
            .ok_or_else(|| Reason::AccessDenied.into())
    }

    /// Access keys in the order of their creation, expired ones too.
    pub async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AccessKey>, Refusal> {
        Ok(self.storage.list_access_keys(rp, page).await?)
    }

    /// Revokes an access key; `false` when it is not there. Other nodes notice within a second.
    pub async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        by: &Actor,
    ) -> Result<bool, Refusal> {
        let event =
            AuditEvent::new(self.draw(), AuditKind::AccessKeyDeleted, rp, self.now()).by(by);
        let removed = self.storage.delete_access_key(rp, id, &event).await;
        self.access_keys.forget(&(rp, id));
        Ok(removed?)
    }
}
