//! A metadata BLOB of the FIDO Metadata Service, as stored.

use std::fmt;
use std::sync::Arc;

use crate::model::clock::Timestamp;

/// The source of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataSource {
    /// By a command on the machine.
    Command,
    /// Through the management API.
    Management,
    /// Fetched from the configured address.
    Fetch,
}

impl MetadataSource {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Command, Self::Management, Self::Fetch];

    /// The stable name under which it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Management => "management",
            Self::Fetch => "fetch",
        }
    }

    /// The source with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// A state of the store's metadata. Of two states the greater one came later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetadataVersion {
    /// How often metadata was removed from the store.
    pub removals: u64,
    /// The number of the BLOB; `None` while there is none.
    pub no: Option<u64>,
}

/// The store's metadata at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataRecord {
    /// How often metadata was removed from the store.
    pub removals: u64,
    /// The BLOB; `None` since the last removal.
    pub stored: Option<StoredMetadata>,
}

impl MetadataRecord {
    /// Which state this is.
    pub fn version(&self) -> MetadataVersion {
        MetadataVersion {
            removals: self.removals,
            no: self.stored.as_ref().map(|stored| stored.no),
        }
    }
}

/// A metadata BLOB as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredMetadata {
    /// `no`: its number, greater with each new one. At most `i64::MAX`.
    pub no: u64,
    /// When it was verified and imported.
    pub imported: Timestamp,
    /// The source.
    pub source: MetadataSource,
    /// The BLOB, byte for byte.
    pub blob: Arc<[u8]>,
}

impl fmt::Debug for StoredMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMetadata")
            .field("no", &self.no)
            .field("imported", &self.imported)
            .field("source", &self.source)
            .field("bytes", &self.blob.len())
            .finish()
    }
}
