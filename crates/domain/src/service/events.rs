//! Queries of the audit trail.

use std::sync::Arc;

use webauthn::error::Reason;

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::ceremony::{Authentication, Ceremony};
use crate::model::console::CONSOLE_PARTY;
use crate::model::ids::{CeremonyId, RelyingPartyId, UserId};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::store::{About, EventFilter, FoundEvents};

/// Most events that one query answers with.
pub const MAX_EVENTS: u32 = 10_000;

/// How far the end of a ceremony is from its start at most, clocks of several nodes included, in milliseconds: two hours.
const MOST_APART_MS: i64 = 7_200_000;

/// A key that says it is older or younger than this does not begin with a time, in milliseconds: ten years.
const PLAUSIBLE_MS: i64 = 315_360_000_000;

/// Most events that one page of a long search looks at, so that no page costs more because the trail is long.
pub const PAGE_SEARCHED: u32 = 5_000;

impl Passkeys {
    /// Writes an event of something that was just done, before the caller gets the response.
    pub(crate) async fn note(&self, event: AuditEvent) -> Result<(), Refusal> {
        Ok(self.storage.record_event(&event).await?)
    }

    /// Writes an event of an authentication that was just started, where the operator wants one. A start writes nothing durable by itself, so this
    /// is a write of its own. The console's own sign-ins have none: anybody can start them.
    pub(super) async fn note_start(
        &self,
        ceremony: &Authentication,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let rp = ceremony.relying_party;
        if !self.notes_starts || rp == CONSOLE_PARTY {
            return Ok(());
        }
        let kind = AuditKind::AuthenticationStarted;
        let mut event = AuditEvent::new(self.draw(), kind, rp, ceremony.created, by);
        event.user = ceremony.user;
        event.user_name.clone_from(&ceremony.asked.user_name);
        event.credential = ceremony.credential;
        self.note(event.ceremony(ceremony.id)).await
    }

    /// Events that a filter accepts, newest first: at most `limit` and at most [`MAX_EVENTS`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn find_events(
        &self,
        rp: RelyingPartyId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<FoundEvents, Refusal> {
        let limit = limit.min(MAX_EVENTS);
        Ok(self.storage.find_events(rp, filter, limit).await?)
    }

    /// The refusal of a ceremony, with what is kept of the response; `None` if there is none, or nothing is kept of it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn refused_case(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Result<Option<AuditEvent>, Refusal> {
        let refusals = AuditKind::ALL.iter().copied();
        let (_, around) = self.around(rp, id).await?;
        let mut filter = EventFilter {
            kinds: Some(refusals.filter(|kind| kind.is_refusal()).collect()),
            most: Some(PAGE_SEARCHED),
            ..around
        };
        loop {
            let found = self.storage.find_events(rp, &filter, 1).await?;
            if let Some(event) = found.events.into_iter().next() {
                let kept = event.details.as_ref();
                let kept = kept.is_some_and(|details| details.case.is_some());
                return Ok(kept.then_some(event));
            }
            let Some(stopped) = found.stopped else {
                return Ok(None);
            };
            filter.after = Some(stopped);
        }
    }

    /// A ceremony, if it is still kept, and its events, newest first, at most `limit`.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn ceremony_with_events(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
        limit: u32,
    ) -> Result<(Option<Ceremony>, Vec<AuditEvent>), Refusal> {
        let (ceremony, around) = self.around(rp, id).await?;
        let found = self.find_events(rp, &around, limit).await?;
        Ok((ceremony, found.events))
    }

    /// A ceremony, if it is still kept, and a filter that finds its events in the time in which they can be.
    async fn around(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Result<(Option<Ceremony>, EventFilter), Refusal> {
        let mut filter = EventFilter {
            about: Some(About::Ceremony(id)),
            ..EventFilter::default()
        };
        let ceremony = self.storage.ceremony(rp, id).await?;
        if let Some(ceremony) = &ceremony {
            filter.from = Some(ceremony.created());
            filter.until = Some(ceremony.expires().plus_millis(1));
        } else if (self.now().0 - id.begun().0).abs() < PLAUSIBLE_MS {
            // Most keys begin with the time. Those that do not hardly ever look like a time of these years.
            filter.from = Some(id.begun().plus_millis(-MOST_APART_MS));
            filter.until = Some(id.begun().plus_millis(MOST_APART_MS));
        }
        Ok((ceremony, filter))
    }

    /// Deletes a user, who may be deleted already, and removes from the audit trail and from deliveries who that was; from how many events. It reads the events of
    /// the Relying Party once, page by page. When it fails, it can be repeated, and goes on with what is left.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn erase_user(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        by: &Actor,
    ) -> Result<u64, Refusal> {
        match self.delete_user(rp, user, by).await {
            Err(refusal) if refusal.reason != Reason::UserUnknown => return Err(refusal),
            Ok(()) | Err(_) => {}
        }
        let mut filter = EventFilter {
            most: Some(PAGE_SEARCHED),
            wanted: Some(Arc::new(move |event: &AuditEvent| event.user == Some(user))),
            ..EventFilter::default()
        };
        let mut erased = 0;
        loop {
            let found = self.storage.find_events(rp, &filter, PAGE_SEARCHED).await?;
            let events = found.events.iter().map(|event| (event.at, event.id));
            let events: Vec<_> = events.collect();
            if !events.is_empty() {
                self.storage.erase_events(rp, user, &events).await?;
                erased += events.len() as u64;
            }
            let Some(stopped) = found.stopped else { break };
            filter.after = Some(stopped);
        }
        self.erase_deliveries(rp, user).await?;
        let kind = AuditKind::UserErased;
        let event = AuditEvent::new(self.draw(), kind, rp, self.now(), by);
        self.note(event.target("user", &user.to_hex(), None))
            .await?;
        Ok(erased)
    }
}
