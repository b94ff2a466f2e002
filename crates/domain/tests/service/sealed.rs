//! Authentications that are sealed into their challenges.

use domain::model::ids::CeremonyId;
use domain::model::token::TokenKind;
use domain::store::{Ceremonies as _, Tokens as _};
use serde_json::json;

use super::*;

async fn sealing() -> Fixture {
    let mut fixture = Fixture::new().await;
    fixture
        .change(|rp| rp.policy.sealed_authentications = true)
        .await;
    fixture
}

impl Fixture {
    async fn is_stored(&self, id: CeremonyId) -> bool {
        self.store.ceremony(self.rp.id, id).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_start_writes_nothing_and_any_node_takes_the_response_once() {
    let fixture = sealing().await;
    let other = fixture.another_node().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    for who in [Who::User("ada-0001".into()), Who::Anyone] {
        let (ceremony, options) = fixture.challenge(who).await.unwrap();
        assert!(ceremony.is_sealed());
        assert!(!fixture.is_stored(ceremony.id).await);
        let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
        let text = answer.to_string();
        let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
        let response = AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        let by = browser();
        let finish = other.finish_authentication(fixture.rp.id, &response, &by);
        let signed_in = finish.await.unwrap();
        assert_eq!(signed_in.user.name, "ada-0001");
        assert_eq!(signed_in.ceremony.asked, ceremony.asked);
        assert_eq!(signed_in.ceremony.policy, ceremony.policy);
        assert_eq!(signed_in.ceremony.created, ceremony.created);
        assert_eq!(signed_in.ceremony.expires, ceremony.expires);
        assert!(fixture.is_stored(ceremony.id).await);
        let again = fixture.finish(&answer).await;
        assert_eq!(reason(again), Reason::CeremonyUsed);
    }
}

#[tokio::test]
async fn a_refused_response_ends_it() {
    let fixture = sealing().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    let (ceremony, options) = fixture.challenge(Who::Anyone).await.unwrap();
    let good = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
    let elsewhere = ada.get(&options, "https://evil.test", &Lies::default());
    let refused = fixture.finish(&elsewhere.unwrap()).await;
    assert_eq!(reason(refused), Reason::OriginNotAllowed);
    assert!(fixture.is_stored(ceremony.id).await);
    assert_eq!(reason(fixture.finish(&good).await), Reason::CeremonyUsed);
}

#[tokio::test]
async fn its_time_passes_as_of_any_other() {
    let fixture = sealing().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    let (ceremony, options) = fixture.challenge(Who::Anyone).await.unwrap();
    let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
    let lifetime = ceremony.expires.0 - ceremony.created.0;
    fixture.clock.advance_millis(lifetime);
    assert_eq!(
        reason(fixture.finish(&answer).await),
        Reason::CeremonyExpired
    );
    assert!(!fixture.is_stored(ceremony.id).await);
}

#[tokio::test]
async fn it_is_judged_by_the_policy_under_which_it_began() {
    let mut fixture = sealing().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    let (_, options) = fixture.challenge(Who::Anyone).await.unwrap();
    // The setting itself, too.
    fixture
        .change(|rp| {
            rp.policy.sign_count = SignCountPolicy::Refuse;
            rp.policy.sealed_authentications = false;
            rp.policy.user_verification_required = true;
        })
        .await;
    let lies = Lies {
        sign_count: Some(0),
        user_verified: Some(false),
        ..Lies::default()
    };
    let answer = ada.get(&options, ORIGIN, &lies).unwrap();
    fixture.finish(&answer).await.unwrap();
    let (ceremony, _) = fixture.challenge(Who::Anyone).await.unwrap();
    assert!(!ceremony.is_sealed());
    assert!(fixture.is_stored(ceremony.id).await);
}

#[tokio::test]
async fn nobody_can_make_one_up() {
    let fixture = sealing().await;
    let mut ada = counting();
    fixture.register("ada-0001", &mut ada).await.unwrap();
    // As long as nothing was sealed there is no key, and a response makes none.
    let made_up = json!({
        "challenge": webauthn::base64url::encode(hex::encode([1; 90]).as_bytes()),
        "rpId": "acme.test",
    });
    let answer = ada.get(&made_up, ORIGIN, &Lies::default()).unwrap();
    assert_eq!(
        reason(fixture.finish(&answer).await),
        Reason::CeremonyNotFound
    );
    let key = fixture.store.token_key(fixture.rp.id, TokenKind::Sealing);
    assert_eq!(key.await, Ok(None));

    let (ceremony, mut options) = fixture.challenge(Who::Anyone).await.unwrap();
    let mut challenge = ceremony.asked.challenge.clone();
    let last = challenge.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    options["challenge"] = json!(webauthn::base64url::encode(&challenge));
    let answer = ada.get(&options, ORIGIN, &Lies::default()).unwrap();
    assert_eq!(
        reason(fixture.finish(&answer).await),
        Reason::CeremonyNotFound
    );
}

#[tokio::test]
async fn one_with_very_many_credentials_is_stored() {
    let fixture = sealing().await;
    let with_long_id = || {
        Authenticator::new(Profile {
            credential_id_length: 1000,
            ..Profile::default()
        })
    };
    let (mut large, mut second) = (with_long_id(), with_long_id());
    fixture.register("ada-0001", &mut second).await.unwrap();
    fixture.register("ada-0001", &mut large).await.unwrap();
    let mut third = with_long_id();
    fixture.register("ada-0001", &mut third).await.unwrap();
    let who = Who::User("ada-0001".into());
    let (ceremony, options) = fixture.challenge(who).await.unwrap();
    assert!(!ceremony.is_sealed());
    assert!(fixture.is_stored(ceremony.id).await);
    let answer = large.get(&options, ORIGIN, &Lies::default()).unwrap();
    fixture.finish(&answer).await.unwrap();
}
