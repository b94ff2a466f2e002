//! What the audit trail and the log say about the ceremonies of this wire.

use domain::model::audit::{ActorKind, AuditEvent};
use domain::store::EventFilter;
use serde_json::json;
use testkit::{Authenticator, Lies, Profile};

use crate::common::{Answer, Log, windows};
use crate::support::{Binding, ORIGIN};

async fn events(binding: &Binding) -> Vec<AuditEvent> {
    let found = binding
        .app
        .passkeys
        .find_events(binding.service().await, &EventFilter::default(), 100)
        .await;
    found.unwrap().events
}

async fn register(binding: &Binding, username: &str, device: &mut Authenticator) -> Answer {
    let request = json!({"username": username, "displayName": "Mira"});
    let options = binding
        .account()
        .post("/attestation/options", &request)
        .await
        .ok();
    let credential = device.create(&options, ORIGIN, &Lies::default()).unwrap();
    binding
        .stranger()
        .post("/attestation/result", &credential)
        .await
}

async fn sign_in(
    binding: &Binding,
    username: &str,
    device: &mut Authenticator,
    lies: &Lies,
) -> Answer {
    let request = json!({ "username": username });
    let options = binding
        .account()
        .post("/assertion/options", &request)
        .await
        .ok();
    let credential = device.get(&options, ORIGIN, lies).unwrap();
    binding
        .stranger()
        .post("/assertion/result", &credential)
        .await
}

#[tokio::test]
async fn each_start_names_the_back_end_and_each_result_the_user() {
    let binding = Binding::trusted(|settings| settings.binding = true).await;
    let mut device = Authenticator::default();
    register(&binding, "mira", &mut device).await.ok();
    sign_in(&binding, "mira", &mut device, &Lies::default())
        .await
        .ok();
    let mut found: Vec<_> = events(&binding)
        .await
        .iter()
        .map(|event| {
            (
                event.kind.name(),
                event.actor.kind,
                event.actor.wire.clone(),
            )
        })
        .collect();
    found.sort_by_key(|(kind, ..)| *kind);
    let expected = [
        ("authenticated", ActorKind::User, "fido"),
        ("credential_registered", ActorKind::User, "fido"),
        ("registration_started", ActorKind::Api, "fido"),
        ("relying_party_created", ActorKind::Admin, ""),
        ("user_created", ActorKind::Api, "fido"),
    ]
    .map(|(kind, actor, wire)| (kind, actor, wire.into()));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_signals_of_a_ceremony_are_in_the_audit_trail_and_the_log() {
    let log = Log::new();
    let binding = Binding::trusted(|settings| settings.binding = true).await;
    register(&binding, "mira", &mut windows()).await.ok();
    let logged = log.with_message("registered with a signal");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["signal"], "sha1_attestation");

    let mut counting = Authenticator::new(Profile::security_key());
    register(&binding, "tom", &mut counting).await.ok();
    for sign_count in [100, 99] {
        let lies = Lies {
            sign_count: Some(sign_count),
            ..Lies::default()
        };
        sign_in(&binding, "tom", &mut counting, &lies).await.ok();
    }
    let logged = log.with_message("signed in with a signal");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["signal"], "sign_count_not_increased");

    let events = events(&binding).await;
    for signal in ["sha1_attestation", "sign_count_not_increased"] {
        assert!(
            events.iter().any(|event| event.signals == signal),
            "{signal}"
        );
    }
}
