//! The FIDO metadata in use: imported once, verified, kept in the store, and read by every registration at the cost of a pointer.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::Arc;

use parking_lot::RwLock;
use webauthn::UnixSeconds;
use webauthn::credential::Aaguid;
use webauthn::error::Reason;
use webauthn::metadata::{BlobExpectation, Entry, Metadata, MetadataError, provider_name};

use crate::model::clock::Timestamp;
use crate::model::metadata::{MetadataSource, StoredMetadata};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::store::ReplaceMetadata;

/// Whose metadata are believed. The default believes nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataTrust {
    /// DER certificates that the signer's chain must lead to.
    pub roots: Vec<Vec<u8>>,
    /// DER revocation lists: no certificate of the signer's chain may stand on its issuer's.
    pub revocation_lists: Vec<Vec<u8>>,
    /// The host that the signer's certificate must be for; `None`: any signer below the roots.
    pub signer_name: Option<String>,
}

impl MetadataTrust {
    fn verify(
        &self,
        blob: &[u8],
        previous_no: Option<u64>,
        at: Timestamp,
    ) -> Result<Metadata, MetadataError> {
        let expected = BlobExpectation {
            roots: &self.roots,
            revocation_lists: &self.revocation_lists,
            signer_name: self.signer_name.as_deref(),
            previous_no,
            at: UnixSeconds(at.seconds()),
        };
        let metadata = Metadata::verify(blob, &expected)?;
        if i64::try_from(metadata.no()).is_err() {
            return Err(MetadataError::Malformed(
                "its number is beyond all counting",
            ));
        }
        Ok(metadata)
    }
}

/// Verified metadata, and where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataInUse {
    /// What they say.
    pub metadata: Metadata,
    /// When they were taken in.
    pub imported: Timestamp,
    /// By which way.
    pub source: MetadataSource,
}

impl MetadataInUse {
    /// Should they have been renewed before this moment? They are used all the same.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.metadata.is_stale(UnixSeconds(now.seconds()))
    }
}

/// How the metadata of this process stand.
#[derive(Clone, Debug, Default)]
pub struct MetadataState {
    /// Those in use; `None`: there are none.
    pub in_use: Option<Arc<MetadataInUse>>,
    /// Why the newest ones in the store are not in use, if they are not.
    pub problem: Option<Refusal>,
}

/// What an import did.
#[derive(Clone, Debug)]
pub struct ImportedMetadata {
    /// Those in use before, if there were any.
    pub before: Option<Arc<MetadataInUse>>,
    /// Those in use now; the same as before when there was nothing new.
    pub now: Arc<MetadataInUse>,
}

impl ImportedMetadata {
    /// Was there anything new?
    pub fn is_new(&self) -> bool {
        self.before
            .as_ref()
            .is_none_or(|before| before.metadata.no() != self.now.metadata.no())
    }

    /// What it means for models, with statuses as they are in effect at this moment.
    pub fn changes(&self, at: Timestamp) -> MetadataChanges {
        let before = self.before.as_ref().map(|before| &before.metadata);
        MetadataChanges::between(before, &self.now.metadata, UnixSeconds(at.seconds()))
    }
}

/// What to call a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    /// Its AAGUID; U2F models have none.
    pub aaguid: Option<Aaguid>,
    /// Its description.
    pub description: Option<String>,
}

impl ModelName {
    fn of(entry: &Entry) -> Self {
        Self {
            aaguid: entry.aaguid(),
            description: entry.description().map(str::to_owned),
        }
    }
}

/// A model whose statuses changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Which model.
    pub model: ModelName,
    /// The statuses that were in effect, the newest last.
    pub from: Vec<String>,
    /// Those that are, the newest last.
    pub to: Vec<String>,
}

/// How two metadata differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChanges {
    /// Models that were not known.
    pub new: Vec<ModelName>,
    /// Models that are not known any more.
    pub gone: Vec<ModelName>,
    /// Models that were known with other statuses.
    pub changed: Vec<StatusChange>,
}

impl MetadataChanges {
    fn between(before: Option<&Metadata>, now: &Metadata, at: UnixSeconds) -> Self {
        let mut changes = Self::default();
        for entry in now.entries() {
            let current = same_model(now, entry);
            // Several entries about a model are told of once.
            if !current.first().is_some_and(|first| ptr::eq(*first, entry)) {
                continue;
            }
            let old = before.map_or_else(Vec::new, |before| same_model(before, entry));
            if old.is_empty() {
                changes.new.push(ModelName::of(entry));
                continue;
            }
            let (from, to) = (in_effect(&old, at), in_effect(&current, at));
            if from != to {
                changes.changed.push(StatusChange {
                    model: ModelName::of(entry),
                    from,
                    to,
                });
            }
        }
        let old = before.map(Metadata::entries).unwrap_or_default();
        changes.gone = old
            .iter()
            .filter(|old| same_model(now, old).is_empty())
            .map(ModelName::of)
            .collect();
        changes
    }
}

/// The entries of `metadata` about the model of `entry`, which may come from others.
fn same_model<'a>(metadata: &'a Metadata, entry: &Entry) -> Vec<&'a Entry> {
    match entry.aaguid() {
        Some(aaguid) => metadata.by_aaguid(aaguid).collect(),
        None => entry
            .key_identifiers()
            .iter()
            .map(|identifier| metadata.by_key_identifier(identifier).collect())
            .find(|entries: &Vec<_>| !entries.is_empty())
            .unwrap_or_default(),
    }
}

fn in_effect(entries: &[&Entry], at: UnixSeconds) -> Vec<String> {
    let reports = entries.iter().flat_map(|entry| entry.in_effect(at));
    reports.map(|report| report.status.clone()).collect()
}

