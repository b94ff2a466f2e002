//! What the service tells about its work, for metrics and logs. Nothing that it does depends on it.

use std::time::Duration;

use webauthn::credential::Aaguid;
use webauthn::signal::Signal;

use crate::model::ceremony::CeremonyKind;
use crate::model::ids::RelyingPartyId;
use crate::model::refusal::Refusal;

/// The parts of the work on a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The ceremony and the credential are read.
    Load,
    /// The response is verified.
    Verify,
    /// The outcome is written.
    Write,
}

impl Phase {
    /// Every phase.
    pub const ALL: &'static [Self] = &[Self::Load, Self::Verify, Self::Write];

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Verify => "verify",
            Self::Write => "write",
        }
    }
}

/// A ceremony that is observed.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Its kind.
    pub kind: CeremonyKind,
    /// Its Relying Party.
    pub relying_party: RelyingPartyId,
    /// The name of the wire through which the caller came, as in its actor.
    pub wire: &'a str,
    /// The model of the authenticator: after a registration that was accepted, and after a response of a known credential.
    pub model: Option<Aaguid>,
}

/// Observes ceremonies. Called on the way of every sign-in, so it must be fast. It is called in the task that serves the request.
pub trait Observer: Send + Sync + 'static {
    /// A time that never goes back, from any origin, for durations.
    fn time(&self) -> Duration;
    /// A ceremony was started.
    fn started(&self, of: Observed<'_>);
    /// The response to an authentication is verified, maybe with a credential that nobody has.
    fn verifies(&self) {}
    /// A phase of the work on a response that was accepted took this time.
    fn phase(&self, kind: CeremonyKind, phase: Phase, took: Duration);
    /// A response was accepted or refused.
    fn ended(&self, of: Observed<'_>, outcome: Result<(), &Refusal>);
    /// The verifier noticed something in a response that was accepted.
    fn signalled(&self, _: CeremonyKind, _: &Signal) {}
    /// A ceremony was not started.
    fn not_started(&self, of: Observed<'_>, why: &Refusal);
}

/// Observes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn time(&self) -> Duration {
        Duration::ZERO
    }
    fn started(&self, _: Observed<'_>) {}
    fn phase(&self, _: CeremonyKind, _: Phase, _: Duration) {}
    fn ended(&self, _: Observed<'_>, _: Result<(), &Refusal>) {}
    fn not_started(&self, _: Observed<'_>, _: &Refusal) {}
}

/// Measures the phases of the work on one response.
pub(crate) struct Phases<'o> {
    observer: &'o dyn Observer,
    kind: CeremonyKind,
    last: Duration,
}

impl<'o> Phases<'o> {
    /// Measures from now on.
    pub(crate) fn of(kind: CeremonyKind, observer: &'o dyn Observer) -> Self {
        Self {
            observer,
            kind,
            last: observer.time(),
        }
    }

    /// A phase is over.
    pub(crate) fn done(&mut self, phase: Phase) {
        let now = self.observer.time();
        let took = now.saturating_sub(self.last);
        self.observer.phase(self.kind, phase, took);
        self.last = now;
    }
}
