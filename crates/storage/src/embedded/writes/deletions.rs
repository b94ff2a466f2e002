//! Deletion of a Relying Party or a user: the request removes the row of the owner and leaves a mark, the sweep removes what
//! the owner had.

use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::{RelyingPartyId, UserId};
use rusqlite::{Connection, params};

use super::parties::delete_origins;
use crate::embedded::pending::Pending;
use crate::embedded::reads::LAST_KEY;
use crate::embedded::rows::{CeremonyRow, alive, insert_event};
use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, execute, first};

/// `deletions.user_id` where the Relying Party as a whole is deleted: a key after those of all users, so that of deletions of
/// the same moment those of users come first.
pub(super) const WHOLE: &[u8] = LAST_KEY;

fn mark(connection: &Connection, at: Timestamp, rp: RelyingPartyId, user: &[u8]) -> Outcome<()> {
    let sql = "INSERT INTO deletions (at, relying_party_id, user_id, digest) \
               VALUES (?1, ?2, ?3, seal('deletions', ?1, ?2, ?3))";
    execute(connection, sql, params![at.0, rp.0, user]).map(drop)
}

pub(in crate::embedded) fn delete_relying_party(
    connection: &Connection,
    id: RelyingPartyId,
    at: Timestamp,
) -> Outcome<bool> {
    let sql = "DELETE FROM relying_parties WHERE id = ?1";
    if execute(connection, sql, [id.0])? == 0 {
        return Ok(false);
    }
    delete_origins(connection, id)?;
    mark(connection, at, id, WHOLE)?;
    Ok(true)
}

pub(in crate::embedded) fn delete_user(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    event: &AuditEvent,
) -> Outcome<bool> {
    let sql = concat!(
        "DELETE FROM users WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    if execute(connection, sql, [rp.0, user.0])? == 0 {
        return Ok(false);
    }
    mark(connection, event.at, rp, &user.0)?;
    insert_event(connection, event)?;
    Ok(true)
}

/// What a Relying Party had, table by table, at most `?2` rows of each. The last statement of a table counts the rows. Policies
/// of ceremonies are not among it: they expire by themselves.
const OF_RELYING_PARTY: &[&[&str]] = &[
    &[
        "DELETE FROM ceremonies WHERE relying_party_id = ?1 AND id IN \
       (SELECT id FROM ceremonies WHERE relying_party_id = ?1 ORDER BY id LIMIT ?2)",
    ],
    &[
        "DELETE FROM attestations WHERE number IN \
         (SELECT number FROM credentials WHERE relying_party_id = ?1 ORDER BY id_hash LIMIT ?2)",
        "DELETE FROM credentials WHERE relying_party_id = ?1 AND id_hash IN \
         (SELECT id_hash FROM credentials WHERE relying_party_id = ?1 ORDER BY id_hash LIMIT ?2)",
    ],
    &["DELETE FROM users WHERE relying_party_id = ?1 AND id IN \
       (SELECT id FROM users WHERE relying_party_id = ?1 ORDER BY id LIMIT ?2)"],
    &[
        "DELETE FROM webhooks WHERE relying_party_id = ?1 AND id IN \
       (SELECT id FROM webhooks WHERE relying_party_id = ?1 ORDER BY id LIMIT ?2)",
    ],
    &[
        "DELETE FROM deliveries WHERE relying_party_id = ?1 AND id IN \
       (SELECT id FROM deliveries WHERE relying_party_id = ?1 ORDER BY id LIMIT ?2)",
    ],
    &[
        "DELETE FROM access_keys WHERE relying_party_id = ?1 AND id IN \
       (SELECT id FROM access_keys WHERE relying_party_id = ?1 ORDER BY id LIMIT ?2)",
    ],
    &[
        "DELETE FROM token_keys WHERE relying_party_id = ?1 AND kind IN \
       (SELECT kind FROM token_keys WHERE relying_party_id = ?1 ORDER BY kind LIMIT ?2)",
    ],
    &[
        "DELETE FROM used_tokens WHERE relying_party_id = ?1 AND id IN \
       (SELECT id FROM used_tokens WHERE relying_party_id = ?1 ORDER BY id LIMIT ?2)",
    ],
];

/// What the credentials of a Relying Party had in common; after them, and not counted.
const KINDS: &str = "DELETE FROM credential_kinds WHERE relying_party_id = ?1 AND image IN \
     (SELECT image FROM credential_kinds WHERE relying_party_id = ?1 ORDER BY image LIMIT ?2)";

/// What the user `?3` had.
const OF_USER: &[&[&str]] = &[
    &[
        "DELETE FROM ceremonies WHERE relying_party_id = ?1 AND id IN \
       (SELECT id FROM ceremonies WHERE relying_party_id = ?1 AND user_id = ?3 \
        ORDER BY kind, created, id LIMIT ?2)",
    ],
    &[
        "DELETE FROM attestations WHERE number IN \
         (SELECT number FROM credentials WHERE relying_party_id = ?1 AND user_id = ?3 \
          ORDER BY created, key LIMIT ?2)",
        "DELETE FROM credentials WHERE relying_party_id = ?1 AND id_hash IN \
         (SELECT id_hash FROM credentials WHERE relying_party_id = ?1 AND user_id = ?3 \
          ORDER BY created, key LIMIT ?2)",
    ],
];

/// Removes at most `limit` rows of what was deleted, the earliest deletion first; a mark whose rows are all gone counts as one
/// of them, an attestation as a part of its credential.
pub(in crate::embedded) fn sweep_deletions(
    connection: &Connection,
    pending: &Pending,
    limit: u32,
) -> Outcome<usize> {
    let limit = limit as usize;
    let mut removed = 0;
    while removed < limit {
        let mark = first(
            connection,
            concat!(
                "SELECT at, relying_party_id, user_id, ",
                is_sound!(deletions),
                " FROM deletions ORDER BY at, relying_party_id, user_id LIMIT 1"
            ),
            [],
            |row| {
                seals::check(row, 3, "deletions")?;
                let user: Vec<u8> = row.get(2)?;
                Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?, user))
            },
        )?;
        let Some((at, rp, user)) = mark else {
            return Ok(removed);
        };
        let owner = <[u8; 16]>::try_from(&user[..]).ok().map(UserId);
        // What waits in memory becomes rows first, so that all are removed in one order.
        for ceremony in pending.take_of(RelyingPartyId(rp), owner, limit - removed) {
            CeremonyRow::authentication(&ceremony)?.insert_unasked(connection)?;
        }
        for table in if user == WHOLE {
            OF_RELYING_PARTY
        } else {
            OF_USER
        } {
            let left = u32::try_from(limit - removed).unwrap_or(u32::MAX);
            if left == 0 {
                return Ok(removed);
            }
            let mut count = 0;
            for sql in *table {
                count = if user == WHOLE {
                    execute(connection, sql, params![rp, left])?
                } else {
                    execute(connection, sql, params![rp, left, user])?
                };
            }
            removed += count;
        }
        if removed < limit {
            let most = u32::try_from(limit).unwrap_or(u32::MAX);
            if user == WHOLE && execute(connection, KINDS, params![rp, most])? == limit {
                // The next sweep looks for more of them.
                return Ok(removed);
            }
            let sql =
                "DELETE FROM deletions WHERE at = ?1 AND relying_party_id = ?2 AND user_id = ?3";
            removed += execute(connection, sql, params![at, rp, user])?;
        }
    }
    Ok(removed)
}
