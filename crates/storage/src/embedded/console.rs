//! Administrators of the console, their invites and sessions.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::console::{Administrator, CONSOLE_PARTY, ConsoleKind, ConsoleRecord, Session};
use domain::model::ids::InviteId;
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::{Console, Fault};
use rusqlite::{Connection, params};

use super::parties::relying_party_row;
use super::rows::{event_is_there, insert_event};
use super::seals::{self, is_sound};
use super::sql::{Outcome, execute, exists, first};
use super::{Embedded, reads, writes};
use crate::console::{ADMINISTRATOR, INVITE, OWNER, SESSION, body, number, record as record_of};

/// A record, ready to be written.
struct Written {
    kind: i64,
    key: [u8; 16],
    owner: Option<[u8; 16]>,
    administrator_needed: Option<[u8; 16]>,
    created: i64,
    expires: Option<i64>,
    body: String,
}

impl Written {
    fn of(record: &ConsoleRecord) -> Result<Self, Fault> {
        Ok(Self {
            kind: number(record.kind()),
            key: record.key(),
            owner: record.owner(),
            administrator_needed: record.administrator_needed(),
            created: record.created().0,
            expires: record.expires().map(|expires| expires.0),
            body: body(record)?,
        })
    }

    /// Adds the record, if none has its key.
    fn insert(&self, connection: &Connection) -> Outcome<()> {
        execute(
            connection,
            "INSERT INTO console_records (kind, id, owner, created, expires, body, digest) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, seal('console_records', ?1, ?2, ?3, ?4, ?5, ?6)) \
             ON CONFLICT (kind, id) DO NOTHING",
            params![
                self.kind,
                self.key,
                self.owner,
                self.created,
                self.expires,
                self.body
            ],
        )?;
        Ok(())
    }

    fn replace(&self, connection: &Connection) -> Outcome<bool> {
        if !self.body.contains(OWNER) && is_last_owner(connection, self.kind, self.key)? {
            return Ok(false);
        }
        let sql = "UPDATE console_records SET expires = ?3, body = ?4, \
                   digest = seal('console_records', kind, id, owner, created, ?3, ?4) WHERE kind = ?1 AND id = ?2";
        let values = params![self.kind, self.key, self.expires, self.body];
        Ok(execute(connection, sql, values)? > 0)
    }
}

fn is_there(connection: &Connection, kind: i64, key: [u8; 16]) -> Outcome<bool> {
    let sql = "SELECT 1 FROM console_records WHERE kind = ?1 AND id = ?2";
    exists(connection, sql, params![kind, key])
}

/// Whether it is the administrator without whom there would be no owner.
fn is_last_owner(connection: &Connection, kind: i64, key: [u8; 16]) -> Outcome<bool> {
    if kind != ADMINISTRATOR {
        return Ok(false);
    }
    let owners = |test: &str| {
        format!(
            "SELECT 1 FROM console_records WHERE kind = ?1 AND instr(body, ?2) AND id {test} ?3"
        )
    };
    let params = params![ADMINISTRATOR, OWNER, key];
    Ok(exists(connection, &owners("="), params)? && !exists(connection, &owners("<>"), params)?)
}

fn stored(
    connection: &Connection,
    kind: ConsoleKind,
    key: [u8; 16],
) -> Outcome<Option<ConsoleRecord>> {
    let sql = concat!(
        "SELECT body, ",
        is_sound!(console_records),
        " FROM console_records WHERE kind = ?1 AND id = ?2"
    );
    first(connection, sql, params![number(kind), key], |row| {
        seals::check(row, 1, "console_records")?;
        Ok(record_of(kind, &row.get::<_, String>(0)?)?)
    })
}

