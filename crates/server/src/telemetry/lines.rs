//! Lines of the log wait in memory until a thread writes them.
//!
//! The thread writes what has come together within [`PAUSE`] at once. A wake-up for each line cost more than the line. When nobody reads
//! standard error, the thread waits for the reader, and lines beyond [`MOST`] bytes are dropped and counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits for others.
const PAUSE: Duration = Duration::from_millis(2);

/// Most bytes that wait. The pipe itself holds 64 KiB more.
const MOST: usize = 512 * 1024;

/// How long the end of the process waits for a reader of what is left.
const LAST: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// No more lines come.
    ended: bool,
    /// All lines are written, and the thread has ended.
    done: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There are lines, or there will be no more.
    filled: Condvar,
    /// There will be no more lines.
    ended: Condvar,
    /// The thread has ended.
    done: Condvar,
    dropped: AtomicU64,
}

impl Shared {
    /// Writes lines until there are no more.
    fn write_to(&self, mut to: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut waiting = self.waiting.lock();
            while waiting.bytes.is_empty() && !waiting.ended {
                self.filled.wait(&mut waiting);
            }
            if !waiting.ended {
                self.ended.wait_for(&mut waiting, PAUSE);
            }
            std::mem::swap(&mut batch, &mut waiting.bytes);
            drop(waiting);
            if batch.is_empty() {
                break;
            }
            // Nobody can be told that standard error is closed.
            let _ = to.write_all(&batch).and_then(|()| to.flush());
            batch.clear();
        }
        self.waiting.lock().done = true;
        self.done.notify_all();
    }
}

/// Where the log writes its lines.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Writes what waits when it is dropped, if somebody reads it.
pub(super) struct Rest(Arc<Shared>);

/// Counts the lines that were dropped.
pub(super) struct Dropped(Arc<Shared>);

/// Starts the thread, which writes to `to`.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start(to: impl Write + Send + 'static) -> io::Result<(Lines, Rest, Dropped)> {
    let shared = Arc::new(Shared::default());
    let own = Arc::clone(&shared);
    thread::Builder::new()
        .name("log-writer".to_owned())
        .spawn(move || own.write_to(to))?;
    Ok((
        Lines(Arc::clone(&shared)),
        Rest(Arc::clone(&shared)),
        Dropped(shared),
    ))
}

impl Dropped {
    /// Lines that were dropped since the start.
    pub(super) fn lines(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.ended = true;
        self.0.filled.notify_all();
        self.0.ended.notify_all();
        if !waiting.done {
            self.0.done.wait_for(&mut waiting, LAST);
        }
    }
}

impl Write for &Lines {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.waiting.lock();
        if waiting.bytes.len() + line.len() > MOST {
            drop(waiting);
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(line.len());
        }
        let first = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if first {
            self.0.filled.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> &'a Lines {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes one write for each message that a test sends.
    struct Gated {
        open: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.open.recv().map_err(io::Error::other)?;
            self.taken.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn all_lines_are_written_in_order_at_the_end() {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (opens, open) = mpsc::channel();
        let gated = Gated {
            open,
            taken: Arc::clone(&taken),
        };
        let (lines, rest, dropped) = start(gated).unwrap();
        let mut expected = String::new();
        for number in 0..1000 {
            let line = format!("line {number}\n");
            (&lines).write_all(line.as_bytes()).unwrap();
            expected.push_str(&line);
            opens.send(()).unwrap();
        }
        drop(rest);
        assert_eq!(String::from_utf8(taken.lock().clone()).unwrap(), expected);
        assert_eq!(dropped.lines(), 0);
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_counted_and_nobody_waits() {
        let (opens, open) = mpsc::channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let gated = Gated {
            open,
            taken: Arc::clone(&taken),
        };
        let (lines, rest, dropped) = start(gated).unwrap();
        let line = [b'x'; 1024];
        // What waits, and as much that the thread has taken.
        let (most, sent) = (2 * MOST / line.len(), 4 * MOST / line.len());
        for _ in 0..sent {
            (&lines).write_all(&line).unwrap();
        }
        let lost = usize::try_from(dropped.lines()).unwrap();
        assert!((sent - most..sent).contains(&lost), "{lost} of {sent}");
        for _ in 0..4 {
            opens.send(()).unwrap();
        }
        drop(rest);
        assert_eq!(taken.lock().len(), (sent - lost) * line.len());
    }
}
