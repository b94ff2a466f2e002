//! The schema and its versions.
//!
//! A migration adds (expand), moves data while two releases run side by side (migrate), and a later one removes (contract). Each says
//! which is the oldest version of the schema that a program may have been written for and still use the result. A program refuses
//! a schema that is too old or too new for it.

use std::time::Duration;

use domain::model::clock::Timestamp;
use domain::model::ids::NodeId;
use domain::store::Fault;
use tokio::time::sleep;

use super::address::PostgresUrl;
use super::cells::{Cells, params};
use super::connect::connect;
use super::error::PostgresError;
use super::pool::{Does, Pool, in_schema};
use super::statements::Statement;

/// A step from one version of the schema to the next.
pub(super) struct Step {
    /// The version that it leads to.
    pub(super) number: i64,
    /// The oldest version that a program may have been written for and still use the result.
    oldest: i64,
    /// Its statements.
    pub(super) sql: &'static str,
}

/// All steps, in order.
pub(super) const STEPS: &[Step] = &[
    Step {
        number: 1,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0001_initial.sql"),
    },
    Step {
        number: 2,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0002_imports.sql"),
    },
    Step {
        number: 3,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0003_indexes.sql"),
    },
    Step {
        number: 4,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0004_console.sql"),
    },
    Step {
        number: 5,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0005_event_details.sql"),
    },
    Step {
        number: 6,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0006_deliveries.sql"),
    },
    Step {
        number: 7,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0007_key_grants.sql"),
    },
    Step {
        number: 8,
        oldest: 1,
        sql: include_str!("../../migrations/postgres/0008_names_by_bytes.sql"),
    },
];

/// The version that this program was written for.
const CURRENT: i64 = STEPS[STEPS.len() - 1].number;

/// What must be there before the first step. Not in the files, because the lease of the migration is in one of these tables.
pub(super) const FOUNDATION: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS @migrations (number bigint NOT NULL PRIMARY KEY, oldest bigint NOT NULL, applied bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @leases (name text NOT NULL PRIMARY KEY, node bytea NOT NULL, until bigint NOT NULL)",
];

/// The name of the lease of a process that migrates.
const LEASE: &str = "migration";

/// How long that lease is held, and how long others wait for it, in milliseconds. It is renewed before each statement.
const LEASE_MS: i64 = 60_000;

/// How long a process waits before it asks for the lease again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the foundation is laid: two processes that lay it at once disturb each other.
const TRIES: u32 = 5;

/// The version of a schema, seen from this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There is none.
    Missing,
    /// It is older, and `passkeyd migrate` makes it current.
    Older {
        /// Its version.
        found: i64,
        /// The version that this program was written for.
        current: i64,
    },
    /// This program can use it.
    Usable {
        /// Its version.
        found: i64,
    },
    /// It is too new for this program.
    Newer {
        /// Its version.
        found: i64,
        /// The version that this program was written for.
        current: i64,
    },
}

/// The statements of a step.
pub(super) fn statements(sql: &str) -> Vec<String> {
    let lines = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"));
    let code: Vec<&str> = lines
        .map(|line| line.split(" --").next().unwrap_or_default())
        .collect();
    let code = code.join("\n");
    let statements = code.split(';').map(str::trim);
    statements
        .filter(|statement| !statement.is_empty())
        .map(str::to_owned)
        .collect()
}

async fn version(pool: &Pool, schema: &str) -> Result<Schema, Fault> {
    let sent = (Statement::HasMigrations, params![schema]);
    let row = pool.only(Does::Read, sent).await?;
    if !Cells::new(&row).any()? {
        return Ok(Schema::Missing);
    }
    let rows = pool
        .one(Does::Read, (Statement::Migrations, params![]))
        .await?;
    let mut newest = None;
    for row in &rows {
        let mut cells = Cells::new(row);
        newest = Some((cells.int()?, cells.int()?));
    }
    Ok(match newest {
        None => Schema::Missing,
        Some((found, _)) if found < CURRENT => Schema::Older {
            found,
            current: CURRENT,
        },
        Some((found, oldest)) if oldest > CURRENT => Schema::Newer {
            found,
            current: CURRENT,
        },
        Some((found, _)) => Schema::Usable { found },
    })
}

