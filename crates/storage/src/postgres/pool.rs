//! Connections, and how statements are sent over them.
//!
//! Nothing depends on the session of a connection: no prepared statement outlives its use, and no setting, lock or temporary table
//! is kept. So a pooler between passkeyd and the engine may give each transaction another connection. Where the address says that
//! there is none (`prepare=yes`), a connection prepares each statement once.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts};
use domain::store::Fault;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, NoTls, Row, Socket, Statement as Prepared};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::PostgresUrl;
use super::cells::Param;
use super::error::PostgresError;
use super::statements::Statement;
use crate::watch::{Unwatched, Watch};

/// How long a call may wait for a free connection, the opening of one included.
const WAIT: Duration = Duration::from_secs(3);

/// How long the engine may take for what it was sent. Afterwards the connection is closed. No cancel request is sent: the engine
/// would report a commit as done that only one of its nodes has.
const DEADLINE: Duration = Duration::from_secs(5);

/// How often a statement is sent that met another one.
const TRIES: u32 = 5;

/// The longest pause before the second try; each further one is twice as long.
const PAUSE_MS: u64 = 4;

/// The longest life of a connection. Some engines close connections after an hour.
const LIFE: Duration = Duration::from_mins(45);

/// A statement with its parameters.
pub(super) type Sent<'a> = (Statement, Vec<Param<'a>>);

/// Whether statements change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    Write,
}

/// Why statements did not do their work.
#[derive(Debug)]
enum Failure {
    /// They met others and were undone; sent again at once they may succeed.
    Conflict(String),
    /// A key was there already, and all was undone.
    Duplicate,
    Fault(Fault),
}

/// What the statements of a store have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many statements were sent, the beginning and the end of a transaction included.
    pub statements: u64,
    /// How often an answer was waited for.
    pub round_trips: u64,
}

#[derive(Debug, Default)]
struct Counters {
    statements: AtomicU64,
    round_trips: AtomicU64,
}

/// What a test lets go wrong.
#[cfg(feature = "conformance")]
#[derive(Debug, Default)]
pub(super) struct Trouble {
    on: AtomicBool,
    calls: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Injected {
    Nothing,
    /// The commit fails, as if the transaction had met another one.
    ConflictAtCommit,
    /// The connection breaks before anything reaches the engine.
    BrokenBefore,
    /// The connection breaks after the commit, before the answer.
    BrokenAfter,
}

/// The session does not know a prepared statement of this connection.
const OTHER_SESSION: &str = "26000";
/// The session has a prepared statement of another connection under the same name.
const OTHER_STATEMENT: &str = "42P05";
/// A pooler in statement mode takes no transaction.
const NO_TRANSACTIONS: &str = "08P01";

/// A connection.
pub(super) struct Connection {
    client: Client,
    task: JoinHandle<()>,
    opened: Instant,
    generation: u64,
    /// A call uses it. Stays so when the call is given up in the middle: then nobody else may.
    busy: bool,
    /// The statements that were prepared on it, by their numbers; `None` where none outlives its use.
    prepared: Option<Box<[OnceCell<Prepared>]>>,
    /// The engine said that a commit may be on one of its nodes only.
    doubtful: Arc<AtomicBool>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Otherwise the task would wait for answers that nobody wants.
        self.task.abort();
    }
}

/// Opens connections.
pub(super) struct Manager {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    prepare: bool,
    /// Raised when the engine turns out to be another one than it was, so that all connections are opened anew.
    generation: AtomicU64,
}

