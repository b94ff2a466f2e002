//! The reference store: plain maps behind one lock. It says what each operation means in the fewest words, and
//! other stores are compared with it. Nothing survives the process.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use async_trait::async_trait;
use domain::access_keys::AccessKey;
use domain::accounts::{Account, ApiKey};
use domain::audit::AuditEvent;
use domain::ceremony::{Asked, Ceremony, CeremonyKind, CeremonyState};
use domain::clock::Timestamp;
use domain::credentials::{CredentialRecord, Evidence};
use domain::ids::{
    AccessKeyId, AccountId, ApiKeyId, AttemptId, CeremonyId, CredentialKey, EventId,
    RelyingPartyId, TokenId, UserId, WebhookId,
};
use domain::metadata::StoredMetadata;
use domain::relying_parties::RelyingParty;
use domain::storage::{
    Begin, BeginRegistration, CeremonyFilter, CounterRule, CreateUser, Fault, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, FirstAccount,
    LoadedAuthentication, Order, Page, PageRequest, Principal, RefuseCeremony, Refused,
    ReplaceMetadata, Storage, StoredSecret, Swept, Update,
};
use domain::tokens::{TokenKey, TokenKind};
use domain::users::{User, UserRef};
use domain::webhooks::Webhook;
use parking_lot::{Mutex, MutexGuard};
use webauthn::credential::CredentialId;
use webauthn::error::Reason;

/// A store in the memory of the process.
#[derive(Default)]
pub struct Memory(Mutex<State>);

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    shared_secret: Option<[u8; 32]>,
    accounts: BTreeMap<AccountId, Account>,
    api_keys: BTreeMap<ApiKeyId, ApiKey>,
    relying_parties: BTreeMap<RelyingPartyId, RelyingParty>,
    users: BTreeMap<(RelyingPartyId, UserId), User>,
    credentials: BTreeMap<(RelyingPartyId, CredentialKey), CredentialRecord>,
    /// Of the credentials that are there, and perhaps of some that are gone.
    evidence: BTreeMap<(RelyingPartyId, CredentialKey), Evidence>,
    ceremonies: BTreeMap<(RelyingPartyId, CeremonyId), Kept>,
    webhooks: BTreeMap<(RelyingPartyId, WebhookId), Webhook>,
    access_keys: BTreeMap<(RelyingPartyId, AccessKeyId), AccessKey>,
    token_keys: BTreeMap<(RelyingPartyId, TokenKind), TokenKey>,
    /// One-time tokens that were used, and when they expire.
    used_tokens: BTreeMap<(RelyingPartyId, TokenId), Timestamp>,
    events: BTreeMap<(RelyingPartyId, Timestamp, EventId), AuditEvent>,
    metadata: Option<StoredMetadata>,
}

/// A ceremony, and who took it.
struct Kept {
    ceremony: Ceremony,
    claimed_by: Option<AttemptId>,
    /// The stored counter that the attempt did not exceed.
    stored_count: Option<u32>,
}

/// A fresh key must be fresh.
fn vacant<K: Ord, V>(map: &BTreeMap<K, V>, key: &K) -> Result<(), Fault> {
    if map.contains_key(key) {
        Err(Fault::Fatal("a key is taken".to_owned()))
    } else {
        Ok(())
    }
}

/// A page of rows by their position.
fn page<T>(
    rows: impl Iterator<Item = T>,
    request: PageRequest,
    position: impl Fn(&T) -> (Timestamp, [u8; 16]),
) -> Page<T> {
    let mut rows: Vec<T> = rows.collect();
    rows.sort_by_key(&position);
    if request.order == Order::Descending {
        rows.reverse();
    }
    if let Some(after) = request.after {
        let after = (after.created, after.key);
        rows.retain(|row| match request.order {
            Order::Ascending => position(row) > after,
            Order::Descending => position(row) < after,
        });
    }
    let limit = request.limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Page { items: rows, more }
}

impl State {
    fn user_named(&self, rp: RelyingPartyId, name: &str) -> Option<&User> {
        self.users
            .values()
            .find(|u| u.relying_party == rp && u.name == name)
    }

    fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Option<&User> {
        match user {
            UserRef::Name(name) => self.user_named(rp, name),
            UserRef::Id(id) => self.users.get(&(rp, id)),
        }
    }

