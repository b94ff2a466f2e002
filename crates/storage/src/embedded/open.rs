//! Opening the database file: who may, in which format, and tuned how.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use domain::store::Fault;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};

use super::evidence::{Known, Parts, pack};
use super::marker::{self, Left};
use super::replacement;
use super::rows::credential_digest_13;
use super::seals;
use super::sql::{BUSY_TIMEOUT, Failure, Outcome, checkpoint_if_free};
use crate::images::text_id;

/// Marks a `SQLite` file as ours in its header: "PKYD".
const APPLICATION_ID: i32 = 0x504B_5944;

/// The steps from an empty file to the present format. A step that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0002.sql"),
    include_str!("../../migrations/sqlite/0003.sql"),
    include_str!("../../migrations/sqlite/0004.sql"),
    include_str!("../../migrations/sqlite/0005.sql"),
    include_str!("../../migrations/sqlite/0006.sql"),
    include_str!("../../migrations/sqlite/0007.sql"),
    include_str!("../../migrations/sqlite/0008.sql"),
    include_str!("../../migrations/sqlite/0009.sql"),
    include_str!("../../migrations/sqlite/0010.sql"),
    include_str!("../../migrations/sqlite/0011.sql"),
    include_str!("../../migrations/sqlite/0012.sql"),
    include_str!("../../migrations/sqlite/0013.sql"),
    include_str!("../../migrations/sqlite/0014.sql"),
    include_str!("../../migrations/sqlite/0015.sql"),
    include_str!("../../migrations/sqlite/0016.sql"),
    include_str!("../../migrations/sqlite/0017.sql"),
    include_str!("../../migrations/sqlite/0018.sql"),
    include_str!("../../migrations/sqlite/0019.sql"),
    include_str!("../../migrations/sqlite/0020.sql"),
    include_str!("../../migrations/sqlite/0021.sql"),
    include_str!("../../migrations/sqlite/0022.sql"),
    include_str!("../../migrations/sqlite/0023.sql"),
    include_str!("../../migrations/sqlite/0024.sql"),
    include_str!("../../migrations/sqlite/0025.sql"),
];

/// How often a start tries to get the lock. A backup has it for a moment when no server has.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// As many symbolic links in a row are followed: the system follows no more either.
const MOST_LINKS: u32 = 40;

/// Statements kept compiled per connection; more than there are.
const STATEMENTS: usize = 128;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or a file in it cannot be made or opened.
    #[error("cannot open {path}: {source}", path = path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Where the directory of the store should be is something else.
    #[error("{path} is not a directory", path = path.display())]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error(
        "{path} is in use by another passkeyd; an embedded store serves one process at a time",
        path = path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// It was written by a newer passkeyd.
    #[error(
        "{path} has format {found}, and this passkeyd knows formats up to {known}; use the passkeyd that wrote it, or a newer one",
        path = path.display()
    )]
    NewerFormat {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is known here.
        known: i64,
    },
    /// It is a database of some other program.
    #[error("{path} is a database, but not one of passkeyd", path = path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// There was a store, and it is lost, or a part of it.
    #[error(
        "{path} was a store of passkeyd, but {what}; restore a backup, or remove {path}.lock to start with what is left",
        path = path.display()
    )]
    Lost {
        /// The database file.
        path: PathBuf,
        /// What is lost.
        what: &'static str,
    },
    /// The database does not open.
    #[error("cannot open {path}: {fault}", path = path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What went wrong.
        fault: Fault,
    },
}

/// Takes the right to use the database at `path`; it ends when the file is dropped, or with the process. A restore that was interrupted is
/// undone, or completed where only its note was left.
///
/// The lock is on a file of its own: `SQLite` has locks on the database file, and closing any other handle of that
/// file would drop them.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        make_directory(directory).map_err(|source| {
            let path = directory.to_owned();
            // The system says that a file exists, or that something above it is none.
            match directory.ancestors().find(|part| part.exists()) {
                Some(part) if !part.is_dir() => OpenError::NotADirectory {
                    path: part.to_owned(),
                },
                _ => OpenError::Io { path, source },
            }
        })?;
    }
    // One store, one lock, whichever symbolic link led here.
    let real = target_of(path);
    let mut name = real.clone().into_os_string();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let io = |source| OpenError::Io {
        path: lock_path.clone(),
        source,
    };
    for _ in 0..LOCK_TRIES {
        let file = make_lock_file(&lock_path).map_err(io)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &lock_path) => {
                replacement::settle(&real, &file).map_err(|source| OpenError::Io {
                    path: real.clone(),
                    source,
                })?;
                return Ok(file);
            }
            // A restore that failed has removed the file meanwhile.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
    }
    Err(OpenError::InUse {
        path: path.to_owned(),
    })
}

