//! What a copy contains, and what it contains that another store does not.

use std::collections::HashSet;
use std::path::Path;

use domain::model::audit::AuditKind;
use rusqlite::{Connection, Row};

/// How many records a store has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts.
    pub accounts: u64,
    /// Relying Parties.
    pub relying_parties: u64,
    /// Users.
    pub users: u64,
    /// Credentials.
    pub credentials: u64,
    /// Access keys of back ends.
    pub access_keys: u64,
    /// API keys of accounts.
    pub api_keys: u64,
    /// Ceremonies that ended or wait for their response.
    pub ceremonies: u64,
    /// Audit events.
    pub events: u64,
}

/// A record with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The Relying Party or the account, in hexadecimal.
    pub owner: String,
    /// Its key, in hexadecimal.
    pub id: String,
    /// Its name; for a credential also that of its user.
    pub name: String,
}

/// What comes back when a backup takes the place of a store, and what goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Access keys that were revoked since, as the audit trail of the other store says.
    pub access_keys_revoked: Vec<Named>,
    /// API keys that were revoked since, as the audit trail of the other store says.
    pub api_keys_revoked: Vec<Named>,
    /// Other access keys that come back.
    pub access_keys: Vec<Named>,
    /// Other API keys that come back.
    pub api_keys: Vec<Named>,
    /// Accounts whose Auth Token was replaced since: the old one works again.
    pub auth_tokens: Vec<Named>,
    /// Relying Parties that were deleted since.
    pub relying_parties: Vec<Named>,
    /// Credentials that were deleted since: the first ones.
    pub credentials: Vec<Named>,
    /// How many credentials were deleted since.
    pub credentials_in_all: u64,
    /// Users that were registered since, and are lost.
    pub users_lost: u64,
    /// Credentials that were registered since, and are lost.
    pub credentials_lost: u64,
    /// Access keys that were created since, and are lost.
    pub access_keys_lost: u64,
}

/// Credentials that are named; there may be millions.
const NAMED: u32 = 1000;

/// The Relying Party of the console belongs to no account, and no list has it.
const OF_ACCOUNTS: &str = "account_id IN (SELECT id FROM main.accounts)";

type Found<T> = Result<T, rusqlite::Error>;

fn count(connection: &Connection, sql: &str) -> Found<u64> {
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn counts(connection: &Connection) -> Found<Counts> {
    let of = |table| count(connection, &format!("SELECT count(*) FROM {table}"));
    Ok(Counts {
        accounts: of("accounts")?,
        relying_parties: count(
            connection,
            &format!("SELECT count(*) FROM relying_parties WHERE {OF_ACCOUNTS}"),
        )?,
        users: of("users")?,
        credentials: of("credentials")?,
        access_keys: of("access_keys")?,
        api_keys: of("api_keys")?,
        ceremonies: of("ceremonies")?,
        events: of("events")?,
    })
}

fn named(connection: &Connection, sql: &str) -> Found<Vec<Named>> {
    let read = |row: &Row<'_>| {
        Ok(Named {
            owner: row.get(0)?,
            id: row.get(1)?,
            name: row.get(2)?,
        })
    };
    connection.prepare(sql)?.query_map([], read)?.collect()
}

/// What the copy of `connection` has that the store at `present` has not, and the other way round. Where there is no store, all of the
/// copy comes back.
pub(super) fn difference(connection: &Connection, present: Option<&Path>) -> Found<Difference> {
    match present {
        Some(path) => {
            connection.execute("ATTACH ?1 AS present", [path.to_string_lossy()])?;
        }
        None => connection.execute_batch(
            "ATTACH ':memory:' AS present;
             CREATE TABLE present.access_keys (relying_party_id, id);
             CREATE TABLE present.api_keys (id);
             CREATE TABLE present.accounts (id, token);
             CREATE TABLE present.relying_parties (id);
             CREATE TABLE present.users (relying_party_id, id);
             CREATE TABLE present.credentials (relying_party_id, key, user_id);",
        )?,
    }
    let difference = compare(connection);
    let revoked = revoked(connection);
    connection.execute_batch("DETACH present")?;
    let mut difference = difference?;
    for (back, stay) in [
        (
            &mut difference.access_keys,
            &mut difference.access_keys_revoked,
        ),
        (&mut difference.api_keys, &mut difference.api_keys_revoked),
    ] {
        let (mut gone, other) = std::mem::take(back)
            .into_iter()
            .partition(|key| revoked.contains(&key.id));
        stay.append(&mut gone);
        *back = other;
    }
    Ok(difference)
}

