//! Searches of the audit trail for a page: as far back as its time allows.

use std::time::Duration;

use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::RelyingPartyId;
use domain::model::page::Position;
use domain::service::events::PAGE_SEARCHED;
use domain::store::EventFilter;
use tokio::time::Instant;

use super::failure::Failure;
use super::visit::Visit;
use super::words;

/// After so long a page searches no further, whatever it has found.
const LONGEST: Duration = Duration::from_millis(20);

/// Where a search goes on that found enough, or took long enough.
pub(super) struct Further {
    /// The parameter of the next page.
    pub(super) after: String,
    /// The moment to which the search has come.
    pub(super) seen_to: Timestamp,
}

impl Further {
    fn behind(place: Position) -> Self {
        Self {
            after: words::cursor(place.created, place.key),
            seen_to: place.created,
        }
    }
}

/// The events of a Service that a filter accepts, newest first, and at most `limit`: behind the place that the query names.
pub(super) async fn search(
    visit: &Visit,
    rp: RelyingPartyId,
    mut filter: EventFilter,
    limit: u32,
) -> Result<(Vec<AuditEvent>, Option<Further>), Failure> {
    filter.after = visit.query("after").and_then(words::position);
    filter.most = Some(PAGE_SEARCHED);
    let (begun, mut events, mut left) = (Instant::now(), Vec::new(), limit);
    loop {
        let found = visit.passkeys().find_events(rp, &filter, left).await?;
        left = left.saturating_sub(u32::try_from(found.events.len()).unwrap_or(limit));
        events.extend(found.events);
        match found.stopped {
            Some(place) if left > 0 && begun.elapsed() < LONGEST => filter.after = Some(place),
            stopped => return Ok((events, stopped.map(Further::behind))),
        }
    }
}
