//! The one writer. Everybody who writes hands a job to one thread; it takes all that wait, runs them in
//! one transaction and commits once, so a group shares one flush of the disk. A job is answered only
//! after that commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::store::Fault;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::checkpoints::Log;
use super::marker::UNCONFIRMED;
use super::reserve::Reserve;
use super::sql::{Failure, Outcome, checkpoint, checkpoint_if_free, execute};
use crate::watch::{Group, Watch};

/// Most jobs in one transaction: bounds how long the first of them waits for the others.
const GROUP: usize = 128;

/// How long a group waits for further jobs, when the one before had several.
const GATHER: Duration = Duration::from_micros(600);

/// How long a caller waits to be let in, and how long a job waits for its turn. After that the caller is told that the store is
/// busy, and nothing has happened.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// The loss of power: the commit waits for the disk (`synchronous=FULL`).
    Power,
    /// The death of the process, not the loss of power: the commit reaches the operating system
    /// (`synchronous=NORMAL`). Only for the start of an authentication. Losing one refuses an answer that nobody has
    /// accepted yet; waiting for the disk would double the flushes of every sign-in. Whatever is
    /// committed later with [`Self::Power`] flushes these commits along, for the log is one file.
    Process,
}

/// Why a job writes: what it may do on a full disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For a caller.
    Traffic,
    /// It removes records, or there is no removal without it. The reserve is there for it.
    Removal,
    /// The removal of old records has come to an end.
    EndOfRemoval,
}

/// What has become of what a job wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is committed.
    Kept,
    /// It has not happened.
    Lost,
    /// It may be found after the next start.
    Unknown,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ran {
    /// What it wrote is to be kept.
    Keep,
    /// It failed.
    Undo,
    /// What it wrote did not fit.
    Full,
}

/// A job with its types erased.
trait Job: Send {
    /// Does the work.
    fn run(&mut self, connection: &Connection) -> Ran;
    /// Tells who waits, once it is known whether the group was committed.
    fn answer(self: Box<Self>, group: Result<(), &Fault>);
}

struct Work<T, F, S> {
    task: Option<F>,
    settle: S,
    outcome: Option<Result<T, Fault>>,
    reply: oneshot::Sender<Result<T, Fault>>,
}

impl<T, F, S> Job for Work<T, F, S>
where
    T: Send,
    F: FnOnce(&Connection) -> Outcome<T> + Send,
    S: FnOnce(Settled) + Send,
{
    fn run(&mut self, connection: &Connection) -> Ran {
        let outcome = self.task.take().map(|work| work(connection));
        let ran = match &outcome {
            Some(Ok(_)) => Ran::Keep,
            Some(Err(failure)) if failure.full => Ran::Full,
            Some(Err(_)) | None => Ran::Undo,
        };
        self.outcome = outcome.map(|outcome| outcome.map_err(Fault::from));
        ran
    }

    fn answer(self: Box<Self>, group: Result<(), &Fault>) {
        (self.settle)(match (&self.outcome, group) {
            (Some(Ok(_)), Ok(())) => Settled::Kept,
            (Some(Ok(_)), Err(Fault::Unknown(_))) => Settled::Unknown,
            _ => Settled::Lost,
        });
        let answer = match (self.outcome, group) {
            (Some(outcome), Ok(())) | (Some(outcome @ Err(_)), Err(_)) => outcome,
            (Some(Ok(_)) | None, Err(fault)) => Err(fault.clone()),
            (None, Ok(())) => Err(Fault::Retryable("the job did not run".to_owned())),
        };
        // The caller may have gone away. The work is done all the same.
        let _ = self.reply.send(answer);
    }
}

/// How a job meets its own failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    /// What it has written is undone, and the others of its group go on.
    Savepoint,
    /// It decides before it writes, so that a failure has nothing to undo. Where it has written all the same, its group has
    /// not happened and is sent again.
    Group,
}

/// A job with what the writer has to know of it.
pub(super) struct Queued {
    durability: Durability,
    undo: Undo,
    purpose: Purpose,
    /// When it began to wait; the store's own jobs do not wait.
    since: Option<Instant>,
    job: Box<dyn Job>,
}

impl Queued {
    fn has_waited_too_long(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() > PATIENCE)
    }

    /// A job of the store's own, which nobody waits for. What it writes need not survive the loss of power: it says the same in
    /// another way.
    pub(super) fn between(
        work: impl FnOnce(&Connection) -> Outcome<()> + Send + 'static,
        settle: impl FnOnce(Settled) + Send + 'static,
    ) -> Self {
        let (reply, _) = oneshot::channel();
        Self {
            durability: Durability::Process,
            undo: Undo::Group,
            purpose: Purpose::Traffic,
            since: None,
            job: Box::new(Work {
                task: Some(work),
                settle,
                outcome: None,
                reply,
            }),
        }
    }
}

