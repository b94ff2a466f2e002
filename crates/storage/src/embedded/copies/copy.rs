//! Writing a copy, and verifying one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use domain::store::Fault;
use rusqlite::{Connection, OpenFlags};

use super::report::{self, Counts};
use crate::embedded::files::{create_new, remove_if_there};
use crate::embedded::open::{self, OpenError};
use crate::embedded::seals::{is_sound, sound_attestation};
use crate::embedded::sql::{Failure, Outcome, execute};
use crate::embedded::writes;

/// Page cache of a copy, in `KiB`.
pub(super) const CACHE: u32 = 8 * 1024;

/// Why a store cannot be copied, compacted or restored.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no store, or no backup.
    #[error("there is no file {path}", path = .0.display())]
    Missing(PathBuf),
    /// What should be a file is something else.
    #[error("{path} is not a file", path = .0.display())]
    NotAFile(PathBuf),
    /// The backup has a name that a store gives to a file of its own.
    #[error("{path} has the name of a file that belongs to the store; give it another name", path = .0.display())]
    OwnFile(PathBuf),
    /// The store that is to be replaced cannot be read, so nobody knows what was revoked.
    #[error("cannot compare the backup with {path}: {what}", path = path.display())]
    NotCompared {
        /// The database file.
        path: PathBuf,
        /// Why it cannot be read.
        what: String,
    },
    /// Another process reads the store.
    #[error("something reads {path}, such as a backup; nothing has changed: run the command again when it has ended", path = .0.display())]
    BeingRead(PathBuf),
    /// What is to be written is there already.
    #[error("{path} exists already", path = .0.display())]
    Exists(PathBuf),
    /// The database has an older format.
    #[error(
        "{path} has format {found}, and this passkeyd writes format {known}; start `passkeyd serve` once, which updates it",
        path = path.display()
    )]
    OlderFormat {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The present format.
        known: i64,
    },
    /// What was written is not sound.
    #[error("{path} is damaged: {what}", path = path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// Where.
        what: String,
    },
    /// A file cannot be read or written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A restore was interrupted at its last step, and cannot be undone at once.
    #[error(
        "the restore of {path} was interrupted: {source}; the next passkeyd that uses the store completes the restore or undoes it, and its log says which",
        path = path.display()
    )]
    Unsettled {
        /// The database file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// `SQLite` cannot do it.
    #[error("cannot copy {path}: {fault}", path = path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What went wrong.
        fault: Fault,
    },
}

/// Names a file in errors.
pub(super) struct At<'a>(pub(super) &'a Path);

impl At<'_> {
    pub(super) fn io(&self, source: io::Error) -> CopyError {
        CopyError::Io {
            path: self.0.to_owned(),
            source,
        }
    }

    pub(super) fn read(&self, source: io::Error) -> CopyError {
        CopyError::Read {
            path: self.0.to_owned(),
            source,
        }
    }

    pub(super) fn failed(&self, failure: Failure) -> CopyError {
        CopyError::Database {
            path: self.0.to_owned(),
            fault: failure.fault,
        }
    }
}

/// A connection that reads only, beside those of a running server if there is one.
pub(in crate::embedded) fn reader(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    open::tune(&connection, CACHE)?;
    Ok(connection)
}

/// Writes all that a connection sees to a new file which only its owner can read.
pub(super) fn write_copy(connection: &Connection, to: &Path) -> Result<(), CopyError> {
    let at = At(to);
    remove_if_there(to).map_err(|e| at.io(e))?;
    let file = create_new(to).map_err(|e| at.io(e))?;
    let copied = connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]);
    copied.map_err(|e| at.failed(e.into()))?;
    file.sync_all().map_err(|e| at.io(e))
}

/// Opens a copy for changes. They need not survive a crash: nobody relies on it yet. What is attached may be a URI.
pub(super) fn open_copy(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags)?;
    open::tune(&connection, CACHE)?;
    connection.execute_batch("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;")?;
    Ok(connection)
}

/// Moves the sign-ins of the last moments of a copy to where all others are, with their events.
fn gather(connection: &Connection) -> Outcome<()> {
    execute(connection, "BEGIN IMMEDIATE", [])?;
    writes::move_sign_ins(connection)?;
    execute(connection, "COMMIT", [])?;
    Ok(())
}

/// Gathers the sign-ins of a copy, verifies it, compares its events with those of the store before it was made, and writes it to the disk.
pub(in crate::embedded) fn verify_copy(
    path: &Path,
    before: &Snapshot,
) -> Result<Counts, CopyError> {
    let at = At(path);
    let connection = open_copy(path).map_err(|f| at.failed(f))?;
    gather(&connection).map_err(|f| at.failed(f))?;
    let counts = verify(&connection, path)?;
    drop(connection);
    before.compare_events(path)?;
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.sync_all())
        .map_err(|e| at.io(e))?;
    verify_length(path)?;
    Ok(counts)
}

/// Whether a database file has the length that its header says. `SQLite` reads what is missing at the end as zeros.
pub(super) fn verify_length(path: &Path) -> Result<(), CopyError> {
    let at = At(path);
    let mut file = File::open(path).map_err(|e| at.io(e))?;
    let length = file.metadata().map_err(|e| at.io(e))?.len();
    let mut header = [0; 32];
    let read = file.read_exact(&mut header);
    let said = read.ok().map(|()| {
        // Offset 16: the size of a page, where 1 is 65,536. Offset 28: how many pages there are.
        let page = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 1 << 16,
            page => u64::from(page),
        };
        let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
        page * u64::from(pages)
    });
    match said {
        Some(said) if said == length => Ok(()),
        Some(said) => Err(CopyError::Damaged {
            path: path.to_owned(),
            what: format!("its header says that it has {said} bytes, and it has {length}"),
        }),
        None => Err(CopyError::Damaged {
            path: path.to_owned(),
            what: format!("it has {length} bytes, which is no database"),
        }),
    }
}

