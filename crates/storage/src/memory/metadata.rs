//! The BLOB of the FIDO Metadata Service.

use async_trait::async_trait;
use domain::model::metadata::{MetadataRecord, MetadataVersion, StoredMetadata};
use domain::store::{Fault, MetadataBlobs, ReplaceMetadata};

use super::Memory;

#[async_trait]
impl MetadataBlobs for Memory {
    async fn metadata(
        &self,
        known: Option<MetadataVersion>,
    ) -> Result<Option<MetadataRecord>, Fault> {
        let record = self.state().metadata.clone();
        let version = record.version();
        let is_news = version > known.unwrap_or_default();
        Ok(is_news.then_some(record))
    }

    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault> {
        let mut state = self.state();
        match &state.metadata.stored {
            Some(stored) if stored == new => {}
            Some(stored) if stored.no >= new.no => {
                return Ok(ReplaceMetadata::NotNewer { no: stored.no });
            }
            _ => state.metadata.stored = Some(new.clone()),
        }
        Ok(ReplaceMetadata::Replaced {
            removals: state.metadata.removals,
        })
    }

    async fn remove_metadata(&self) -> Result<bool, Fault> {
        let mut state = self.state();
        let removed = state.metadata.stored.take().is_some();
        state.metadata.removals += u64::from(removed);
        Ok(removed)
    }
}
