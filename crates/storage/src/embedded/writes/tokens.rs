//! Access keys, the keys of tokens, and the tokens that were used.

use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccessKeyId, AttemptId, RelyingPartyId, TokenId};
use domain::model::token::{TokenKey, TokenKind};
use rusqlite::{Connection, params};

use super::forms;
use super::parties::relying_party_exists;
use crate::embedded::reads;
use crate::embedded::rows::{alive, insert_event};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, execute, exists, first};

/// An access key, ready to be written.
pub(in crate::embedded) struct AccessKeyRow {
    pub(in crate::embedded) relying_party: RelyingPartyId,
    pub(in crate::embedded) id: AccessKeyId,
    pub(in crate::embedded) created: Timestamp,
    pub(in crate::embedded) used: Option<Timestamp>,
    pub(in crate::embedded) body: String,
}

pub(in crate::embedded) fn create_access_key(
    connection: &Connection,
    row: &AccessKeyRow,
    event: Option<&AuditEvent>,
) -> Outcome<bool> {
    if !relying_party_exists(connection, row.relying_party)? {
        return Ok(false);
    }
    execute(
        connection,
        "INSERT INTO access_keys (relying_party_id, id, created, body, used, digest) \
         VALUES (?1, ?2, ?3, ?4, ?5, seal('access_keys', ?1, ?2, ?3, ?4)) \
         ON CONFLICT (relying_party_id, id) DO NOTHING",
        params![
            row.relying_party.0,
            row.id.0,
            row.created.0,
            row.body,
            row.used.map(|at| at.0)
        ],
    )?;
    if let Some(event) = event {
        insert_event(connection, event)?;
    }
    Ok(true)
}

pub(in crate::embedded) fn delete_access_key(
    connection: &Connection,
    rp: RelyingPartyId,
    id: AccessKeyId,
    event: &AuditEvent,
) -> Outcome<bool> {
    let sql = concat!(
        "DELETE FROM access_keys WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    if execute(connection, sql, [rp.0, id.0])? == 0 {
        return Ok(false);
    }
    insert_event(connection, event)?;
    Ok(true)
}

pub(in crate::embedded) fn keep_token_key(
    connection: &Connection,
    rp: RelyingPartyId,
    kind: TokenKind,
    candidate: TokenKey,
) -> Outcome<Option<TokenKey>> {
    if !relying_party_exists(connection, rp)? {
        return Ok(None);
    }
    if let Some(stored) = reads::token_key(connection, rp, kind)? {
        return Ok(Some(stored));
    }
    execute(
        connection,
        "INSERT INTO token_keys (relying_party_id, kind, value, digest) \
         VALUES (?1, ?2, ?3, seal('token_keys', ?1, ?2, ?3))",
        params![rp.0, kind.name(), candidate.reveal()],
    )?;
    Ok(Some(candidate))
}

/// Replaces a token key. What it was is overwritten with zeros.
pub(in crate::embedded) fn replace_token_key(
    connection: &Connection,
    rp: RelyingPartyId,
    kind: TokenKind,
    (expected, new): (&TokenKey, &TokenKey),
    event: Option<&AuditEvent>,
) -> Outcome<bool> {
    let Some(stored) = reads::token_key(connection, rp, kind)? else {
        return Ok(false);
    };
    if stored != *expected {
        return Ok(stored == *new);
    }
    if event.is_none() && kind == TokenKind::Access {
        let (old, new) = (expected.reveal(), new.reveal());
        forms::same_value(connection, "access_token_keys", &rp.0, old, new)?;
    }
    connection.pragma_update(None, "secure_delete", true)?;
    execute(
        connection,
        "UPDATE token_keys SET value = ?3, digest = seal('token_keys', ?1, ?2, ?3) \
         WHERE relying_party_id = ?1 AND kind = ?2",
        params![rp.0, kind.name(), new.reveal()],
    )?;
    connection.pragma_update(None, "secure_delete", false)?;
    match event {
        Some(event) => insert_event(connection, event).map(drop)?,
        None if kind == TokenKind::Access => {
            let (old, new) = (expected.reveal(), new.reveal());
            forms::not_replaced(connection, "access_token_keys", &rp.0, old, new)?;
        }
        None => {}
    }
    Ok(true)
}

pub(in crate::embedded) fn claim_once(
    connection: &Connection,
    rp: RelyingPartyId,
    token: TokenId,
    expires: Timestamp,
    attempt: AttemptId,
) -> Outcome<bool> {
    if !relying_party_exists(connection, rp)? {
        return Ok(false);
    }
    // A token that was used lies in the table and in the index. Where it is in the index alone, its row is damaged, and would be
    // missed.
    let sql = "SELECT 1 FROM used_tokens t INDEXED BY used_tokens_by_expiry \
               WHERE t.expires = ?3 AND t.relying_party_id = ?1 AND t.id = ?2 AND NOT EXISTS \
               (SELECT 1 FROM used_tokens u WHERE u.relying_party_id = ?1 AND u.id = ?2)";
    if exists(connection, sql, params![rp.0, token.0, expires.0])? {
        return Err(seals::damaged("used_tokens"));
    }
    let sql = "INSERT INTO used_tokens (relying_party_id, id, expires, attempt, digest) \
               VALUES (?1, ?2, ?3, ?4, seal('used_tokens', ?1, ?2, ?3, ?4)) ON CONFLICT (relying_party_id, id) DO NOTHING";
    if execute(
        connection,
        sql,
        params![rp.0, token.0, expires.0, attempt.0],
    )? > 0
    {
        return Ok(true);
    }
    let sql = concat!(
        "SELECT attempt, ",
        is_sound!(used_tokens),
        " FROM used_tokens WHERE relying_party_id = ?1 AND id = ?2"
    );
    let used_by = first(connection, sql, [rp.0, token.0], |row| {
        seals::check(row, 1, "used_tokens")?;
        Ok(row.get::<_, Option<[u8; 16]>>(0)?)
    })?;
    Ok(used_by.flatten() == Some(attempt.0))
}
