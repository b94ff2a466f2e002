//! Accounts, API keys and records of the console.

use domain::model::account::{Account, ApiKey, Principal};
use domain::model::console::{ConsoleKind, ConsoleRecord};
use domain::model::ids::AccountId;
use domain::model::page::{Page, PageRequest};
use domain::store::StoredSecret;
use rusqlite::{Connection, Row, ToSql};

use super::page::page;
use crate::embedded::rows::{self, columns};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, first};

pub(in crate::embedded) fn secret(
    connection: &Connection,
    principal: Principal,
) -> Outcome<Option<StoredSecret>> {
    let (sql, key) = match principal {
        Principal::Account(id) => (
            concat!(
                "SELECT id, token, ",
                is_sound!(accounts),
                ", 'accounts', NULL FROM accounts WHERE id = ?1"
            ),
            id.0,
        ),
        Principal::ApiKey(id) => (
            concat!(
                "SELECT account_id, secret, ",
                is_sound!(api_keys),
                ", 'api_keys', granted FROM api_keys WHERE id = ?1"
            ),
            id.0,
        ),
    };
    first(connection, sql, [key], |row| {
        seals::check(row, 2, &row.get::<_, String>(3)?)?;
        Ok(StoredSecret {
            account: AccountId(row.get(0)?),
            hash: rows::secret_hash(row, 1)?,
            grant: rows::grant(row, 4)?,
        })
    })
}

pub(in crate::embedded) fn list_accounts(
    connection: &Connection,
    request: PageRequest,
) -> Outcome<Page<Account>> {
    let select = concat!("SELECT ", columns!(account), " FROM accounts WHERE TRUE");
    page(
        connection,
        select,
        ("created", "id"),
        &[],
        request,
        rows::account,
    )
}

pub(in crate::embedded) fn list_api_keys(
    connection: &Connection,
    account: AccountId,
    request: PageRequest,
) -> Outcome<Page<ApiKey>> {
    let select = concat!(
        "SELECT ",
        columns!(api_key),
        " FROM api_keys WHERE account_id = ?1"
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&account.0],
        request,
        rows::api_key,
    )
}

pub(in crate::embedded) fn list_console_records(
    connection: &Connection,
    kind: ConsoleKind,
    owner: Option<[u8; 16]>,
    request: PageRequest,
) -> Outcome<Page<ConsoleRecord>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(console_records),
        " FROM console_records WHERE kind = ?1"
    );
    let read = |row: &Row<'_>| {
        seals::check(row, 1, "console_records")?;
        Ok(crate::console::record(kind, &row.get::<_, String>(0)?)?)
    };
    let (number, order) = (crate::console::number(kind), ("created", "id"));
    match owner {
        None => page(connection, select, order, &[&number], request, read),
        Some(owner) => {
            let select = format!("{select} AND owner = ?2");
            let bound: [&dyn ToSql; 2] = [&number, &owner];
            page(connection, &select, order, &bound, request, read)
        }
    }
}
