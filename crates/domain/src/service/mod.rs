//! The use cases: [`Passkeys`] loads, decides with the `webauthn` core, and finishes with one atomic write of the
//! [store](crate::store). One file for each intention.

pub mod access_keys;
pub mod accounts;
pub mod answers;
pub mod authentication;
mod cache;
pub mod ceremony;
pub mod console;
pub mod credentials;
pub mod cursor;
pub mod deliveries;
pub mod enrolment;
pub mod events;
pub mod key_names;
mod key_ring;
mod key_uses;
mod keys;
pub mod limits;
pub mod lookups;
pub mod metadata;
mod metadata_in_use;
pub mod models;
mod observed;
pub mod observer;
pub mod parties;
mod pending;
pub mod prepared;
pub mod registration;
pub mod rotation;
mod sealed;
pub mod token_keys;
pub mod tokens;
pub mod transfer;
mod unlocking;
pub mod users;
pub mod vault;
pub mod webhooks;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use webauthn::error::Reason;

use crate::model::access_key::AccessKey;
use crate::model::account::Principal;
use crate::model::clock::{Clock, Randomness, Timestamp};
use crate::model::ids::{AccessKeyId, EventId, NodeId, RelyingPartyId};
use crate::model::policy::Policy;
use crate::model::refusal::Refusal;
use crate::service::cache::Cache;
use crate::service::prepared::Prepared;
use crate::store::{Fault, Responds, Storage, StoredSecret, Swept};

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let reason = match fault {
            Fault::Retryable(_) => Reason::StoreUnavailable,
            Fault::Unknown(_) => Reason::StoreUnknownOutcome,
            Fault::Unreadable(_) => Reason::RecordUnreadable,
            Fault::Fatal(_) => Reason::Internal,
        };
        Self::new(reason, fault.to_string())
    }
}

/// How often a versioned update is tried again after somebody else's.
const UPDATE_TRIES: u32 = 5;

/// The service: every use case of every wire. Shared by all requests.
pub struct Passkeys {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    relying_parties: Cache<RelyingPartyId, Arc<Prepared>>,
    secrets: Cache<Principal, StoredSecret>,
    access_keys: Cache<(RelyingPartyId, AccessKeyId), Arc<AccessKey>>,
    key_uses: key_uses::KeyUses,
    vault: Option<vault::Vault>,
    cursor_key: keys::CursorKey,
    answer_key: keys::AnswerKey,
    webhook_key: keys::WebhookKey,
    lookups: cache::Lookups,
    pending: pending::Pending,
    node: NodeId,
    default_policy: Policy,
    keeps_cases: bool,
    notes_starts: bool,
    metadata: metadata_in_use::Keeper,
    observer: Arc<dyn observer::Observer>,
    limits: Arc<dyn limits::Limits>,
    /// Held while this process takes from administrators what they sign in with, so that two such changes never leave nobody.
    administrators: tokio::sync::Mutex<()>,
}

/// Most uses of keys that are written at once.
const MOST_USES: usize = 500;

/// How long deliveries are kept that do not wait any more, in milliseconds: 30 days.
const DELIVERIES_KEPT_MS: i64 = 30 * 86_400_000;

/// How far a node may be behind the latest time in the store, in milliseconds: an hour. A node whose clock was wrong by years must not
/// set the clocks of all others for good.
pub const MOST_BEHIND_MS: i64 = 3_600_000;

async fn note_time(storage: &dyn Storage, clock: &dyn Clock) -> Result<i64, Refusal> {
    let now = clock.now();
    let latest = storage.latest_time(now).await?;
    let behind = latest.0.saturating_sub(now.0);
    if behind <= MOST_BEHIND_MS {
        clock.not_before(latest);
    }
    Ok(behind)
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys").finish_non_exhaustive()
    }
}

