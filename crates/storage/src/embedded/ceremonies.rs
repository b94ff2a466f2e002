//! Ceremonies: begun, found by their challenge, and taken once.

use async_trait::async_trait;
use domain::model::ceremony::{Authentication, Ceremony};
use domain::model::ids::{CeremonyId, RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::store::{
    AuthenticationFilter, Begin, BeginRegistration, Ceremonies, Fault, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, LoadedAuthentication,
    RefuseCeremony, Refused,
};
use webauthn::credential::CredentialId;

use super::rows::{CeremonyRow, CredentialRow};
use super::writer::Durability;
use super::writes::{Claim, SignIn};
use super::{Embedded, reads, writes};

#[async_trait]
impl Ceremonies for Embedded {
    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault> {
        let row = CeremonyRow::registration(begin.ceremony)?;
        let (user, events) = (begin.new_user.cloned(), begin.events.to_vec());
        let displaced = begin.displaced.to_vec();
        self.write(move |c| writes::begin_registration(c, &row, user.as_ref(), &displaced, &events))
            .await
    }

    async fn begin_authentication(
        &self,
        ceremony: &Authentication,
        displaced: &[CeremonyId],
    ) -> Result<Begin, Fault> {
        let (row, displaced) = (CeremonyRow::authentication(ceremony)?, displaced.to_vec());
        self.writer
            .run(Durability::Process, move |c| {
                writes::begin_authentication(c, &row, &displaced)
            })
            .await
    }

    async fn ceremony(
        &self,
        rp: RelyingPartyId,
        id: CeremonyId,
    ) -> Result<Option<Ceremony>, Fault> {
        self.points.read(|c| reads::ceremony(c, rp, id))
    }

    async fn load_for_authentication(
        &self,
        rp: RelyingPartyId,
        ceremony: CeremonyId,
        credential: &CredentialId,
    ) -> Result<LoadedAuthentication, Fault> {
        self.points
            .read(|c| reads::load_for_authentication(c, rp, ceremony, credential))
    }

    async fn finish_registration(
        &self,
        finish: FinishRegistration<'_>,
    ) -> Result<FinishedRegistration, Fault> {
        let row = CredentialRow::new(finish.credential)?;
        let claim = Claim {
            attempt: finish.attempt,
            relying_party: row.record.relying_party,
            ceremony: row.record.key.into(),
            now: finish.now,
        };
        let (max, event) = (finish.max_credentials, finish.event.clone());
        self.write(move |c| writes::finish_registration(c, claim, &row, max, &event))
            .await
    }

    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault> {
        let sign_in = SignIn::new(&finish);
        self.write(move |c| writes::finish_authentication(c, &sign_in))
            .await
    }

    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault> {
        let claim = Claim {
            attempt: refuse.attempt,
            relying_party: refuse.relying_party,
            ceremony: refuse.ceremony,
            now: refuse.now,
        };
        let (reason, failed, event) = (refuse.reason, refuse.failed_user, refuse.event.clone());
        self.write(move |c| writes::refuse_ceremony(c, claim, reason, failed, &event))
            .await
    }

    async fn list_authentications(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: AuthenticationFilter,
        page: PageRequest,
    ) -> Result<Page<Authentication>, Fault> {
        self.list(move |c| reads::list_authentications(c, rp, user, &filter, page))
            .await
    }
}
