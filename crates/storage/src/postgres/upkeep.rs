//! The store itself, its audit trail, and the metadata.

use async_trait::async_trait;
use domain::model::audit::AuditEvent;
use domain::model::clock::Timestamp;
use domain::model::grant::{KeyUse, UsedKey};
use domain::model::ids::{EventId, NodeId, RelyingPartyId, UserId};
use domain::model::metadata::{MetadataRecord, MetadataSource, MetadataVersion, StoredMetadata};
use domain::store::{
    EventFilter, Events, Fault, FoundEvents, MetadataBlobs, ReplaceMetadata, Responds, Swept,
    Upkeep, place_of,
};

use super::cells::{Cells, params, unreadable};
use super::pool::{Does, Sent};
use super::records::{self, counter};
use super::statements::Statement;
use super::{LAST_KEY, Postgres, settled};

/// Most rows that one statement of the sweep removes.
const CHUNK: u32 = 500;

/// How many Relying Parties one sweep looks at for old events.
const PARTIES: u32 = 1000;

/// How many events one statement of a search reads.
const SEARCH: u32 = 1000;

/// How long the mark of a deletion is kept after its rows are removed, in milliseconds: longer than any request takes. A write that
/// was under way when the deletion was committed is swept then.
const LATE_MS: i64 = 600_000;

/// In the column of the number: the BLOB was removed. Every number is greater.
const REMOVED: i64 = -1;

/// What a Relying Party had, table by table. Policies of ceremonies are not among it: they expire by themselves.
const OF_PARTY: [Statement; 8] = [
    Statement::SweepPartyCeremonies,
    Statement::SweepPartyCredentials,
    Statement::SweepPartyUsers,
    Statement::SweepPartyWebhooks,
    Statement::SweepPartyDeliveries,
    Statement::SweepPartyAccessKeys,
    Statement::SweepPartyTokenKeys,
    Statement::SweepPartyTokens,
];

/// What a user had.
const OF_USER: [Statement; 2] = [
    Statement::SweepUserCeremonies,
    Statement::SweepUserCredentials,
];

/// The mark of a deletion.
struct Mark {
    at: i64,
    party: [u8; 16],
    user: Vec<u8>,
}

impl Mark {
    fn read(cells: &mut Cells<'_>) -> Result<Self, Fault> {
        Ok(Self {
            at: cells.int()?,
            party: cells.key()?,
            user: cells.bytes()?.to_vec(),
        })
    }
}

