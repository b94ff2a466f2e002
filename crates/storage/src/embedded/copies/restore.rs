//! Puts a backup in the place of a store.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use domain::model::audit::{ActorKind, AuditKind};
use domain::model::clock::Timestamp;
use domain::store::Fault;
use rusqlite::{Connection, params};

use super::carry;
use super::copy::{At, CACHE, CopyError, open_copy, reader, verify, verify_length, write_copy};
use super::report::{self, Counts, Difference};
use crate::embedded::files::{beside, create_new, give_to_owner_of_store, remove_if_there};
use crate::embedded::left::move_what_is_left;
use crate::embedded::marker::Left;
use crate::embedded::open::OpenError;
use crate::embedded::replacement::{self, Replacement, Settled};
use crate::embedded::sql::{Failure, Outcome};
use crate::embedded::{marker, open};

/// How a backup is restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// A store that is there is replaced, and kept under another name.
    pub replace: bool,
    /// It is replaced also when it cannot be read, so that nobody knows what was revoked after the backup.
    pub without_comparison: bool,
}

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
    /// Why the store that was there was not compared.
    pub unreadable: Option<String>,
    /// How many keys, webhooks and administrators it had revoked all the same, as far as it could be read: they stay so.
    pub kept_revoked: u64,
    /// Where the store that was there is now.
    pub replaced: Option<PathBuf>,
    /// Where the report is.
    pub report: PathBuf,
}

/// Puts the backup `file` in the place of the store at `path`. No server may use the store. A store that is there is kept under another
/// name if `how` says so; otherwise it is not touched. A restore that is interrupted is undone by the next command or server that takes the store.
///
/// Ceremonies that wait for their response and the keys of tokens and sealed challenges do not come back: what was used after the backup was made
/// would work a second time. What was revoked after it stays revoked: the store that is there says so.
///
/// `report` words the result. It is on disk, beside the store, before anything is replaced.
///
/// # Errors
/// [`CopyError`]: no backup, a damaged one, a store that is there, in use or cannot be read, or no room.
pub fn restore(
    file: &Path,
    path: &Path,
    how: How,
    now: Timestamp,
    report: impl FnOnce(&Restored) -> String,
) -> Result<Restored, CopyError> {
    match fs::metadata(file) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(CopyError::NotAFile(file.to_owned())),
        Err(_) => return Err(CopyError::Missing(file.to_owned())),
    }
    // A log lies beside the file itself, not beside a link to it.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let made = Made::before(path);
    let lock = open::lock(path)?;
    let path = &open::target_of(path);
    let at = At(path);
    // At once: a process that is killed later must not leave it to another user.
    give_to_owner_of_store(path, &[beside(path, ".lock").as_path()])
        .inspect_err(|_| made.remove())
        .map_err(|e| at.io(e))?;
    let left = marker::read(&lock).map_err(|e| at.io(e))?;
    // A log alone may have all that a young store has, and the lock file knows of a store whose files are lost.
    let has = |path: &Path| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let is_there = has(path) || has(&marker::log_of(path)) || left != Left::Unknown;
    let mut replacement = Replacement::of(path, left, now.0 / 1000);
    let copy = replacement.new_file();
    let held = hold(file, path).and_then(|held| {
        if is_there && !how.replace {
            return Err(CopyError::Exists(path.clone()));
        }
        if is_made_here(file, &copy) {
            return Err(CopyError::OwnFile(file.clone()));
        }
        Ok(held)
    });
    let _held = held.inspect_err(|_| made.remove())?;
    let decided = decide(file, &copy, is_there.then_some((path, left)), how, now);
    let done = decided.and_then(|restored| {
        let restored = Restored {
            replaced: replacement.kept(),
            report: replacement.report(),
            ..restored
        };
        let text = report(&restored);
        replacement.note().map_err(|e| at.io(e))?;
        write_report(&restored.report, &text).map_err(|e| At(&restored.report).io(e))?;
        let made = [&copy, &restored.report];
        give_to_owner_of_store(path, &made.map(PathBuf::as_path)).map_err(|e| at.io(e))?;
        Ok(restored)
    });
    let restored = match done {
        Ok(restored) => restored,
        Err(error) => {
            // If there is a note already, nothing was moved yet.
            let _ = replacement::settle(path, &lock);
            for more in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(beside(&copy, more));
            }
            made.remove();
            return Err(error);
        }
    };
    let Err(error) = replacement.put(&lock) else {
        return Ok(restored);
    };
    match replacement::settle(path, &lock) {
        // Where no note is left, the last step was done.
        Ok(Settled::Complete | Settled::Nothing) => Ok(restored),
        Ok(Settled::Undone) => {
            made.remove();
            Err(at.io(error))
        }
        Err(_) => Err(CopyError::Unsettled {
            path: path.clone(),
            source: error,
        }),
    }
}

