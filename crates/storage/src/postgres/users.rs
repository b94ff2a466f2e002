//! Users of a Relying Party.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::model::user::{User, UserRef};
use domain::store::{CreateUser, Fault, Users};

use super::cells::{Cells, Param, params};
use super::pool::Does;
use super::records::{self, USER_WIDTH, event_params};
use super::statements::Statement;
use super::{Postgres, settled};

#[async_trait]
impl Users for Postgres {
    async fn create_user(&self, user: &User, event: &AuditEvent) -> Result<CreateUser, Fault> {
        settled!({
            let mut params = event_params(user.relying_party, event);
            params.extend(params![
                user.id.0,
                &user.name,
                user.created.0,
                user.updated.0,
                user.last_success.map(|t| t.0),
                user.last_failure.map(|t| t.0),
            ]);
            let row = self
                .pool
                .only(Does::Write, (Statement::CreateUser, params))
                .await?;
            let mut cells = Cells::new(&row);
            let (created, party) = (cells.any()?, cells.bool()?);
            if created {
                return Ok(Some(CreateUser::Created));
            }
            if !party {
                return Ok(Some(CreateUser::RelyingPartyGone));
            }
            // No user of this name: one was created meanwhile.
            let found = cells.maybe_key::<16>()?.is_some();
            let mut cells = Cells::new(&row);
            cells.skip(2);
            let taken = found.then(|| records::user(&mut cells)).transpose()?;
            Ok(taken.map(|taken| {
                // The call was sent again.
                if taken.id == user.id {
                    CreateUser::Created
                } else {
                    CreateUser::Exists(taken)
                }
            }))
        })
    }

    async fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Result<Option<User>, Fault> {
        let sent = match user {
            UserRef::Name(name) => (Statement::UserByName, params![rp.0, name]),
            UserRef::Id(id) => (Statement::UserById, params![rp.0, id.0]),
        };
        self.record(sent, records::user).await
    }

    async fn user_with_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserRef<'_>,
    ) -> Result<Option<Arc<(User, Vec<CredentialRecord>)>>, Fault> {
        let sent = match user {
            UserRef::Name(name) => (Statement::OwnerByName, params![rp.0, name]),
            UserRef::Id(id) => (Statement::OwnerById, params![rp.0, id.0]),
        };
        let rows = self.pool.one(Does::Read, sent).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let user = records::user(&mut Cells::new(first))?;
        let mut credentials = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut cells = Cells::new(row);
            cells.skip(USER_WIDTH);
            // Without credentials there is one row, whose columns are null.
            if cells.maybe_key::<16>()?.is_some() {
                credentials.push(records::signer(&mut Cells::new(row))?.0);
            }
        }
        Ok(Some(Arc::new((user, credentials))))
    }

    async fn list_users(&self, rp: RelyingPartyId, page: PageRequest) -> Result<Page<User>, Fault> {
        let lists = (Statement::ListUsers, Statement::ListUsersDown);
        self.page(lists, params![rp.0], page, records::user).await
    }

    async fn users_named(
        &self,
        rp: RelyingPartyId,
        beginning: &str,
        limit: u32,
    ) -> Result<Page<User>, Fault> {
        let mut params = params![rp.0];
        params.extend(Param::beginning(beginning));
        params.extend(params![i64::from(limit) + 1]);
        let sent = (Statement::UsersNamed, params);
        let rows = self.pool.one(Does::Read, sent).await?;
        let most = limit as usize;
        let users = rows.iter().take(most);
        let items = users.map(|row| records::user(&mut Cells::new(row)));
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            more: rows.len() > most,
        })
    }

    async fn delete_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        self.delete(Statement::DeleteUser, rp, user.0, event).await
    }
}

impl Postgres {
    /// Removes something of a Relying Party by its key, and writes the event of it.
    pub(super) async fn delete(
        &self,
        statement: Statement,
        rp: RelyingPartyId,
        key: [u8; 16],
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut params = event_params(rp, event);
        params.extend(params![key]);
        self.done_told((statement, params), event).await
    }
}