    /// Notes a sign-in of a user that was refused.
    fn failed(&mut self, rp: RelyingPartyId, user: UserId, now: Timestamp) {
        if let Some(user) = self.users.get_mut(&(rp, user)) {
            user.last_failure = user.last_failure.max(Some(now));
        }
    }

    fn credentials_of(
        &self,
        rp: RelyingPartyId,
        user: UserId,
    ) -> impl Iterator<Item = &CredentialRecord> {
        self.credentials
            .values()
            .filter(move |c| c.relying_party == rp && c.user == user)
    }

    fn with_owner(&self, record: &CredentialRecord) -> Option<(CredentialRecord, User)> {
        let owner = self.users.get(&(record.relying_party, record.user))?;
        Some((record.clone(), owner.clone()))
    }

    fn record(&mut self, event: &AuditEvent) {
        self.events
            .insert((event.relying_party, event.at, event.id), event.clone());
    }

    /// Writes a new ceremony; the oldest pending ones of its kind and user make room.
    fn begin(&mut self, ceremony: &Ceremony, max_pending: u32) {
        let rp = ceremony.relying_party;
        if ceremony.user.is_some() {
            let mut pending: Vec<(Timestamp, CeremonyId)> = self
                .ceremonies
                .values()
                .map(|kept| &kept.ceremony)
                .filter(|c| {
                    c.relying_party == rp
                        && c.user == ceremony.user
                        && c.kind() == ceremony.kind()
                        && c.state == CeremonyState::Pending
                })
                .map(|c| (c.created, c.id))
                .collect();
            pending.sort_unstable();
            let keep = (max_pending as usize).saturating_sub(1);
            pending.truncate(pending.len().saturating_sub(keep));
            for (_, id) in pending {
                self.ceremonies.remove(&(rp, id));
            }
        }
        let kept = Kept {
            ceremony: ceremony.clone(),
            claimed_by: None,
            stored_count: None,
        };
        self.ceremonies.insert((rp, ceremony.id), kept);
    }

    /// How a ceremony stands for an attempt.
    fn claim(
        &mut self,
        key: (RelyingPartyId, CeremonyId),
        kind: Option<CeremonyKind>,
        attempt: AttemptId,
        now: Timestamp,
    ) -> Claim<'_> {
        let Some(kept) = self.ceremonies.get_mut(&key) else {
            return Claim::Gone;
        };
        if kind.is_some_and(|kind| kind != kept.ceremony.kind()) {
            Claim::Gone
        } else if kept.claimed_by == Some(attempt) {
            Claim::Repeated(kept.ceremony.state, kept.stored_count)
        } else if kept.ceremony.state != CeremonyState::Pending {
            Claim::Used
        } else if now >= kept.ceremony.expires {
            Claim::Expired
        } else {
            Claim::Open(kept)
        }
    }
}

enum Claim<'a> {
    Open(&'a mut Kept),
    Repeated(CeremonyState, Option<u32>),
    Gone,
    Used,
    Expired,
}

impl Kept {
    fn take(&mut self, attempt: AttemptId, now: Timestamp, state: CeremonyState) {
        self.claimed_by = Some(attempt);
        self.ceremony.updated = now;
        self.ceremony.state = state;
    }
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

#[async_trait]
impl Storage for Memory {
    async fn create_first_account(&self, account: &Account) -> Result<FirstAccount, Fault> {
        let mut state = self.state();
        if let Some(oldest) = state.accounts.values().min_by_key(|a| (a.created, a.id)) {
            return Ok(FirstAccount::Exists(oldest.id));
        }
        state.accounts.insert(account.id, account.clone());
        Ok(FirstAccount::Created)
    }

    async fn secret(&self, principal: Principal) -> Result<Option<StoredSecret>, Fault> {
        let state = self.state();
        Ok(match principal {
            Principal::Account(id) => state.accounts.get(&id).map(|account| StoredSecret {
                account: id,
                hash: account.token,
            }),
            Principal::ApiKey(id) => state.api_keys.get(&id).map(|key| StoredSecret {
                account: key.account,
                hash: key.secret,
            }),
        })
    }

    async fn create_api_key(&self, key: &ApiKey) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.accounts.contains_key(&key.account) {
            return Ok(false);
        }
        vacant(&state.api_keys, &key.id)?;
        state.api_keys.insert(key.id, key.clone());
        Ok(true)
    }

