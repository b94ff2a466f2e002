//! What a caller may wish for one ceremony.

use domain::model::ceremony::{ChallengeForm, Standing, relying_party_of_challenge};
use domain::model::ids::{CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::user::UserRef;
use domain::service::ceremony::Terms;
use domain::service::registration::StartedRegistration;
use serde_json::json;
use webauthn::options::AttestationConveyance;

use super::*;

/// Five minutes for the answer, one for the client.
fn patient() -> Terms {
    Terms {
        timeout_ms: Some(60_000),
        lifetime_ms: Some(300_000),
        ..plain()
    }
}

impl Fixture {
    async fn start_with(
        &self,
        start: StartRegistration<'_>,
    ) -> Result<StartedRegistration, Refusal> {
        self.passkeys.start_registration(&self.rp, start).await
    }

    async fn challenge_with(
        &self,
        start: StartAuthentication<'_>,
    ) -> Result<(Authentication, Value), Refusal> {
        let ceremony = self.passkeys.start_authentication(&self.rp, start).await?;
        let options = serde_json::to_value(ceremony.options()).unwrap();
        Ok((Arc::unwrap_or_clone(ceremony), options))
    }
}

fn create(started: &StartedRegistration, authenticator: &mut Authenticator) -> Value {
    let options = serde_json::to_value(&started.options).unwrap();
    authenticator
        .create(&options, ORIGIN, &Lies::default())
        .unwrap()
}

#[tokio::test]
async fn an_answer_is_taken_for_the_ceremonys_lifetime_whatever_time_the_client_was_given() {
    let fixture = Fixture::new().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    let none = PartialSelection::default();
    for (wait, expected) in [(299_999, None), (300_000, Some(Reason::CeremonyExpired))] {
        let start = StartRegistration {
            terms: patient(),
            ..StartRegistration::new("ada-0001", "Key", &none, plain())
        };
        let started = fixture.start_with(start).await.unwrap();
        assert_eq!(started.options.timeout, 60_000);
        let answer = create(&started, &mut counting());
        fixture.clock.advance_millis(wait);
        let outcome = fixture.finish_registration(&answer).await;
        assert_eq!(outcome.err().map(|refusal| refusal.reason), expected);

        let start = StartAuthentication {
            terms: patient(),
            ..StartAuthentication::new(Who::Anyone, plain())
        };
        let (_, options) = fixture.challenge_with(start).await.unwrap();
        assert_eq!(options["timeout"], 60_000);
        let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
        fixture.clock.advance_millis(wait);
        let outcome = fixture.finish(&answer).await;
        assert_eq!(outcome.err().map(|refusal| refusal.reason), expected);
    }
}

#[tokio::test]
async fn a_lifetime_that_is_not_given_is_the_clients_time() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    let short = Terms {
        timeout_ms: Some(1_000),
        ..plain()
    };
    let start = StartRegistration {
        terms: short.clone(),
        ..StartRegistration::new("ada-0001", "Key", &none, plain())
    };
    let started = fixture.start_with(start).await.unwrap().ceremony;
    assert_eq!(started.expires, started.created.plus_millis(1_000));
    let start = StartAuthentication {
        terms: short,
        ..StartAuthentication::new(Who::Anyone, plain())
    };
    let (ceremony, _) = fixture.challenge_with(start).await.unwrap();
    assert_eq!(ceremony.expires, ceremony.created.plus_millis(1_000));
}

#[tokio::test]
async fn the_options_carry_what_the_caller_wished() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    let extensions = json!({"credProps": true, "example.extension": {"a": [1]}});
    let terms = Terms {
        extensions: Some(extensions.clone()),
        ..plain()
    };
    let start = StartRegistration {
        account_name: Some("ada@acme.test"),
        display_name: Some("Ada K."),
        attestation: Some(AttestationConveyance::Direct),
        terms: terms.clone(),
        ..StartRegistration::new("ada-0001", "Key", &none, plain())
    };
    let options = fixture.start_with(start).await.unwrap().options;
    let options = serde_json::to_value(options).unwrap();
    assert_eq!(options["user"]["name"], "ada@acme.test");
    assert_eq!(options["user"]["displayName"], "Ada K.");
    assert_eq!(options["attestation"], "direct");
    assert_eq!(options["extensions"], extensions);

    // Without wishes the client shows the user's name, and no extension is there.
    let start = StartRegistration::new("ada-0001", "Key", &none, plain());
    let options = fixture.start_with(start).await.unwrap().options;
    let options = serde_json::to_value(options).unwrap();
    assert_eq!(options["user"]["name"], "ada-0001");
    assert_eq!(options["user"]["displayName"], "ada-0001");
    assert_eq!(options["attestation"], "none");
    assert_eq!(options.get("extensions"), None);

    // Of an authentication they are there again when the options are made anew from the store.
    let start = StartAuthentication {
        terms,
        ..StartAuthentication::new(Who::Anyone, plain())
    };
    let (ceremony, options) = fixture.challenge_with(start).await.unwrap();
    assert_eq!(options["extensions"], extensions);
    let stored = fixture.passkeys.ceremony(fixture.rp.id, ceremony.id);
    assert_eq!(stored.await, Ok(ceremony.into()));
}

