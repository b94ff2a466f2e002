//! Administrators of the console, their invites and sessions.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::console::{Administrator, CONSOLE_PARTY, ConsoleKind, ConsoleRecord, Session};
use domain::model::ids::InviteId;
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{Console, Fault};

use super::Postgres;
use super::cells::{Cells, params};
use super::pool::Does;
use super::records::{counter, event_params, json};
use super::statements::Statement;
use crate::console::{body, number, record as record_of};

#[async_trait]
impl Console for Postgres {
    async fn keep_console_party(&self, rp: &RelyingParty) -> Result<(), Fault> {
        let body = json(rp)?;
        let params = params![
            rp.id.0,
            rp.account.0,
            counter(rp.version)?,
            rp.created.0,
            &body
        ];
        let sent = (Statement::KeepConsoleParty, params);
        self.pool.done(sent).await?;
        Ok(())
    }

    async fn create_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let body = body(record)?;
        let mut params = event_params(CONSOLE_PARTY, event);
        params.extend(params![
            number(record.kind()),
            record.key(),
            record.owner(),
            record.created().0,
            record.expires().map(|expires| expires.0),
            &body,
        ]);
        let sent = (Statement::CreateConsoleRecord, params);
        let row = self.pool.only(Does::Write, sent).await?;
        let mut cells = Cells::new(&row);
        let (written, same) = (cells.any()?, cells.bool()?);
        Ok(written || same)
    }

    async fn console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
    ) -> Result<Option<ConsoleRecord>, Fault> {
        let sent = (Statement::ConsoleRecord, params![number(kind), key]);
        self.record(sent, |cells| record_of(kind, cells.plain()?))
            .await
    }

    async fn list_console_records(
        &self,
        kind: ConsoleKind,
        owner: Option<[u8; 16]>,
        page: PageRequest,
    ) -> Result<Page<ConsoleRecord>, Fault> {
        let read = |cells: &mut Cells<'_>| record_of(kind, cells.plain()?);
        let number = number(kind);
        match owner {
            None => {
                let lists = (
                    Statement::ListConsoleRecords,
                    Statement::ListConsoleRecordsDown,
                );
                self.page(lists, params![number], page, read).await
            }
            Some(owner) => {
                let lists = (
                    Statement::ListOwnConsoleRecords,
                    Statement::ListOwnConsoleRecordsDown,
                );
                self.page(lists, params![owner, number], page, read).await
            }
        }
    }

    async fn replace_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let body = body(record)?;
        let mut params = event_params(CONSOLE_PARTY, event);
        let expires = record.expires().map(|expires| expires.0);
        params.extend(params![number(record.kind()), record.key(), expires, &body]);
        self.pool
            .done((Statement::ReplaceConsoleRecord, params))
            .await
    }

    async fn delete_console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut params = event_params(CONSOLE_PARTY, event);
        params.extend(params![number(kind), key]);
        self.pool
            .done((Statement::DeleteConsoleRecord, params))
            .await
    }

    async fn accept_invite(
        &self,
        invite: InviteId,
        administrator: &Administrator,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let body = body(&ConsoleRecord::Administrator(administrator.clone()))?;
        let mut taken = event_params(CONSOLE_PARTY, event);
        taken.extend(params![invite.0]);
        // The event says that the invite was taken by this very call.
        let added = params![
            CONSOLE_PARTY.0,
            event.at.0,
            event.id.0,
            administrator.id.0,
            administrator.created.0,
            &body,
        ];
        let sent = [
            (Statement::TakeInvite, taken),
            (Statement::AddAdministrator, added),
        ];
        let rows = self.pool.all(Does::Write, &sent).await?;
        let row = rows
            .into_iter()
            .nth(1)
            .and_then(|rows| rows.into_iter().next());
        let row = row.ok_or_else(|| Fault::Fatal("a statement has no row".to_owned()))?;
        Cells::new(&row).bool()
    }

    async fn see_session(&self, session: &Session) -> Result<bool, Fault> {
        let body = body(&ConsoleRecord::Session(session.clone()))?;
        self.pool
            .done((Statement::SeeSession, params![session.id.0, &body]))
            .await
    }

    async fn sweep_console(&self, expired_before: Timestamp, budget: u32) -> Result<u64, Fault> {
        let removed = self
            .sweep_in_chunks(budget, |limit| {
                let params = params![expired_before.0, limit];
                (Statement::SweepConsoleRecords, params)
            })
            .await?;
        Ok(removed.into())
    }
}
