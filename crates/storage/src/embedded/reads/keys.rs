//! Access keys, keys of tokens, and the store key.

use domain::model::access_key::AccessKey;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccessKeyId, RelyingPartyId};
use domain::model::page::{Page, PageRequest};
use domain::model::token::{TokenKey, TokenKind};
use rusqlite::{Connection, Row, params};

use super::page::page;
use crate::embedded::rows::{self, alive};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Failure, Outcome, all, first};

pub(in crate::embedded) fn access_key(
    connection: &Connection,
    rp: RelyingPartyId,
    id: AccessKeyId,
) -> Outcome<Option<AccessKey>> {
    let sql = concat!(
        "SELECT body, ",
        is_sound!(access_keys),
        ", used FROM access_keys WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    first(connection, sql, [rp.0, id.0], access_key_of)
}

pub(in crate::embedded) fn token_key(
    connection: &Connection,
    rp: RelyingPartyId,
    kind: TokenKind,
) -> Outcome<Option<TokenKey>> {
    let sql = concat!(
        "SELECT value, ",
        is_sound!(token_keys),
        " FROM token_keys WHERE relying_party_id = ?1 AND kind = ?2",
        alive!(party)
    );
    first(connection, sql, params![rp.0, kind.name()], |row| {
        seals::check(row, 1, "token_keys")?;
        Ok(TokenKey::new(row.get(0)?))
    })
}

pub(in crate::embedded) fn store_key(connection: &Connection) -> Outcome<Option<Vec<u8>>> {
    let sql = concat!(
        "SELECT value, ",
        is_sound!(meta),
        " FROM meta WHERE name = 'store_key'"
    );
    first(connection, sql, [], |row| {
        seals::check(row, 1, "meta")?;
        Ok(row.get(0)?)
    })
}

pub(in crate::embedded) fn list_token_keys(
    connection: &Connection,
    after: Option<(RelyingPartyId, TokenKind)>,
    limit: u32,
) -> Outcome<Vec<(RelyingPartyId, TokenKind, TokenKey)>> {
    let sql = concat!(
        "SELECT relying_party_id, kind, value, ",
        is_sound!(token_keys),
        " FROM token_keys WHERE (relying_party_id, kind) > (?1, ?2) ORDER BY relying_party_id, kind LIMIT ?3"
    );
    // The empty key is before every other one.
    let (rp, kind) = after.map_or((Vec::new(), ""), |(rp, kind)| (rp.0.to_vec(), kind.name()));
    all(connection, sql, params![rp, kind, limit], |row| {
        seals::check(row, 3, "token_keys")?;
        let kind: String = row.get(1)?;
        let kind = TokenKind::from_name(&kind)
            .ok_or_else(|| Failure::unreadable("a token key is of a kind that is not known"))?;
        Ok((
            RelyingPartyId(row.get(0)?),
            kind,
            TokenKey::new(row.get(2)?),
        ))
    })
}

fn access_key_of(row: &Row<'_>) -> Outcome<AccessKey> {
    seals::check(row, 1, "access_keys")?;
    let key: AccessKey = rows::from_json(row, 0, "an access key")?;
    Ok(AccessKey {
        used: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        ..key
    })
}

pub(in crate::embedded) fn list_access_keys(
    connection: &Connection,
    rp: RelyingPartyId,
    request: PageRequest,
) -> Outcome<Page<AccessKey>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(access_keys),
        ", used FROM access_keys WHERE relying_party_id = ?1",
        alive!(party)
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&rp.0],
        request,
        access_key_of,
    )
}