impl Manager {
    async fn open(
        &self,
        config: &tokio_postgres::Config,
    ) -> Result<Connection, tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => self.open_with(config, tls.clone()).await,
            None => self.open_with(config, NoTls).await,
        }
    }

    async fn open_with<T>(
        &self,
        config: &tokio_postgres::Config,
        tls: T,
    ) -> Result<Connection, tokio_postgres::Error>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let generation = self.generation.load(Ordering::Acquire);
        let (client, mut connection) = config.connect(tls).await?;
        let doubtful = Arc::new(AtomicBool::new(false));
        let noticed = Arc::clone(&doubtful);
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                // "canceling wait for synchronous replication": somebody else cancelled it.
                if let AsyncMessage::Notice(notice) = message
                    && *notice.code() == SqlState::WARNING
                {
                    noticed.store(true, Ordering::Release);
                }
            }
        });
        Ok(Connection {
            client,
            task,
            opened: Instant::now(),
            generation,
            busy: false,
            prepared: self
                .prepare
                .then(|| Statement::ALL.iter().map(|_| OnceCell::new()).collect()),
            doubtful,
        })
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<Connection, tokio_postgres::Error> {
        self.open(&self.config).await
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        _: &Metrics,
    ) -> RecycleResult<tokio_postgres::Error> {
        // Not all connections are to be opened anew at the same time.
        let jitter = Duration::from_secs(u64::from(u32::from(rand_byte())));
        let usable = !connection.busy
            && !connection.client.is_closed()
            && !connection.doubtful.load(Ordering::Acquire)
            && connection.generation == self.generation.load(Ordering::Acquire)
            && connection.opened.elapsed() < LIFE + jitter;
        if usable {
            Ok(())
        } else {
            Err(RecycleError::message("it is not to be used again"))
        }
    }
}

/// A byte that differs between calls; nothing secret depends on it.
fn rand_byte() -> u8 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0).to_le_bytes()[0]
}

/// The connections of a store, and its statements as they name its schema.
pub(super) struct Pool {
    connections: managed::Pool<Manager>,
    texts: Vec<String>,
    schema: String,
    counters: Counters,
    watch: Arc<dyn Watch>,
    /// For reads while no host takes writes.
    standby: tokio::sync::Mutex<Option<Connection>>,
    #[cfg(feature = "conformance")]
    pub(super) trouble: Trouble,
}

