//! Puts a backup in the place of a store.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use domain::model::audit::{ActorKind, AuditKind};
use domain::model::clock::Timestamp;
use rusqlite::{Connection, params};

use super::copy::{
    At, CACHE, CopyError, beside, flush_names, give_to_owner, open_copy, reader, remove_if_there,
    verify, verify_length,
};
use super::report::{self, Counts, Difference};
use crate::embedded::left::move_what_is_left;
use crate::embedded::marker::Left;
use crate::embedded::open::OpenError;
use crate::embedded::sql::{Failure, Outcome, execute};
use crate::embedded::{marker, open};

/// What a restore has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the store has now.
    pub counts: Counts,
    /// Ceremonies that waited for their response, and were removed.
    pub ceremonies_voided: u64,
    /// Keys of tokens and of sealed challenges that were removed: those of before are refused.
    pub token_keys_voided: u64,
    /// What came back, compared with the store that was there. Without one, everything is named that may have been revoked since.
    pub difference: Difference,
    /// Whether there was a store to compare with.
    pub compared: bool,
    /// Where the store that was there lies now.
    pub replaced: Option<PathBuf>,
}

/// Puts the backup `file` in the place of the store at `path`. No server may use the store. A store that is there is kept under another
/// name if `replace` says so; otherwise it is not touched.
///
/// Ceremonies that wait for their response and the keys of tokens and sealed challenges do not come back: what was used after the backup was made
/// would work a second time. A key that was revoked after it stays revoked, if the store that is there says so.
///
/// # Errors
/// [`CopyError`]: no backup, a damaged one, a store that is there or in use, or no room.
pub fn restore(
    file: &Path,
    path: &Path,
    replace: bool,
    now: Timestamp,
) -> Result<Restored, CopyError> {
    if !file.is_file() {
        return Err(CopyError::Missing(file.to_owned()));
    }
    let made = Made::before(path);
    let lock = open::lock(path)?;
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let at = At(path);
    let is_there = fs::metadata(path).is_ok_and(|file| file.len() > 0);
    if is_there && !replace {
        return Err(CopyError::Exists(path.clone()));
    }
    let copy = beside(path, ".restore");
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
    let owner = if is_there {
        Some(path.as_path())
    } else {
        directory
    };
    let prepared = prepare(file, &copy, now).and_then(|prepared| {
        if let Some(owner) = owner {
            for file in [&copy, &beside(path, ".lock")] {
                give_to_owner(owner, file).map_err(|e| at.io(e))?;
            }
        }
        // Without its log, a store looks as it did some time ago, and what was revoked since would not be named.
        let is_whole = is_there
            && (marker::read(&lock).map_err(|e| at.io(e))? != Left::Open
                || marker::lost_log(path).map_err(|e| at.io(e))?.is_none());
        let there = is_whole.then_some(path.as_path());
        let (difference, compared) = compare(&copy, there)?;
        let counts = revoke(&copy, &difference)?;
        let counts = counts.unwrap_or(prepared.counts);
        Ok((Restored { counts, ..prepared }, (difference, compared)))
    });
    let (prepared, (difference, compared)) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            for more in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(beside(&copy, more));
            }
            made.remove();
            return Err(error);
        }
    };
    let replaced = if is_there {
        Some(put_aside(path, now).map_err(|e| at.io(e))?)
    } else {
        None
    };
    // A log of the old file must not stay beside the new one, not even after a loss of power.
    for more in ["-wal", "-shm"] {
        remove_if_there(&beside(path, more)).map_err(|e| at.io(e))?;
    }
    flush_names(path).map_err(|e| at.io(e))?;
    fs::rename(&copy, path).map_err(|e| at.io(e))?;
    flush_names(path).map_err(|e| at.io(e))?;
    marker::closed(&lock).map_err(|e| at.io(e))?;
    Ok(Restored {
        difference,
        compared,
        replaced,
        ..prepared
    })
}

/// What a restore makes before it knows whether the backup is sound: the lock file, and directories.
struct Made {
    lock: Option<PathBuf>,
    /// The innermost first.
    directories: Vec<PathBuf>,
}

impl Made {
    /// What will be made at this place.
    fn before(path: &Path) -> Self {
        let lock = beside(path, ".lock");
        let directories = path.ancestors().skip(1);
        let missing = directories.take_while(|d| !d.as_os_str().is_empty() && !d.exists());
        Self {
            directories: missing.map(Path::to_owned).collect(),
            lock: Some(lock).filter(|lock| !lock.exists()),
        }
    }

