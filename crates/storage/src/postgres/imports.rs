//! Records that come from a file, and what is known of each import.

use async_trait::async_trait;
use domain::model::access_key::AccessKey;
use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::clock::Timestamp;
use domain::model::ids::{EventId, ImportId, RelyingPartyId, UserId};
use domain::model::import::{Import, Imported, ImportedPlace};
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{
    Fault, ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser, Imports,
};
use webauthn::credential::UserHandle;

use super::cells::{Cells, params, unreadable};
use super::parties::{origins, rp_id};
use super::pool::Does;
use super::records::{self, counter, credential_digest, event_params, json};
use super::statements::Statement;
use super::{LAST_KEY, Postgres, settled};
use crate::images::id_hash;

/// Stands where a statement has the parameters of an event that it does not write.
fn no_event(rp: RelyingPartyId) -> AuditEvent {
    let nobody = Actor::new(ActorKind::Unknown, "");
    let kind = AuditKind::CredentialImported;
    AuditEvent::new(EventId([0; 16]), kind, rp, Timestamp(0), &nobody)
}

fn import(cells: &mut Cells<'_>) -> Result<Import, Fault> {
    Ok(Import {
        id: ImportId(cells.key()?),
        source: cells.text()?,
        created: Timestamp(cells.int()?),
    })
}

fn imported(cells: &mut Cells<'_>) -> Result<Imported, Fault> {
    let kind = cells.int()?;
    let rp = RelyingPartyId(cells.key()?);
    let key = cells.key()?;
    let user = UserId(cells.key()?);
    Imported::read(kind, rp, key, user).ok_or_else(|| unreadable("the kind of an imported record"))
}

/// Keys as one parameter.
fn octets(keys: &[[u8; 16]]) -> Vec<&[u8]> {
    keys.iter().map(<[u8; 16]>::as_slice).collect()
}

#[async_trait]
impl Imports for Postgres {
    async fn import_relying_party(&self, rp: &RelyingParty) -> Result<ImportedParty, Fault> {
        let (body, origins, rp_id) = (json(rp)?, origins(rp), rp_id(rp));
        let version = counter(rp.version)?;
        settled!({
            let params = params![
                rp.id.0,
                rp.account.0,
                version,
                rp.created.0,
                &body,
                rp_id.as_deref(),
                &origins[..],
                LAST_KEY,
            ];
            let sent = (Statement::ImportRelyingParty, params);
            let row = self.pool.only(Does::Write, sent).await?;
            let mut cells = Cells::new(&row);
            let (created, there) = (cells.any()?, cells.bool()?);
            let (account, deleted) = (cells.bool()?, cells.bool()?);
            Ok(if created {
                Some(ImportedParty::Created)
            } else if there {
                Some(ImportedParty::Exists)
            } else if !account {
                Some(ImportedParty::AccountGone)
            } else {
                // Without a mark another one wrote it meanwhile.
                deleted.then_some(ImportedParty::Deleted)
            })
        })
    }

    async fn import_access_key(&self, key: &AccessKey) -> Result<bool, Fault> {
        let body = json(key)?;
        let used = key.used.map(|at| at.0);
        let params = params![key.relying_party.0, key.id.0, key.created.0, &body, used];
        self.pool.done((Statement::ImportAccessKey, params)).await
    }

    async fn import_user(&self, import: ImportUser<'_>) -> Result<ImportedUser, Fault> {
        let user = import.user;
        let rp = user.relying_party;
        let none = no_event(rp);
        settled!({
            let mut params = event_params(rp, import.event.unwrap_or(&none));
            params.extend(params![
                user.id.0,
                &user.name,
                user.created.0,
                user.updated.0,
                user.last_success.map(|t| t.0),
                user.last_failure.map(|t| t.0),
                import.import.map(|id| id.0),
                import.event.is_some(),
            ]);
            let sent = (Statement::ImportUser, params);
            let row = self.pool.only(Does::Write, sent).await?;
            let mut cells = Cells::new(&row);
            let (created, party, deleted) = (cells.any()?, cells.bool()?, cells.bool()?);
            if created {
                return Ok(Some(ImportedUser::Created));
            }
            if !party {
                return Ok(Some(ImportedUser::RelyingPartyGone));
            }
            if cells.maybe_key::<16>()?.is_some() {
                let mut cells = Cells::new(&row);
                cells.skip(3);
                return Ok(Some(ImportedUser::Exists(records::user(&mut cells)?)));
            }
            // Without a mark another one wrote it meanwhile.
            Ok(deleted.then_some(ImportedUser::Deleted))
        })
    }

