//! A thin layer over `rusqlite`: cached statements, and errors that become faults without carrying data.

use std::ops::ControlFlow;
use std::time::Duration;

use domain::store::Fault;
use rusqlite::{Connection, ErrorCode, Params, Row};

/// How long a connection waits for a lock that another one of this process holds for a moment.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a piece of work on a connection ended early.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// What was written did not fit: on the disk, or into the size that the database may have.
    pub(super) full: bool,
}

pub(super) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A record is there and cannot be read; `what` names the kind of record or column.
    pub(super) fn unreadable(what: &str) -> Self {
        Fault::Unreadable(what.to_owned()).into()
    }
}

impl Failure {
    /// Nothing has happened, and it may be tried again.
    pub(super) fn retryable(why: &str) -> Self {
        Fault::Retryable(why.to_owned()).into()
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        failure.fault
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, full: false }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let fault = match &error {
            rusqlite::Error::SqliteFailure(cause, _)
            | rusqlite::Error::SqlInputError { error: cause, .. } => {
                return Self {
                    fault: classify(cause.code, cause.extended_code),
                    full: cause.code == ErrorCode::DiskFull
                        || cause.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
                };
            }
            rusqlite::Error::FromSqlConversionFailure(column, ..)
            | rusqlite::Error::IntegralValueOutOfRange(column, _)
            | rusqlite::Error::Utf8Error(column, _)
            | rusqlite::Error::InvalidColumnType(column, ..) => {
                Fault::Unreadable(format!("column {column} does not hold what it should"))
            }
            _ => Fault::Fatal("a statement does not fit the database".to_owned()),
        };
        fault.into()
    }
}

/// The fault for a result code of a statement.
///
/// Whatever stops a statement stops its transaction too, so here nothing has happened. The text is
/// the code's own and holds no data.
fn classify(code: ErrorCode, extended: i32) -> Fault {
    let text = format!("{} ({extended})", rusqlite::ffi::code_to_str(extended));
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted
        | ErrorCode::FileLockingProtocolFailed => Fault::Retryable(text),
        _ => Fault::Fatal(text),
    }
}

/// The first row of a query, if there is one.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Outcome<T>,
) -> Outcome<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let found = match rows.next()? {
        Some(row) => Some(read(row)?),
        None => None,
    };
    drop(rows);
    ran(connection, &statement, sql);
    Ok(found)
}

/// All rows of a query.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    drop(rows);
    ran(connection, &statement, sql);
    Ok(found)
}

/// The rows of a query one by one, until `read` has enough of them.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Outcome<ControlFlow<()>>,
) -> Outcome<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        if read(row)?.is_break() {
            break;
        }
    }
    drop(rows);
    ran(connection, &statement, sql);
    Ok(())
}

/// Whether a query has a row.
pub(super) fn exists(connection: &Connection, sql: &str, params: impl Params) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.exists(params)?;
    ran(connection, &statement, sql);
    Ok(found)
}

/// Runs a statement; how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Outcome<usize> {
    let mut statement = connection.prepare_cached(sql)?;
    let changed = statement.execute(params)?;
    ran(connection, &statement, sql);
    Ok(changed)
}

/// What the statements on one database have cost, in tests.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// How many statements ran.
    pub(super) statements: u64,
    /// Steps of the engine in them: more when a statement reads more rows.
    pub(super) steps: i64,
}

/// The costs of each database so far, by its path.
#[cfg(test)]
static COSTS: parking_lot::Mutex<std::collections::BTreeMap<String, Cost>> =
    parking_lot::Mutex::new(std::collections::BTreeMap::new());

/// What the statements on a database have cost since this was last asked.
#[cfg(test)]
pub(super) fn cost(path: &std::path::Path) -> Cost {
    let mut costs = COSTS.lock();
    costs
        .remove(&path.display().to_string())
        .unwrap_or_default()
}

/// A statement ran. In tests it is counted, and checked.
fn ran(connection: &Connection, statement: &rusqlite::Statement<'_>, sql: &str) {
    #[cfg(test)]
    if let Some(path) = connection.path() {
        let mut costs = COSTS.lock();
        let cost = costs.entry(path.to_owned()).or_default();
        cost.statements += 1;
        cost.steps += i64::from(statement.reset_status(rusqlite::StatementStatus::VmStep));
    }
    #[cfg(not(test))]
    let _ = connection;
    uses_keys(statement, sql);
}

/// In tests: fails when, in any case of the suite, a statement walked through a whole table, made an index for
/// itself, sorted what it found, or was compiled anew to run again.
fn uses_keys(statement: &rusqlite::Statement<'_>, sql: &str) {
    #[cfg(test)]
    {
        use rusqlite::StatementStatus::{AutoIndex, FullscanStep, RePrepare, Sort};
        // Tables with a handful of rows.
        let small = [
            " FROM accounts ORDER BY",
            " FROM accounts WHERE TRUE",
            " FROM meta",
        ]
        .iter()
        .any(|table| sql.contains(table));
        let searched =
            statement.get_status(FullscanStep) == 0 && statement.get_status(AutoIndex) == 0;
        assert!(small || searched, "walks through a table: {sql}");
        // A Relying Party has a handful of these.
        let few = [" FROM access_keys WHERE", " FROM webhooks WHERE"]
            .iter()
            .any(|table| sql.contains(table));
        let sorts = statement.get_status(Sort) != 0;
        assert!(small || few || !sorts, "sorts all that it finds: {sql}");
        assert_eq!(
            statement.get_status(RePrepare),
            0,
            "is compiled anew: {sql}"
        );
    }
    #[cfg(not(test))]
    let _ = (statement, sql);
}

/// Runs `read` on one snapshot of the database.
pub(super) fn snapshot<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Outcome<T>,
) -> Outcome<T> {
    execute(connection, "BEGIN", [])?;
    let found = read(connection);
    // Nothing was written, so ending the transaction cannot lose anything.
    execute(connection, "COMMIT", [])?;
    found
}

/// Moves the log into the database file and begins the log anew.
///
/// After a failed flush this comes before any other write: a later commit that is flushed well would
/// stand in the log behind pages that never reached the disk, and be lost with them.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), Failure> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 {
        Ok(())
    } else {
        Err(Failure::retryable("the log is being read"))
    }
}

/// The same without waiting for readers of other processes, such as a backup; whether all was moved.
pub(super) fn checkpoint_if_free(connection: &Connection) -> Result<bool, Failure> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(done? == 0)
}