/// The file that a path means. The target of a symbolic link may be missing: a restore was interrupted.
pub(super) fn target_of(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&target) else {
            break;
        };
        target = match target.parent() {
            Some(directory) => directory.join(next),
            None => next,
        };
    }
    target
}

/// Whether an open file is still the one with this name.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        match (file.metadata(), fs::metadata(path)) {
            (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens the lock file, and follows no link: the owner of the directory may be another user, who could name a file of this one.
fn make_lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        options.mode(0o600).custom_flags(no_link);
    }
    options.open(path)
}

/// Opens a file for writing; a new one is for its owner only.
pub(super) fn make_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens the writing connection and brings the database to the present format.
///
/// `lock` is the lock file, which says how the store was left.
pub(super) fn open_writer(
    path: &Path,
    cache_kib: u32,
    lock: Option<&File>,
) -> Result<Connection, OpenError> {
    let io = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    let lost = |what| OpenError::Lost {
        path: path.to_owned(),
        what,
    };
    let left = lock.map_or(Ok(Left::Unknown), marker::read).map_err(io)?;
    if left != Left::Unknown && fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Err(lost("the database file is missing or empty"));
    }
    if left == Left::Open
        && let Some(what) = marker::lost_log(path).map_err(io)?
    {
        return Err(lost(what));
    }
    // SQLite gives its log the mode of the database file, so that one is made first.
    drop(make_file(path).map_err(io)?);
    let fault = |failure: Failure| OpenError::Database {
        path: path.to_owned(),
        fault: failure.fault,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|e| fault(Failure::from(e)))?;
    let format = match header(&connection).map_err(fault)? {
        (0, 0) if is_empty(&connection).map_err(fault)? => 0,
        found => known_format(found, path)?,
    };
    set_up(&connection, cache_kib).map_err(fault)?;
    migrate(&connection, format).map_err(fault)?;
    // What a process that died has left in the log, and what was migrated, lies in the database file from now on.
    checkpoint_if_free(&connection).map_err(fault)?;
    Ok(connection)
}

/// The newest format.
pub(super) fn newest_format() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The format of a database of passkeyd.
pub(super) fn format(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let found = header(connection).map_err(|failure| OpenError::Database {
        path: path.to_owned(),
        fault: failure.fault,
    })?;
    known_format(found, path)
}

/// Refuses a database of another program, or of a newer passkeyd.
fn known_format((application, found): (i32, i64), path: &Path) -> Result<i64, OpenError> {
    let known = newest_format();
    let path = path.to_owned();
    match (application, found) {
        (APPLICATION_ID, 0..) if found <= known => Ok(found),
        (APPLICATION_ID, _) => Err(OpenError::NewerFormat { path, found, known }),
        _ => Err(OpenError::Foreign { path }),
    }
}

/// Application id and format of the database.
fn header(connection: &Connection) -> Outcome<(i32, i64)> {
    let application = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let format = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((application, format))
}

