//! Ceremonies: begun, taken, refused, and the registrations that led to nothing.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::ceremony::{
    Authentication, Ceremony, CeremonyKind, CeremonyState, Registration,
};
use domain::model::clock::Timestamp;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{CeremonyId, RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::store::take::{End, Take, admit_registration};
use domain::store::{
    AuthenticationFilter, Begin, BeginRegistration, Ceremonies, Fault, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, LoadedAuthentication,
    RefuseCeremony, Refused, Survival,
};
use webauthn::credential::CredentialId;
use webauthn::error::Reason;

use super::Memory;
use super::state::{Kept, State, page};

#[async_trait]
impl Ceremonies for Memory {
    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault> {
        Ok(self.state().begin_registration(&begin))
    }

    async fn begin_authentication(
        &self,
        ceremony: &Arc<Authentication>,
        displaced: &[CeremonyId],
        _: Survival,
    ) -> Result<Begin, Fault> {
        let ceremony = Ceremony::from(Authentication::clone(ceremony));
        Ok(self.state().begin(ceremony, displaced, &[]))
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
                .and_then(|kept| kept.ceremony.clone().authentication())
                .map(Arc::new),
            credential: state
                .credentials
                .values()
                .find(|c| c.relying_party == rp && c.id == *credential)
                .and_then(|c| state.with_owner(c))
                .map(Arc::new),
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

    async fn list_authentications(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: AuthenticationFilter,
        request: PageRequest,
    ) -> Result<Page<Authentication>, Fault> {
        let state = self.state();
        let rows = state
            .ceremonies_of(rp, user)
            .filter_map(|ceremony| match ceremony {
                Ceremony::Authentication(ceremony) => Some(&**ceremony),
                Ceremony::Registration(_) => None,
            })
            .filter(|c| {
                filter.standing.is_none_or(|s| c.standing(filter.now) == s)
                    && (filter.credential.is_none() || c.credential == filter.credential)
            });
        Ok(page(rows.cloned(), request, |c| (c.created, c.id.0)))
    }
}

impl State {
    pub(super) fn begin_registration(&mut self, begin: &BeginRegistration<'_>) -> Begin {
        let rp = begin.ceremony.relying_party;
        if let Some(user) = begin.new_user {
            if !self.relying_parties.contains_key(&rp) {
                return Begin::UserGone;
            }
            match self.user_named(rp, &user.name) {
                Some(taken) if taken.id != user.id => return Begin::UserExists,
                // The start was sent again.
                Some(_) => {}
                None => {
                    self.users.insert((rp, user.id), user.clone());
                }
            }
        }
        let ceremony = Ceremony::from(begin.ceremony.clone());
        self.begin(ceremony, begin.displaced, begin.events)
    }

    /// Writes a new ceremony; the pending ones among `displaced` make room. A start that is sent again writes nothing.
    fn begin(
        &mut self,
        ceremony: Ceremony,
        displaced: &[CeremonyId],
        events: &[AuditEvent],
    ) -> Begin {
        let (rp, id) = (ceremony.relying_party(), ceremony.id());
        let there = match ceremony.user() {
            Some(user) => self.users.contains_key(&(rp, user)),
            None => self.relying_parties.contains_key(&rp),
        };
        if !there {
            return Begin::UserGone;
        }
        if self.ceremonies.contains_key(&(rp, id)) {
            return Begin::Begun;
        }
        for displaced in displaced {
            let pending = self.ceremonies.get(&(rp, *displaced));
            if pending.is_some_and(|kept| kept.ceremony.state() == CeremonyState::Pending) {
                self.ceremonies.remove(&(rp, *displaced));
            }
        }
        let kept = Kept {
            ceremony,
            claimed_by: None,
            stored_count: None,
        };
        self.ceremonies.insert((rp, id), kept);
        for event in events {
            self.record(event);
        }
        Begin::Begun
    }

    /// Begins an authentication that its challenge brought, unless it is there already.
    fn begin_sealed(&mut self, sealed: Option<&Arc<Authentication>>) {
        if let Some(ceremony) = sealed {
            let ceremony = Ceremony::from(Authentication::clone(ceremony));
            self.begin(ceremony, &[], &[]);
        }
    }

    pub(super) fn finish_registration(
        &mut self,
        finish: &FinishRegistration<'_>,
    ) -> FinishedRegistration {
        let record = finish.credential.record();
        let rp = record.relying_party;
        let exists = self
            .credentials
            .values()
            .any(|c| c.relying_party == rp && c.id == record.id);
        let count = self.credentials_of(rp, record.user).count();
        let kind = Some(CeremonyKind::Registration);
        let key = (rp, record.key.into());
        let (take, kept) = self.take(key, kind, finish.attempt, finish.now);
        if let Some(outcome) = take.registration() {
            return outcome;
        }
        let Some(kept) = kept else {
            return FinishedRegistration::Gone;
        };
        if let Err(reason) = admit_registration(exists, count as u64, finish.max_credentials) {
            kept.fail(finish.attempt, finish.now, reason, None);
            let end = End::Failed {
                reason,
                stored_count: None,
            };
            let outcome = Take::Repeated(end).registration();
            self.record(&finish.event.clone().refused(reason));
            return outcome.unwrap_or(FinishedRegistration::Used);
        }
        kept.succeed(finish.attempt, finish.now, record.user, record.key);
        self.remove_remains(rp, &record.id);
        self.credentials.insert((rp, record.key), record.clone());
        let evidence = finish.credential.evidence();
        self.evidence.insert((rp, record.key), evidence);
        self.record(finish.event);
        FinishedRegistration::Registered
    }

    pub(super) fn finish_authentication(
        &mut self,
        finish: &FinishAuthentication<'_>,
    ) -> FinishedAuthentication {
        let rp = finish.relying_party;
        let key = (rp, finish.credential);
        let stored = self
            .credentials
            .get(&key)
            .filter(|c| c.user == finish.user && c.id == *finish.verified.credential_id())
            .map(CredentialRecord::sign_counter);
        self.begin_sealed(finish.sealed);
        let kind = Some(CeremonyKind::Authentication);
        let ceremony = (rp, finish.ceremony);
        let (take, kept) = self.take(ceremony, kind, finish.attempt, finish.now);
        if let Some(outcome) = take.authentication() {
            return outcome;
        }
        let Some(kept) = kept else {
            return FinishedAuthentication::Gone;
        };
        let Some(stored) = stored else {
            let reason = Reason::CredentialUnknown;
            kept.fail(finish.attempt, finish.now, reason, None);
            self.record(&finish.event.clone().refused(reason));
            return FinishedAuthentication::CredentialGone;
        };
        let received = finish.verified.received_sign_count();
        let Some(counter) = finish.counter.apply(stored, received) else {
            let stored = stored.highest;
            let reason = Reason::SignCountNotIncreased;
            kept.fail(finish.attempt, finish.now, reason, Some(stored));
            self.failed(rp, finish.user, finish.now);
            self.record(&finish.event.clone().refused(reason));
            return FinishedAuthentication::CounterWentBack { stored };
        };
        kept.succeed(finish.attempt, finish.now, finish.user, finish.credential);
        if let Some(record) = self.credentials.get_mut(&key) {
            let verified = finish.verified;
            record.sign_count = counter.highest;
            record.sign_count_since_fall = counter.since_fall;
            record.uv_initialized |= verified.user_verified();
            record.backup_eligible = Some(verified.backup_eligible_after(record.backup_eligible));
            record.backup_state = Some(verified.backup_state());
            record.last_used = record.last_used.max(Some(finish.now));
        }
        self.record(finish.event);
        FinishedAuthentication::Accepted
    }

    pub(super) fn refuse_ceremony(&mut self, refuse: &RefuseCeremony<'_>) -> Refused {
        self.begin_sealed(refuse.sealed);
        let key = (refuse.relying_party, refuse.ceremony);
        let (take, kept) = self.take(key, None, refuse.attempt, refuse.now);
        if let Some(outcome) = take.refusal() {
            return outcome;
        }
        let Some(kept) = kept else {
            return Refused::Gone;
        };
        kept.fail(refuse.attempt, refuse.now, refuse.reason, None);
        if let Some(user) = refuse.failed_user {
            self.failed(refuse.relying_party, user, refuse.now);
        }
        self.record(refuse.event);
        Refused::Done
    }

    /// Ceremonies of a user.
    pub(super) fn ceremonies_of(
        &self,
        rp: RelyingPartyId,
        user: UserId,
    ) -> impl Iterator<Item = &Ceremony> {
        self.ceremonies
            .values()
            .map(|kept| &kept.ceremony)
            .filter(move |c| (c.relying_party(), c.user()) == (rp, Some(user)))
    }

    /// The registration of a user with this key, if it has not led to a credential.
    fn unfinished(
        &mut self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> Option<&mut Registration> {
        match &mut self.ceremonies.get_mut(&(rp, id))?.ceremony {
            Ceremony::Registration(ceremony) => {
                Some(&mut **ceremony).filter(|c| c.user == user && is_unfinished(c))
            }
            Ceremony::Authentication(_) => None,
        }
    }

    pub(super) fn rename_registration(
        &mut self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
        name: &str,
        now: Timestamp,
    ) -> Option<Registration> {
        let ceremony = self.unfinished(rp, user, id)?;
        name.clone_into(&mut ceremony.asked.credential_name);
        ceremony.updated = now;
        Some(ceremony.clone())
    }

    pub(super) fn delete_registration(
        &mut self,
        rp: RelyingPartyId,
        user: UserId,
        id: CeremonyId,
    ) -> bool {
        self.unfinished(rp, user, id).is_some() && self.ceremonies.remove(&(rp, id)).is_some()
    }
}

/// Whether a registration has not led to a credential.
pub(super) fn is_unfinished(ceremony: &Registration) -> bool {
    !matches!(ceremony.state, CeremonyState::Succeeded { .. })
}
