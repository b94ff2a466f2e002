//! The BLOB of the FIDO Metadata Service.

use async_trait::async_trait;
use domain::model::metadata::{MetadataRecord, MetadataVersion, StoredMetadata};
use domain::store::{Fault, MetadataBlobs, ReplaceMetadata};

use super::{Embedded, reads, writes};

#[async_trait]
impl MetadataBlobs for Embedded {
    async fn metadata(
        &self,
        known: Option<MetadataVersion>,
    ) -> Result<Option<MetadataRecord>, Fault> {
        // The usual answer is that there is nothing new; a BLOB itself is read once in a process.
        self.list(move |c| reads::metadata(c, known)).await
    }

    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault> {
        let new = new.clone();
        self.write(move |c| writes::replace_metadata(c, &new)).await
    }

    async fn remove_metadata(&self) -> Result<bool, Fault> {
        self.write(writes::remove_metadata).await
    }
}
