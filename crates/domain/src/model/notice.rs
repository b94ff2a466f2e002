//! What a webhook receives, and each delivery of it.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use webauthn::error::Reason;

use crate::model::audit::{AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::ids::{
    AccountId, CeremonyId, CredentialKey, DeliveryId, EventId, RelyingPartyId, UserId, WebhookId,
};
use crate::model::webhook::Subscriber;

/// Name of the signal of a counter that did not increase.
const NOT_INCREASED: &str = "sign_count_not_increased";

macro_rules! notice_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What a webhook can be told. The names are those of Twilio Verify where it has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum NoticeType { $($(#[$doc])* #[serde(rename = $name)] $variant,)+ }

        impl NoticeType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Stable name, as stored and sent.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

notice_types! {
    /// A registration was started.
    FactorCreated = "factor.created",
    /// A passkey was registered.
    FactorVerified = "factor.verified",
    /// A passkey was deleted.
    FactorDeleted = "factor.deleted",
    /// The signature counter of a passkey did not increase: a copy of it may exist.
    CounterNotIncreased = "factor.counter_not_increased",
    /// A user signed in.
    ChallengeApproved = "challenge.approved",
    /// A sign-in was refused.
    ChallengeDenied = "challenge.denied",
    /// Settings or policy of a Relying Party changed.
    ServiceUpdated = "service.updated",
    /// An access key was created.
    KeyCreated = "key.created",
    /// An access key was revoked.
    KeyDeleted = "key.deleted",
    /// A webhook was disabled, because its receiver failed for days or answered 410.
    WebhookDisabled = "webhook.disabled",
    /// Somebody asked for a test.
    Test = "test",
}

impl NoticeType {
    /// The type with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// Whether a webhook may ask for this: a name of a type, or `*`.
    pub fn may_be_asked_for(name: &str) -> bool {
        name == "*" || Self::from_name(name).is_some()
    }

    /// What a webhook can ask for, for people.
    pub fn names() -> String {
        let names = Self::ALL.iter().map(|one| one.name());
        std::iter::once("*")
            .chain(names)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// What a webhook receives for an event.
    fn of(event: &AuditEvent) -> impl Iterator<Item = Self> {
        let main = match event.kind {
            AuditKind::RegistrationStarted => Some(Self::FactorCreated),
            AuditKind::CredentialRegistered => Some(Self::FactorVerified),
            AuditKind::CredentialDeleted | AuditKind::UserDeleted => Some(Self::FactorDeleted),
            AuditKind::Authenticated => Some(Self::ChallengeApproved),
            AuditKind::AuthenticationRefused => Some(Self::ChallengeDenied),
            AuditKind::RelyingPartyUpdated => Some(Self::ServiceUpdated),
            AuditKind::AccessKeyCreated => Some(Self::KeyCreated),
            AuditKind::AccessKeyDeleted => Some(Self::KeyDeleted),
            AuditKind::WebhookDisabled => Some(Self::WebhookDisabled),
            _ => None,
        };
        let fell = event.reason == Some(Reason::SignCountNotIncreased)
            || event.signals.split(' ').any(|name| name == NOT_INCREASED);
        main.into_iter()
            .chain(fell.then_some(Self::CounterNotIncreased))
    }
}

/// What a webhook receives: the facts of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// What happened.
    #[serde(rename = "type")]
    pub what: NoticeType,
    /// The event; for a test, the key of the delivery.
    pub event: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// The user concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// That user's name at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The credential concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialKey>,
    /// The ceremony concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceremony: Option<CeremonyId>,
    /// Why something was refused, or a webhook disabled: a stable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent.
    Waiting,
    /// The receiver accepted it.
    Delivered,
    /// It is not sent any more.
    Failed,
}

/// Most attempts of a delivery that are kept, the last ones.
const MOST_TRIES: usize = 30;

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Try {
    /// When it ended.
    pub at: Timestamp,
    /// The status of the response, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; `None` if the receiver accepted the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One notice for one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Its key: the same in every attempt.
    pub id: DeliveryId,
    /// The Relying Party.
    pub relying_party: RelyingPartyId,
    /// The account of the Relying Party.
    pub account: AccountId,
    /// For whom.
    pub webhook: WebhookId,
    /// What is sent.
    pub notice: Notice,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was written.
    pub created: Timestamp,
    /// When it is to be sent next. Whoever sends it moves this forward first, which is the lease.
    pub due: Timestamp,
    /// How often it was sent.
    pub attempts: u32,
    /// The status of the last response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When it was last sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Timestamp>,
    /// Every attempt, oldest first, also those before a redelivery. At most [`MOST_TRIES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<Try>,
}

impl Delivery {
    /// A delivery that is due at once.
    pub fn new(
        id: DeliveryId,
        rp: RelyingPartyId,
        (account, webhook): (AccountId, WebhookId),
        notice: Notice,
    ) -> Self {
        Self {
            id,
            relying_party: rp,
            account,
            webhook,
            state: DeliveryState::Waiting,
            created: notice.at,
            due: notice.at,
            notice,
            attempts: 0,
            status: None,
            problem: None,
            tried: None,
            tries: Vec::new(),
        }
    }

    /// Removes who the user is. The deletion of a passkey keeps the keys of user and credential, so that its receiver can erase, too; they
    /// are random.
    pub fn erase(&mut self) {
        self.notice.user_name = None;
        if self.notice.what != NoticeType::FactorDeleted {
            self.notice.user = None;
            self.notice.credential = None;
        }
        self.due = self.due.plus_millis(1);
    }

    /// Notes an attempt.
    pub(crate) fn note_try(&mut self, one: Try) {
        if self.tries.len() >= MOST_TRIES {
            self.tries.remove(0);
        }
        self.tries.push(one);
    }
}

/// The key of the notice that a webhook gets of an event. A call that is sent again finds its own delivery by it. It begins with the moment of
/// the event, so that a store adds it behind those that it has, and not at a random place.
fn key(
    (event, at): (EventId, Timestamp),
    webhook: WebhookId,
    what: NoticeType,
    of_many: Option<CredentialKey>,
) -> DeliveryId {
    let mut context = Context::new(&SHA256);
    context.update(&event.0);
    context.update(&webhook.0);
    context.update(what.name().as_bytes());
    if let Some(credential) = of_many {
        context.update(&credential.0);
    }
    let mut key = [0; 16];
    key[..6].copy_from_slice(&at.0.to_be_bytes()[2..]);
    key[6..].copy_from_slice(&context.finish().as_ref()[..10]);
    DeliveryId(key)
}

impl AuditEvent {
    /// Notes who is to be told of it.
    #[must_use]
    pub fn told_to(mut self, subscribers: Option<Arc<[Subscriber]>>) -> Self {
        self.subscribers = subscribers;
        self
    }

    /// Removes a webhook from those who are to be told of it.
    #[must_use]
    pub(crate) fn not_told(mut self, webhook: WebhookId) -> Self {
        let without = |all: Arc<[Subscriber]>| -> Arc<[Subscriber]> {
            let others = all.iter().filter(|one| one.webhook != webhook);
            others.cloned().collect()
        };
        self.subscribers = self.subscribers.map(without);
        self
    }

    /// Whether a webhook can receive events of this kind, or of what they become when a ceremony is refused.
    pub fn is_told(&self) -> bool {
        NoticeType::of(self).next().is_some()
    }

    /// Why something was refused, or a webhook disabled.
    fn why(&self) -> Option<String> {
        let found = || self.details.as_ref()?.found.clone();
        match self.kind {
            AuditKind::WebhookDisabled => found(),
            _ => self.reason.map(|reason| reason.name().to_owned()),
        }
    }

    /// What is to be sent because of it. A store writes these in the transaction that writes the event.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let Some(subscribers) = &self.subscribers else {
            return Vec::new();
        };
        let mut deliveries = Vec::new();
        for what in NoticeType::of(self) {
            for subscriber in subscribers.iter().filter(|one| one.wants(what.name())) {
                if self.kind == AuditKind::UserDeleted {
                    let each = self.removed();
                    deliveries.extend(each.map(|key| self.delivery(subscriber, what, Some(key))));
                } else {
                    deliveries.push(self.delivery(subscriber, what, None));
                }
            }
        }
        deliveries
    }

    /// One delivery; of an event that is about many credentials, the one for this credential.
    fn delivery(
        &self,
        subscriber: &Subscriber,
        what: NoticeType,
        of_many: Option<CredentialKey>,
    ) -> Delivery {
        let notice = Notice {
            what,
            event: self.id,
            at: self.at,
            user: self.user,
            user_name: self.user_name.clone(),
            credential: of_many.or(self.credential),
            ceremony: self.ceremony,
            reason: self.why(),
        };
        let id = key((self.id, self.at), subscriber.webhook, what, of_many);
        let place = (subscriber.account, subscriber.webhook);
        Delivery::new(id, self.relying_party, place, notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::audit::{Actor, ActorKind, MAX_CHANGES};

    fn event(kind: AuditKind) -> AuditEvent {
        let by = Actor::new(ActorKind::Api, "twilio");
        AuditEvent::new(
            EventId([1; 16]),
            kind,
            RelyingPartyId([2; 16]),
            Timestamp(3),
            &by,
        )
    }

    fn subscriber(key: u8, types: &[&str]) -> Subscriber {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        Subscriber::new(WebhookId([key; 16]), AccountId([9; 16]), types)
    }

    fn told(event: AuditEvent, types: &[&str]) -> Vec<NoticeType> {
        let subscriber = subscriber(4, types);
        let event = event.told_to(Some(vec![subscriber].into()));
        event.deliveries().iter().map(|d| d.notice.what).collect()
    }

    #[test]
    fn a_webhook_is_told_what_it_wants() {
        let registered = || event(AuditKind::CredentialRegistered);
        assert_eq!(told(registered(), &["*"]), [NoticeType::FactorVerified]);
        assert_eq!(
            told(registered(), &["factor.verified"]),
            [NoticeType::FactorVerified]
        );
        assert_eq!(told(registered(), &["factor.deleted"]), []);
        assert_eq!(told(event(AuditKind::UserCreated), &["*"]), []);
        assert_eq!(registered().deliveries(), []);
    }

    #[test]
    fn a_counter_that_fell_is_told_beside_the_sign_in() {
        let mut signed_in = event(AuditKind::Authenticated);
        signed_in.signals = format!("other {NOT_INCREASED}");
        assert_eq!(
            told(signed_in, &["*"]),
            [
                NoticeType::ChallengeApproved,
                NoticeType::CounterNotIncreased
            ]
        );
        let refused = event(AuditKind::Authenticated).refused(Reason::SignCountNotIncreased);
        assert_eq!(
            told(refused, &["factor.counter_not_increased"]),
            [NoticeType::CounterNotIncreased]
        );
    }

    #[test]
    fn the_deletion_of_a_user_is_told_once_for_each_passkey() {
        // More than the changes of settings that an event has.
        let keys = (0..=255).map(|number| CredentialKey([number; 16]));
        let keys: Vec<_> = keys.collect();
        assert!(keys.len() > MAX_CHANGES);
        let deleted = event(AuditKind::UserDeleted).removing(keys.iter().copied());
        let deleted = deleted.told_to(Some(vec![subscriber(4, &["factor.deleted"])].into()));
        let deliveries = deleted.deliveries();
        let told: Vec<_> = deliveries.iter().map(|d| d.notice.credential).collect();
        let keys: Vec<_> = keys.into_iter().map(Some).collect();
        assert_eq!(told, keys);
        let ids: std::collections::BTreeSet<_> = deliveries.iter().map(|d| d.id.0).collect();
        assert_eq!(ids.len(), keys.len());
        let none = event(AuditKind::UserDeleted);
        assert_eq!(told_nothing(none), 0);
    }

    fn told_nothing(event: AuditEvent) -> usize {
        told(event, &["*"]).len()
    }

    #[test]
    fn the_same_event_has_the_same_deliveries() {
        let one = subscriber(4, &["*"]);
        let other = subscriber(5, &["*"]);
        let event = event(AuditKind::Authenticated).told_to(Some(vec![one, other].into()));
        let deliveries = event.deliveries();
        assert_eq!(deliveries, event.deliveries());
        assert_ne!(deliveries[0].id, deliveries[1].id);
    }

    #[test]
    fn a_later_event_has_later_keys() {
        let subscribers: Arc<[Subscriber]> =
            vec![subscriber(4, &["*"]), subscriber(5, &["*"])].into();
        let mut last = DeliveryId([0; 16]);
        for millis in [1, 2, 300, 70_000, 1_796_000_000_000] {
            let mut event = event(AuditKind::Authenticated);
            event.at = Timestamp(millis);
            let mut ids: Vec<_> = event
                .told_to(Some(Arc::clone(&subscribers)))
                .deliveries()
                .iter()
                .map(|delivery| delivery.id)
                .collect();
            ids.sort_unstable();
            assert!(last < ids[0], "{millis}");
            last = ids[1];
        }
    }
}
