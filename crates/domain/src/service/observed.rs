//! The use cases of a ceremony, observed: each says to the [observer](crate::service::observer) how it ended.

use std::sync::Arc;

use webauthn::credential::Aaguid;
use webauthn::response::{AuthenticationResponse, RegistrationResponse};
use webauthn::signal::Signal;

use crate::model::audit::Actor;
use crate::model::ceremony::{Authentication, CeremonyKind};
use crate::model::ids::{EnrolmentId, RelyingPartyId};
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use crate::service::authentication::{SignedIn, StartAuthentication, Who};
use crate::service::observer::Observed;
use crate::service::prepared::Prepared;
use crate::service::registration::{RegisteredCredential, StartRegistration, StartedRegistration};

impl Passkeys {
    /// Starts a registration.
    ///
    /// # Errors
    /// `relying_party_incomplete`, `authenticator_criteria_missing`, `too_many_credentials`,
    /// `user_unknown`, `rate_limited`, `too_many_ceremonies`, `concurrent_changes` when others keep creating and deleting the user.
    pub async fn start_registration(
        &self,
        rp: &Prepared,
        start: StartRegistration<'_>,
    ) -> Result<StartedRegistration, Refusal> {
        let wire = start.terms.by.wire.clone();
        let started = match self.limits.start(rp.id, Some(start.user)) {
            Ok(()) => self.begin_registration(rp, start).await,
            Err(reason) => Err(reason.into()),
        };
        self.begun(CeremonyKind::Registration, rp.id, &wire, &started);
        started
    }

    /// Judges the answer to a registration and stores the credential: under `name` if there is one, else under the
    /// name from the start; with the user agent of the caller.
    ///
    /// # Errors
    /// `ceremony_not_found`, `ceremony_used`, `ceremony_expired`, `credential_exists`, and every
    /// reason of the verifier. A refusal of the verifier ends the ceremony.
    pub async fn finish_registration(
        &self,
        rp: RelyingPartyId,
        response: &RegistrationResponse,
        name: Option<&str>,
        by: &Actor,
    ) -> Result<RegisteredCredential, Refusal> {
        let finished = self.judge_registration(rp, response, name, None, by).await;
        self.over(CeremonyKind::Registration, rp, by, &finished, |done| {
            (done.record.aaguid, &done.signals)
        });
        finished
    }

    /// The same for a registration that was started by a one-time link, which no other call ends.
    pub(super) async fn finish_registration_by_link(
        &self,
        rp: RelyingPartyId,
        response: &RegistrationResponse,
        link: EnrolmentId,
        by: &Actor,
    ) -> Result<RegisteredCredential, Refusal> {
        let judged = self.judge_registration(rp, response, None, Some(link), by);
        let finished = judged.await;
        self.over(CeremonyKind::Registration, rp, by, &finished, |done| {
            (done.record.aaguid, &done.signals)
        });
        finished
    }

    /// Starts an authentication.
    ///
    /// # Errors
    /// `relying_party_incomplete`, `user_unknown`, `credential_unknown`, `credential_not_registered`,
    /// `rate_limited`, `too_many_ceremonies`.
    pub async fn start_authentication(
        &self,
        rp: &Prepared,
        start: StartAuthentication<'_>,
    ) -> Result<Arc<Authentication>, Refusal> {
        let wire = start.terms.by.wire.clone();
        let user = match start.who {
            Who::User(user) | Who::Credential(_, Some(user)) => Some(user),
            Who::Anyone | Who::Nobody(_) | Who::Credential(_, None) => None,
        };
        let started = match self.limits.start(rp.id, user) {
            Ok(()) => self.begin_authentication(rp, start).await,
            Err(reason) => Err(reason.into()),
        };
        self.begun(CeremonyKind::Authentication, rp.id, &wire, &started);
        started
    }

    /// Judges the answer to an authentication.
    ///
    /// # Errors
    /// `ceremony_not_found`, `ceremony_used`, `ceremony_expired`, `credential_unknown`,
    /// `credential_rp_mismatch`, and every reason of the verifier. Once the ceremony was found and
    /// is pending, a refusal ends it.
    pub async fn finish_authentication(
        &self,
        rp: RelyingPartyId,
        response: &AuthenticationResponse,
        by: &Actor,
    ) -> Result<SignedIn, Refusal> {
        let finished = self.judge_authentication(rp, response, by).await;
        self.over(CeremonyKind::Authentication, rp, by, &finished, |done| {
            (done.model, &done.signals)
        });
        finished
    }

    fn begun<T>(
        &self,
        kind: CeremonyKind,
        relying_party: RelyingPartyId,
        wire: &str,
        started: &Result<T, Refusal>,
    ) {
        let of = Observed {
            kind,
            relying_party,
            wire,
            model: None,
        };
        match started {
            Ok(_) => self.observer.started(of),
            Err(why) => self.observer.not_started(of, why),
        }
    }

    fn over<T>(
        &self,
        kind: CeremonyKind,
        relying_party: RelyingPartyId,
        by: &Actor,
        finished: &Result<T, Refusal>,
        noticed: fn(&T) -> (Aaguid, &[Signal]),
    ) {
        let (model, signals) = match finished {
            Ok(done) => {
                let (model, signals) = noticed(done);
                (Some(model), signals)
            }
            Err(why) => (why.model.as_deref().copied(), &[][..]),
        };
        for signal in signals {
            self.observer.signalled(kind, signal);
        }
        let of = Observed {
            kind,
            relying_party,
            wire: &by.wire,
            model,
        };
        self.observer.ended(of, finished.as_ref().map(drop));
    }
}
