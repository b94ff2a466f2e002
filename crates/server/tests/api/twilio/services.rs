//! `/v2/Services`.

use serde_json::{Value, json};

use crate::common::TestApp;
use crate::support::CONFIGURED;

#[tokio::test]
async fn a_created_service_shows_every_member_of_the_contract() {
    let account = TestApp::new().await.account();
    let service = account.post("/v2/Services", CONFIGURED).await.expect(201);
    insta::assert_json_snapshot!(service);
    let url = service["url"].clone();
    assert_eq!(account.follow(&url).await.expect(200), service);
}

#[tokio::test]
async fn an_unconfigured_service_shows_nulls() {
    let account = TestApp::new().await.account();
    let service = account
        .post("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    assert_eq!(
        service["passkeys"],
        json!({"relying_party": {"id": null, "name": null, "origins": null},
            "authenticator_attachment": null, "discoverable_credentials": null, "user_verification": null})
    );
    assert_eq!(service["tts_name"], Value::Null);
    assert_eq!(service["code_length"], 6);
}

#[tokio::test]
async fn the_body_that_both_sdks_send_is_understood() {
    let account = TestApp::new().await.account();
    let captured = "FriendlyName=Acme&LookupEnabled=true&Passkeys.RelyingParty.Id=acme.test&Passkeys.RelyingParty.Name=Acme&Passkeys.RelyingParty.Origins=https%3A%2F%2Facme.test%2Chttps%3A%2F%2Flogin.acme.test&Passkeys.AuthenticatorAttachment=platform&Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
    let service = account.post("/v2/Services", captured).await.expect(201);
    assert_eq!(service["lookup_enabled"], true);
    assert_eq!(
        service["passkeys"],
        json!({"relying_party": {"id": "acme.test", "name": "Acme", "origins": ["https://acme.test", "https://login.acme.test"]},
            "authenticator_attachment": "platform", "discoverable_credentials": "preferred", "user_verification": "preferred"})
    );
}

#[tokio::test]
async fn origins_come_as_repeated_keys_too_and_names_in_any_case() {
    let account = TestApp::new().await.account();
    let form = "friendlyname=A&Passkeys.RelyingParty.id=a.test&Passkeys.RelyingParty.origins=https%3A%2F%2Fa.test&Passkeys.RelyingParty.Origins=www.a.test";
    let service = account.post("/v2/Services", form).await.expect(201);
    let party = &service["passkeys"]["relying_party"];
    assert_eq!(party["id"], "a.test");
    assert_eq!(
        party["origins"],
        json!(["https://a.test", "https://www.a.test"])
    );
}

/// What apps and browser extensions write as their origin, and pages of this machine.
const HONEST_ORIGINS: [&str; 15] = [
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "app://localhost",
    "app://-",
    "http://tauri.localhost",
    "http://prod.abc.localhost:8080",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://00000000-0000-4000-8000-000000000000",
    "moz-extension://abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop",
    "safari-web-extension://00000000-0000-4000-8000-00000000000A",
    "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw",
    "ios:bundle-id:test.acme.App",
];

#[tokio::test]
async fn origins_of_apps_extensions_and_this_machine_are_kept_as_they_are_written() {
    let account = TestApp::new().await.account();
    for origin in HONEST_ORIGINS {
        let form = format!(
            "FriendlyName=A&Passkeys.RelyingParty.Id=acme.test&Passkeys.RelyingParty.Origins={origin}"
        );
        let service = account.post("/v2/Services", &form).await.expect(201);
        let party = &service["passkeys"]["relying_party"];
        assert_eq!(party["origins"], json!([origin]));
        let url = service["url"].clone();
        assert_eq!(account.follow(&url).await.expect(200), service);
    }
}

#[tokio::test]
async fn an_rp_id_that_no_browser_can_use_is_refused_on_create_and_on_change() {
    let account = TestApp::new().await.account();
    let with = |rp_id: &str, origins: &str| {
        format!(
            "FriendlyName=A&Passkeys.RelyingParty.Id={rp_id}&Passkeys.RelyingParty.Origins={origins}"
        )
    };
    let service = account.service().await;
    for (rp_id, origins, code, reason) in [
        ("com", "https://example.com", 60372, "rp_id_public_suffix"),
        (
            "co.uk",
            "https://example.co.uk",
            60372,
            "rp_id_public_suffix",
        ),
        (
            "github.io",
            "https://alice.github.io",
            60372,
            "rp_id_public_suffix",
        ),
        ("com", "", 60372, "rp_id_public_suffix"),
        (
            "acme.test",
            "https://other.test",
            60371,
            "origins_outside_rp_id",
        ),
        (
            "login.acme.test",
            "https://acme.test",
            60371,
            "origins_outside_rp_id",
        ),
        (
            "acme.test",
            "https://evil-acme.test",
            60371,
            "origins_outside_rp_id",
        ),
    ] {
        let form = with(rp_id, origins);
        for path in ["/v2/Services", &service] {
            let error = account.post(path, &form).await.refused(400, code);
            assert_eq!(error["details"]["reason"], reason, "{error}");
            let message = error["details"]["message"].as_str().unwrap();
            assert!(message.contains(rp_id), "{error}");
            let member = error["details"]["members"][0].as_str().unwrap();
            let expected = if code == 60372 {
                "relying_party.id"
            } else {
                "relying_party.origins"
            };
            assert_eq!(member, expected, "{error}");
        }
    }
    // Nothing was changed.
    let shown = account.get(&service).await.expect(200);
    assert_eq!(shown["passkeys"]["relying_party"]["id"], "acme.test");
    for (rp_id, origins) in [
        ("alice.github.io", "https://alice.github.io"),
        ("localhost", "http://localhost:3000"),
        // The second is a related origin, or else of no use: a warning in the log.
        ("acme.test", "https://acme.test,https://other.test"),
    ] {
        account
            .post("/v2/Services", &with(rp_id, origins))
            .await
            .expect(201);
    }
}

