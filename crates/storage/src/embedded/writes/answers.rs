//! Answers that are kept for calls that are sent again.

use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, AttemptId};
use domain::store::{Reservation, Reserved};
use rusqlite::{Connection, params};

use crate::embedded::seals::{self, is_sound};
use crate::embedded::sql::{Outcome, execute, first};

/// A call whose key is taken.
struct Taken {
    content: [u8; 32],
    attempt: [u8; 16],
    started: i64,
    answer: Option<Vec<u8>>,
}

pub(in crate::embedded) fn reserve_answer(
    connection: &Connection,
    new: &Reservation,
) -> Outcome<Reserved> {
    let taken = first(
        connection,
        concat!(
            "SELECT content, attempt, started, answer, expires, ",
            is_sound!(answers),
            " FROM answers WHERE account_id = ?1 AND key = ?2"
        ),
        params![new.account.0, new.key],
        |row| {
            seals::check(row, 5, "answers")?;
            let current = row.get::<_, i64>(4)? > new.now.0;
            Ok(current.then_some(Taken {
                content: row.get(0)?,
                attempt: row.get(1)?,
                started: row.get(2)?,
                answer: row.get(3)?,
            }))
        },
    )?
    .flatten();
    if let Some(taken) = taken {
        if taken.content != new.content {
            return Ok(Reserved::Different);
        }
        if let Some(answer) = taken.answer {
            return Ok(Reserved::Answered(answer));
        }
        if taken.attempt == new.attempt.0 {
            return Ok(Reserved::Yours);
        }
        if taken.started >= new.abandoned_before.0 {
            return Ok(Reserved::Running);
        }
    }
    execute(
        connection,
        "INSERT INTO answers (account_id, key, content, attempt, started, expires, digest) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, seal('answers', ?1, ?2, ?3, ?4, ?5, ?6, NULL)) \
         ON CONFLICT (account_id, key) DO UPDATE SET content = excluded.content, attempt = excluded.attempt, \
         started = excluded.started, expires = excluded.expires, answer = NULL, digest = excluded.digest",
        params![
            new.account.0,
            new.key,
            new.content,
            new.attempt.0,
            new.now.0,
            new.expires.0
        ],
    )?;
    make_room(connection, new)?;
    Ok(Reserved::Yours)
}

/// The oldest others of the account make room.
fn make_room(connection: &Connection, new: &Reservation) -> Outcome<()> {
    let count = first(
        connection,
        "SELECT count(*) FROM answers WHERE account_id = ?1",
        [new.account.0],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    let surplus = count.unwrap_or(0) - i64::from(new.max_per_account.max(1));
    if surplus > 0 {
        execute(
            connection,
            "DELETE FROM answers WHERE account_id = ?1 AND key IN \
             (SELECT key FROM answers WHERE account_id = ?1 AND key <> ?2 ORDER BY expires, key LIMIT ?3)",
            params![new.account.0, new.key, surplus],
        )?;
    }
    Ok(())
}

pub(in crate::embedded) fn keep_answer(
    connection: &Connection,
    account: AccountId,
    key: [u8; 32],
    attempt: AttemptId,
    answer: &[u8],
) -> Outcome<bool> {
    let sql = concat!(
        "UPDATE answers SET answer = ?4, \
         digest = seal('answers', account_id, key, content, attempt, started, expires, ?4) \
         WHERE account_id = ?1 AND key = ?2 AND attempt = ?3 AND ",
        is_sound!(answers)
    );
    Ok(execute(connection, sql, params![account.0, key, attempt.0, answer])? > 0)
}

pub(in crate::embedded) fn release_answer(
    connection: &Connection,
    account: AccountId,
    key: [u8; 32],
    attempt: AttemptId,
) -> Outcome<bool> {
    let sql = "DELETE FROM answers WHERE account_id = ?1 AND key = ?2 AND attempt = ?3 AND answer IS NULL";
    Ok(execute(connection, sql, params![account.0, key, attempt.0])? > 0)
}

/// Removes at most `limit` answers that expired before a moment, the longest expired first.
pub(in crate::embedded) fn sweep_answers(
    connection: &Connection,
    before: Timestamp,
    limit: u32,
) -> Outcome<usize> {
    execute(
        connection,
        "DELETE FROM answers WHERE (account_id, key) IN \
         (SELECT account_id, key FROM answers WHERE expires < ?1 ORDER BY expires, account_id, key LIMIT ?2)",
        params![before.0, limit],
    )
}
