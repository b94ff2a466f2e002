//! The dialect below `/nevisfido/fido2`.

use domain::Reason;
use domain::service::metadata::MetadataTrust;
use serde_json::{Value, json};
use testkit::json::pad;
use testkit::metadata::Service;
use testkit::{Algorithm, Authenticator, Lies, Profile};

use crate::support::{Binding, ORIGIN, lies};

const BASE: &str = "/nevisfido/fido2";
const CALLS: [&str; 5] = [
    "attestation/options",
    "attestation/result",
    "assertion/options",
    "assertion/result",
    "status",
];

async fn post(binding: &Binding, call: &str, body: &Value) -> crate::common::Answer {
    binding
        .stranger()
        .post(&format!("{BASE}/{call}"), body)
        .await
}

/// The session of an answer.
#[track_caller]
fn session(json: &Value) -> &str {
    let session = json["fido2SessionId"].as_str().expect("a session");
    assert_eq!(session.len(), 36, "{session}");
    session
}

async fn status(binding: &Binding, session: &str) -> Value {
    let reply = post(binding, "status", &json!({"fido2SessionId": session})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json
}

async fn registered(binding: &Binding, profile: Profile) -> Authenticator {
    let mut authenticator = Authenticator::new(profile);
    let request = json!({"username": "mira", "displayName": "Mira"});
    let options = post(binding, "attestation/options", &request).await.ok();
    let mut credential = authenticator
        .create(&options, ORIGIN, &Lies::default())
        .unwrap();
    credential["userFriendlyName"] = "Mira's phone".into();
    credential["userAgent"] = "a browser".into();
    let finished = post(binding, "attestation/result", &credential).await.ok();
    assert_eq!(session(&finished), session(&options));
    authenticator
}

#[tokio::test]
async fn other_methods_are_405_another_accept_406_and_another_content_type_415() {
    let binding = Binding::new().await;
    let (accept, kind) = (
        ("accept", "application/json"),
        ("content-type", "application/json"),
    );
    for call in CALLS {
        let path = format!("{BASE}/{call}");
        let send = async |method: &str, headers: &[(&str, &str)]| {
            binding
                .send(method.parse().unwrap(), &path, headers, "{}")
                .await
        };
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let reply = send(method, &[accept, kind]).await;
            assert_eq!(reply.headers["allow"], "POST");
            reply.failed_somehow(405);
        }
        for wrong in [
            "text/html",
            "application/xml, text/*",
            "application/json;q=0",
        ] {
            let reply = send("POST", &[("accept", wrong), kind]).await;
            reply.failed_somehow(406);
        }
        send("POST", &[kind]).await.failed_somehow(406);
        for wrong in ["text/plain", "application/jsonp", "multipart/form-data"] {
            let reply = send("POST", &[accept, ("content-type", wrong)]).await;
            reply.failed_somehow(415);
        }
        send("POST", &[accept]).await.failed_somehow(415);
        for fine in ["application/json", "*/*", "text/html, application/*;q=0.5"] {
            for kind in ["application/json", "Application/JSON; charset=utf-8"] {
                let reply = send("POST", &[("accept", fine), ("content-type", kind)]).await;
                assert!(matches!(reply.status, 200 | 400), "{call}: {reply:?}");
            }
        }
    }
    binding
        .stranger()
        .post("/nevisfido/other", &json!({}))
        .await
        .failed_somehow(404);
}

#[tokio::test]
async fn attestation_options_without_wishes_of_a_registration_are_those_of_an_authentication() {
    let binding = Binding::new().await;
    registered(&binding, Profile::default()).await;
    for request in [
        json!({"username": "mira"}),
        json!({"username": "mira", "userVerification": "required"}),
        json!({}),
    ] {
        let options = post(&binding, "attestation/options", &request).await.ok();
        assert_eq!(options["rpId"], "passkeys.test", "{request}");
        assert!(options.get("pubKeyCredParams").is_none());
        session(&options);
        let named = request.get("username").is_some();
        let allowed = options["allowCredentials"].as_array().unwrap().len();
        assert_eq!(allowed, usize::from(named));
    }
    for request in [
        json!({"username": "nils", "displayName": "Nils"}),
        json!({"username": "nils", "attestation": "none"}),
        json!({"username": "nils", "authenticatorSelection": {}}),
    ] {
        let options = post(&binding, "attestation/options", &request).await.ok();
        assert!(options["pubKeyCredParams"].is_array(), "{request}");
        assert_eq!(options["user"]["name"], "nils");
        session(&options);
    }
}

