//! What each writing operation does inside its savepoint.

mod answers;
mod ceremonies;
mod deletions;
mod forms;
mod imports;
mod parties;
mod tokens;

use domain::model::account::{Account, ApiKey, Principal, SecretHash};
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::grant::{KeyUse, UsedKey};
use domain::model::ids::{
    AccountId, ApiKeyId, CredentialKey, EventId, NodeId, RelyingPartyId, UserId,
};
use domain::model::metadata::StoredMetadata;
use domain::model::user::{User, UserRef};
use domain::store::{CreateUser, Fault, FirstAccount, ReplaceMetadata, Update};
use rusqlite::{Connection, params};

pub(super) use self::answers::{keep_answer, release_answer, reserve_answer, sweep_answers};
pub(super) use self::ceremonies::{
    Claim, SignIn, begin_authentication, begin_registration, delete_registration,
    finish_authentication, finish_registration, make_room, move_sign_ins, put_aside,
    refuse_ceremony, rename_registration,
};
pub(super) use self::deletions::{delete_relying_party, delete_user, sweep_deletions};
pub(super) use self::imports::{
    create_import, forget_import, import_credential, import_event, import_relying_party,
    import_user, note_imported,
};
use self::parties::account_exists;
pub(super) use self::parties::{
    RelyingPartyRow, create_relying_party, keep_relying_party, relying_party_exists,
    update_relying_party,
};
pub(super) use self::tokens::{
    AccessKeyRow, claim_once, create_access_key, delete_access_key, keep_token_key,
    replace_token_key,
};
use super::reads;
use super::rows::{self, alive, columns, insert_event};
use super::seals::{self, is_sound};
use super::sql::{Failure, Outcome, all, execute, first};

// ---- accounts ---------------------------------------------------------------------------------

pub(super) fn create_first_account(
    connection: &Connection,
    account: &Account,
) -> Outcome<FirstAccount> {
    let oldest = first(
        connection,
        "SELECT id FROM accounts ORDER BY created, id LIMIT 1",
        [],
        |row| Ok(AccountId(row.get(0)?)),
    )?;
    if let Some(id) = oldest {
        // This very account, where the call is sent again.
        return Ok(if account_is(connection, account)? == Some(true) {
            FirstAccount::Created
        } else {
            FirstAccount::Exists(id)
        });
    }
    rows::insert_account(connection, account)?;
    Ok(FirstAccount::Created)
}

/// Whether the account is stored as given; `None` when none with its key is there.
fn account_is(connection: &Connection, account: &Account) -> Outcome<Option<bool>> {
    let sql = concat!(
        "SELECT token, created, ",
        is_sound!(accounts),
        " FROM accounts WHERE id = ?1"
    );
    first(connection, sql, [account.id.0], |row| {
        seals::check(row, 2, "accounts")?;
        let stored = (rows::secret_hash(row, 0)?, Timestamp(row.get(1)?));
        Ok(stored == (account.token, account.created))
    })
}

pub(super) fn create_account(connection: &Connection, account: &Account) -> Outcome<bool> {
    if let Some(same) = account_is(connection, account)? {
        return Ok(same);
    }
    rows::insert_account(connection, account)?;
    Ok(true)
}

pub(super) fn replace_account_token(
    connection: &Connection,
    account: AccountId,
    token: SecretHash,
) -> Outcome<bool> {
    let sql =
        "UPDATE accounts SET token = ?2, digest = seal('accounts', id, ?2, created) WHERE id = ?1";
    Ok(execute(connection, sql, params![account.0, token.to_bytes()])? > 0)
}

