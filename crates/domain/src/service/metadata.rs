//! The FIDO metadata in use: imported once, verified, kept in the store, and read by every registration through a pointer.

use std::collections::BTreeMap;
use std::sync::Arc;

use webauthn::credential::Aaguid;
use webauthn::error::Reason;
use webauthn::metadata::{MetadataError, provider_name};

use crate::model::metadata::{MetadataRecord, MetadataSource, StoredMetadata};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
pub use crate::service::metadata_in_use::{
    ImportedMetadata, MetadataChanges, MetadataInUse, MetadataState, MetadataTrust, ModelName,
    StatusChange,
};
use crate::store::ReplaceMetadata;

fn refusal(error: &MetadataError) -> Refusal {
    Refusal::new(error.reason(), error.to_string())
}

impl Passkeys {
    /// The same service with these trusted signers. Call this before [`refresh_metadata`](Self::refresh_metadata).
    #[must_use]
    pub fn with_metadata_trust(mut self, trust: MetadataTrust) -> Self {
        self.metadata.trust = trust.into();
        self
    }

    /// The same service with the operator's names of providers by AAGUID.
    #[must_use]
    pub fn with_provider_names(mut self, names: BTreeMap<Aaguid, String>) -> Self {
        self.metadata.names = names.into();
        self
    }

    /// Replaces the trusted signers and the names, and verifies the metadata of the store again. Metadata whose signer is not trusted any more
    /// goes out of use. Metadata that is still trusted is in use all the time.
    ///
    /// # Errors
    /// Those of [`refresh_metadata`](Self::refresh_metadata).
    pub async fn replace_metadata_trust(
        &self,
        trust: MetadataTrust,
        names: BTreeMap<Aaguid, String>,
    ) -> Result<(), Refusal> {
        *self.metadata.names.write() = names;
        if *self.metadata.trust.read() == trust {
            return Ok(());
        }
        let record = self.storage.metadata(None).await?;
        *self.metadata.trust.write() = trust.clone();
        let Some((removals, stored)) =
            record.and_then(|record| Some((record.removals, record.stored?)))
        else {
            return Ok(());
        };
        let verified = trust.verify(&stored.blob, None, stored.imported);
        let mut kept = self.metadata.kept.write();
        if removals < kept.removals {
            return Ok(());
        }
        kept.forget_before(removals);
        match verified {
            Ok(metadata) => {
                kept.in_use = Some(Arc::new(MetadataInUse {
                    metadata,
                    imported: stored.imported,
                    source: stored.source,
                }));
                kept.unusable = None;
                Ok(())
            }
            Err(error) => {
                let refusal = refusal(&error);
                kept.in_use = None;
                kept.unusable = Some((stored.no, refusal.clone()));
                Err(refusal)
            }
        }
    }

    /// The metadata in use.
    pub fn metadata(&self) -> Option<Arc<MetadataInUse>> {
        self.metadata.in_use()
    }

    /// The state of this process's metadata.
    pub fn metadata_state(&self) -> MetadataState {
        let kept = self.metadata.kept.read();
        MetadataState {
            in_use: kept.in_use.clone(),
            problem: kept.unusable.as_ref().map(|(_, why)| why.clone()),
        }
    }

    /// The name of the provider with this AAGUID: the operator's name for it, else the description in the
    /// metadata.
    pub fn provider_name(&self, aaguid: Aaguid) -> Option<String> {
        let in_use = self.metadata();
        let metadata = in_use.as_ref().map(|in_use| &in_use.metadata);
        provider_name(aaguid, &self.metadata.names.read(), metadata).map(str::to_owned)
    }

