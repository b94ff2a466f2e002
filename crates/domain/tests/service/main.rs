//! The service over the reference store, driven by a software authenticator: what no wire can show on its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and may say what it measured"
)]

mod console;
mod keys;
mod lookups;
mod policies;
mod prepared;
mod races;
mod sealed;
mod starts;
mod trail;
mod vault;
mod webhooks;
mod work;

use std::sync::Arc;

use domain::Passkeys;
use domain::Reason;
use domain::model::audit::{Actor, ActorKind};
use domain::model::ceremony::{Authentication, CeremonyState};
use domain::model::clock::{SteppedClock, SystemRandomness, Timestamp};
use domain::model::grant::Grant;
use domain::model::ids::UserId;
use domain::model::page::PageRequest;
use domain::model::policy::{AllowCredentials, Attachment, PartialSelection, RelyingPartyOverride};
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::settings::WireSettings;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::service::credentials::CredentialOrRegistration;
use domain::service::prepared::Prepared;
use domain::service::registration::StartRegistration;
use serde_json::Value;
use storage::memory::Memory;
use testkit::{Authenticator, Counter, Lies, Profile, UserHandle};
use webauthn::authentication::SignCountPolicy;
use webauthn::credential::CredentialId;
use webauthn::json::Limits;
use webauthn::options::{CredentialDescriptor, ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::signal::Signal;

const ORIGIN: &str = "https://login.acme.test";

/// The user, in a browser.
/// Who administers.
pub(crate) static OPERATOR: Actor = Actor::new(ActorKind::Admin, "test");

fn browser() -> Actor {
    Actor::new(ActorKind::User, "test")
        .agent("Mozilla/5.0 (test)")
        .at(Some([192, 0, 2, 1].into()))
}

/// No wish, of the user in a browser.
fn plain() -> Terms {
    Terms::new(browser())
}

/// The service over a store with one Relying Party, and the clock that it reads.
struct Fixture {
    passkeys: Passkeys,
    store: Arc<Memory>,
    clock: Arc<SteppedClock>,
    rp: Prepared,
}

fn selection(rp_id: &str) -> PartialSelection {
    PartialSelection {
        rp_id: Some(RpId::parse(rp_id).unwrap()),
        rp_name: Some("Acme".to_owned()),
        origins: Some(vec![Origin::parse_configured(ORIGIN).unwrap()]),
        attachment: Some(Attachment::Any),
        resident_key: Some(ResidentKey::Preferred),
        user_verification: Some(UserVerification::Preferred),
    }
}

async fn open(store: &Arc<Memory>, clock: &Arc<SteppedClock>) -> Passkeys {
    Passkeys::open(
        Arc::<Memory>::clone(store),
        Arc::<SteppedClock>::clone(clock),
        Arc::new(SystemRandomness),
    )
    .await
    .unwrap()
}

impl Fixture {
    async fn new() -> Self {
        let clock = Arc::new(SteppedClock::starting_at(Timestamp(1_800_000_000_000)));
        let store = Arc::new(Memory::default());
        let passkeys = open(&store, &clock).await;
        let account = match passkeys.bootstrap(None).await.unwrap() {
            domain::service::accounts::Bootstrap::Created(account, _) => account,
            domain::service::accounts::Bootstrap::Exists(_) => {
                panic!("a new store holds no account")
            }
        };
        let rp = passkeys
            .create_relying_party(
                account,
                "Acme",
                selection("acme.test"),
                WireSettings::default(),
                &OPERATOR,
            )
            .await
            .unwrap();
        Self {
            passkeys,
            store,
            clock,
            rp: rp.into(),
        }
    }

    /// Another process on the same store.
    async fn another_node(&self) -> Passkeys {
        open(&self.store, &self.clock).await
    }

    async fn change(&mut self, change: impl Fn(&mut RelyingParty) + Send + Sync) {
        self.rp = self
            .passkeys
            .update_relying_party::<Refusal>(
                self.rp.account,
                self.rp.id,
                |rp| {
                    change(rp);
                    Ok(())
                },
                &OPERATOR,
            )
            .await
            .unwrap()
            .into();
    }

    async fn start(&self, user: &str, asked: &PartialSelection) -> Result<Value, Refusal> {
        let start = StartRegistration::new(user, "Key", asked, plain());
        let started = self.passkeys.start_registration(&self.rp, start).await?;
        Ok(serde_json::to_value(started.options).unwrap())
    }

    async fn register(
        &self,
        user: &str,
        authenticator: &mut Authenticator,
    ) -> Result<domain::model::credential::CredentialRecord, Refusal> {
        let options = self.start(user, &PartialSelection::default()).await?;
        let credential = authenticator
            .create(&options, ORIGIN, &Lies::default())
            .unwrap();
        self.finish_registration(&credential).await
    }

    async fn finish_registration(
        &self,
        credential: &Value,
    ) -> Result<domain::model::credential::CredentialRecord, Refusal> {
        let text = credential.to_string();
        let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
        let response = RegistrationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        Ok(self
            .passkeys
            .finish_registration(self.rp.id, &response, None, &browser())
            .await?
            .record)
    }

    async fn challenge(&self, who: Who<'_>) -> Result<(Authentication, Value), Refusal> {
        let ceremony = self
            .passkeys
            .start_authentication(&self.rp, StartAuthentication::new(who, plain()))
            .await?;
        let options = serde_json::to_value(ceremony.options()).unwrap();
        Ok((Arc::unwrap_or_clone(ceremony), options))
    }

    async fn finish(
        &self,
        assertion: &Value,
    ) -> Result<domain::service::authentication::SignedIn, Refusal> {
        let text = assertion.to_string();
        let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
        let response = AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        self.passkeys
            .finish_authentication(self.rp.id, &response, &browser())
            .await
    }

    async fn sign_in(
        &self,
        who: Who<'_>,
        authenticator: &mut Authenticator,
        lies: &Lies,
    ) -> Result<domain::service::authentication::SignedIn, Refusal> {
        let (_, options) = self.challenge(who).await?;
        self.finish(&authenticator.get(&options, ORIGIN, lies).unwrap())
            .await
    }

    async fn record(&self, user: &str) -> domain::model::credential::CredentialRecord {
        let user = self.passkeys.user(self.rp.id, user).await.unwrap();
        let page = self
            .passkeys
            .list_credentials_and_registrations(&user, PageRequest::first(10))
            .await
            .unwrap();
        page.items
            .into_iter()
            .find_map(|e| match e {
                CredentialOrRegistration::Registered(record) => Some(*record),
                CredentialOrRegistration::Unfinished(_) => None,
            })
            .unwrap()
    }
}

fn counting() -> Authenticator {
    Authenticator::new(Profile {
        counter: Counter::Increasing,
        ..Profile::default()
    })
}

fn reason<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Reason {
    result.unwrap_err().reason
}

mod an_authentication {
    use super::*;

    #[tokio::test]
    async fn of_an_unknown_credential_takes_the_work_of_a_known_one_and_succeeds_never() {
        let fixture = Fixture::new().await;
        let mut passkey = Authenticator::default();
        fixture.register("ada-0001", &mut passkey).await.unwrap();
        let known = passkey.credentials()[0].id().to_vec();
        // Nobody has it any more: a credential that was invented, or one of an unknown user.
        let record = fixture.record("ada-0001").await;
        let by = browser();
        let ada = fixture
            .passkeys
            .user(fixture.rp.id, "ada-0001")
            .await
            .unwrap();
        fixture
            .passkeys
            .delete_credential_or_registration(&ada, record.key, &by)
            .await
            .unwrap();
        let listed = [CredentialDescriptor {
            id: CredentialId::new(known).unwrap(),
            transports: Vec::new(),
        }];
        let owner = UserId([7; 16]);
        let guessed = String::from_utf8(owner.user_handle().as_bytes().to_vec()).unwrap();
        for (who, handle, ends) in [
            // As with a user who is named, a handle need not be there; a wrong one is refused early, as a real user's is.
            (
                Who::Nobody(&listed),
                UserHandle::Omitted,
                Reason::SignatureInvalid,
            ),
            (
                Who::Nobody(&listed),
                UserHandle::Truth,
                Reason::UserHandleMismatch,
            ),
            // As without a name: only who knows the handle comes as far as the signature.
            (Who::Anyone, UserHandle::Omitted, Reason::UserHandleMissing),
            (Who::Anyone, UserHandle::Truth, Reason::UserHandleMismatch),
            (
                Who::Anyone,
                UserHandle::Text(guessed),
                Reason::SignatureInvalid,
            ),
        ] {
            let (ceremony, options) = fixture.challenge(who).await.unwrap();
            let lies = Lies {
                user_handle: handle,
                ..Lies::default()
            };
            let assertion = passkey.get(&options, ORIGIN, &lies).unwrap();
            let text = assertion.to_string();
            let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
            let response = AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
            assert_eq!(
                fixture
                    .passkeys
                    .verify_for_nobody(&ceremony, &response, owner),
                Some(ends),
                "{lies:?}"
            );
            let refused = fixture.finish(&assertion).await;
            assert_eq!(reason(refused), Reason::CredentialUnknown);
        }
    }

    #[tokio::test]
    async fn of_a_named_user_is_refused_when_another_user_answers_and_their_counter_stays() {
        let mut fixture = Fixture::new().await;
        let (mut ada, mut bob) = (counting(), counting());
        fixture.register("ada-0001", &mut ada).await.unwrap();
        let before = fixture
            .register("bob-0001", &mut bob)
            .await
            .unwrap()
            .sign_count;
        let adas_handle = fixture
            .passkeys
            .user(fixture.rp.id, "ada-0001")
            .await
            .unwrap()
            .id
            .user_handle();
        let adas_handle = String::from_utf8(adas_handle.as_bytes().to_vec()).unwrap();
        for listing in [AllowCredentials::Always, AllowCredentials::Never] {
            fixture
                .change(|rp| rp.policy.allow_credentials = listing)
                .await;
            for handle in [
                UserHandle::Truth,
                UserHandle::Omitted,
                UserHandle::Text(adas_handle.clone()),
            ] {
                let (_, mut options) = fixture
                    .challenge(Who::User("ada-0001".into()))
                    .await
                    .unwrap();
                // An honest authenticator would not answer for a credential that is not listed.
                options["allowCredentials"] = serde_json::json!([]);
                let lies = Lies {
                    user_handle: handle,
                    ..Lies::default()
                };
                let answer = bob.get(&options, ORIGIN, &lies).unwrap();
                let refusal = fixture.finish(&answer).await.unwrap_err();
                assert_eq!(refusal.reason, Reason::CredentialNotAllowed);
                assert!(!refusal.message.contains("bob"), "{}", refusal.message);
            }
        }
        assert_eq!(fixture.record("bob-0001").await.sign_count, before);
        assert_eq!(fixture.record("bob-0001").await.last_used, None);
    }

    #[tokio::test]
    async fn with_a_credential_that_nobody_has_is_refused_as_unknown() {
        let fixture = Fixture::new().await;
        let (mut ada, mut stranger) = (counting(), counting());
        fixture.register("ada-0001", &mut ada).await.unwrap();
        fixture.register("bob-0001", &mut stranger).await.unwrap();
        let bob = fixture
            .passkeys
            .user(fixture.rp.id, "bob-0001")
            .await
            .unwrap();
        let key = fixture.record("bob-0001").await.key;
        fixture
            .passkeys
            .delete_credential_or_registration(&bob, key, &browser())
            .await
            .unwrap();
        for who in [Who::User("bob-0001".into()), Who::Anyone] {
            let refused = fixture.sign_in(who, &mut stranger, &Lies::default()).await;
            assert_eq!(reason(refused), Reason::CredentialUnknown);
        }
    }

    #[tokio::test]
    async fn with_a_counter_that_fell_for_good_is_signalled_at_the_fall_only() {
        let fixture = Fixture::new().await;
        let mut ada = counting();
        fixture.register("ada-0001", &mut ada).await.unwrap();
        for (count, signals) in [(1_700_000_000, 0), (0, 1), (0, 0), (0, 0)] {
            let lies = Lies {
                sign_count: Some(count),
                ..Lies::default()
            };
            let signed_in = fixture.sign_in(Who::Anyone, &mut ada, &lies).await.unwrap();
            let counted = signed_in
                .signals
                .iter()
                .filter(|signal| signal.name() == "sign_count_not_increased");
            assert_eq!(counted.count(), signals, "{count}");
            assert_eq!(fixture.record("ada-0001").await.sign_count, 1_700_000_000);
        }
    }

    #[tokio::test]
    async fn with_an_eligibility_that_flips_is_judged_by_what_the_last_sign_in_showed() {
        use webauthn::authentication::BackupEligibilityPolicy::{AcceptChange, AcceptGain};
        let eligible = |value| Lies {
            backup_eligible: Some(value),
            backup_state: Some(false),
            ..Lies::default()
        };
        for policy in [AcceptGain, AcceptChange] {
            let mut fixture = Fixture::new().await;
            fixture
                .change(|rp| rp.policy.backup_eligibility = policy)
                .await;
            let mut ada = counting();
            let options = fixture
                .start("ada-0001", &PartialSelection::default())
                .await;
            let credential = ada
                .create(&options.unwrap(), ORIGIN, &eligible(false))
                .unwrap();
            fixture.finish_registration(&credential).await.unwrap();
            let names = |signed_in: domain::service::authentication::SignedIn| -> Vec<_> {
                signed_in.signals.iter().map(Signal::name).collect()
            };

            let gained = fixture
                .sign_in(Who::Anyone, &mut ada, &eligible(true))
                .await;
            assert_eq!(names(gained.unwrap()), ["backup_eligibility_gained"]);
            assert_eq!(fixture.record("ada-0001").await.backup_eligible, Some(true));

            let lost = fixture
                .sign_in(Who::Anyone, &mut ada, &eligible(false))
                .await;
            if policy == AcceptChange {
                assert_eq!(names(lost.unwrap()), ["backup_eligibility_lost"]);
                assert_eq!(
                    fixture.record("ada-0001").await.backup_eligible,
                    Some(false)
                );
            } else {
                let refusal = lost.unwrap_err();
                assert_eq!(refusal.reason, Reason::BackupEligibilityChanged);
                assert_eq!(
                    refusal.message,
                    "the backup eligibility flag (BE) was 1 when the credential last signed in and is 0 in this response"
                );
                assert_eq!(fixture.record("ada-0001").await.backup_eligible, Some(true));
            }
        }
    }

    #[tokio::test]
    async fn without_a_name_needs_a_user_handle_of_the_credentials_owner() {
        let fixture = Fixture::new().await;
        let mut ada = counting();
        fixture.register("ada-0001", &mut ada).await.unwrap();
        let lies = Lies {
            user_handle: UserHandle::Omitted,
            ..Lies::default()
        };
        let refused = fixture.sign_in(Who::Anyone, &mut ada, &lies).await;
        assert_eq!(reason(refused), Reason::UserHandleMissing);
        let signed_in = fixture
            .sign_in(Who::Anyone, &mut ada, &Lies::default())
            .await
            .unwrap();
        assert_eq!(signed_in.user.name, "ada-0001");
        assert_eq!(
            signed_in.ceremony.state,
            CeremonyState::Succeeded {
                user: signed_in.user.id,
                credential: signed_in.credential,
            }
        );
    }

    #[tokio::test]
    async fn is_refused_once_its_time_has_passed() {
        let fixture = Fixture::new().await;
        let mut ada = counting();
        fixture.register("ada-0001", &mut ada).await.unwrap();
        let (_, options) = fixture.challenge(Who::Anyone).await.unwrap();
        let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
        fixture.clock.advance_millis(300_000);
        assert_eq!(
            reason(fixture.finish(&answer).await),
            Reason::CeremonyExpired
        );
    }

    #[tokio::test]
    async fn that_has_expired_stays_so_when_the_clock_is_set_back_and_the_process_restarts() {
        // By minutes: the store knows the time. By more than an hour: the ceremony began in the future.
        for back in [
            60_000,
            599_000,
            3_590_000,
            3_700_000,
            86_400_000,
            i64::MAX / 2,
        ] {
            let mut fixture = Fixture::new().await;
            let mut ada = counting();
            fixture.register("ada-0001", &mut ada).await.unwrap();
            let (_, options) = fixture.challenge(Who::Anyone).await.unwrap();
            let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
            fixture.clock.advance_millis(300_000);
            let refused = fixture.finish(&answer).await;
            assert_eq!(reason(refused), Reason::CeremonyExpired);
            fixture.passkeys.note_time().await.unwrap();
            let now = fixture.passkeys.now();
            let earlier = now.plus_millis(-back);
            fixture.clock = Arc::new(SteppedClock::starting_at(earlier));
            fixture.passkeys = fixture.another_node().await;
            let refused = fixture.finish(&answer).await;
            assert_eq!(reason(refused), Reason::CeremonyExpired, "{back}");
            let expected = if back <= 3_600_000 { now } else { earlier };
            assert_eq!(fixture.passkeys.now(), expected);
        }
    }

    #[tokio::test]
    async fn is_judged_by_what_was_asked_even_if_the_settings_change_meanwhile() {
        let mut fixture = Fixture::new().await;
        let mut ada = counting();
        fixture.register("ada-0001", &mut ada).await.unwrap();
        fixture
            .change(|rp| rp.selection.user_verification = Some(UserVerification::Required))
            .await;
        let (_, options) = fixture.challenge(Who::Anyone).await.unwrap();
        fixture
            .change(|rp| rp.selection.user_verification = Some(UserVerification::Discouraged))
            .await;
        let lies = Lies {
            user_verified: Some(false),
            ..Lies::default()
        };
        let answer = ada.get(&options, ORIGIN, &lies).unwrap();
        assert_eq!(
            reason(fixture.finish(&answer).await),
            Reason::UserNotVerified
        );
    }

    #[tokio::test]
    async fn with_a_counter_that_went_back_is_a_signal_or_a_refusal_as_the_policy_says() {
        let mut fixture = Fixture::new().await;
        let mut ada = counting();
        fixture.register("ada-0001", &mut ada).await.unwrap();
        let high = Lies {
            sign_count: Some(100),
            ..Lies::default()
        };
        fixture.sign_in(Who::Anyone, &mut ada, &high).await.unwrap();
        let low = Lies {
            sign_count: Some(50),
            ..Lies::default()
        };
        fixture.sign_in(Who::Anyone, &mut ada, &low).await.unwrap();
        assert_eq!(fixture.record("ada-0001").await.sign_count, 100);
        fixture
            .change(|rp| rp.policy.sign_count = SignCountPolicy::Refuse)
            .await;
        let refused = fixture.sign_in(Who::Anyone, &mut ada, &low).await;
        assert_eq!(reason(refused), Reason::SignCountNotIncreased);
        assert_eq!(fixture.record("ada-0001").await.sign_count, 100);
    }

    #[tokio::test]
    async fn with_a_passkey_of_an_earlier_rp_id_names_the_mismatch() {
        let mut fixture = Fixture::new().await;
        let mut ada = counting();
        fixture.register("ada-0001", &mut ada).await.unwrap();
        fixture
            .change(|rp| rp.selection.rp_id = Some(RpId::parse("login.acme.test").unwrap()))
            .await;
        let (_, mut options) = fixture.challenge(Who::Anyone).await.unwrap();
        options["rpId"] = "acme.test".into();
        let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
        assert_eq!(
            reason(fixture.finish(&answer).await),
            Reason::CredentialRpMismatch
        );
    }
}

mod a_registration {
    use super::*;

    #[tokio::test]
    async fn that_was_refused_cannot_be_tried_again() {
        let fixture = Fixture::new().await;
        let mut ada = counting();
        let options = fixture
            .start("ada-0001", &PartialSelection::default())
            .await
            .unwrap();
        let lies = Lies {
            user_present: Some(false),
            ..Lies::default()
        };
        let bad = ada.create(&options, ORIGIN, &lies).unwrap();
        assert_eq!(
            reason(fixture.finish_registration(&bad).await),
            Reason::UserNotPresent
        );
        let mut fresh = counting();
        let good = fresh.create(&options, ORIGIN, &Lies::default()).unwrap();
        assert_eq!(
            reason(fixture.finish_registration(&good).await),
            Reason::CeremonyUsed
        );
    }

    #[tokio::test]
    async fn of_a_known_credential_id_is_refused_for_anybody() {
        let fixture = Fixture::new().await;
        let mut ada = counting();
        let record = fixture.register("ada-0001", &mut ada).await.unwrap();
        let options = fixture
            .start("bob-0001", &PartialSelection::default())
            .await
            .unwrap();
        let lies = Lies {
            attested_credential_id: Some(record.id.as_bytes().to_vec()),
            id: Some(record.id.to_base64url()),
            raw_id: Some(record.id.to_base64url()),
            ..Lies::default()
        };
        let copy = counting().create(&options, ORIGIN, &lies).unwrap();
        assert_eq!(
            reason(fixture.finish_registration(&copy).await),
            Reason::CredentialExists
        );
        assert_eq!(fixture.record("ada-0001").await, record);
    }

    #[tokio::test]
    async fn names_every_setting_that_is_missing() {
        let mut fixture = Fixture::new().await;
        fixture
            .change(|rp| rp.selection = PartialSelection::default())
            .await;
        let none = PartialSelection::default();
        let refusal = fixture.start("ada-0001", &none).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::RelyingPartyIncomplete);
        assert_eq!(refusal.members, ["rp_id", "origins"]);
        let party = PartialSelection {
            attachment: None,
            resident_key: None,
            ..selection("acme.test")
        };
        let refusal = fixture.start("ada-0001", &party).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::AuthenticatorCriteriaMissing);
        assert_eq!(refusal.members, ["attachment", "resident_key"]);
    }

    #[tokio::test]
    async fn may_name_another_relying_party_only_where_the_policy_allows() {
        let mut fixture = Fixture::new().await;
        let other = selection("other.test");
        fixture.start("ada-0001", &other).await.unwrap();
        fixture
            .change(|rp| rp.policy.relying_party_override = RelyingPartyOverride::ConfiguredOnly)
            .await;
        let refusal = fixture.start("ada-0001", &other).await.unwrap_err();
        assert_eq!(refusal.members, ["rp_id"]);
        fixture
            .start("ada-0001", &selection("acme.test"))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn and_what_came_of_it_are_one_list_in_the_order_of_the_starts() {
        let fixture = Fixture::new().await;
        for n in 0..5 {
            fixture.clock.advance_millis(1);
            if n % 2 == 0 {
                fixture.register("ada-0001", &mut counting()).await.unwrap();
            } else {
                fixture
                    .start("ada-0001", &PartialSelection::default())
                    .await
                    .unwrap();
            }
        }
        let user = fixture
            .passkeys
            .user(fixture.rp.id, "ada-0001")
            .await
            .unwrap();
        let mut request = PageRequest::first(2);
        let mut kinds = Vec::new();
        loop {
            let page = fixture
                .passkeys
                .list_credentials_and_registrations(&user, request)
                .await
                .unwrap();
            let Some(last) = page.items.last() else { break };
            request.after = Some(domain::model::page::Position {
                created: last.created(),
                key: last.key().0,
            });
            kinds.extend(
                page.items
                    .iter()
                    .map(|e| matches!(e, CredentialOrRegistration::Registered(_))),
            );
            if !page.more {
                break;
            }
        }
        assert_eq!(kinds, [true, false, true, false, true]);
    }
}

