//! Records that come from a file.

use domain::model::audit::AuditEvent;
use domain::model::ids::{AccountId, ImportId, RelyingPartyId, UserId};
use domain::model::import::{Import, Imported};
use domain::model::user::{User, UserRef};
use domain::store::{ImportedCredential, ImportedParty, ImportedUser};
use rusqlite::{Connection, params};

use super::ceremonies::{remove_remains, user_exists};
use super::deletions::WHOLE;
use super::parties::{RelyingPartyRow, account_exists, insert, relying_party_exists};
use crate::embedded::reads;
use crate::embedded::rows::{self, CredentialRow, alive, insert_event, row_hash};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, execute, exists, first};

/// Whether a deletion is not swept yet. There are few at any time.
fn is_marked(connection: &Connection, rp: RelyingPartyId, user: &[u8]) -> Outcome<bool> {
    let sql = "SELECT 1 FROM deletions WHERE relying_party_id = ?1 AND user_id = ?2";
    exists(connection, sql, params![rp.0, user])
}

fn note(connection: &Connection, import: Option<ImportId>, imported: Imported) -> Outcome<()> {
    let Some(import) = import else {
        return Ok(());
    };
    let (kind, rp, key) = imported.place();
    execute(
        connection,
        "INSERT INTO imported (import_id, kind, relying_party_id, key, user_id) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT DO NOTHING",
        params![import.0, kind, rp.0, key, imported.user().0],
    )
    .map(drop)
}

/// Whether one of the last 100 imports has made this user. Each of them is asked by its key.
fn is_imported(connection: &Connection, rp: RelyingPartyId, user: UserId) -> Outcome<bool> {
    let sql = "SELECT 1 FROM (SELECT id FROM imports WHERE created >= 0 ORDER BY created DESC, id DESC LIMIT 100) i \
               CROSS JOIN imported n ON n.import_id = i.id AND n.kind = 1 AND n.relying_party_id = ?1 AND n.key = ?2";
    exists(connection, sql, params![rp.0, user.0])
}

pub(in crate::embedded) fn import_relying_party(
    connection: &Connection,
    row: &RelyingPartyRow,
) -> Outcome<ImportedParty> {
    if relying_party_exists(connection, row.id)? {
        return Ok(ImportedParty::Exists);
    }
    if !account_exists(connection, row.account)? {
        return Ok(ImportedParty::AccountGone);
    }
    if is_marked(connection, row.id, WHOLE)? {
        return Ok(ImportedParty::Deleted);
    }
    insert(connection, row)?;
    Ok(ImportedParty::Created)
}

pub(in crate::embedded) fn import_user(
    connection: &Connection,
    user: &User,
    import: Option<ImportId>,
    event: Option<&AuditEvent>,
) -> Outcome<ImportedUser> {
    let rp = user.relying_party;
    if !relying_party_exists(connection, rp)? {
        return Ok(ImportedUser::RelyingPartyGone);
    }
    for found in [UserRef::Id(user.id), UserRef::Name(&user.name)] {
        if let Some(found) = reads::user(connection, rp, found)? {
            return Ok(ImportedUser::Exists(found));
        }
    }
    if is_marked(connection, rp, &user.id.0)? {
        return Ok(ImportedUser::Deleted);
    }
    rows::insert_new_user(connection, user)?;
    note(connection, import, Imported::User(rp, user.id))?;
    if let Some(event) = event {
        insert_event(connection, event)?;
    }
    Ok(ImportedUser::Created)
}

pub(in crate::embedded) fn import_credential(
    connection: &Connection,
    credential: &CredentialRow,
    (import, owner_name): (Option<ImportId>, [u8; 16]),
    adopt: bool,
    event: Option<&AuditEvent>,
) -> Outcome<ImportedCredential> {
    let record = &credential.record;
    let rp = record.relying_party;
    let hash = row_hash(&credential.id_hash);
    if !user_exists(connection, rp, record.user)? {
        return Ok(ImportedCredential::UserGone);
    }
    let sql = concat!(
        "SELECT user_id, public_key, sign_count, ",
        is_sound!(credentials),
        " AND ",
        is_sound!(uses),
        " FROM credentials WHERE relying_party_id = ?1 AND id_hash = ?2",
        alive!("user_id")
    );
    let stored = first(connection, sql, params![rp.0, hash], |row| {
        seals::check(row, 3, "credentials")?;
        let (user, key, count): ([u8; 16], Vec<u8>, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((
            (user, key) == (record.user.0, record.public_key.to_vec()),
            count,
        ))
    })?;
    if let Some((same, count)) = stored {
        if !same {
            return Ok(ImportedCredential::Taken);
        }
        if count >= record.sign_count {
            return Ok(ImportedCredential::Exists);
        }
        execute(
            connection,
            "UPDATE credentials SET sign_count = ?3, sign_count_since_fall = NULL, use_digest = seal('uses', ?1, ?2, ?3, NULL, \
             uv_initialized, backup_eligible, backup_state) WHERE relying_party_id = ?1 AND id_hash = ?2",
            params![rp.0, hash, record.sign_count],
        )?;
        return Ok(ImportedCredential::CounterRaised);
    }
    remove_remains(connection, rp, credential.id_hash)?;
    let sql = "SELECT 1 FROM credentials WHERE relying_party_id = ?1 AND key = ?2";
    if exists(connection, sql, [rp.0, record.key.0])? {
        return Ok(ImportedCredential::Taken);
    }
    credential.insert(connection)?;
    let imported = Imported::Credential(rp, record.key, record.user);
    note(connection, import, imported)?;
    note(connection, import, Imported::Name(rp, owner_name))?;
    if adopt && is_imported(connection, rp, record.user)? {
        note(connection, import, Imported::User(rp, record.user))?;
    }
    if let Some(event) = event {
        insert_event(connection, event)?;
    }
    Ok(ImportedCredential::Created)
}

pub(in crate::embedded) fn import_event(
    connection: &Connection,
    event: &AuditEvent,
) -> Outcome<bool> {
    let trail = event.relying_party;
    if !relying_party_exists(connection, trail)? && !account_exists(connection, AccountId(trail.0))?
    {
        return Ok(false);
    }
    insert_event(connection, event)?;
    Ok(true)
}

pub(in crate::embedded) fn create_import(connection: &Connection, import: &Import) -> Outcome<()> {
    let sql =
        "INSERT INTO imports (id, source, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let values = params![import.id.0, import.source, import.created.0];
    execute(connection, sql, values).map(drop)
}

pub(in crate::embedded) fn note_imported(
    connection: &Connection,
    id: ImportId,
    notes: &[Imported],
) -> Outcome<()> {
    notes
        .iter()
        .try_for_each(|imported| note(connection, Some(id), *imported))
}

pub(in crate::embedded) fn forget_import(
    connection: &Connection,
    id: ImportId,
    limit: u32,
) -> Outcome<bool> {
    let forgotten = execute(
        connection,
        "DELETE FROM imported WHERE import_id = ?1 AND (kind, relying_party_id, key) IN \
         (SELECT kind, relying_party_id, key FROM imported WHERE import_id = ?1 ORDER BY kind, relying_party_id, key LIMIT ?2)",
        params![id.0, limit],
    )?;
    let sql = "SELECT 1 FROM imported WHERE import_id = ?1";
    if forgotten == limit as usize && exists(connection, sql, [id.0])? {
        return Ok(false);
    }
    execute(connection, "DELETE FROM imports WHERE id = ?1", [id.0])?;
    Ok(true)
}
