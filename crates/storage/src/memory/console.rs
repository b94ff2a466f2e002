//! Administrators of the console, their invites and sessions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::console::{
    Administrator, CONSOLE_PARTY, ConsoleKind, ConsoleRecord, Role, Session,
};
use domain::model::ids::InviteId;
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{Console, Fault};

use super::Memory;
use super::state::page;

fn is_owner(record: &ConsoleRecord) -> bool {
    matches!(record, ConsoleRecord::Administrator(who) if who.role == Role::Owner)
}

/// Whether it is the administrator without whom there would be no owner.
fn is_last_owner(
    records: &BTreeMap<(ConsoleKind, [u8; 16]), ConsoleRecord>,
    place: (ConsoleKind, [u8; 16]),
) -> bool {
    records.get(&place).is_some_and(is_owner)
        && !records
            .iter()
            .any(|(other, record)| *other != place && is_owner(record))
}

#[async_trait]
impl Console for Memory {
    async fn keep_console_party(&self, rp: &RelyingParty) -> Result<(), Fault> {
        let mut state = self.state();
        let parties = &mut state.relying_parties;
        parties.entry(rp.id).or_insert_with(|| rp.clone());
        Ok(())
    }

    async fn create_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let place = (record.kind(), record.key());
        if let Some(stored) = state.console.get(&place) {
            return Ok(stored == record);
        }
        let orphan = record.administrator_needed().is_some_and(|owner| {
            let owner = (ConsoleKind::Administrator, owner);
            !state.console.contains_key(&owner)
        });
        if orphan || !state.relying_parties.contains_key(&CONSOLE_PARTY) {
            return Ok(false);
        }
        state.console.insert(place, record.clone());
        state.record(event);
        Ok(true)
    }

    async fn console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
    ) -> Result<Option<ConsoleRecord>, Fault> {
        Ok(self.state().console.get(&(kind, key)).cloned())
    }

    async fn list_console_records(
        &self,
        kind: ConsoleKind,
        owner: Option<[u8; 16]>,
        request: PageRequest,
    ) -> Result<Page<ConsoleRecord>, Fault> {
        let state = self.state();
        let rows = state
            .console
            .values()
            .filter(|r| r.kind() == kind && (owner.is_none() || r.owner() == owner))
            .cloned();
        Ok(page(rows, request, |r| (r.created(), r.key())))
    }

    async fn replace_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let place = (record.kind(), record.key());
        if !state.console.contains_key(&place)
            || !is_owner(record) && is_last_owner(&state.console, place)
        {
            return Ok(false);
        }
        state.console.insert(place, record.clone());
        state.record(event);
        Ok(true)
    }

    async fn delete_console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if is_last_owner(&state.console, (kind, key))
            || state.console.remove(&(kind, key)).is_none()
        {
            return Ok(false);
        }
        if kind == ConsoleKind::Administrator {
            let gone = Some(key);
            state.console.retain(|_, record| record.owner() != gone);
        }
        state.record(event);
        Ok(true)
    }

    async fn accept_invite(
        &self,
        invite: InviteId,
        administrator: &Administrator,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let place = (event.relying_party, event.at, event.id);
        if state.events.contains_key(&place) {
            // The call was sent again.
            return Ok(true);
        }
        if state
            .console
            .remove(&(ConsoleKind::Invite, invite.0))
            .is_none()
        {
            return Ok(false);
        }
        let place = (ConsoleKind::Administrator, administrator.id.0);
        let record = ConsoleRecord::Administrator(administrator.clone());
        state.console.entry(place).or_insert(record);
        state.record(event);
        Ok(true)
    }

    async fn see_session(&self, session: &Session) -> Result<bool, Fault> {
        let mut state = self.state();
        let place = (ConsoleKind::Session, session.id.0);
        let Some(stored) = state.console.get_mut(&place) else {
            return Ok(false);
        };
        *stored = ConsoleRecord::Session(session.clone());
        Ok(true)
    }

    async fn sweep_console(&self, expired_before: Timestamp, budget: u32) -> Result<u64, Fault> {
        let mut state = self.state();
        let mut expired: Vec<_> = state
            .console
            .iter()
            .filter_map(|(place, record)| Some((record.expires()?, *place)))
            .filter(|(expires, _)| *expires < expired_before)
            .collect();
        expired.sort_unstable();
        expired.truncate(budget as usize);
        for (_, place) in &expired {
            state.console.remove(place);
        }
        Ok(expired.len() as u64)
    }
}
