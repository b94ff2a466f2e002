//! What the audit trail and the log say about the ceremonies of this wire.

use domain::model::audit::{ActorKind, AuditEvent, AuditKind};
use domain::model::grant::Grant;
use domain::model::ids::RelyingPartyId;
use domain::store::EventFilter;
use serde_json::json;
use testkit::{Authenticator, Lies, Profile};

use crate::common::{Client, Log, TestApp, windows};
use crate::support::{create, get};

/// The events of a service, oldest first.
async fn events(backend: &Client, service: &str) -> Vec<AuditEvent> {
    let id = RelyingPartyId::from_hex(&service["/v2/Services/VA".len()..]).unwrap();
    let found = backend
        .app
        .passkeys
        .find_events(id, &EventFilter::default(), 100)
        .await;
    let mut events = found.unwrap().events;
    events.reverse();
    events
}

#[tokio::test]
async fn each_start_and_what_follows_names_the_back_end() {
    let backend = TestApp::new().await.account();
    let service = backend.service().await;
    let mut authenticator = Authenticator::new(Profile::security_key());
    backend.app.clock.advance_millis(1);
    backend
        .register(&service, "user-0001", &mut authenticator)
        .await;
    backend.app.clock.advance_millis(1);
    let refused = backend.start(&service, "user-0001").await;
    let lies = Lies {
        user_present: Some(false),
        ..Lies::default()
    };
    let answer = create(&mut Authenticator::default(), &refused, &lies);
    backend.verify(&service, &answer).await.expect(403);
    for lies in [Lies::default(), lies] {
        backend.app.clock.advance_millis(1);
        let challenge = backend
            .challenge(&service, &json!({"identity": "user-0001"}))
            .await;
        let answer = get(&mut authenticator, &challenge, &lies);
        backend.approve(&service, &answer).await;
    }
    let events = events(&backend, &service).await;
    for kind in [
        AuditKind::RegistrationStarted,
        AuditKind::UserCreated,
        AuditKind::CredentialRegistered,
        AuditKind::RegistrationRefused,
        AuditKind::Authenticated,
        AuditKind::AuthenticationRefused,
    ] {
        assert!(events.iter().any(|event| event.kind == kind), "{kind:?}");
    }
    for event in events {
        let actor = (event.actor.kind, event.actor.wire.as_ref());
        let expected = if event.kind == AuditKind::RelyingPartyCreated {
            (ActorKind::Admin, "twilio")
        } else {
            (ActorKind::Api, "twilio")
        };
        assert_eq!(actor, expected, "{:?}", event.kind);
    }
}

#[tokio::test]
async fn the_signals_of_a_ceremony_are_in_the_audit_trail_and_the_log() {
    let log = Log::new();
    let backend = TestApp::new().await.account();
    let service = backend.service().await;
    let factor = backend
        .register(&service, "user-0001", &mut windows())
        .await;
    let logged = log.with_message("registered with a signal");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["level"], "INFO");
    assert_eq!(logged[0]["signal"], "sha1_attestation");
    let credential = logged[0]["credential"].as_str().unwrap();
    assert_eq!(factor["sid"], format!("YF{credential}"));
    let events = events(&backend, &service).await;
    let registered = events
        .iter()
        .find(|event| event.kind == AuditKind::CredentialRegistered);
    assert_eq!(registered.unwrap().signals, "sha1_attestation");

    let mut counting = Authenticator::new(Profile::security_key());
    backend.register(&service, "user-0002", &mut counting).await;
    for sign_count in [100, 99] {
        let challenge = backend.challenge(&service, &json!({})).await;
        let lies = Lies {
            sign_count: Some(sign_count),
            ..Lies::default()
        };
        let answer = get(&mut counting, &challenge, &lies);
        backend.approve(&service, &answer).await.expect(200);
    }
    let logged = log.with_message("signed in with a signal");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["level"], "WARN");
    assert_eq!(logged[0]["signal"], "sign_count_not_increased");
    assert_eq!(
        (&logged[0]["stored"], &logged[0]["received"]),
        (&json!(100), &json!(99))
    );
}

#[tokio::test]
async fn an_event_names_the_address_and_the_api_key_of_the_caller_and_a_sign_in_the_address_alone()
{
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let by = domain::model::audit::Actor::new(ActorKind::Admin, "test");
    let made =
        account
            .app
            .passkeys
            .create_api_key(crate::common::ACCOUNT, "ci", Grant::EVERYTHING, &by);
    let (key, secret) = made.await.unwrap();
    let backend = account
        .with_secret(&format!("SK{}", key.id), secret.reveal())
        .at_address("192.0.2.9");
    let mut authenticator = Authenticator::new(Profile::security_key());
    backend
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let challenge = backend
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let answer = get(&mut authenticator, &challenge, &Lies::default());
    backend.approve(&service, &answer).await;
    let address = Some([192, 0, 2, 9].into());
    let events = events(&backend, &service).await;
    let of = |kind| events.iter().find(|event| event.kind == kind).unwrap();
    let registered = &of(AuditKind::CredentialRegistered).actor;
    assert_eq!(
        (registered.address, registered.api_key),
        (address, Some(key.id))
    );
    let signed_in = &of(AuditKind::Authenticated).actor;
    assert_eq!((signed_in.address, signed_in.api_key), (address, None));
}