    async fn list_api_keys(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<ApiKey>, Fault> {
        let state = self.state();
        let keys = state
            .api_keys
            .values()
            .filter(|k| k.account == account)
            .cloned();
        Ok(page(keys, request, |k| (k.created, k.id.0)))
    }

    async fn delete_api_key(&self, account: AccountId, key: ApiKeyId) -> Result<bool, Fault> {
        let mut state = self.state();
        if state
            .api_keys
            .get(&key)
            .is_none_or(|k| k.account != account)
        {
            return Ok(false);
        }
        state.api_keys.remove(&key);
        Ok(true)
    }

    async fn shared_secret(&self, candidate: [u8; 32]) -> Result<[u8; 32], Fault> {
        Ok(*self.state().shared_secret.get_or_insert(candidate))
    }

    async fn create_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.accounts.contains_key(&rp.account) {
            return Ok(false);
        }
        vacant(&state.relying_parties, &rp.id)?;
        state.relying_parties.insert(rp.id, rp.clone());
        state.record(event);
        Ok(true)
    }

    async fn relying_party(&self, id: RelyingPartyId) -> Result<Option<RelyingParty>, Fault> {
        Ok(self.state().relying_parties.get(&id).cloned())
    }

    async fn list_relying_parties(
        &self,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<RelyingParty>, Fault> {
        let state = self.state();
        let rows = state
            .relying_parties
            .values()
            .filter(|rp| rp.account == account)
            .cloned();
        Ok(page(rows, request, |rp| (rp.created, rp.id.0)))
    }

    async fn walk_relying_parties(
        &self,
        after: Option<RelyingPartyId>,
        limit: u32,
    ) -> Result<Vec<RelyingParty>, Fault> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let rows = state.relying_parties.range((from, Bound::Unbounded));
        Ok(rows
            .take(limit as usize)
            .map(|(_, rp)| rp.clone())
            .collect())
    }

    async fn update_relying_party(
        &self,
        rp: &RelyingParty,
        event: &AuditEvent,
    ) -> Result<Update, Fault> {
        let mut state = self.state();
        let Some(stored) = state.relying_parties.get_mut(&rp.id) else {
            return Ok(Update::Gone);
        };
        if stored.version + 1 != rp.version {
            return Ok(Update::Conflict);
        }
        *stored = rp.clone();
        state.record(event);
        Ok(Update::Done)
    }

    async fn delete_relying_party(&self, id: RelyingPartyId) -> Result<bool, Fault> {
        let mut state = self.state();
        if state.relying_parties.remove(&id).is_none() {
            return Ok(false);
        }
        state.users.retain(|(rp, _), _| *rp != id);
        state.credentials.retain(|(rp, _), _| *rp != id);
        state.ceremonies.retain(|(rp, _), _| *rp != id);
        state.webhooks.retain(|(rp, _), _| *rp != id);
        state.access_keys.retain(|(rp, _), _| *rp != id);
        state.token_keys.retain(|(rp, _), _| *rp != id);
        state.used_tokens.retain(|(rp, _), _| *rp != id);
        Ok(true)
    }

