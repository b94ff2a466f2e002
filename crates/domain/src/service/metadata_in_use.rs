//! What a process knows of metadata: whose it trusts, what it uses, and how one BLOB differs from the next.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::Arc;

use parking_lot::RwLock;
use webauthn::UnixSeconds;
use webauthn::credential::Aaguid;
use webauthn::metadata::{BlobExpectation, Entry, Metadata, MetadataError};

use crate::model::clock::Timestamp;
use crate::model::metadata::{MetadataSource, MetadataVersion};
use crate::model::refusal::Refusal;

/// The trusted signers of metadata. The default trusts none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataTrust {
    /// DER certificates that the signer's chain must lead to.
    pub roots: Vec<Vec<u8>>,
    /// DER revocation lists: no certificate of the signer's chain may be on the list of its issuer.
    pub revocation_lists: Vec<Vec<u8>>,
    /// The host that the signer's certificate must be for; `None`: any signer below the roots.
    pub signer_name: Option<String>,
}

impl MetadataTrust {
    pub(super) fn verify(
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

/// Verified metadata and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataInUse {
    /// The content.
    pub metadata: Metadata,
    /// When it was imported.
    pub imported: Timestamp,
    /// The source.
    pub source: MetadataSource,
}

impl MetadataInUse {
    /// Whether newer metadata was due before this time. The old metadata stays in use.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.metadata.is_stale(UnixSeconds(now.seconds()))
    }
}

/// The state of this process's metadata.
#[derive(Clone, Debug, Default)]
pub struct MetadataState {
    /// The metadata in use, if there is any.
    pub in_use: Option<Arc<MetadataInUse>>,
    /// Why the newest metadata in the store is not in use, if it is not.
    pub problem: Option<Refusal>,
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct ImportedMetadata {
    /// The metadata in use before, if there was any.
    pub before: Option<Arc<MetadataInUse>>,
    /// The metadata in use now; the same as before if nothing was new.
    pub now: Arc<MetadataInUse>,
}

impl ImportedMetadata {
    /// Whether anything was new.
    pub fn is_new(&self) -> bool {
        self.before
            .as_ref()
            .is_none_or(|before| before.metadata.no() != self.now.metadata.no())
    }

    /// The changes for models, with the statuses in effect at this time.
    pub fn changes(&self, at: Timestamp) -> MetadataChanges {
        let before = self.before.as_ref().map(|before| &before.metadata);
        MetadataChanges::between(before, &self.now.metadata, UnixSeconds(at.seconds()))
    }
}

/// The name of a model.
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
    /// The statuses in effect now, the newest last.
    pub to: Vec<String>,
}

/// The difference between two editions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChanges {
    /// New models.
    pub new: Vec<ModelName>,
    /// Models that were removed.
    pub gone: Vec<ModelName>,
    /// Models with changed statuses.
    pub changed: Vec<StatusChange>,
}

impl MetadataChanges {
    fn between(before: Option<&Metadata>, now: &Metadata, at: UnixSeconds) -> Self {
        let mut changes = Self::default();
        for entry in now.entries() {
            let current = same_model(now, entry);
            // A model with several entries is reported once.
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

/// The entries of `metadata` about the model of `entry`, which may be of another edition.
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

/// The metadata of one service.
#[derive(Default)]
pub(crate) struct Keeper {
    pub(super) trust: RwLock<MetadataTrust>,
    pub(super) names: RwLock<BTreeMap<Aaguid, String>>,
    pub(super) kept: RwLock<Kept>,
}

#[derive(Default)]
pub(super) struct Kept {
    pub(super) in_use: Option<Arc<MetadataInUse>>,
    /// How often metadata had been removed from the store before what is kept here was read.
    pub(super) removals: u64,
    /// The number of the stored metadata that this process cannot use, and the cause.
    pub(super) unusable: Option<(u64, Refusal)>,
}

impl Keeper {
    pub(super) fn in_use(&self) -> Option<Arc<MetadataInUse>> {
        self.kept.read().in_use.clone()
    }

    /// The latest state of the store that was read.
    pub(super) fn seen(&self) -> MetadataVersion {
        let kept = self.kept.read();
        let unusable = kept.unusable.as_ref().map(|(no, _)| *no);
        let in_use = kept.in_use.as_ref().map(|in_use| in_use.metadata.no());
        MetadataVersion {
            removals: kept.removals,
            no: in_use.max(unusable),
        }
    }

    /// Replaces older metadata by this, which was in the store after so many removals. Returns the metadata in use afterwards,
    /// or this if it was removed in the meantime.
    pub(super) fn put(&self, removals: u64, new: MetadataInUse) -> Arc<MetadataInUse> {
        let no = new.metadata.no();
        let mut kept = self.kept.write();
        if removals < kept.removals {
            return Arc::new(new);
        }
        kept.forget_before(removals);
        match &kept.in_use {
            // Another import was faster.
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

impl Kept {
    /// Drops what was read before the last of so many removals. Returns whether metadata was in use.
    pub(super) fn forget_before(&mut self, removals: u64) -> bool {
        if removals <= self.removals {
            return false;
        }
        let before = std::mem::take(self);
        self.removals = removals;
        before.in_use.is_some()
    }
}
