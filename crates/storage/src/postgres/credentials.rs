//! Credentials, and the registrations that have not led to one.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ceremony::Registration;
use domain::model::clock::Timestamp;
use domain::model::credential::{CredentialRecord, Evidence};
use domain::model::ids::{CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::model::user::User;
use domain::store::{CountedModels, Credentials, Fault};
use webauthn::credential::Aaguid;

use super::Postgres;
use super::cells::{Cells, params, unreadable};
use super::pool::Does;
use super::records::{self, event_params, from_json};
use super::statements::Statement;

#[async_trait]
impl Credentials for Postgres {
    async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<(CredentialRecord, User)>, Fault> {
        let sent = (Statement::Credential, params![rp.0, key.0]);
        self.record(sent, records::signer).await
    }

    async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<Evidence>, Fault> {
        let sent = (Statement::Evidence, params![rp.0, key.0]);
        self.record(sent, |cells| {
            Ok(Evidence {
                attestation_object: cells.bytes()?.into(),
                client_data_json: cells.bytes()?.into(),
                extensions: cells
                    .maybe_plain()?
                    .map(|text| from_json(text, "extension outputs"))
                    .transpose()?,
            })
        })
        .await
    }

    async fn count_models(&self, rp: RelyingPartyId, users: u32) -> Result<CountedModels, Fault> {
        let sent = (Statement::CountModels, params![rp.0, users]);
        let rows = self.pool.one(Does::Read, sent).await?;
        let mut counted = CountedModels::default();
        for row in &rows {
            let mut cells = Cells::new(row);
            counted.users = cells.count()?;
            // Where nobody has a credential there is one row, without a model.
            if let Some(aaguid) = cells.maybe_key()? {
                let credentials = u64::from(cells.count()?);
                counted.models.push((Aaguid::new(aaguid), credentials));
            }
        }
        Ok(counted)
    }

    async fn list_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<CredentialRecord>, Fault> {
        let lists = (Statement::ListCredentials, Statement::ListCredentialsDown);
        self.page(lists, params![rp.0, user.0], page, records::credential)
            .await
    }

    async fn rename_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        name: &str,
        event: &AuditEvent,
    ) -> Result<Option<CredentialRecord>, Fault> {
        let mut params = event_params(rp, event);
        params.extend(params![key.0, user.0, name]);
        let sent = (Statement::RenameCredential, params);
        let row = self.pool.first(Does::Write, sent).await?;
        row.map(|row| records::credential(&mut Cells::new(&row)))
            .transpose()
    }

    async fn delete_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut params = event_params(rp, event);
        params.extend(params![key.0, user.0]);
        self.done_told((Statement::DeleteCredential, params), event)
            .await
    }

    async fn list_unfinished_registrations(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Registration>, Fault> {
        let lists = (
            Statement::ListUnfinishedRegistrations,
            Statement::ListUnfinishedRegistrationsDown,
        );
        self.page(lists, params![rp.0, user.0], page, |cells| {
            let found = records::ceremony(cells)?.registration();
            found.ok_or_else(|| unreadable("kind of a ceremony"))
        })
        .await
    }

    async fn rename_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Registration>, Fault> {
        self.rename(rp, user, id, name, now).await
    }

    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault> {
        self.pool
            .done((Statement::DeleteRegistration, params![rp.0, id.0, user.0]))
            .await
    }
}
