//! Credentials, and the registrations that have not led to one.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ceremony::Registration;
use domain::model::clock::Timestamp;
use domain::model::credential::{CredentialRecord, Evidence};
use domain::model::ids::{CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::model::user::User;
use domain::store::{CountedModels, Credentials, Fault};

use super::{Embedded, Rows, reads, writes};

#[async_trait]
impl Credentials for Embedded {
    async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<(CredentialRecord, User)>, Fault> {
        self.read_signer(|c| reads::credential(c, rp, key))
    }

    async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<Evidence>, Fault> {
        self.points.read(|c| reads::evidence(c, rp, key))
    }

    async fn count_models(&self, rp: RelyingPartyId, users: u32) -> Result<CountedModels, Fault> {
        self.list(move |c| reads::count_models(c, rp, users)).await
    }

    async fn list_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<CredentialRecord>, Fault> {
        let pending = Arc::clone(&self.pending);
        self.list(move |c| {
            pending.reading(
                || reads::list_credentials(c, rp, user, page),
                |found| found.items.iter_mut().collect(),
            )
        })
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
        let (name, event) = (name.to_owned(), event.clone());
        self.write_user(rp, user, Rows::WithSignIns, move |c| {
            writes::rename_credential(c, rp, user, key, &name, &event)
        })
        .await
    }

    async fn delete_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write_user(rp, user, Rows::WithSignIns, move |c| {
            writes::delete_credential(c, rp, user, key, &event)
        })
        .await
    }

    async fn list_unfinished_registrations(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<Registration>, Fault> {
        self.list(move |c| reads::list_unfinished_registrations(c, rp, user, page))
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
        let name = name.to_owned();
        self.write(move |c| writes::rename_registration(c, rp, user, id, &name, now))
            .await
    }

    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::delete_registration(c, rp, user, id))
            .await
    }
}
