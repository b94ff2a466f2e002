//! Registration: start a ceremony, judge its answer, store the credential.

use std::sync::Arc;

use webauthn::authentication::Rules;
use webauthn::error::Reason;
use webauthn::options::{
    AttestationConveyance, AuthenticatorSelection, CreationOptions, CredentialDescriptor,
    RelyingPartyEntity, UserEntity,
};
use webauthn::registration::verify_registration;
use webauthn::response::RegistrationResponse;
use webauthn::signal::Signal;
use webauthn::trace::NoTrace;
use webauthn::{TrustFacts, UnixSeconds};

use crate::model::audit::{Actor, AuditEvent, AuditKind, case};
use crate::model::ceremony::{
    Ceremony, CeremonyKind, CeremonyState, Registration, RegistrationAsked, draw_challenge,
};
use crate::model::credential::{CredentialRecord, NewCredential};
use crate::model::ids::{AttemptId, CeremonyId, CredentialKey, EnrolmentId, RelyingPartyId};
use crate::model::policy::PartialSelection;
use crate::model::refusal::Refusal;
use crate::model::user::{User, UserRef};
use crate::service::Passkeys;
use crate::service::ceremony::{Terms, ensure_pending, signal_names};
use crate::service::observer::{Phase, Phases};
use crate::service::pending::Key;
use crate::service::prepared::{Prepared, RegistrationWishes};
use crate::store::{Begin, BeginRegistration, FinishRegistration, FinishedRegistration};

/// How often a start is tried again when the user comes or goes meanwhile.
const BEGIN_TRIES: u32 = 3;

/// A registration to start.
#[derive(Clone, Debug)]
pub struct StartRegistration<'a> {
    /// The user. One who is named and not there is created; one who is given by key must be there.
    pub user: UserRef<'a>,
    /// Name of the credential.
    pub credential_name: &'a str,
    /// The name that the client shows for the account (WebAuthn L3 5.4.1); `None` for the user's.
    pub account_name: Option<&'a str>,
    /// The name that the client shows for the person (WebAuthn L3 5.4.3); `None` for the account's.
    pub display_name: Option<&'a str>,
    /// Settings that win over the configured ones.
    pub selection: &'a PartialSelection,
    /// The wish for an attestation statement; `None` for what the policy says.
    pub attestation: Option<AttestationConveyance>,
    /// Most credentials that the user may have; `None` for what the policy says.
    pub max_credentials: Option<u32>,
    /// Whether the client is told to create the credential without asking the user (`mediation: "conditional"`): then the
    /// answer may come without user presence.
    pub conditional_create: bool,
    /// Whose rules the answer is judged by; others than Level 3's never for real users.
    pub rules: Rules,
    /// The one-time link by which it starts.
    pub enrolment: Option<EnrolmentId>,
    /// Wishes of either kind of ceremony.
    pub terms: Terms,
}

impl<'a> StartRegistration<'a> {
    /// A registration with no other wishes than these terms.
    pub fn new(
        user: impl Into<UserRef<'a>>,
        credential_name: &'a str,
        selection: &'a PartialSelection,
        terms: Terms,
    ) -> Self {
        Self {
            user: user.into(),
            credential_name,
            account_name: None,
            display_name: None,
            selection,
            attestation: None,
            max_credentials: None,
            conditional_create: false,
            rules: Rules::Level3,
            enrolment: None,
            terms,
        }
    }
}

/// A registration that was started.
#[derive(Clone, Debug)]
pub struct StartedRegistration {
    /// The ceremony.
    pub ceremony: Registration,
    /// Its user.
    pub user: User,
    /// The credentials that the user has already, oldest first.
    pub registered: Vec<CredentialKey>,
    /// What the client is to be asked.
    pub options: CreationOptions,
}

/// A registration that succeeded.
#[derive(Clone, Debug)]
pub struct RegisteredCredential {
    /// The credential as stored.
    pub record: CredentialRecord,
    /// Name of its owner.
    pub user_name: String,
    /// What the verifier noticed without refusing, such as metadata that knows of better software for the authenticator.
    pub signals: Vec<Signal>,
}

