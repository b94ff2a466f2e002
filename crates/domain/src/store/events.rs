//! The audit trail. Events are written by the operations that they are about, but for those of keys, webhooks and accounts.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use webauthn::error::Reason;

use crate::model::audit::{ActorKind, AuditEvent, AuditKind};
use crate::model::clock::Timestamp;
use crate::model::ids::{CeremonyId, EventId, RelyingPartyId, UserId};
use crate::model::page::Position;
use crate::store::Fault;

/// Most events that one search looks at.
pub const MAX_SEARCHED: u32 = 200_000;

/// A condition that no column holds, such as a text that an export shows.
pub type Wanted = Arc<dyn Fn(&AuditEvent) -> bool + Send + Sync>;

/// What an event is about. A store can tell by a column, without reading the rest of the event: most events of a long search are about
/// something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A ceremony.
    Ceremony(CeremonyId),
    /// A user: by the key, or by the name at the time.
    User(UserId, String),
    /// A refusal for this reason.
    Refusal(Reason),
}

impl About {
    /// Whether the event is about it.
    pub fn covers(&self, event: &AuditEvent) -> bool {
        match self {
            Self::Ceremony(id) => event.ceremony == Some(*id),
            Self::User(id, name) => {
                event.user == Some(*id) || event.user_name.as_ref() == Some(name)
            }
            Self::Refusal(reason) => event.reason == Some(*reason),
        }
    }
}

/// Which events a search finds: those that meet every condition that is there.
#[derive(Clone, Default)]
pub struct EventFilter {
    /// Events from this moment on.
    pub from: Option<Timestamp>,
    /// Events before this moment.
    pub until: Option<Timestamp>,
    /// Events behind this one, in the order of a search: the place where an earlier search stopped.
    pub after: Option<Position>,
    /// Most events that the search looks at; [`MAX_SEARCHED`] if it is not said.
    pub most: Option<u32>,
    /// Events of these kinds.
    pub kinds: Option<Vec<AuditKind>>,
    /// Events that this kind of party caused.
    pub actor: Option<ActorKind>,
    /// Events about this.
    pub about: Option<About>,
    /// Events that this function accepts. The store calls it where it reads, for those alone that meet the other conditions.
    pub wanted: Option<Wanted>,
}

impl fmt::Debug for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFilter")
            .field("from", &self.from)
            .field("until", &self.until)
            .field("after", &self.after)
            .field("most", &self.most)
            .field("kinds", &self.kinds)
            .field("actor", &self.actor)
            .field("about", &self.about)
            .field("wanted", &self.wanted.is_some())
            .finish()
    }
}

impl EventFilter {
    /// Whether an event meets the conditions of time and place.
    pub fn covers(&self, event: &AuditEvent) -> bool {
        let place = (event.at, event.id.0);
        self.from.is_none_or(|from| event.at >= from)
            && self.until.is_none_or(|until| event.at < until)
            && self
                .after
                .is_none_or(|after| place < (after.created, after.key))
    }

    /// The first moment that is too late for this filter. Events of the last moment before it may lie before the place of `after`.
    pub fn end(&self) -> Timestamp {
        let until = self.until.unwrap_or(Timestamp(i64::MAX));
        match self.after {
            Some(after) => until.min(after.created.plus_millis(1)),
            None => until,
        }
    }

    /// Most events that the search looks at.
    pub fn most(&self) -> u32 {
        self.most.unwrap_or(MAX_SEARCHED).min(MAX_SEARCHED)
    }

    /// Whether an event meets all conditions but those of time and place.
    pub fn accepts(&self, event: &AuditEvent) -> bool {
        self.kinds
            .as_ref()
            .is_none_or(|kinds| kinds.contains(&event.kind))
            && self.actor.is_none_or(|kind| event.actor.kind == kind)
            && self.about.as_ref().is_none_or(|about| about.covers(event))
            && self.wanted.as_ref().is_none_or(|wanted| wanted(event))
    }
}

/// What a search of the audit trail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEvents {
    /// The events, newest first.
    pub events: Vec<AuditEvent>,
    /// Whether these are all; `false` when the search reached one of its bounds.
    pub complete: bool,
    /// Where a further search goes on, if these are not all: behind this event.
    pub stopped: Option<Position>,
}

/// The place of an event in the order of a search.
pub fn place_of(event: &AuditEvent) -> Position {
    Position {
        created: event.at,
        key: event.id.0,
    }
}

/// The audit trail. Events are written by the operations that they are about. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Events: Send + Sync {
    /// The audit events of a Relying Party that a filter accepts, newest first: at most `limit`, out of the newest
    /// [`EventFilter::most`] of its time.
    async fn find_events(
        &self,
        rp: RelyingPartyId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<FoundEvents, Fault>;

    /// Adds an event by itself, whether or not its Relying Party is there: for what happens to records whose operations write no event.
    async fn record_event(&self, event: &AuditEvent) -> Result<(), Fault>;

    /// Removes from these events of a user everything that identifies the user: the user's key and name, the credential, the address, the
    /// user agent, and all details. What happened, when and why stays. Events of others are left alone.
    async fn erase_events(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        events: &[(Timestamp, EventId)],
    ) -> Result<(), Fault>;
}