/// Holds the lock of the store that the backup is, if it is one and not the store that is replaced: a server would change it meanwhile.
fn hold(file: &Path, path: &Path) -> Result<Option<File>, CopyError> {
    if file == path || !beside(file, ".lock").exists() {
        return Ok(None);
    }
    match open::lock(file) {
        Ok(lock) => Ok(Some(lock)),
        // Nothing can serve a store whose lock file cannot be written: it is on a medium to read from.
        Err(OpenError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether `file` has a name that a restore gives to a file of its own beside the store, and so may remove.
fn is_made_here(file: &Path, copy: &Path) -> bool {
    let directory = |path: &Path| {
        let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
        fs::canonicalize(directory.unwrap_or(Path::new("."))).ok()
    };
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.as_encoded_bytes().to_vec())
    };
    let (of_file, of_copy) = (
        name(file).unwrap_or_default(),
        name(copy).unwrap_or_default(),
    );
    // Names such as `passkeyd.db.restore` and `passkeyd.db.restoring`.
    let begin = &of_copy[..of_copy.len().saturating_sub(1)];
    directory(file) == directory(copy) && of_file.starts_with(begin)
}

/// Writes the report, for its owner only: it has names.
fn write_report(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Makes the copy that takes the place of the store `there`.
fn decide(
    file: &Path,
    copy: &Path,
    there: Option<(&PathBuf, Left)>,
    how: How,
    now: Timestamp,
) -> Result<Restored, CopyError> {
    let prepared = prepare(file, copy)?;
    let Some((there, left)) = there else {
        return finish(copy, None, now, prepared);
    };
    let older = beside(copy, ".compared");
    let readable = readable(there, left, &older);
    let decided = match readable {
        Ok(readable) => finish(copy, Some(&readable), now, prepared),
        Err(what) if how.without_comparison => {
            // What can be read of it still counts.
            let kept_revoked = keep_revoked(copy, there, now).unwrap_or(0);
            finish(copy, None, now, prepared).map(|restored| Restored {
                unreadable: Some(what),
                kept_revoked,
                ..restored
            })
        }
        Err(what) => Err(CopyError::NotCompared {
            path: there.clone(),
            what,
        }),
    };
    for more in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(&older, more));
    }
    decided
}

/// The database file to compare with: the store itself, or a copy of it in the present format. Or why it cannot be read: what cannot be read
/// must not lead to more trust.
fn readable(there: &Path, left: Left, older: &Path) -> Result<PathBuf, String> {
    if fs::metadata(there).map_or(0, |file| file.len()) == 0 {
        return Err("the database file is missing or empty".to_owned());
    }
    if left == Left::Open
        && let Some(lost) = marker::lost_log(there).map_err(|e| e.to_string())?
    {
        return Err(lost.to_owned());
    }
    if beside(there, "-journal").exists() {
        return Err(
            "a change of it was interrupted (-journal); start passkeyd once, which repairs it"
                .to_owned(),
        );
    }
    let in_words = |failure: Failure| Fault::from(failure).to_string();
    let connection = reader(there).map_err(in_words)?;
    let format = open::format(&connection, there).map_err(|error| error.to_string())?;
    if format == open::newest_format() {
        verify(&connection, there).map_err(|error| error.to_string())?;
        return Ok(there.to_owned());
    }
    let copied = write_copy(&connection, older)
        .and_then(|()| open::open_writer(older, CACHE, None).map_err(CopyError::from))
        .and_then(|copy| move_what_is_left(&copy).map_err(|f| At(older).failed(f)))
        .and_then(|()| open_copy(older).map_err(|f| At(older).failed(f)))
        .and_then(|copy| verify(&copy, there));
    copied.map_err(|error| error.to_string())?;
    Ok(older.to_owned())
}

/// Removes what the store at `there` has revoked from the copy: how many keys, webhooks and administrators.
fn keep_revoked(copy: &Path, there: &Path, now: Timestamp) -> Result<u64, CopyError> {
    let at = At(copy);
    let failed = |error: rusqlite::Error| at.failed(error.into());
    let connection = open_copy(copy).map_err(|f| at.failed(f))?;
    report::attach(&connection, Some(there)).map_err(failed)?;
    let before = report::revocable(&connection).map_err(failed)?;
    in_transaction(&connection, |c| carry::revoked(c, now)).map_err(|f| at.failed(f))?;
    let after = report::revocable(&connection).map_err(failed)?;
    Ok(before.saturating_sub(after))
}

fn in_transaction(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Outcome<()>,
) -> Outcome<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = work(connection);
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end)?;
    done
}

