//! The binding for real users: `fido.binding = true`.

use axum::http::Method;
use domain::Reason;
use serde_json::{Value, json};
use testkit::{Authenticator, Format, Lies, Profile};
use webauthn::attestation::UnknownModels;

use crate::common::{Answer, account_sid, basic};
use crate::support::{Binding, ORIGIN, lies};

const OPTIONS: [&str; 2] = ["/attestation/options", "/assertion/options"];
const RESULTS: [&str; 2] = ["/attestation/result", "/assertion/result"];

async fn for_real_users() -> Binding {
    Binding::trusted(|settings| settings.binding = true).await
}

/// What a back end sends to register somebody; `more` members beside.
fn registration(more: &Value) -> Value {
    let mut request = json!({"username": "mira", "displayName": "Mira"});
    let members = request.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    request
}

/// The back end starts a registration, the page sends the result.
async fn register(
    binding: &Binding,
    device: &mut Authenticator,
    more: &Value,
    lies: &Lies,
) -> Answer {
    let options = binding
        .account()
        .post("/attestation/options", &registration(more))
        .await
        .ok();
    let credential = device.create(&options, ORIGIN, lies).unwrap();
    binding
        .stranger()
        .post("/attestation/result", &credential)
        .await
}

async fn sign_in(binding: &Binding, device: &mut Authenticator, lies: &Lies) -> Answer {
    let options = binding
        .account()
        .post("/assertion/options", &json!({"username": "mira"}))
        .await
        .ok();
    let credential = device.get(&options, ORIGIN, lies).unwrap();
    binding
        .stranger()
        .post("/assertion/result", &credential)
        .await
}

