//! Imports as a whole: begun, undone, reported.

use super::notes::NOTES;
use crate::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use crate::model::ids::{ImportId, RelyingPartyId};
use crate::model::import::{Import, Imported, told_by};
use crate::model::page::{Page, PageRequest};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;

/// Who imports: a person on the machine that has the store.
pub(super) const OPERATOR: Actor = Actor::new(ActorKind::Admin, "import");

/// Rows of a sweep before an import and after an undo.
const SWEEP: u32 = 1000;

/// The note of an import whose undo has begun. It is the last one of the import.
const UNDOING: Imported = Imported::Name(RelyingPartyId([0xff; 16]), [0xff; 16]);

/// What an undo has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Credentials that were removed.
    pub credentials: u64,
    /// Users who were removed.
    pub users: u64,
    /// Users of the import who have other credentials, and so stay.
    pub users_kept: u64,
}

/// How many credentials of an import have signed in since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstSignIns {
    /// Credentials that the import has made.
    pub imported: u64,
    /// Those of them that were deleted since.
    pub gone: u64,
    /// Those that have signed in since.
    pub signed_in: u64,
}

impl Passkeys {
    /// Notes that an import begins.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn begin_import(&self, source: &str) -> Result<ImportId, Refusal> {
        let import = Import {
            id: ImportId::random(&*self.randomness),
            source: source.to_owned(),
            created: self.now(),
        };
        // A record that was deleted a moment ago can come back in this import, as the dry run says.
        self.sweep_deletions().await?;
        self.storage.create_import(&import).await?;
        Ok(import.id)
    }

    /// The import with this key.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn import(&self, id: ImportId) -> Result<Option<Import>, Refusal> {
        Ok(self.storage.import(id).await?)
    }

    /// Imports in the order of their beginning.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn list_imports(&self, page: PageRequest) -> Result<Page<Import>, Refusal> {
        Ok(self.storage.list_imports(page).await?)
    }

    /// Removes the credentials and the users that an import has made, and forgets it. A user who has other credentials stays. What was
    /// deleted here before is not forgotten: a later import does not bring it back.
    ///
    /// # Errors
    /// Faults of the store. What was not done yet is done when it is called again.
    pub async fn undo_import(&self, id: ImportId) -> Result<Undone, Refusal> {
        let (kind, rp, _) = UNDOING.place();
        let begun = self.storage.list_imported(id, Some((kind, rp, [0; 16])), 1);
        if begun.await?.is_empty() {
            self.remember_deleted(id).await?;
            // From now on, what is gone may have gone by this.
            self.storage.note_imported(id, &[UNDOING]).await?;
        }
        let mut undone = Undone::default();
        let mut last = None;
        loop {
            let page = self.imported_after(id, last).await?;
            let Some(end) = page.last() else { break };
            last = Some(*end);
            for imported in page {
                self.undo(imported, &mut undone).await?;
            }
        }
        self.forget_import(told_by(id)).await?;
        self.forget_import(id).await?;
        self.sweep_deletions().await?;
        Ok(undone)
    }

    /// Removes what is left of deleted records, so that they can be imported at once where no sweep runs beside this.
    async fn sweep_deletions(&self) -> Result<(), Refusal> {
        while self.sweep(i64::MAX, i64::MAX, SWEEP).await?.deletions > 0 {}
        Ok(())
    }

    async fn undo(&self, imported: Imported, undone: &mut Undone) -> Result<(), Refusal> {
        let now = self.now();
        match imported {
            Imported::Credential(rp, key, user) => {
                let kind = AuditKind::CredentialDeleted;
                let event = AuditEvent::new(self.draw(), kind, rp, now, &OPERATOR)
                    .user(user)
                    .credential(key);
                let removed = self.storage.delete_credential(rp, user, key, &event);
                undone.credentials += u64::from(removed.await?);
            }
            Imported::User(rp, user) => {
                let found = self.storage.user_with_credentials(rp, user.into()).await?;
                match found.as_deref() {
                    None => {}
                    Some((_, credentials)) if !credentials.is_empty() => undone.users_kept += 1,
                    Some((user, _)) => {
                        let kind = AuditKind::UserDeleted;
                        let event = AuditEvent::new(self.draw(), kind, rp, now, &OPERATOR);
                        let event = event.of(user);
                        let removed = self.storage.delete_user(rp, user.id, &event);
                        undone.users += u64::from(removed.await?);
                    }
                }
            }
            Imported::Name(..) => {}
        }
        Ok(())
    }

    /// Forgets what an import has made. The records stay.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn forget_import(&self, id: ImportId) -> Result<(), Refusal> {
        while !self.storage.forget_import(id, NOTES).await? {}
        Ok(())
    }

    /// How many credentials of an import have signed in since it began.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn first_sign_ins(&self, import: &Import) -> Result<FirstSignIns, Refusal> {
        let mut report = FirstSignIns::default();
        let now = self.now();
        let mut last = None;
        loop {
            let page = self.imported_after(import.id, last).await?;
            let Some(end) = page.last() else {
                return Ok(report);
            };
            last = Some(*end);
            for imported in page {
                let Imported::Credential(rp, key, _) = imported else {
                    continue;
                };
                report.imported += 1;
                match self.storage.credential(rp, key).await? {
                    None => report.gone += 1,
                    Some((record, _)) => {
                        // A moment that has not come is what the file said.
                        let since = import.created..=now;
                        let used = record.last_used.is_some_and(|used| since.contains(&used));
                        report.signed_in += u64::from(used);
                    }
                }
            }
        }
    }
}