impl Pool {
    pub(super) fn new(url: &PostgresUrl, tls: Option<MakeRustlsConnect>) -> Result<Self, Fault> {
        let manager = Manager {
            config: url.config.clone(),
            tls,
            prepare: url.prepare,
            generation: AtomicU64::new(0),
        };
        let connections = managed::Pool::builder(manager)
            .max_size(url.pool)
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|_| Fault::Fatal("the pool of connections cannot be made".to_owned()))?;
        let schema = url.quoted_schema();
        let texts = Statement::ALL.iter().map(|s| in_schema(&schema, s.text()));
        Ok(Self {
            connections,
            texts: texts.collect(),
            schema,
            counters: Counters::default(),
            watch: Arc::new(Unwatched),
            standby: tokio::sync::Mutex::default(),
            #[cfg(feature = "conformance")]
            trouble: Trouble::default(),
        })
    }

    /// Tells about its work from now on.
    pub(super) fn watch(&mut self, watch: Arc<dyn Watch>) {
        self.watch = watch;
    }

    /// The schema as a statement names it.
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    pub(super) fn text(&self, statement: Statement) -> &str {
        self.texts
            .get(statement as usize)
            .map_or("", String::as_str)
    }

    pub(super) fn cost(&self) -> Cost {
        Cost {
            statements: self.counters.statements.load(Ordering::Relaxed),
            round_trips: self.counters.round_trips.load(Ordering::Relaxed),
        }
    }

    pub(super) fn close(&self) {
        self.connections.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connections.is_closed()
    }

    /// The rows of one statement.
    pub(super) async fn one(&self, does: Does, sent: Sent<'_>) -> Result<Vec<Row>, Fault> {
        let rows = self.all(does, &[sent]).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// The first row of one statement, if there is one.
    pub(super) async fn first(&self, does: Does, sent: Sent<'_>) -> Result<Option<Row>, Fault> {
        Ok(self.one(does, sent).await?.into_iter().next())
    }

    /// The only row of one statement.
    pub(super) async fn only(&self, does: Does, sent: Sent<'_>) -> Result<Row, Fault> {
        let row = self.first(does, sent).await?;
        row.ok_or_else(|| Fault::Fatal("a statement has no row".to_owned()))
    }

    /// Whether the only row of one write begins with a number above zero, or with true.
    pub(super) async fn done(&self, sent: Sent<'_>) -> Result<bool, Fault> {
        let row = self.only(Does::Write, sent).await?;
        super::cells::Cells::new(&row).any()
    }

    /// The rows of statements that are sent together: writes in one transaction.
    pub(super) async fn all(&self, does: Does, sent: &[Sent<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
        self.unless_duplicate(does, sent)
            .await?
            .ok_or_else(|| Fault::Fatal("a key is there already".to_owned()))
    }

    /// The same; `None` when a key was there already, and all was undone.
    pub(super) async fn unless_duplicate(
        &self,
        does: Does,
        sent: &[Sent<'_>],
    ) -> Result<Option<Vec<Vec<Row>>>, Fault> {
        let mut tries = 0;
        loop {
            match self.once(does, sent).await {
                Ok(rows) => return Ok(Some(rows)),
                Err(Failure::Duplicate) => return Ok(None),
                Err(Failure::Fault(fault)) => return Err(fault),
                Err(Failure::Conflict(why)) => {
                    tries += 1;
                    if tries == TRIES {
                        return Err(Fault::Retryable(why));
                    }
                    pause(tries).await;
                }
            }
        }
    }

    async fn once(&self, does: Does, sent: &[Sent<'_>]) -> Result<Vec<Vec<Row>>, Failure> {
        let asked = Instant::now();
        let mut connection = self.connection().await.map_err(Failure::Fault)?;
        let begun = Instant::now();
        let injected = self.injected(does, sent);
        if injected == Injected::BrokenBefore {
            drop(Object::take(connection));
            return Err(Failure::Fault(lost(does, "the connection was broken")));
        }
        connection.busy = true;
        let outcome = timeout(DEADLINE, self.send(&connection, does, sent, injected)).await;
        self.watch.call(begun - asked, begun.elapsed());
        let Ok(outcome) = outcome else {
            drop(Object::take(connection));
            return Err(Failure::Fault(lost(
                does,
                "the database did not answer in time",
            )));
        };
        if injected == Injected::BrokenAfter && !removed_nothing(sent, &outcome) {
            drop(Object::take(connection));
            outcome.map_err(|error| self.judge(does, &error))?;
            return Err(Failure::Fault(lost(does, "the connection was broken")));
        }
        if does == Does::Write && connection.doubtful.load(Ordering::Acquire) {
            drop(Object::take(connection));
            let why = "the database did not wait for its standby".to_owned();
            return Err(Failure::Fault(Fault::Unknown(why)));
        }
        match outcome {
            Ok(_) if injected == Injected::ConflictAtCommit => {
                connection.busy = false;
                Err(Failure::Conflict("injected".to_owned()))
            }
            Ok(rows) => {
                connection.busy = false;
                Ok(rows)
            }
            Err(error) => {
                // After an error of a statement the connection is as good as before.
                if error.as_db_error().is_some() {
                    connection.busy = false;
                }
                Err(self.judge(does, &error))
            }
        }
    }

    async fn send(
        &self,
        connection: &Connection,
        does: Does,
        sent: &[Sent<'_>],
        injected: Injected,
    ) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
        let client = &connection.client;
        let prepared = self.prepared(connection, sent).await?;
        let undo = injected == Injected::ConflictAtCommit;
        let transaction = (does == Does::Write && sent.len() > 1) || undo;
        let control = 2 * u64::from(transaction);
        self.counters.round_trips.fetch_add(1, Ordering::Relaxed);
        self.counters
            .statements
            .fetch_add(sent.len() as u64 + control, Ordering::Relaxed);
        let typed: Vec<Vec<(&(dyn ToSql + Sync), Type)>> = sent
            .iter()
            .map(|(statement, params)| {
                debug_assert!(fits(*statement, params), "the parameters of {statement:?}");
                let param = |p| {
                    let p: &Param<'_> = p;
                    (p as &(dyn ToSql + Sync), p.of())
                };
                params.iter().map(param).collect()
            })
            .collect();
        let mut calls: Vec<Call<'_>> = Vec::with_capacity(sent.len() + 2);
        if transaction {
            calls.push(Box::pin(async {
                client.batch_execute("BEGIN").await.map(|()| Vec::new())
            }));
        }
        for (n, ((statement, _), params)) in sent.iter().zip(&typed).enumerate() {
            calls.push(match prepared.get(n) {
                Some(prepared) => Box::pin(async move {
                    let params: Vec<_> = params.iter().map(|(param, _)| *param).collect();
                    client.query(*prepared, &params).await
                }),
                None => Box::pin(client.query_typed(self.text(*statement), params)),
            });
        }
        if transaction {
            let end = if undo { "ROLLBACK" } else { "COMMIT" };
            calls.push(Box::pin(async {
                client.batch_execute(end).await.map(|()| Vec::new())
            }));
        }
        let mut rows = in_order(calls).await?;
        if transaction {
            rows.pop();
            rows.remove(0);
        }
        Ok(rows)
    }

    /// The statements as they are prepared on a connection; none where none is.
    async fn prepared<'c>(
        &self,
        connection: &'c Connection,
        sent: &[Sent<'_>],
    ) -> Result<Vec<&'c Prepared>, tokio_postgres::Error> {
        let Some(cells) = &connection.prepared else {
            return Ok(Vec::new());
        };
        let mut prepared = Vec::with_capacity(sent.len());
        for (statement, _) in sent {
            if let Some(cell) = cells.get(*statement as usize) {
                let prepare = async || {
                    self.counters.round_trips.fetch_add(1, Ordering::Relaxed);
                    let text = self.text(*statement);
                    connection
                        .client
                        .prepare_typed(text, &types(*statement))
                        .await
                };
                prepared.push(cell.get_or_try_init(prepare).await?);
            }
        }
        Ok(prepared)
    }

    #[cfg_attr(
        not(feature = "conformance"),
        expect(clippy::unused_self, reason = "nothing goes wrong outside of tests")
    )]
    fn injected(&self, does: Does, sent: &[Sent<'_>]) -> Injected {
        #[cfg(feature = "conformance")]
        if does == Does::Write && !sweeps(sent) && self.trouble.on.load(Ordering::Relaxed) {
            let n = self.trouble.calls.fetch_add(1, Ordering::Relaxed);
            return match (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 12 {
                0 => Injected::ConflictAtCommit,
                // An unknown outcome of a removal that finds nothing counts as done.
                1 if !removes(sent) => Injected::BrokenBefore,
                2 => Injected::BrokenAfter,
                _ => Injected::Nothing,
            };
        }
        let _ = (does, sent);
        Injected::Nothing
    }

    async fn connection(&self) -> Result<Object<Manager>, Fault> {
        let timeouts = Timeouts {
            wait: Some(WAIT),
            create: Some(WAIT),
            recycle: None,
        };
        // In a box, for the compiler's sake: the futures of the opening of a connection are nested deeply.
        let connection: Pin<Box<dyn Future<Output = _> + Send + '_>> =
            Box::pin(self.connections.timeout_get(&timeouts));
        connection.await.map_err(|error| match error {
            PoolError::Closed => Fault::Retryable("the store is closed".to_owned()),
            PoolError::Backend(error) => unreached(&error),
            _ => Fault::Retryable("no connection to the database became free in time".to_owned()),
        })
    }

    /// What an error means for statements that were sent.
    fn judge(&self, does: Does, error: &tokio_postgres::Error) -> Failure {
        let Some(code) = error.code() else {
            return Failure::Fault(lost(does, "the connection was broken"));
        };
        let text = words(code);
        match *code {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
                Failure::Conflict(text)
            }
            SqlState::UNIQUE_VIOLATION => Failure::Duplicate,
            // It became a standby: all connections lead to the wrong node.
            SqlState::READ_ONLY_SQL_TRANSACTION => {
                self.connections
                    .manager()
                    .generation
                    .fetch_add(1, Ordering::AcqRel);
                Failure::Fault(Fault::Retryable(text))
            }
            SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN => Failure::Fault(lost(does, &text)),
            SqlState::QUERY_CANCELED
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::UNDEFINED_FILE
            | SqlState::IO_ERROR => Failure::Fault(Fault::Retryable(text)),
            _ => match code.code().get(..2) {
                // Connection exceptions, and the end of the server.
                Some("08" | "57") => {
                    self.connections
                        .manager()
                        .generation
                        .fetch_add(1, Ordering::AcqRel);
                    Failure::Fault(lost(does, &text))
                }
                Some("53") => Failure::Fault(Fault::Retryable(text)),
                _ => Failure::Fault(Fault::Fatal(text)),
            },
        }
    }

    /// Refuses a pooler that lends the session of a connection to others, where statements are to be prepared once.
    pub(super) async fn refuse_pooler(&self) -> Result<(), PostgresError> {
        let manager = self.connections.manager();
        if !manager.prepare {
            return Ok(());
        }
        let connection = self.connection().await?;
        let look = async {
            let client = &connection.client;
            let statement = client.prepare_typed("SELECT 1", &[]).await?;
            let mut others = Vec::new();
            // Where there is such a pooler, each of the others takes the session that was used last, and keeps it. Clients of other processes may
            // be faster, so there is more than one.
            for _ in 0..4 {
                // The engine may give this user no more connections than the pool has.
                let Ok(other) = manager.open(&manager.config).await else {
                    break;
                };
                other.client.batch_execute("BEGIN").await?;
                others.push(other);
                client.query(&statement, &[]).await?;
            }
            Ok::<_, tokio_postgres::Error>(())
        };
        match timeout(WAIT, look).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => match error.code().map(SqlState::code) {
                Some(OTHER_SESSION | OTHER_STATEMENT | NO_TRANSACTIONS) => {
                    Err(PostgresError::Pooled)
                }
                _ => Err(unreached(&error).into()),
            },
            // The pooler has no more sessions than the others keep.
            Err(_) => Err(PostgresError::Pooled),
        }
    }

    /// Reads from any host, one that takes no writes too.
    pub(super) async fn read_anywhere(&self, statement: Statement) -> Result<Vec<Row>, Fault> {
        let manager = self.connections.manager();
        let read = async {
            let mut standby = self.standby.lock().await;
            let usable = standby.take().filter(|c| !c.busy && !c.client.is_closed());
            let mut connection = if let Some(connection) = usable {
                connection
            } else {
                let mut config = manager.config.clone();
                config.target_session_attrs(TargetSessionAttrs::Any);
                manager.open(&config).await?
            };
            connection.busy = true;
            let rows = connection
                .client
                .query_typed(self.text(statement), &[])
                .await?;
            connection.busy = false;
            *standby = Some(connection);
            Ok::<_, tokio_postgres::Error>(rows)
        };
        match timeout(WAIT, read).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(Fault::Retryable(format!(
                "no database can be reached ({})",
                innermost(&error)
            ))),
            Err(_) => Err(Fault::Retryable("no database can be reached".to_owned())),
        }
    }

    /// Runs statements of the migrations, which have no parameters, one by one.
    pub(super) async fn batch(&self, texts: &[String]) -> Result<(), Fault> {
        let mut connection = self.connection().await?;
        connection.busy = true;
        for text in texts {
            let done = connection.client.batch_execute(text).await;
            done.map_err(
                |error| match (self.judge(Does::Write, &error), error.code()) {
                    (Failure::Conflict(why), _) => Fault::Retryable(why),
                    // `IF NOT EXISTS` does not see what another process is creating.
                    (Failure::Duplicate, _)
                    | (
                        _,
                        Some(
                            &SqlState::DUPLICATE_OBJECT
                            | &SqlState::DUPLICATE_TABLE
                            | &SqlState::DUPLICATE_SCHEMA,
                        ),
                    ) => Fault::Retryable("another process creates the same".to_owned()),
                    (Failure::Fault(fault), _) => fault,
                },
            )?;
        }
        connection.busy = false;
        Ok(())
    }

    #[cfg(feature = "conformance")]
    pub(super) fn set_trouble(&self, on: bool) {
        self.trouble.on.store(on, Ordering::Relaxed);
    }

    /// Prepares every statement on the engine; what is wrong with which.
    #[cfg(feature = "suite")]
    pub(super) async fn prepare_all(&self) -> Result<Vec<String>, Fault> {
        let connection = self.connection().await?;
        let mut wrong = Vec::new();
        for statement in Statement::ALL {
            let types = types(*statement);
            let text = self.text(*statement);
            match connection.client.prepare_typed(text, &types).await {
                Ok(prepared) if prepared.params() == types => {}
                Ok(prepared) => {
                    wrong.push(format!(
                        "{statement:?} has parameters {:?}",
                        prepared.params()
                    ));
                }
                Err(error) => {
                    let message = error
                        .as_db_error()
                        .map_or_else(String::new, ToString::to_string);
                    wrong.push(format!("{statement:?}: {message}"));
                }
            }
        }
        Ok(wrong)
    }
}

