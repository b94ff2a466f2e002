//! `/manage/v1/services/{VA}/relying-party`.

use serde_json::{Value, json};

use crate::common::{Client, Log, TestApp};

async fn view(account: &Client, rp_id: &str, origins: &str) -> Value {
    let form = format!(
        "FriendlyName=A&Passkeys.RelyingParty.Id={rp_id}&Passkeys.RelyingParty.Name=Acme\
         &Passkeys.RelyingParty.Origins={origins}"
    );
    let made = account.post("/v2/Services", &form).await;
    let path = format!("/manage/v1/services/{}/relying-party", made.text_at("/sid"));
    account.get(&path).await.expect(200)
}

#[tokio::test]
async fn it_shows_what_is_configured_and_which_origins_browsers_will_refuse() {
    let log = Log::new();
    let account = TestApp::new().await.account();
    let good = view(&account, "acme.test", "https://acme.test").await;
    assert_eq!(
        good,
        json!({"rp_id": "acme.test", "name": "Acme", "origins": ["https://acme.test"], "warnings": []})
    );
    let logged = || log.with_message("some origins cannot use the RP ID");
    assert_eq!(logged(), Vec::<Value>::new());

    let origins = "https://acme.test,https://acme.example,http://localhost:3000";
    let odd = view(&account, "acme.test", origins).await;
    let warnings: Vec<_> = odd["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| (warning["warning"].clone(), warning["origins"].clone()))
        .collect();
    assert_eq!(
        warnings,
        [
            (
                json!("related_origins_needed"),
                json!(["https://acme.example"])
            ),
            (json!("localhost_mixed"), json!(["http://localhost:3000"])),
        ]
    );
    let message = odd["warnings"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("https://acme.test/.well-known/webauthn"),
        "{message}"
    );
    // The log has names and numbers, and nothing that the client sent.
    let lines = logged();
    let named: Vec<_> = lines
        .iter()
        .map(|line| (&line["warning"], &line["origins"]))
        .collect();
    assert_eq!(
        named,
        [
            (&json!("related_origins_needed"), &json!(1)),
            (&json!("localhost_mixed"), &json!(1)),
        ]
    );
    assert!(lines.iter().all(|line| line["level"] == "WARN"));
    assert!(!format!("{lines:?}").contains("acme"));

    // What is not there yet.
    let empty = view(&account, "", "").await;
    assert_eq!(
        empty,
        json!({"rp_id": null, "name": "Acme", "origins": null, "warnings": []})
    );
}

#[tokio::test]
async fn strangers_do_not_see_it() {
    let app = TestApp::new().await;
    let made = app.account().post("/v2/Services", "FriendlyName=A").await;
    let path = format!("/manage/v1/services/{}/relying-party", made.text_at("/sid"));
    app.stranger().get(&path).await.expect(401);
    let other = format!("/manage/v1/services/VA{}/relying-party", "0".repeat(32));
    app.account().get(&other).await.expect(404);
}
