//! Authentication: start a ceremony, judge its answer, count the use.

use std::sync::{Arc, LazyLock};

use webauthn::authentication::{
    AuthenticationError, AuthenticationExpectation, ExpectedUser, Rules, SignCountPolicy,
    SignCounter, StoredCredential, VerifiedAuthentication, verify_authentication,
};
use webauthn::cose::StoredKey;
use webauthn::credential::{Aaguid, CredentialId, UserHandle};
use webauthn::error::Reason;
use webauthn::options::{CredentialDescriptor, UserVerification};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;
use webauthn::response::AuthenticationResponse;
use webauthn::signal::Signal;
use webauthn::trace::NoTrace;

use crate::model::audit::{Actor, AuditEvent, AuditKind, case};
use crate::model::ceremony::{
    Authentication, AuthenticationAsked, Ceremony, CeremonyKind, CeremonyState, Standing,
    draw_challenge, looks_sealed,
};
use crate::model::clock::Timestamp;
use crate::model::credential::CredentialRecord;
use crate::model::ids::{AttemptId, CeremonyId, CredentialKey, RelyingPartyId, UserId};
use crate::model::policy::{AllowCredentials, PartialSelection};
use crate::model::refusal::Refusal;
use crate::model::relying_party::RelyingParty;
use crate::model::user::{User, UserRef};
use crate::service::Passkeys;
use crate::service::ceremony::{Terms, ensure_pending, signal_names};
use crate::service::observer::{Phase, Phases};
use crate::service::pending::Key;
use crate::service::prepared::{AuthenticationWishes, Prepared};
use crate::service::sealed::SealingKey;
use crate::store::{Begin, CounterRule, FinishAuthentication, FinishedAuthentication};

/// For whom an authentication is started.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// Any user: the credential says who the user is.
    Anyone,
    /// This user.
    User(UserRef<'a>),
    /// Nobody, though the options list these credentials, which nobody has: any answer is refused. For those who must
    /// not learn that a user is unknown (WebAuthn L3 14.6.2).
    Nobody(&'a [CredentialDescriptor]),
    /// The owner of this credential, with this credential; if a user is given too, it must be the
    /// owner.
    Credential(CredentialKey, Option<UserRef<'a>>),
}

/// An authentication to start.
#[derive(Clone, Debug)]
pub struct StartAuthentication<'a> {
    /// For whom.
    pub who: Who<'a>,
    /// RP ID, origins and user verification that win over the configured ones. A single credential is asked for under
    /// the RP ID and origins that it was registered with, whatever this says.
    pub selection: Option<&'a PartialSelection>,
    /// Whether a named user must have a credential that could answer.
    pub credential_needed: bool,
    /// Whose rules the answer is judged by; others than Level 3's never for real users.
    pub rules: Rules,
    /// Wishes of either kind of ceremony.
    pub terms: Terms,
}

impl<'a> StartAuthentication<'a> {
    /// An authentication with no other wishes than these terms.
    pub fn new(who: Who<'a>, terms: Terms) -> Self {
        Self {
            who,
            selection: None,
            credential_needed: false,
            rules: Rules::Level3,
            terms,
        }
    }
}

/// An authentication that succeeded.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The ceremony as it is now.
    pub ceremony: Authentication,
    /// The user who signed in.
    pub user: User,
    /// The credential that signed.
    pub credential: CredentialKey,
    /// The model of the authenticator.
    pub model: Aaguid,
    /// What the verifier noticed without refusing, such as a signature counter that did not grow.
    pub signals: Vec<Signal>,
}

/// Who takes part in a new ceremony.
struct Parties {
    user: Option<User>,
    credential: Option<CredentialKey>,
    rp_id: RpId,
    origins: Vec<Origin>,
    allowed: Vec<CredentialDescriptor>,
}

/// A credential as the options list it.
fn descriptor(record: &CredentialRecord) -> CredentialDescriptor {
    CredentialDescriptor {
        id: record.id.clone(),
        transports: record.transports.clone(),
    }
}

/// The handle that the verifier compares with that of the response. An imported credential has a handle of its own.
///
/// Whether the credential belongs to the named user is a question of their keys. So where two users meet, both have the handles that
/// are made of their keys, and a handle from a file decides nothing.
fn owner_handle(
    ceremony: &Authentication,
    record: &CredentialRecord,
    expected: &mut ExpectedUser,
) -> UserHandle {
    if ceremony.user.is_some_and(|named| named != record.user) {
        return record.user.user_handle();
    }
    let handle = record.user_handle();
    if record.user_handle.is_some()
        && let ExpectedUser::Known(known) = expected
    {
        known.clone_from(&handle);
    }
    handle
}