    async fn create_user(&self, user: &User, event: &AuditEvent) -> Result<CreateUser, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&user.relying_party) {
            return Ok(CreateUser::RelyingPartyGone);
        }
        if let Some(taken) = state.user_named(user.relying_party, &user.name) {
            return Ok(CreateUser::Exists(taken.clone()));
        }
        let key = (user.relying_party, user.id);
        vacant(&state.users, &key)?;
        state.users.insert(key, user.clone());
        state.record(event);
        Ok(CreateUser::Created)
    }

    async fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Result<Option<User>, Fault> {
        Ok(self.state().user(rp, user).cloned())
    }

    async fn user_with_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserRef<'_>,
    ) -> Result<Option<(User, Vec<CredentialRecord>)>, Fault> {
        let state = self.state();
        Ok(state.user(rp, user).map(|user| {
            let mut credentials: Vec<_> = state.credentials_of(rp, user.id).cloned().collect();
            credentials.sort_by_key(|c| (c.created, c.key));
            (user.clone(), credentials)
        }))
    }

    async fn list_users(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<User>, Fault> {
        let state = self.state();
        let users = state
            .users
            .values()
            .filter(|u| u.relying_party == rp)
            .cloned();
        Ok(page(users, request, |u| (u.created, u.id.0)))
    }

    async fn delete_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if state.users.remove(&(rp, user)).is_none() {
            return Ok(false);
        }
        state
            .credentials
            .retain(|_, c| (c.relying_party, c.user) != (rp, user));
        state.ceremonies.retain(|_, kept| {
            (kept.ceremony.relying_party, kept.ceremony.user) != (rp, Some(user))
        });
        state.record(event);
        Ok(true)
    }

    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault> {
        let mut state = self.state();
        let rp = begin.ceremony.relying_party;
        vacant(&state.ceremonies, &(rp, begin.ceremony.id))?;
        if let Some(user) = begin.new_user {
            if !state.relying_parties.contains_key(&rp) {
                return Ok(Begin::UserGone);
            }
            if state.user_named(rp, &user.name).is_some() {
                return Ok(Begin::UserExists);
            }
            vacant(&state.users, &(rp, user.id))?;
            state.users.insert((rp, user.id), user.clone());
        } else if begin
            .ceremony
            .user
            .is_none_or(|u| !state.users.contains_key(&(rp, u)))
        {
            return Ok(Begin::UserGone);
        }
        state.begin(begin.ceremony, begin.max_pending);
        for event in begin.events {
            state.record(event);
        }
        Ok(Begin::Begun)
    }

    async fn begin_authentication(
        &self,
        ceremony: &Ceremony,
        max_pending: u32,
    ) -> Result<Begin, Fault> {
        let mut state = self.state();
        let rp = ceremony.relying_party;
        let there = match ceremony.user {
            Some(user) => state.users.contains_key(&(rp, user)),
            None => state.relying_parties.contains_key(&rp),
        };
        if !there {
            return Ok(Begin::UserGone);
        }
        vacant(&state.ceremonies, &(rp, ceremony.id))?;
        state.begin(ceremony, max_pending);
        Ok(Begin::Begun)
    }

    async fn ceremony(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Result<Option<Ceremony>, Fault> {
        Ok(self
            .state()
            .ceremonies
            .get(&(rp, id))
            .map(|kept| kept.ceremony.clone()))
    }

    async fn load_for_authentication(
        &self,
        rp: RelyingPartyId,
        ceremony: CeremonyId,
        credential: &CredentialId,
    ) -> Result<LoadedAuthentication, Fault> {
        let state = self.state();
        Ok(LoadedAuthentication {
            ceremony: state
                .ceremonies
                .get(&(rp, ceremony))
                .map(|kept| kept.ceremony.clone()),
            credential: state
                .credentials
                .values()
                .find(|c| c.relying_party == rp && c.id == *credential)
                .and_then(|c| state.with_owner(c)),
        })
    }

    async fn finish_registration(
        &self,
        finish: FinishRegistration<'_>,
    ) -> Result<FinishedRegistration, Fault> {
        let mut state = self.state();
        let record = finish.credential.record();
        let rp = record.relying_party;
        let exists = state
            .credentials
            .values()
            .any(|c| c.relying_party == rp && c.id == record.id);
        let count = state.credentials_of(rp, record.user).count();
        let kind = Some(CeremonyKind::Registration);
        let kept = match state.claim((rp, record.key.into()), kind, finish.attempt, finish.now) {
            Claim::Open(kept) => kept,
            Claim::Repeated(CeremonyState::Succeeded, _) => {
                return Ok(FinishedRegistration::Registered);
            }
            Claim::Repeated(CeremonyState::Failed(Reason::CredentialExists), _) => {
                return Ok(FinishedRegistration::CredentialExists);
            }
            Claim::Repeated(CeremonyState::Failed(Reason::TooManyCredentials), _) => {
                return Ok(FinishedRegistration::TooManyCredentials);
            }
            Claim::Repeated(..) | Claim::Used => return Ok(FinishedRegistration::Used),
            Claim::Gone => return Ok(FinishedRegistration::Gone),
            Claim::Expired => return Ok(FinishedRegistration::Expired),
        };
        let refused = if exists {
            Some((
                Reason::CredentialExists,
                FinishedRegistration::CredentialExists,
            ))
        } else if count >= finish.max_credentials as usize {
            Some((
                Reason::TooManyCredentials,
                FinishedRegistration::TooManyCredentials,
            ))
        } else {
            None
        };
        if let Some((reason, outcome)) = refused {
            kept.take(finish.attempt, finish.now, CeremonyState::Failed(reason));
            state.record(&finish.event.clone().refused(reason));
            return Ok(outcome);
        }
        kept.take(finish.attempt, finish.now, CeremonyState::Succeeded);
        kept.ceremony.user = Some(record.user);
        kept.ceremony.credential = Some(record.key);
        state.credentials.insert((rp, record.key), record.clone());
        let evidence = finish.credential.evidence();
        state.evidence.insert((rp, record.key), evidence);
        state.record(finish.event);
        Ok(FinishedRegistration::Registered)
    }

    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault> {
        let mut state = self.state();
        let rp = finish.relying_party;
        let key = (rp, finish.credential);
        let stored = state
            .credentials
            .get(&key)
            .filter(|c| c.user == finish.user && c.id == *finish.verified.credential_id())
            .map(|c| c.sign_count);
        let kind = Some(CeremonyKind::Authentication);
        let kept = match state.claim((rp, finish.ceremony), kind, finish.attempt, finish.now) {
            Claim::Open(kept) => kept,
            Claim::Repeated(CeremonyState::Succeeded, _) => {
                return Ok(FinishedAuthentication::Accepted);
            }
            Claim::Repeated(CeremonyState::Failed(Reason::SignCountNotIncreased), Some(stored)) => {
                return Ok(FinishedAuthentication::CounterWentBack { stored });
            }
            Claim::Repeated(CeremonyState::Failed(Reason::CredentialUnknown), _) => {
                return Ok(FinishedAuthentication::CredentialGone);
            }
            Claim::Repeated(..) | Claim::Used => return Ok(FinishedAuthentication::Used),
            Claim::Gone => return Ok(FinishedAuthentication::Gone),
            Claim::Expired => return Ok(FinishedAuthentication::Expired),
        };
        let mut fail =
            |reason| kept.take(finish.attempt, finish.now, CeremonyState::Failed(reason));
        let Some(stored) = stored else {
            let reason = Reason::CredentialUnknown;
            fail(reason);
            state.record(&finish.event.clone().refused(reason));
            return Ok(FinishedAuthentication::CredentialGone);
        };
        let received = finish.verified.received_sign_count();
        let grows = received > stored || (received == 0 && stored == 0);
        if finish.counter == CounterRule::MustIncrease && !grows {
            let reason = Reason::SignCountNotIncreased;
            fail(reason);
            kept.stored_count = Some(stored);
            state.failed(rp, finish.user, finish.now);
            state.record(&finish.event.clone().refused(reason));
            return Ok(FinishedAuthentication::CounterWentBack { stored });
        }
        kept.take(finish.attempt, finish.now, CeremonyState::Succeeded);
        kept.ceremony.user = Some(finish.user);
        kept.ceremony.credential = Some(finish.credential);
        if let Some(record) = state.credentials.get_mut(&key) {
            let verified = finish.verified;
            record.sign_count = stored.max(received);
            record.uv_initialized |= verified.user_verified();
            // Eligibility is gained or learnt, never lost.
            record.backup_eligible =
                Some(record.backup_eligible == Some(true) || verified.backup_eligible());
            record.backup_state = Some(verified.backup_state());
            record.last_used = record.last_used.max(Some(finish.now));
        }
        state.record(finish.event);
        Ok(FinishedAuthentication::Accepted)
    }

    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault> {
        let mut state = self.state();
        let key = (refuse.relying_party, refuse.ceremony);
        match state.claim(key, None, refuse.attempt, refuse.now) {
            Claim::Open(kept) => {
                kept.take(
                    refuse.attempt,
                    refuse.now,
                    CeremonyState::Failed(refuse.reason),
                );
            }
            Claim::Repeated(CeremonyState::Failed(_), _) => return Ok(Refused::Done),
            Claim::Repeated(..) | Claim::Used => return Ok(Refused::Used),
            Claim::Gone => return Ok(Refused::Gone),
            Claim::Expired => return Ok(Refused::Expired),
        }
        if let Some(user) = refuse.failed_user {
            state.failed(refuse.relying_party, user, refuse.now);
        }
        state.record(refuse.event);
        Ok(Refused::Done)
    }

    async fn list_ceremonies(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: CeremonyFilter,
        request: PageRequest,
    ) -> Result<Page<Ceremony>, Fault> {
        let state = self.state();
        let rows = state
            .ceremonies
            .values()
            .map(|kept| &kept.ceremony)
            .filter(|c| {
                c.relying_party == rp
                    && c.user == Some(user)
                    && c.kind() == filter.kind
                    && filter.standing.is_none_or(|s| c.standing(filter.now) == s)
                    && !(filter.unfinished_only && c.state == CeremonyState::Succeeded)
                    && (filter.credential.is_none() || c.credential == filter.credential)
            })
            .cloned();
        Ok(page(rows, request, |c| (c.created, c.id.0)))
    }

    async fn rename_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, Fault> {
        let mut state = self.state();
        let found = state
            .ceremonies
            .get_mut(&(rp, id))
            .map(|kept| &mut kept.ceremony);
        let Some(ceremony) =
            found.filter(|c| c.user == Some(user) && c.state != CeremonyState::Succeeded)
        else {
            return Ok(None);
        };
        let Asked::Registration(asked) = &mut ceremony.asked else {
            return Ok(None);
        };
        name.clone_into(&mut asked.credential_name);
        ceremony.updated = now;
        Ok(Some(ceremony.clone()))
    }

    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let unfinished = state.ceremonies.get(&(rp, id)).is_some_and(|kept| {
            let c = &kept.ceremony;
            c.kind() == CeremonyKind::Registration
                && c.user == Some(user)
                && c.state != CeremonyState::Succeeded
        });
        if unfinished {
            state.ceremonies.remove(&(rp, id));
        }
        Ok(unfinished)
    }

    async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<(CredentialRecord, User)>, Fault> {
        let state = self.state();
        Ok(state
            .credentials
            .get(&(rp, key))
            .and_then(|c| state.with_owner(c)))
    }

    async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Option<Evidence>, Fault> {
        let state = self.state();
        let kept = state.credentials.contains_key(&(rp, key));
        Ok(state.evidence.get(&(rp, key)).filter(|_| kept).cloned())
    }

    async fn list_credentials(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        request: PageRequest,
    ) -> Result<Page<CredentialRecord>, Fault> {
        let state = self.state();
        Ok(page(
            state.credentials_of(rp, user).cloned(),
            request,
            |c| (c.created, c.key.0),
        ))
    }

    async fn rename_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        name: &str,
        event: &AuditEvent,
    ) -> Result<Option<CredentialRecord>, Fault> {
        let mut state = self.state();
        let found = state
            .credentials
            .get_mut(&(rp, key))
            .filter(|c| c.user == user);
        let Some(record) = found else { return Ok(None) };
        name.clone_into(&mut record.name);
        record.updated = event.at;
        let record = record.clone();
        state.record(event);
        Ok(Some(record))
    }

    async fn delete_credential(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        key: CredentialKey,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state
            .credentials
            .get(&(rp, key))
            .is_none_or(|c| c.user != user)
        {
            return Ok(false);
        }
        let removed = state.credentials.remove(&(rp, key));
        if let (Some(removed), Some(owner)) = (removed, state.users.get_mut(&(rp, user))) {
            owner.last_success = owner.last_success.max(removed.last_used);
        }
        state.record(event);
        Ok(true)
    }

    async fn create_webhook(&self, webhook: &Webhook) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&webhook.relying_party) {
            return Ok(false);
        }
        let key = (webhook.relying_party, webhook.id);
        vacant(&state.webhooks, &key)?;
        state.webhooks.insert(key, webhook.clone());
        Ok(true)
    }

    async fn webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        Ok(self.state().webhooks.get(&(rp, id)).cloned())
    }

    async fn list_webhooks(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<Webhook>, Fault> {
        let state = self.state();
        let rows = state
            .webhooks
            .values()
            .filter(|w| w.relying_party == rp)
            .cloned();
        Ok(page(rows, request, |w| (w.created, w.id.0)))
    }

    async fn update_webhook(&self, webhook: &Webhook) -> Result<bool, Fault> {
        let mut state = self.state();
        let stored = state.webhooks.get_mut(&(webhook.relying_party, webhook.id));
        Ok(stored.map(|stored| *stored = webhook.clone()).is_some())
    }

    async fn delete_webhook(&self, rp: RelyingPartyId, id: WebhookId) -> Result<bool, Fault> {
        Ok(self.state().webhooks.remove(&(rp, id)).is_some())
    }

    async fn metadata(&self, above: Option<u64>) -> Result<Option<StoredMetadata>, Fault> {
        let stored = self.state().metadata.clone();
        Ok(stored.filter(|stored| above.is_none_or(|above| stored.no > above)))
    }

    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault> {
        let mut state = self.state();
        match &state.metadata {
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

    async fn create_access_key(&self, key: &AccessKey, event: &AuditEvent) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&key.relying_party) {
            return Ok(false);
        }
        let place = (key.relying_party, key.id);
        vacant(&state.access_keys, &place)?;
        state.access_keys.insert(place, key.clone());
        state.record(event);
        Ok(true)
    }

    async fn access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
    ) -> Result<Option<AccessKey>, Fault> {
        Ok(self.state().access_keys.get(&(rp, id)).cloned())
    }

    async fn list_access_keys(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<AccessKey>, Fault> {
        let state = self.state();
        let rows = state
            .access_keys
            .values()
            .filter(|k| k.relying_party == rp)
            .cloned();
        Ok(page(rows, request, |k| (k.created, k.id.0)))
    }

    async fn delete_access_key(
        &self,
        rp: RelyingPartyId,
        id: AccessKeyId,
        event: &AuditEvent,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if state.access_keys.remove(&(rp, id)).is_none() {
            return Ok(false);
        }
        state.record(event);
        Ok(true)
    }

    async fn token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
    ) -> Result<Option<TokenKey>, Fault> {
        Ok(self.state().token_keys.get(&(rp, kind)).cloned())
    }

    async fn keep_token_key(
        &self,
        rp: RelyingPartyId,
        kind: TokenKind,
        candidate: TokenKey,
    ) -> Result<Option<TokenKey>, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&rp) {
            return Ok(None);
        }
        let kept = state.token_keys.entry((rp, kind)).or_insert(candidate);
        Ok(Some(kept.clone()))
    }

    async fn claim_once(
        &self,
        rp: RelyingPartyId,
        token: TokenId,
        expires: Timestamp,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        if !state.relying_parties.contains_key(&rp) {
            return Ok(false);
        }
        match state.used_tokens.entry((rp, token)) {
            Entry::Occupied(_) => Ok(false),
            Entry::Vacant(place) => {
                place.insert(expires);
                Ok(true)
            }
        }
    }

    async fn is_claimed(&self, rp: RelyingPartyId, token: TokenId) -> Result<bool, Fault> {
        Ok(self.state().used_tokens.contains_key(&(rp, token)))
    }

    async fn list_events(
        &self,
        rp: RelyingPartyId,
        request: PageRequest,
    ) -> Result<Page<AuditEvent>, Fault> {
        let state = self.state();
        let rows = state
            .events
            .values()
            .filter(|e| e.relying_party == rp)
            .cloned();
        Ok(page(rows, request, |e| (e.at, e.id.0)))
    }

    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault> {
        let mut state = self.state();
        let budget = budget as usize;
        let mut ceremonies: Vec<_> = state
            .ceremonies
            .iter()
            .map(|(key, kept)| (kept.ceremony.expires, *key))
            .filter(|(expires, _)| *expires < expired_before)
            .collect();
        ceremonies.sort_unstable();
        ceremonies.truncate(budget);
        for (_, key) in &ceremonies {
            state.ceremonies.remove(key);
        }
        let mut tokens: Vec<_> = state
            .used_tokens
            .iter()
            .map(|(key, expires)| (*expires, *key))
            .filter(|(expires, _)| *expires < expired_before)
            .collect();
        tokens.sort_unstable();
        tokens.truncate(budget);
        for (_, key) in &tokens {
            state.used_tokens.remove(key);
        }
        let events: Vec<_> = state
            .events
            .keys()
            .filter(|(_, at, _)| *at < events_before)
            .take(budget)
            .copied()
            .collect();
        for key in &events {
            state.events.remove(key);
        }
        Ok(Swept {
            ceremonies: ceremonies.len() as u64,
            events: events.len() as u64,
            tokens: tokens.len() as u64,
        })
    }

    async fn ping(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn close(&self) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::conformance::{Bed, End};

    struct Kept(Arc<Memory>);

    fn bed() -> Kept {
        Kept(Arc::new(Memory::new()))
    }

    #[async_trait]
    impl Bed for Kept {
        fn store(&self) -> Arc<dyn Storage> {
            Arc::<Memory>::clone(&self.0)
        }

        async fn reopen(&mut self, end: End) {
            if let End::Closed = end {
                self.0.close().await.unwrap();
            }
        }
    }

    mod conformance {
        crate::conformance::every_case!(crate::memory::tests::bed);
    }
}
