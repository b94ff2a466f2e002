//! Imports, and what they brought.

use domain::model::clock::Timestamp;
use domain::model::ids::{ImportId, RelyingPartyId, UserId};
use domain::model::import::{Import, Imported, ImportedPlace};
use domain::model::page::{Page, PageRequest};
use rusqlite::{Connection, Row, params};

use super::page::page;
use crate::embedded::sql::{Failure, Outcome, all, first};

fn import_of(row: &Row<'_>) -> Outcome<Import> {
    Ok(Import {
        id: ImportId(row.get(0)?),
        source: row.get(1)?,
        created: Timestamp(row.get(2)?),
    })
}

pub(in crate::embedded) fn import(
    connection: &Connection,
    id: ImportId,
) -> Outcome<Option<Import>> {
    let sql = "SELECT id, source, created FROM imports WHERE id = ?1";
    first(connection, sql, [id.0], import_of)
}

pub(in crate::embedded) fn list_imports(
    connection: &Connection,
    request: PageRequest,
) -> Outcome<Page<Import>> {
    let select = "SELECT id, source, created FROM imports WHERE TRUE";
    page(
        connection,
        select,
        ("created", "id"),
        &[],
        request,
        import_of,
    )
}

pub(in crate::embedded) fn list_imported(
    connection: &Connection,
    id: ImportId,
    after: Option<ImportedPlace>,
    limit: u32,
) -> Outcome<Vec<Imported>> {
    let (kind, rp, key) = after.map_or((-1, [0; 16], [0; 16]), |(kind, rp, key)| {
        (i64::from(kind), rp.0, key)
    });
    let sql = "SELECT kind, relying_party_id, key, user_id FROM imported WHERE import_id = ?1 \
               AND (kind, relying_party_id, key) > (?2, ?3, ?4) ORDER BY kind, relying_party_id, key LIMIT ?5";
    all(
        connection,
        sql,
        params![id.0, kind, rp, key, limit],
        |row| {
            let (rp, user) = (RelyingPartyId(row.get(1)?), UserId(row.get(3)?));
            Imported::read(row.get(0)?, rp, row.get(2)?, user)
                .ok_or_else(|| Failure::unreadable("the kind of an imported record"))
        },
    )
}
