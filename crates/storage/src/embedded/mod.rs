//! The embedded store: one `SQLite` file, one writer, a few readers.
//!
//! * [`writer`]: a thread that runs waiting writes in groups, one commit each;
//! * [`pending`]: authentications that wait for their response, and the last sign-ins, in memory;
//! * [`records`]: credentials and their owners, in memory;
//! * [`reserve`]: room on the disk that only the removal of old records uses;
//! * [`checkpoints`]: the log of `SQLite`, and a thread that moves its pages to the database file;
//! * [`readers`]: read-only connections;
//! * [`copies`]: backups, and files without gaps;
//! * [`open`]: file, lock, format, settings;
//! * [`writes`], [`reads`]: what the operations do; [`rows`]: how records lie in rows; [`seals`]: how damage
//!   is noticed.

mod access_keys;
mod accounts;
mod answers;
mod ceremonies;
mod checkpoints;
mod console;
mod copies;
mod credentials;
mod deliveries;
mod events;
mod evidence;
mod files;
#[cfg(feature = "conformance")]
mod fill;
mod imports;
mod left;
mod marker;
mod metadata;
mod open;
mod parties;
mod pending;
mod readers;
mod reads;
mod records;
mod replacement;
mod reserve;
mod rows;
mod seals;
mod sql;
#[cfg(test)]
mod tests;
mod tokens;
mod upkeep;
mod users;
mod webhooks;
mod writer;
mod writes;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::model::credential::CredentialRecord;
use domain::model::ids::{RelyingPartyId, UserId};
use domain::model::user::User;
use domain::store::Fault;
use parking_lot::Mutex;
use rusqlite::Connection;

use self::checkpoints::Log;
pub use self::copies::{
    Compacted, CopyError, Counts, Difference, How, Lost, Record, RecordKind, Restored, backup,
    compact, compacted_of, partial_of, restore,
};
use self::left::move_what_is_left;
pub use self::open::{OpenError, formats, store_key};
use self::pending::Pending;
use self::readers::Readers;
use self::records::Records;
pub use self::replacement::new_file_of;
use self::reserve::Reserve;
use self::rows::CeremonyRow;
use self::sql::Outcome;
use self::writer::{Purpose, Queued, Settled, Writer};
use crate::watch::{Unwatched, Watch};

/// How an embedded store uses the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections for reads of single records.
    pub readers: usize,
    /// Connections for lists.
    pub list_readers: usize,
    /// Page cache of the writer, in KiB.
    pub writer_cache_kib: u32,
    /// Page cache of each reader, in KiB.
    pub reader_cache_kib: u32,
    /// Writes that may wait in the queue; further ones wait to be let in.
    pub queue: usize,
    /// Authentications that may wait for their response in memory, at about 1 KiB each; further ones wait in the file. The last
    /// sign-ins lie beside them, a thousand at most.
    pub pending: usize,
    /// Credentials kept in memory for sign-ins, and as many users with theirs, at about 1 KiB each.
    pub records: usize,
    /// Bytes of the disk that a file beside the database takes up, so that old records can be removed when the disk is full. With 0 bytes
    /// the file is removed; without a number it stays as it is, and is of no use meanwhile.
    pub reserve: Option<u64>,
}

impl Default for Options {
    /// Small enough for a process that is to stay below 40 MB: the operating system's page cache does
    /// most of the work.
    fn default() -> Self {
        Self {
            readers: 4,
            list_readers: 2,
            writer_cache_kib: 8 * 1024,
            reader_cache_kib: 1024,
            queue: 1024,
            pending: 50_000,
            records: 10_000,
            reserve: None,
        }
    }
}

/// Which rows a write needs in the tables of ceremonies, events and credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    /// Those that are there.
    AsTheyAre,
    /// Those of the last sign-ins too: they are moved first.
    WithSignIns,
}