#[tokio::test]
async fn the_status_is_told_by_either_name_of_the_parameter() {
    let binding = Binding::new().await;
    let request = json!({"username": "mira", "displayName": "Mira"});
    let options = post(&binding, "attestation/options", &request).await.ok();
    let id = session(&options);
    for name in ["fido2SessionId", "sessionId"] {
        let reply = post(&binding, "status", &json!({name: id})).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json["status"], "initialized", "{name}");
        assert_eq!(reply.json["timestamp"], "2026-01-02T03:04:05Z");
        assert_eq!(reply.json["userId"].as_str().unwrap().len(), 36);
        assert_eq!(reply.json["fido2SessionId"], id);
    }
    for unknown in ["", "x", "00112233-4455-6677-8899-aabbccddeeff"] {
        let found = status(&binding, unknown).await;
        assert_eq!(found["status"], "unknown");
        assert!(found.get("userId").is_none());
    }
    for bad in [
        json!({}),
        json!({"sessionId": 7}),
        json!({"session": id}),
        json!([]),
    ] {
        post(&binding, "status", &bad).await.failed_somehow(400);
    }
}

#[tokio::test]
async fn the_status_follows_the_ceremony() {
    let binding = Binding::new().await;
    let mut authenticator = registered(&binding, Profile::default()).await;
    let start = async || {
        let request = json!({"username": "mira"});
        post(&binding, "assertion/options", &request).await.ok()
    };
    let good = start().await;
    let credential = authenticator.get(&good, ORIGIN, &Lies::default()).unwrap();
    let finished = post(&binding, "assertion/result", &credential).await.ok();
    assert_eq!(session(&finished), session(&good));
    assert_eq!(
        status(&binding, session(&good)).await["status"],
        "succeeded"
    );

    let bad = start().await;
    let wrong = lies(|lies| lies.tampered_signature = true);
    let credential = authenticator.get(&bad, ORIGIN, &wrong).unwrap();
    let reply = post(&binding, "assertion/result", &credential).await;
    // What was processed is answered with 200.
    reply.failed_with(200, Reason::SignatureInvalid);
    assert_eq!(session(&reply.json), session(&bad));
    assert_eq!(status(&binding, session(&bad)).await["status"], "failed");

    let late = start().await;
    binding.app.clock.advance_millis(600_001);
    assert_eq!(status(&binding, session(&late)).await["status"], "failed");
}

#[tokio::test]
async fn the_members_of_the_dialect_name_the_credential_and_its_users_agent() {
    let binding = Binding::new().await;
    registered(&binding, Profile::default()).await;
    let request = json!({"username": "mira", "displayName": "Mira"});
    for (member, value) in [
        ("userFriendlyName", json!(7)),
        ("userFriendlyName", json!("x".repeat(65))),
        ("userAgent", json!({})),
        ("getClientExtensionResults", json!([])),
    ] {
        let options = post(&binding, "attestation/options", &request).await.ok();
        let mut credential = Authenticator::default()
            .create(&options, ORIGIN, &Lies::default())
            .unwrap();
        credential[member] = value;
        let reply = post(&binding, "attestation/result", &credential).await;
        reply.failed_with(200, Reason::RequestInvalid);
    }
}

#[tokio::test]
async fn nobody_who_signs_in_without_a_name_needs_one() {
    let binding = Binding::new().await;
    let mut authenticator = registered(&binding, Profile::default()).await;
    let options = post(&binding, "assertion/options", &json!({})).await.ok();
    assert_eq!(options["allowCredentials"], json!([]));
    let nobody = lies(|lies| lies.user_handle = testkit::UserHandle::Null);
    let credential = authenticator.get(&options, ORIGIN, &nobody).unwrap();
    let reply = post(&binding, "assertion/result", &credential).await;
    reply.failed_with(200, Reason::UserHandleMissing);
    let options = post(&binding, "assertion/options", &json!({})).await.ok();
    let credential = authenticator
        .get(&options, ORIGIN, &Lies::default())
        .unwrap();
    post(&binding, "assertion/result", &credential).await.ok();
}