pub(super) fn replace_secret(
    connection: &Connection,
    of: Principal,
    expected: SecretHash,
    new: SecretHash,
) -> Outcome<bool> {
    let Some(stored) = reads::secret(connection, of)? else {
        return Ok(false);
    };
    if stored.hash != expected {
        return Ok(stored.hash == new);
    }
    if let Principal::Account(id) = of {
        let (old, new) = (expected.to_bytes(), new.to_bytes());
        forms::same_value(connection, "auth_token", &id.0, &old, &new)?;
    }
    let (sql, key) = match of {
        Principal::Account(id) => (
            "UPDATE accounts SET token = ?2, digest = seal('accounts', id, ?2, created) WHERE id = ?1",
            id.0,
        ),
        Principal::ApiKey(id) => (
            "UPDATE api_keys SET secret = ?2, digest = CASE WHEN granted IS NULL \
             THEN seal('api_keys', id, account_id, name, ?2, created) \
             ELSE seal('api_keys', id, account_id, name, ?2, created, granted) END WHERE id = ?1",
            id.0,
        ),
    };
    let changed = execute(connection, sql, params![key, new.to_bytes()])? > 0;
    if let Principal::Account(id) = of {
        let (old, new) = (expected.to_bytes(), new.to_bytes());
        forms::not_replaced(connection, "auth_token", &id.0, &old, &new)?;
    }
    Ok(changed)
}

pub(super) fn create_api_key(connection: &Connection, key: &ApiKey) -> Outcome<bool> {
    if !account_exists(connection, key.account)? {
        return Ok(false);
    }
    rows::insert_api_key(connection, key)?;
    Ok(true)
}

pub(super) fn delete_api_key(
    connection: &Connection,
    account: AccountId,
    key: ApiKeyId,
    event: &AuditEvent,
) -> Outcome<bool> {
    let sql = "DELETE FROM api_keys WHERE id = ?1 AND account_id = ?2";
    if execute(connection, sql, [key.0, account.0])? == 0 {
        return Ok(false);
    }
    insert_event(connection, event)?;
    Ok(true)
}

/// Notes when keys were used last.
pub(super) fn note_key_uses(connection: &Connection, uses: &[KeyUse]) -> Outcome<()> {
    for KeyUse { key, at } in uses {
        match key {
            UsedKey::Api(id) => {
                let sql = "UPDATE api_keys SET used = ?2 WHERE id = ?1 AND ifnull(used < ?2, TRUE)";
                execute(connection, sql, params![id.0, at.0])?;
            }
            UsedKey::Access(rp, id) => {
                let sql = "UPDATE access_keys SET used = ?3 WHERE relying_party_id = ?1 AND id = ?2 \
                           AND ifnull(used < ?3, TRUE)";
                execute(connection, sql, params![rp.0, id.0, at.0])?;
            }
        }
    }
    Ok(())
}

pub(super) fn shared_secret(connection: &Connection, candidate: [u8; 32]) -> Outcome<[u8; 32]> {
    let sql = concat!(
        "SELECT value, ",
        is_sound!(meta),
        " FROM meta WHERE name = 'shared_secret'"
    );
    let stored = first(connection, sql, [], |row| {
        seals::check(row, 1, "meta")?;
        Ok(row.get(0)?)
    })?;
    if let Some(stored) = stored {
        return Ok(stored);
    }
    let sql = "INSERT INTO meta (name, value, digest) \
               VALUES ('shared_secret', ?1, seal('meta', 'shared_secret', ?1))";
    execute(connection, sql, [candidate])?;
    Ok(candidate)
}

pub(super) fn keep_store_key(connection: &Connection, candidate: &[u8]) -> Outcome<Vec<u8>> {
    if let Some(stored) = reads::store_key(connection)? {
        return Ok(stored);
    }
    let sql = "INSERT INTO meta (name, value, digest) VALUES ('store_key', ?1, seal('meta', 'store_key', ?1))";
    execute(connection, sql, [candidate])?;
    Ok(candidate.to_vec())
}

pub(super) fn replace_store_key(
    connection: &Connection,
    expected: &[u8],
    new: &[u8],
) -> Outcome<bool> {
    let stored = reads::store_key(connection)?;
    if stored.as_deref() != Some(expected) {
        return Ok(stored.as_deref() == Some(new));
    }
    let sql = "UPDATE meta SET value = ?1, digest = seal('meta', 'store_key', ?1) WHERE name = 'store_key'";
    execute(connection, sql, [new])?;
    Ok(true)
}