/// A store in one `SQLite` file of its own.
pub struct Embedded {
    writer: Arc<Writer>,
    pending: Arc<Pending>,
    records: Arc<Records>,
    /// Counts deletions of users and Relying Parties that were committed.
    deletions: Arc<AtomicU64>,
    /// For single records, on the calling task: such a read takes some microseconds from the page
    /// cache, less than a hop to another thread and back.
    points: Readers,
    /// For lists, on the blocking pool: how long they take is up to the caller.
    lists: Arc<Readers>,
    lock: Mutex<Option<Arc<File>>>,
    path: PathBuf,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store at `path`; makes it, readable by its owner only, when there is none.
    ///
    /// Beside the database lie `<path>.lock`, which keeps a second process out, `<path>.reserve`, if a reserve is wanted, and while it
    /// is open the log of `SQLite` (`-wal`, `-shm`). Reads and migrates on the calling thread.
    ///
    /// # Errors
    /// [`OpenError`]: no access, in use, of a newer format, foreign or damaged.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_watched(path, options, Arc::new(Unwatched))
    }

    /// As [`Embedded::open`], and tells about its work.
    ///
    /// # Errors
    /// Those of [`Embedded::open`].
    pub fn open_watched(
        path: &Path,
        options: Options,
        watch: Arc<dyn Watch>,
    ) -> Result<Self, OpenError> {
        let fault = |fault| OpenError::Database {
            path: path.to_owned(),
            fault,
        };
        let lock = open::lock(path)?;
        let mut reserve = options.reserve.and_then(|bytes| Reserve::find(path, bytes));
        let mut connection = open::open_writer(path, options.writer_cache_kib, Some(&lock))?;
        // It has a log from here on, also when nothing is written.
        marker::opened(&lock, path).map_err(|source| OpenError::Io {
            path: path.to_owned(),
            source,
        })?;
        move_what_is_left(&connection).map_err(|f| fault(f.into()))?;
        if let Some(reserve) = &mut reserve {
            reserve.start(&connection).map_err(|f| fault(f.into()))?;
        }
        let log = Log::watch(&mut connection, path).map_err(|f| fault(f.into()))?;
        let readers = |count| {
            Readers::open(path, count, options.reader_cache_kib).map_err(|f| fault(f.into()))
        };
        let points = readers(options.readers)?;
        let lists = Arc::new(readers(options.list_readers)?);
        let pending = Arc::new(Pending::new(options.pending));
        let left = Arc::clone(&pending);
        let last = move |connection: &Connection| {
            writes::move_sign_ins(connection)?;
            let rows = left.all().into_iter();
            let rows = rows.map(|c| CeremonyRow::authentication(&c));
            writes::put_aside(connection, &rows.collect::<Result<Vec<_>, _>>()?)
        };
        let signed_in = Arc::clone(&pending);
        let between = move || {
            let moved = Arc::clone(&signed_in);
            signed_in.is_full().then(|| {
                Queued::between(writes::move_sign_ins, move |settled| {
                    if settled == Settled::Kept {
                        moved.moved();
                    }
                })
            })
        };
        let queue = options.queue.max(1);
        let lock = Arc::new(lock);
        let mark = Arc::clone(&lock);
        // Before the log is removed: a start after a loss of power must not miss it. If the marker cannot be written, the next start
        // asks for the log.
        let moved = move || drop(marker::closed(&mark));
        let writer = Writer::start(
            connection,
            (Some(log), reserve),
            queue,
            watch,
            between,
            last,
            moved,
        );
        let writer = writer.map_err(|source| OpenError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            writer: Arc::new(writer),
            pending,
            records: Arc::new(Records::new(options.records)),
            deletions: Arc::default(),
            points,
            lists,
            lock: Mutex::new(Some(lock)),
            path: path.to_owned(),
        })
    }

    /// A write that is on disk when it returns.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.run(Rows::AsTheyAre, Purpose::Traffic, work, |_| {})
            .await
    }

    /// A write that is on disk when it returns, and that the removal of records needs or does.
    async fn remove<T: Send + 'static>(
        &self,
        rows: Rows,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.run(rows, Purpose::Removal, work, |_| {}).await
    }

    /// A write that is on disk when it returns, and that each start does. It may use the reserve: else a process that finds a full disk
    /// could not start, and would remove nothing.
    async fn write_at_start<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.remove(Rows::AsTheyAre, work).await
    }

    /// A write that is on disk when it returns, and that changes a user or one of their credentials.
    async fn write_user<T: Send + 'static>(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        rows: Rows,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let records = Arc::clone(&self.records);
        self.run(rows, Purpose::Traffic, work, move |settled| {
            if settled != Settled::Lost {
                records.changed_user(rp, user);
            }
        })
        .await
    }

    /// A deletion of a Relying Party, or of a user of it.
    async fn delete(
        &self,
        rp: RelyingPartyId,
        user: Option<UserId>,
        work: impl FnOnce(&Connection) -> Outcome<bool> + Send + 'static,
    ) -> Result<bool, Fault> {
        let (records, deletions) = (Arc::clone(&self.records), Arc::clone(&self.deletions));
        self.run(Rows::AsTheyAre, Purpose::Removal, work, move |settled| {
            if settled != Settled::Lost {
                match user {
                    Some(user) => records.changed_user(rp, user),
                    None => records.changed_party(),
                }
                deletions.fetch_add(1, Ordering::AcqRel);
            }
        })
        .await
    }

    /// A write that is on disk when it returns. `settle` learns what has become of it.
    async fn run<T: Send + 'static>(
        &self,
        rows: Rows,
        purpose: Purpose,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        settle: impl FnOnce(Settled) + Send + 'static,
    ) -> Result<T, Fault> {
        let (records, written) = (Arc::clone(&self.records), Arc::clone(&self.records));
        let pending = Arc::clone(&self.pending);
        let work = move |connection: &Connection| {
            records.writing();
            if rows == Rows::WithSignIns {
                writes::move_sign_ins(connection)?;
            }
            work(connection)
        };
        let settle = move |settled| {
            written.no_longer_writing();
            if rows == Rows::WithSignIns && settled == Settled::Kept {
                pending.moved();
            }
            settle(settled);
        };
        self.writer.run_settled(purpose, work, settle).await
    }

    /// A credential and its owner, as they are after the sign-ins of the last moments.
    fn read_signer(
        &self,
        read: impl Fn(&Connection) -> Outcome<Option<(CredentialRecord, User)>>,
    ) -> Result<Option<(CredentialRecord, User)>, Fault> {
        self.pending.reading(
            || self.points.read(&read),
            |found| found.iter_mut().map(|(record, _)| record).collect(),
        )
    }

    /// Whether a Relying Party is there, and a user of it if one is named.
    fn owners_are_there(&self, rp: RelyingPartyId, user: Option<UserId>) -> Result<bool, Fault> {
        if self.records.knows(rp, user) {
            return Ok(true);
        }
        let before = self.records.before();
        let there = self.points.read(|c| reads::owners_are_there(c, rp, user))?;
        if there && user.is_none() {
            self.records.keep_party(before, rp);
        }
        Ok(there)
    }

    async fn list<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let lists = Arc::clone(&self.lists);
        tokio::task::spawn_blocking(move || lists.read(read))
            .await
            .unwrap_or_else(|_| Err(Fault::Retryable("the read was given up".to_owned())))
    }
}

impl Embedded {
    /// Gives the lock back. Where the log could not be moved to the database file by the writer, the marker goes on saying that there
    /// is one, unless the end of the last connection has moved it.
    fn stopped(&self, finished: bool) {
        if let Some(lock) = self.lock.lock().take()
            && finished
            && !marker::log_of(&self.path).exists()
        {
            // If it cannot be written, the next start asks for the log.
            let _ = marker::closed(&lock);
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.points.close();
        self.lists.close();
        // What was acknowledged is in the log already; this only waits for the thread.
        self.stopped(self.writer.stop().is_ok());
    }
}
