//! Notes what a request did to ceremonies, for its log line and its trace.

use std::sync::Arc;
use std::time::Duration;

use domain::model::ceremony::CeremonyKind;
use domain::model::refusal::Refusal;
use domain::service::observer::{Observed, Observer, Phase};
use domain::webauthn::signal::Signal;

use super::current::{self, Caller};
use super::traces::Work;

/// An observer that notes the Relying Party, the caller and the reason of a refusal for the log line of the request, the phases for
/// its trace, and then tells the next observer.
pub struct Noting(Arc<dyn Observer>);

impl Noting {
    /// An observer in front of this one.
    pub fn before(next: Arc<dyn Observer>) -> Self {
        Self(next)
    }
}

impl Observer for Noting {
    fn time(&self) -> Duration {
        self.0.time()
    }

    fn started(&self, of: Observed<'_>) {
        current::note(|noted| noted.service = Some(of.relying_party));
        self.0.started(of);
    }

    fn verifies(&self) {
        self.0.verifies();
    }

    fn phase(&self, kind: CeremonyKind, phase: Phase, took: Duration) {
        current::part(Work::Ceremony, phase.name(), took);
        self.0.phase(kind, phase, took);
    }

    fn ended(&self, of: Observed<'_>, outcome: Result<(), &Refusal>) {
        current::note(|noted| {
            noted.service = Some(of.relying_party);
            // A response needs no other proof than itself.
            noted.caller = noted.caller.or(Some(Caller::User));
            if let Err(why) = outcome {
                noted.refused(why);
            }
        });
        self.0.ended(of, outcome);
    }

    fn signalled(&self, kind: CeremonyKind, signal: &Signal) {
        self.0.signalled(kind, signal);
    }

    fn not_started(&self, of: Observed<'_>, why: &Refusal) {
        current::note(|noted| {
            noted.service = Some(of.relying_party);
            noted.refused(why);
        });
        self.0.not_started(of, why);
    }
}