/// What a [`Passkeys`] knows of metadata.
#[derive(Default)]
pub(crate) struct Keeper {
    trust: MetadataTrust,
    names: BTreeMap<Aaguid, String>,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    in_use: Option<Arc<MetadataInUse>>,
    /// The number of stored metadata that this process cannot use, and why.
    unusable: Option<(u64, Refusal)>,
}

impl Keeper {
    fn in_use(&self) -> Option<Arc<MetadataInUse>> {
        self.kept.read().in_use.clone()
    }

    /// The greatest number that was looked at.
    fn seen(&self) -> Option<u64> {
        let kept = self.kept.read();
        let unusable = kept.unusable.as_ref().map(|(no, _)| *no);
        kept.in_use
            .as_ref()
            .map(|in_use| in_use.metadata.no())
            .max(unusable)
    }

    /// Puts these in the place of older ones; what is in use then.
    fn put(&self, new: MetadataInUse) -> Arc<MetadataInUse> {
        let no = new.metadata.no();
        let mut kept = self.kept.write();
        match &kept.in_use {
            // Somebody was faster.
            Some(newer) if newer.metadata.no() >= no => Arc::clone(newer),
            _ => {
                let new = Arc::new(new);
                kept.in_use = Some(Arc::clone(&new));
                kept.unusable = kept.unusable.take().filter(|(bad, _)| *bad > no);
                new
            }
        }
    }
}

fn refusal(error: &MetadataError) -> Refusal {
    Refusal::new(error.reason(), error.to_string())
}

impl Passkeys {
    /// The same service, believing metadata of these. To be called before [`refresh_metadata`](Self::refresh_metadata).
    #[must_use]
    pub fn with_metadata_trust(mut self, trust: MetadataTrust) -> Self {
        self.metadata.trust = trust;
        self
    }

    /// The same service, calling the makers of credentials with these AAGUIDs by the operator's own names.
    #[must_use]
    pub fn with_provider_names(mut self, names: BTreeMap<Aaguid, String>) -> Self {
        self.metadata.names = names;
        self
    }

    /// The metadata in use.
    pub fn metadata(&self) -> Option<Arc<MetadataInUse>> {
        self.metadata.in_use()
    }

    /// How the metadata of this process stand.
    pub fn metadata_state(&self) -> MetadataState {
        let kept = self.metadata.kept.read();
        MetadataState {
            in_use: kept.in_use.clone(),
            problem: kept.unusable.as_ref().map(|(_, why)| why.clone()),
        }
    }

    /// What to call the maker of credentials with this AAGUID: the operator's own name for it, else the description in the
    /// metadata.
    pub fn provider_name(&self, aaguid: Aaguid) -> Option<String> {
        let in_use = self.metadata();
        let metadata = in_use.as_ref().map(|in_use| &in_use.metadata);
        provider_name(aaguid, &self.metadata.names, metadata).map(str::to_owned)
    }

    /// Takes up metadata in the store that are newer than those in use, as another node may have put there; whether there
    /// were any. They are judged as of the moment when they were taken in: signers' certificates are short-lived.
    ///
    /// Costs one small read when there are none. Reading new ones takes some hundred milliseconds of the calling thread.
    ///
    /// # Errors
    /// `metadata_untrusted` and its kin when this process cannot verify what is there; it goes on with what it has, does
    /// not look at the same again, and says so in [`metadata_state`](Self::metadata_state).
    pub async fn refresh_metadata(&self) -> Result<bool, Refusal> {
        let Some(stored) = self.storage.metadata(self.metadata.seen()).await? else {
            return Ok(false);
        };
        let verified = self
            .metadata
            .trust
            .verify(&stored.blob, None, stored.imported);
        match verified {
            Ok(metadata) => {
                self.metadata.put(MetadataInUse {
                    metadata,
                    imported: stored.imported,
                    source: stored.source,
                });
                Ok(true)
            }
            Err(error) => {
                let refusal = refusal(&error);
                self.metadata.kept.write().unusable = Some((stored.no, refusal.clone()));
                Err(refusal)
            }
        }
    }

    /// Verifies a BLOB, stores it and uses it from now on. One that says the same as the one in use is accepted and changes
    /// nothing.
    ///
    /// Takes some hundred milliseconds of the calling thread for the BLOB of the FIDO Alliance.
    ///
    /// # Errors
    /// `metadata_malformed`, `metadata_untrusted`, and `metadata_rollback` when the store has one with a greater number,
    /// or another one with the same number.
    pub async fn import_metadata(
        &self,
        blob: &[u8],
        source: MetadataSource,
    ) -> Result<ImportedMetadata, Refusal> {
        let now = self.now();
        // What this process cannot use is still in the way of older ones: the store has the last word.
        match self.refresh_metadata().await {
            Ok(_) => {}
            Err(refusal) if is_about_metadata(refusal.reason) => {}
            Err(fault) => return Err(fault),
        }
        let before = self.metadata();
        let previous_no = before.as_ref().map(|before| before.metadata.no());
        let metadata = self
            .metadata
            .trust
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
            ReplaceMetadata::Replaced => Ok(ImportedMetadata {
                before,
                now: self.metadata.put(new),
            }),
            ReplaceMetadata::NotNewer { no } => {
                // Of another node, perhaps, and a moment ago.
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
    /// Removes the metadata from the store, and with them the number that keeps older ones out; whether there were any. Other
    /// processes go on with what they have until they are started anew.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove_metadata(&self) -> Result<bool, Refusal> {
        let removed = self.storage.remove_metadata().await?;
        *self.metadata.kept.write() = Kept::default();
        Ok(removed)
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