/// The dialect without conformance mode, for the Service of an account.
async fn production() -> Binding {
    let service = Service::new(Algorithm::ES256).unwrap();
    // A Service to serve must be there first: conformance mode makes one, and a second server serves it strictly.
    let binding = Binding::with(service, MetadataTrust::default(), |settings| {
        settings.conformance = true;
    })
    .await;
    binding.strict().await
}

#[tokio::test]
async fn outside_conformance_mode_padding_at_the_end_of_outer_members_does_not_matter() {
    let binding = production().await;
    let mut authenticator = Authenticator::default();
    let request = json!({"username": "mira", "displayName": "Mira"});
    let path = format!("{BASE}/attestation/options");
    let options = binding.account().post(&path, &request).await.ok();
    let mut credential = authenticator
        .create(&options, ORIGIN, &Lies::default())
        .unwrap();
    pad(&mut credential, "id");
    pad(&mut credential, "response.attestationObject");
    assert!(credential["id"].as_str().unwrap().ends_with('='));
    post(&binding, "attestation/result", &credential).await.ok();

    let path = format!("{BASE}/assertion/options");
    let options = binding.account().post(&path, &request).await.ok();
    let mut credential = authenticator
        .get(&options, ORIGIN, &Lies::default())
        .unwrap();
    pad(&mut credential, "rawId");
    pad(&mut credential, "response.signature");
    post(&binding, "assertion/result", &credential).await.ok();
}

#[tokio::test]
async fn outside_conformance_mode_a_ceremony_is_started_with_the_accounts_secret_only() {
    let binding = production().await;
    let request = json!({"username": "mira", "displayName": "Mira"});
    for call in ["attestation/options", "assertion/options", "status"] {
        let body = json!({"username": "mira", "displayName": "Mira", "sessionId": "x"});
        let reply = post(&binding, call, &body).await;
        assert!(reply.headers.contains_key("www-authenticate"));
        reply.failed_with(401, Reason::AccessDenied);
    }
    // The binding itself is not there.
    let reply = binding
        .account()
        .post("/attestation/options", &request)
        .await;
    assert_eq!(reply.status, 404);

    let path = format!("{BASE}/attestation/options");
    let options = binding.account().post(&path, &request).await.ok();
    let offered = options["pubKeyCredParams"].as_array().unwrap();
    assert!(
        offered.iter().all(|p| p["alg"] != -65_535),
        "RS1 is for tools"
    );
    let mut authenticator = Authenticator::default();
    let credential = authenticator.create(&options, ORIGIN, &Lies::default());
    // The page brings the answer, and has no secret.
    let finished = post(&binding, "attestation/result", &credential.unwrap()).await;
    finished.ok();
}

#[tokio::test]
async fn outside_conformance_mode_the_user_must_be_present_and_no_check_is_named() {
    let binding = production().await;
    let request = json!({"username": "mira", "displayName": "Mira"});
    let path = format!("{BASE}/attestation/options");
    let options = binding.account().post(&path, &request).await.ok();
    let mut authenticator = Authenticator::default();
    let credential = authenticator.create(&options, ORIGIN, &Lies::default());
    post(&binding, "attestation/result", &credential.unwrap())
        .await
        .ok();
    let path = format!("{BASE}/assertion/options");
    let options = binding
        .account()
        .post(
            &path,
            &json!({"username": "mira", "extensions": {"example.extension": 1, "uvm": true}}),
        )
        .await
        .ok();
    assert_eq!(options["extensions"], json!({"uvm": true}));
    let absent = lies(|lies| lies.user_present = Some(false));
    let credential = authenticator.get(&options, ORIGIN, &absent).unwrap();
    let reply = post(&binding, "assertion/result", &credential).await;
    let message = reply.failed_with(200, Reason::UserNotPresent);
    assert_eq!(message, "The credential was not accepted.");
}