    /// Follows the store: another node may have imported newer metadata, or removed it. Returns whether the metadata in use
    /// changed. New metadata is verified as of the time of its import, because signers' certificates are short-lived.
    ///
    /// Takes one small read if there is none. Loading new metadata takes a few hundred milliseconds of the calling thread.
    ///
    /// # Errors
    /// `metadata_untrusted` and similar reasons if this process cannot verify the metadata. Then it keeps what it has, does
    /// not read the same metadata again, and reports it in [`metadata_state`](Self::metadata_state).
    pub async fn refresh_metadata(&self) -> Result<bool, Refusal> {
        let seen = Some(self.metadata.seen());
        let Some(MetadataRecord { removals, stored }) = self.storage.metadata(seen).await? else {
            return Ok(false);
        };
        let Some(stored) = stored else {
            return Ok(self.metadata.kept.write().forget_before(removals));
        };
        let trust = self.metadata.trust.read().clone();
        let verified = trust.verify(&stored.blob, None, stored.imported);
        match verified {
            Ok(metadata) => {
                let found = MetadataInUse {
                    metadata,
                    imported: stored.imported,
                    source: stored.source,
                };
                self.metadata.put(removals, found);
                Ok(true)
            }
            Err(error) => {
                let refusal = refusal(&error);
                let mut kept = self.metadata.kept.write();
                if removals >= kept.removals {
                    kept.forget_before(removals);
                    kept.unusable = Some((stored.no, refusal.clone()));
                }
                Err(refusal)
            }
        }
    }

    /// Verifies a BLOB, stores it and uses it. The edition in use is accepted again and changes
    /// nothing.
    ///
    /// The BLOB of the FIDO Alliance takes a few hundred milliseconds of the calling thread.
    ///
    /// # Errors
    /// `metadata_malformed`, `metadata_untrusted`, and `metadata_rollback` if the store has a BLOB with a greater number,
    /// or another one with the same number.
    pub async fn import_metadata(
        &self,
        blob: &[u8],
        source: MetadataSource,
    ) -> Result<ImportedMetadata, Refusal> {
        let now = self.now();
        // Metadata that this process cannot use still blocks older editions: the store decides.
        match self.refresh_metadata().await {
            Ok(_) => {}
            Err(refusal) if is_about_metadata(refusal.reason) => {}
            Err(fault) => return Err(fault),
        }
        let before = self.metadata();
        let previous_no = before.as_ref().map(|before| before.metadata.no());
        let trust = self.metadata.trust.read().clone();
        let metadata = trust
            .verify(blob, previous_no, now)
            .map_err(|error| refusal(&error))?;
        let stored = StoredMetadata {
            no: metadata.no(),
            imported: now,
            source,
            blob: blob.into(),
        };
        let new = MetadataInUse {
            metadata,
            imported: now,
            source,
        };
        match self.storage.replace_metadata(&stored).await? {
            ReplaceMetadata::Replaced { removals } => Ok(ImportedMetadata {
                before,
                now: self.metadata.put(removals, new),
            }),
            ReplaceMetadata::NotNewer { no } => {
                // Another node may have imported it a moment ago.
                let _ = self.refresh_metadata().await;
                match self.metadata() {
                    Some(in_use) if in_use.metadata == new.metadata => Ok(ImportedMetadata {
                        before: Some(Arc::clone(&in_use)),
                        now: in_use,
                    }),
                    _ => Err(not_newer(no, stored.no)),
                }
            }
        }
    }
}

impl Passkeys {
    /// Removes the metadata from the store, and with it the number that keeps older editions out. Returns whether there was
    /// any. Other processes stop using it at their next [`refresh_metadata`](Self::refresh_metadata).
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove_metadata(&self) -> Result<bool, Refusal> {
        let removed = self.storage.remove_metadata().await?;
        // Another node may have imported something since.
        match self.refresh_metadata().await {
            Err(fault) if !is_about_metadata(fault.reason) => Err(fault),
            _ => Ok(removed),
        }
    }
}

fn not_newer(stored: u64, found: u64) -> Refusal {
    if stored == found {
        return Refusal::new(
            Reason::MetadataRollback,
            format!("the metadata have the number {found}, and so have other ones in the store"),
        );
    }
    refusal(&MetadataError::Rollback {
        previous: stored,
        found,
    })
}

fn is_about_metadata(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::MetadataMalformed | Reason::MetadataUntrusted | Reason::MetadataRollback
    )
}
