//! The reference store: plain maps behind one lock. It says what each operation means in the fewest words, and
//! other stores are compared with it. Nothing survives the process.

mod answers;
mod ceremonies;
mod state;

use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};

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
use parking_lot::{Mutex, MutexGuard};
use webauthn::credential::CredentialId;

use self::state::{State, page, vacant};

/// A store in the memory of the process.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    operations: AtomicU64,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations it has done: each takes the lock once.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.operations.fetch_add(1, Ordering::Relaxed);
        self.state.lock()
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

    async fn create_account(&self, account: &Account) -> Result<bool, Fault> {
        let mut state = self.state();
        if state.accounts.contains_key(&account.id) {
            return Ok(false);
        }
        state.accounts.insert(account.id, account.clone());
        Ok(true)
    }

    async fn list_accounts(&self, request: PageRequest) -> Result<Page<Account>, Fault> {
        let state = self.state();
        let accounts = state.accounts.values().cloned();
        Ok(page(accounts, request, |a| (a.created, a.id.0)))
    }

    async fn replace_account_token(
        &self,
        account: AccountId,
        token: SecretHash,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let Some(stored) = state.accounts.get_mut(&account) else {
            return Ok(false);
        };
        stored.token = token;
        Ok(true)
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
        self.state().begin_registration(&begin)
    }

    async fn begin_authentication(
        &self,
        ceremony: &Ceremony,
        max_pending: u32,
    ) -> Result<Begin, Fault> {
        self.state().begin_authentication(ceremony, max_pending)
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
        Ok(self.state().finish_registration(&finish))
    }

    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault> {
        Ok(self.state().finish_authentication(&finish))
    }

    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault> {
        Ok(self.state().refuse_ceremony(&refuse))
    }

    async fn list_ceremonies(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: CeremonyFilter,
        request: PageRequest,
    ) -> Result<Page<Ceremony>, Fault> {
        Ok(self.state().list_ceremonies(rp, user, filter, request))
    }

    async fn rename_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, Fault> {
        Ok(self.state().rename_registration(rp, user, id, name, now))
    }

    async fn delete_registration(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Result<bool, Fault> {
        Ok(self.state().delete_registration(rp, user, id))
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

    async fn reserve_answer(&self, reservation: &Reservation) -> Result<Reserved, Fault> {
        Ok(self.state().reserve_answer(reservation))
    }

    async fn keep_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
        answer: &[u8],
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let taken = state.answers.get_mut(&(account, key));
        let own = taken.filter(|taken| taken.attempt == attempt);
        Ok(own.map(|own| own.answer = Some(answer.to_vec())).is_some())
    }

    async fn release_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let taken = state.answers.get(&(account, key));
        let own = taken.is_some_and(|taken| taken.attempt == attempt && taken.answer.is_none());
        if own {
            state.answers.remove(&(account, key));
        }
        Ok(own)
    }

    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        answers_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault> {
        let mut state = self.state();
        let budget = budget as usize;
        let answers = state.sweep_answers(answers_before, budget);
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
            answers: answers as u64,
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
