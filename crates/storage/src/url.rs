//! Where a store is, and how it is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use domain::store::Storage;

use crate::{Embedded, Memory, OpenError, Options, Retrying};

/// How long an operation is sent again: much shorter than any request may take.
const WITHIN: Duration = Duration::from_secs(1);

/// The address of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:` and the path of a file: an [`Embedded`] store.
    File(PathBuf),
    /// `memory:`: a [`Memory`] store, which ends with the process.
    Memory,
}

/// Why a text is not the address of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// A `PostgreSQL` address.
    #[error("this build of passkeyd has no PostgreSQL store yet; use sqlite:<path>")]
    PostgreSql,
    /// Another scheme, or no path.
    #[error("expected sqlite:<path> of the database file")]
    Unknown,
}

impl StoreUrl {
    /// The file of the store, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory => None,
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
                Err(StoreUrlError::PostgreSql)
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
        }
    }
}

/// Opens the store at an address; a file that is not there is made. Operations that the store cannot do at once are sent
/// [again](Retrying) for a second. Reads and migrates on the calling thread.
///
/// # Errors
/// [`OpenError`]: no access, in use, of a newer format, foreign or damaged.
pub fn open(url: &StoreUrl) -> Result<Arc<dyn Storage>, OpenError> {
    Ok(match url {
        StoreUrl::File(path) => {
            let store = Embedded::open(path, Options::default())?;
            Arc::new(Retrying::new(Arc::new(store), WITHIN))
        }
        StoreUrl::Memory => Arc::new(Memory::new()),
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
        for url in ["postgres://db/passkeyd", "postgresql://db/passkeyd"] {
            assert_eq!(url.parse::<StoreUrl>(), Err(StoreUrlError::PostgreSql));
        }
    }

    #[tokio::test]
    async fn a_store_opens_by_its_address() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("store.db");
        for url in [StoreUrl::Memory, StoreUrl::File(file.clone())] {
            let store = open(&url).unwrap();
            store.ping().await.unwrap();
            store.close().await.unwrap();
        }
        assert!(file.is_file());
        let nowhere = StoreUrl::File(file.join("below-a-file.db"));
        assert!(matches!(
            open(&nowhere).err(),
            Some(OpenError::NotADirectory { .. })
        ));
    }
}