impl Passkeys {
    #[expect(
        clippy::too_many_lines,
        reason = "a start from its options to its ceremony, with the retry around it"
    )]
    pub(super) async fn begin_registration(
        &self,
        rp: &Prepared,
        start: StartRegistration<'_>,
    ) -> Result<StartedRegistration, Refusal> {
        let selection = rp.resolve(start.selection)?;
        let policy = &rp.policy;
        let conveyance = start.attestation.unwrap_or(policy.attestation.conveyance);
        let terms = &start.terms;
        let timeout_ms = terms.timeout_ms.unwrap_or(policy.registration_timeout_ms);
        let lifetime_ms = terms.lifetime_ms.unwrap_or(timeout_ms);
        let max_credentials = start
            .max_credentials
            .unwrap_or(policy.max_credentials_per_user);
        let frozen = rp.registration_policy(RegistrationWishes {
            selection: selection.clone(),
            rules: start.rules,
            conveyance,
            max_credentials,
        });
        for _ in 0..BEGIN_TRIES {
            let now = self.now();
            let found = self
                .storage
                .user_with_credentials(rp.id, start.user)
                .await?;
            let new = found.is_none();
            let (user, credentials) = match (found, start.user) {
                (Some(found), _) => Arc::unwrap_or_clone(found),
                (None, UserRef::Name(name)) => (self.new_user(rp.id, name, now), Vec::new()),
                (None, UserRef::Id(_)) => return Err(Reason::UserUnknown.into()),
            };
            if credentials.len() >= max_credentials as usize {
                return Err(Reason::TooManyCredentials.into());
            }
            let challenge = draw_challenge(&*self.randomness, terms.challenge, rp.id, now);
            let ceremony = Registration {
                id: CeremonyId::of_challenge(&challenge),
                relying_party: rp.id,
                user: user.id,
                created: now,
                expires: now.plus_millis(i64::from(lifetime_ms)),
                updated: now,
                policy: Arc::clone(&frozen),
                asked: RegistrationAsked {
                    challenge: challenge.clone(),
                    conditional_create: start.conditional_create,
                    credential_name: start.credential_name.to_owned(),
                    user_name: user.name.clone(),
                    enrolment: start.enrolment,
                },
                state: CeremonyState::Pending,
            };
            let started = AuditEvent::new(
                self.draw(),
                AuditKind::RegistrationStarted,
                rp.id,
                now,
                &terms.by,
            )
            .of(&user)
            .ceremony(ceremony.id);
            let started = self.addressed(started).await?;
            let mut events = vec![started];
            if new {
                events.push(
                    AuditEvent::new(self.draw(), AuditKind::UserCreated, rp.id, now, &terms.by)
                        .of(&user),
                );
            }
            let most = policy.max_pending_per_user;
            let counted = Some(Key::of_registration(rp.id, user.id, start.enrolment));
            let displaced = self.pending.start(counted, ceremony.id, most);
            let begin = BeginRegistration {
                ceremony: &ceremony,
                new_user: new.then_some(&user),
                displaced: &displaced,
                events: &events,
            };
            match self.storage.begin_registration(begin).await? {
                Begin::Begun => {}
                // The user came into being, or went, between the read and the write: look again.
                Begin::UserExists | Begin::UserGone => {
                    self.pending.end(counted, ceremony.id);
                    continue;
                }
            }
            let registered = credentials.iter().map(|c| c.key).collect();
            let account_name = start.account_name.unwrap_or(&user.name);
            let options = CreationOptions {
                rp: RelyingPartyEntity {
                    id: selection.rp_id,
                    name: selection.rp_name,
                },
                user: UserEntity {
                    id: user.id.user_handle(),
                    name: account_name.to_owned(),
                    display_name: start.display_name.unwrap_or(account_name).to_owned(),
                },
                challenge,
                pub_key_cred_params: frozen.algorithms.clone(),
                timeout: timeout_ms,
                exclude_credentials: credentials
                    .into_iter()
                    .map(|c| CredentialDescriptor {
                        id: c.id,
                        transports: c.transports,
                    })
                    .collect(),
                authenticator_selection: AuthenticatorSelection {
                    authenticator_attachment: selection.attachment.to_option(),
                    resident_key: selection.resident_key,
                    user_verification: selection.user_verification,
                },
                attestation: conveyance,
                extensions: policy.extensions.for_registration(terms.extensions.clone()),
            };
            return Ok(StartedRegistration {
                ceremony,
                user,
                registered,
                options,
            });
        }
        Err(Reason::ConcurrentChanges.into())
    }

    pub(super) async fn judge_registration(
        &self,
        rp: RelyingPartyId,
        response: &RegistrationResponse,
        name: Option<&str>,
        link: Option<EnrolmentId>,
        by: &Actor,
    ) -> Result<RegisteredCredential, Refusal> {
        let mut phases = Phases::of(CeremonyKind::Registration, &*self.observer);
        let now = self.now();
        let id = CeremonyId::of_challenge(&response.client_data().challenge);
        let found = self.storage.ceremony(rp, id).await?;
        phases.done(Phase::Load);
        // What a link has started is unknown to all who do not hold the link.
        let found = found.and_then(Ceremony::registration);
        let Some(ceremony) = found.filter(|ceremony| ceremony.asked.enrolment == link) else {
            return Err(Reason::CeremonyNotFound.into());
        };
        let (asked, user) = (&ceremony.asked, ceremony.user);
        let counted = Some(Key::of_registration(rp, user, link));
        ensure_pending(id, ceremony.standing(now), ceremony.created, now)?;
        let at = UnixSeconds(now.seconds());
        let in_use = self.metadata();
        let facts = TrustFacts {
            metadata: in_use.as_ref().map(|in_use| &in_use.metadata),
        };
        let mut expectation = ceremony.expectation();
        if let Some(prepared) = self.relying_parties.kept(&rp) {
            prepared.lend_certificates(&mut expectation.attestation);
        }
        let verified = verify_registration(&expectation, response, &facts, at, &mut NoTrace);
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => {
                let event =
                    AuditEvent::new(self.draw(), AuditKind::RegistrationRefused, rp, now, by)
                        .user(user)
                        .user_name(&asked.user_name);
                let event =
                    event.case(self.case(|| case::of_registration(&expectation, response, &facts)));
                let refusal =
                    Refusal::new(error.reason(), error.to_string()).with_found(error.found());
                return Err(self.refuse(id, counted, refusal, None, event, None).await);
            }
        };
        phases.done(Phase::Verify);
        let signals = verified.signals().to_vec();
        let credential = NewCredential::new(&ceremony, verified, now)
            .named(name)
            .registered_by(by);
        let mut event = AuditEvent::new(self.draw(), AuditKind::CredentialRegistered, rp, now, by)
            .user(user)
            .user_name(&asked.user_name)
            .ceremony(id)
            .credential(id.into());
        event.add_signals(&signal_names(&signals));
        let event = self.addressed(event).await?;
        let finish = FinishRegistration {
            attempt: AttemptId::random(&*self.randomness),
            now,
            credential: &credential,
            max_credentials: ceremony.policy.max_credentials,
            event: &event,
        };
        let refused = |reason: Reason| Err(Refusal::from(reason).with_ceremony(id));
        let finished = self.storage.finish_registration(finish).await?;
        phases.done(Phase::Write);
        self.pending.end(counted, id);
        match finished {
            FinishedRegistration::Registered => {}
            FinishedRegistration::CredentialExists => return refused(Reason::CredentialExists),
            FinishedRegistration::TooManyCredentials => return refused(Reason::TooManyCredentials),
            FinishedRegistration::Gone => return refused(Reason::CeremonyNotFound),
            FinishedRegistration::Used => return refused(Reason::CeremonyUsed),
            FinishedRegistration::Expired => return refused(Reason::CeremonyExpired),
        }
        Ok(RegisteredCredential {
            record: credential.into_record(),
            user_name: asked.user_name.clone(),
            signals,
        })
    }
}
