//! The end of a ceremony, decided in one place: whether an attempt may take a ceremony, what a repeated attempt gets, and
//! which facts let a verified response pass. Pure functions over what a store has read; every store uses them inside the unit of
//! work that then writes.

use webauthn::authentication::SignCounter;
use webauthn::error::Reason;

use crate::model::ceremony::CeremonyKind;
use crate::model::clock::Timestamp;
use crate::model::ids::AttemptId;
use crate::store::{CounterRule, FinishedAuthentication, FinishedRegistration, Refused};

/// How an attempt ended a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The response was accepted.
    Succeeded,
    /// The response was refused.
    Failed {
        /// Why.
        reason: Reason,
        /// The stored signature counter, where the attempt failed because it did not exceed it.
        stored_count: Option<u32>,
    },
}

/// What a store has read of a ceremony that an attempt wants to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeable {
    /// Its kind.
    pub kind: CeremonyKind,
    /// From this moment on no response is taken.
    pub expires: Timestamp,
    /// How it ended; `None` while it is pending.
    pub end: Option<End>,
    /// The attempt that took it.
    pub taken_by: Option<AttemptId>,
}

/// What an attempt meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The ceremony is pending: the attempt may end it.
    Open,
    /// The same attempt ended it before, like this. It must be answered as it was then, and nothing is written.
    Repeated(End),
    /// There is no such ceremony of this kind (any more).
    Gone,
    /// Another attempt ended it.
    Used,
    /// Its time had passed.
    Expired,
}

/// May `attempt` take this ceremony at `now`? `found` is what the store has under its key, `kind` the kind that it must have,
/// if any.
///
/// A repeat is recognised before anything else, so that an attempt which is sent again after the ceremony's time gets its
/// outcome and not `Expired`.
pub fn take(
    found: Option<&Takeable>,
    kind: Option<CeremonyKind>,
    attempt: AttemptId,
    now: Timestamp,
) -> Take {
    let Some(found) = found.filter(|found| kind.is_none_or(|kind| kind == found.kind)) else {
        return Take::Gone;
    };
    match found.end {
        Some(end) if found.taken_by == Some(attempt) => Take::Repeated(end),
        Some(_) => Take::Used,
        None if now >= found.expires => Take::Expired,
        None => Take::Open,
    }
}

impl Take {
    /// The outcome of finishing a registration, where nothing is left to decide; `None` for a ceremony that is open.
    pub fn registration(self) -> Option<FinishedRegistration> {
        match self {
            Self::Open => None,
            Self::Repeated(End::Succeeded) => Some(FinishedRegistration::Registered),
            Self::Repeated(End::Failed {
                reason: Reason::CredentialExists,
                ..
            }) => Some(FinishedRegistration::CredentialExists),
            Self::Repeated(End::Failed {
                reason: Reason::TooManyCredentials,
                ..
            }) => Some(FinishedRegistration::TooManyCredentials),
            // The same attempt refused it: its verdict was another one.
            Self::Repeated(End::Failed { .. }) | Self::Used => Some(FinishedRegistration::Used),
            Self::Gone => Some(FinishedRegistration::Gone),
            Self::Expired => Some(FinishedRegistration::Expired),
        }
    }

    /// The outcome of finishing an authentication, where nothing is left to decide; `None` for a ceremony that is open.
    pub fn authentication(self) -> Option<FinishedAuthentication> {
        match self {
            Self::Open => None,
            Self::Repeated(End::Succeeded) => Some(FinishedAuthentication::Accepted),
            Self::Repeated(End::Failed {
                reason: Reason::SignCountNotIncreased,
                stored_count: Some(stored),
            }) => Some(FinishedAuthentication::CounterWentBack { stored }),
            Self::Repeated(End::Failed {
                reason: Reason::CredentialUnknown,
                ..
            }) => Some(FinishedAuthentication::CredentialGone),
            Self::Repeated(End::Failed { .. }) | Self::Used => Some(FinishedAuthentication::Used),
            Self::Gone => Some(FinishedAuthentication::Gone),
            Self::Expired => Some(FinishedAuthentication::Expired),
        }
    }