/// Whether this program can use the schema.
pub(super) async fn check(pool: &Pool, schema: &str) -> Result<(), PostgresError> {
    match version(pool, schema).await? {
        Schema::Usable { .. } => Ok(()),
        Schema::Missing => Err(PostgresError::Missing {
            schema: schema.to_owned(),
        }),
        Schema::Older { found, current } => Err(PostgresError::Older { found, current }),
        Schema::Newer { found, current } => Err(PostgresError::Newer { found, current }),
    }
}

/// The version of the schema at an address. Changes nothing.
///
/// # Errors
/// [`PostgresError`]: the database cannot be used.
pub async fn schema(url: &PostgresUrl) -> Result<Schema, PostgresError> {
    let pool = connect(url)?;
    Ok(version(&pool, &url.schema).await?)
}

/// Makes the schema at an address current; how many steps that took. One process does it at a time, and after a crash the next one
/// goes on. `node` names this process, `now` is the clock.
///
/// # Errors
/// [`PostgresError`]: the database cannot be used, its schema is too new, or another process has been migrating for long.
pub async fn migrate(
    url: &PostgresUrl,
    node: NodeId,
    now: impl Fn() -> Timestamp,
) -> Result<usize, PostgresError> {
    migrate_telling(url, node, now, || ()).await
}

/// As [`migrate`]. `waits` is called once when another process migrates, or was killed while it did.
///
/// # Errors
/// Those of [`migrate`].
pub async fn migrate_telling(
    url: &PostgresUrl,
    node: NodeId,
    now: impl Fn() -> Timestamp,
    waits: impl FnOnce(),
) -> Result<usize, PostgresError> {
    let pool = connect(url)?;
    pool.refuse_pooler().await?;
    match version(&pool, &url.schema).await? {
        Schema::Usable { .. } => return Ok(0),
        Schema::Newer { found, current } => return Err(PostgresError::Newer { found, current }),
        Schema::Missing | Schema::Older { .. } => {}
    }
    lay_foundation(&pool, url).await?;
    let mut waited = Duration::ZERO;
    let mut waits = Some(waits);
    while !hold(&pool, node, &now).await? {
        if let Some(waits) = waits.take() {
            waits();
        }
        if waited >= Duration::from_millis(LEASE_MS.unsigned_abs()) {
            return Err(PostgresError::Busy);
        }
        sleep(PAUSE).await;
        waited += PAUSE;
    }
    let done = run(&pool, node, &now).await;
    let sent = (Statement::ReleaseLease, params![LEASE, node.0]);
    pool.done(sent).await?;
    done
}

async fn lay_foundation(pool: &Pool, url: &PostgresUrl) -> Result<(), PostgresError> {
    let mut foundation = Vec::new();
    if url.schema != "public" {
        foundation.push(format!("CREATE SCHEMA IF NOT EXISTS {}", pool.schema()));
    }
    let tables = FOUNDATION.iter().map(|text| in_schema(pool.schema(), text));
    foundation.extend(tables);
    let mut tries = 0;
    loop {
        tries += 1;
        match pool.batch(&foundation).await {
            Err(Fault::Retryable(_)) if tries < TRIES => sleep(PAUSE).await,
            outcome => return Ok(outcome?),
        }
    }
}

/// Takes or renews the lease.
async fn hold(pool: &Pool, node: NodeId, now: &impl Fn() -> Timestamp) -> Result<bool, Fault> {
    let now = now();
    pool.done((
        Statement::Lease,
        params![LEASE, node.0, now.0, now.plus_millis(LEASE_MS).0],
    ))
    .await
}

async fn run(
    pool: &Pool,
    node: NodeId,
    now: &impl Fn() -> Timestamp,
) -> Result<usize, PostgresError> {
    let rows = pool
        .one(Does::Read, (Statement::Migrations, params![]))
        .await?;
    let applied = rows.iter().map(|row| Cells::new(row).int());
    let applied = applied.collect::<Result<Vec<_>, _>>()?;
    let mut steps = 0;
    for step in STEPS.iter().filter(|step| !applied.contains(&step.number)) {
        for text in statements(step.sql) {
            if !hold(pool, node, now).await? {
                return Err(PostgresError::Busy);
            }
            pool.batch(&[in_schema(pool.schema(), &text)]).await?;
        }
        let params = params![step.number, step.oldest, now().0];
        pool.done((Statement::NoteMigration, params)).await?;
        steps += 1;
    }
    Ok(steps)
}
