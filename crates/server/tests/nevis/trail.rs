//! What the audit trail and the log say about the ceremonies of this wire.

use domain::model::audit::AuditKind;
use domain::model::ids::RelyingPartyId;
use domain::service::transfer::History;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

use crate::common::{Log, windows};
use crate::support::{Service, assertion, attestation};

/// `event` and `actorType` of each line of the export, oldest first, but for the events of the set-up.
async fn who_did_what(service: &Service) -> Vec<(String, String)> {
    let rows = service.log("").await;
    let at = |name: &str| rows[0].iter().position(|n| n == name).unwrap();
    let (event, actor) = (at("event"), at("actorType"));
    rows[1..]
        .iter()
        .rev()
        .map(|row| (row[event].clone(), row[actor].clone()))
        .filter(|(event, _)| !event.starts_with("relying_party") && !event.starts_with("access"))
        .collect()
}

#[tokio::test]
async fn each_start_and_what_follows_names_its_actor() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.app.clock.advance_millis(1);
    let enrolled = service.enroll("ada").await;
    service.app.clock.advance_millis(1);
    service.attest(&mut authenticator, &enrolled).await.token();
    service.app.clock.advance_millis(1);
    let approval = service.approve(Some("ada")).await;
    service.assert(&mut authenticator, &approval).await.token();
    // A browser that begins with an intent token.
    service.app.clock.advance_millis(1);
    let intent = service
        .intent(&json!({"operation": "enroll", "username": "bob"}))
        .await;
    let call = service
        .stranger()
        .request(axum::http::Method::POST, "/api/v1/users/enroll");
    let enrolled = call
        .bearer(&intent)
        .json(&json!({"username": "bob", "displayName": "Bob", "channel": "fido2"}))
        .await
        .expect(201);
    service.app.clock.advance_millis(1);
    let mut other = Authenticator::default();
    service.attest(&mut other, &enrolled).await.token();
    let mut expected = [
        ("registration_started", "api"),
        ("user_created", "api"),
        ("credential_registered", "user"),
        ("authenticated", "user"),
        ("registration_started", "user"),
        ("user_created", "user"),
        ("credential_registered", "user"),
    ]
    .map(|(event, actor)| (event.to_owned(), actor.to_owned()));
    let mut found = who_did_what(&service).await;
    // The two events of a start happen at the same moment.
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_signals_of_a_ceremony_are_in_the_export_and_the_log() {
    let log = Log::new();
    let service = Service::new().await;
    service.register("ada", &mut windows()).await;
    let logged = log.with_message("registered with a signal");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["signal"], "sha1_attestation");

    let mut counting = Authenticator::new(Profile::security_key());
    service.register("bob", &mut counting).await;
    for sign_count in [100, 99] {
        let approval = service.approve(Some("bob")).await;
        let lies = Lies {
            sign_count: Some(sign_count),
            ..Lies::default()
        };
        let answer = assertion(&mut counting, &approval, &lies);
        service
            .page()
            .post("/_app/assertion/result", &answer)
            .await
            .token();
    }
    let logged = log.with_message("signed in with a signal");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["level"], "WARN");
    assert_eq!(logged[0]["signal"], "sign_count_not_increased");
    let app = &service.app;
    let counted = app.metrics.text(&app.passkeys, &app.lifecycle).await;
    let counted = String::from_utf8(counted.unwrap()).unwrap();
    for (labels, count) in [
        (r#"kind="registration",signal="sha1_attestation""#, 1),
        (
            r#"kind="authentication",signal="sign_count_not_increased""#,
            1,
        ),
        (r#"kind="authentication",signal="backup_state_changed""#, 0),
    ] {
        let sample = format!("passkeyd_ceremony_signals_total{{{labels}}} {count}\n");
        assert!(counted.contains(&sample), "{sample}");
    }

    let rows = service.log("").await;
    for (event, signal) in [
        ("credential_registered", "sha1_attestation"),
        ("authenticated", "sign_count_not_increased"),
    ] {
        let mut rows = rows.iter();
        let row = rows.find(|row| {
            row.iter().any(|text| text == event) && row.iter().any(|text| text == signal)
        });
        assert!(row.is_some(), "{event}");
    }
}

#[tokio::test]
async fn a_result_without_the_status_token_leaves_a_mark_in_the_trail() {
    let service = Service::new().await;
    service
        .choose(json!({"status_token_required": false}))
        .await;
    let mut authenticator = Authenticator::default();
    let send = async |path: &str, mut body: Value, bound: bool| {
        service.app.clock.advance_millis(1);
        if !bound {
            body.as_object_mut().unwrap().remove("statusToken");
        }
        service.page().post(path, &body).await
    };
    let enrolled = service.enroll("ada").await;
    let body = attestation(&mut authenticator, &enrolled, &Lies::default());
    send("/_app/attestation/result", body, false).await.token();
    let foreign = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    for bound in [true, false] {
        for lies in [&Lies::default(), &foreign] {
            let approval = service.approve(Some("ada")).await;
            let body = assertion(&mut authenticator, &approval, lies);
            send("/_app/assertion/result", body, bound)
                .await
                .expect(200);
        }
    }
    let mut events = Vec::new();
    let mut at = History::default();
    let id = RelyingPartyId::from_hex(&service.sid[2..]).unwrap();
    loop {
        let found = service.app.passkeys.next_events(id, &mut at).await.unwrap();
        if found.is_empty() {
            break;
        }
        events.extend(found);
    }
    let ends = [
        AuditKind::CredentialRegistered,
        AuditKind::Authenticated,
        AuditKind::AuthenticationRefused,
    ];
    let marks = events
        .iter()
        .rev()
        .filter(|event| ends.contains(&event.kind));
    let marks: Vec<_> = marks
        .map(|event| (event.kind, event.signals.as_str()))
        .collect();
    let absent = "status_token_absent";
    assert_eq!(
        marks,
        [
            (ends[0], absent),
            (ends[1], ""),
            (ends[2], ""),
            (ends[1], absent),
            (ends[2], absent),
        ]
    );
}
