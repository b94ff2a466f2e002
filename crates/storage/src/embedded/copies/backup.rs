//! A backup of a store that may be in use.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::copy::{At, CopyError, Snapshot, reader, verify_copy, write_copy};
use super::report::Counts;
use crate::embedded::files::{beside, flush_names};
use crate::embedded::marker::{self, Left};
use crate::embedded::open::{self, OpenError};

/// Writes a backup of the store at `path` to `file`, which must not exist. A server may use the store meanwhile: the backup has what
/// was acknowledged before it began. It is verified: the structure of the database, and the digest of every row that decides.
///
/// # Errors
/// [`CopyError`]: no store, `file` exists, no room, or the store is damaged.
pub fn backup(path: &Path, file: &Path) -> Result<Counts, CopyError> {
    if !path.is_file() {
        return Err(CopyError::Missing(path.to_owned()));
    }
    // SQLite takes a name that begins with `file:` for a URI, unless a directory is before it.
    let file = &std::path::absolute(file).map_err(|e| At(file).io(e))?;
    // A log or a journal of this name would be taken for one of the backup.
    for taken in ["", "-wal", "-journal"].map(|more| beside(file, more)) {
        if taken.exists() {
            return Err(CopyError::Exists(taken));
        }
    }
    if is_of_store(file, path) {
        return Err(CopyError::OwnFile(file.to_owned()));
    }
    refuse_what_is_lost(path)?;
    let source = reader(path).map_err(|f| At(path).failed(f))?;
    must_be_current(&source, path)?;
    let partial = partial_of(file);
    let before = Snapshot::of(path).map_err(|f| At(path).failed(f))?;
    let made = write_copy(&source, &partial).and_then(|()| verify_copy(&partial, &before));
    let counts = match made {
        Ok(counts) => counts,
        Err(error) => {
            // The damage is in the store, so the copy is of no use.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
    };
    let at = At(file);
    // Unlike a change of the name, a link never replaces a file that was made meanwhile. Some file systems have no links.
    match fs::hard_link(&partial, file) {
        Ok(()) => {
            // The backup is whole, whether its first name goes or not.
            let _ = fs::remove_file(&partial);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if file.exists() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(&partial, file),
    }
    .map_err(|e| at.io(e))?;
    flush_names(file).map_err(|e| at.io(e))?;
    Ok(counts)
}

/// Where a backup is while it is written.
pub fn partial_of(file: &Path) -> PathBuf {
    beside(file, ".partial")
}

/// Whether a file has a name that the store gives to a file of its own, and so may read or remove.
fn is_of_store(file: &Path, store: &Path) -> bool {
    let store = open::target_of(store);
    let directory = |path: &Path| {
        path.parent()
            .and_then(|parent| fs::canonicalize(parent).ok())
    };
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.as_encoded_bytes().to_vec()
    };
    let (of_file, of_store) = (name(file), name(&store));
    let more = of_file.strip_prefix(&of_store[..]);
    directory(file) == directory(&store)
        && more.is_some_and(|more| OWN.iter().any(|own| more.starts_with(own.as_bytes())))
}

/// How the names of the files go on that a store has beside the database file.
const OWN: [&str; 7] = [
    "-wal", "-shm", "-journal", ".lock", ".restor", ".compact", ".reserve",
];

/// Where no server has the store, its files must be whole.
fn refuse_what_is_lost(path: &Path) -> Result<(), CopyError> {
    let lock = match open::lock(path) {
        Ok(lock) => lock,
        Err(OpenError::InUse { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let at = At(path);
    if marker::read(&lock).map_err(|e| at.io(e))? == Left::Open
        && let Some(what) = marker::lost_log(path).map_err(|e| at.io(e))?
    {
        let path = path.to_owned();
        return Err(OpenError::Lost { path, what }.into());
    }
    Ok(())
}

fn must_be_current(connection: &Connection, path: &Path) -> Result<(), CopyError> {
    let known = open::newest_format();
    match open::format(connection, path)? {
        found if found < known => Err(CopyError::OlderFormat {
            path: path.to_owned(),
            found,
            known,
        }),
        _ => Ok(()),
    }
}
