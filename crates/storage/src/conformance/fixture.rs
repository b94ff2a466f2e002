//! What the cases are made of: the store under test, a fixture with an account and a Relying Party, and passkeys that really
//! sign. Ceremonies are verified by the core, so what reaches the store is what reaches it in service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::model::account::{Account, SecretHash};
use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::ceremony::{
    Authentication, AuthenticationAsked, Ceremony, CeremonyState, Registration, RegistrationAsked,
};
use domain::model::ceremony_policy::{AuthenticationPolicy, RegistrationPolicy};
use domain::model::clock::Timestamp;
use domain::model::credential::{CredentialRecord, NewCredential};
use domain::model::ids::{
    AccountId, AttemptId, CeremonyId, CredentialKey, EventId, RelyingPartyId, UserId,
};
use domain::model::policy::{Attachment, PartialSelection, Policy, Selection};
use domain::model::relying_party::RelyingParty;
use domain::model::settings::{NevisSettings, TwilioSettings, WireSettings};
use domain::model::user::User;
use domain::store::{
    Begin, BeginRegistration, CounterRule, CreateUser, EventFilter, Fault, FinishAuthentication,
    FinishRegistration, FinishedAuthentication, FinishedRegistration, FirstAccount, RefuseCeremony,
    Refused, Storage, Survival,
};
use webauthn::attestation::AttestationPolicy;
use webauthn::authentication::{
    BackupEligibilityPolicy, ExpectedUser, Rules, SignCountPolicy, VerifiedAuthentication,
    verify_authentication,
};
use webauthn::cose::CoseAlgorithm;
use webauthn::error::Reason;
use webauthn::json::Limits;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin, verify_registration};
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::{TrustFacts, UnixSeconds};

use super::device::{Claims, Device};

/// How a store ends before it is opened again.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// By [`close`](domain::store::Upkeep::close).
    Closed,
    /// By dropping its last handle.
    Dropped,
}

/// A store and the place of its data. Each case gets one whose store is empty.
#[async_trait]
pub trait StoreUnderTest: Send {
    /// The store as it is open now.
    fn store(&self) -> Arc<dyn Storage>;
    /// Ends the store and opens it again with the same data. The caller holds no other handle. A store that keeps its data in
    /// the process may stay open.
    async fn reopen(&mut self, end: End);
}

/// The moment at which the cases begin.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Lifetime of the ceremonies here, in milliseconds.
pub(crate) const LIFETIME: i64 = 300_000;
const RP_ID: &str = "acme.test";
const ORIGIN: &str = "https://login.acme.test";

/// So many milliseconds after [`NOW`].
pub(crate) fn at(millis: i64) -> Timestamp {
    NOW.plus_millis(millis)
}

/// A key that was not handed out before; the same sequence in each run, spread over all keys.
pub(crate) fn key() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes
}

/// Who did it, where a case does not say.
pub(crate) const SOMEBODY: Actor = Actor::new(ActorKind::Unknown, "");

pub(crate) fn event(kind: AuditKind, rp: RelyingPartyId) -> AuditEvent {
    AuditEvent::new(EventId(key()), kind, rp, NOW, &SOMEBODY)
}

pub(crate) fn selection() -> Selection {
    Selection {
        rp_id: RpId::parse(RP_ID).unwrap(),
        rp_name: "Acme".to_owned(),
        origins: vec![Origin::parse_configured(ORIGIN).unwrap()],
        attachment: Attachment::Any,
        resident_key: ResidentKey::Preferred,
        user_verification: UserVerification::Preferred,
    }
}

pub(crate) fn new_account(created: Timestamp) -> Account {
    Account {
        id: AccountId(key()),
        token: SecretHash::Plain([7; 32]),
        created,
    }
}

pub(crate) fn new_relying_party(account: AccountId, created: Timestamp) -> RelyingParty {
    RelyingParty {
        id: RelyingPartyId(key()),
        account,
        name: "Acme".to_owned(),
        selection: PartialSelection::default(),
        policy: Policy::default(),
        settings: WireSettings {
            nevis: NevisSettings {
                status_token_required: false,
                apple_apps: vec!["A1B2C3D4E5.test.acme".to_owned()],
                ..NevisSettings::default()
            },
            twilio: TwilioSettings {
                tts_name: Some("é \" \u{1f511}".to_owned()),
                ..TwilioSettings::default()
            },
        },
        version: 1,
        created,
        updated: created,
    }
}

