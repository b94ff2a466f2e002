//! What a process has left behind.

use rusqlite::Connection;

use super::sql::{Outcome, checkpoint_if_free, execute};
use super::writes;

/// Moves the sign-ins that the last process has left: what this one knows of sign-ins lies in the other tables.
pub(super) fn move_what_is_left(connection: &Connection) -> Outcome<()> {
    execute(connection, "BEGIN IMMEDIATE", [])?;
    writes::move_sign_ins(connection)?;
    execute(connection, "COMMIT", [])?;
    checkpoint_if_free(connection)?;
    Ok(())
}
