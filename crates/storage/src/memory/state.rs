//! What the store keeps, and what all operations do with it.

use std::collections::BTreeMap;

use domain::model::access_key::AccessKey;
use domain::model::account::{Account, ApiKey};
use domain::model::audit::AuditEvent;
use domain::model::ceremony::{Ceremony, CeremonyKind, CeremonyState};
use domain::model::clock::Timestamp;
use domain::model::console::{ConsoleKind, ConsoleRecord};
use domain::model::credential::{CredentialRecord, Evidence};
use domain::model::ids::{
    AccessKeyId, AccountId, ApiKeyId, AttemptId, CeremonyId, CredentialKey, DeliveryId, EventId,
    ImportId, NodeId, RelyingPartyId, TokenId, UserId, WebhookId,
};
use domain::model::import::{Import, Imported, ImportedPlace};
use domain::model::metadata::MetadataRecord;
use domain::model::notice::Delivery;
use domain::model::page::{Order, Page, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::model::token::{TokenKey, TokenKind};
use domain::model::user::{User, UserRef};
use domain::model::webhook::Webhook;
use domain::store::take::{End, Take, Takeable, take};
use webauthn::error::Reason;

use super::remains::{Deleted, Remains};

/// All that is kept.
#[derive(Default)]
pub(super) struct State {
    pub(super) shared_secret: Option<[u8; 32]>,
    pub(super) store_key: Option<Vec<u8>>,
    pub(super) latest_time: Option<Timestamp>,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) api_keys: BTreeMap<ApiKeyId, ApiKey>,
    pub(super) relying_parties: BTreeMap<RelyingPartyId, RelyingParty>,
    pub(super) users: BTreeMap<(RelyingPartyId, UserId), User>,
    pub(super) credentials: BTreeMap<(RelyingPartyId, CredentialKey), CredentialRecord>,
    /// Of the credentials that are there, and perhaps of some that are gone.
    pub(super) evidence: BTreeMap<(RelyingPartyId, CredentialKey), Evidence>,
    pub(super) ceremonies: BTreeMap<(RelyingPartyId, CeremonyId), Kept>,
    pub(super) webhooks: BTreeMap<(RelyingPartyId, WebhookId), Webhook>,
    pub(super) deliveries: BTreeMap<(RelyingPartyId, DeliveryId), Delivery>,
    pub(super) access_keys: BTreeMap<(RelyingPartyId, AccessKeyId), AccessKey>,
    pub(super) token_keys: BTreeMap<(RelyingPartyId, TokenKind), TokenKey>,
    /// One-time tokens that were used: when they expire, and the attempt that used them.
    pub(super) used_tokens: BTreeMap<(RelyingPartyId, TokenId), (Timestamp, AttemptId)>,
    pub(super) events: BTreeMap<(RelyingPartyId, Timestamp, EventId), AuditEvent>,
    pub(super) metadata: MetadataRecord,
    pub(super) answers: BTreeMap<(AccountId, [u8; 32]), Called>,
    pub(super) leases: BTreeMap<String, (NodeId, Timestamp)>,
    pub(super) imports: BTreeMap<ImportId, Import>,
    pub(super) imported: BTreeMap<ImportId, BTreeMap<ImportedPlace, Imported>>,
    pub(super) console: BTreeMap<(ConsoleKind, [u8; 16]), ConsoleRecord>,
    pub(super) deletions: BTreeMap<(Timestamp, RelyingPartyId, Deleted), Remains>,
}

/// A call that may be sent again.
pub(super) struct Called {
    pub(super) content: [u8; 32],
    pub(super) attempt: AttemptId,
    pub(super) started: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) answer: Option<Vec<u8>>,
}

/// A ceremony, and who took it.
pub(super) struct Kept {
    pub(super) ceremony: Ceremony,
    pub(super) claimed_by: Option<AttemptId>,
    /// The stored counter that the attempt did not exceed.
    pub(super) stored_count: Option<u32>,
}