pub(crate) fn new_user(rp: RelyingPartyId, name: &str, created: Timestamp) -> User {
    User {
        id: UserId(key()),
        relying_party: rp,
        name: name.to_owned(),
        created,
        updated: created,
        last_success: None,
        last_failure: None,
    }
}

/// A pending registration of a user.
pub(crate) fn registration(user: &User, created: Timestamp) -> Registration {
    let challenge = hex_text(key());
    Registration {
        id: CeremonyId::of_challenge(&challenge),
        relying_party: user.relying_party,
        user: user.id,
        created,
        expires: created.plus_millis(LIFETIME),
        updated: created,
        policy: Arc::new(RegistrationPolicy {
            selection: selection(),
            cross_origin: CrossOrigin::Refused,
            algorithms: vec![CoseAlgorithm::ES256],
            attestation: AttestationPolicy::default(),
            backup: BackupPolicy::default(),
            min_credential_id_length: 16,
            credential_protection: None,
            max_credentials: 50,
        }),
        asked: RegistrationAsked {
            enrolment: None,
            challenge,
            conditional_create: false,
            credential_name: "first name".to_owned(),
            user_name: user.name.clone(),
        },
        state: CeremonyState::Pending,
    }
}

/// A pending authentication of a user, or of any user.
pub(crate) fn authentication(
    rp: RelyingPartyId,
    user: Option<&User>,
    created: Timestamp,
) -> Authentication {
    let challenge = hex_text(key());
    Authentication {
        id: CeremonyId::of_challenge(&challenge),
        relying_party: rp,
        user: user.map(|u| u.id),
        credential: None,
        created,
        expires: created.plus_millis(LIFETIME),
        updated: created,
        policy: Arc::new(AuthenticationPolicy {
            rp_id: selection().rp_id,
            origins: selection().origins,
            cross_origin: CrossOrigin::Refused,
            user_verification: UserVerification::Preferred,
            timeout_ms: 300_000,
            sign_count: SignCountPolicy::Signal,
            backup_eligibility: BackupEligibilityPolicy::AcceptGain,
            rules: Rules::Level3,
        }),
        asked: Arc::new(AuthenticationAsked {
            challenge,
            user: ExpectedUser::NamedByCredential,
            user_name: user.map(|u| u.name.clone()),
            allow_credentials: Vec::new(),
            transports: Vec::new(),
            appid: None,
            extensions: None,
        }),
        state: CeremonyState::Pending,
    }
}

fn hex_text(bytes: [u8; 16]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|b| format!("{b:02x}").into_bytes())
        .collect()
}

/// A verified registration that a test sends to the store.
#[derive(Debug)]
pub(crate) struct RegistrationAttempt {
    pub(crate) attempt: AttemptId,
    pub(crate) now: Timestamp,
    pub(crate) credential: Arc<NewCredential>,
    pub(crate) max_credentials: u32,
    pub(crate) event: AuditEvent,
}

impl RegistrationAttempt {
    pub(crate) async fn send(&self, store: &dyn Storage) -> Result<FinishedRegistration, Fault> {
        store
            .finish_registration(FinishRegistration {
                attempt: self.attempt,
                now: self.now,
                credential: &self.credential,
                max_credentials: self.max_credentials,
                event: &self.event,
            })
            .await
    }

    /// The same credential in another try.
    pub(crate) fn another_attempt(&self) -> Self {
        Self {
            attempt: AttemptId(key()),
            now: self.now,
            credential: Arc::clone(&self.credential),
            max_credentials: self.max_credentials,
            event: AuditEvent {
                id: EventId(key()),
                ..self.event.clone()
            },
        }
    }

    pub(crate) fn key(&self) -> CredentialKey {
        self.credential.record().key
    }
}

/// A verified authentication that a test sends to the store.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    pub(crate) attempt: AttemptId,
    pub(crate) relying_party: RelyingPartyId,
    pub(crate) ceremony: CeremonyId,
    pub(crate) now: Timestamp,
    pub(crate) credential: CredentialKey,
    pub(crate) user: UserId,
    pub(crate) verified: VerifiedAuthentication,
    pub(crate) counter: CounterRule,
    /// The ceremony, if its challenge brought it.
    pub(crate) sealed: Option<Arc<Authentication>>,
    pub(crate) event: AuditEvent,
}

impl SignIn {
    pub(crate) async fn send(&self, store: &dyn Storage) -> Result<FinishedAuthentication, Fault> {
        store
            .finish_authentication(FinishAuthentication {
                sealed: self.sealed.as_ref(),
                attempt: self.attempt,
                relying_party: self.relying_party,
                ceremony: self.ceremony,
                now: self.now,
                credential: self.credential,
                user: self.user,
                verified: &self.verified,
                counter: self.counter,
                event: &self.event,
            })
            .await
    }