/// A public key for ES256 on P-256 that was drawn once. Its private key was thrown away.
static NOBODYS_KEY: LazyLock<StoredKey> = LazyLock::new(|| StoredKey::new(*NOBODYS_COSE_KEY));

const NOBODYS_COSE_KEY: &[u8; 77] = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20\
    \xa0\x23\x95\x93\xd2\x82\x2f\x5f\x8f\xad\x27\x50\xad\xa3\xa7\x97\xb5\x86\xf3\x76\xc0\xf8\x5a\xfb\x22\xbf\xf5\x85\x10\x75\x52\x55\
    \x22\x58\x20\
    \x80\xac\x07\xd8\xe1\x5d\xcb\x75\x72\x00\x85\xc9\xa0\x6c\x63\x25\xeb\xed\xa6\xd8\x1d\x52\x66\xfb\xf9\xfc\xc5\xbe\x06\x4c\xe7\x97";

/// The refusal of an answer to this ceremony.
fn refused(ceremony: &Authentication, refusal: impl Into<Refusal>) -> Refusal {
    Refusal {
        ceremony: Some(ceremony.id),
        any_credential_might_sign: ceremony.any_credential_may_sign(),
        ..refusal.into()
    }
}

/// Why an authentication was not accepted in the end; `None` when it was.
fn refusal_of(finished: FinishedAuthentication) -> Option<Reason> {
    match finished {
        FinishedAuthentication::Accepted => None,
        FinishedAuthentication::CounterWentBack { .. } => Some(Reason::SignCountNotIncreased),
        FinishedAuthentication::CredentialGone => Some(Reason::CredentialUnknown),
        FinishedAuthentication::Gone => Some(Reason::CeremonyNotFound),
        FinishedAuthentication::Used => Some(Reason::CeremonyUsed),
        FinishedAuthentication::Expired => Some(Reason::CeremonyExpired),
    }
}

/// The success of a ceremony that is written.
fn signed_in(
    ceremony: Arc<Authentication>,
    user: User,
    (credential, model): (CredentialKey, Aaguid),
    now: Timestamp,
    signals: Vec<Signal>,
) -> SignedIn {
    let mut ceremony = Arc::unwrap_or_clone(ceremony);
    ceremony.state = CeremonyState::Succeeded {
        user: user.id,
        credential,
    };
    ceremony.user = Some(user.id);
    ceremony.credential = Some(credential);
    ceremony.updated = now;
    SignedIn {
        ceremony,
        user,
        credential,
        model,
        signals,
    }
}

impl Passkeys {
    pub(super) async fn begin_authentication(
        &self,
        rp: &Prepared,
        start: StartAuthentication<'_>,
    ) -> Result<Arc<Authentication>, Refusal> {
        let parties = self.parties(rp, &start).await?;
        let policy = &rp.policy;
        let terms = start.terms;
        let now = self.now();
        let wished = start
            .selection
            .and_then(|selection| selection.user_verification);
        let user_verification = rp
            .user_verification(wished)
            .unwrap_or(UserVerification::Preferred);
        let timeout_ms = terms.timeout_ms.unwrap_or(policy.authentication_timeout_ms);
        let lifetime_ms = terms.lifetime_ms.unwrap_or(timeout_ms);
        let (allow_credentials, transports): (Vec<CredentialId>, Vec<Vec<String>>) = parties
            .allowed
            .into_iter()
            .map(|c| (c.id, c.transports))
            .unzip();
        let appid = policy.extensions.appid(!allow_credentials.is_empty());
        let mut ceremony = Authentication {
            id: CeremonyId([0; 16]),
            relying_party: rp.id,
            user: parties.user.as_ref().map(|u| u.id),
            credential: parties.credential,
            created: now,
            expires: now.plus_millis(i64::from(lifetime_ms)),
            updated: now,
            policy: rp.authentication_policy(AuthenticationWishes {
                rp_id: parties.rp_id,
                origins: parties.origins,
                user_verification,
                timeout_ms,
                rules: start.rules,
            }),
            asked: Arc::new(AuthenticationAsked {
                challenge: Vec::new(),
                user: parties
                    .user
                    .as_ref()
                    .map_or(ExpectedUser::NamedByCredential, |u| {
                        ExpectedUser::Known(u.id.user_handle())
                    }),
                user_name: parties.user.map(|u| u.name),
                allow_credentials,
                transports,
                appid: appid.clone(),
                extensions: policy
                    .extensions
                    .for_authentication(appid, terms.extensions),
            }),
            state: CeremonyState::Pending,
        };
        let sealed = if policy.sealed_authentications && terms.sealable {
            let key = self.sealing_key(rp).await?;
            key.seal(&ceremony, terms.challenge, &*self.randomness)
        } else {
            None
        };
        let writes = sealed.is_none();
        let challenge = sealed
            .unwrap_or_else(|| draw_challenge(&*self.randomness, terms.challenge, rp.id, now));
        ceremony.id = CeremonyId::of_challenge(&challenge);
        Arc::make_mut(&mut ceremony.asked).challenge = challenge;
        let ceremony = Arc::new(ceremony);
        if !writes {
            self.note_start(&ceremony, &terms.by).await?;
            return Ok(ceremony);
        }
        let most = policy.max_pending_per_user;
        let counted = Key::of_authentication(rp.id, ceremony.user);
        let displaced = self.pending.start(counted, ceremony.id, most);
        match self
            .storage
            .begin_authentication(&ceremony, &displaced, terms.survival)
            .await?
        {
            Begin::Begun => {
                self.note_start(&ceremony, &terms.by).await?;
                Ok(ceremony)
            }
            Begin::UserGone | Begin::UserExists => {
                self.pending.end(counted, ceremony.id);
                Err(Reason::UserUnknown.into())
            }
        }
    }

