//! Records that come from a file, and what is known of each import.

use std::ops::Bound;

use async_trait::async_trait;
use domain::model::access_key::AccessKey;
use domain::model::audit::AuditEvent;
use domain::model::ids::{AccountId, ImportId, RelyingPartyId};
use domain::model::import::{Import, Imported, ImportedPlace};
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{
    Fault, ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser, Imports,
};

use super::Memory;
use super::remains::Deleted;
use super::state::{State, page};

impl State {
    fn is_marked(&self, rp: RelyingPartyId, deleted: Deleted) -> bool {
        let mut marks = self.deletions.keys();
        marks.any(|(_, of, what)| (*of, *what) == (rp, deleted))
    }

    fn note(&mut self, import: Option<ImportId>, imported: Imported) {
        if let Some(import) = import {
            let notes = self.imported.entry(import).or_default();
            notes.insert(imported.place(), imported);
        }
    }

    fn import_credential(&mut self, import: ImportCredential<'_>) -> ImportedCredential {
        let record = import.credential;
        let rp = record.relying_party;
        if !self.users.contains_key(&(rp, record.user)) {
            return ImportedCredential::UserGone;
        }
        let mut stored = self.credentials.values_mut();
        let same_id = stored.find(|c| c.relying_party == rp && c.id == record.id);
        if let Some(stored) = same_id {
            if (stored.user, &stored.public_key) != (record.user, &record.public_key) {
                return ImportedCredential::Taken;
            }
            if stored.sign_count >= record.sign_count {
                return ImportedCredential::Exists;
            }
            stored.sign_count = record.sign_count;
            stored.sign_count_since_fall = None;
            return ImportedCredential::CounterRaised;
        }
        let key = (rp, record.key);
        if self.credentials.contains_key(&key) {
            return ImportedCredential::Taken;
        }
        self.remove_remains(rp, &record.id);
        self.credentials.insert(key, record.clone());
        self.evidence.remove(&key);
        if let Some(evidence) = import.evidence {
            self.evidence.insert(key, evidence.clone());
        }
        let imported = Imported::Credential(rp, record.key, record.user);
        self.note(import.import, imported);
        self.note(import.import, Imported::Name(rp, import.owner_name));
        let owner = Imported::User(rp, record.user);
        let mut notes = self.imported.values();
        if import.adopt_owner && notes.any(|notes| notes.contains_key(&owner.place())) {
            self.note(import.import, owner);
        }
        if let Some(event) = import.event {
            self.record(event);
        }
        ImportedCredential::Created
    }
}

#[async_trait]
impl Imports for Memory {
    async fn import_relying_party(&self, rp: &RelyingParty) -> Result<ImportedParty, Fault> {
        let mut state = self.state();
        Ok(if state.relying_parties.contains_key(&rp.id) {
            ImportedParty::Exists
        } else if !state.accounts.contains_key(&rp.account) {
            ImportedParty::AccountGone
        } else if state.is_marked(rp.id, Deleted::Whole) {
            ImportedParty::Deleted
        } else {
            state.relying_parties.insert(rp.id, rp.clone());
            ImportedParty::Created
        })
    }

    async fn import_access_key(&self, key: &AccessKey) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&key.relying_party) {
            return Ok(false);
        }
        let place = (key.relying_party, key.id);
        state.access_keys.entry(place).or_insert(key.clone());
        Ok(true)
    }

    async fn import_user(&self, import: ImportUser<'_>) -> Result<ImportedUser, Fault> {
        let mut state = self.state();
        let user = import.user;
        let rp = user.relying_party;
        if !state.relying_parties.contains_key(&rp) {
            return Ok(ImportedUser::RelyingPartyGone);
        }
        let same_key = state.users.get(&(rp, user.id));
        if let Some(found) = same_key.or_else(|| state.user_named(rp, &user.name)) {
            return Ok(ImportedUser::Exists(found.clone()));
        }
        if state.is_marked(rp, Deleted::User(user.id)) {
            return Ok(ImportedUser::Deleted);
        }
        state.users.insert((rp, user.id), user.clone());
        state.note(import.import, Imported::User(rp, user.id));
        if let Some(event) = import.event {
            state.record(event);
        }
        Ok(ImportedUser::Created)
    }

    async fn import_credential(
        &self,
        import: ImportCredential<'_>,
    ) -> Result<ImportedCredential, Fault> {
        Ok(self.state().import_credential(import))
    }

    async fn import_event(&self, event: &AuditEvent) -> Result<bool, Fault> {
        let mut state = self.state();
        let trail = event.relying_party;
        let account = AccountId(trail.0);
        if !state.relying_parties.contains_key(&trail) && !state.accounts.contains_key(&account) {
            return Ok(false);
        }
        state.record(event);
        Ok(true)
    }

    async fn create_import(&self, import: &Import) -> Result<(), Fault> {
        self.state().imports.insert(import.id, import.clone());
        Ok(())
    }

    async fn import(&self, id: ImportId) -> Result<Option<Import>, Fault> {
        Ok(self.state().imports.get(&id).cloned())
    }

    async fn list_imports(&self, request: PageRequest) -> Result<Page<Import>, Fault> {
        let state = self.state();
        let rows = state.imports.values().cloned();
        Ok(page(rows, request, |i| (i.created, i.id.0)))
    }

    async fn list_imported(
        &self,
        id: ImportId,
        after: Option<ImportedPlace>,
        limit: u32,
    ) -> Result<Vec<Imported>, Fault> {
        let state = self.state();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let notes = state.imported.get(&id).into_iter();
        let notes = notes.flat_map(|notes| notes.range((from, Bound::Unbounded)));
        Ok(notes.map(|(_, note)| *note).take(limit as usize).collect())
    }

    async fn note_imported(&self, id: ImportId, notes: &[Imported]) -> Result<(), Fault> {
        let mut state = self.state();
        for note in notes {
            state.note(Some(id), *note);
        }
        Ok(())
    }

    async fn forget_import(&self, id: ImportId, limit: u32) -> Result<bool, Fault> {
        let mut state = self.state();
        if let Some(notes) = state.imported.get_mut(&id) {
            for _ in 0..limit {
                notes.pop_first();
            }
            if !notes.is_empty() {
                return Ok(false);
            }
        }
        state.imported.remove(&id);
        state.imports.remove(&id);
        Ok(true)
    }
}