/// A page of rows by their position.
pub(super) fn page<T>(
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
    pub(super) fn user_named(&self, rp: RelyingPartyId, name: &str) -> Option<&User> {
        self.users
            .values()
            .find(|u| u.relying_party == rp && u.name == name)
    }

    pub(super) fn user(&self, rp: RelyingPartyId, user: UserRef<'_>) -> Option<&User> {
        match user {
            UserRef::Name(name) => self.user_named(rp, name),
            UserRef::Id(id) => self.users.get(&(rp, id)),
        }
    }

    /// Notes a sign-in of a user that was refused.
    pub(super) fn failed(&mut self, rp: RelyingPartyId, user: UserId, now: Timestamp) {
        if let Some(user) = self.users.get_mut(&(rp, user)) {
            user.last_failure = user.last_failure.max(Some(now));
        }
    }

    pub(super) fn credentials_of(
        &self,
        rp: RelyingPartyId,
        user: UserId,
    ) -> impl Iterator<Item = &CredentialRecord> {
        self.credentials
            .values()
            .filter(move |c| c.relying_party == rp && c.user == user)
    }

    pub(super) fn with_owner(&self, record: &CredentialRecord) -> Option<(CredentialRecord, User)> {
        let owner = self.users.get(&(record.relying_party, record.user))?;
        Some((record.clone(), owner.clone()))
    }

    pub(super) fn record(&mut self, event: &AuditEvent) {
        for delivery in event.deliveries() {
            self.enqueue(delivery);
        }
        let key = (event.relying_party, event.at, event.id);
        self.events.insert(key, event.clone().told_to(None));
    }

    /// Writes a delivery, unless it is there.
    pub(super) fn enqueue(&mut self, delivery: Delivery) {
        let key = (delivery.relying_party, delivery.id);
        self.deliveries.entry(key).or_insert(delivery);
    }

    /// What an attempt meets that wants to take a ceremony, and the ceremony if it is there.
    pub(super) fn take(
        &mut self,
        key: (RelyingPartyId, CeremonyId),
        kind: Option<CeremonyKind>,
        attempt: AttemptId,
        now: Timestamp,
    ) -> (Take, Option<&mut Kept>) {
        let kept = self.ceremonies.get_mut(&key);
        let found = kept.as_ref().map(|kept| kept.takeable());
        (take(found.as_ref(), kind, attempt, now), kept)
    }
}

impl Kept {
    fn takeable(&self) -> Takeable {
        Takeable {
            kind: self.ceremony.kind(),
            expires: self.ceremony.expires(),
            end: match self.ceremony.state() {
                CeremonyState::Pending => None,
                CeremonyState::Succeeded { .. } => Some(End::Succeeded),
                CeremonyState::Failed(reason) => Some(End::Failed {
                    reason,
                    stored_count: self.stored_count,
                }),
            },
            taken_by: self.claimed_by,
        }
    }

    /// Ends the ceremony as failed.
    pub(super) fn fail(
        &mut self,
        attempt: AttemptId,
        now: Timestamp,
        reason: Reason,
        stored_count: Option<u32>,
    ) {
        self.stored_count = stored_count;
        self.end(attempt, now, CeremonyState::Failed(reason));
    }

    /// Ends the ceremony with success.
    pub(super) fn succeed(
        &mut self,
        attempt: AttemptId,
        now: Timestamp,
        user: UserId,
        credential: CredentialKey,
    ) {
        if let Ceremony::Authentication(ceremony) = &mut self.ceremony {
            ceremony.user = Some(user);
            ceremony.credential = Some(credential);
        }
        self.end(attempt, now, CeremonyState::Succeeded { user, credential });
    }

    fn end(&mut self, attempt: AttemptId, now: Timestamp, end: CeremonyState) {
        self.claimed_by = Some(attempt);
        let (updated, state) = match &mut self.ceremony {
            Ceremony::Registration(ceremony) => (&mut ceremony.updated, &mut ceremony.state),
            Ceremony::Authentication(ceremony) => (&mut ceremony.updated, &mut ceremony.state),
        };
        (*updated, *state) = (now, end);
    }
}
