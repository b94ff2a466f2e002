//! Relying Parties.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{Fault, RelyingParties, Update};
use rusqlite::Connection;
use webauthn::relying_party::RpId;

use super::rows::{counter, json};
use super::writes::RelyingPartyRow;
use super::{Embedded, reads, writes};

#[async_trait]
impl RelyingParties for Embedded {
    async fn create_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let (row, event) = (relying_party_row(rp)?, event.clone());
        self.write(move |c| writes::create_relying_party(c, &row, &event))
            .await
    }

    async fn relying_party(&self, id: RelyingPartyId) -> Result<Option<RelyingParty>, Fault> {
        self.points.read(|c| reads::relying_party(c, id))
    }

    async fn list_relying_parties(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<RelyingParty>, Fault> {
        self.list(move |c| reads::list_relying_parties(c, account, page))
            .await
    }

    async fn has_origin(&self, origin: &str) -> Result<bool, Fault> {
        self.points.read(|c| reads::has_origin(c, origin))
    }

    async fn relying_parties_with_rp_id(
        &self,
        rp_id: &RpId,
        limit: u32,
    ) -> Result<Vec<RelyingPartyId>, Fault> {
        self.points
            .read(|c| reads::relying_parties_with_rp_id(c, rp_id.as_str(), limit))
    }

    async fn update_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<Update, Fault> {
        let (row, event) = (relying_party_row(rp)?, event.clone());
        self.write(move |c| writes::update_relying_party(c, &row, &event))
            .await
    }

    async fn delete_relying_party(&self, id: RelyingPartyId, at: Timestamp) -> Result<bool, Fault> {
        let work = move |c: &Connection| writes::delete_relying_party(c, id, at);
        self.delete(id, None, work).await
    }
}

pub(super) fn relying_party_row(rp: &RelyingParty) -> Result<RelyingPartyRow, Fault> {
    Ok(RelyingPartyRow {
        id: rp.id,
        account: rp.account,
        version: counter(rp.version)?,
        created: rp.created,
        body: json(rp)?,
        rp_id: rp.selection.rp_id.as_ref().map(ToString::to_string),
        origins: rp
            .selection
            .origins
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect(),
    })
}