#[tokio::test]
async fn user_verification_of_one_authentication_wins_over_the_configured_one() {
    let mut fixture = Fixture::new().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    for (configured, asked, expected) in [
        (
            UserVerification::Discouraged,
            Some(UserVerification::Required),
            Some(Reason::UserNotVerified),
        ),
        (
            UserVerification::Required,
            Some(UserVerification::Preferred),
            None,
        ),
        (
            UserVerification::Required,
            None,
            Some(Reason::UserNotVerified),
        ),
    ] {
        fixture
            .change(|rp| rp.selection.user_verification = Some(configured))
            .await;
        let selection = PartialSelection {
            user_verification: asked,
            ..PartialSelection::default()
        };
        let start = StartAuthentication {
            selection: Some(&selection),
            ..StartAuthentication::new(Who::Anyone, plain())
        };
        let (_, options) = fixture.challenge_with(start).await.unwrap();
        let wish = serde_json::to_value(asked.unwrap_or(configured)).unwrap();
        assert_eq!(options["userVerification"], wish);
        let lies = Lies {
            user_verified: Some(false),
            ..Lies::default()
        };
        let answer = ada.get(&options, ORIGIN, &lies).unwrap();
        let outcome = fixture.finish(&answer).await;
        assert_eq!(outcome.err().map(|refusal| refusal.reason), expected);
    }
}

#[tokio::test]
async fn an_authentication_takes_rp_id_and_origins_from_the_call_where_none_are_configured() {
    let mut fixture = Fixture::new().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    fixture
        .change(|rp| rp.selection = PartialSelection::default())
        .await;
    let refused = fixture.challenge(Who::Anyone).await;
    assert_eq!(reason(refused), Reason::RelyingPartyIncomplete);
    let selection = selection("acme.test");
    for who in [Who::Anyone, Who::User("ada-0001".into())] {
        let start = StartAuthentication {
            selection: Some(&selection),
            ..StartAuthentication::new(who, plain())
        };
        let (_, options) = fixture.challenge_with(start).await.unwrap();
        assert_eq!(options["rpId"], "acme.test");
        let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
        fixture.finish(&answer).await.unwrap();
    }
}

#[tokio::test]
async fn the_most_credentials_of_one_call_are_frozen_into_it() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    let at_most = |max| StartRegistration {
        max_credentials: Some(max),
        ..StartRegistration::new("ada-0001", "Key", &none, plain())
    };
    let one = fixture.start_with(at_most(1)).await.unwrap();
    let other = fixture.start_with(at_most(1)).await.unwrap();
    let answer = create(&one, &mut counting());
    fixture.finish_registration(&answer).await.unwrap();
    let answer = create(&other, &mut counting());
    let refused = fixture.finish_registration(&answer).await;
    assert_eq!(reason(refused), Reason::TooManyCredentials);
    let refused = fixture.start_with(at_most(1)).await;
    assert_eq!(reason(refused), Reason::TooManyCredentials);
    fixture.start_with(at_most(2)).await.unwrap();
}

#[tokio::test]
async fn a_user_given_by_key_must_be_there_and_is_the_one_of_that_name() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    let nobody = UserId([7; 16]);
    let refused = fixture.start_with(StartRegistration::new(nobody, "Key", &none, plain()));
    assert_eq!(reason(refused.await), Reason::UserUnknown);
    let refused = fixture.challenge(Who::User(nobody.into())).await;
    assert_eq!(reason(refused), Reason::UserUnknown);

    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    let user = fixture
        .passkeys
        .user(fixture.rp.id, "ada-0001")
        .await
        .unwrap();
    let started = fixture.start_with(StartRegistration::new(user.id, "Key", &none, plain()));
    let started = started.await.unwrap();
    assert_eq!(started.user, user);
    assert_eq!(started.options.exclude_credentials.len(), 1);
    let honest = Lies::default();
    let signed_in = fixture
        .sign_in(Who::User(user.id.into()), &mut ada, &honest)
        .await;
    assert_eq!(signed_in.unwrap().user, user);
}

