//! Relying Parties.

use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::store::Update;
use rusqlite::{Connection, params};

use crate::embedded::rows::{self, insert_event};
use crate::embedded::sql::{Outcome, execute, exists};

/// A Relying Party, ready to be written.
pub(in crate::embedded) struct RelyingPartyRow {
    pub(in crate::embedded) id: RelyingPartyId,
    pub(in crate::embedded) account: AccountId,
    pub(in crate::embedded) version: i64,
    pub(in crate::embedded) created: Timestamp,
    pub(in crate::embedded) body: String,
    pub(in crate::embedded) rp_id: Option<String>,
    pub(in crate::embedded) origins: Vec<String>,
}

/// Makes the origins that are looked up those of the record.
fn replace_origins(connection: &Connection, row: &RelyingPartyRow) -> Outcome<()> {
    delete_origins(connection, row.id)?;
    // A list may name an origin twice.
    let sql = "INSERT INTO origins (origin, relying_party_id, digest) VALUES (?1, ?2, seal('origins', ?1, ?2)) \
               ON CONFLICT (origin, relying_party_id) DO NOTHING";
    for origin in &row.origins {
        execute(connection, sql, params![origin, row.id.0])?;
    }
    Ok(())
}

pub(super) fn delete_origins(connection: &Connection, id: RelyingPartyId) -> Outcome<usize> {
    let sql = "DELETE FROM origins WHERE relying_party_id = ?1";
    execute(connection, sql, [id.0])
}

pub(in crate::embedded) fn relying_party_exists(
    connection: &Connection,
    id: RelyingPartyId,
) -> Outcome<bool> {
    exists(
        connection,
        "SELECT 1 FROM relying_parties WHERE id = ?1",
        [id.0],
    )
}

pub(in crate::embedded) fn create_relying_party(
    connection: &Connection,
    row: &RelyingPartyRow,
    event: &AuditEvent,
) -> Outcome<bool> {
    if !account_exists(connection, row.account)? {
        return Ok(false);
    }
    insert(connection, row)?;
    insert_event(connection, event)?;
    Ok(true)
}

/// Adds a Relying Party that belongs to no account, if it is not there.
pub(in crate::embedded) fn keep_relying_party(
    connection: &Connection,
    row: &RelyingPartyRow,
) -> Outcome<()> {
    if relying_party_exists(connection, row.id)? {
        return Ok(());
    }
    insert(connection, row)
}

/// Writes a Relying Party with its origins.
pub(super) fn insert(connection: &Connection, row: &RelyingPartyRow) -> Outcome<()> {
    execute(
        connection,
        "INSERT INTO relying_parties (id, account_id, version, created, body, rp_id, digest) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, seal('relying_parties', ?1, ?2, ?3, ?4, ?5, ?6)) ON CONFLICT (id) DO NOTHING",
        params![
            row.id.0,
            row.account.0,
            row.version,
            row.created.0,
            row.body,
            row.rp_id
        ],
    )?;
    replace_origins(connection, row)
}

pub(in crate::embedded) fn update_relying_party(
    connection: &Connection,
    row: &RelyingPartyRow,
    event: &AuditEvent,
) -> Outcome<Update> {
    let changed = execute(
        connection,
        "UPDATE relying_parties SET version = ?2, body = ?3, rp_id = ?4, \
         digest = seal('relying_parties', id, ?5, ?2, ?6, ?3, ?4) WHERE id = ?1 AND version = ?2 - 1",
        params![
            row.id.0,
            row.version,
            row.body,
            row.rp_id,
            row.account.0,
            row.created.0
        ],
    )?;
    if changed > 0 {
        replace_origins(connection, row)?;
        insert_event(connection, event)?;
        return Ok(Update::Done);
    }
    // The event is of this very call: it was done before, and is sent again.
    Ok(if rows::event_is_there(connection, event)? {
        Update::Done
    } else if relying_party_exists(connection, row.id)? {
        Update::Conflict
    } else {
        Update::Gone
    })
}

pub(super) fn account_exists(connection: &Connection, account: AccountId) -> Outcome<bool> {
    exists(
        connection,
        "SELECT 1 FROM accounts WHERE id = ?1",
        [account.0],
    )
}
