//! Users of a Relying Party.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::model::user::{User, UserRef};
use domain::store::{CreateUser, Fault, Users};
use rusqlite::Connection;

use super::{Embedded, reads, writes};

#[async_trait]
impl Users for Embedded {
    async fn create_user(&self, user: &User, event: &AuditEvent) -> Result<CreateUser, Fault> {
        let (user, event) = (user.clone(), event.clone());
        self.write(move |c| writes::create_user(c, &user, &event))
            .await
    }

    async fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Result<Option<User>, Fault> {
        self.points.read(|c| reads::user(c, rp, user))
    }

    async fn user_with_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserRef<'_>,
    ) -> Result<Option<Arc<(User, Vec<CredentialRecord>)>>, Fault> {
        if let Some(owner) = self.records.owner(rp, user) {
            return Ok(Some(owner));
        }
        let before = self.records.before();
        let found = self.pending.reading(
            || {
                self.points
                    .read(|c| reads::user_with_credentials(c, rp, user))
            },
            |found| found.iter_mut().flat_map(|(_, records)| records).collect(),
        )?;
        let found = found.map(Arc::new);
        if let Some(owner) = &found {
            self.records.keep_owner(before, owner);
        }
        Ok(found)
    }

    async fn list_users(&self, rp: RelyingPartyId, page: PageRequest) -> Result<Page<User>, Fault> {
        self.list(move |c| reads::list_users(c, rp, page)).await
    }

    async fn users_named(
        &self,
        rp: RelyingPartyId,
        beginning: &str,
        limit: u32,
    ) -> Result<Page<User>, Fault> {
        let beginning = beginning.to_owned();
        self.list(move |c| reads::users_named(c, rp, &beginning, limit))
            .await
    }

    async fn delete_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        let work = move |c: &Connection| writes::delete_user(c, rp, user, &event);
        self.delete(rp, Some(user), work).await
    }
}
