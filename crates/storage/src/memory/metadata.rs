//! The BLOB of the FIDO Metadata Service.

use async_trait::async_trait;
use domain::model::metadata::StoredMetadata;
use domain::store::{Fault, MetadataBlobs, ReplaceMetadata};

use super::Memory;

#[async_trait]
impl MetadataBlobs for Memory {
    async fn metadata(&self, above: Option<u64>) -> Result<Option<StoredMetadata>, Fault> {
        let stored = self.state().metadata.clone();
        Ok(stored.filter(|stored| above.is_none_or(|above| stored.no > above)))
    }

    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault> {
        let mut state = self.state();
        match &state.metadata {
            Some(stored) if stored == new => {}
            Some(stored) if stored.no >= new.no => {
                return Ok(ReplaceMetadata::NotNewer { no: stored.no });
            }
            _ => state.metadata = Some(new.clone()),
        }
        Ok(ReplaceMetadata::Replaced)
    }

    async fn remove_metadata(&self) -> Result<bool, Fault> {
        Ok(self.state().metadata.take().is_some())
    }
}
