//! Read-only connections. A read sees one snapshot, and every commit that was acknowledged before it began.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::store::Fault;
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

use super::sql::{Outcome, execute};
use super::writer::closed;

/// A few connections, each used by one reader at a time.
pub(super) struct Readers {
    connections: Vec<Mutex<Option<Connection>>>,
    next: AtomicUsize,
}

impl Readers {
    /// Opens `count` connections, each with a page cache of at most `cache_kib`.
    pub(super) fn open(path: &Path, count: usize, cache_kib: u32) -> Outcome<Self> {
        let connections = (0..count.max(1))
            .map(|_| Ok(Mutex::new(Some(connect(path, cache_kib)?))))
            .collect::<Outcome<_>>()?;
        Ok(Self {
            connections,
            next: AtomicUsize::new(0),
        })
    }

    /// Runs `read` on a connection that is free, else waits for one.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T, Fault> {
        let count = self.connections.len();
        let start = self.next.fetch_add(1, Ordering::Relaxed) % count;
        let free = (0..count).find_map(|i| self.connections[(start + i) % count].try_lock());
        let guard = free.unwrap_or_else(|| self.connections[start].lock());
        let connection = guard.as_ref().ok_or_else(closed)?;
        let found = read(connection);
        if !connection.is_autocommit() {
            // A snapshot that could not be ended would be read from for ever.
            execute(connection, "ROLLBACK", []).map_err(|failure| failure.fault)?;
        }
        Ok(found?)
    }

    /// Ends all connections; reads are refused from now on.
    pub(super) fn close(&self) {
        for connection in &self.connections {
            connection.lock().take();
        }
    }
}

fn connect(path: &Path, cache_kib: u32) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    super::open::tune(&connection, cache_kib)?;
    Ok(connection)
}