    /// The same answer in another try.
    pub(crate) fn another_attempt(&self) -> Self {
        Self {
            attempt: AttemptId(key()),
            event: AuditEvent {
                id: EventId(key()),
                ..self.event.clone()
            },
            ..self.clone()
        }
    }
}

/// An authenticator that answers for a user.
pub(crate) struct Passkey {
    device: Device,
    pub(crate) user: User,
}

impl Passkey {
    pub(crate) fn new(user: &User) -> Self {
        Self {
            device: Device::default(),
            user: user.clone(),
        }
    }

    /// Answers a registration ceremony; what the verifier made of it.
    pub(crate) fn register(
        &mut self,
        ceremony: &Registration,
        now: Timestamp,
    ) -> RegistrationAttempt {
        self.register_with(ceremony, now, &Claims::default())
    }

    pub(crate) fn register_with(
        &mut self,
        ceremony: &Registration,
        now: Timestamp,
        claims: &Claims,
    ) -> RegistrationAttempt {
        let asked = &ceremony.asked;
        let id = claims.credential_id.clone();
        let id = id.unwrap_or_else(|| [key(), key()].concat());
        let answer = self
            .device
            .create((RP_ID, ORIGIN), &asked.challenge, id, claims)
            .to_string();
        let json = webauthn::json::parse(answer.as_bytes(), &Limits::default()).unwrap();
        let response = RegistrationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        let verified = verify_registration(
            &ceremony.expectation(),
            &response,
            &TrustFacts::NO_METADATA,
            UnixSeconds(now.seconds()),
            &mut NoTrace,
        )
        .unwrap();
        let rp = ceremony.relying_party;
        RegistrationAttempt {
            attempt: AttemptId(key()),
            now,
            credential: Arc::new(
                NewCredential::new(ceremony, verified, now)
                    .registered_by(&Actor::new(ActorKind::User, "").agent("Browser/1.0")),
            ),
            max_credentials: 50,
            event: AuditEvent::new(
                EventId(key()),
                AuditKind::CredentialRegistered,
                rp,
                now,
                &SOMEBODY,
            )
            .user(self.user.id)
            .ceremony(ceremony.id)
            .credential(ceremony.id.into()),
        }
    }

    /// Answers an authentication ceremony with a credential as it was read from the store.
    pub(crate) fn sign_in(
        &mut self,
        ceremony: &Authentication,
        record: &CredentialRecord,
        now: Timestamp,
        claims: &Claims,
    ) -> SignIn {
        let asked = &ceremony.asked;
        let handle = self.user.id.user_handle();
        let credential = (record.id.as_bytes(), handle.as_bytes());
        let answer = self
            .device
            .get((RP_ID, ORIGIN), &asked.challenge, credential, claims)
            .to_string();
        let json = webauthn::json::parse(answer.as_bytes(), &Limits::default()).unwrap();
        let response = AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        let verified = verify_authentication(
            &ceremony.expectation(),
            &record.stored(&handle),
            &response,
            &mut NoTrace,
        )
        .unwrap();
        let rp = ceremony.relying_party;
        SignIn {
            attempt: AttemptId(key()),
            relying_party: rp,
            ceremony: ceremony.id,
            now,
            credential: record.key,
            user: self.user.id,
            verified,
            counter: CounterRule::KeepHighest,
            sealed: None,
            event: AuditEvent::new(EventId(key()), AuditKind::Authenticated, rp, now, &SOMEBODY)
                .user(self.user.id)
                .ceremony(ceremony.id)
                .credential(record.key),
        }
    }
}

/// Claims that the authenticator makes about itself in one answer.
pub(crate) fn counting(sign_count: u32) -> Claims {
    Claims {
        sign_count: Some(sign_count),
        ..Claims::default()
    }
}

/// All events of a Relying Party, oldest first.
pub(crate) async fn events_of(store: &dyn Storage, rp: RelyingPartyId) -> Vec<AuditEvent> {
    let found = store
        .find_events(rp, &EventFilter::default(), 100_000)
        .await
        .unwrap();
    assert!(found.complete);
    found.events.into_iter().rev().collect()
}

/// An account with one Relying Party in a store.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Storage>,
    pub(crate) account: AccountId,
    pub(crate) rp: RelyingPartyId,
}