impl Postgres {
    /// Removes rows in statements of a bounded size until nothing is left to remove, or `budget` rows are gone; how many are gone.
    pub(super) async fn sweep_in_chunks<'a>(
        &self,
        budget: u32,
        sent: impl Fn(u32) -> Sent<'a>,
    ) -> Result<u32, Fault> {
        let mut removed = 0;
        while removed < budget {
            let limit = CHUNK.min(budget - removed);
            let row = self.pool.only(Does::Write, sent(limit)).await?;
            let count = Cells::new(&row).count()?;
            removed += count;
            if count < limit {
                break;
            }
        }
        Ok(removed)
    }

    /// Removes at most `budget` rows of what was deleted by a mark; how many.
    async fn sweep_mark(&self, mark: &Mark, budget: u32) -> Result<u32, Fault> {
        let whole = mark.user == LAST_KEY;
        let tables: &[Statement] = if whole { &OF_PARTY } else { &OF_USER };
        let mut removed = 0;
        for statement in tables {
            removed += self
                .sweep_in_chunks(budget - removed, |limit| {
                    let mut params = params![mark.party, limit];
                    if !whole {
                        params.extend(params![&mark.user[..]]);
                    }
                    (*statement, params)
                })
                .await?;
            if removed == budget {
                break;
            }
        }
        Ok(removed)
    }

    /// Removes at most `budget` rows of what was deleted, the earliest deletion first; a mark whose rows are all gone counts as one
    /// of them, an attestation as a part of its credential.
    async fn sweep_deletions(&self, budget: u32) -> Result<u32, Fault> {
        let mut removed = 0;
        while removed < budget {
            let sent = (Statement::FirstDeletion, params![]);
            let Some(mark) = self.record(sent, Mark::read).await? else {
                break;
            };
            removed += self.sweep_mark(&mark, budget - removed).await?;
            if removed < budget {
                let params = params![mark.at, mark.party, &mark.user[..]];
                removed += u32::from(self.pool.done((Statement::MarkSwept, params)).await?);
            }
        }
        Ok(removed)
    }

    /// Removes what came after the sweep of an old deletion, and the mark.
    async fn sweep_late(&self, before: Timestamp, budget: u32) -> Result<(), Fault> {
        let mut left = budget;
        while left > 0 {
            let sent = (Statement::OldDeletion, params![before.0]);
            let Some(mark) = self.record(sent, Mark::read).await? else {
                break;
            };
            left -= self.sweep_mark(&mark, left).await?;
            if left > 0 {
                let params = params![mark.at, mark.party, &mark.user[..]];
                self.pool.done((Statement::RemoveMark, params)).await?;
                left -= 1;
            }
        }
        Ok(())
    }

    /// Removes old events of a bounded number of Relying Parties; how many are gone. The next call goes on with the Relying
    /// Parties that follow, and begins again after the last one.
    async fn sweep_old_events(&self, before: Timestamp, budget: u32) -> Result<u32, Fault> {
        let sent = (Statement::EventsSweptTo, params![]);
        let begun = self
            .record(sent, |cells| Ok(cells.bytes()?.to_vec()))
            .await?;
        let from = begun.clone().unwrap_or_default();
        let sent = (Statement::PartiesWithEvents, params![&from[..], PARTIES]);
        let rows = self.pool.one(Does::Read, sent).await?;
        let (mut removed, mut last) = (0, None);
        for row in &rows {
            let mut cells = Cells::new(row);
            let (party, oldest) = (cells.key::<16>()?, cells.int()?);
            last = Some(party);
            if oldest < before.0 {
                removed += self
                    .sweep_in_chunks(budget - removed, |limit| {
                        (Statement::SweepEvents, params![party, before.0, limit])
                    })
                    .await?;
                if removed == budget {
                    // The next sweep looks at the same Relying Parties for what is left.
                    return Ok(removed);
                }
            }
        }
        let stopped = last.filter(|_| rows.len() == PARTIES as usize);
        match stopped {
            Some(party) => {
                let sent = (Statement::SetEventsSweptTo, params![party]);
                self.pool.done(sent).await?;
            }
            None if begun.is_some() => {
                let sent = (Statement::ClearEventsSweptTo, params![]);
                self.pool.done(sent).await?;
            }
            None => {}
        }
        Ok(removed)
    }
}

#[async_trait]
impl Upkeep for Postgres {
    async fn shared_secret(&self, candidate: [u8; 32]) -> Result<[u8; 32], Fault> {
        settled!({
            let sent = (Statement::SharedSecret, params![candidate]);
            let row = self.pool.only(Does::Write, sent).await?;
            Cells::new(&row).maybe_key()
        })
    }

    async fn store_key(&self) -> Result<Option<Vec<u8>>, Fault> {
        let sent = (Statement::StoreKey, params![]);
        self.record(sent, |cells| Ok(cells.bytes()?.to_vec())).await
    }

    async fn keep_store_key(&self, candidate: &[u8]) -> Result<Vec<u8>, Fault> {
        settled!({
            let sent = (Statement::KeepStoreKey, params![candidate]);
            let row = self.pool.only(Does::Write, sent).await?;
            Ok(Cells::new(&row).maybe_bytes()?.map(<[u8]>::to_vec))
        })
    }

    async fn replace_store_key(&self, expected: &[u8], new: &[u8]) -> Result<bool, Fault> {
        let sent = (Statement::ReplaceStoreKey, params![expected, new]);
        let row = self.pool.only(Does::Write, sent).await?;
        let mut cells = Cells::new(&row);
        Ok(cells.any()? || cells.bool()?)
    }