#[tokio::test]
async fn rp_id_and_origins_may_be_configured_one_after_the_other_and_changed_together() {
    let account = TestApp::new().await.account();
    let service = account.post("/v2/Services", "FriendlyName=A").await;
    let service = format!("/v2/Services/{}", service.text_at("/sid"));
    let (id, origins) = (
        "Passkeys.RelyingParty.Id=acme.test",
        "Passkeys.RelyingParty.Origins=https://login.acme.test",
    );
    account.post(&service, id).await.expect(200);
    account.post(&service, origins).await.expect(200);
    // Alone neither fits the other one that is there.
    let (id, origins) = (
        "Passkeys.RelyingParty.Id=other.test",
        "Passkeys.RelyingParty.Origins=https://other.test",
    );
    account.post(&service, id).await.refused(400, 60371);
    account.post(&service, origins).await.refused(400, 60371);
    let both = format!("{id}&{origins}");
    account.post(&service, &both).await.expect(200);
}

#[tokio::test]
async fn a_refused_origin_is_told_its_true_fault_and_the_text_to_write() {
    let account = TestApp::new().await.account();
    for (origin, told) in [
        (
            "http://localhost:3100/",
            "no slash at the end, no path, no query; write http://localhost:3100",
        ),
        (
            "https://Acme.test",
            "scheme and host in lower case; write https://acme.test",
        ),
        (
            "https://b%C3%BCcher.example",
            "in its punycode form; write https://xn--bcher-kva.example",
        ),
        (
            "https://ada@acme.test",
            "no user name and no password; write https://acme.test",
        ),
        ("https://*.acme.test", "no wildcard"),
        ("chrome-extension://*", "no wildcard"),
        (
            "https://acme.test:443",
            "default port of the scheme; write https://acme.test",
        ),
        (
            "acme.test:443",
            "default port of the scheme; write https://acme.test",
        ),
        ("http://acme.test", "use https; write https://acme.test"),
        ("null", "every sandboxed frame"),
        ("ftp://acme.test", "the scheme is none of"),
        ("chrome-extension:abc", "begins with its scheme"),
        ("chrome-extension://abc", "32 letters from a to p"),
        (
            "https://a.test https://b.test",
            "separate several origins with commas",
        ),
    ] {
        let form = format!("FriendlyName=A&Passkeys.RelyingParty.Origins={origin}");
        let error = account
            .post("/v2/Services", &form)
            .await
            .refused(400, 60371);
        let message = error["details"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(told), "{origin}: {error}");
    }
}

#[tokio::test]
async fn an_update_keeps_what_is_absent_and_clears_what_is_empty() {
    let account = TestApp::new().await.account();
    let path = account.service().await;
    let before = account.get(&path).await.expect(200);
    account.app.clock.advance_millis(5_000);

    // Node sends an update without arguments as an empty body.
    let reply = account
        .request(axum::http::Method::POST, &path)
        .empty()
        .await;
    assert_eq!(reply.expect(200), before);

    let after = account
        .post(&path, "Passkeys.UserVerification=required")
        .await
        .expect(200);
    let mut expected = before.clone();
    expected["passkeys"]["user_verification"] = json!("required");
    expected["date_updated"] = json!("2026-01-02T03:04:10Z");
    assert_eq!(after, expected);
    assert_eq!(account.get(&path).await.expect(200), expected);

    let form = "Passkeys.UserVerification=&Passkeys.RelyingParty.Origins=&Passkeys.RelyingParty.Id=&TtsName=";
    let after = account.post(&path, form).await.expect(200);
    assert_eq!(after["passkeys"]["user_verification"], Value::Null);
    assert_eq!(
        after["passkeys"]["relying_party"],
        json!({"id": null, "name": "Acme", "origins": null})
    );
}