impl Fixture {
    pub(crate) async fn new(under_test: &dyn StoreUnderTest) -> Self {
        let store = under_test.store();
        let account = new_account(NOW);
        assert_eq!(
            store.create_first_account(&account).await,
            Ok(FirstAccount::Created)
        );
        let mut fixture = Self {
            store,
            account: account.id,
            rp: RelyingPartyId([0; 16]),
        };
        fixture.rp = fixture.another_rp().await;
        fixture
    }

    /// A further Relying Party of the account.
    pub(crate) async fn another_rp(&self) -> RelyingPartyId {
        let rp = new_relying_party(self.account, NOW);
        let event = event(AuditKind::RelyingPartyCreated, rp.id);
        assert_eq!(self.store.create_relying_party(&rp, &event).await, Ok(true));
        rp.id
    }

    /// A user of the Relying Party.
    pub(crate) async fn user(&self, name: &str) -> User {
        self.user_of(self.rp, name).await
    }

    /// A user of some Relying Party.
    pub(crate) async fn user_of(&self, rp: RelyingPartyId, name: &str) -> User {
        let user = new_user(rp, name, NOW);
        let event = event(AuditKind::UserCreated, rp).user(user.id);
        assert_eq!(
            self.store.create_user(&user, &event).await,
            Ok(CreateUser::Created)
        );
        user
    }

    /// Starts a ceremony and sees it begun.
    pub(crate) async fn begin(&self, ceremony: &(impl Clone + Into<Ceremony>)) {
        assert_eq!(self.try_begin(ceremony, &[]).await, Ok(Begin::Begun));
    }

    pub(crate) async fn try_begin(
        &self,
        ceremony: &(impl Clone + Into<Ceremony>),
        displaced: &[CeremonyId],
    ) -> Result<Begin, Fault> {
        match ceremony.clone().into() {
            Ceremony::Authentication(ceremony) => {
                self.store
                    .begin_authentication(&Arc::from(ceremony), displaced, Survival::Stop)
                    .await
            }
            Ceremony::Registration(ceremony) => {
                let begin = BeginRegistration {
                    ceremony: &ceremony,
                    new_user: None,
                    displaced,
                    events: &[],
                };
                self.store.begin_registration(begin).await
            }
        }
    }

    /// Registers a passkey for a user: the authenticator and the record.
    pub(crate) async fn passkey(&self, user: &User) -> (Passkey, CredentialRecord) {
        let mut passkey = Passkey::new(user);
        let ceremony = registration(user, NOW);
        self.begin(&ceremony).await;
        let finish = passkey.register(&ceremony, at(1));
        assert_eq!(
            finish.send(&*self.store).await,
            Ok(FinishedRegistration::Registered)
        );
        let record = self.record(finish.key()).await.unwrap();
        (passkey, record)
    }

    /// Starts an authentication of any user, and finishes it.
    pub(crate) async fn answered(
        &self,
        passkey: &mut Passkey,
        record: &CredentialRecord,
        claims: &Claims,
    ) -> SignIn {
        let ceremony = authentication(record.relying_party, None, NOW);
        self.begin(&ceremony).await;
        passkey.sign_in(&ceremony, record, at(2), claims)
    }

    /// The credential with this key in the Relying Party.
    pub(crate) async fn record(&self, key: CredentialKey) -> Option<CredentialRecord> {
        self.store
            .credential(self.rp, key)
            .await
            .unwrap()
            .map(|(record, _)| record)
    }

    pub(crate) async fn ceremony(&self, id: CeremonyId) -> Option<Ceremony> {
        self.store.ceremony(self.rp, id).await.unwrap()
    }

    /// All events of the Relying Party, oldest first.
    pub(crate) async fn events(&self) -> Vec<AuditEvent> {
        events_of(&*self.store, self.rp).await
    }

    /// How many events of a kind there are.
    pub(crate) async fn count(&self, kind: AuditKind) -> usize {
        self.events()
            .await
            .iter()
            .filter(|e| e.kind == kind)
            .count()
    }

    /// Refuses a ceremony in a given try.
    pub(crate) async fn refuse(
        &self,
        ceremony: CeremonyId,
        attempt: AttemptId,
        now: Timestamp,
        reason: Reason,
    ) -> Result<Refused, Fault> {
        let event = AuditEvent::new(
            EventId(key()),
            AuditKind::AuthenticationRefused,
            self.rp,
            now,
            &SOMEBODY,
        )
        .reason(reason);
        self.store
            .refuse_ceremony(RefuseCeremony {
                sealed: None,
                attempt,
                relying_party: self.rp,
                ceremony,
                now,
                reason,
                failed_user: None,
                event: &event,
            })
            .await
    }
}
