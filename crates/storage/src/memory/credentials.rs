//! Credentials, and the registrations that have not led to one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ceremony::{Ceremony, Registration};
use domain::model::clock::Timestamp;
use domain::model::credential::{CredentialRecord, Evidence};
use domain::model::ids::{CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::page::{Order, Page, PageRequest};
use domain::model::user::User;
use domain::store::{CountedModels, Credentials, Fault};

use super::Memory;
use super::ceremonies::is_unfinished;
use super::state::page;

#[async_trait]
impl Credentials for Memory {
    async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<(CredentialRecord, User)>, Fault> {
        let state = self.state();
        Ok(state
            .credentials
            .get(&(rp, key))
            .and_then(|c| state.with_owner(c)))
    }

    async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<Evidence>, Fault> {
        let state = self.state();
        let kept = state.credentials.contains_key(&(rp, key));
        Ok(state.evidence.get(&(rp, key)).filter(|_| kept).cloned())
    }

    async fn count_models(&self, rp: RelyingPartyId, users: u32) -> Result<CountedModels, Fault> {
        let state = self.state();
        let owners = state.users.values().filter(|u| u.relying_party == rp);
        let newest = PageRequest {
            after: None,
            limit: users,
            order: Order::Descending,
        };
        let newest = page(owners, newest, |u| (u.created, u.id.0)).items;
        let mut counts = BTreeMap::new();
        for owner in &newest {
            for record in state.credentials_of(rp, owner.id) {
                *counts.entry(record.aaguid).or_default() += 1;
            }
        }
        Ok(CountedModels {
            users: u32::try_from(newest.len()).unwrap_or(u32::MAX),
            models: counts.into_iter().collect(),
        })
    }

    async fn list_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        request: PageRequest,
    ) -> Result<Page<CredentialRecord>, Fault> {
        let state = self.state();
        Ok(page(
            state.credentials_of(rp, user).cloned(),
            request,
            |c| (c.created, c.key.0),
        ))
    }

    async fn rename_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        name: &str,
        event: &AuditEvent,
    ) -> Result<Option<CredentialRecord>, Fault> {
        let mut state = self.state();
        let found = state
            .credentials
            .get_mut(&(rp, key))
            .filter(|c| c.user == user);
        let Some(record) = found else { return Ok(None) };
        name.clone_into(&mut record.name);
        record.updated = event.at;
        let record = record.clone();
        state.record(event);
        Ok(Some(record))
    }

    async fn delete_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state
            .credentials
            .get(&(rp, key))
            .is_none_or(|c| c.user != user)
        {
            return Ok(false);
        }
        let removed = state.credentials.remove(&(rp, key));
        if let (Some(removed), Some(owner)) = (removed, state.users.get_mut(&(rp, user))) {
            owner.last_success = owner.last_success.max(removed.last_used);
        }
        state.record(event);
        Ok(true)
    }

    async fn list_unfinished_registrations(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        request: PageRequest,
    ) -> Result<Page<Registration>, Fault> {
        let state = self.state();
        let rows = state
            .ceremonies_of(rp, user)
            .filter_map(|ceremony| match ceremony {
                Ceremony::Registration(ceremony) => Some(&**ceremony),
                Ceremony::Authentication(_) => None,
            })
            .filter(|c| is_unfinished(c));
        Ok(page(rows.cloned(), request, |c| (c.created, c.id.0)))
    }

    async fn rename_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Registration>, Fault> {
        Ok(self.state().rename_registration(rp, user, id, name, now))
    }

    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault> {
        Ok(self.state().delete_registration(rp, user, id))
    }
}