/// Handle of the writer thread.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Queued>>>,
    thread: Mutex<Option<JoinHandle<Result<(), Fault>>>>,
    condition: Arc<Condition>,
}

/// What others know of the writer.
#[derive(Debug, Default)]
struct Condition {
    /// The last group was not committed, or only the removal of old records may write.
    failing: AtomicBool,
    /// Only the removal of old records may write.
    for_removal: AtomicBool,
    /// There is to be a reserve, and it is not there.
    lacks_reserve: AtomicBool,
}

impl Writer {
    /// Starts the thread on its connection. At most `capacity` jobs wait; further ones wait a moment to
    /// be let in, and are then refused.
    ///
    /// After each group, `between` gives the job that is due, if any. `last` is the last job: it runs when nobody is let in any more.
    /// `moved` is called when all is in the database file, before the log is removed.
    pub(super) fn start(
        connection: Connection,
        (log, reserve): (Option<Log>, Option<Reserve>),
        capacity: usize,
        watch: Arc<dyn Watch>,
        between: impl Fn() -> Option<Queued> + Send + 'static,
        last: impl FnOnce(&Connection) -> Outcome<()> + Send + 'static,
        moved: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(capacity);
        let condition = Arc::<Condition>::default();
        let noted = Arc::clone(&condition);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let thread = Thread::new(connection, log, reserve, noted, watch);
                thread.serve(receiver, between, last, moved)
            })?;
        Ok(Self {
            queue: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            condition,
        })
    }

    /// Whether the last group could not be committed.
    pub(super) fn is_failing(&self) -> bool {
        self.condition.failing.load(Ordering::Relaxed)
    }

    /// Whether the disk is full, so that only the removal of old records may write.
    pub(super) fn is_for_removal(&self) -> bool {
        self.condition.for_removal.load(Ordering::Relaxed)
    }

    /// Says that the removal of old records has come to an end, where that may give the store its reserve back.
    pub(super) async fn removed(&self) -> Result<(), Fault> {
        if !self.condition.lacks_reserve.load(Ordering::Relaxed) {
            return Ok(());
        }
        let how = (Durability::Process, Undo::Group, Purpose::EndOfRemoval);
        self.enter(how, |_| Ok(()), |_| {}).await
    }

    /// Runs a job in the next group and waits for its commit.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let how = (durability, Undo::Savepoint, Purpose::Traffic);
        self.enter(how, work, |_| {}).await
    }

    /// Runs a job whose writes survive the loss of power. `settle` learns what has become of them before the caller does, and also
    /// when the caller has gone away.
    pub(super) async fn run_settled<T: Send + 'static>(
        &self,
        purpose: Purpose,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        settle: impl FnOnce(Settled) + Send + 'static,
    ) -> Result<T, Fault> {
        let how = (Durability::Power, Undo::Savepoint, purpose);
        self.enter(how, work, settle).await
    }

    /// The same for a job that decides before it writes.
    pub(super) async fn run_decided<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        settle: impl FnOnce(Settled) + Send + 'static,
    ) -> Result<T, Fault> {
        let how = (Durability::Power, Undo::Group, Purpose::Traffic);
        self.enter(how, work, settle).await
    }

    async fn enter<T: Send + 'static>(
        &self,
        (durability, undo, purpose): (Durability, Undo, Purpose),
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        settle: impl FnOnce(Settled) + Send + 'static,
    ) -> Result<T, Fault> {
        let queue = self.queue.lock().clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work {
            task: Some(work),
            settle,
            outcome: None,
            reply,
        });
        let entrance = tokio::time::timeout(PATIENCE, queue.reserve());
        let place = entrance.await.map_err(|_| busy())?.map_err(|_| closed())?;
        place.send(Queued {
            durability,
            undo,
            purpose,
            since: Some(Instant::now()),
            job,
        });
        drop(queue);
        answer.await.unwrap_or_else(|_| {
            Err(Fault::Unknown(
                "the writer ended without an answer".to_owned(),
            ))
        })
    }

    /// Refuses further jobs, and waits until what is queued is done and in the database file.
    /// Blocks the thread.
    ///
    /// # Errors
    /// Those of the last job.
    pub(super) fn stop(&self) -> Result<(), Fault> {
        self.queue.lock().take();
        let Some(thread) = self.thread.lock().take() else {
            return Ok(());
        };
        let panicked = |_| Err(Fault::Fatal("the writer panicked".to_owned()));
        thread.join().unwrap_or_else(panicked)
    }
}

