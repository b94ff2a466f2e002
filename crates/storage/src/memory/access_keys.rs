//! Access keys of a Relying Party.

use async_trait::async_trait;
use domain::model::access_key::AccessKey;
use domain::model::audit::AuditEvent;
use domain::model::ids::{AccessKeyId, RelyingPartyId};
use domain::model::page::{Page, PageRequest};
use domain::store::{AccessKeys, Fault};

use super::Memory;
use super::state::page;

#[async_trait]
impl AccessKeys for Memory {
    async fn create_access_key(&self, key: &AccessKey, event: &AuditEvent) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&key.relying_party) {
            return Ok(false);
        }
        let place = (key.relying_party, key.id);
        state.access_keys.entry(place).or_insert(key.clone());
        state.record(event);
        Ok(true)
    }

    async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Option<AccessKey>, Fault> {
        Ok(self.state().access_keys.get(&(rp, id)).cloned())
    }

    async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<AccessKey>, Fault> {
        let state = self.state();
        let rows = state
            .access_keys
            .values()
            .filter(|k| k.relying_party == rp)
            .cloned();
        Ok(page(rows, request, |k| (k.created, k.id.0)))
    }

    async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if state.access_keys.remove(&(rp, id)).is_none() {
            return Ok(false);
        }
        state.record(event);
        Ok(true)
    }
}
