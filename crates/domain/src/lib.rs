//! What passkeyd does, independent of HTTP and of any database.
//!
//! [`Passkeys`] is the one service: it loads, decides with the help of the `webauthn` core, and
//! finishes by one atomic write of a [`storage::Storage`]. No status code, JSON member name or SQL is
//! known here; time and randomness come in through [`clock`].

mod cache;

pub mod access_keys;
pub mod accounts;
pub mod answers;
pub mod audit;
pub mod authentication;
pub mod ceremony;
pub mod clock;
pub mod credentials;
pub mod cursor;
pub mod directory;
pub mod error;
pub mod ids;
pub mod metadata;
pub mod policy;
pub mod registration;
pub mod relying_parties;
pub mod storage;
pub mod tokens;
pub mod users;
pub mod webhooks;

use std::fmt;
use std::sync::Arc;

pub use webauthn;
pub use webauthn::error::Reason;

use crate::access_keys::AccessKey;
use crate::cache::Cache;
use crate::clock::{Clock, Randomness, Timestamp};
use crate::error::Refusal;
use crate::ids::{AccessKeyId, EventId, RelyingPartyId};
use crate::policy::Policy;
use crate::relying_parties::RelyingParty;
use crate::storage::{Principal, Storage, StoredSecret, Swept};
use crate::tokens::{TokenKey, TokenKind};

/// The service: every use case of every wire. Shared by all requests.
pub struct Passkeys {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    relying_parties: Cache<RelyingPartyId, Arc<RelyingParty>>,
    secrets: Cache<Principal, StoredSecret>,
    access_keys: Cache<(RelyingPartyId, AccessKeyId), Arc<AccessKey>>,
    token_keys: Cache<(RelyingPartyId, TokenKind), Arc<TokenKey>>,
    cursor_key: cursor::CursorKey,
    answer_key: answers::AnswerKey,
    directory: directory::DirectoryCache,
    default_policy: Policy,
    metadata: metadata::Keeper,
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys").finish_non_exhaustive()
    }
}

impl Passkeys {
    /// The service over a store.
    ///
    /// # Errors
    /// `store_unavailable` and its kin when the store cannot be read.
    pub async fn open(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, Refusal> {
        let mut candidate = [0; 32];
        randomness.fill(&mut candidate);
        let secret = storage.shared_secret(candidate).await?;
        let cursor_key = cursor::CursorKey::new(&secret);
        let answer_key = answers::AnswerKey::new(&secret);
        Ok(Self {
            storage,
            clock,
            randomness,
            relying_parties: Cache::default(),
            secrets: Cache::default(),
            access_keys: Cache::default(),
            token_keys: Cache::default(),
            cursor_key,
            answer_key,
            directory: directory::DirectoryCache::default(),
            default_policy: Policy::default(),
            metadata: metadata::Keeper::default(),
        })
    }

    /// The same service, with another policy for Relying Parties to come.
    #[must_use]
    pub fn with_default_policy(mut self, policy: Policy) -> Self {
        self.default_policy = policy;
        self
    }

    /// The policy of Relying Parties to come.
    pub fn default_policy(&self) -> &Policy {
        &self.default_policy
    }

    /// The present moment as the domain sees it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), Refusal> {
        Ok(self.storage.ping().await?)
    }

    /// Removes what is old: ceremonies, and notes of used tokens, that expired more than `ceremonies_ms` ago, audit events older
    /// than `events_ms`, and kept answers that have expired; at most `budget` rows of each.
    pub async fn sweep(
        &self,
        ceremonies_ms: i64,
        events_ms: i64,
        budget: u32,
    ) -> Result<Swept, Refusal> {
        let now = self.now();
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

    /// Ends the store's work.
    pub async fn close(&self) -> Result<(), Refusal> {
        Ok(self.storage.close().await?)
    }

    fn draw(&self) -> EventId {
        EventId::random(&*self.randomness)
    }
}
