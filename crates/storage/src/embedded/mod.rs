//! The embedded store: one `SQLite` file, one writer, a few readers.
//!
//! * [`writer`]: a thread that runs waiting writes in groups, one commit each;
//! * [`readers`]: read-only connections;
//! * [`open`]: file, lock, format, settings;
//! * [`writes`], [`reads`]: what the operations do; [`rows`]: how records lie in rows.

mod open;
mod readers;
mod reads;
mod rows;
mod sql;
#[cfg(test)]
mod tests;
mod writer;
mod writes;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use domain::model::access_key::AccessKey;
use domain::model::account::Principal;
use domain::model::account::{Account, ApiKey, SecretHash};
use domain::model::audit::AuditEvent;
use domain::model::ceremony::Ceremony;
use domain::model::clock::Timestamp;
use domain::model::credential::{CredentialRecord, Evidence};
use domain::model::ids::{
    AccessKeyId, AccountId, ApiKeyId, AttemptId, CeremonyId, CredentialKey, RelyingPartyId,
    TokenId, UserId, WebhookId,
};
use domain::model::metadata::StoredMetadata;
use domain::model::page::{Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::model::token::{TokenKey, TokenKind};
use domain::model::user::{User, UserRef};
use domain::model::webhook::Webhook;
use domain::store::{
    Begin, BeginRegistration, CeremonyFilter, CreateUser, Fault, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, FirstAccount,
    LoadedAuthentication, RefuseCeremony, Refused, ReplaceMetadata, Reservation, Reserved, Storage,
    StoredSecret, Swept, Update,
};
use parking_lot::Mutex;
use rusqlite::Connection;
use webauthn::credential::CredentialId;

pub use self::open::OpenError;
use self::readers::Readers;
use self::rows::{CeremonyRow, CredentialRow, json};
use self::sql::Outcome;
use self::writer::{Durability, Writer};
use self::writes::{AccessKeyRow, Claim, RelyingPartyRow, SignIn};

/// Most rows that one job of the sweep removes, so that others get in between.
const SWEEP_CHUNK: u32 = 500;

/// How an embedded store uses the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Connections for reads of single records.
    pub readers: usize,
    /// Connections for lists.
    pub list_readers: usize,
    /// Page cache of the writer, in KiB.
    pub writer_cache_kib: u32,
    /// Page cache of each reader, in KiB.
    pub reader_cache_kib: u32,
    /// Writes that may wait in the queue; further ones wait to be let in.
    pub queue: usize,
}

impl Default for Options {
    /// Small enough for a process that is to stay below 40 MB: the operating system's page cache does
    /// most of the work.
    fn default() -> Self {
        Self {
            readers: 4,
            list_readers: 2,
            writer_cache_kib: 8 * 1024,
            reader_cache_kib: 1024,
            queue: 1024,
        }
    }
}

/// A store in one `SQLite` file of its own.
pub struct Embedded {
    writer: Arc<Writer>,
    /// For single records, on the calling task: such a read takes some microseconds from the page
    /// cache, less than a hop to another thread and back.
    points: Readers,
    /// For lists, on the blocking pool: how long they take is up to the caller.
    lists: Arc<Readers>,
    lock: Mutex<Option<File>>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store at `path`; makes it, readable by its owner only, when there is none.
    ///
    /// Beside the database lie `<path>.lock`, which keeps a second process out, and while it is open the
    /// log of `SQLite` (`-wal`, `-shm`). Reads and migrates on the calling thread.
    ///
    /// # Errors
    /// [`OpenError`]: no access, in use, of a newer format, foreign or damaged.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        let fault = |fault| OpenError::Database {
            path: path.to_owned(),
            fault,
        };
        let lock = open::lock(path)?;
        let connection = open::open_writer(path, options.writer_cache_kib)?;
        let readers = |count| {
            Readers::open(path, count, options.reader_cache_kib).map_err(|f| fault(f.into()))
        };
        let points = readers(options.readers)?;
        let lists = Arc::new(readers(options.list_readers)?);
        let writer =
            Writer::start(connection, options.queue.max(1)).map_err(|source| OpenError::Io {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            writer: Arc::new(writer),
            points,
            lists,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// A write that is on disk when it returns.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.writer.run(Durability::Power, work).await
    }

    async fn list<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let lists = Arc::clone(&self.lists);
        tokio::task::spawn_blocking(move || lists.read(read))
            .await
            .unwrap_or_else(|_| Err(Fault::Retryable("the read was given up".to_owned())))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.points.close();
        self.lists.close();
        // What was acknowledged is in the log already; this only waits for the thread.
        self.writer.stop();
    }
}

