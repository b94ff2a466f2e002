//! Settings and lists of the console: those of the Authentication Cloud API, people by the beginning of a name, models in use, and the events of the
//! account.

use domain::model::audit::{Actor, ActorKind, AuditKind};
use domain::model::console::Role;
use domain::store::EventFilter;
use testkit::{Authenticator, Profile};

use crate::common::{ACCOUNT, TestApp, account_sid};
use crate::console_browser::fill;

/// The form of the settings as the defaults fill it in, but for some fields.
fn form(changed: &[(&str, &str)]) -> String {
    let defaults = [
        ("timeout_seconds", "60"),
        ("transaction_seconds", "300"),
        ("status_token_seconds", "600"),
        ("transaction_token_seconds", "600"),
        ("transaction_token_algorithm", "HS512"),
        ("transaction_token_single_use", "no"),
        ("status_token_required", "yes"),
        ("decoy_credentials", "no"),
        ("tell_unknown_credentials", "yes"),
        ("failed_result_status", "200"),
        ("username_rule", "strict"),
        ("max_authenticators", "10"),
        ("android_apps", ""),
        ("apple_apps", ""),
        ("passkey_enroll_url", ""),
        ("passkey_manage_url", ""),
    ];
    let fields = defaults.map(|(name, value)| {
        let changed = changed.iter().find(|(of, _)| *of == name);
        format!("{name}={}", changed.map_or(value, |(_, value)| value))
    });
    fields.join("&")
}

#[tokio::test]
async fn an_operator_changes_the_settings_of_the_authentication_cloud_api() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let (rp, ..) = filled.ids();
    let path = filled.path("/console/services/{service}/authentication-cloud");
    let bob = app.administrator("Bob", Role::Operator).await;
    let same = bob.post(&path, &form(&[])).await;
    assert_eq!(
        same.header("location"),
        Some(&*format!("/prefix{path}?done=nothing"))
    );

    let apps = "com.example.app+".to_owned() + &["AB"; 32].join("%3A");
    let changed = [
        ("timeout_seconds", "120"),
        ("decoy_credentials", "yes"),
        ("transaction_token_algorithm", "ES256"),
        ("android_apps", &apps),
        (
            "passkey_manage_url",
            "https%3A%2F%2Fshop.example%2Fpasskeys",
        ),
    ];
    let saved = bob.save(&path, &form(&changed)).await;
    assert_eq!(
        saved.header("location"),
        Some(&*format!("/prefix{path}?done=saved"))
    );
    // The management API shows the same.
    let shown = app
        .account()
        .get(&format!("/manage/v1/services/{}/nevis", filled.service))
        .await;
    let shown = shown.expect(200);
    assert_eq!(shown["timeout_seconds"], 120);
    assert_eq!(shown["decoy_credentials"], true);
    assert_eq!(shown["transaction_token_algorithm"], "ES256");
    assert_eq!(shown["android_apps"][0]["package_name"], "com.example.app");
    assert_eq!(shown["passkey_manage_url"], "https://shop.example/passkeys");
    // The event has the old and the new values, and who changed them.
    let filter = EventFilter {
        kinds: Some(vec![AuditKind::RelyingPartyUpdated]),
        ..EventFilter::default()
    };
    let found = app.passkeys.find_events(rp, &filter, 1).await.unwrap();
    let [event] = &found.events[..] else {
        unreachable!("one event");
    };
    assert!(event.actor.name.as_deref().unwrap().starts_with("Bob"));
    let told = &event.details.as_ref().unwrap().changes;
    let timeout = told
        .iter()
        .find(|change| change.what.ends_with("timeout_seconds"));
    let timeout = timeout.unwrap();
    assert_eq!(
        (timeout.old.as_deref(), timeout.new.as_deref()),
        (Some("60"), Some("120"))
    );
    // Support looks, and cannot save.
    let eve = app.administrator("Eve", Role::Support).await;
    let page = eve.client.get(&path).await;
    assert!(page.text().contains("value=\"120\"") && !page.text().contains(">Save<"));
    assert_eq!(eve.post(&path, &form(&[])).await.status, 403);
}

