//! What both kinds of ceremony share: wishes at the start, whether a response may still be taken, and the end by a refusal.

use webauthn::error::Reason;
use webauthn::signal::Signal;

use crate::model::audit::{Actor, AuditEvent};
use std::sync::Arc;

use crate::model::ceremony::{Authentication, Ceremony, ChallengeForm, Standing};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, CeremonyId, RelyingPartyId, UserId};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::service::pending::Key;
use crate::store::{RefuseCeremony, Refused, Survival};

/// What a caller wishes for one ceremony of either kind.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Time given to the client, in milliseconds; `None` for what the policy says.
    pub timeout_ms: Option<u32>,
    /// How long an answer is taken, in milliseconds; `None` for as long as the client has time.
    pub lifetime_ms: Option<u32>,
    /// What the challenge says.
    pub challenge: ChallengeForm,
    /// Whether an authentication may be sealed into its challenge, which is then longer than 64 bytes.
    pub sealable: bool,
    /// What an authentication survives while it waits. What is kept of the start elsewhere, such as an answer for a call that is sent
    /// again, must not outlive it.
    pub survival: Survival,
    /// Extension inputs for the client, an object (WebAuthn L3 9.3).
    pub extensions: Option<serde_json::Value>,
    /// Who starts it: the actor of each event that the start writes. There is no start without one.
    pub by: Actor,
}

impl Terms {
    /// No wish, for a ceremony that this actor starts.
    pub fn new(by: Actor) -> Self {
        Self {
            timeout_ms: None,
            lifetime_ms: None,
            challenge: ChallengeForm::default(),
            sealable: true,
            survival: Survival::default(),
            extensions: None,
            by,
        }
    }
}

impl Passkeys {
    /// The ceremony with this key, of either kind and of any user.
    ///
    /// # Errors
    /// `ceremony_not_found`.
    pub async fn ceremony(&self, rp: RelyingPartyId, id: CeremonyId) -> Result<Ceremony, Refusal> {
        self.storage
            .ceremony(rp, id)
            .await?
            .ok_or_else(|| Reason::CeremonyNotFound.into())
    }

    /// What is kept of a refused response, if it is kept.
    pub(crate) fn case(&self, of: impl FnOnce() -> Option<String>) -> Option<String> {
        if self.keeps_cases { of() } else { None }
    }

    /// Ends a pending ceremony of the event's Relying Party at the event's time as failed, as a failed sign-in of `failed_user` if it was one, and gives the
    /// refusal to answer with: the given one, or how the ceremony stands if another attempt was faster. `sealed` is the ceremony, if its challenge brought it.
    pub(crate) async fn refuse(
        &self,
        ceremony: CeremonyId,
        counted: Option<Key>,
        refusal: Refusal,
        failed_user: Option<UserId>,
        event: AuditEvent,
        sealed: Option<&Arc<Authentication>>,
    ) -> Refusal {
        let event = event
            .ceremony(ceremony)
            .reason(refusal.reason)
            .found(refusal.found.as_deref());
        let outcome = self
            .storage
            .refuse_ceremony(RefuseCeremony {
                attempt: AttemptId::random(&*self.randomness),
                relying_party: event.relying_party,
                ceremony,
                now: event.at,
                reason: refusal.reason,
                failed_user,
                event: &event,
                sealed,
            })
            .await;
        self.pending.end(counted, ceremony);
        match outcome {
            Ok(Refused::Done) => refusal,
            Ok(Refused::Gone) => Reason::CeremonyNotFound.into(),
            Ok(Refused::Used) => Reason::CeremonyUsed.into(),
            Ok(Refused::Expired) => Reason::CeremonyExpired.into(),
            // The verdict stands, but the ceremony may still be open: say that the store failed.
            Err(fault) => fault.into(),
        }
        .with_ceremony(ceremony)
    }
}

/// How far the clock of the node that began a ceremony may be ahead, in milliseconds.
const MOST_AHEAD_MS: i64 = 300_000;

/// Whether an answer to this ceremony may still be taken. One that was begun in the future may have expired before the clock was set
/// back.
pub(crate) fn ensure_pending(
    ceremony: CeremonyId,
    standing: Standing,
    created: Timestamp,
    now: Timestamp,
) -> Result<(), Refusal> {
    let reason = match standing {
        Standing::Pending if created <= now.plus_millis(MOST_AHEAD_MS) => return Ok(()),
        Standing::Pending | Standing::Expired => Reason::CeremonyExpired,
        Standing::Succeeded | Standing::Failed => Reason::CeremonyUsed,
    };
    Err(Refusal::from(reason).with_ceremony(ceremony))
}

/// What the verifier noticed, as stable names.
pub(crate) fn signal_names(signals: &[Signal]) -> String {
    let names: Vec<_> = signals.iter().map(Signal::name).collect();
    names.join(" ")
}