    async fn parties(
        &self,
        rp: &RelyingParty,
        start: &StartAuthentication<'_>,
    ) -> Result<Parties, Refusal> {
        let party = || match start.selection {
            Some(selection) => rp.party(selection),
            None => rp.party(&PartialSelection::default()),
        };
        match start.who {
            Who::Anyone => {
                let (rp_id, origins) = party()?;
                Ok(Parties {
                    user: None,
                    credential: None,
                    rp_id,
                    origins,
                    allowed: Vec::new(),
                })
            }
            Who::Nobody(decoys) => {
                let (rp_id, origins) = party()?;
                Ok(Parties {
                    user: None,
                    credential: None,
                    rp_id,
                    origins,
                    allowed: decoys.to_vec(),
                })
            }
            Who::User(user) => {
                let (rp_id, origins) = party()?;
                let owner = self
                    .storage
                    .user_with_credentials(rp.id, user)
                    .await?
                    .ok_or_else(|| Refusal::from(Reason::UserUnknown))?;
                let (user, credentials) = &*owner;
                // Another RP ID's credentials could not answer; listing them would only confuse.
                let mut credentials: Vec<_> = credentials
                    .iter()
                    .filter(|c| c.selection.rp_id == rp_id)
                    .collect();
                if start.credential_needed && credentials.is_empty() {
                    let why = "the user has no credential for this RP ID";
                    return Err(Refusal {
                        user: Some(user.id),
                        ..Refusal::new(Reason::CredentialUnknown, why)
                    });
                }
                let listed = match rp.policy.allow_credentials {
                    AllowCredentials::Always => true,
                    AllowCredentials::Never => false,
                    AllowCredentials::Auto => {
                        credentials.iter().any(|c| c.discoverable != Some(true))
                    }
                };
                if !listed {
                    credentials.clear();
                }
                let only = match credentials.as_slice() {
                    [only] => Some(only.key),
                    _ => None,
                };
                Ok(Parties {
                    user: Some(user.clone()),
                    credential: only,
                    rp_id,
                    origins,
                    allowed: credentials.into_iter().map(descriptor).collect(),
                })
            }
            Who::Credential(key, owner) => {
                let Some((record, user)) = self.storage.credential(rp.id, key).await? else {
                    // A registration that is not finished has the key already.
                    let ceremony = self.storage.ceremony(rp.id, key.into()).await?;
                    let unfinished = ceremony
                        .and_then(Ceremony::registration)
                        .is_some_and(|c| !matches!(c.state, CeremonyState::Succeeded { .. }));
                    return Err(if unfinished {
                        Reason::CredentialNotRegistered.into()
                    } else {
                        Reason::CredentialUnknown.into()
                    });
                };
                if owner.is_some_and(|owner| !owner.is(&user)) {
                    return Err(Refusal::new(
                        Reason::CredentialUnknown,
                        "the named user has no such credential",
                    ));
                }
                Ok(Parties {
                    user: Some(user),
                    credential: Some(key),
                    rp_id: record.selection.rp_id.clone(),
                    origins: record.selection.origins.clone(),
                    allowed: vec![descriptor(&record)],
                })
            }
        }
    }