/// The tables and indexes of a database. What the engine has counted for itself is no part of them.
pub(super) fn schema(connection: &Connection) -> Outcome<Vec<(String, String, String)>> {
    let sql = "SELECT type, name, ifnull(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The tables and indexes of a database of the present format.
pub(super) fn schema_of_format() -> Outcome<Vec<(String, String, String)>> {
    let connection = Connection::open_in_memory()?;
    tune(&connection, 64)?;
    migrate(&connection, 0)?;
    schema(&connection)
}

/// The format of the database at `path`, and the format that this program makes of it when it opens it.
///
/// # Errors
/// [`OpenError`]: it is no database of passkeyd that this program knows.
pub fn formats(path: &Path) -> Result<(i64, i64), OpenError> {
    let fault = |error: rusqlite::Error| OpenError::Database {
        path: path.to_owned(),
        fault: Failure::from(error).fault,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(fault)?;
    Ok((format(&connection, path)?, newest_format()))
}

/// The wrapped store key of the database at `path`, without changing it; `None` when it is not sealed.
///
/// # Errors
/// [`OpenError`]: it is no database of passkeyd that this program knows.
pub fn store_key(path: &Path) -> Result<Option<Vec<u8>>, OpenError> {
    let fault = |failure: Failure| OpenError::Database {
        path: path.to_owned(),
        fault: failure.fault,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags);
    let connection = connection.map_err(|error| fault(error.into()))?;
    tune(&connection, 1024).map_err(fault)?;
    super::reads::store_key(&connection).map_err(fault)
}

fn is_empty(connection: &Connection) -> Outcome<bool> {
    Ok(
        connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
            row.get(0)
        })?,
    )
}

fn set_up(connection: &Connection, cache_kib: u32) -> Outcome<()> {
    tune(connection, cache_kib)?;
    // SQLite ignores errors of the check-points that it does by itself, so it does none.
    connection.execute_batch(
        "PRAGMA journal_mode=WAL;
         PRAGMA synchronous=FULL;
         PRAGMA wal_autocheckpoint=0;
         PRAGMA journal_size_limit=67108864;",
    )?;
    Ok(())
}

/// Opens the connection that moves pages from the log to the database file.
pub(super) fn open_mover(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    tune(&connection, 64)?;
    connection.execute_batch("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;")?;
    Ok(connection)
}

/// Settings of every connection.
///
/// Files are read, not mapped into memory: an I/O error on a mapped page would end the process instead of
/// one request. `cell_size_check` and distrust of the schema notice a damaged file early.
pub(super) fn tune(connection: &Connection, cache_kib: u32) -> Outcome<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    seals::register(connection)?;
    // Plans do not depend on the values that are bound. Otherwise a statement that a partial index might
    // serve is compiled anew each time it runs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys=OFF;
         PRAGMA trusted_schema=OFF;
         PRAGMA cell_size_check=ON;
         PRAGMA temp_store=MEMORY;
         PRAGMA mmap_size=0;
         PRAGMA cache_size=-{cache_kib};"
    ))?;
    Ok(())
}

/// Makes the functions known that the steps use.
pub(super) fn register(connection: &Connection) -> Outcome<()> {
    connection.create_scalar_function(
        "policy_image",
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| Ok(text_id(context.get_raw(0).as_str()?)),
    )?;
    // For the step that packs evidence.
    connection.create_scalar_function(
        "pack_evidence",
        6,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| {
            let known = Known {
                id: context.get_raw(3).as_blob()?,
                public_key: context.get_raw(4).as_blob()?,
                rp_id: context.get_raw(5).as_str_or_null()?.unwrap_or_default(),
            };
            let parts = Parts {
                attestation_object: context.get_raw(0).as_blob()?,
                client_data_json: context.get_raw(1).as_blob()?,
                extensions: context.get_raw(2).as_str_or_null()?,
            };
            Ok(pack(known, &parts))
        },
    )?;
    connection.create_scalar_function(
        "credential_digest_13",
        6,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| {
            Ok(credential_digest_13(
                [0, 1, 2, 3, 4, 5].map(|at| context.get_raw(at)),
            )?)
        },
    )?;
    Ok(())
}

/// Runs the steps that are missing, each in a transaction of its own together with its number: one that is interrupted
/// leaves the format before it.
fn migrate(connection: &Connection, format: i64) -> Outcome<()> {
    register(connection)?;
    let done = usize::try_from(format).unwrap_or(0);
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let number = step + 1;
        let transaction = rusqlite::Transaction::new_unchecked(
            connection,
            rusqlite::TransactionBehavior::Immediate,
        )?;
        transaction.execute_batch(sql)?;
        transaction.execute_batch(&format!(
            "PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={number};"
        ))?;
        transaction.commit()?;
    }
    Ok(())
}
