//! Relying Parties and their origins.

use domain::model::ids::{AccountId, RelyingPartyId, TokenId};
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use rusqlite::{Connection, Row, params};

use super::page::page;
use crate::embedded::rows::{self, alive};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, all, first};

pub(in crate::embedded) fn relying_party(
    connection: &Connection,
    id: RelyingPartyId,
) -> Outcome<Option<RelyingParty>> {
    let sql = concat!(
        "SELECT body, ",
        is_sound!(relying_parties),
        " FROM relying_parties WHERE id = ?1"
    );
    first(connection, sql, [id.0], relying_party_of)
}

pub(in crate::embedded) fn has_origin(connection: &Connection, origin: &str) -> Outcome<bool> {
    let sql = concat!(
        "SELECT ",
        is_sound!(origins),
        " FROM origins WHERE origin = ?1"
    );
    let found = first(connection, sql, [origin], |row| {
        seals::check(row, 0, "origins")
    })?;
    Ok(found.is_some())
}

pub(in crate::embedded) fn relying_parties_with_rp_id(
    connection: &Connection,
    rp_id: &str,
    limit: u32,
) -> Outcome<Vec<RelyingPartyId>> {
    let sql = concat!(
        "SELECT id, ",
        is_sound!(relying_parties),
        " FROM relying_parties WHERE rp_id = ?1 ORDER BY id LIMIT ?2"
    );
    all(connection, sql, params![rp_id, limit], |row| {
        seals::check(row, 1, "relying_parties")?;
        Ok(RelyingPartyId(row.get(0)?))
    })
}

pub(in crate::embedded) fn is_claimed(
    connection: &Connection,
    rp: RelyingPartyId,
    token: TokenId,
) -> Outcome<bool> {
    let sql = concat!(
        "SELECT ",
        is_sound!(used_tokens),
        " FROM used_tokens WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    let found = first(connection, sql, params![rp.0, token.0], |row| {
        seals::check(row, 0, "used_tokens")
    })?;
    Ok(found.is_some())
}

/// The Relying Party in a row of its text and whether the row is sound.
fn relying_party_of(row: &Row<'_>) -> Outcome<RelyingParty> {
    seals::check(row, 1, "relying_parties")?;
    rows::from_json(row, 0, "a Relying Party")
}

pub(in crate::embedded) fn list_relying_parties(
    connection: &Connection,
    account: AccountId,
    request: PageRequest,
) -> Outcome<Page<RelyingParty>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(relying_parties),
        " FROM relying_parties WHERE account_id = ?1"
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&account.0],
        request,
        relying_party_of,
    )
}