#[tokio::test]
async fn a_page_token_opens_only_the_list_it_was_sealed_for() {
    let fixture = Fixture::new().await;
    let position = domain::model::page::Position {
        created: Timestamp(12),
        key: [7; 16],
    };
    let token = fixture.passkeys.seal_cursor("/a", position);
    assert_eq!(fixture.passkeys.open_cursor("/a", &token), Some(position));
    assert_eq!(fixture.passkeys.open_cursor("/b", &token), None);
    for i in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(fixture.passkeys.open_cursor("/a", &forged), None);
    }
    assert_eq!(fixture.passkeys.open_cursor("/a", ""), None);
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_secret_are_refused_alike() {
    let fixture = Fixture::new().await;
    let unknown =
        domain::model::account::Principal::Account(domain::model::ids::AccountId([9; 16]));
    let known = domain::model::account::Principal::Account(fixture.rp.account);
    let secret = domain::model::account::Secret::new("not the token");
    let first = fixture
        .passkeys
        .authenticate(unknown, &secret)
        .await
        .unwrap_err();
    let second = fixture
        .passkeys
        .authenticate(known, &secret)
        .await
        .unwrap_err();
    assert_eq!(first, second);
    assert_eq!(first.reason, Reason::AccessDenied);
}

#[tokio::test]
async fn a_token_that_was_reset_is_refused_at_once() {
    let fixture = Fixture::new().await;
    let (account, old) = fixture.passkeys.create_account(&OPERATOR).await.unwrap();
    let principal = domain::model::account::Principal::Account(account.id);
    // Now the secret is in the cache, too.
    assert_eq!(
        fixture
            .passkeys
            .authenticate(principal, &old)
            .await
            .map(|known| known.account),
        Ok(account.id)
    );
    let new = fixture
        .passkeys
        .reset_account_token(account.id, &OPERATOR)
        .await
        .unwrap();
    assert_eq!(
        reason(fixture.passkeys.authenticate(principal, &old).await),
        Reason::AccessDenied
    );
    assert_eq!(
        fixture
            .passkeys
            .authenticate(principal, &new)
            .await
            .map(|known| known.account),
        Ok(account.id)
    );
    let nobody = domain::model::ids::AccountId([9; 16]);
    assert_eq!(
        reason(
            fixture
                .passkeys
                .reset_account_token(nobody, &OPERATOR)
                .await
        ),
        Reason::AccountUnknown
    );
}

#[tokio::test]
async fn a_deleted_api_key_is_refused_at_once() {
    let fixture = Fixture::new().await;
    let (key, secret) = fixture
        .passkeys
        .create_api_key(fixture.rp.account, "ci", Grant::EVERYTHING, &OPERATOR)
        .await
        .unwrap();
    let principal = domain::model::account::Principal::ApiKey(key.id);
    assert_eq!(
        fixture
            .passkeys
            .authenticate(principal, &secret)
            .await
            .map(|known| known.account),
        Ok(fixture.rp.account)
    );
    assert!(
        fixture
            .passkeys
            .delete_api_key(fixture.rp.account, key.id, &OPERATOR)
            .await
            .unwrap()
    );
    assert_eq!(
        reason(fixture.passkeys.authenticate(principal, &secret).await),
        Reason::AccessDenied
    );
}
