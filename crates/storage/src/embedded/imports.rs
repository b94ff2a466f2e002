//! Records that come from a file, and what is known of each import.

use async_trait::async_trait;
use domain::model::access_key::AccessKey;
use domain::model::audit::AuditEvent;
use domain::model::ids::ImportId;
use domain::model::import::{Import, Imported, ImportedPlace};
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{
    Fault, ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser, Imports,
};

use super::access_keys::access_key_row;
use super::parties::relying_party_row;
use super::rows::CredentialRow;
use super::{Embedded, Rows, reads, writes};

#[async_trait]
impl Imports for Embedded {
    async fn import_relying_party(&self, rp: &RelyingParty) -> Result<ImportedParty, Fault> {
        let row = relying_party_row(rp)?;
        self.write(move |c| writes::import_relying_party(c, &row))
            .await
    }

    async fn import_access_key(&self, key: &AccessKey) -> Result<bool, Fault> {
        let row = access_key_row(key)?;
        self.write(move |c| writes::create_access_key(c, &row, None))
            .await
    }

    async fn import_user(&self, import: ImportUser<'_>) -> Result<ImportedUser, Fault> {
        let (user, event) = (import.user.clone(), import.event.cloned());
        let import = import.import;
        self.write(move |c| writes::import_user(c, &user, import, event.as_ref()))
            .await
    }

    async fn import_credential(
        &self,
        import: ImportCredential<'_>,
    ) -> Result<ImportedCredential, Fault> {
        let record = import.credential;
        let (rp, user) = (record.relying_party, record.user);
        let row = CredentialRow::of(record.clone(), import.evidence)?;
        let event = import.event.cloned();
        let (noted, adopt) = ((import.import, import.owner_name), import.adopt_owner);
        self.write_user(rp, user, Rows::WithSignIns, move |c| {
            writes::import_credential(c, &row, noted, adopt, event.as_ref())
        })
        .await
    }

    async fn import_event(&self, event: &AuditEvent) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| writes::import_event(c, &event)).await
    }

    async fn create_import(&self, import: &Import) -> Result<(), Fault> {
        let import = import.clone();
        self.write(move |c| writes::create_import(c, &import)).await
    }

    async fn import(&self, id: ImportId) -> Result<Option<Import>, Fault> {
        self.points.read(|c| reads::import(c, id))
    }

    async fn list_imports(&self, page: PageRequest) -> Result<Page<Import>, Fault> {
        self.list(move |c| reads::list_imports(c, page)).await
    }

    async fn list_imported(
        &self,
        id: ImportId,
        after: Option<ImportedPlace>,
        limit: u32,
    ) -> Result<Vec<Imported>, Fault> {
        self.list(move |c| reads::list_imported(c, id, after, limit))
            .await
    }

    async fn note_imported(&self, id: ImportId, notes: &[Imported]) -> Result<(), Fault> {
        let notes = notes.to_vec();
        self.write(move |c| writes::note_imported(c, id, &notes))
            .await
    }

    async fn forget_import(&self, id: ImportId, limit: u32) -> Result<bool, Fault> {
        self.write(move |c| writes::forget_import(c, id, limit))
            .await
    }
}
