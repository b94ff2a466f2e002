//! What leaves a store as a whole.

use std::sync::Arc;

use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::model::credential::{CredentialRecord, Evidence};
use crate::model::ids::RelyingPartyId;
use crate::model::refusal::Refusal;
use crate::model::user::User;
use crate::service::Passkeys;
use crate::store::{EventFilter, Fault, MAX_SEARCHED, Storage};

/// Events that one read of the history asks for at first.
const EVENTS: u32 = 1000;

/// A credential with the evidence of its registration, where that is kept.
pub type WithEvidence = (CredentialRecord, Option<Evidence>);

/// Where a walk through the history of a Relying Party has come to: newest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Events before this moment are still to come.
    until: Option<Timestamp>,
    ended: bool,
}

impl History {
    /// A walk that begins before a moment.
    pub(super) fn until(until: Timestamp) -> Self {
        Self {
            until: Some(until),
            ended: false,
        }
    }
}

/// A user's credentials, oldest first, each with its evidence.
pub(super) async fn credentials_of(
    storage: &dyn Storage,
    user: &User,
) -> Result<Vec<WithEvidence>, Fault> {
    let rp = user.relying_party;
    let found = storage.user_with_credentials(rp, user.id.into()).await?;
    let mut all = Vec::new();
    for record in found
        .map(|found| Arc::unwrap_or_clone(found).1)
        .unwrap_or_default()
    {
        let evidence = storage.evidence(rp, record.key).await?;
        all.push((record, evidence));
    }
    Ok(all)
}

/// The next events of a Relying Party, newest first; none at the end. No read asks for more than the events of a moment.
pub(super) async fn next_events(
    storage: &dyn Storage,
    rp: RelyingPartyId,
    at: &mut History,
) -> Result<Vec<AuditEvent>, Fault> {
    let mut limit = EVENTS;
    while !at.ended {
        let filter = EventFilter {
            until: at.until,
            ..EventFilter::default()
        };
        let found = storage.find_events(rp, &filter, limit).await?;
        let mut events = found.events;
        if found.complete {
            at.ended = true;
            return Ok(events);
        }
        // The oldest moment of the page may have more events than the page shows. The next page begins with it.
        let Some(oldest) = events.last().map(|event| event.at) else {
            return Ok(events);
        };
        if limit >= MAX_SEARCHED {
            // No store shows more of one moment.
            at.until = Some(oldest);
            return Ok(events);
        }
        events.retain(|event| event.at > oldest);
        if !events.is_empty() {
            at.until = Some(oldest.plus_millis(1));
            return Ok(events);
        }
        limit = limit.saturating_mul(2);
    }
    Ok(Vec::new())
}

impl Passkeys {
    /// A user's credentials, oldest first, each with its evidence.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn credentials_with_evidence(
        &self,
        user: &User,
    ) -> Result<Vec<WithEvidence>, Refusal> {
        Ok(credentials_of(&*self.storage, user).await?)
    }

    /// The next events of a Relying Party, newest first; none at the end.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn next_events(
        &self,
        rp: RelyingPartyId,
        at: &mut History,
    ) -> Result<Vec<AuditEvent>, Refusal> {
        Ok(next_events(&*self.storage, rp, at).await?)
    }
}
