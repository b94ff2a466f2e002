//! Moves pages from the log to the database file while the writer goes on. The writer itself would stand still for tens of
//! milliseconds, and with it everybody who waits for a commit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::sql::{Failure, Outcome};

/// The thread moves the pages of the log each time that so many more have come (8 MiB). A page that was written many times since is moved once, so
/// that it costs less to move them seldom.
const ENOUGH: usize = 2048;

/// Pages in the log with which the writer moves the rest, so that the log begins anew (32 MiB). Most pages have been moved by then.
const TOO_MANY: usize = 8192;

/// After so long without a request the thread moves what there is, so that a log which is lost holds next to nothing.
const IDLE: Duration = Duration::from_secs(2);

/// What the writer knows of the log.
pub(super) struct Log {
    pages: Arc<AtomicUsize>,
    /// Pages in the log when the thread was last asked to move them.
    asked: usize,
    failed: Arc<AtomicBool>,
    requests: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// The log of the connection that writes, and a thread that moves its pages by a connection of its own.
    pub(super) fn watch(connection: &mut Connection, path: &Path) -> Outcome<Self> {
        let pages = Arc::new(AtomicUsize::new(0));
        let noted = Arc::clone(&pages);
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        connection.wal_hook(Some(move |_: &mut _, pages| {
            noted.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }))?;
        let mover = super::open::open_mover(path)?;
        let failed = Arc::new(AtomicBool::new(false));
        let reported = Arc::clone(&failed);
        // One that waits is enough.
        let (requests, received) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("store-log".to_owned())
            .spawn(move || {
                let mut last = 0;
                loop {
                    let idle = match received.recv_timeout(IDLE) {
                        Ok(()) => false,
                        Err(RecvTimeoutError::Timeout) => true,
                        Err(RecvTimeoutError::Disconnected) => break,
                    };
                    let now = commits.load(Ordering::Relaxed);
                    if idle && now == last {
                        continue;
                    }
                    last = now;
                    if move_pages(&mover).is_err() {
                        reported.store(true, Ordering::Relaxed);
                    }
                }
            })
            .map_err(|_| Failure::retryable("no thread for the log"))?;
        Ok(Self {
            pages,
            asked: 0,
            failed,
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// To be called between two groups. An error, of this call or of the thread, means that the database file may have lost pages
    /// which the log still has.
    ///
    /// With at least `longest` pages, if that is less than usual, the writer moves them.
    pub(super) fn tend(&mut self, writer: &Connection, longest: Option<usize>) -> Outcome<()> {
        if self.failed.swap(false, Ordering::Relaxed) {
            return Err(Failure::retryable("the log could not be moved"));
        }
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.asked {
            // The log has begun again.
            self.asked = 0;
        }
        if pages >= longest.unwrap_or(TOO_MANY).min(TOO_MANY) {
            move_pages(writer)?;
        } else if pages >= self.asked + ENOUGH
            && let Some(requests) = &self.requests
        {
            self.asked = pages;
            // If one waits already, it will see these pages too.
            let _ = requests.try_send(());
        }
        Ok(())
    }

    /// Ends the thread.
    pub(super) fn stop(&mut self) {
        self.requests.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Moves what no reader needs in the log.
fn move_pages(connection: &Connection) -> Outcome<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(())
}
