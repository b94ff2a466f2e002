//! What is known of all Relying Parties together: which origins are configured anywhere, and who has which RP ID. For
//! requests that name no Relying Party, such as the preflight of a browser.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use webauthn::relying_party::RpId;

use crate::model::clock::Timestamp;
use crate::model::ids::RelyingPartyId;
use crate::model::refusal::Refusal;
use crate::service::Passkeys;

/// How long a directory is used, in milliseconds; and a millisecond more for each Relying Party in it, so that
/// reading them all anew never takes much of a store's time.
const LIFETIME_MS: i64 = 1000;

/// Relying Parties read at a time.
const STEP: u32 = 500;

/// All Relying Parties by what a request without a name can show.
#[derive(Debug, Default)]
pub struct Directory {
    origins: HashSet<String>,
    by_rp_id: HashMap<RpId, Vec<RelyingPartyId>>,
}

impl Directory {
    /// Whether the origin, compared as an exact string, is configured for any Relying Party.
    pub fn has_origin(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }

    /// The Relying Parties with this RP ID, in the order of their keys.
    pub fn with_rp_id(&self, rp_id: &RpId) -> &[RelyingPartyId] {
        self.by_rp_id.get(rp_id).map_or(&[], Vec::as_slice)
    }
}

/// The directory as it was read last.
#[derive(Debug, Default)]
pub(crate) struct DirectoryCache {
    kept: Mutex<Option<Kept>>,
    /// Somebody reads it anew; the others go on with what they have.
    reading: AtomicBool,
    /// Counts changes, so that what was read while one was made is not kept.
    changes: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    directory: Arc<Directory>,
    fresh_until: Timestamp,
}

impl DirectoryCache {
    /// Has it read anew when it is asked for next.
    pub(crate) fn forget(&self) {
        let mut kept = self.kept.lock();
        self.changes.fetch_add(1, Ordering::AcqRel);
        *kept = None;
    }
}

/// Gives up the right to read when it ends, however that is.
struct Reading<'c>(&'c AtomicBool);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Passkeys {
    /// The directory. Changes on this node are in it at once; those on others within a second, or a little later when
    /// there are thousands of Relying Parties.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn directory(&self) -> Result<Arc<Directory>, Refusal> {
        let now = self.now();
        let cache = &self.directory;
        let old = {
            let kept = cache.kept.lock();
            match &*kept {
                Some(kept) if now < kept.fresh_until => return Ok(Arc::clone(&kept.directory)),
                Some(kept) => Some(Arc::clone(&kept.directory)),
                None => None,
            }
        };
        let first = !cache.reading.swap(true, Ordering::AcqRel);
        let _reading = match (first, old) {
            (true, _) => Some(Reading(&cache.reading)),
            (false, Some(old)) => return Ok(old),
            // There is nothing to go on with: read it too.
            (false, None) => None,
        };
        let changes = cache.changes.load(Ordering::Acquire);
        let mut directory = Directory::default();
        let mut parties = 0;
        let mut after = None;
        loop {
            let step = self.storage.walk_relying_parties(after, STEP).await?;
            let Some(last) = step.last() else {
                break;
            };
            after = Some(last.id);
            for rp in step {
                parties += 1;
                let origins = rp.selection.origins.into_iter().flatten();
                directory
                    .origins
                    .extend(origins.map(|origin| origin.as_str().to_owned()));
                if let Some(rp_id) = rp.selection.rp_id {
                    directory.by_rp_id.entry(rp_id).or_default().push(rp.id);
                }
            }
        }
        let directory = Arc::new(directory);
        let mut kept = cache.kept.lock();
        if cache.changes.load(Ordering::Acquire) == changes {
            *kept = Some(Kept {
                directory: Arc::clone(&directory),
                fresh_until: now.plus_millis(LIFETIME_MS + parties),
            });
        }
        drop(kept);
        Ok(directory)
    }
}