/// A store as it was at one moment, also when it changes meanwhile.
pub(in crate::embedded) struct Snapshot {
    connection: Connection,
    path: PathBuf,
}

impl Snapshot {
    /// The store at this path as it is now.
    pub(in crate::embedded) fn of(path: &Path) -> Outcome<Self> {
        let connection = reader(path)?;
        connection.execute_batch("BEGIN; SELECT 1 FROM events LIMIT 1")?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// Compares the events of a copy that was made after this moment with those of the store: an event that the store had at this moment and still
    /// has is in the copy, too. Others may have been added, swept or erased meanwhile.
    fn compare_events(&self, copy: &Path) -> Result<(), CopyError> {
        let failed = |error: rusqlite::Error| At(copy).failed(error.into());
        for (path, name) in [(copy, "copy"), (&self.path, "now")] {
            // What is attached to a connection that reads only is only read too.
            let attached = self
                .connection
                .execute(&format!("ATTACH ?1 AS {name}"), [path.to_string_lossy()]);
            attached.map_err(failed)?;
        }
        let columns = "kind, user_id, credential_key, ceremony_id, reason, signals, user_name, actor, access_key_id, wire, user_agent, \
            address, more";
        let [changed, differ] = ["s", "c"].map(|other| {
            let columns = columns.split(", ");
            let columns = columns.map(|column| format!("{other}.{column} IS NOT n.{column}"));
            columns.collect::<Vec<_>>().join(" OR ")
        });
        let same = |row| {
            format!(
                "{row}.relying_party_id = s.relying_party_id AND {row}.at = s.at AND {row}.id = s.id"
            )
        };
        let sql = format!(
            "SELECT count(*) FROM main.events s JOIN now.events n ON {} LEFT JOIN copy.events c ON {} \
             WHERE NOT ({changed}) AND (c.id IS NULL OR {differ})",
            same("n"),
            same("c")
        );
        let wrong: i64 = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(failed)?;
        if wrong > 0 {
            return Err(CopyError::Damaged {
                path: copy.to_owned(),
                what: format!("{wrong} events are not those of the store"),
            });
        }
        Ok(())
    }
}

/// How many rows each table has, and how many of them do not match their digest.
const SEALED: &[(&str, &str)] = &[
    ("accounts", is_sound!(accounts)),
    ("api_keys", is_sound!(api_keys)),
    ("relying_parties", is_sound!(relying_parties)),
    ("origins", is_sound!(origins)),
    ("users", is_sound!(users)),
    ("credentials", is_sound!(credentials)),
    ("credentials", is_sound!(uses)),
    ("credential_kinds", is_sound!(credential_kinds)),
    ("ceremonies", is_sound!(ceremonies)),
    ("webhooks", is_sound!(webhooks)),
    ("access_keys", is_sound!(access_keys)),
    ("token_keys", is_sound!(token_keys)),
    ("used_tokens", is_sound!(used_tokens)),
    ("answers", is_sound!(answers)),
    ("deletions", is_sound!(deletions)),
    ("console_records", is_sound!(console_records)),
    ("revoked", is_sound!(revoked)),
    ("took_effect", is_sound!(took_effect)),
    ("metadata", is_sound!(metadata)),
    ("meta", is_sound!(meta)),
    (
        "attestations a JOIN credentials c ON c.number = a.number",
        sound_attestation!(),
    ),
];

/// Events have no digest: nothing is decided by them. Their keys have a length, and their words have letters.
const UNREADABLE_EVENTS: &str = "SELECT count(*) FROM events WHERE length(relying_party_id) <> 16 OR length(id) <> 16 \
    OR kind = '' OR kind GLOB '*[^a-z_]*' OR ifnull(length(user_id), 16) <> 16 OR ifnull(length(credential_key), 16) <> 16 \
    OR ifnull(length(ceremony_id), 16) <> 16 OR ifnull(length(access_key_id), 16) <> 16 OR reason GLOB '*[^a-z0-9_]*' \
    OR ifnull(length(address), 4) NOT IN (4, 16) OR NOT ifnull(json_valid(more), 1)";

/// The structure of the database, its tables and indexes, the digest of every row that decides, and how many rows there are.
pub(super) fn verify(connection: &Connection, path: &Path) -> Result<Counts, CopyError> {
    let at = At(path);
    let failed = |error: rusqlite::Error| at.failed(error.into());
    let damaged = |what| CopyError::Damaged {
        path: path.to_owned(),
        what,
    };
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if found != "ok" {
        return Err(damaged(found));
    }
    let expected = open::schema_of_format().map_err(|f| at.failed(f))?;
    if open::schema(connection).map_err(|f| at.failed(f))? != expected {
        return Err(damaged(
            "its tables and indexes are not those of this format".to_owned(),
        ));
    }
    let wrong: i64 = connection
        .query_row(UNREADABLE_EVENTS, [], |row| row.get(0))
        .map_err(failed)?;
    if wrong > 0 {
        return Err(damaged(format!("{wrong} events are not readable")));
    }
    for (table, sound) in SEALED {
        let sql = format!("SELECT count(*) FROM {table} WHERE NOT ({sound})");
        let wrong: i64 = connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(failed)?;
        if wrong > 0 {
            let table = table.split(' ').next().unwrap_or_default();
            return Err(damaged(format!(
                "{wrong} rows of the table {table} do not match their digest"
            )));
        }
    }
    report::counts(connection).map_err(failed)
}