/// The latest time that was noted. One that cannot be read counts for nothing: it may be damaged, and it only protects from a clock
/// that steps back while no process runs.
pub(super) fn latest_time(connection: &Connection, now: Timestamp) -> Outcome<Timestamp> {
    let sql = concat!(
        "SELECT value, ",
        is_sound!(meta),
        " FROM meta WHERE name = 'latest_time'"
    );
    let noted = first(connection, sql, [], |row| {
        let sound = seals::check(row, 1, "meta").is_ok();
        Ok(row.get::<_, [u8; 8]>(0).ok().filter(|_| sound))
    })?;
    let noted = noted
        .flatten()
        .map(|bytes| Timestamp(i64::from_be_bytes(bytes)));
    if let Some(noted) = noted.filter(|noted| *noted >= now) {
        return Ok(noted);
    }
    let sql = "INSERT INTO meta (name, value, digest) VALUES ('latest_time', ?1, seal('meta', 'latest_time', ?1)) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value, digest = excluded.digest";
    execute(connection, sql, [now.0.to_be_bytes()])?;
    Ok(now)
}

// ---- metadata ---------------------------------------------------------------------------------

pub(super) fn replace_metadata(
    connection: &Connection,
    new: &StoredMetadata,
) -> Outcome<ReplaceMetadata> {
    let no = i64::try_from(new.no)
        .map_err(|_| Fault::Fatal("a number beyond all counting".to_owned()))?;
    let replaced = execute(
        connection,
        concat!(
            "INSERT INTO metadata (id, no, imported, source, blob, digest) \
             VALUES (1, ?1, ?2, ?3, ?4, seal('metadata', ?1, ?2, ?3, ?4)) \
             ON CONFLICT (id) DO UPDATE SET no = excluded.no, imported = excluded.imported, \
             source = excluded.source, blob = excluded.blob, digest = excluded.digest \
             WHERE excluded.no > metadata.no OR NOT (",
            is_sound!(metadata, "metadata."),
            ")"
        ),
        params![no, new.imported.0, new.source.name(), &*new.blob],
    )?;
    let record = reads::metadata(connection, None)?
        .ok_or_else(|| Failure::unreadable("the number of the metadata"))?;
    let stored = record
        .stored
        .ok_or_else(|| Failure::unreadable("the number of the metadata"))?;
    Ok(if replaced > 0 || stored == *new {
        ReplaceMetadata::Replaced {
            removals: record.removals,
        }
    } else {
        ReplaceMetadata::NotNewer { no: stored.no }
    })
}

pub(super) fn remove_metadata(connection: &Connection) -> Outcome<bool> {
    let removed = execute(
        connection,
        "UPDATE metadata SET removals = COALESCE(removals, 0) + 1, no = ?1, blob = x'', \
         digest = seal('metadata', ?1, imported, source, x'') WHERE id = 1 AND no > ?1",
        [reads::REMOVED],
    )?;
    Ok(removed > 0)
}

// ---- users ------------------------------------------------------------------------------------

pub(super) fn create_user(
    connection: &Connection,
    user: &User,
    event: &AuditEvent,
) -> Outcome<CreateUser> {
    if rows::insert_new_user(connection, user)? {
        insert_event(connection, event)?;
        return Ok(CreateUser::Created);
    }
    let taken = reads::user(connection, user.relying_party, UserRef::Name(&user.name))?;
    Ok(match taken {
        // The call was sent again.
        Some(taken) if taken.id == user.id => CreateUser::Created,
        Some(taken) => CreateUser::Exists(taken),
        None => CreateUser::RelyingPartyGone,
    })
}

// ---- credentials ------------------------------------------------------------------------------

pub(super) fn rename_credential(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    key: CredentialKey,
    name: &str,
    event: &AuditEvent,
) -> Outcome<Option<CredentialRecord>> {
    // What is damaged is not sealed again.
    let Some((mut record, _)) =
        reads::credential(connection, rp, key)?.filter(|(_, owner)| owner.id == user)
    else {
        return Ok(None);
    };
    execute(
        connection,
        "UPDATE credentials SET name = ?3, updated = ?4, digest = CASE WHEN user_handle IS NULL \
         THEN seal('credentials', relying_party_id, key, user_id, id, \
         public_key, algorithm, transports, aaguid, kind, discoverable, ?3, created, user_agent) \
         ELSE seal('credentials', relying_party_id, key, user_id, id, \
         public_key, algorithm, transports, aaguid, kind, discoverable, ?3, created, user_agent, user_handle) END \
         WHERE relying_party_id = ?1 AND key = ?2",
        params![rp.0, key.0, name, event.at.0],
    )?;
    insert_event(connection, event)?;
    name.clone_into(&mut record.name);
    record.updated = event.at;
    Ok(Some(record))
}

