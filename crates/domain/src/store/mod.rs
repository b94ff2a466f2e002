//! What the domain needs of a store. Each operation is one unit of work that the store does
//! atomically in its best way; absence and conflict are values, only faults are errors. A store
//! reports facts and decides nothing. Time is always passed in.

use async_trait::async_trait;
use std::fmt;

use webauthn::authentication::VerifiedAuthentication;
use webauthn::credential::CredentialId;
use webauthn::error::Reason;

use crate::model::access_key::AccessKey;
use crate::model::account::{Account, ApiKey, Principal, SecretHash};
use crate::model::audit::AuditEvent;
use crate::model::ceremony::{Ceremony, CeremonyKind, Standing};
use crate::model::clock::Timestamp;
use crate::model::credential::{CredentialRecord, Evidence, NewCredential};
use crate::model::ids::{
    AccessKeyId, AccountId, ApiKeyId, AttemptId, CeremonyId, CredentialKey, RelyingPartyId,
    TokenId, UserId, WebhookId,
};
use crate::model::metadata::StoredMetadata;
use crate::model::page::{Page, PageRequest};
use crate::model::relying_party::RelyingParty;
use crate::model::token::{TokenKey, TokenKind};
use crate::model::user::{User, UserRef};
use crate::model::webhook::Webhook;

/// A store did not do its work. Never used for absence or conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happened; the same call may succeed later.
    Retryable(String),
    /// It may or may not have happened. Only operations with an attempt id may be sent again.
    Unknown(String),
    /// A record is there but cannot be read.
    Unreadable(String),
    /// The store is broken or the call is wrong; trying again does not help.
    Fatal(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retryable(why) => write!(f, "the store is not available: {why}"),
            Self::Unknown(why) => write!(f, "the outcome of a write is not known: {why}"),
            Self::Unreadable(why) => write!(f, "a stored record cannot be read: {why}"),
            Self::Fatal(why) => write!(f, "the store failed: {why}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Which ceremonies of a user a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CeremonyFilter {
    /// Only this kind.
    pub kind: CeremonyKind,
    /// Only those that stand so at `now`; empty slice semantics do not exist: `None` shows all.
    pub standing: Option<Standing>,
    /// Leave out those that succeeded (a registration that succeeded is shown as its credential).
    pub unfinished_only: bool,
    /// Only those restricted to, or ended with, this credential.
    pub credential: Option<CredentialKey>,
    /// The moment at which expiry is computed.
    pub now: Timestamp,
}

/// What is stored about a [`Principal`].
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// The account that it proves.
    pub account: AccountId,
    /// Hash of the secret.
    pub hash: SecretHash,
}

/// Outcome of [`Storage::create_first_account`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstAccount {
    /// The store was empty; the account is there now.
    Created,
    /// There is an account already (the oldest one); nothing was changed.
    Exists(AccountId),
}

/// Outcome of [`Storage::create_user`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateUser {
    /// Done.
    Created,
    /// The name is taken by this user.
    Exists(User),
    /// The Relying Party is not there.
    RelyingPartyGone,
}

/// Outcome of a versioned update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Done.
    Done,
    /// Somebody else changed the record since it was read.
    Conflict,
    /// The record is not there.
    Gone,
}

/// What [`Storage::begin_registration`] writes.
#[derive(Clone, Debug)]
pub struct BeginRegistration<'a> {
    /// The ceremony, pending.
    pub ceremony: &'a Ceremony,
    /// The user to create with it; `None` when the user was found before.
    pub new_user: Option<&'a User>,
    /// Most pending registrations of this user, this one included; the oldest are dropped.
    pub max_pending: u32,
    /// Written along.
    pub events: &'a [AuditEvent],
}

/// Outcome of a begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Done.
    Begun,
    /// The user to create has come into being meanwhile; nothing was written.
    UserExists,
    /// The user or the Relying Party is not there any more; nothing was written.
    UserGone,
}

/// What [`Storage::load_for_authentication`] finds.
#[derive(Clone, Debug)]
pub struct LoadedAuthentication {
    /// The ceremony with this key.
    pub ceremony: Option<Ceremony>,
    /// The credential with this id within the Relying Party, and its owner.
    pub credential: Option<(CredentialRecord, User)>,
}

