//! Where a store is, and how it is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use domain::store::Storage;

use crate::postgres::{PostgresError, PostgresUrl, PostgresUrlError};
use crate::{Embedded, Memory, OpenError, Options, Postgres, Retrying, Unwatched, Watch};

/// How long an operation is sent again: much shorter than any request may take.
const WITHIN: Duration = Duration::from_secs(1);

/// The address of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:` and the path of a file: an [`Embedded`] store.
    File(PathBuf),
    /// `memory:`: a [`Memory`] store, which ends with the process.
    Memory,
    /// `postgres:` and where the database is: a [`Postgres`] store.
    Postgres(Box<PostgresUrl>),
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The embedded store.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// The networked store.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

/// Why a text is not the address of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// A `PostgreSQL` address.
    #[error(transparent)]
    Postgres(#[from] PostgresUrlError),
    /// Another scheme, or no path.
    #[error("expected sqlite:<path> of the database file, or postgres://user@host/database")]
    Unknown,
}

impl StoreUrl {
    /// The file of the store, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory | Self::Postgres(_) => None,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(Box::new(text.parse()?)))
            }
            _ => Err(StoreUrlError::Unknown),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite:{}", path.display()),
            Self::Memory => f.write_str("memory:"),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// Opens the store at an address; a file that is not there is made, a database must have its schema. Operations that the store
/// cannot do at once are sent [again](Retrying) for a second. Reads and migrates a file on the calling thread.
///
/// # Errors
/// [`StoreError`]: no access, in use, of a newer format, foreign or damaged; or a database that cannot be used.
pub async fn open(url: &StoreUrl) -> Result<Arc<dyn Storage>, StoreError> {
    open_with(url, Options::default(), Arc::new(Unwatched)).await
}

/// As [`open`], for a server: tells about its work, and a store in a file keeps a [reserve](Options::reserve) of so many bytes.
///
/// # Errors
/// Those of [`open`].
pub async fn open_served(
    url: &StoreUrl,
    watch: Arc<dyn Watch>,
    reserve: u64,
) -> Result<Arc<dyn Storage>, StoreError> {
    let options = Options {
        reserve: Some(reserve),
        ..Options::default()
    };
    open_with(url, options, watch).await
}

async fn open_with(
    url: &StoreUrl,
    options: Options,
    watch: Arc<dyn Watch>,
) -> Result<Arc<dyn Storage>, StoreError> {
    Ok(match url {
        StoreUrl::File(path) => {
            let store = Embedded::open_watched(path, options, watch)?;
            Arc::new(Retrying::new(Arc::new(store), WITHIN))
        }
        StoreUrl::Memory => Arc::new(Memory::new()),
        StoreUrl::Postgres(url) => {
            let store = Box::pin(Postgres::open(url)).await?.watched(watch);
            Arc::new(Retrying::new(Arc::new(store), WITHIN))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_file_or_memory_and_reads_back_as_written() {
        for (text, url) in [
            ("sqlite:/y/z.db", StoreUrl::File("/y/z.db".into())),
            ("sqlite:z.db", StoreUrl::File("z.db".into())),
            ("memory:", StoreUrl::Memory),
        ] {
            assert_eq!(text.parse(), Ok(url.clone()));
            assert_eq!(url.to_string(), text);
        }
        for wrong in ["", "sqlite:", "/y/z.db", "memory", "memory:x", "mysql://x"] {
            assert_eq!(wrong.parse::<StoreUrl>(), Err(StoreUrlError::Unknown));
        }
        for text in [
            "postgres://ann@db/passkeyd",
            "postgresql://db:5433/passkeyd",
        ] {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), text);
            assert_eq!(url.file(), None);
        }
        for wrong in ["postgres://db", "postgres://db/passkeyd?sslmode=maybe"] {
            let url = wrong.parse::<StoreUrl>();
            assert!(matches!(url, Err(StoreUrlError::Postgres(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_store_opens_by_its_address() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("store.db");
        for url in [StoreUrl::Memory, StoreUrl::File(file.clone())] {
            let store = open(&url).await.unwrap();
            store.ping().await.unwrap();
            store.close().await.unwrap();
        }
        assert!(file.is_file());
        let nowhere = StoreUrl::File(file.join("below-a-file.db"));
        assert!(matches!(
            open(&nowhere).await.err(),
            Some(StoreError::Embedded(OpenError::NotADirectory { .. }))
        ));
    }
}