fn relying_party_row(rp: &RelyingParty) -> Result<RelyingPartyRow, Fault> {
    Ok(RelyingPartyRow {
        id: rp.id,
        account: rp.account,
        version: i64::try_from(rp.version)
            .map_err(|_| Fault::Fatal("a version beyond all counting".to_owned()))?,
        created: rp.created,
        body: json(rp)?,
    })
}

#[async_trait]
impl Storage for Embedded {
    async fn create_first_account(&self, account: &Account) -> Result<FirstAccount, Fault> {
        let account = account.clone();
        self.write(move |c| writes::create_first_account(c, &account))
            .await
    }

    async fn create_account(&self, account: &Account) -> Result<bool, Fault> {
        let account = account.clone();
        self.write(move |c| writes::create_account(c, &account))
            .await
    }

    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, Fault> {
        self.list(move |c| reads::list_accounts(c, page)).await
    }

    async fn replace_account_token(
        &self,
        account: AccountId,
        token: SecretHash,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::replace_account_token(c, account, token))
            .await
    }

    async fn secret(&self, principal: Principal) -> Result<Option<StoredSecret>, Fault> {
        self.points.read(|c| reads::secret(c, principal))
    }

    async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Fault> {
        let key = key.clone();
        self.write(move |c| writes::create_api_key(c, &key)).await
    }

    async fn list_api_keys(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Fault> {
        self.list(move |c| reads::list_api_keys(c, account, page))
            .await
    }

    async fn delete_api_key(&self, account: AccountId, key: ApiKeyId) -> Result<bool, Fault> {
        self.write(move |c| writes::delete_api_key(c, account, key))
            .await
    }

    async fn shared_secret(&self, candidate: [u8; 32]) -> Result<[u8; 32], Fault> {
        self.write(move |c| writes::shared_secret(c, candidate))
            .await
    }

    async fn create_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let (row, event) = (relying_party_row(rp)?, event.clone());
        self.write(move |c| writes::create_relying_party(c, &row, &event))
            .await
    }

    async fn relying_party(&self, id: RelyingPartyId) -> Result<Option<RelyingParty>, Fault> {
        self.points.read(|c| reads::relying_party(c, id))
    }

    async fn list_relying_parties(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<RelyingParty>, Fault> {
        self.list(move |c| reads::list_relying_parties(c, account, page))
            .await
    }

    async fn walk_relying_parties(
        &self,
        after: Option<RelyingPartyId>,
        limit: u32,
    ) -> Result<Vec<RelyingParty>, Fault> {
        self.list(move |c| reads::walk_relying_parties(c, after, limit))
            .await
    }

    async fn update_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<Update, Fault> {
        let (row, event) = (relying_party_row(rp)?, event.clone());
        self.write(move |c| writes::update_relying_party(c, &row, &event))
            .await
    }

    async fn delete_relying_party(&self, id: RelyingPartyId) -> Result<bool, Fault> {
        self.write(move |c| writes::delete_relying_party(c, id))
            .await
    }

    async fn create_user(&self, user: &User, event: &AuditEvent) -> Result<CreateUser, Fault> {
        let (user, event) = (user.clone(), event.clone());
        self.write(move |c| writes::create_user(c, &user, &event))
            .await
    }

    async fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Result<Option<User>, Fault> {
        self.points.read(|c| reads::user(c, rp, user))
    }

    async fn user_with_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserRef<'_>,
    ) -> Result<Option<(User, Vec<CredentialRecord>)>, Fault> {
        self.points
            .read(|c| reads::user_with_credentials(c, rp, user))
    }

    async fn list_users(&self, rp: RelyingPartyId, page: PageRequest) -> Result<Page<User>, Fault> {
        self.list(move |c| reads::list_users(c, rp, page)).await
    }

    async fn delete_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| writes::delete_user(c, rp, user, &event))
            .await
    }

    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault> {
        let row = CeremonyRow::new(begin.ceremony)?;
        let (user, events) = (begin.new_user.cloned(), begin.events.to_vec());
        let max = begin.max_pending;
        self.write(move |c| writes::begin_registration(c, &row, user.as_ref(), max, &events))
            .await
    }

    async fn begin_authentication(
        &self,
        ceremony: &Ceremony,
        max_pending: u32,
    ) -> Result<Begin, Fault> {
        let row = CeremonyRow::new(ceremony)?;
        self.writer
            .run(Durability::Process, move |c| {
                writes::begin_authentication(c, &row, max_pending)
            })
            .await
    }

    async fn ceremony(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Result<Option<Ceremony>, Fault> {
        self.points.read(|c| reads::ceremony(c, rp, id))
    }

    async fn load_for_authentication(
        &self,
        rp: RelyingPartyId,
        ceremony: CeremonyId,
        credential: &CredentialId,
    ) -> Result<LoadedAuthentication, Fault> {
        self.points
            .read(|c| reads::load_for_authentication(c, rp, ceremony, credential))
    }

    async fn finish_registration(
        &self,
        finish: FinishRegistration<'_>,
    ) -> Result<FinishedRegistration, Fault> {
        let row = CredentialRow::new(finish.credential)?;
        let claim = Claim {
            attempt: finish.attempt,
            relying_party: row.record.relying_party,
            ceremony: row.record.key.into(),
            now: finish.now,
        };
        let (max, event) = (finish.max_credentials, finish.event.clone());
        self.write(move |c| writes::finish_registration(c, claim, &row, max, &event))
            .await
    }

    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault> {
        let sign_in = SignIn::new(&finish);
        self.write(move |c| writes::finish_authentication(c, &sign_in))
            .await
    }

    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault> {
        let claim = Claim {
            attempt: refuse.attempt,
            relying_party: refuse.relying_party,
            ceremony: refuse.ceremony,
            now: refuse.now,
        };
        let (reason, failed, event) = (refuse.reason, refuse.failed_user, refuse.event.clone());
        self.write(move |c| writes::refuse_ceremony(c, claim, reason, failed, &event))
            .await
    }

    async fn list_ceremonies(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: CeremonyFilter,
        page: PageRequest,
    ) -> Result<Page<Ceremony>, Fault> {
        self.list(move |c| reads::list_ceremonies(c, rp, user, &filter, page))
            .await
    }

    async fn rename_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, Fault> {
        let name = name.to_owned();
        self.write(move |c| writes::rename_registration(c, rp, user, id, &name, now))
            .await
    }

    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::delete_registration(c, rp, user, id))
            .await
    }

    async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<(CredentialRecord, User)>, Fault> {
        self.points.read(|c| reads::credential(c, rp, key))
    }

    async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<Evidence>, Fault> {
        self.points.read(|c| reads::evidence(c, rp, key))
    }

    async fn list_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<CredentialRecord>, Fault> {
        self.list(move |c| reads::list_credentials(c, rp, user, page))
            .await
    }

    async fn rename_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        name: &str,
        event: &AuditEvent,
    ) -> Result<Option<CredentialRecord>, Fault> {
        let (name, event) = (name.to_owned(), event.clone());
        self.write(move |c| writes::rename_credential(c, rp, user, key, &name, &event))
            .await
    }

    async fn delete_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| writes::delete_credential(c, rp, user, key, &event))
            .await
    }

    async fn create_webhook(&self, webhook: &Webhook) -> Result<bool, Fault> {
        let (rp, id, created) = (webhook.relying_party, webhook.id.0, webhook.created);
        let body = json(webhook)?;
        self.write(move |c| writes::create_webhook(c, rp, id, created, &body))
            .await
    }

    async fn webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        self.points.read(|c| reads::webhook(c, rp, id.0))
    }

    async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, Fault> {
        self.list(move |c| reads::list_webhooks(c, rp, page)).await
    }

    async fn update_webhook(&self, webhook: &Webhook) -> Result<bool, Fault> {
        let (rp, id, body) = (webhook.relying_party, webhook.id.0, json(webhook)?);
        self.write(move |c| writes::update_webhook(c, rp, id, &body))
            .await
    }

    async fn delete_webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<bool, Fault> {
        self.write(move |c| writes::delete_webhook(c, rp, id.0))
            .await
    }

    async fn metadata(&self, above: Option<u64>) -> Result<Option<StoredMetadata>, Fault> {
        // The usual answer is that there are none above; a BLOB itself is read once in a process.
        self.list(move |c| reads::metadata(c, above)).await
    }

    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault> {
        let new = new.clone();
        self.write(move |c| writes::replace_metadata(c, &new)).await
    }

    async fn remove_metadata(&self) -> Result<bool, Fault> {
        self.write(writes::remove_metadata).await
    }

    async fn create_access_key(&self, key: &AccessKey, event: &AuditEvent) -> Result<bool, Fault> {
        let row = AccessKeyRow {
            relying_party: key.relying_party,
            id: key.id,
            created: key.created,
            body: json(key)?,
        };
        let event = event.clone();
        self.write(move |c| writes::create_access_key(c, &row, &event))
            .await
    }

    async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Option<AccessKey>, Fault> {
        self.points.read(|c| reads::access_key(c, rp, id))
    }

    async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AccessKey>, Fault> {
        self.list(move |c| reads::list_access_keys(c, rp, page))
            .await
    }

    async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let event = event.clone();
        self.write(move |c| writes::delete_access_key(c, rp, id, &event))
            .await
    }

    async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Option<TokenKey>, Fault> {
        self.points.read(|c| reads::token_key(c, rp, kind))
    }

    async fn keep_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        candidate: TokenKey,
    ) -> Result<Option<TokenKey>, Fault> {
        self.write(move |c| writes::keep_token_key(c, rp, kind, candidate))
            .await
    }

    async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::claim_once(c, rp, token, expires))
            .await
    }

    async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Fault> {
        self.points.read(|c| reads::is_claimed(c, rp, token))
    }

    async fn list_events(
        &self,
        rp: RelyingPartyId,
        page: PageRequest,
    ) -> Result<Page<AuditEvent>, Fault> {
        self.list(move |c| reads::list_events(c, rp, page)).await
    }

    async fn reserve_answer(&self, reservation: &Reservation) -> Result<Reserved, Fault> {
        let reservation = reservation.clone();
        self.write(move |c| writes::reserve_answer(c, &reservation))
            .await
    }

    async fn keep_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
        answer: &[u8],
    ) -> Result<bool, Fault> {
        let answer = answer.to_vec();
        self.write(move |c| writes::keep_answer(c, account, key, attempt, &answer))
            .await
    }

    async fn release_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::release_answer(c, account, key, attempt))
            .await
    }

    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        answers_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault> {
        let ceremonies = self
            .sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_ceremonies(c, expired_before, limit)
            })
            .await?;
        let tokens = self
            .sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_tokens(c, expired_before, limit)
            })
            .await?;
        let answers = self
            .sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_answers(c, answers_before, limit)
            })
            .await?;
        let mut events = 0;
        for rp in self
            .list(move |c| reads::with_old_events(c, events_before))
            .await?
        {
            let left = budget - events;
            if left == 0 {
                break;
            }
            events += self
                .sweep_in_chunks(left, move |c, limit| {
                    writes::sweep_events(c, rp, events_before, limit)
                })
                .await?;
        }
        Ok(Swept {
            ceremonies: u64::from(ceremonies),
            events: u64::from(events),
            tokens: u64::from(tokens),
            answers: u64::from(answers),
        })
    }

    async fn ping(&self) -> Result<(), Fault> {
        self.points.read(reads::ping)
    }

    async fn close(&self) -> Result<(), Fault> {
        self.points.close();
        let (writer, lists) = (Arc::clone(&self.writer), Arc::clone(&self.lists));
        let stopped = tokio::task::spawn_blocking(move || {
            lists.close();
            writer.stop();
        });
        stopped
            .await
            .map_err(|_| Fault::Fatal("the store did not stop".to_owned()))?;
        self.lock.lock().take();
        Ok(())
    }
}

impl Embedded {
    /// Removes rows in jobs of a bounded size until nothing is left to remove, or `budget` rows are
    /// gone; how many are gone.
    async fn sweep_in_chunks(
        &self,
        budget: u32,
        remove: impl Fn(&Connection, u32) -> Outcome<usize> + Copy + Send + 'static,
    ) -> Result<u32, Fault> {
        let mut removed = 0;
        while removed < budget {
            let limit = SWEEP_CHUNK.min(budget - removed);
            let count = self.write(move |c| remove(c, limit)).await?;
            let count = u32::try_from(count).unwrap_or(limit);
            removed += count;
            if count < limit {
                break;
            }
        }
        Ok(removed)
    }
}
