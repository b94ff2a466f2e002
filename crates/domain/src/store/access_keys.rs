//! Access keys of a Relying Party.

use async_trait::async_trait;

use crate::model::access_key::AccessKey;
use crate::model::audit::AuditEvent;
use crate::model::ids::{AccessKeyId, RelyingPartyId};
use crate::model::page::{Page, PageRequest};
use crate::store::Fault;

/// Access keys of a Relying Party. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait AccessKeys: Send + Sync {
    /// Adds an access key; `false` when the Relying Party is not there.
    async fn create_access_key(&self, key: &AccessKey, event: &AuditEvent) -> Result<bool, Fault>;
    /// The access key with this key.
    async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Option<AccessKey>, Fault>;
    /// Access keys of a Relying Party.
    async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AccessKey>, Fault>;
    /// Removes an access key; `false` when not there.
    async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
}