pub(super) fn delete_credential(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    key: CredentialKey,
    event: &AuditEvent,
) -> Outcome<bool> {
    let sql = concat!(
        "SELECT ",
        columns!(last_used),
        " FROM credentials c WHERE c.relying_party_id = ?1 AND c.key = ?2 AND c.user_id = ?3",
        alive!("?3")
    );
    let found: Option<Option<i64>> =
        first(
            connection,
            sql,
            [rp.0, key.0, user.0],
            |row| Ok(row.get(0)?),
        )?;
    let Some(last_used) = found else {
        return Ok(false);
    };
    for sql in [
        "DELETE FROM attestations WHERE number = \
         (SELECT number FROM credentials WHERE relying_party_id = ?1 AND key = ?2)",
        "DELETE FROM credentials WHERE relying_party_id = ?1 AND key = ?2",
    ] {
        execute(connection, sql, [rp.0, key.0])?;
    }
    if let Some(last_used) = last_used {
        execute(
            connection,
            "UPDATE users SET last_success = max(coalesce(last_success, ?3), ?3) \
             WHERE relying_party_id = ?1 AND id = ?2",
            params![rp.0, user.0, last_used],
        )?;
    }
    insert_event(connection, event)?;
    Ok(true)
}

// ---- webhooks ---------------------------------------------------------------------------------

pub(super) fn create_webhook(
    connection: &Connection,
    rp: RelyingPartyId,
    id: [u8; 16],
    created: Timestamp,
    revision: i64,
    body: &str,
) -> Outcome<bool> {
    if !relying_party_exists(connection, rp)? {
        return Ok(false);
    }
    execute(
        connection,
        "INSERT INTO webhooks (relying_party_id, id, created, revision, body, digest) \
         VALUES (?1, ?2, ?3, ?4, ?5, seal('webhooks', ?1, ?2, ?4, ?5)) ON CONFLICT (relying_party_id, id) DO NOTHING",
        params![rp.0, id, created.0, revision, body],
    )?;
    Ok(true)
}

pub(super) fn update_webhook(
    connection: &Connection,
    rp: RelyingPartyId,
    id: [u8; 16],
    revision: i64,
    body: &str,
    event: Option<&AuditEvent>,
) -> Outcome<Update> {
    let changed = execute(
        connection,
        concat!(
            "UPDATE webhooks SET revision = ?3, body = ?4, digest = seal('webhooks', relying_party_id, id, ?3, ?4) \
             WHERE relying_party_id = ?1 AND id = ?2 AND COALESCE(revision, 1) = ?3 - 1",
            alive!(party)
        ),
        params![rp.0, id, revision, body],
    )?;
    if changed > 0 {
        if let Some(event) = event {
            insert_event(connection, event)?;
        }
        return Ok(Update::Done);
    }
    let sql = concat!(
        "SELECT body FROM webhooks WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    let stored = first(connection, sql, [rp.0, id], |row| {
        Ok(row.get::<_, String>(0)?)
    })?;
    Ok(match stored {
        None => Update::Gone,
        // The same call, sent again.
        Some(stored) if stored == body => Update::Done,
        Some(_) => Update::Conflict,
    })
}

pub(super) fn delete_webhook(
    connection: &Connection,
    rp: RelyingPartyId,
    id: [u8; 16],
    event: &AuditEvent,
) -> Outcome<bool> {
    let sql = concat!(
        "DELETE FROM webhooks WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    if execute(connection, sql, [rp.0, id])? == 0 {
        return Ok(false);
    }
    insert_event(connection, event)?;
    Ok(true)
}

/// Writes something and removes it, to see whether writes succeed.
pub(super) fn probe(connection: &Connection) -> Outcome<()> {
    let sql = "INSERT INTO meta (name, value) VALUES ('probe', x'')";
    execute(connection, sql, [])?;
    execute(connection, "DELETE FROM meta WHERE name = 'probe'", []).map(drop)
}

// ---- leases -----------------------------------------------------------------------------------

