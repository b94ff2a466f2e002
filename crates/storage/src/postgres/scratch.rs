//! A store in a schema that nobody else uses, for the suite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::ids::NodeId;
use domain::store::{Fault, Storage, Upkeep as _};

use super::Postgres;
use super::address::PostgresUrl;
use super::connect::connect;
use super::error::PostgresError;
use super::migrate::{FOUNDATION, STEPS, migrate, statements};
use super::pool::in_schema;
use crate::Retrying;
use crate::conformance::{End, StoreUnderTest};

/// How long operations are sent again. Races of a hundred on a busy machine take their time.
const WITHIN: Duration = Duration::from_mins(1);

/// A store in a schema that nobody else uses.
#[derive(Debug)]
pub struct Scratch {
    url: PostgresUrl,
    store: Option<Arc<Postgres>>,
}

impl Scratch {
    /// Makes the schema that the address names, with the tables.
    ///
    /// # Errors
    /// [`PostgresError`]: the database cannot be used, or it refuses to make them.
    pub async fn make(url: &PostgresUrl, now: impl Fn() -> Timestamp) -> Result<(), PostgresError> {
        migrate(url, NodeId([1; 16]), now).await.map(drop)
    }

    /// Removes the schema that the address names, with all that is in it.
    ///
    /// # Errors
    /// [`PostgresError`]: the database cannot be used, or it refuses to remove it.
    pub async fn remove(url: &PostgresUrl) -> Result<(), PostgresError> {
        let pool = connect(url)?;
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", pool.schema());
        Ok(pool.batch(&[drop]).await?)
    }

    /// Opens the store, and removes what is in its tables.
    ///
    /// # Errors
    /// [`PostgresError`]: the database cannot be used.
    pub async fn emptied(url: &PostgresUrl) -> Result<Self, PostgresError> {
        let store = Postgres::unchecked(url)?;
        let steps = STEPS.iter().flat_map(|step| statements(step.sql));
        let foundation = FOUNDATION.iter().map(|text| (*text).to_owned());
        let texts: Vec<String> = steps.chain(foundation).collect();
        let tables = texts.iter().filter_map(|text| {
            let rest = text.strip_prefix("CREATE TABLE IF NOT EXISTS ")?;
            rest.split_whitespace().next()
        });
        let empty: Vec<String> = tables
            .filter(|table| *table != "@migrations")
            .map(|table| in_schema(store.pool.schema(), &format!("DELETE FROM {table}")))
            .collect();
        store.pool.batch(&empty).await?;
        Ok(Self {
            url: url.clone(),
            store: Some(Arc::new(store)),
        })
    }
}

#[async_trait]
impl StoreUnderTest for Scratch {
    fn store(&self) -> Arc<dyn Storage> {
        let store = self.store.clone();
        #[expect(clippy::expect_used, reason = "a case fails by a panic")]
        Arc::new(Retrying::new(store.expect("it is open"), WITHIN))
    }

    async fn reopen(&mut self, end: End) {
        if let (Some(store), End::Closed) = (self.store.take(), end) {
            assert_eq!(store.close().await, Ok::<_, Fault>(()));
        }
        self.store = Postgres::unchecked(&self.url).ok().map(Arc::new);
    }
}
