//! Relying Parties.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{Fault, RelyingParties, Update};
use webauthn::relying_party::RpId;

use super::Memory;
use super::state::page;

#[async_trait]
impl RelyingParties for Memory {
    async fn create_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.accounts.contains_key(&rp.account) {
            return Ok(false);
        }
        state.relying_parties.entry(rp.id).or_insert(rp.clone());
        state.record(event);
        Ok(true)
    }

    async fn relying_party(&self, id: RelyingPartyId) -> Result<Option<RelyingParty>, Fault> {
        Ok(self.state().relying_parties.get(&id).cloned())
    }

    async fn list_relying_parties(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<RelyingParty>, Fault> {
        let state = self.state();
        let rows = state
            .relying_parties
            .values()
            .filter(|rp| rp.account == account)
            .cloned();
        Ok(page(rows, request, |rp| (rp.created, rp.id.0)))
    }

    async fn has_origin(&self, origin: &str) -> Result<bool, Fault> {
        Ok(self.state().relying_parties.values().any(|rp| {
            let mut configured = rp.selection.origins.iter().flatten();
            configured.any(|own| own.as_str() == origin)
        }))
    }

    async fn relying_parties_with_rp_id(
        &self,
        rp_id: &RpId,
        limit: u32,
    ) -> Result<Vec<RelyingPartyId>, Fault> {
        let state = self.state();
        let rows = state
            .relying_parties
            .values()
            .filter(|rp| rp.selection.rp_id.as_ref() == Some(rp_id));
        Ok(rows.map(|rp| rp.id).take(limit as usize).collect())
    }

    async fn update_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<Update, Fault> {
        let mut state = self.state();
        let Some(stored) = state.relying_parties.get_mut(&rp.id) else {
            return Ok(Update::Gone);
        };
        if stored.version + 1 != rp.version {
            // The event is of this very call: it was done before, and is sent again.
            let key = (event.relying_party, event.at, event.id);
            return Ok(if state.events.contains_key(&key) {
                Update::Done
            } else {
                Update::Conflict
            });
        }
        *stored = rp.clone();
        state.record(event);
        Ok(Update::Done)
    }

    async fn delete_relying_party(&self, id: RelyingPartyId, at: Timestamp) -> Result<bool, Fault> {
        Ok(self.state().delete_relying_party(id, at))
    }
}