fn busy() -> Fault {
    Fault::Retryable("the store is busy: too many writes wait".to_owned())
}

fn full() -> Fault {
    Fault::Retryable("the disk is full, and only old records are removed".to_owned())
}

pub(super) fn closed() -> Fault {
    Fault::Retryable("the store is closed".to_owned())
}

/// What lives on the thread.
struct Thread {
    connection: Connection,
    log: Option<Log>,
    reserve: Option<Reserve>,
    durability: Durability,
    /// Commits since the last one that waited for the disk.
    unconfirmed: usize,
    /// A flush failed, of the log or of the database file: nothing may be built upon the log as it is.
    suspect: bool,
    condition: Arc<Condition>,
    watch: Arc<dyn Watch>,
}

impl Thread {
    fn new(
        connection: Connection,
        log: Option<Log>,
        reserve: Option<Reserve>,
        condition: Arc<Condition>,
        watch: Arc<dyn Watch>,
    ) -> Self {
        // Connections are opened with `synchronous=FULL`.
        let thread = Self {
            connection,
            log,
            reserve,
            durability: Durability::Power,
            unconfirmed: 0,
            suspect: false,
            condition,
            watch,
        };
        thread.tell_of_reserve();
        thread
    }

    fn serve(
        mut self,
        mut queue: mpsc::Receiver<Queued>,
        between: impl Fn() -> Option<Queued>,
        last: impl FnOnce(&Connection) -> Outcome<()>,
        moved: impl FnOnce(),
    ) -> Result<(), Fault> {
        let mut group = Vec::with_capacity(GROUP);
        let mut shared = false;
        while let Some(job) = queue.blocking_recv() {
            group.push(job);
            // Who writes alone does not wait. Where several write at once, a moment of waiting lets them share a flush.
            if shared {
                thread::sleep(GATHER);
            }
            while group.len() < GROUP {
                let Ok(job) = queue.try_recv() else { break };
                group.push(job);
            }
            shared = group.len() > 1;
            self.work(&mut group, queue.len());
            if let Some(job) = between() {
                group.push(job);
                self.work(&mut group, queue.len());
            }
            if let Some(log) = &mut self.log {
                let longest = self.reserve.as_ref().and_then(Reserve::longest_log);
                self.suspect |= log.tend(&self.connection, longest).is_err();
            }
        }
        if let Some(log) = &mut self.log {
            log.stop();
        }
        let finished = self.finish(last);
        // Best effort: what is not moved from the log now is moved at the next start.
        if matches!(checkpoint_if_free(&self.connection), Ok(true)) && finished.is_ok() {
            moved();
        }
        Ok(finished?)
    }

    /// Runs a group, and answers those who wait for it. `queued` jobs wait for the next one.
    fn work(&mut self, group: &mut Vec<Queued>, queued: usize) {
        for late in group.extract_if(.., |queued| queued.has_waited_too_long()) {
            late.job.answer(Err(&busy()));
        }
        self.with_reserve(Reserve::look_for_room);
        if self.is_for_removal() {
            for refused in group.extract_if(.., |queued| queued.purpose == Purpose::Traffic) {
                refused.job.answer(Err(&full()));
            }
        }
        if group.is_empty() {
            return;
        }
        let start = Instant::now();
        let waits = group.iter().filter_map(|queued| queued.since);
        let waited = waits.map(|since| start - since).max();
        let committed = self.commit(group);
        match &committed {
            Err(failure) if failure.full => self.with_reserve(Reserve::full),
            Ok(()) if group.iter().any(|q| q.purpose == Purpose::EndOfRemoval) => {
                self.with_reserve(Reserve::removed);
            }
            _ => {}
        }
        let result = committed.map_err(Fault::from);
        self.note(&result);
        self.watch.group(Group {
            writes: group.len(),
            waited: waited.unwrap_or_default(),
            took: start.elapsed(),
            queued,
        });
        for queued in group.drain(..) {
            queued.job.answer(result.as_ref().copied());
        }
    }

