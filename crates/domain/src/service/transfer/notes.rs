//! What is known of imports, whether it is still there or not: a later import does not bring back what was deleted here.

use std::collections::{BTreeSet, HashSet};

use crate::model::ids::{CredentialKey, ImportId, RelyingPartyId, UserId};
use crate::model::import::{EARLIER, Import, Imported, OWN, name_image, told_by};
use crate::model::page::{PageRequest, Position};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;

/// Notes of one read or one removal.
pub(super) const NOTES: u32 = 500;

/// What imports have brought to a Relying Party.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// The keys of credentials.
    pub(super) credentials: HashSet<CredentialKey>,
    /// The images of the names of their users.
    pub(super) names: HashSet<[u8; 16]>,
}

impl Passkeys {
    /// What the imports of a Relying Party have brought so far, deleted or not: its credentials, and the names of their users.
    pub(super) async fn brought(&self, rp: RelyingPartyId) -> Result<Brought, Refusal> {
        let mut brought = Brought::default();
        for note in self.notes_of(rp, |_| true).await? {
            match note {
                Imported::Credential(_, key, _) => brought.credentials.insert(key),
                Imported::Name(_, image) => brought.names.insert(image),
                Imported::User(..) => false,
            };
        }
        Ok(brought)
    }

    /// What imports from other products have brought to a Relying Party, deleted or not, in the order of an export: credentials, and the
    /// names of their users. An export of passkeyd is no other product, but it says what its store knew of them.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn brought_from_products(
        &self,
        rp: RelyingPartyId,
    ) -> Result<Vec<Imported>, Refusal> {
        let notes = self.notes_of(rp, |import| import.source != OWN).await?;
        Ok(notes.into_iter().collect())
    }

    /// The notes of credentials and names of a Relying Party: what the imports for which this holds have brought, what the files of all
    /// imports have told, and what is known of imports that are no longer listed.
    async fn notes_of(
        &self,
        rp: RelyingPartyId,
        wanted: impl Fn(&Import) -> bool,
    ) -> Result<BTreeSet<Imported>, Refusal> {
        let mut notes = BTreeSet::new();
        self.take_notes(EARLIER, rp, &mut notes).await?;
        let mut page = PageRequest::first(NOTES);
        loop {
            let imports = self.list_imports(page).await?;
            for import in &imports.items {
                if wanted(import) {
                    self.take_notes(import.id, rp, &mut notes).await?;
                }
                self.take_notes(told_by(import.id), rp, &mut notes).await?;
            }
            let Some(last) = imports.items.last().filter(|_| imports.more) else {
                return Ok(notes);
            };
            page.after = Some(Position {
                created: last.created,
                key: last.id.0,
            });
        }
    }

    async fn take_notes(
        &self,
        id: ImportId,
        rp: RelyingPartyId,
        notes: &mut BTreeSet<Imported>,
    ) -> Result<(), Refusal> {
        for first in [
            Imported::Credential(rp, CredentialKey([0; 16]), UserId([0; 16])),
            Imported::Name(rp, [0; 16]),
        ] {
            let (kind, _, _) = first.place();
            let mut after = first;
            loop {
                let page = self.imported_after(id, Some(after)).await?;
                let own = |note: &&Imported| (note.place().0, note.place().1) == (kind, rp);
                // Of a credential that two imports brought, one note is enough.
                let own = page.iter().take_while(own).map(|note| match *note {
                    Imported::Credential(rp, key, _) => {
                        Imported::Credential(rp, key, UserId([0; 16]))
                    }
                    other => other,
                });
                let read = own.map(|note| notes.insert(note)).count();
                match page.last() {
                    Some(last) if read == page.len() => after = *last,
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// The records of an import after one of them.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn imported_after(
        &self,
        id: ImportId,
        last: Option<Imported>,
    ) -> Result<Vec<Imported>, Refusal> {
        let after = last.map(Imported::place);
        Ok(self.storage.list_imported(id, after, NOTES).await?)
    }

    /// Keeps the notes of an import whose credentials were deleted since, or the users of them; and of those that its file told, what the
    /// import did not bring itself.
    pub(super) async fn remember_deleted(&self, id: ImportId) -> Result<(), Refusal> {
        // What is there: credentials, and the names of users. Credentials are listed before names.
        let mut there = Brought::default();
        for of in [id, told_by(id)] {
            let mut last = None;
            loop {
                let page = self.imported_after(of, last).await?;
                let Some(end) = page.last() else { break };
                last = Some(*end);
                let mut deleted = Vec::new();
                for imported in page {
                    if !self.is_still_there(imported, &mut there).await? {
                        deleted.push(imported);
                    }
                }
                self.storage.note_imported(EARLIER, &deleted).await?;
            }
        }
        Ok(())
    }

    /// Whether what a note is about is there.
    async fn is_still_there(&self, note: Imported, there: &mut Brought) -> Result<bool, Refusal> {
        Ok(match note {
            Imported::Credential(_, key, _) if there.credentials.contains(&key) => true,
            Imported::Credential(rp, key, user) => {
                let found = self.storage.credential(rp, key).await?;
                let is_there = found.is_some();
                let user = match found {
                    Some((_, user)) => Some(user),
                    // A user can be there without this credential.
                    None => self.storage.user(rp, user.into()).await?,
                };
                there
                    .names
                    .extend(user.map(|user| name_image(rp, &user.name)));
                there.credentials.extend(is_there.then_some(key));
                is_there
            }
            Imported::User(..) => true,
            Imported::Name(_, image) => there.names.contains(&image),
        })
    }
}