    async fn latest_time(&self, now: Timestamp) -> Result<Timestamp, Fault> {
        // The order of these bytes is that of the times after 1970.
        let bytes = now.0.max(0).to_be_bytes();
        settled!({
            let sent = (Statement::LatestTime, params![bytes]);
            let row = self.pool.only(Does::Write, sent).await?;
            let bytes = Cells::new(&row).maybe_key()?;
            Ok(bytes.map(|bytes| Timestamp(i64::from_be_bytes(bytes))))
        })
    }

    async fn note_key_uses(&self, uses: &[KeyUse]) -> Result<(), Fault> {
        if uses.is_empty() {
            return Ok(());
        }
        let sent = uses.iter().map(|KeyUse { key, at }| match key {
            UsedKey::Api(id) => (Statement::NoteApiKeyUse, params![id.0, at.0]),
            UsedKey::Access(rp, id) => {
                let params = params![rp.0, id.0, at.0];
                (Statement::NoteAccessKeyUse, params)
            }
        });
        // In the order of the keys: two nodes that note the same ones do not wait for each other.
        let sent: Vec<_> = sent.collect();
        self.pool.all(Does::Write, &sent).await.map(drop)
    }

    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        answers_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault> {
        let now = answers_before.max(expired_before);
        self.sweep_late(now.plus_millis(-LATE_MS), budget).await?;
        let deletions = self.sweep_deletions(budget).await?;
        let expired = |statement: Statement, before: Timestamp| {
            self.sweep_in_chunks(budget, move |limit| (statement, params![before.0, limit]))
        };
        let ceremonies = expired(Statement::SweepCeremonies, expired_before).await?;
        // A policy goes after the ceremonies that refer to it.
        if ceremonies < budget {
            expired(Statement::SweepPolicies, expired_before).await?;
        }
        let tokens = expired(Statement::SweepTokens, expired_before).await?;
        let answers = expired(Statement::SweepAnswers, answers_before).await?;
        let events = self.sweep_old_events(events_before, budget).await?;
        Ok(Swept {
            deletions: deletions.into(),
            ceremonies: ceremonies.into(),
            events: events.into(),
            tokens: tokens.into(),
            answers: answers.into(),
        })
    }