    async fn import_credential(
        &self,
        import: ImportCredential<'_>,
    ) -> Result<ImportedCredential, Fault> {
        let record = import.credential;
        let rp = record.relying_party;
        let none = no_event(rp);
        let hash = id_hash(&record.id);
        let transports = json(&record.transports)?;
        let selection = json(&record.selection)?;
        let extensions = import.evidence.and_then(|e| e.extensions.as_ref());
        let extensions = extensions.map(json).transpose()?;
        settled!({
            let mut params = event_params(rp, import.event.unwrap_or(&none));
            params.extend(params![
                record.key.0,
                record.user.0,
                hash,
                record.id.as_bytes(),
                &record.public_key[..],
                record.algorithm.0,
                record.sign_count,
                record.sign_count_since_fall.map(i64::from),
                record.uv_initialized,
                record.backup_eligible,
                record.backup_state,
                &transports,
                *record.aaguid.as_bytes(),
                &record.attestation_format,
                &record.attestation_type,
                &record.trust,
                record.discoverable,
                &record.name,
                &selection,
                record.created.0,
                record.updated.0,
                record.last_used.map(|t| t.0),
                record.user_agent.as_deref(),
                record.user_handle.as_ref().map(UserHandle::as_bytes),
                credential_digest(record),
                import.evidence.map(|e| &*e.attestation_object),
                import.evidence.map(|e| &*e.client_data_json),
                extensions.as_deref(),
                import.import.map(|id| id.0),
                import.event.is_some(),
                import.adopt_owner,
                import.owner_name,
            ]);
            let sent = [
                (Statement::MeetAtUser, params![rp.0, record.user.0]),
                (Statement::RemoveOldAttestation, params![rp.0, hash]),
                (Statement::RemoveOldCredential, params![rp.0, hash]),
                (Statement::ImportCredential, params),
            ];
            let rows = self.pool.all(Does::Write, &sent).await?;
            let row = rows.last().and_then(|rows| rows.first());
            let row = row.ok_or_else(|| Fault::Fatal("an import has no row".to_owned()))?;
            let mut cells = Cells::new(row);
            let (created, raised, owner) = (cells.any()?, cells.any()?, cells.bool()?);
            let (there, same, key_taken) = (cells.bool()?, cells.bool()?, cells.bool()?);
            Ok(if created {
                Some(ImportedCredential::Created)
            } else if raised {
                Some(ImportedCredential::CounterRaised)
            } else if !owner {
                Some(ImportedCredential::UserGone)
            } else if same {
                Some(ImportedCredential::Exists)
            } else {
                // Otherwise another one wrote it meanwhile.
                (there || key_taken).then_some(ImportedCredential::Taken)
            })
        })
    }

    async fn import_event(&self, event: &AuditEvent) -> Result<bool, Fault> {
        let params = event_params(event.relying_party, event);
        self.pool.done((Statement::ImportEvent, params)).await
    }

    async fn create_import(&self, import: &Import) -> Result<(), Fault> {
        let params = params![import.id.0, &import.source, import.created.0];
        let done = self.pool.done((Statement::CreateImport, params));
        done.await.map(drop)
    }

    async fn import(&self, id: ImportId) -> Result<Option<Import>, Fault> {
        self.record((Statement::Import, params![id.0]), import)
            .await
    }

    async fn list_imports(&self, page: PageRequest) -> Result<Page<Import>, Fault> {
        let lists = (Statement::ListImports, Statement::ListImportsDown);
        self.page(lists, params![], page, import).await
    }

    async fn list_imported(
        &self,
        id: ImportId,
        after: Option<ImportedPlace>,
        limit: u32,
    ) -> Result<Vec<Imported>, Fault> {
        let (kind, rp, key) = after.map_or((-1, [0; 16], [0; 16]), |(kind, rp, key)| {
            (i64::from(kind), rp.0, key)
        });
        let sent = (Statement::ListImported, params![id.0, kind, rp, key, limit]);
        let rows = self.pool.one(Does::Read, sent).await?;
        let rows = rows.iter().map(|row| imported(&mut Cells::new(row)));
        rows.collect()
    }

    async fn note_imported(&self, id: ImportId, notes: &[Imported]) -> Result<(), Fault> {
        // One statement for each kind.
        for of_kind in notes.chunk_by(|one, next| one.place().0 == next.place().0) {
            let (mut parties, mut keys, mut users) = (Vec::new(), Vec::new(), Vec::new());
            for note in of_kind {
                let (_, rp, key) = note.place();
                parties.push(rp.0);
                keys.push(key);
                users.push(note.user().0);
            }
            let kind = of_kind.first().map_or(0, |note| note.place().0);
            let params = params![
                id.0,
                i64::from(kind),
                octets(&parties),
                octets(&keys),
                octets(&users)
            ];
            self.pool.done((Statement::NoteImported, params)).await?;
        }
        Ok(())
    }

    async fn forget_import(&self, id: ImportId, limit: u32) -> Result<bool, Fault> {
        let sent = (Statement::ForgetImported, params![id.0, limit]);
        let row = self.pool.only(Does::Write, sent).await?;
        if Cells::new(&row).count()? == limit {
            return Ok(false);
        }
        self.pool
            .done((Statement::ForgetImport, params![id.0]))
            .await?;
        Ok(true)
    }
}