    /// Notes whether writes succeed, and says so once when that changes.
    fn note(&self, result: &Result<(), Fault>) {
        match result {
            _ if self.is_for_removal() => {}
            Ok(()) => {
                if self.condition.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store can be written again");
                }
            }
            Err(fault) => {
                if !self.condition.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%fault, "the store cannot be written; is the disk full?");
                }
            }
        }
    }

    fn is_for_removal(&self) -> bool {
        self.reserve.as_ref().is_some_and(Reserve::is_for_removal)
    }

    /// Lets the reserve do something, if there is one, and tells others what has become of it.
    fn with_reserve(&mut self, act: fn(&mut Reserve, &Connection) -> Outcome<()>) {
        if let Some(reserve) = &mut self.reserve {
            // A log that could not be moved is moved before anything else is written.
            self.suspect |= act(reserve, &self.connection).is_err();
            self.tell_of_reserve();
        }
    }

    fn tell_of_reserve(&self) {
        let Some(reserve) = &self.reserve else { return };
        let condition = &self.condition;
        let lacks = reserve.is_lacking();
        condition.lacks_reserve.store(lacks, Ordering::Relaxed);
        let for_removal = reserve.is_for_removal();
        condition.for_removal.store(for_removal, Ordering::Relaxed);
        if for_removal {
            condition.failing.store(true, Ordering::Relaxed);
        }
    }

    /// Does the last job in a transaction of its own.
    fn finish(&mut self, last: impl FnOnce(&Connection) -> Outcome<()>) -> Result<(), Failure> {
        if self.suspect {
            checkpoint(&self.connection)?;
        }
        self.set_durability(Durability::Power)?;
        execute(&self.connection, "BEGIN IMMEDIATE", [])?;
        let done = last(&self.connection);
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        execute(&self.connection, end, [])?;
        done
    }

    /// Runs the jobs of a group in one transaction.
    fn commit(&mut self, group: &mut [Queued]) -> Outcome<()> {
        if self.suspect {
            checkpoint(&self.connection)?;
            self.suspect = false;
        }
        let waits = group.iter().any(|q| q.durability == Durability::Power);
        // This one and the next may be on the way to the disk, too.
        let durability = if waits || self.unconfirmed + 2 > UNCONFIRMED {
            Durability::Power
        } else {
            Durability::Process
        };
        self.unconfirmed = match durability {
            Durability::Power => 0,
            Durability::Process => self.unconfirmed + 1,
        };
        self.set_durability(durability)?;
        execute(&self.connection, "BEGIN IMMEDIATE", [])?;
        let result = self.run_in_transaction(group);
        if result.is_err() && !self.connection.is_autocommit() {
            // If even this fails, the next BEGIN fails too and says so.
            let _ = execute(&self.connection, "ROLLBACK", []);
        }
        result
    }

    fn run_in_transaction(&mut self, group: &mut [Queued]) -> Outcome<()> {
        let connection = &self.connection;
        for queued in group {
            let savepoint = queued.undo == Undo::Savepoint;
            if savepoint {
                execute(connection, "SAVEPOINT job", [])?;
            }
            let changes = connection.total_changes();
            let ran = queued.job.run(connection);
            if ran == Ran::Full {
                return Err(Failure {
                    fault: Fault::Retryable("the disk is full".to_owned()),
                    full: true,
                });
            }
            let keep = ran == Ran::Keep;
            // A full disk or an I/O error makes SQLite give up the whole transaction, and with it
            // what the jobs before have written.
            if connection.is_autocommit() {
                return Err(Failure::retryable("the transaction was given up"));
            }
            if savepoint {
                if !keep {
                    execute(connection, "ROLLBACK TO job", [])?;
                }
                execute(connection, "RELEASE job", [])?;
            } else if !keep && connection.total_changes() != changes {
                return Err(Failure::retryable("a job of the group failed"));
            }
        }
        let committed = connection
            .prepare_cached("COMMIT")
            .and_then(|mut c| c.execute([]));
        committed.map(drop).map_err(|error| {
            let unknown = flush_may_have_failed(&error);
            let failure = Failure::from(error);
            if !unknown {
                return failure;
            }
            self.suspect = true;
            Failure {
                fault: Fault::Unknown("the disk did not confirm the commit".to_owned()),
                full: failure.full,
            }
        })
    }

    /// Sets what the next commit waits for. Only between transactions, and only when it changes.
    fn set_durability(&mut self, wanted: Durability) -> Result<(), Failure> {
        if self.durability != wanted {
            // Not a cached statement: this pragma takes effect when it is compiled.
            self.connection.execute_batch(match wanted {
                Durability::Power => "PRAGMA synchronous=FULL",
                Durability::Process => "PRAGMA synchronous=NORMAL",
            })?;
            self.durability = wanted;
        }
        Ok(())
    }
}

/// Whether a failed COMMIT may be in the log all the same.
///
/// With a write that did not fit, the commit mark is not there and the group has not happened. After
/// a failed flush the mark may or may not reach the disk, and a start after a crash would find it.
fn flush_may_have_failed(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}