/// Compares the copy with the store at `present`, and takes over what was revoked and replaced there.
fn finish(
    copy: &Path,
    present: Option<&Path>,
    now: Timestamp,
    prepared: Restored,
) -> Result<Restored, CopyError> {
    let at = At(copy);
    let failed = |error: rusqlite::Error| at.failed(error.into());
    let connection = open_copy(copy).map_err(|f| at.failed(f))?;
    report::attach(&connection, present).map_err(failed)?;
    if present.is_some() {
        in_transaction(&connection, |c| {
            carry::times(c)?;
            carry::known_by_trail(c)
        })
        .map_err(|f| at.failed(f))?;
    }
    let difference = report::difference(&connection).map_err(failed)?;
    in_transaction(&connection, |c| {
        if present.is_some() {
            carry::revoked(c, now)?;
            carry::replaced(c)?;
        }
        carry::removed(c)?;
        note(c, now)
    })
    .map_err(|f| at.failed(f))?;
    connection.execute_batch("DETACH present").map_err(failed)?;
    // So the first start has no mode to change: a change that is interrupted leaves a journal.
    connection
        .query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))
        .map_err(failed)?;
    let counts = report::counts(&connection).map_err(failed)?;
    drop(connection);
    flushed(copy)?;
    Ok(Restored {
        counts,
        difference,
        compared: present.is_some(),
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
            // A full disk is not the fault of the backup.
            CopyError::Database {
                fault: Fault::Retryable(_),
                ..
            }
            | CopyError::Open(OpenError::Database {
                fault: Fault::Retryable(_),
                ..
            }) => error,
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

/// Copies the backup, brings it to the present format, verifies it, and removes what must not come back.
fn prepare(file: &Path, copy: &Path) -> Result<Restored, CopyError> {
    let at = At(copy);
    for more in ["", "-wal", "-shm", "-journal"] {
        remove_if_there(&beside(copy, more)).map_err(|e| at.io(e))?;
    }
    let mut from = File::open(file).map_err(|e| At(file).read(e))?;
    let mut to = create_new(copy).map_err(|e| at.io(e))?;
    std::io::copy(&mut from, &mut to).map_err(|e| at.io(e))?;
    drop(to);
    // A store that was put aside after a crash has a log, and the last of what it was told is only there.
    if beside(file, "-journal").exists() {
        return Err(CopyError::Damaged {
            path: file.to_owned(),
            what: "a change of it was interrupted, and its journal (-journal) lies beside it"
                .to_owned(),
        });
    }
    let log = marker::log_of(file);
    if log.exists() {
        if !log.is_file() {
            return Err(CopyError::NotAFile(log));
        }
        if let Some(lost) = marker::lost_log(file).map_err(|e| At(&log).read(e))? {
            return Err(CopyError::Damaged {
                path: file.to_owned(),
                what: lost.to_owned(),
            });
        }
        fs::copy(&log, marker::log_of(copy)).map_err(|e| at.io(e))?;
    }
    verified(file, copy).map_err(of_the_backup(file))?;
    let connection = open_copy(copy).map_err(|f| at.failed(f))?;
    let (ceremonies, token_keys) = void(&connection).map_err(|f| at.failed(f))?;
    Ok(Restored {
        counts: Counts::default(),
        ceremonies_voided: ceremonies,
        token_keys_voided: token_keys,
        difference: Difference::default(),
        compared: false,
        unreadable: None,
        kept_revoked: 0,
        replaced: None,
        report: PathBuf::new(),
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
    // A log that came along changes the length.
    if !marker::log_of(copy).exists() {
        verify_length(copy)?;
    }
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
    // A kind that is new does not come back either. Nothing else says which one-time tokens were used since, so key pairs go, too.
    let keys = removed("DELETE FROM token_keys WHERE kind <> 'access'")?;
    removed("DELETE FROM answers WHERE answer IS NULL")?;
    // Sessions and invites of the console: they may have been ended, or used, since. Administrators stay.
    removed("DELETE FROM console_records WHERE kind <> 0")?;
    Ok((ceremonies, keys))
}

/// Tells the audit trail of each Relying Party that a backup was restored.
fn note(connection: &Connection, now: Timestamp) -> Outcome<()> {
    // Offline, and once: it may walk through all Relying Parties.
    let sql = "INSERT INTO events (relying_party_id, at, id, kind, signals, actor, wire) \
        SELECT id, ?1, randomblob(16), ?2, '', ?3, 'command-line' FROM relying_parties";
    let kind = AuditKind::StoreRestored.name();
    connection.execute(sql, params![now.0, kind, ActorKind::Admin.name()])?;
    Ok(())
}
