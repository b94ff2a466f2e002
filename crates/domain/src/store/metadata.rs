//! The BLOB of the FIDO Metadata Service.

use async_trait::async_trait;

use crate::model::metadata::StoredMetadata;
use crate::store::Fault;

/// Outcome of [`MetadataBlobs::replace_metadata`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceMetadata {
    /// The store has them now.
    Replaced,
    /// The stored ones have no smaller number; nothing was written.
    NotNewer {
        /// The number of the stored ones.
        no: u64,
    },
}

/// The BLOB of the FIDO Metadata Service. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait MetadataBlobs: Send + Sync {
    /// The metadata BLOB, if there is one and, with `above`, its number is greater.
    async fn metadata(&self, above: Option<u64>) -> Result<Option<StoredMetadata>, Fault>;
    /// Puts a metadata BLOB in the place of one with a smaller number, or of none.
    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault>;
    /// Removes the metadata BLOB, and with it the number that keeps smaller ones out; `false` when there is none.
    async fn remove_metadata(&self) -> Result<bool, Fault>;
}