/// An access key of this Service.
async fn access_key(binding: &Binding, service: &str) -> (String, String) {
    let path = format!("/manage/v1/services/{service}/access-keys");
    let made = binding
        .account()
        .post(&path, &json!({"name": "shop"}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |name: &str| made.json[name].as_str().unwrap().to_owned();
    (format!("{path}/{}", text("id")), text("key"))
}

#[tokio::test]
async fn the_back_end_starts_ceremonies_and_the_page_sends_the_results() {
    let binding = for_real_users().await;
    let mut device = Authenticator::default();
    let (none, honest) = (json!({}), Lies::default());
    for processed in [
        register(&binding, &mut device, &none, &honest).await,
        sign_in(&binding, &mut device, &honest).await,
    ] {
        // Without the name any user's result would count for the one that the back end has in mind.
        assert_eq!(
            processed.ok(),
            json!({"status": "ok", "errorMessage": "", "username": "mira"})
        );
    }
}

#[tokio::test]
async fn a_stranger_can_neither_enrol_an_existing_user_nor_see_their_passkeys() {
    let binding = for_real_users().await;
    let (none, honest) = (json!({}), Lies::default());
    let mut device = Authenticator::default();
    register(&binding, &mut device, &none, &honest).await.ok();

    let wrong_secret = basic(&account_sid(), "wrong");
    for path in OPTIONS {
        let request = registration(&none);
        let replies = [
            binding.stranger().post(path, &request).await,
            binding
                .with_authorization(&wrong_secret)
                .post(path, &request)
                .await,
            binding
                .with_authorization("Bearer a.b.c")
                .post(path, &request)
                .await,
            binding
                .with_authorization("Bearer ")
                .post(path, &request)
                .await,
        ];
        for reply in replies {
            reply.failed_with(401, Reason::AccessDenied);
            assert!(reply.headers.contains_key("www-authenticate"));
            assert!(reply.json.get("challenge").is_none(), "{}", reply.json);
        }
    }
}

#[tokio::test]
async fn an_access_key_of_the_service_starts_ceremonies_and_no_other_does() {
    let binding = for_real_users().await;
    let (path, key) = access_key(&binding, &format!("VA{}", binding.service().await)).await;
    let foreign = {
        let account = binding.account();
        let made = account.post("/v2/Services", "FriendlyName=Other").await;
        access_key(&binding, made.text_at("/sid")).await.1
    };
    let start = async |key: &str| {
        let request = registration(&json!({}));
        let back_end = binding.access_key(key);
        back_end.post("/attestation/options", &request).await
    };
    let options = start(&key).await.ok();
    let credential = Authenticator::default()
        .create(&options, ORIGIN, &Lies::default())
        .unwrap();
    binding
        .stranger()
        .post("/attestation/result", &credential)
        .await
        .ok();
    let started = json!({"username": "mira"});
    let back_end = binding.access_key(&key);
    let options = back_end.post("/assertion/options", &started).await;
    options.ok();

    start(&foreign).await.failed_with(401, Reason::AccessDenied);
    let revoked = binding.account().delete(&path).await;
    assert_eq!(revoked.status, 204);
    binding.app.clock.advance_millis(2000);
    start(&key).await.failed_with(401, Reason::AccessDenied);
}

#[tokio::test]
async fn responses_are_judged_by_level_3_and_not_as_tools_want_it() {
    let binding = for_real_users().await;
    let (none, honest) = (json!({}), Lies::default());
    let mut device = Authenticator::default();
    register(&binding, &mut device, &none, &honest).await.ok();
    let absent = lies(|lies| lies.user_present = Some(false));
    let message = sign_in(&binding, &mut device, &absent)
        .await
        .failed(Reason::UserNotPresent);
    assert_eq!(message, "The credential was not accepted.");

    let options = binding
        .account()
        .post("/attestation/options", &registration(&none))
        .await
        .ok();
    let offered = options["pubKeyCredParams"].as_array().unwrap();
    assert!(
        offered.iter().all(|one| one["alg"] != -65535),
        "{offered:?}"
    );
}

#[tokio::test]
async fn a_statement_that_nobody_asked_for_counts_as_absent_where_the_metadata_do_not_know_it() {
    let binding = for_real_users().await;
    let service = binding.service().await;
    binding
        .change(service, |rp| {
            rp.policy.attestation.metadata.unknown_models = UnknownModels::Refuse;
        })
        .await;
    let honest = Lies::default();
    for format in [Format::PackedSelf, Format::PackedX5c] {
        let device = || Authenticator::new(Profile::default().with_format(format));
        for asked in [json!({}), json!({"attestation": "none"})] {
            register(&binding, &mut device(), &asked, &honest)
                .await
                .ok();
        }
        let direct = json!({"attestation": "direct"});
        register(&binding, &mut device(), &direct, &honest)
            .await
            .failed(Reason::MetadataUnavailable);
        // A statement that does not hold is refused all the same.
        let forged = lies(|lies| lies.tampered_signature = true);
        register(&binding, &mut device(), &json!({}), &forged)
            .await
            .failed(Reason::AttestationSignatureInvalid);
    }
    let kept = binding
        .app
        .passkeys
        .user_with_credentials(service, "mira")
        .await;
    let (_, credentials) = kept.unwrap();
    assert_eq!(credentials.len(), 4);
    for credential in credentials {
        assert_eq!(credential.attestation_format, "packed");
        assert_eq!(credential.attestation_type, "none");
        assert_eq!(credential.trust, "none");
    }
}

#[tokio::test]
async fn conformance_mode_takes_a_packed_statement_of_an_unknown_model_when_none_was_asked() {
    let binding = Binding::new().await;
    let mut device = Authenticator::new(Profile::default().with_format(Format::PackedSelf));
    let request = registration(&json!({"attestation": "none"}));
    let options = binding
        .stranger()
        .post("/attestation/options", &request)
        .await
        .ok();
    let credential = device.create(&options, ORIGIN, &Lies::default()).unwrap();
    binding
        .stranger()
        .post("/attestation/result", &credential)
        .await
        .ok();
}

#[tokio::test]
async fn pages_of_configured_origins_may_send_results_from_elsewhere() {
    let binding = for_real_users().await;
    for path in RESULTS {
        let asked = [
            ("origin", ORIGIN),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "content-type, traceparent",
            ),
        ];
        let reply = binding.send(Method::OPTIONS, path, &asked, "").await;
        assert_eq!(reply.status, 204);
        assert_eq!(reply.headers["access-control-allow-origin"], ORIGIN);
        let allowed = &reply.headers["access-control-allow-headers"];
        assert_eq!(allowed, "content-type, traceparent");
        for (name, value) in [("origin", "https://evil.test"), ("origin", "null")] {
            let reply = binding
                .send(Method::OPTIONS, path, &[(name, value)], "")
                .await;
            assert!(!reply.headers.contains_key("access-control-allow-origin"));
        }
        let post = [("origin", ORIGIN), ("content-type", "application/json")];
        let reply = binding.send(Method::POST, path, &post, "{}").await;
        assert_eq!(reply.headers["access-control-allow-origin"], ORIGIN);
        assert_eq!(reply.status, 400);
    }
    for path in OPTIONS {
        let reply = binding
            .send(Method::OPTIONS, path, &[("origin", ORIGIN)], "")
            .await;
        assert_eq!(reply.status, 405);
        assert!(!reply.headers.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn the_dialect_is_served_only_when_it_is_asked_for() {
    let binding = for_real_users().await;
    let path = "/nevisfido/fido2/attestation/options";
    let reply = binding.account().post(path, &json!({})).await;
    assert_eq!(
        (reply.status, reply.json),
        (404, json!({"error": "not_found"}))
    );
}