fn create(connection: &Connection, row: &Written, event: &AuditEvent) -> Outcome<bool> {
    let sql = "SELECT body = ?3 FROM console_records WHERE kind = ?1 AND id = ?2";
    let same = first(connection, sql, params![row.kind, row.key, row.body], |r| {
        Ok(r.get(0)?)
    })?;
    if let Some(same) = same {
        return Ok(same);
    }
    if let Some(owner) = row.administrator_needed
        && !is_there(connection, ADMINISTRATOR, owner)?
    {
        return Ok(false);
    }
    if !writes::relying_party_exists(connection, CONSOLE_PARTY)? {
        return Ok(false);
    }
    row.insert(connection)?;
    insert_event(connection, event)?;
    Ok(true)
}

fn delete(connection: &Connection, kind: i64, key: [u8; 16], event: &AuditEvent) -> Outcome<bool> {
    let sql = "DELETE FROM console_records WHERE kind = ?1 AND id = ?2";
    if is_last_owner(connection, kind, key)? || execute(connection, sql, params![kind, key])? == 0 {
        return Ok(false);
    }
    if kind == ADMINISTRATOR {
        execute(
            connection,
            "DELETE FROM console_records WHERE owner = ?1",
            [key],
        )?;
    }
    insert_event(connection, event)?;
    Ok(true)
}

fn accept(
    connection: &Connection,
    invite: InviteId,
    administrator: &Written,
    event: &AuditEvent,
) -> Outcome<bool> {
    if event_is_there(connection, event)? {
        // The call was sent again.
        return Ok(true);
    }
    let sql = "DELETE FROM console_records WHERE kind = ?1 AND id = ?2";
    if execute(connection, sql, params![INVITE, invite.0])? == 0 {
        return Ok(false);
    }
    administrator.insert(connection)?;
    insert_event(connection, event)?;
    Ok(true)
}

fn sweep(connection: &Connection, before: Timestamp, limit: u32) -> Outcome<usize> {
    execute(
        connection,
        "DELETE FROM console_records WHERE (kind, id) IN (SELECT kind, id FROM console_records \
         WHERE expires < ?1 ORDER BY expires, kind, id LIMIT ?2)",
        params![before.0, limit],
    )
}

#[async_trait]
impl Console for Embedded {
    async fn keep_console_party(&self, rp: &RelyingParty) -> Result<(), Fault> {
        let row = relying_party_row(rp)?;
        self.write(move |c| writes::keep_relying_party(c, &row))
            .await
    }

    async fn create_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let (row, event) = (Written::of(record)?, event.clone());
        self.write(move |c| create(c, &row, &event)).await
    }

    async fn console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
    ) -> Result<Option<ConsoleRecord>, Fault> {
        self.points.read(|c| stored(c, kind, key))
    }

    async fn list_console_records(
        &self,
        kind: ConsoleKind,
        owner: Option<[u8; 16]>,
        page: PageRequest,
    ) -> Result<Page<ConsoleRecord>, Fault> {
        self.list(move |c| reads::list_console_records(c, kind, owner, page))
            .await
    }

    async fn replace_console_record(
        &self,
        record: &ConsoleRecord,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let (row, event) = (Written::of(record)?, event.clone());
        let work = move |c: &Connection| {
            let replaced = row.replace(c)?;
            if replaced {
                insert_event(c, &event)?;
            }
            Ok(replaced)
        };
        self.write(work).await
    }

    async fn delete_console_record(
        &self,
        kind: ConsoleKind,
        key: [u8; 16],
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| delete(c, number(kind), key, &event))
            .await
    }

    async fn accept_invite(
        &self,
        invite: InviteId,
        administrator: &Administrator,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let row = Written::of(&ConsoleRecord::Administrator(administrator.clone()))?;
        let event = event.clone();
        self.write(move |c| accept(c, invite, &row, &event)).await
    }

    async fn see_session(&self, session: &Session) -> Result<bool, Fault> {
        let row = Written::of(&ConsoleRecord::Session(session.clone()))?;
        debug_assert_eq!(row.kind, SESSION);
        self.write(move |c| row.replace(c)).await
    }

    async fn sweep_console(&self, expired_before: Timestamp, budget: u32) -> Result<u64, Fault> {
        let removed = self
            .sweep_in_chunks(budget, move |c, limit| sweep(c, expired_before, limit))
            .await?;
        Ok(removed.into())
    }
}
