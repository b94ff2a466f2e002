//! Queries of the audit trail.

use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::model::ids::RelyingPartyId;
use crate::model::page::{Order, PageRequest, Position};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;

/// Most events that one query returns.
pub const MAX_EVENTS: u32 = 10_000;

/// Most events that one query reads.
const MAX_SEARCHED: u32 = 200_000;

/// Events read at a time.
const SEARCH_PAGE: u32 = 1000;

/// A part of the audit trail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventRange {
    /// Events from this time on; `None`: from the first.
    pub from: Option<Timestamp>,
    /// Events before this time; `None`: up to the last.
    pub until: Option<Timestamp>,
}

/// The result of a query of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEvents {
    /// The events, newest first.
    pub events: Vec<AuditEvent>,
    /// Whether these are all; `false` if the query reached one of its limits.
    pub complete: bool,
}

impl Passkeys {
    /// Events of a range that `wanted` picks, newest first: at most `limit` and at most [`MAX_EVENTS`].
    ///
    /// The store selects the range. `wanted` is applied to the events that were read, and the search
    /// ends after a limited number of them.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn find_events(
        &self,
        rp: RelyingPartyId,
        range: EventRange,
        limit: u32,
        wanted: impl Fn(&AuditEvent) -> bool,
    ) -> Result<FoundEvents, Refusal> {
        let limit = limit.min(MAX_EVENTS) as usize;
        let mut after = range.until.map(|until| Position {
            created: until,
            key: [0; 16],
        });
        let mut events = Vec::new();
        let mut searched = 0;
        loop {
            let request = PageRequest {
                after,
                limit: SEARCH_PAGE,
                order: Order::Descending,
            };
            let page = self.storage.list_events(rp, request).await?;
            after = page.items.last().map(|event| Position {
                created: event.at,
                key: event.id.0,
            });
            for event in page.items {
                if range.from.is_some_and(|from| event.at < from) {
                    return Ok(FoundEvents {
                        events,
                        complete: true,
                    });
                }
                if !wanted(&event) {
                    continue;
                }
                if events.len() == limit {
                    return Ok(FoundEvents {
                        events,
                        complete: false,
                    });
                }
                events.push(event);
            }
            searched += SEARCH_PAGE;
            if !page.more || searched >= MAX_SEARCHED {
                return Ok(FoundEvents {
                    events,
                    complete: !page.more,
                });
            }
        }
    }
}
