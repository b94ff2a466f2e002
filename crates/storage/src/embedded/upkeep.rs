//! The store itself: what its nodes share, and what keeps it small and alive.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::grant::KeyUse;
use domain::model::ids::NodeId;
use domain::store::{Fault, Responds, Swept, Upkeep};
use rusqlite::Connection;

use super::rows::CeremonyRow;
use super::sql::Outcome;
use super::{Embedded, Rows, reads, writes};

/// Most rows that one job of the sweep removes, so that others get in between.
const SWEEP_CHUNK: u32 = 500;

/// How many Relying Parties one sweep looks at for old events. Each costs a look-up, whether it has old ones or not.
pub(super) const SWEEP_PARTIES: usize = 1000;

#[async_trait]
impl Upkeep for Embedded {
    async fn shared_secret(&self, candidate: [u8; 32]) -> Result<[u8; 32], Fault> {
        self.write_at_start(move |c| writes::shared_secret(c, candidate))
            .await
    }

    async fn store_key(&self) -> Result<Option<Vec<u8>>, Fault> {
        self.points.read(reads::store_key)
    }

    async fn keep_store_key(&self, candidate: &[u8]) -> Result<Vec<u8>, Fault> {
        let candidate = candidate.to_vec();
        self.write(move |c| writes::keep_store_key(c, &candidate))
            .await
    }

    async fn replace_store_key(&self, expected: &[u8], new: &[u8]) -> Result<bool, Fault> {
        let (expected, new) = (expected.to_vec(), new.to_vec());
        self.write(move |c| writes::replace_store_key(c, &expected, &new))
            .await
    }

    async fn latest_time(&self, now: Timestamp) -> Result<Timestamp, Fault> {
        self.write_at_start(move |c| writes::latest_time(c, now))
            .await
    }

    async fn note_key_uses(&self, uses: &[KeyUse]) -> Result<(), Fault> {
        let uses = uses.to_vec();
        self.write(move |c| writes::note_key_uses(c, &uses)).await
    }

    async fn sweep(
        &self,
        expired_before: Timestamp,
        events_before: Timestamp,
        answers_before: Timestamp,
        budget: u32,
    ) -> Result<Swept, Fault> {
        let pending = Arc::clone(&self.pending);
        let deletions = self
            .sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_deletions(c, &pending, limit)
            })
            .await?;
        // Those in memory first, so that the longest expired go first wherever they are.
        // On a full disk they stay there, and nobody may write what would need the room.
        if !self.writer.is_for_removal() {
            self.put_aside(answers_before.max(expired_before)).await?;
        }
        let ceremonies = self
            .sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_ceremonies(c, expired_before, limit)
            })
            .await?;
        // A policy goes after the ceremonies that refer to it.
        if ceremonies < budget {
            self.sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_policies(c, expired_before, limit)
            })
            .await?;
        }
        let tokens = self
            .sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_tokens(c, expired_before, limit)
            })
            .await?;
        let answers = self
            .sweep_in_chunks(budget, move |c, limit| {
                writes::sweep_answers(c, answers_before, limit)
            })
            .await?;
        let events = self.sweep_old_events(events_before, budget).await?;
        self.writer.removed().await?;
        Ok(Swept {
            deletions: u64::from(deletions),
            ceremonies: u64::from(ceremonies),
            events: u64::from(events),
            tokens: u64::from(tokens),
            answers: u64::from(answers),
        })
    }

    async fn lease(
        &self,
        name: &str,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Fault> {
        let name = name.to_owned();
        self.remove(Rows::AsTheyAre, move |c| {
            writes::lease(c, &name, node, now, until)
        })
        .await
    }

    async fn ping(&self) -> Result<Responds, Fault> {
        self.points.read(reads::ping)?;
        if self.writer.is_failing() {
            // Nobody else may write before this node is ready again.
            self.write(writes::probe).await?;
        }
        Ok(Responds::Fully)
    }

    async fn close(&self) -> Result<(), Fault> {
        self.points.close();
        let (writer, lists) = (Arc::clone(&self.writer), Arc::clone(&self.lists));
        let stopped = tokio::task::spawn_blocking(move || {
            lists.close();
            writer.stop()
        });
        let written = stopped
            .await
            .map_err(|_| Fault::Fatal("the store did not stop".to_owned()))?;
        self.stopped(written.is_ok());
        // It has stopped, so this is not to be tried again.
        written
            .map_err(|fault| Fault::Fatal(format!("sign-ins that wait were not written: {fault}")))
    }
}

impl Embedded {
    /// Removes old events of a bounded number of Relying Parties; how many are gone. The next call goes on with the Relying
    /// Parties that follow, also after a restart, and begins again after the last one.
    async fn sweep_old_events(&self, before: Timestamp, budget: u32) -> Result<u32, Fault> {
        let old = self
            .list(move |c| reads::with_old_events(c, before, SWEEP_PARTIES))
            .await?;
        let mut removed = 0;
        for rp in old.found {
            removed += self
                .sweep_in_chunks(budget - removed, move |c, limit| {
                    writes::sweep_events(c, rp, before, limit)
                })
                .await?;
            if removed == budget {
                // The next sweep looks at the same Relying Parties for what is left.
                return Ok(removed);
            }
        }
        if old.stopped != old.begun {
            let work = move |c: &Connection| writes::events_swept_to(c, old.stopped);
            self.remove(Rows::AsTheyAre, work).await?;
        }
        Ok(removed)
    }

    /// Writes all pending authentications whose time has passed to the table: nobody may answer them any more, and others need the
    /// room. There are never more than the memory has room for.
    async fn put_aside(&self, now: Timestamp) -> Result<(), Fault> {
        loop {
            let expired = self.pending.expired(now, SWEEP_CHUNK as usize);
            if expired.is_empty() {
                return Ok(());
            }
            let rows = expired.iter().map(|c| CeremonyRow::authentication(c));
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            // One that is in doubt may have ended.
            let work = move |c: &Connection| writes::put_aside(c, &rows);
            self.remove(Rows::WithSignIns, work).await?;
            for ceremony in &expired {
                self.pending.remove(ceremony.relying_party, ceremony.id);
            }
        }
    }

    /// Removes rows in jobs of a bounded size until nothing is left to remove, or `budget` rows are
    /// gone; how many are gone.
    pub(super) async fn sweep_in_chunks(
        &self,
        budget: u32,
        remove: impl Fn(&Connection, u32) -> Outcome<usize> + Clone + Send + 'static,
    ) -> Result<u32, Fault> {
        let mut removed = 0;
        while removed < budget {
            let limit = SWEEP_CHUNK.min(budget - removed);
            let remove = remove.clone();
            let work = move |c: &Connection| remove(c, limit);
            let count = self.remove(Rows::WithSignIns, work).await?;
            let count = u32::try_from(count).unwrap_or(limit);
            removed += count;
            if count < limit {
                break;
            }
        }
        Ok(removed)
    }
}