/// Whether a statement is part of the sweep, which is not sent again after an unknown outcome.
#[cfg(feature = "conformance")]
const fn sweeps(sent: &[Sent<'_>]) -> bool {
    matches!(
        sent,
        [(
            Statement::MarkSwept
                | Statement::RemoveMark
                | Statement::SweepPartyCeremonies
                | Statement::SweepPartyCredentials
                | Statement::SweepPartyUsers
                | Statement::SweepPartyWebhooks
                | Statement::SweepPartyDeliveries
                | Statement::SweepDeliveries
                | Statement::SweepPartyAccessKeys
                | Statement::SweepPartyTokenKeys
                | Statement::SweepPartyTokens
                | Statement::SweepUserCeremonies
                | Statement::SweepUserCredentials
                | Statement::SweepCeremonies
                | Statement::SweepPolicies
                | Statement::SweepTokens
                | Statement::SweepAnswers
                | Statement::SweepEvents
                | Statement::SetEventsSweptTo
                | Statement::ClearEventsSweptTo,
            _
        )]
    )
}

/// Whether a statement removes something that may not be there.
const fn removes(sent: &[Sent<'_>]) -> bool {
    matches!(
        sent,
        [(
            Statement::DeleteApiKey
                | Statement::DeleteRelyingParty
                | Statement::DeleteUser
                | Statement::DeleteCredential
                | Statement::DeleteRegistration
                | Statement::DeleteWebhook
                | Statement::DeleteAccessKey
                | Statement::RemoveMetadata
                | Statement::ReleaseAnswer,
            _
        )]
    )
}

/// Whether that statement has found nothing.
fn removed_nothing(
    sent: &[Sent<'_>],
    outcome: &Result<Vec<Vec<Row>>, tokio_postgres::Error>,
) -> bool {
    let row = outcome.as_ref().ok().and_then(|rows| rows.first()?.first());
    removes(sent) && row.is_some_and(|row| matches!(row.try_get::<_, i64>(0), Ok(0)))
}

/// The types of the parameters of a statement.
fn types(statement: Statement) -> Vec<Type> {
    let letters = statement.types().chars();
    let types = letters.map(|letter| match letter {
        'i' => Type::INT8,
        't' => Type::TEXT,
        'l' => Type::BOOL,
        'B' => Type::BYTEA_ARRAY,
        'T' => Type::TEXT_ARRAY,
        _ => Type::BYTEA,
    });
    types.collect()
}

/// The text of a statement in a schema.
pub(super) fn in_schema(schema: &str, text: &str) -> String {
    text.replace('@', &format!("{schema}."))
}

/// What is missing where the database asks for a password and nobody gave one.
const NO_PASSWORD: &str = "the database asks for a password, and there is none: set PASSKEYD_STORE_PASSWORD or `store_password_file`";

/// What an error began with: that nobody listens, say, or which certificate is not trusted.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    match cause.to_string() {
        // The words of the driver do not say where a password would be.
        missing if missing == "password missing" => NO_PASSWORD.to_owned(),
        text => text,
    }
}

/// What an error code of the engine means, in words. The text of the engine itself may have values of a row, so it is not shown.
fn words(code: &SqlState) -> String {
    let code = code.code();
    let words = match code {
        "22021" => "a text has a character that the database cannot keep",
        "23505" => "the database has this record already",
        OTHER_SESSION | OTHER_STATEMENT => {
            "a prepared statement belongs to another session: leave out prepare=yes where a pooler in transaction mode leads to the database"
        }
        "25006" => "the database takes no writes: it is a standby",
        "28000" | "28P01" => "the database does not know the user or the password",
        "3D000" => "there is no such database",
        "3F000" | "42P01" | "42703" => "tables of passkeyd are missing: run passkeyd migrate",
        "40001" | "40P01" => "another transaction was in the way",
        "40003" => "the outcome of the transaction is not known",
        "42501" => "the user of the database does not have the right",
        "53100" => "the disk of the database is full",
        "53300" => "the database has no connection left",
        "54000" => "a value is longer than the database can keep",
        "55P03" => "another transaction held a lock for too long",
        "57014" => "the database took too long and stopped the statement",
        "57P03" => "the database is starting",
        _ => match code.get(..2) {
            Some("08") => "the connection was broken",
            Some("22" | "23") => "the database does not take a value",
            Some("42") => "the database does not know a statement of passkeyd",
            Some("53") => "the database has no resources left",
            Some("57") => "the database was stopped",
            Some("58") => "the database cannot use its files",
            Some("XX") => "the database is damaged",
            _ => "the database refuses the statement",
        },
    };
    format!("{words} (PostgreSQL error {code})")
}

/// Why a connection cannot be opened.
fn unreached(error: &tokio_postgres::Error) -> Fault {
    Fault::Retryable(match error.code() {
        Some(code) => format!("the database refuses the connection: {}", words(code)),
        None => format!(
            "no database that takes writes can be reached ({})",
            innermost(error)
        ),
    })
}

/// What became of statements whose answer did not come.
fn lost(does: Does, why: &str) -> Fault {
    match does {
        Does::Read => Fault::Retryable(why.to_owned()),
        Does::Write => Fault::Unknown(why.to_owned()),
    }
}

/// Waits before a statement is sent for another time.
pub(super) async fn pause(tries: u32) {
    let longest = PAUSE_MS << tries.min(6);
    sleep(Duration::from_millis(
        1 + u64::from(rand_byte()) * longest / 256,
    ))
    .await;
}

/// Whether parameters have the types that the statement's entry says.
fn fits(statement: Statement, params: &[Param<'_>]) -> bool {
    let letter = |p: &Param<'_>| match p {
        Param::Bytes(_) => 'b',
        Param::Int(_) => 'i',
        Param::Text(_) => 't',
        Param::Bool(_) => 'l',
        Param::ManyBytes(_) => 'B',
        Param::ManyTexts(_) => 'T',
    };
    params.iter().map(letter).eq(statement.types().chars())
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>>;

/// Sends all calls before it waits for the first answer; the first error, if there is one.
///
/// A call is sent when it is first asked, so the order of the calls is that on the wire.
async fn in_order(mut calls: Vec<Call<'_>>) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
    let mut outcomes: Vec<Option<Result<Vec<Row>, tokio_postgres::Error>>> =
        calls.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut waiting = false;
        for (call, outcome) in calls.iter_mut().zip(&mut outcomes) {
            if outcome.is_none() {
                match call.as_mut().poll(cx) {
                    Poll::Ready(done) => *outcome = Some(done),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}