#[tokio::test]
async fn an_authentication_with_one_credential_lists_it_alone_and_only_for_its_owner() {
    let fixture = Fixture::new().await;
    let record = fixture.register("ada-0001", &mut counting()).await.unwrap();
    fixture.register("ada-0001", &mut counting()).await.unwrap();
    fixture.register("bob-0001", &mut counting()).await.unwrap();
    let bob = fixture
        .passkeys
        .user(fixture.rp.id, "bob-0001")
        .await
        .unwrap();
    let owners = [
        None,
        Some(UserRef::Name("ada-0001")),
        Some(UserRef::Id(record.user)),
    ];
    for owner in owners {
        let who = Who::Credential(record.key, owner);
        let (ceremony, options) = fixture.challenge(who).await.unwrap();
        assert_eq!(ceremony.user, Some(record.user));
        let listed = options["allowCredentials"].as_array().unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["id"], record.id.to_base64url());
    }
    for owner in [UserRef::Name("bob-0001"), UserRef::Id(bob.id)] {
        let refused = fixture.challenge(Who::Credential(record.key, Some(owner)));
        assert_eq!(reason(refused.await), Reason::CredentialUnknown);
    }
    let nobody = Who::Credential(CredentialKey([9; 16]), None);
    let refused = fixture.challenge(nobody).await;
    assert_eq!(reason(refused), Reason::CredentialUnknown);
}

#[tokio::test]
async fn a_user_without_a_credential_is_refused_only_where_one_is_needed() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    fixture.start("ada-0001", &none).await.unwrap();
    let who = Who::User("ada-0001".into());
    let needed = StartAuthentication {
        credential_needed: true,
        ..StartAuthentication::new(who, plain())
    };
    fixture.challenge(who).await.unwrap();
    let refused = fixture.challenge_with(needed.clone()).await;
    assert_eq!(reason(refused), Reason::CredentialUnknown);
    fixture.register("ada-0001", &mut counting()).await.unwrap();
    fixture.challenge_with(needed).await.unwrap();
}

#[tokio::test]
async fn a_challenge_leads_to_its_relying_party_where_that_was_asked_for() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    let naming = Terms {
        challenge: ChallengeForm::NamesRelyingParty,
        ..plain()
    };
    let mut ada = counting();
    for (user, terms) in [("ada-0001", plain()), ("ada-0002", naming)] {
        let named = (terms.challenge == ChallengeForm::NamesRelyingParty).then_some(fixture.rp.id);
        let start = StartRegistration {
            terms: terms.clone(),
            ..StartRegistration::new(user, "Key", &none, plain())
        };
        let started = fixture.start_with(start).await.unwrap();
        let challenge = &started.options.challenge;
        assert_eq!(relying_party_of_challenge(challenge), named);
        assert_eq!(CeremonyId::of_challenge(challenge), started.ceremony.id);
        let answer = create(&started, &mut ada);
        fixture.finish_registration(&answer).await.unwrap();

        let start = StartAuthentication {
            terms,
            ..StartAuthentication::new(Who::Anyone, plain())
        };
        let (ceremony, options) = fixture.challenge_with(start).await.unwrap();
        let asked = &ceremony.asked;
        let challenge = &asked.challenge;
        assert_eq!(relying_party_of_challenge(challenge), named);
        let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
        fixture.finish(&answer).await.unwrap();
    }
}

#[tokio::test]
async fn the_name_that_comes_with_the_answer_wins_over_the_one_from_the_start() {
    let fixture = Fixture::new().await;
    let none = PartialSelection::default();
    for (name, expected) in [(None, "Key"), (Some("Ada's phone"), "Ada's phone")] {
        let start = StartRegistration::new("ada-0001", "Key", &none, plain());
        let started = fixture.start_with(start).await.unwrap();
        let answer = create(&started, &mut counting()).to_string();
        let json = webauthn::json::parse(answer.as_bytes(), &Limits::default()).unwrap();
        let response = RegistrationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        let finished = fixture
            .passkeys
            .finish_registration(fixture.rp.id, &response, name, &browser())
            .await;
        let record = finished.unwrap().record;
        assert_eq!(record.name, expected);
        assert_eq!(record.user_agent.as_deref(), browser().user_agent());
        let stored = fixture.passkeys.credential(fixture.rp.id, record.key).await;
        assert_eq!(stored.unwrap().0, record);
    }
}

#[tokio::test]
async fn a_ceremony_tells_how_it_stands_to_its_own_relying_party_alone() {
    let fixture = Fixture::new().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    let (started, options) = fixture.challenge(Who::Anyone).await.unwrap();
    let read = async || {
        let found = fixture.passkeys.ceremony(fixture.rp.id, started.id).await;
        found.map(|ceremony| ceremony.authentication().unwrap())
    };
    let pending = read().await.unwrap();
    assert_eq!(pending, started);
    assert_eq!(pending.user, None);
    let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
    fixture.clock.advance_millis(5);
    let signed_in = fixture.finish(&answer).await.unwrap();
    let succeeded = read().await.unwrap();
    assert_eq!(succeeded, signed_in.ceremony);
    assert_eq!(succeeded.user, Some(signed_in.user.id));
    assert_eq!(succeeded.credential, Some(signed_in.credential));
    let now = fixture.passkeys.now();
    assert_eq!(succeeded.standing(now), Standing::Succeeded);
    assert_eq!(succeeded.updated, now);

    let elsewhere = RelyingPartyId([1; 16]);
    let refused = fixture.passkeys.ceremony(elsewhere, started.id).await;
    assert_eq!(reason(refused), Reason::CeremonyNotFound);
}