    async fn lease(
        &self,
        name: &str,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Fault> {
        self.pool
            .done((Statement::Lease, params![name, node.0, now.0, until.0]))
            .await
    }

    /// While no host takes writes, a standby that can be read is enough: not all nodes are to leave their load balancer at once.
    async fn ping(&self) -> Result<Responds, Fault> {
        let sent = (Statement::Ping, params![]);
        match self.pool.one(Does::Read, sent).await {
            Ok(_) => Ok(Responds::Fully),
            Err(Fault::Retryable(_)) if !self.pool.is_closed() => {
                self.pool.read_anywhere(Statement::Ping).await?;
                Ok(Responds::ToReads)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn close(&self) -> Result<(), Fault> {
        self.pool.close();
        Ok(())
    }
}

#[async_trait]
impl Events for Postgres {
    async fn record_event(&self, event: &AuditEvent) -> Result<(), Fault> {
        let params = records::event_params(event.relying_party, event);
        self.pool
            .done((Statement::RecordEvent, params))
            .await
            .map(drop)
    }

    async fn find_events(
        &self,
        rp: RelyingPartyId,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<FoundEvents, Fault> {
        let from = filter.from.map_or(i64::MIN, |from| from.0);
        let until = filter.end().0;
        let mut found = FoundEvents {
            events: Vec::new(),
            complete: true,
            stopped: None,
        };
        let mut searched = 0;
        // Behind this one; from the newest one if there is none.
        let mut last = filter.after;
        loop {
            // Most searches want a few; one more says whether these are all.
            let most = if searched == 0 {
                SEARCH.min(limit.saturating_add(1))
            } else {
                SEARCH
            };
            let (at, key) = match &last {
                Some(last) => (last.created.0, &last.key[..]),
                None => (i64::MAX, &LAST_KEY[..]),
            };
            // One more than the search may look at says whether there are more.
            let most = most.min((filter.most() - searched).saturating_add(1));
            let params = params![rp.0, from, until, at, key, most];
            let rows = self
                .pool
                .one(Does::Read, (Statement::FindEvents, params))
                .await?;
            for row in &rows {
                let event = records::event(&mut Cells::new(row))?;
                let accepted = filter.accepts(&event);
                if searched == filter.most() || accepted && found.events.len() == limit as usize {
                    found.complete = false;
                    found.stopped = last;
                    return Ok(found);
                }
                searched += 1;
                last = Some(place_of(&event));
                if accepted {
                    found.events.push(event);
                }
            }
            if rows.len() < most as usize {
                return Ok(found);
            }
        }
    }

    async fn erase_events(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        events: &[(Timestamp, EventId)],
    ) -> Result<(), Fault> {
        let moments = || events.iter().map(|(at, _)| at.0);
        let (Some(first), Some(last)) = (moments().min(), moments().max()) else {
            return Ok(());
        };
        let ids: Vec<&[u8]> = events.iter().map(|(_, id)| &id.0[..]).collect();
        let params = params![rp.0, user.0, first, last, ids];
        self.pool
            .done((Statement::EraseEvents, params))
            .await
            .map(drop)
    }
}

#[async_trait]
impl MetadataBlobs for Postgres {
    async fn metadata(
        &self,
        known: Option<MetadataVersion>,
    ) -> Result<Option<MetadataRecord>, Fault> {
        let known = known.unwrap_or_default();
        // No state is later than one that the columns cannot hold.
        let column = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (removals, no) = (column(known.removals), known.no.map_or(REMOVED, column));
        let sent = (Statement::Metadata, params![removals, no]);
        self.record(sent, |cells| {
            let removals = number(cells.int()?)?;
            let no = cells.int()?;
            if no == REMOVED {
                return Ok(MetadataRecord {
                    removals,
                    stored: None,
                });
            }
            let imported = Timestamp(cells.int()?);
            let source = MetadataSource::from_name(cells.plain()?)
                .ok_or_else(|| unreadable("the source of the metadata"))?;
            let stored = StoredMetadata {
                no: number(no)?,
                imported,
                source,
                blob: cells.bytes()?.into(),
            };
            Ok(MetadataRecord {
                removals,
                stored: Some(stored),
            })
        })
        .await
    }

    async fn replace_metadata(&self, new: &StoredMetadata) -> Result<ReplaceMetadata, Fault> {
        let no = counter(new.no)?;
        settled!({
            let params = params![no, new.imported.0, new.source.name(), &*new.blob];
            let row = self
                .pool
                .only(Does::Write, (Statement::ReplaceMetadata, params))
                .await?;
            let mut cells = Cells::new(&row);
            let replaced = cells.maybe_int()?;
            let (removals, stored, same) =
                (cells.maybe_int()?, cells.maybe_int()?, cells.maybe_bool()?);
            let removals = replaced.or(removals.filter(|_| same == Some(true)));
            if let Some(removals) = removals {
                let removals = number(removals)?;
                return Ok(Some(ReplaceMetadata::Replaced { removals }));
            }
            // A smaller number than the new one: a greater one was stored meanwhile.
            let stored = stored
                .filter(|stored| *stored >= no)
                .map(number)
                .transpose()?;
            Ok(stored.map(|no| ReplaceMetadata::NotNewer { no }))
        })
    }

    async fn remove_metadata(&self) -> Result<bool, Fault> {
        self.pool.done((Statement::RemoveMetadata, params![])).await
    }
}

fn number(column: i64) -> Result<u64, Fault> {
    u64::try_from(column).map_err(|_| unreadable("the number of the metadata"))
}