/// The ids of the keys that were revoked, in hexadecimal. A key can be missing for another reason, too: the store may come from an older
/// backup. A store without such a trail tells nothing.
fn revoked(connection: &Connection) -> HashSet<String> {
    let sql = "SELECT more ->> '$.target.id' FROM present.events WHERE kind IN (?1, ?2) AND more IS NOT NULL";
    let kinds = [AuditKind::AccessKeyDeleted, AuditKind::ApiKeyDeleted].map(AuditKind::name);
    let ids = || -> Found<HashSet<String>> {
        let mut statement = connection.prepare(sql)?;
        statement.query_map(kinds, |row| row.get(0))?.collect()
    };
    ids().unwrap_or_default()
}

fn compare(connection: &Connection) -> Found<Difference> {
    let lost = |table: &str, key: &str| {
        let sql = format!(
            "SELECT count(*) FROM present.{table} p WHERE NOT EXISTS \
             (SELECT 1 FROM main.{table} c WHERE c.relying_party_id = p.relying_party_id AND c.{key} = p.{key})"
        );
        count(connection, &sql)
    };
    // The rows of a user who was deleted may still be there: the sweep removes them.
    let back = "FROM main.credentials c WHERE NOT EXISTS \
        (SELECT 1 FROM present.credentials p \
         JOIN present.users u ON u.relying_party_id = p.relying_party_id AND u.id = p.user_id \
         JOIN present.relying_parties r ON r.id = p.relying_party_id \
         WHERE p.relying_party_id = c.relying_party_id AND p.key = c.key)";
    Ok(Difference {
        access_keys_revoked: Vec::new(),
        api_keys_revoked: Vec::new(),
        access_keys: named(
            connection,
            "SELECT lower(hex(c.relying_party_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') FROM main.access_keys c WHERE NOT EXISTS \
             (SELECT 1 FROM present.access_keys p WHERE p.relying_party_id = c.relying_party_id AND p.id = c.id) \
             ORDER BY c.created",
        )?,
        api_keys: named(
            connection,
            "SELECT lower(hex(c.account_id)), lower(hex(c.id)), c.name FROM main.api_keys c WHERE NOT EXISTS \
             (SELECT 1 FROM present.api_keys p WHERE p.id = c.id) ORDER BY c.created",
        )?,
        auth_tokens: named(
            connection,
            // A keyed hash and a plain one cannot be compared.
            "SELECT lower(hex(c.id)), lower(hex(c.id)), CASE WHEN length(p.token) <> length(c.token) \
             THEN 'perhaps the present one: the backup is older than the seal of the store' ELSE '' END \
             FROM main.accounts c LEFT JOIN present.accounts p ON p.id = c.id WHERE p.token IS NOT c.token ORDER BY c.created",
        )?,
        relying_parties: named(
            connection,
            &format!(
                "SELECT lower(hex(c.account_id)), lower(hex(c.id)), coalesce(c.body ->> '$.name', '') FROM main.relying_parties c \
                 WHERE {OF_ACCOUNTS} AND NOT EXISTS (SELECT 1 FROM present.relying_parties p WHERE p.id = c.id) ORDER BY c.created"
            ),
        )?,
        credentials: named(
            connection,
            &format!(
                "SELECT lower(hex(c.relying_party_id)), lower(hex(c.key)), coalesce((SELECT u.name || ', ' FROM main.users u \
                     WHERE u.relying_party_id = c.relying_party_id AND u.id = c.user_id), '') || c.name {back} LIMIT {NAMED}"
            ),
        )?,
        credentials_in_all: count(connection, &format!("SELECT count(*) {back}"))?,
        users_lost: lost("users", "id")?,
        credentials_lost: lost("credentials", "key")?,
        access_keys_lost: lost("access_keys", "id")?,
    })
}