    /// The outcome of refusing a ceremony, where nothing is left to write; `None` for a ceremony that is open.
    pub fn refusal(self) -> Option<Refused> {
        match self {
            Self::Open => None,
            Self::Repeated(End::Failed { .. }) => Some(Refused::Done),
            Self::Repeated(End::Succeeded) | Self::Used => Some(Refused::Used),
            Self::Gone => Some(Refused::Gone),
            Self::Expired => Some(Refused::Expired),
        }
    }
}

/// Whether a verified registration may be stored. `id_exists`: a credential of the Relying Party has its id. `credentials`: how
/// many its user has. `max`: the most that the user may have, this one included.
///
/// # Errors
/// The reason with which the ceremony ends instead.
pub fn admit_registration(id_exists: bool, credentials: u64, max: u32) -> Result<(), Reason> {
    if id_exists {
        Err(Reason::CredentialExists)
    } else if credentials >= u64::from(max) {
        Err(Reason::TooManyCredentials)
    } else {
        Ok(())
    }
}

impl CounterRule {
    /// The counter to store after a sign-in; `None` when the rule refuses it.
    pub fn apply(self, stored: SignCounter, received: u32) -> Option<SignCounter> {
        match self {
            Self::MustIncrease if !stored.grows(received) => None,
            Self::MustIncrease | Self::KeepHighest => Some(stored.after(received)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: AttemptId = AttemptId([1; 16]);
    const OTHER: AttemptId = AttemptId([2; 16]);

    fn failed(reason: Reason) -> End {
        End::Failed {
            reason,
            stored_count: None,
        }
    }

    fn found(end: Option<End>, taken_by: Option<AttemptId>) -> Takeable {
        Takeable {
            kind: CeremonyKind::Registration,
            expires: Timestamp(100),
            end,
            taken_by,
        }
    }

    fn met(found: Option<Takeable>, now: i64) -> Take {
        let kind = Some(CeremonyKind::Registration);
        take(found.as_ref(), kind, MINE, Timestamp(now))
    }

    #[test]
    fn a_pending_ceremony_is_open_until_the_moment_it_expires() {
        assert_eq!(met(Some(found(None, None)), 99), Take::Open);
        assert_eq!(met(Some(found(None, None)), 100), Take::Expired);
        assert_eq!(met(None, 99), Take::Gone);
    }

    #[test]
    fn a_ceremony_of_the_other_kind_is_not_there() {
        let pending = found(None, None);
        let kind = Some(CeremonyKind::Authentication);
        assert_eq!(take(Some(&pending), kind, MINE, Timestamp(1)), Take::Gone);
        assert_eq!(take(Some(&pending), None, MINE, Timestamp(1)), Take::Open);
    }

    #[test]
    fn the_attempt_that_ended_it_gets_its_end_again_at_any_time() {
        for end in [End::Succeeded, failed(Reason::CredentialExists)] {
            for now in [1, 100, 1_000_000] {
                let mine = Some(found(Some(end), Some(MINE)));
                assert_eq!(met(mine, now), Take::Repeated(end));
                for other in [Some(OTHER), None] {
                    assert_eq!(met(Some(found(Some(end), other)), now), Take::Used);
                }
            }
        }
    }

    #[test]
    fn an_end_that_this_operation_cannot_have_is_somebody_elses() {
        let refused = Take::Repeated(failed(Reason::ChallengeMismatch));
        assert_eq!(refused.registration(), Some(FinishedRegistration::Used));
        assert_eq!(refused.authentication(), Some(FinishedAuthentication::Used));
        assert_eq!(refused.refusal(), Some(Refused::Done));
        let succeeded = Take::Repeated(End::Succeeded);
        assert_eq!(succeeded.refusal(), Some(Refused::Used));
    }

    #[test]
    fn a_taken_id_is_told_before_a_full_user() {
        assert_eq!(admit_registration(false, 4, 5), Ok(()));
        assert_eq!(
            admit_registration(false, 5, 5),
            Err(Reason::TooManyCredentials)
        );
        assert_eq!(
            admit_registration(true, 5, 5),
            Err(Reason::CredentialExists)
        );
    }
}
