//! Ceremonies: begun, found by their challenge, and taken once.

use std::sync::Arc;

use async_trait::async_trait;
use webauthn::authentication::VerifiedAuthentication;
use webauthn::credential::CredentialId;
use webauthn::error::Reason;

use crate::model::audit::AuditEvent;
use crate::model::ceremony::{Authentication, Ceremony, Registration, Standing};
use crate::model::clock::Timestamp;
use crate::model::credential::{CredentialRecord, NewCredential};
use crate::model::ids::{AttemptId, CeremonyId, CredentialKey, RelyingPartyId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::user::User;
use crate::store::Fault;

/// Which authentications of a user a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationFilter {
    /// Only authentications with this standing at `now`. `None` means all.
    pub standing: Option<Standing>,
    /// Only those restricted to, or ended with, this credential.
    pub credential: Option<CredentialKey>,
    /// The moment at which expiry is computed.
    pub now: Timestamp,
}

/// What [`Ceremonies::begin_registration`] writes.
#[derive(Clone, Debug)]
pub struct BeginRegistration<'a> {
    /// The ceremony, pending.
    pub ceremony: &'a Registration,
    /// The user to create with it; `None` when the user was found before.
    pub new_user: Option<&'a User>,
    /// Ceremonies that make room for this one: those of them that are pending are removed along.
    pub displaced: &'a [CeremonyId],
    /// Written along.
    pub events: &'a [AuditEvent],
}

/// What a pending authentication is to survive, once its start was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Survival {
    /// A stop of the process. Its death may lose the authentication: nobody has accepted its response yet.
    #[default]
    Stop,
    /// The death of the process and the loss of power, as every other write.
    Crash,
}

/// Outcome of a begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Done.
    Begun,
    /// The user to create has come into being meanwhile; nothing was written.
    UserExists,
    /// The user or the Relying Party is not there any more; nothing was written.
    UserGone,
}

/// What [`Ceremonies::load_for_authentication`] finds.
#[derive(Clone, Debug)]
pub struct LoadedAuthentication {
    /// The authentication ceremony with this key.
    pub ceremony: Option<Arc<Authentication>>,
    /// The credential with this id within the Relying Party, and its owner.
    pub credential: Option<Arc<(CredentialRecord, User)>>,
}

/// What [`Ceremonies::finish_registration`] writes.
#[derive(Clone, Debug)]
pub struct FinishRegistration<'a> {
    /// This try.
    pub attempt: AttemptId,
    /// The moment of the decision.
    pub now: Timestamp,
    /// The credential that came out of the verification. Its key names the ceremony.
    pub credential: &'a NewCredential,
    /// Most credentials of the user, this one included.
    pub max_credentials: u32,
    /// Written along: as it is on success, as [`AuditEvent::refused`] when the ceremony is taken as failed.
    pub event: &'a AuditEvent,
}

/// Outcome of [`Ceremonies::finish_registration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedRegistration {
    /// The ceremony was taken and the credential is there.
    Registered,
    /// Somebody on this Relying Party has a credential with this id. The ceremony was taken, as
    /// failed with `credential_exists`.
    CredentialExists,
    /// The user has as many credentials as allowed. The ceremony was taken, as failed with
    /// `too_many_credentials`.
    TooManyCredentials,
    /// No such ceremony (any more); nothing was written.
    Gone,
    /// Another attempt took the ceremony; nothing was written.
    Used,
    /// The ceremony's time had passed; nothing was written.
    Expired,
}

/// What a store does when the new signature counter is not above the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterRule {
    /// The credential is left alone and the ceremony is taken as failed with
    /// `sign_count_not_increased`, unless both counters are zero.
    MustIncrease,
    /// The higher of the two is kept.
    KeepHighest,
}