pub(super) fn lease(
    connection: &Connection,
    name: &str,
    node: NodeId,
    now: Timestamp,
    until: Timestamp,
) -> Outcome<bool> {
    let written = execute(
        connection,
        "INSERT INTO leases (name, node, until) VALUES (?1, ?2, ?3) \
         ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until \
         WHERE leases.node = excluded.node OR leases.until <= ?4",
        params![name, node.0, until.0, now.0],
    )?;
    Ok(written > 0)
}

// ---- upkeep -----------------------------------------------------------------------------------

/// The statement that removes at most `?2` rows of a table that expired before `?1`, the longest expired first.
macro_rules! delete_expired {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE (relying_party_id, id) IN (SELECT relying_party_id, id FROM ",
            $table,
            " WHERE expires < ?1 ORDER BY expires, relying_party_id, id LIMIT ?2)"
        )
    };
}

/// Removes at most `limit` ceremonies that expired before a moment, the longest expired first.
pub(super) fn sweep_ceremonies(
    connection: &Connection,
    before: Timestamp,
    limit: u32,
) -> Outcome<usize> {
    // What these sign-ins alone know goes to the rows of their credentials.
    let known: Vec<([u8; 16], Option<[u8; 16]>, i64)> = all(
        connection,
        "SELECT relying_party_id, CASE WHEN kind = 1 AND state = 1 THEN credential_key END, updated FROM ceremonies \
         WHERE expires < ?1 ORDER BY expires, relying_party_id, id LIMIT ?2",
        params![before.0, limit],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (rp, credential, used) in known {
        if let Some(credential) = credential {
            execute(
                connection,
                "UPDATE credentials SET last_used = ?3 \
                 WHERE relying_party_id = ?1 AND key = ?2 AND last_used < ?3",
                params![rp, credential, used],
            )?;
        }
    }
    execute(
        connection,
        delete_expired!("ceremonies"),
        params![before.0, limit],
    )
}

/// Removes at most `limit` policies that no ceremony needs any more, those first that have not been needed for longest.
pub(super) fn sweep_policies(
    connection: &Connection,
    before: Timestamp,
    limit: u32,
) -> Outcome<usize> {
    execute(
        connection,
        delete_expired!("policies"),
        params![before.0, limit],
    )
}

/// Removes at most `limit` notes of used tokens that expired before a moment, the longest expired first.
pub(super) fn sweep_tokens(
    connection: &Connection,
    before: Timestamp,
    limit: u32,
) -> Outcome<usize> {
    execute(
        connection,
        delete_expired!("used_tokens"),
        params![before.0, limit],
    )
}

/// Removes at most `limit` events of a Relying Party from before a moment, the oldest first.
pub(super) fn sweep_events(
    connection: &Connection,
    rp: RelyingPartyId,
    before: Timestamp,
    limit: u32,
) -> Outcome<usize> {
    execute(
        connection,
        "DELETE FROM events WHERE relying_party_id = ?1 AND (at, id) IN \
         (SELECT at, id FROM events WHERE relying_party_id = ?1 AND at < ?2 ORDER BY at, id LIMIT ?3)",
        params![rp.0, before.0, limit],
    )
}

/// Removes from these events of a user what identifies the user.
pub(super) fn erase_events(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    events: &[(Timestamp, EventId)],
) -> Outcome<()> {
    for (at, id) in events {
        execute(
            connection,
            "UPDATE events SET user_id = NULL, user_name = NULL, credential_key = NULL, user_agent = NULL, address = NULL, \
             more = NULL WHERE relying_party_id = ?1 AND at = ?2 AND id = ?3 AND user_id = ?4",
            params![rp.0, at.0, id.0, user.0],
        )?;
    }
    Ok(())
}

/// Notes the Relying Party that a sweep of events looked at last; `None` when the next sweep begins with the first one.
pub(super) fn events_swept_to(connection: &Connection, last: Option<[u8; 16]>) -> Outcome<()> {
    match last {
        Some(rp) => execute(
            connection,
            "INSERT INTO meta (name, value) VALUES ('events_swept_to', ?1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [rp],
        ),
        None => execute(
            connection,
            "DELETE FROM meta WHERE name = 'events_swept_to'",
            [],
        ),
    }
    .map(drop)
}