    /// Removes it. The lock is held: nobody else has begun to use the place.
    fn remove(&self) {
        if let Some(lock) = &self.lock {
            let _ = fs::remove_file(lock);
        }
        for directory in &self.directories {
            // It fails where somebody has put something else there.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Says of what the backup itself is to blame for that it is the backup, and not the copy of it that was looked at.
fn of_the_backup(file: &Path) -> impl Fn(CopyError) -> CopyError {
    let named = file.to_owned();
    move |error| {
        let path = named.clone();
        match error {
            CopyError::Database { fault, .. }
            | CopyError::Open(OpenError::Database { fault, .. }) => CopyError::Damaged {
                path,
                what: fault.to_string(),
            },
            CopyError::Damaged { what, .. } => CopyError::Damaged { path, what },
            other => other,
        }
    }
}

/// Copies the backup, brings it to the present format, verifies it, removes what must not come back, and notes the restore.
fn prepare(file: &Path, copy: &Path, now: Timestamp) -> Result<Restored, CopyError> {
    let at = At(copy);
    for more in ["", "-wal", "-shm", "-journal"] {
        remove_if_there(&beside(copy, more)).map_err(|e| at.io(e))?;
    }
    let mut from = File::open(file).map_err(|e| At(file).io(e))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut to = options.open(copy).map_err(|e| at.io(e))?;
    std::io::copy(&mut from, &mut to).map_err(|e| at.io(e))?;
    drop(to);
    verified(file, copy).map_err(of_the_backup(file))?;
    let connection = open_copy(copy).map_err(|f| at.failed(f))?;
    let (ceremonies, token_keys) = void(&connection).map_err(|f| at.failed(f))?;
    note(&connection, now).map_err(|f| at.failed(f))?;
    let counts = report::counts(&connection).map_err(|e| at.failed(e.into()))?;
    drop(connection);
    flushed(copy)?;
    Ok(Restored {
        counts,
        ceremonies_voided: ceremonies,
        token_keys_voided: token_keys,
        difference: Difference::default(),
        compared: false,
        replaced: None,
    })
}

/// Waits until the copy is on disk.
fn flushed(copy: &Path) -> Result<(), CopyError> {
    let file = OpenOptions::new().write(true).open(copy);
    let written = file.and_then(|file| file.sync_all());
    written.map_err(|e| At(copy).io(e))
}

/// Brings the copy of a backup to the present format and verifies it.
fn verified(file: &Path, copy: &Path) -> Result<(), CopyError> {
    let at = At(copy);
    // An empty file is a new store, and no backup.
    let found = reader(copy).map_err(|f| at.failed(f))?;
    open::format(&found, file)?;
    drop(found);
    verify_length(copy)?;
    let connection = open::open_writer(copy, CACHE, None)?;
    move_what_is_left(&connection).map_err(|f| at.failed(f))?;
    drop(connection);
    let connection = open_copy(copy).map_err(|f| at.failed(f))?;
    verify(&connection, copy).map(drop)
}

/// Removes what could be used a second time: ceremonies that wait, the keys of tokens and of sealed challenges (not of access keys), and
/// calls whose response was not kept yet, and sessions and invites of the console. How many ceremonies and keys.
fn void(connection: &Connection) -> Outcome<(u64, u64)> {
    let removed = |sql: &str| {
        let removed = connection.execute(sql, []).map_err(Failure::from)?;
        Ok::<_, Failure>(u64::try_from(removed).unwrap_or(0))
    };
    let ceremonies = removed("DELETE FROM ceremonies WHERE state = 0")?;
    // A kind that is new does not come back either.
    let keys = removed("DELETE FROM token_keys WHERE kind NOT IN ('access', 'signing')")?;
    removed("DELETE FROM answers WHERE answer IS NULL")?;
    // Sessions and invites of the console: they may have been ended, or used, since. Administrators stay.
    removed("DELETE FROM console_records WHERE kind <> 0")?;
    Ok((ceremonies, keys))
}

/// Tells the audit trail of each Relying Party that a backup was restored.
fn note(connection: &Connection, now: Timestamp) -> Outcome<()> {
    execute(
        connection,
        "INSERT INTO events (relying_party_id, at, id, kind, signals, actor, wire) \
         SELECT id, ?1, randomblob(16), ?2, '', ?3, 'command-line' FROM relying_parties",
        params![
            now.0,
            AuditKind::StoreRestored.name(),
            ActorKind::Admin.name()
        ],
    )?;
    Ok(())
}

/// What comes back, and whether the store that is there could be read for it.
fn compare(copy: &Path, there: Option<&Path>) -> Result<(Difference, bool), CopyError> {
    let at = At(copy);
    let connection = reader(copy).map_err(|f| at.failed(f))?;
    if there.is_some()
        && let Ok(difference) = report::difference(&connection, there)
    {
        return Ok((difference, true));
    }
    // A connection that reads only has no other database in memory either.
    let connection = open_copy(copy).map_err(|f| at.failed(f))?;
    let all = report::difference(&connection, None).map_err(|e| at.failed(e.into()))?;
    Ok((all, false))
}

/// Removes the keys that were revoked after the backup, and counts again if there are any.
fn revoke(copy: &Path, difference: &Difference) -> Result<Option<Counts>, CopyError> {
    let at = At(copy);
    let revoked = [
        (
            "DELETE FROM access_keys WHERE relying_party_id = unhex(?1) AND id = unhex(?2)",
            &difference.access_keys_revoked,
        ),
        (
            "DELETE FROM api_keys WHERE account_id = unhex(?1) AND id = unhex(?2)",
            &difference.api_keys_revoked,
        ),
    ];
    if revoked.iter().all(|(_, keys)| keys.is_empty()) {
        return Ok(None);
    }
    let connection = open_copy(copy).map_err(|f| at.failed(f))?;
    for (sql, keys) in revoked {
        for key in keys {
            execute(&connection, sql, params![key.owner, key.id]).map_err(|f| at.failed(f))?;
        }
    }
    let counts = report::counts(&connection).map_err(|e| at.failed(e.into()))?;
    drop(connection);
    flushed(copy)?;
    Ok(Some(counts))
}

/// Gives the store that is there another name, together with its log; the new name.
fn put_aside(path: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let second = now.0 / 1000;
    // Two restores in one second keep two stores. The lock is held, so nobody else takes the name.
    let mut aside = beside(path, &format!(".replaced-{second}"));
    for n in 2.. {
        if !aside.exists() && !marker::log_of(&aside).exists() {
            break;
        }
        aside = beside(path, &format!(".replaced-{second}-{n}"));
    }
    let log = marker::log_of(path);
    if log.exists() {
        fs::rename(&log, marker::log_of(&aside))?;
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}