impl Passkeys {
    /// The service over a store that is not sealed.
    ///
    /// # Errors
    /// `store_unavailable` and similar reasons if the store cannot be read.
    pub async fn open(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, Refusal> {
        Self::open_with(storage, None, clock, randomness).await
    }

    /// The service over a store with the [`Vault`](vault::Vault) of that store.
    ///
    /// # Errors
    /// Those of [`Passkeys::open`].
    pub async fn open_with(
        storage: Arc<dyn Storage>,
        vault: Option<vault::Vault>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, Refusal> {
        let mut candidate = [0; 32];
        randomness.fill(&mut candidate);
        // One draw serves both. The candidate may become the secret of the store, so its image names the node.
        let mut node = [0; 16];
        node.copy_from_slice(&digest(&SHA256, &candidate).as_ref()[..16]);
        let node = NodeId(node);
        let secret = match &vault {
            Some(vault) => *vault.shared_secret,
            None => storage.shared_secret(candidate).await?,
        };
        note_time(&*storage, &*clock).await?;
        let cursor_key = keys::CursorKey::new(&secret);
        let answer_key = keys::AnswerKey::new(&secret);
        let webhook_key = keys::WebhookKey::new(&secret);
        Ok(Self {
            storage,
            clock,
            randomness,
            relying_parties: Cache::default(),
            secrets: Cache::default(),
            access_keys: Cache::default(),
            key_uses: key_uses::KeyUses::default(),
            vault,
            cursor_key,
            answer_key,
            webhook_key,
            lookups: cache::Lookups::default(),
            pending: pending::Pending::default(),
            node,
            default_policy: Policy::default(),
            keeps_cases: true,
            notes_starts: false,
            metadata: metadata_in_use::Keeper::default(),
            observer: Arc::new(observer::Unobserved),
            limits: Arc::new(limits::Unlimited),
            administrators: tokio::sync::Mutex::default(),
        })
    }

    /// The same service, which keeps what is needed to verify a refused response again, or does not.
    #[must_use]
    pub fn keeping_cases(mut self, keeps: bool) -> Self {
        self.keeps_cases = keeps;
        self
    }

    /// The same service, which writes an event of each start of an authentication, or does not.
    #[must_use]
    pub fn noting_starts(mut self, notes: bool) -> Self {
        self.notes_starts = notes;
        self
    }

    /// The same service with another policy for new Relying Parties.
    #[must_use]
    pub fn with_default_policy(mut self, policy: Policy) -> Self {
        self.default_policy = policy;
        self
    }

    /// The same service, observed.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn observer::Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// The vault of the store, if it is sealed.
    pub fn vault(&self) -> Option<&vault::Vault> {
        self.vault.as_ref()
    }

    /// The same service, which starts no more ceremonies than these limits allow.
    #[must_use]
    pub fn with_limits(mut self, limits: Arc<dyn limits::Limits>) -> Self {
        self.limits = limits;
        self
    }

    /// The policy of new Relying Parties.
    pub fn default_policy(&self) -> &Policy {
        &self.default_policy
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the store responds, and to what.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn ping(&self) -> Result<Responds, Refusal> {
        Ok(self.storage.ping().await?)
    }

    /// Notes the time in the store, and goes by the latest that any node has noted: what expired before a restart or on another node
    /// does not become valid again because a clock stepped back. A node that is more than [`MOST_BEHIND_MS`] behind goes by its own clock. To
    /// be called every minute or so. How far this node was behind, in milliseconds.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn note_time(&self) -> Result<i64, Refusal> {
        note_time(&*self.storage, &*self.clock).await
    }

    /// Writes when keys were used since the last call. To be called every minute or so: what was not written when the process dies is lost.
    ///
    /// # Errors
    /// `store_unavailable`; what was not written waits for the next call.
    pub async fn write_key_uses(&self) -> Result<(), Refusal> {
        let uses = self.key_uses.take();
        for (number, chunk) in uses.chunks(MOST_USES).enumerate() {
            if let Err(fault) = self.storage.note_key_uses(chunk).await {
                for left in &uses[number * MOST_USES..] {
                    self.key_uses.note(left.key, left.at);
                }
                return Err(fault.into());
            }
        }
        Ok(())
    }

    /// Removes what is old: ceremonies, and notes of used tokens, that expired more than `ceremonies_ms` ago, audit events older
    /// than `events_ms`, and kept answers that have expired; at most `budget` rows of each.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn sweep(
        &self,
        ceremonies_ms: i64,
        events_ms: i64,
        budget: u32,
    ) -> Result<Swept, Refusal> {
        let now = self.now();
        self.storage
            .sweep_console(now.plus_millis(-ceremonies_ms), budget)
            .await?;
        self.storage
            .sweep_deliveries(now.plus_millis(-DELIVERIES_KEPT_MS), budget)
            .await?;
        Ok(self
            .storage
            .sweep(
                now.plus_millis(-ceremonies_ms),
                now.plus_millis(-events_ms),
                now,
                budget,
            )
            .await?)
    }

    /// Whether this node may do, for so many milliseconds, what only one node does at a time. A node that asks again in time
    /// keeps the right.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn lease(&self, name: &str, millis: i64) -> Result<bool, Refusal> {
        let now = self.now();
        let until = now.plus_millis(millis);
        Ok(self.storage.lease(name, self.node, now, until).await?)
    }

    /// Closes the store. When keys were used since the last write is written before.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn close(&self) -> Result<(), Refusal> {
        // They are only shown, so the store is closed without them where they cannot be written.
        let _ = self.write_key_uses().await;
        Ok(self.storage.close().await?)
    }

    fn draw(&self) -> EventId {
        EventId::random(&*self.randomness)
    }
}
