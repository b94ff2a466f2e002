//! Gives the space of removed rows back to the file system.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;

use super::copy::{At, CACHE, CopyError, Snapshot, verify_copy, write_copy};
use crate::embedded::files::{beside, flush_names, give_to_owner, remove_if_there};
use crate::embedded::left::move_what_is_left;
use crate::embedded::sql::checkpoint_if_free;
use crate::embedded::{marker, open};

/// What a compaction has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes of the database file and its log before.
    pub before: u64,
    /// Bytes of the database file afterwards.
    pub after: u64,
}

/// Bytes of a store: the database file and its log.
fn bytes(path: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    length(path) + length(&marker::log_of(path))
}

/// Where the copy of a compaction is while it is written.
pub fn compacted_of(path: &Path) -> PathBuf {
    beside(path, ".compact")
}

/// Replaces the database file at `path` by a copy without gaps. No server may use the store. The copy is verified before it takes its
/// place; until then nothing has changed. `begins` is called with the length of the file before the copy is written.
///
/// # Errors
/// [`CopyError`]: no store, in use, no room, or the store is damaged.
pub fn compact(path: &Path, begins: impl FnOnce(u64)) -> Result<Compacted, CopyError> {
    if !path.is_file() {
        return Err(CopyError::Missing(path.to_owned()));
    }
    // The file itself is replaced, not a symbolic link to it.
    let path = &fs::canonicalize(path).map_err(|e| At(path).io(e))?;
    let at = At(path);
    let before = bytes(path);
    let lock = open::lock(path)?;
    let connection = open::open_writer(path, CACHE, Some(&lock))?;
    marker::opened(&lock, path).map_err(|e| at.io(e))?;
    move_what_is_left(&connection).map_err(|f| at.failed(f))?;
    begins(fs::metadata(path).map_or(0, |file| file.len()));
    let copy = compacted_of(path);
    let made = write_copy(&connection, &copy);
    // Where something reads the old file, such as a backup, the log cannot be moved and stays part of it.
    let moved = checkpoint_if_free(&connection).map_err(|f| at.failed(f))?;
    if moved {
        // Before the log is removed, with the last connection: a start after a crash must not miss it.
        marker::closed(&lock).map_err(|e| at.io(e))?;
    } else {
        let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        let kept = connection.set_db_config(keep, true);
        kept.map_err(|e| at.failed(e.into()))?;
    }
    drop(connection);
    let made = made.and_then(|()| {
        if !moved {
            return Err(CopyError::BeingRead(path.clone()));
        }
        let now = Snapshot::of(path).map_err(|f| at.failed(f))?;
        verify_copy(&copy, &now)?;
        give_to_owner(path, &copy).map_err(|e| at.io(e))
    });
    if let Err(error) = made {
        let _ = fs::remove_file(&copy);
        return Err(error);
    }
    // They are empty. Not even after a loss of power may they be beside the new file.
    for more in ["-wal", "-shm"] {
        remove_if_there(&beside(path, more)).map_err(|e| at.io(e))?;
    }
    flush_names(path).map_err(|e| at.io(e))?;
    fs::rename(&copy, path).map_err(|e| at.io(e))?;
    flush_names(path).map_err(|e| at.io(e))?;
    Ok(Compacted {
        before,
        after: bytes(path),
    })
}
