//! The BLOB of the FIDO Metadata Service.

use async_trait::async_trait;

use crate::model::metadata::{MetadataRecord, MetadataVersion, StoredMetadata};
use crate::store::Fault;

/// Outcome of [`MetadataBlobs::replace_metadata`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceMetadata {
    /// The store has it now.
    Replaced {
        /// How often metadata was removed before.
        removals: u64,
    },
    /// The stored ones have no smaller number; nothing was written.
    NotNewer {
        /// The number of the stored ones.
        no: u64,
    },
}

/// The BLOB of the FIDO Metadata Service. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait MetadataBlobs: Send + Sync {
    /// The metadata, if its state is later than the one that the caller knows. A removal is such a state. `None` if there
    /// is nothing new, or there never was any metadata.
    async fn metadata(
        &self,
        known: Option<MetadataVersion>,
    ) -> Result<Option<MetadataRecord>, Fault>;
    /// Puts a metadata BLOB in the place of one with a smaller number, of none, or of one that was removed.
    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault>;
    /// Removes the metadata BLOB, and with it the number that keeps smaller ones out; `false` when there is none. That it was
    /// removed stays on record, so that every process notices.
    async fn remove_metadata(&self) -> Result<bool, Fault>;
}
