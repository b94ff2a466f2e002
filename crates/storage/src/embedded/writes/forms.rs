//! Auth Tokens, and keys that check access keys, in several forms: sealing changes what is stored of them, and replaces nothing.

use rusqlite::{Connection, params};

use crate::embedded::sql::{Outcome, execute};

/// The other forms of a value, whose image is `?3` of `?1` and `?2`: images.
macro_rules! forms {
    () => {
        "SELECT substr(r.id, 1 + length(i.image)) AS form FROM (SELECT seal(?1, ?2, ?3) AS image) i JOIN revoked r \
         ON r.kind = ?1 || '_form' AND r.id > i.image AND r.id < CAST(i.image || x'ffffffffffffffffff' AS BLOB)"
    };
}

/// Notes that a new value is an old one in another form, before it replaces it: it took effect when the old one did.
pub(super) fn same_value(
    connection: &Connection,
    kind: &str,
    of: &[u8; 16],
    old: &[u8],
    new: &[u8],
) -> Outcome<()> {
    for sql in [
        // A token that counts as none counts so in its new form.
        "INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT kind, image, seal('revoked', kind, image) FROM \
         (SELECT r.kind AS kind, seal(?1, ?2, ?4) AS image FROM revoked r WHERE r.kind = 'no_' || ?1 AND r.id = seal(?1, ?2, ?3))",
        "INSERT OR IGNORE INTO took_effect (kind, image, at, digest) SELECT ?1, image, at, seal('took_effect', ?1, image, at) FROM \
         (SELECT seal(?1, ?2, ?4) AS image, t.at AS at FROM took_effect t WHERE t.kind = ?1 AND t.image = seal(?1, ?2, ?3) \
         AND t.digest = seal('took_effect', t.kind, t.image, t.at))",
        concat!(
            "INSERT OR IGNORE INTO revoked (kind, id, digest) SELECT ?1 || '_form', id, seal('revoked', ?1 || '_form', id) FROM \
             (SELECT CAST(seal(?1, ?2, ?4) || form AS BLOB) AS id FROM (SELECT seal(?1, ?2, ?3) AS form UNION ALL ",
            forms!(),
            "))"
        ),
    ] {
        execute(connection, sql, params![kind, of, old, new])?;
    }
    Ok(())
}

/// Takes back what the replacement of a value by its other form has noted: nothing was replaced, and what had no time has none.
pub(super) fn not_replaced(
    connection: &Connection,
    kind: &str,
    of: &[u8; 16],
    old: &[u8],
    new: &[u8],
) -> Outcome<()> {
    let notes = concat!(
        "DELETE FROM revoked WHERE kind = ?1 AND id IN (SELECT seal(?1, ?2, ?3) UNION ALL ",
        forms!(),
        ")"
    );
    execute(connection, notes, params![kind, of, old])?;
    let time = "DELETE FROM took_effect WHERE kind = ?1 AND image = seal(?1, ?2, ?4) \
                AND NOT EXISTS (SELECT 1 FROM took_effect WHERE kind = ?1 AND image = seal(?1, ?2, ?3))";
    execute(connection, time, params![kind, of, old, new]).map(drop)
}