/// What [`Storage::finish_registration`] writes.
#[derive(Debug)]
pub struct FinishRegistration<'a> {
    /// This try.
    pub attempt: AttemptId,
    /// The moment of the decision.
    pub now: Timestamp,
    /// The credential that came out of the verification. Its key names the ceremony.
    pub credential: &'a NewCredential,
    /// Most credentials of the user, this one included.
    pub max_credentials: u32,
    /// Written along: as it is on success, as [`AuditEvent::refused`] when the ceremony is taken as failed.
    pub event: &'a AuditEvent,
}

/// Outcome of [`Storage::finish_registration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedRegistration {
    /// The ceremony was taken and the credential is there.
    Registered,
    /// Somebody on this Relying Party has a credential with this id. The ceremony was taken, as
    /// failed with `credential_exists`.
    CredentialExists,
    /// The user has as many credentials as allowed. The ceremony was taken, as failed with
    /// `too_many_credentials`.
    TooManyCredentials,
    /// No such ceremony (any more); nothing was written.
    Gone,
    /// Another attempt took the ceremony; nothing was written.
    Used,
    /// The ceremony's time had passed; nothing was written.
    Expired,
}

/// What a store does when the new signature counter is not above the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterRule {
    /// The credential is left alone and the ceremony is taken as failed with
    /// `sign_count_not_increased`, unless both counters are zero.
    MustIncrease,
    /// The higher of the two is kept.
    KeepHighest,
}

/// What [`Storage::finish_authentication`] writes.
#[derive(Debug)]
pub struct FinishAuthentication<'a> {
    /// This try.
    pub attempt: AttemptId,
    /// Whose ceremony it is.
    pub relying_party: RelyingPartyId,
    /// The ceremony to take.
    pub ceremony: CeremonyId,
    /// The moment of the decision.
    pub now: Timestamp,
    /// Record of the credential that signed.
    pub credential: CredentialKey,
    /// Its owner.
    pub user: UserId,
    /// What was verified.
    pub verified: &'a VerifiedAuthentication,
    /// What a counter that does not grow does.
    pub counter: CounterRule,
    /// Written along: as it is on success, as [`AuditEvent::refused`] when the ceremony is taken as failed.
    pub event: &'a AuditEvent,
}

/// Outcome of [`Storage::finish_authentication`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedAuthentication {
    /// The ceremony was taken, the credential's counter, backup state and last use are written.
    Accepted,
    /// The stored counter is not below the new one and the rule demands it. The ceremony was taken
    /// as failed, and the failure is noted with the user.
    CounterWentBack {
        /// The counter in the store.
        stored: u32,
    },
    /// The credential was deleted meanwhile. The ceremony was taken as failed with
    /// `credential_unknown`.
    CredentialGone,
    /// No such ceremony (any more); nothing was written.
    Gone,
    /// Another attempt took the ceremony; nothing was written.
    Used,
    /// The ceremony's time had passed; nothing was written.
    Expired,
}

/// What [`Storage::refuse_ceremony`] writes.
#[derive(Debug)]
pub struct RefuseCeremony<'a> {
    /// This try.
    pub attempt: AttemptId,
    /// Whose ceremony it is.
    pub relying_party: RelyingPartyId,
    /// The ceremony to take.
    pub ceremony: CeremonyId,
    /// The moment of the decision.
    pub now: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Whose sign-in failed by it; noted with the user, if there is one.
    pub failed_user: Option<UserId>,
    /// Written along.
    pub event: &'a AuditEvent,
}

/// Outcome of [`Storage::refuse_ceremony`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The ceremony was taken, as failed.
    Done,
    /// No such ceremony (any more).
    Gone,
    /// Another attempt took it.
    Used,
    /// Its time had passed.
    Expired,
}

/// Outcome of [`Storage::replace_metadata`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceMetadata {
    /// The store has them now.
    Replaced,
    /// The stored ones have no smaller number; nothing was written.
    NotNewer {
        /// The number of the stored ones.
        no: u64,
    },
}

/// What [`Storage::reserve_answer`] writes: the key of a call that may be sent again.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Who calls.
    pub account: AccountId,
    /// Image of the key and of the route.
    pub key: [u8; 32],
    /// Image of what the call is done with.
    pub content: [u8; 32],
    /// This try.
    pub attempt: AttemptId,
    /// The present moment.
    pub now: Timestamp,
    /// When the key is free again.
    pub expires: Timestamp,
    /// A call without an answer that was begun before this moment was given up.
    pub abandoned_before: Timestamp,
    /// Most keys of the account, this one included; the oldest are dropped.
    pub max_per_account: u32,
}

