//! Metadata, and which numbers were removed.

use domain::model::clock::Timestamp;
use domain::model::metadata::{MetadataRecord, MetadataSource, MetadataVersion, StoredMetadata};
use rusqlite::Connection;

use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Failure, Outcome, first};

/// In the column of the number: the BLOB was removed. Every number is greater.
pub(in crate::embedded) const REMOVED: i64 = -1;

pub(in crate::embedded) fn metadata(
    connection: &Connection,
    known: Option<MetadataVersion>,
) -> Outcome<Option<MetadataRecord>> {
    let known = known.unwrap_or_default();
    // No state is later than one that the columns cannot hold.
    let column = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (removals, no) = (column(known.removals), known.no.map_or(REMOVED, column));
    let sql = concat!(
        "SELECT COALESCE(removals, 0), no, imported, source, blob, ",
        is_sound!(metadata),
        " FROM metadata WHERE id = 1 \
         AND (COALESCE(removals, 0) > ?1 OR COALESCE(removals, 0) = ?1 AND no > ?2)"
    );
    first(connection, sql, [removals, no], |row| {
        seals::check(row, 5, "metadata")?;
        let number = |at| row.get::<_, i64>(at);
        let unreadable = |_| Failure::unreadable("the number of the metadata");
        let removals = u64::try_from(number(0)?).map_err(unreadable)?;
        let no = number(1)?;
        if no == REMOVED {
            return Ok(MetadataRecord {
                removals,
                stored: None,
            });
        }
        let source: String = row.get(3)?;
        let blob: Vec<u8> = row.get(4)?;
        let stored = StoredMetadata {
            no: u64::try_from(no).map_err(unreadable)?,
            imported: Timestamp(row.get(2)?),
            source: MetadataSource::from_name(&source)
                .ok_or_else(|| Failure::unreadable("the source of the metadata"))?,
            blob: blob.into(),
        };
        Ok(MetadataRecord {
            removals,
            stored: Some(stored),
        })
    })
}
