//! Accounts with their API keys, and users.

use domain::model::account::{Account, ApiKey, SecretHash};
use domain::model::clock::Timestamp;
use domain::model::grant::Grant;
use domain::model::ids::{AccountId, ApiKeyId, RelyingPartyId, UserId};
use domain::model::user::User;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::columns::{alive, from_json, json};
use crate::embedded::seals;
use crate::embedded::sql::{Failure, Outcome, execute};

/// The hash of a secret in a column.
pub(in crate::embedded) fn secret_hash(row: &Row<'_>, at: usize) -> Outcome<SecretHash> {
    let stored: Vec<u8> = row.get(at)?;
    let hash = SecretHash::from_bytes(&stored);
    hash.ok_or_else(|| Failure::unreadable("the hash of a secret"))
}

pub(in crate::embedded) fn insert_account(
    connection: &Connection,
    account: &Account,
) -> Outcome<usize> {
    execute(
        connection,
        "INSERT INTO accounts (id, token, created, digest) VALUES (?1, ?2, ?3, seal('accounts', ?1, ?2, ?3))",
        params![account.id.0, account.token.to_bytes(), account.created.0],
    )
}

pub(in crate::embedded) fn account(row: &Row<'_>) -> Outcome<Account> {
    seals::check(row, 3, "accounts")?;
    Ok(Account {
        id: AccountId(row.get(0)?),
        token: secret_hash(row, 1)?,
        created: Timestamp(row.get(2)?),
    })
}

pub(in crate::embedded) fn insert_api_key(connection: &Connection, key: &ApiKey) -> Outcome<usize> {
    execute(
        connection,
        "INSERT INTO api_keys (id, account_id, name, secret, created, granted, used, digest) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, CASE WHEN ?6 IS NULL THEN seal('api_keys', ?1, ?2, ?3, ?4, ?5) \
         ELSE seal('api_keys', ?1, ?2, ?3, ?4, ?5, ?6) END) ON CONFLICT (id) DO NOTHING",
        params![
            key.id.0,
            key.account.0,
            key.name,
            key.secret.to_bytes(),
            key.created.0,
            granted(key.grant)?,
            key.used.map(|at| at.0),
        ],
    )
}

pub(in crate::embedded) fn api_key(row: &Row<'_>) -> Outcome<ApiKey> {
    seals::check(row, 5, "api_keys")?;
    Ok(ApiKey {
        id: ApiKeyId(row.get(0)?),
        account: AccountId(row.get(1)?),
        name: row.get(2)?,
        secret: secret_hash(row, 3)?,
        created: Timestamp(row.get(4)?),
        grant: grant(row, 6)?,
        used: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    })
}

/// `api_keys.granted`: nothing for everything.
fn granted(grant: Grant) -> Outcome<Option<String>> {
    if grant == Grant::EVERYTHING {
        return Ok(None);
    }
    Ok(Some(json(&grant)?))
}

/// What was granted to an API key.
pub(in crate::embedded) fn grant(row: &Row<'_>, at: usize) -> Outcome<Grant> {
    if row.get_ref(at)? == ValueRef::Null {
        return Ok(Grant::EVERYTHING);
    }
    from_json(row, at, "what an API key may do")
}

// ---- users ------------------------------------------------------------------------------------

/// Writes a user; `false` when the name is taken, the user is there already, or the Relying Party is not there.
pub(in crate::embedded) fn insert_new_user(connection: &Connection, user: &User) -> Outcome<bool> {
    let written = execute(
        connection,
        concat!(
            "INSERT INTO users (relying_party_id, id, name, created, updated, last_success, last_failure, digest) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, seal('users', ?1, ?2, ?3, ?4) WHERE TRUE",
            alive!(party),
            " ON CONFLICT DO NOTHING"
        ),
        params![
            user.relying_party.0,
            user.id.0,
            user.name,
            user.created.0,
            user.updated.0,
            user.last_success.map(|t| t.0),
            user.last_failure.map(|t| t.0),
        ],
    )?;
    Ok(written > 0)
}

/// How many columns [`user`] reads.
pub(in crate::embedded) const USER_WIDTH: usize = 8;

/// The user whose columns begin at `at`.
pub(in crate::embedded) fn user(row: &Row<'_>, at: usize) -> Outcome<User> {
    seals::check(row, at + 7, "users")?;
    Ok(User {
        relying_party: RelyingPartyId(row.get(at)?),
        id: UserId(row.get(at + 1)?),
        name: row.get(at + 2)?,
        created: Timestamp(row.get(at + 3)?),
        updated: Timestamp(row.get(at + 4)?),
        last_success: row.get::<_, Option<i64>>(at + 5)?.map(Timestamp),
        last_failure: row.get::<_, Option<i64>>(at + 6)?.map(Timestamp),
    })
}