    /// Whether the form of the user handle says nothing against the response: it is the handle that its credential was imported with,
    /// or there is no such credential, as after an imported one was deleted. A wire that refuses foreign handles by their form asks first.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn admits_foreign_handle(
        &self,
        rp: RelyingPartyId,
        response: &AuthenticationResponse,
    ) -> Result<bool, Refusal> {
        let id = CeremonyId::of_challenge(&response.client_data().challenge);
        let loaded = self
            .storage
            .load_for_authentication(rp, id, response.id())
            .await?;
        Ok(match loaded.credential.as_deref() {
            // That is the reason of the refusal, and not the handle.
            None => true,
            Some((record, _)) => {
                let imported = record.user_handle.as_ref();
                imported.is_some() && imported == response.user_handle()
            }
        })
    }

    /// Does the work of a verification with a credential that nobody has, so that a refusal of an unknown credential takes as long as one of a known
    /// credential (WebAuthn L3 14.6.2). It returns what it ended with, which decides nothing.
    ///
    /// Where credentials were listed although no user was named, as invented ones are, a user is expected as with real ones. `owner` must be a
    /// user that nobody can guess: a caller who sends the handle of the owner learns how far the verification came.
    pub fn verify_for_nobody(
        &self,
        ceremony: &Authentication,
        response: &AuthenticationResponse,
        owner: UserId,
    ) -> Option<Reason> {
        let mut expected = ceremony.expectation();
        let mut handle = owner.user_handle();
        match &mut expected.user {
            ExpectedUser::Known(known) => handle.clone_from(known),
            named if !expected.allow_credentials.is_empty() => {
                *named = ExpectedUser::Known(handle.clone());
            }
            ExpectedUser::NamedByCredential => {}
        }
        let nobodys = StoredCredential {
            id: response.id(),
            public_key: &NOBODYS_KEY,
            sign_count: SignCounter::default(),
            used: false,
            backup_eligible: None,
            backup_state: None,
            user_handle: &handle,
        };
        let verdict = self.verdict(&expected, &nobodys, response);
        verdict.err().map(|error| error.reason())
    }

    /// Verifies a response, and tells the observer that it does: every verification of a sign-in is this call.
    fn verdict(
        &self,
        expected: &AuthenticationExpectation,
        stored: &StoredCredential<'_>,
        response: &AuthenticationResponse,
    ) -> Result<VerifiedAuthentication, AuthenticationError> {
        self.observer.verifies();
        verify_authentication(expected, stored, response, &mut NoTrace)
    }

    pub(super) async fn judge_authentication(
        &self,
        rp: RelyingPartyId,
        response: &AuthenticationResponse,
        by: &Actor,
    ) -> Result<SignedIn, Refusal> {
        let mut phases = Phases::of(CeremonyKind::Authentication, &*self.observer);
        let now = self.now();
        let challenge = &response.client_data().challenge;
        let id = CeremonyId::of_challenge(challenge);
        let sealed = self.opened(rp, challenge).await?;
        let sealed = sealed.as_ref();
        let loaded = self
            .storage
            .load_for_authentication(rp, id, response.id())
            .await?;
        phases.done(Phase::Load);
        let Some(ceremony) = loaded.ceremony.or_else(|| sealed.cloned()) else {
            return Err(Reason::CeremonyNotFound.into());
        };
        let counted = Key::of_authentication(rp, ceremony.user);
        let event = AuditEvent::new(self.draw(), AuditKind::AuthenticationRefused, rp, now, by);
        let event = self.addressed(event).await?;
        let Some(signer) = loaded.credential else {
            let refusal = Refusal::from(Reason::CredentialUnknown)
                .with_found(Some(response.id().to_base64url()));
            let refusal = refused(&ceremony, refusal);
            if ceremony.standing(now) != Standing::Pending {
                return Err(refusal);
            }
            // It takes as long as with a credential that is there, so that the time does not show which credentials exist.
            std::hint::black_box(self.verify_for_nobody(&ceremony, response, UserId(event.id.0)));
            // It is not known who responded. The ceremony's user, if there is one, failed to sign in.
            let mut event = event;
            event.user = ceremony.user;
            event.user_name.clone_from(&ceremony.asked.user_name);
            let failed = ceremony.user;
            return Err(self
                .refuse(id, counted, refusal, failed, event, sealed)
                .await);
        };
        ensure_pending(id, ceremony.standing(now), ceremony.created, now)?;
        let (record, user) = &*signer;
        let model = record.aaguid;
        let refused = |refusal: Refusal| Refusal {
            model: Some(Box::new(model)),
            ..refused(&ceremony, refusal)
        };
        let event = event.of(user).credential(record.key);
        // The user who was to sign in, or else the one whose credential was shown.
        let failed = ceremony.user.or(Some(user.id));
        if record.selection.rp_id != ceremony.policy.rp_id {
            let refusal = Refusal::from(Reason::CredentialRpMismatch)
                .with_found(Some(record.selection.rp_id.as_str().to_owned()));
            let refusal = refused(refusal);
            return Err(self
                .refuse(id, counted, refusal, failed, event, sealed)
                .await);
        }
        let mut expected = ceremony.expectation();
        let handle = owner_handle(&ceremony, record, &mut expected.user);
        let stored = record.stored(&handle);
        let verdict = self.verdict(&expected, &stored, response);
        let verified = match verdict {
            Ok(verified) => verified,
            Err(error) => {
                let kept = self.case(|| case::of_authentication(&expected, &stored, response));
                let event = event.case(kept);
                let refusal = Refusal::new(error.reason(), error.to_string());
                let refusal = refused(refusal.with_found(error.found()));
                return Err(self
                    .refuse(id, counted, refusal, failed, event, sealed)
                    .await);
            }
        };
        phases.done(Phase::Verify);
        let mut event = event.ceremony(id);
        event.kind = AuditKind::Authenticated;
        // A store keeps no details of a sign-in; no reader may see them while it is in memory either.
        event.actor.api_key = None;
        event.actor.name = None;
        event.add_signals(&signal_names(verified.signals()));
        let (user, credential) = (user.clone(), record.key);
        // The store notes the use in its record, which it has to copy as long as somebody else reads it.
        drop(signer);
        let finish = FinishAuthentication {
            attempt: AttemptId::random(&*self.randomness),
            relying_party: rp,
            ceremony: id,
            now,
            credential,
            user: user.id,
            verified: &verified,
            counter: counter_rule(ceremony.policy.sign_count),
            sealed,
            event: &event,
        };
        let finished = self.storage.finish_authentication(finish).await?;
        phases.done(Phase::Write);
        self.pending.end(counted, id);
        if let Some(reason) = refusal_of(finished) {
            return Err(refused(reason.into()));
        }
        let signals = verified.signals().to_vec();
        Ok(signed_in(ceremony, user, (credential, model), now, signals))
    }

    /// The authentication that is sealed into a challenge, as it was begun.
    async fn opened(
        &self,
        rp: RelyingPartyId,
        challenge: &[u8],
    ) -> Result<Option<Arc<Authentication>>, Refusal> {
        if !looks_sealed(challenge) {
            return Ok(None);
        }
        let rp = match self.any_relying_party(rp).await {
            Err(refusal) if refusal.reason == Reason::RelyingPartyUnknown => return Ok(None),
            found => found?,
        };
        let open = |key: &SealingKey| key.open(challenge, rp.id);
        let opened = self.opened_with_sealing_key(&rp, open).await?;
        Ok(opened.map(|mut ceremony| {
            rp.share_policy(&mut ceremony.policy);
            Arc::new(ceremony)
        }))
    }

    /// The authentication ceremony with this key that belongs to the user.
    ///
    /// # Errors
    /// `ceremony_not_found`.
    pub async fn authentication(
        &self,
        user: &User,
        id: CeremonyId,
    ) -> Result<Authentication, Refusal> {
        self.storage
            .ceremony(user.relying_party, id)
            .await?
            .and_then(Ceremony::authentication)
            .filter(|c| c.user == Some(user.id))
            .ok_or_else(|| Reason::CeremonyNotFound.into())
    }

    /// Authentication ceremonies of a user; [`AuthenticationFilter::now`](crate::store::AuthenticationFilter)
    /// is set here.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_authentications(
        &self,
        user: &User,
        standing: Option<Standing>,
        credential: Option<CredentialKey>,
        page: crate::model::page::PageRequest,
    ) -> Result<crate::model::page::Page<Authentication>, Refusal> {
        let filter = crate::store::AuthenticationFilter {
            standing,
            credential,
            now: self.now(),
        };
        Ok(self
            .storage
            .list_authentications(user.relying_party, user.id, filter, page)
            .await?)
    }
}

/// What a store does with a counter under this policy.
fn counter_rule(policy: SignCountPolicy) -> CounterRule {
    match policy {
        SignCountPolicy::Refuse => CounterRule::MustIncrease,
        SignCountPolicy::Signal => CounterRule::KeepHighest,
    }
}
