//! The embedded store: one `SQLite` file, one writer, a few readers.
//!
//! * [`writer`]: a thread that runs waiting writes in groups, one commit each;
//! * [`readers`]: read-only connections;
//! * [`open`]: file, lock, format, settings;
//! * [`writes`], [`reads`]: what the operations do; [`rows`]: how records lie in rows.

mod access_keys;
mod accounts;
mod answers;
mod ceremonies;
mod credentials;
mod events;
mod metadata;
mod open;
mod parties;
mod readers;
mod reads;
mod rows;
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
use std::path::Path;
use std::sync::Arc;

use domain::store::Fault;
use parking_lot::Mutex;
use rusqlite::Connection;

pub use self::open::OpenError;
use self::readers::Readers;
use self::sql::Outcome;
use self::writer::{Durability, Writer};

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
        }
    }
}

/// A store in one `SQLite` file of its own.
pub struct Embedded {
    writer: Arc<Writer>,
    /// For single records, on the calling task: such a read takes some microseconds from the page
    /// cache, less than a hop to another thread and back.
    points: Readers,
    /// For lists, on the blocking pool: how long they take is up to the caller.
    lists: Arc<Readers>,
    lock: Mutex<Option<File>>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store at `path`; makes it, readable by its owner only, when there is none.
    ///
    /// Beside the database lie `<path>.lock`, which keeps a second process out, and while it is open the
    /// log of `SQLite` (`-wal`, `-shm`). Reads and migrates on the calling thread.
    ///
    /// # Errors
    /// [`OpenError`]: no access, in use, of a newer format, foreign or damaged.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        let fault = |fault| OpenError::Database {
            path: path.to_owned(),
            fault,
        };
        let lock = open::lock(path)?;
        let connection = open::open_writer(path, options.writer_cache_kib)?;
        let readers = |count| {
            Readers::open(path, count, options.reader_cache_kib).map_err(|f| fault(f.into()))
        };
        let points = readers(options.readers)?;
        let lists = Arc::new(readers(options.list_readers)?);
        let writer =
            Writer::start(connection, options.queue.max(1)).map_err(|source| OpenError::Io {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            writer: Arc::new(writer),
            points,
            lists,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// A write that is on disk when it returns.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.writer.run(Durability::Power, work).await
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

impl Drop for Embedded {
    fn drop(&mut self) {
        self.points.close();
        self.lists.close();
        // What was acknowledged is in the log already; this only waits for the thread.
        self.writer.stop();
    }
}