/// What [`Ceremonies::finish_authentication`] writes.
#[derive(Clone, Debug)]
pub struct FinishAuthentication<'a> {
    /// This try.
    pub attempt: AttemptId,
    /// Whose ceremony it is.
    pub relying_party: RelyingPartyId,
    /// The ceremony to take.
    pub ceremony: CeremonyId,
    /// The moment of the decision.
    pub now: Timestamp,
    /// Record of the credential that signed.
    pub credential: CredentialKey,
    /// Its owner.
    pub user: UserId,
    /// What was verified.
    pub verified: &'a VerifiedAuthentication,
    /// What a counter that does not grow does.
    pub counter: CounterRule,
    /// The ceremony as it was begun, if its challenge brought it: the store begins it along, unless it knows it already.
    pub sealed: Option<&'a Arc<Authentication>>,
    /// Written along: as it is on success, as [`AuditEvent::refused`] when the ceremony is taken as failed.
    pub event: &'a AuditEvent,
}

/// Outcome of [`Ceremonies::finish_authentication`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedAuthentication {
    /// The ceremony was taken, the credential's counter, backup state and last use are written.
    Accepted,
    /// The stored counter is not below the new one and the rule demands it. The ceremony was taken
    /// as failed, and the failure is noted with the user.
    CounterWentBack {
        /// The counter in the store.
        stored: u32,
    },
    /// The credential was deleted meanwhile. The ceremony was taken as failed with
    /// `credential_unknown`.
    CredentialGone,
    /// No such ceremony (any more); nothing was written.
    Gone,
    /// Another attempt took the ceremony; nothing was written.
    Used,
    /// The ceremony's time had passed; nothing was written.
    Expired,
}

/// What [`Ceremonies::refuse_ceremony`] writes.
#[derive(Clone, Debug)]
pub struct RefuseCeremony<'a> {
    /// This try.
    pub attempt: AttemptId,
    /// Whose ceremony it is.
    pub relying_party: RelyingPartyId,
    /// The ceremony to take.
    pub ceremony: CeremonyId,
    /// The moment of the decision.
    pub now: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Whose sign-in failed by it; noted with the user, if there is one.
    pub failed_user: Option<UserId>,
    /// As in [`FinishAuthentication`].
    pub sealed: Option<&'a Arc<Authentication>>,
    /// Written along.
    pub event: &'a AuditEvent,
}

/// Outcome of [`Ceremonies::refuse_ceremony`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The ceremony was taken, as failed.
    Done,
    /// No such ceremony (any more).
    Gone,
    /// Another attempt took it.
    Used,
    /// Its time had passed.
    Expired,
}

/// Ceremonies: begun, found by their challenge, and taken once. Part of a [`Storage`](crate::store::Storage).
#[async_trait]
pub trait Ceremonies: Send + Sync {
    /// Writes a new registration ceremony, and its user if new.
    async fn begin_registration(&self, begin: BeginRegistration<'_>) -> Result<Begin, Fault>;
    /// Writes a new authentication ceremony, and removes the pending ones among `displaced`.
    async fn begin_authentication(
        &self,
        ceremony: &Arc<Authentication>,
        displaced: &[CeremonyId],
        survival: Survival,
    ) -> Result<Begin, Fault>;
    /// The ceremony with this key.
    async fn ceremony(&self, rp: RelyingPartyId, id: CeremonyId)
    -> Result<Option<Ceremony>, Fault>;
    /// The ceremony with this key and the credential with this id, in one read.
    async fn load_for_authentication(
        &self,
        rp: RelyingPartyId,
        ceremony: CeremonyId,
        credential: &CredentialId,
    ) -> Result<LoadedAuthentication, Fault>;
    /// Takes a registration ceremony and stores its credential.
    async fn finish_registration(
        &self,
        finish: FinishRegistration<'_>,
    ) -> Result<FinishedRegistration, Fault>;
    /// Takes an authentication ceremony and updates its credential.
    async fn finish_authentication(
        &self,
        finish: FinishAuthentication<'_>,
    ) -> Result<FinishedAuthentication, Fault>;
    /// Takes a ceremony as failed.
    async fn refuse_ceremony(&self, refuse: RefuseCeremony<'_>) -> Result<Refused, Fault>;
    /// Authentications of a user.
    async fn list_authentications(
        &self,
        rp: RelyingPartyId,
        user: UserId,
        filter: AuthenticationFilter,
        page: PageRequest,
    ) -> Result<Page<Authentication>, Fault>;
}