#[tokio::test]
async fn settings_of_other_channels_are_kept_and_shown() {
    let account = TestApp::new().await.account();
    let path = account.service().await;
    let hex = "0123456789abcdef0123456789ABCDEF";
    let form = format!(
        "CodeLength=8&Psd2Enabled=true&SkipSmsToLandlines=True&DtmfInputRequired=false&TtsName=Acme+Ltd&DoNotShareWarningEnabled=true&CustomCodeEnabled=true&VerifyEventSubscriptionEnabled=true&DefaultTemplateSid=HJ{hex}&Whatsapp.MsgServiceSid=MG{hex}&Whatsapp.From=%2B1&Push.IncludeDate=true&Push.ApnCredentialSid=CR{hex}&Push.FcmCredentialSid=CR{hex}&Totp.Issuer=Acme&Totp.TimeStep=60&Totp.CodeLength=8&Totp.Skew=0&Unknown=ignored"
    );
    let service = account.post(&path, &form).await.expect(200);
    insta::assert_json_snapshot!(service);
    assert_eq!(account.get(&path).await.expect(200), service);
}

#[tokio::test]
async fn a_bad_parameter_is_named_and_nothing_is_changed() {
    let account = TestApp::new().await.account();
    let path = account.service().await;
    let before = account.get(&path).await.expect(200);
    for (form, code, named) in [
        ("FriendlyName=", 60200, "FriendlyName"),
        (
            &*format!("FriendlyName={}", "x".repeat(65)),
            60200,
            "FriendlyName",
        ),
        ("FriendlyName=a%0Ab", 60200, "FriendlyName"),
        ("CodeLength=3", 60200, "CodeLength"),
        ("CodeLength=eleven", 60200, "CodeLength"),
        ("LookupEnabled=yes", 60200, "LookupEnabled"),
        ("Totp.TimeStep=61", 60200, "Totp.TimeStep"),
        ("Push.ApnCredentialSid=CR1", 60200, "Push.ApnCredentialSid"),
        (
            "Passkeys.UserVerification=maybe",
            60200,
            "Passkeys.UserVerification",
        ),
        (
            "Passkeys.AuthenticatorAttachment=crossplatform",
            60200,
            "Passkeys.AuthenticatorAttachment",
        ),
        (
            "Passkeys.RelyingParty.Id=https%3A%2F%2Facme.test",
            60372,
            "relying_party.id",
        ),
        (
            "Passkeys.RelyingParty.Id=acme.test%3A443",
            60372,
            "relying_party.id",
        ),
        (
            "Passkeys.RelyingParty.Origins=https%3A%2F%2Facme.test%2F",
            60371,
            "relying_party.origins",
        ),
        // The good parameter beside the bad one is not taken either.
        ("FriendlyName=Other&CodeLength=99", 60200, "CodeLength"),
    ] {
        let error = account.post(&path, form).await.refused(400, code);
        assert_eq!(error["details"]["members"], json!([named]), "{form}");
        if code == 60200 {
            assert_eq!(
                error["message"],
                format!("Invalid parameter: {named}"),
                "{form}"
            );
        }
        assert_eq!(account.get(&path).await.expect(200), before, "{form}");
    }
    let error = account
        .post("/v2/Services", "CodeLength=6")
        .await
        .refused(400, 20001);
    assert_eq!(
        error["message"],
        "Missing required parameter FriendlyName in the post body"
    );
}

#[tokio::test]
async fn a_deleted_service_takes_everything_with_it() {
    let account = TestApp::new().await.account();
    let path = account.service().await;
    account
        .post(&format!("{path}/Entities"), "Identity=user-0001")
        .await
        .expect(201);
    let reply = account.delete(&path).await;
    assert_eq!((reply.status, reply.bytes.len()), (204, 0));
    let error = account.get(&path).await.refused(404, 20404);
    assert_eq!(
        error["message"],
        format!("The requested resource {path} was not found")
    );
    account
        .get(&format!("{path}/Entities/user-0001"))
        .await
        .refused(404, 20404);
    account.delete(&path).await.refused(404, 20404);
    account
        .post(&path, "FriendlyName=x")
        .await
        .refused(404, 20404);
}

#[tokio::test]
async fn a_service_sid_is_read_in_either_case_and_refused_when_malformed() {
    let account = TestApp::new().await.account();
    let path = account.service().await;
    let upper = format!(
        "/v2/Services/VA{}",
        path["/v2/Services/VA".len()..].to_uppercase()
    );
    assert_eq!(
        account.get(&upper).await.expect(200)["url"],
        account.get(&path).await.expect(200)["url"]
    );
    for bad in ["VA123", "YEabababababababababababababababab", "x", "%FF"] {
        let status = account.get(&format!("/v2/Services/{bad}")).await.status;
        assert_eq!(status, if bad == "%FF" { 404 } else { 400 }, "{bad}");
    }
    account.get("/v2/Services/VA123").await.refused(400, 60363);
    let unknown = format!("/v2/Services/VA{}", "0".repeat(32));
    account.get(&unknown).await.refused(404, 20404);
}