/// Outcome of [`Storage::reserve_answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The key was free, or its call was given up: this attempt has it now.
    Yours,
    /// The call was done; this is its answer.
    Answered(Vec<u8>),
    /// Another attempt has the key and no answer yet.
    Running,
    /// The key belongs to a call with other content.
    Different,
}

/// What one [`Storage::sweep`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Ceremonies.
    pub ceremonies: u64,
    /// Audit events.
    pub events: u64,
    /// Tokens noted as used.
    pub tokens: u64,
    /// Kept answers.
    pub answers: u64,
}

/// The store behind the domain.
///
/// Idempotence: an operation with an [`AttemptId`] that took a ceremony answers the same when it is
/// sent again with the same attempt, and writes nothing twice.
///
/// Durability: when a call returns, what it wrote survives the death of the process; and, but for
/// [`begin_authentication`](Self::begin_authentication), the loss of power.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    // ---- accounts -------------------------------------------------------------------------

    /// Creates the account if the store holds none.
    async fn create_first_account(&self, account: &Account) -> Result<FirstAccount, Fault>;
    /// Adds an account; `false` when one with this key is there already.
    async fn create_account(&self, account: &Account) -> Result<bool, Fault>;
    /// All accounts.
    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, Fault>;
    /// Replaces the hash of an account's token; `false` when the account is not there.
    async fn replace_account_token(
        &self,
        account: AccountId,
        token: SecretHash,
    ) -> Result<bool, Fault>;
    /// The stored hash of a principal's secret.
    async fn secret(&self, principal: Principal) -> Result<Option<StoredSecret>, Fault>;
    /// Adds an API key to an account; `false` when the account is not there.
    async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Fault>;
    /// API keys of an account.
    async fn list_api_keys(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Fault>;
    /// Removes an API key; `false` when it is not there.
    async fn delete_api_key(&self, account: AccountId, key: ApiKeyId) -> Result<bool, Fault>;
    /// The secret that all nodes of this store share: the stored one, else `candidate`, stored now.
    async fn shared_secret(&self, candidate: [u8; 32]) -> Result<[u8; 32], Fault>;

    // ---- relying parties ------------------------------------------------------------------

    /// Adds a Relying Party; `false` when the account is not there.
    async fn create_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// The Relying Party with this key.
    async fn relying_party(&self, id: RelyingPartyId) -> Result<Option<RelyingParty>, Fault>;
    /// Relying Parties of an account.
    async fn list_relying_parties(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<RelyingParty>, Fault>;
    /// Relying Parties of every account in the order of their keys, at most `limit` of those after `after`.
    async fn walk_relying_parties(
        &self,
        after: Option<RelyingPartyId>,
        limit: u32,
    ) -> Result<Vec<RelyingParty>, Fault>;
    /// Replaces a Relying Party whose stored version is `rp.version - 1`.
    async fn update_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<Update, Fault>;
    /// Removes a Relying Party and everything in it; `false` when it is not there.
    async fn delete_relying_party(&self, id: RelyingPartyId) -> Result<bool, Fault>;

    // ---- users ----------------------------------------------------------------------------

    /// Adds a user.
    async fn create_user(&self, user: &User, event: &AuditEvent) -> Result<CreateUser, Fault>;
    /// The user with this name or key.
    async fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Result<Option<User>, Fault>;
    /// The user with this name or key and all their credentials, oldest first.
    async fn user_with_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserRef<'_>,
    ) -> Result<Option<(User, Vec<CredentialRecord>)>, Fault>;
    /// Users of a Relying Party.
    async fn list_users(&self, rp: RelyingPartyId, page: PageRequest) -> Result<Page<User>, Fault>;
    /// Removes a user with all credentials and ceremonies; `false` when not there.
    async fn delete_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;

    // ---- ceremonies -----------------------------------------------------------------------

    /// Writes a new registration ceremony, and its user if new.
    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault>;
    /// Writes a new authentication ceremony. For a known user at most `max_pending` pending ones
    /// are kept, the oldest are dropped.
    async fn begin_authentication(
        &self,
        ceremony: &Ceremony,
        max_pending: u32,
    ) -> Result<Begin, Fault>;
    /// The ceremony with this key.
    async fn ceremony(&self, rp: RelyingPartyId, id: CeremonyId)
    -> Result<Option<Ceremony>, Fault>;
    /// The ceremony with this key and the credential with this id, in one read.
    async fn load_for_authentication(
        &self,
        rp: RelyingPartyId,
        ceremony: CeremonyId,
        credential: &CredentialId,
    ) -> Result<LoadedAuthentication, Fault>;
    /// Takes a registration ceremony and stores its credential.
    async fn finish_registration(
        &self,
        finish: FinishRegistration<'_>,
    ) -> Result<FinishedRegistration, Fault>;
    /// Takes an authentication ceremony and updates its credential.
    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault>;
    /// Takes a ceremony as failed.
    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault>;
    /// Ceremonies of a user.
    async fn list_ceremonies(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: CeremonyFilter,
        page: PageRequest,
    ) -> Result<Page<Ceremony>, Fault>;
    /// Gives the credential of an unfinished registration another name; the ceremony as it is
    /// then, `None` when there is none or it succeeded.
    async fn rename_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, Fault>;
    /// Removes an unfinished registration; `false` when there is none or it succeeded.
    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault>;

    // ---- credentials ----------------------------------------------------------------------

    /// The credential with this key, and its owner.
    async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<(CredentialRecord, User)>, Fault>;
    /// What the registration of the credential with this key brought besides it.
    async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<Evidence>, Fault>;
    /// Credentials of a user.
    async fn list_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<CredentialRecord>, Fault>;
    /// Gives a credential another name; the record as it is then.
    async fn rename_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        name: &str,
        event: &AuditEvent,
    ) -> Result<Option<CredentialRecord>, Fault>;
    /// Removes a credential, and keeps its last use with the user; `false` when not there.
    async fn delete_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;

    // ---- webhooks -------------------------------------------------------------------------

    /// Adds a webhook; `false` when the Relying Party is not there.
    async fn create_webhook(&self, webhook: &Webhook) -> Result<bool, Fault>;
    /// The webhook with this key.
    async fn webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<Option<Webhook>, Fault>;
    /// Webhooks of a Relying Party.
    async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Fault>;
    /// Replaces a webhook; `false` when not there.
    async fn update_webhook(&self, webhook: &Webhook) -> Result<bool, Fault>;
    /// Removes a webhook; `false` when not there.
    async fn delete_webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<bool, Fault>;

    // ---- metadata -------------------------------------------------------------------------

    /// The metadata BLOB, if there is one and, with `above`, its number is greater.
    async fn metadata(&self, above: Option<u64>) -> Result<Option<StoredMetadata>, Fault>;
    /// Puts a metadata BLOB in the place of one with a smaller number, or of none.
    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault>;
    /// Removes the metadata BLOB, and with it the number that keeps smaller ones out; `false` when there is none.
    async fn remove_metadata(&self) -> Result<bool, Fault>;

    // ---- access keys and tokens -----------------------------------------------------------

    /// Adds an access key; `false` when the Relying Party is not there.
    async fn create_access_key(&self, key: &AccessKey, event: &AuditEvent) -> Result<bool, Fault>;
    /// The access key with this key.
    async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Option<AccessKey>, Fault>;
    /// Access keys of a Relying Party.
    async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AccessKey>, Fault>;
    /// Removes an access key; `false` when not there.
    async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault>;
    /// The Relying Party's key for tokens of a kind, if there is one.
    async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Option<TokenKey>, Fault>;
    /// The Relying Party's key for tokens of a kind: the stored one, else `candidate`, stored now;
    /// `None` when the Relying Party is not there.
    async fn keep_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        candidate: TokenKey,
    ) -> Result<Option<TokenKey>, Fault>;
    /// Notes that a token is used; `false` when it was noted before, or the Relying Party is not
    /// there. The note may go once `expires` has passed, for then the token itself is worth nothing.
    async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
    ) -> Result<bool, Fault>;
    /// Whether a token is noted as used.
    async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Fault>;

    // ---- upkeep ---------------------------------------------------------------------------

    /// Audit events of a Relying Party.
    async fn list_events(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AuditEvent>, Fault>;
    /// Reserves the key of a call for an attempt.
    async fn reserve_answer(&self, reservation: &Reservation) -> Result<Reserved, Fault>;
    /// Keeps the answer of a call; `false` when the attempt has not the key (any more).
    async fn keep_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
        answer: &[u8],
    ) -> Result<bool, Fault>;
    /// Gives the key of a call without an answer free; `false` when the attempt has not the key (any more).
    async fn release_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
    ) -> Result<bool, Fault>;
    /// Removes ceremonies and notes of used tokens that expired before `expired_before`, events older than `events_before`,
    /// and answers that expired before `answers_before`, at most `budget` rows of each.
    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        answers_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), Fault>;
    /// Ends the store's work; what was acknowledged is on disk afterwards.
    async fn close(&self) -> Result<(), Fault>;
}
