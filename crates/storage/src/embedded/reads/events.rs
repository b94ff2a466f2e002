//! The audit trail.

use std::ops::ControlFlow;

use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::ids::RelyingPartyId;
use domain::model::page::Position;
use domain::store::{EventFilter, FoundEvents, place_of};
use rusqlite::{Connection, params};

use super::page::LAST_KEY;
use crate::embedded::rows::{self, columns};
use crate::embedded::sql::{Outcome, each, first};

/// `recent` are events that may not be in the table yet, newest first; some of them may be.
pub(in crate::embedded) fn find_events(
    connection: &Connection,
    rp: RelyingPartyId,
    filter: &EventFilter,
    limit: u32,
    recent: Vec<AuditEvent>,
) -> Outcome<FoundEvents> {
    let from = filter.from.map_or(i64::MIN, |from| from.0);
    let until = filter.end().0;
    let (at, key) = match &filter.after {
        Some(after) => (after.created.0, &after.key[..]),
        None => (i64::MAX, LAST_KEY),
    };
    let sql = concat!(
        "SELECT ",
        columns!(event),
        " FROM events WHERE relying_party_id = ?1 AND at >= ?2 AND at < ?3 AND (at, id) < (?4, ?5) \
         ORDER BY at DESC, id DESC"
    );
    let mut search = Search {
        filter,
        limit: limit as usize,
        searched: 0,
        last: filter.after,
        found: FoundEvents {
            events: Vec::new(),
            complete: true,
            stopped: None,
        },
    };
    let mut recent = recent.into_iter().peekable();
    each(
        connection,
        sql,
        params![rp.0, from, until, at, key],
        |row| {
            let place = rows::event_place(row)?;
            while let Some(event) = recent.next_if(|event| (event.at, event.id) >= place) {
                if (event.at, event.id) > place && search.offer(event).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if search.step().is_break() {
                return Ok(ControlFlow::Break(()));
            }
            // Most rows of a long search are not wanted: what one column decides is looked at first.
            let of_kind = match &filter.kinds {
                Some(kinds) => kinds.contains(&rows::event_kind(row)?),
                None => true,
            };
            let about = match &filter.about {
                Some(about) if of_kind => rows::event_is_about(row, about)?,
                _ => of_kind,
            };
            if !about {
                search.last = Some(Position {
                    created: place.0,
                    key: place.1.0,
                });
                return Ok(ControlFlow::Continue(()));
            }
            Ok(search.take(rows::event(row)?))
        },
    )?;
    if search.found.complete {
        // Those that are older than any in the table.
        let _ = recent.try_for_each(|event| search.offer(event));
    }
    Ok(search.found)
}

/// A search for events, newest first.
struct Search<'a> {
    filter: &'a EventFilter,
    limit: usize,
    searched: u32,
    /// The last event that was looked at.
    last: Option<Position>,
    found: FoundEvents,
}

impl Search<'_> {
    /// Goes on to another event, unless there were too many.
    fn step(&mut self) -> ControlFlow<()> {
        self.searched += 1;
        if self.searched > self.filter.most() {
            return self.stop();
        }
        ControlFlow::Continue(())
    }

    /// Takes in an event that is accepted, unless there are enough.
    fn take(&mut self, event: AuditEvent) -> ControlFlow<()> {
        let accepted = self.filter.accepts(&event);
        if accepted && self.found.events.len() == self.limit {
            return self.stop();
        }
        self.last = Some(place_of(&event));
        if accepted {
            self.found.events.push(event);
        }
        ControlFlow::Continue(())
    }

    fn offer(&mut self, event: AuditEvent) -> ControlFlow<()> {
        self.step()?;
        self.take(event)
    }

    fn stop(&mut self) -> ControlFlow<()> {
        self.found.complete = false;
        self.found.stopped = self.last;
        ControlFlow::Break(())
    }
}

/// The Relying Party that the last sweep of events looked at last; `None` when the next sweep begins with the first one.
pub(in crate::embedded) fn events_swept_to(connection: &Connection) -> Outcome<Option<[u8; 16]>> {
    let sql = "SELECT value FROM meta WHERE name = 'events_swept_to'";
    first(connection, sql, [], |row| Ok(row.get(0)?))
}

/// Relying Parties that have events from before a moment.
#[derive(Debug)]
pub(in crate::embedded) struct OldEvents {
    /// Where the search began: behind this one.
    pub(in crate::embedded) begun: Option<[u8; 16]>,
    /// The Relying Parties, deleted ones too.
    pub(in crate::embedded) found: Vec<RelyingPartyId>,
    /// The last one that was looked at, when further ones may follow.
    pub(in crate::embedded) stopped: Option<[u8; 16]>,
}

/// Looks for old events in so many Relying Parties, from where the last sweep stopped.
///
/// Jumps from one to the next in the primary key instead of reading every event.
pub(in crate::embedded) fn with_old_events(
    connection: &Connection,
    before: Timestamp,
    most: usize,
) -> Outcome<OldEvents> {
    let begun = events_swept_to(connection)?;
    let mut found = Vec::new();
    let mut last = begun.map_or_else(Vec::new, |key| key.to_vec());
    let mut stopped = None;
    for _ in 0..most {
        let next = first(
            connection,
            "SELECT relying_party_id, at FROM events WHERE relying_party_id > ?1 \
             ORDER BY relying_party_id, at, id LIMIT 1",
            [&last],
            |row| Ok((row.get::<_, [u8; 16]>(0)?, Timestamp(row.get(1)?))),
        )?;
        stopped = next.map(|(rp, _)| rp);
        let Some((rp, oldest)) = next else { break };
        if oldest < before {
            found.push(RelyingPartyId(rp));
        }
        last = rp.to_vec();
    }
    Ok(OldEvents {
        begun,
        found,
        stopped,
    })
}
