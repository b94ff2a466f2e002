//! The networked store: PostgreSQL, and engines that speak its protocol. Any number of processes may share one.
//!
//! * [`address`]: where it is;
//! * [`connect`] makes connections, encrypted or not;
//! * [`pool`]: connections, deadlines, faults, and what is sent again;
//! * [`statements`]: every statement, with the types of its parameters;
//! * [`cells`], [`records`]: parameters and rows;
//! * [`mod@migrate`]: the schema and its versions.
//!
//! Each operation is one statement, or one transaction whose statements are sent together, so it waits for the network once. A
//! statement decides by what it finds when it runs, and locks the rows that it decides by. Where a statement says that it met a write
//! which it could not see, it is sent again.

mod accounts;
mod address;
mod cells;
mod ceremonies;
mod connect;
mod console;
mod credentials;
mod deliveries;
mod error;
mod imports;
mod migrate;
mod parties;
mod pool;
mod records;
#[cfg(feature = "suite")]
pub mod scratch;
mod statements;
#[cfg(test)]
mod tests;
mod tokens;
mod upkeep;
mod users;

use std::sync::Arc;

use domain::model::page::{Order, Page, PageRequest};
use domain::store::Fault;

pub use self::address::{PostgresUrl, PostgresUrlError};
use self::cells::{Cells, Param, params};
pub use self::error::PostgresError;
pub use self::migrate::{Schema, migrate, migrate_telling, schema};
pub use self::pool::Cost;
use self::pool::{Does, Pool, Sent, pause};
use self::statements::Statement;
use crate::watch::Watch;

/// The outcome of an operation, which looks again while it has none.
///
/// A macro, because an async closure here would make the futures of the operations impossible to send to other threads.
macro_rules! settled {
    ($look:block) => {{
        let mut looks = 0;
        loop {
            let outcome: Result<Option<_>, domain::store::Fault> = async $look.await;
            match outcome {
                Ok(Some(outcome)) => break Ok(outcome),
                Ok(None) => {
                    looks += 1;
                    $crate::postgres::look_again(looks).await?;
                }
                Err(fault) => break Err(fault),
            }
        }
    }};
}
use settled;

/// How often an operation looks again that met a write which it could not see.
const LOOKS: u32 = 8;

/// A key after every 16-byte key.
const LAST_KEY: [u8; 17] = [0xff; 17];

/// Waits before an operation looks for another time.
async fn look_again(looks: u32) -> Result<(), Fault> {
    if looks == LOOKS {
        return Err(Fault::Retryable(
            "others write the same all the time".to_owned(),
        ));
    }
    pause(looks).await;
    Ok(())
}

/// A store in a PostgreSQL database.
pub struct Postgres {
    pool: Pool,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// Opens the store at an address. Its schema must be there already.
    ///
    /// # Errors
    /// [`PostgresError`]: the database cannot be reached, or its schema is not one that this program can use.
    pub async fn open(url: &PostgresUrl) -> Result<Self, PostgresError> {
        let store = Self::connect(url)?;
        store.pool.refuse_pooler().await?;
        migrate::check(&store.pool, &url.schema).await?;
        Ok(store)
    }

    /// The same store, which tells about its work.
    #[must_use]
    pub fn watched(mut self, watch: Arc<dyn Watch>) -> Self {
        self.pool.watch(watch);
        self
    }

    fn connect(url: &PostgresUrl) -> Result<Self, PostgresError> {
        let pool = connect::connect(url)?;
        Ok(Self { pool })
    }

    /// What its statements have cost so far.
    pub fn cost(&self) -> Cost {
        self.pool.cost()
    }

    /// Prepares every statement on the engine; what is wrong with which.
    ///
    /// # Errors
    /// [`Fault`]: the database cannot be used.
    #[cfg(feature = "suite")]
    pub async fn prepare_all(&self) -> Result<Vec<String>, Fault> {
        self.pool.prepare_all().await
    }

    /// Opens a store whose schema is known to be there, without a look at it.
    ///
    /// # Errors
    /// [`PostgresError`]: TLS cannot be set up.
    #[cfg(feature = "suite")]
    pub fn unchecked(url: &PostgresUrl) -> Result<Self, PostgresError> {
        Self::connect(url)
    }

    /// Every statement: its name, the types of its parameters (one letter each, as in the catalogue), and its text.
    #[cfg(feature = "conformance")]
    pub fn catalogue(&self) -> impl Iterator<Item = (String, &'static str, &str)> {
        Statement::ALL.iter().map(|statement| {
            let text = self.pool.text(*statement);
            (format!("{statement:?}"), statement.types(), text)
        })
    }

    /// From now on writes fail: before they reach the database, at their commit, and after it, in a fixed sequence.
    #[cfg(feature = "conformance")]
    pub fn let_writes_fail(&self, on: bool) {
        self.pool.set_trouble(on);
    }

    /// The record that a read finds.
    async fn record<T>(
        &self,
        sent: Sent<'_>,
        read: impl FnOnce(&mut Cells<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let row = self.pool.first(Does::Read, sent).await?;
        row.map(|row| read(&mut Cells::new(&row))).transpose()
    }

    /// Whether the only row of a read begins with true.
    async fn holds(&self, sent: Sent<'_>) -> Result<bool, Fault> {
        let row = self.pool.only(Does::Read, sent).await?;
        Cells::new(&row).bool()
    }

    /// A page of a list. `lists` are its statements upwards and downwards, `bound` their parameters before the position.
    async fn page<T>(
        &self,
        lists: (Statement, Statement),
        mut bound: Vec<Param<'_>>,
        request: PageRequest,
        mut read: impl FnMut(&mut Cells<'_>) -> Result<T, Fault>,
    ) -> Result<Page<T>, Fault> {
        let statement = match request.order {
            Order::Ascending => lists.0,
            Order::Descending => lists.1,
        };
        let (created, key): (i64, &[u8]) = match (&request.after, request.order) {
            (Some(position), _) => (position.created.0, &position.key),
            (None, Order::Ascending) => (i64::MIN, &[]),
            (None, Order::Descending) => (i64::MAX, &LAST_KEY),
        };
        // One more than asked for tells whether there are more.
        bound.extend(params![created, key, i64::from(request.limit) + 1]);
        let rows = self.pool.one(Does::Read, (statement, bound)).await?;
        let limit = request.limit as usize;
        let items = rows
            .iter()
            .take(limit)
            .map(|row| read(&mut Cells::new(row)));
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            more: rows.len() > limit,
        })
    }
}