#[tokio::test]
async fn a_setting_that_depends_on_another_is_refused_beside_its_field() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let path = filled.path("/console/services/{service}/authentication-cloud");
    let ada = app.administrator("Ada", Role::Owner).await;
    for (field, value, why) in [
        (
            "transaction_seconds",
            "119",
            "This is not between 120 and 600.",
        ),
        (
            "status_token_seconds",
            "299",
            "This is not between 300 and 3600.",
        ),
        ("timeout_seconds", "-1", "Enter a whole number."),
        (
            "failed_result_status",
            "500",
            "This is neither 200 nor 400.",
        ),
        ("apple_apps", "nothing", "This has an app that is not"),
        (
            "android_apps",
            "com.example.app",
            "This has an app whose fingerprints",
        ),
        (
            "passkey_enroll_url",
            "http%3A%2F%2Fshop.example",
            "This is not an https URL",
        ),
    ] {
        let refused = ada.save(&path, &form(&[(field, value)])).await;
        assert_eq!(refused.status, 422, "{field}");
        let text = refused.text();
        let (_, said) = text.split_once(&format!("id=\"{field}-wrong\">")).unwrap();
        assert!(said.starts_with(why), "{field}: {text}");
    }
    let shown = app
        .account()
        .get(&format!("/manage/v1/services/{}/nevis", filled.service))
        .await;
    assert_eq!(shown.expect(200)["transaction_seconds"], 300);
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_their_names() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let (rp, ..) = filled.ids();
    let by = Actor::new(ActorKind::Api, "test");
    let party = app.passkeys.relying_party_itself(rp).await.unwrap();
    for n in 0..60 {
        let name = format!("customer-{n:04}");
        app.passkeys.create_user(&party, &name, &by).await.unwrap();
    }
    for name in ["50%_off", "Customer-0001"] {
        app.passkeys.create_user(&party, name, &by).await.unwrap();
    }
    let eve = app.administrator("Eve", Role::Support).await;
    let people = filled.path("/console/services/{service}/people");
    let search = async |text: &str| eve.client.get(&format!("{people}?q={text}")).await;
    let rows = |page: &str| page.matches("<tr><td><a href=").count();

    let found = search("customer-000").await;
    assert_eq!(rows(found.text()), 10);
    assert!(
        found
            .text()
            .contains("Identities that begin like this: 10.")
    );
    assert!(!found.text().contains("Customer-0001"));
    let more = search("cust").await;
    assert_eq!(rows(more.text()), 50);
    assert!(
        more.text()
            .contains("The first 50 identities that begin like this. There are more")
    );
    // A whole identity leads to the person.
    let whole = search("customer-0007").await;
    assert_eq!(whole.status, 303);
    // No character is a pattern.
    for (text, found) in [
        ("50%25", 1),
        ("50%25_", 1),
        ("%25%25", 0),
        ("__", 0),
        ("cu%25", 0),
        ("50%00", 0),
        ("%F4%8F%BF%BF%F4%8F%BF%BF", 0),
    ] {
        let page = search(text).await;
        assert_eq!(page.status, 200, "{text}");
        assert_eq!(rows(page.text()), found, "{text}");
    }
    let short = search("c").await;
    assert_eq!(rows(short.text()), 0);
    assert!(short.text().contains("Enter at least 2 characters"));
}

#[tokio::test]
async fn support_sees_which_models_the_passkeys_of_an_account_have() {
    let app = TestApp::new().await;
    let eve = app.administrator("Eve", Role::Support).await;
    let nothing = eve.client.get("/console/metadata/in-use").await;
    assert!(nothing.text().contains("They have no passkeys."));
    let filled = fill(&app).await;
    let account = app.account();
    let service = format!("/v2/Services/{}", filled.service);
    let mut phone = Authenticator::new(Profile::default());
    account.register(&service, "bob-00001", &mut phone).await;
    let page = eve.client.get("/console/metadata/in-use").await;
    let text = page.text();
    assert!(text.contains("Looked at 2 people of 1 Service."), "{text}");
    let (_, row) = text.split_once("<tbody><tr>").unwrap();
    assert!(row.contains("<td>2</td>"), "{text}");
    // Another account has none of them.
    let by = Actor::new(ActorKind::Admin, "");
    let (other, _) = app.passkeys.create_account(&by).await.unwrap();
    let path = format!("/console/metadata/in-use?account=AC{}", other.id);
    let page = eve.client.get(&path).await;
    assert!(page.text().contains("They have no passkeys."));
}

#[tokio::test]
async fn an_owner_reads_the_events_of_the_account() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let path = format!("/console/accounts/{}/events", account_sid());
    for from in [
        "/console/services",
        &*filled.path("/console/services/{service}/ceremonies"),
    ] {
        let page = ada.client.get(from).await;
        assert!(
            page.text().contains(&format!("href=\"/prefix{path}\"")),
            "{from}"
        );
    }
    let key = "name=shop&read=on&enrol=on&approve=on&manage=on";
    let keys = format!("/console/accounts/{}/keys", account_sid());
    ada.post(&keys, key).await;
    let page = ada.client.get(&path).await;
    assert!(
        page.text().contains("API key created, by Ada"),
        "{}",
        page.text()
    );
    // Older ones follow on further pages.
    let by = Actor::new(ActorKind::Admin, "");
    for _ in 0..60 {
        app.clock.advance_millis(1);
        app.passkeys
            .reset_account_token(ACCOUNT, &by)
            .await
            .unwrap();
    }
    let page = ada.client.get(&path).await;
    let (_, older) = page.text().split_once("/events?after=").unwrap();
    let (after, _) = older.split_once('"').unwrap();
    let older = ada.client.get(&format!("{path}?after={after}")).await;
    assert!(older.text().contains("API key created, by Ada"));
    let bob = app.administrator("Bob", Role::Operator).await;
    assert_eq!(bob.client.get(&path).await.status, 403);
    let list = bob.client.get("/console/services").await;
    assert!(!list.text().contains(&path));
    let nothing = format!("/console/accounts/AC{}/events", "0".repeat(32));
    assert_eq!(ada.client.get(&nothing).await.status, 404);
}
