//! Access keys of a Relying Party.

use async_trait::async_trait;
use domain::model::access_key::AccessKey;
use domain::model::audit::AuditEvent;
use domain::model::ids::{AccessKeyId, RelyingPartyId};
use domain::model::page::{Page, PageRequest};
use domain::store::{AccessKeys, Fault};

use super::rows::json;
use super::writes::AccessKeyRow;
use super::{Embedded, reads, writes};

pub(super) fn access_key_row(key: &AccessKey) -> Result<AccessKeyRow, Fault> {
    Ok(AccessKeyRow {
        relying_party: key.relying_party,
        id: key.id,
        created: key.created,
        used: key.used,
        body: json(key)?,
    })
}

#[async_trait]
impl AccessKeys for Embedded {
    async fn create_access_key(&self, key: &AccessKey, event: &AuditEvent) -> Result<bool, Fault> {
        let (row, event) = (access_key_row(key)?, event.clone());
        self.write(move |c| writes::create_access_key(c, &row, Some(&event)))
            .await
    }

    async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Option<AccessKey>, Fault> {
        self.points.read(|c| reads::access_key(c, rp, id))
    }

    async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AccessKey>, Fault> {
        self.list(move |c| reads::list_access_keys(c, rp, page))
            .await
    }

    async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| writes::delete_access_key(c, rp, id, &event))
            .await
    }
}
