//! The console, as a browser uses it.

use axum::http::Method;
use domain::model::audit::{Actor, ActorKind, AuditKind};
use domain::model::console::Role;
use domain::model::ids::RelyingPartyId;
use domain::model::notice::DeliveryState;
use domain::service::deliveries::Attempt;
use domain::store::EventFilter;
use serde_json::{Value, json};
use server::console::{Needs, routes};
use testkit::{Authenticator, Lies, Profile};

use crate::common::{ACCOUNT, Client, FORM, PUBLIC_URL, TestApp};
use crate::console_browser::*;
use crate::support::{create, get};

#[tokio::test]
async fn an_administrator_signs_in_with_a_passkey_and_out_again() {
    let app = TestApp::new().await;
    let mut ada = app.administrator("Ada", Role::Owner).await;
    let again = ada.sign_in(&app.browser()).await;
    assert_eq!(again.json["to"], "/prefix/console/health");
    let client = signed_in(&app.browser(), &again);
    let page = client.get("/console/health").await;
    assert_eq!(page.status, 200);
    let guide = format!("href=\"{PUBLIC_URL}/docs/support\"");
    assert!(page.text().contains(&guide), "{}", page.text());
    is_clean(&page, "health");
    let form = format!("form_token={}", form_token(&page));
    let out = client.post("/console/sign-out", &form).await;
    assert!(is_led_to_sign_in(&out));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    // Another application may have the same origin: its storage stays.
    assert_eq!(out.header("clear-site-data"), Some("\"cache\""));
    // The session has ended, not only its cookie.
    assert!(is_led_to_sign_in(&client.get("/console/health").await));
    // The other one goes on, and ends by itself.
    assert_eq!(ada.client.get("/console/").await.status, 200);
    app.clock.advance_millis(30 * 60_000);
    assert!(is_led_to_sign_in(&ada.client.get("/console/").await));
}

#[tokio::test]
async fn nothing_leads_out_of_the_console_after_a_sign_in() {
    let app = TestApp::new().await;
    let mut ada = app.administrator("Ada", Role::Owner).await;
    for next in [
        "https://evil.test/",
        "//evil.test",
        "/console/\\evil",
        "/console/sign-in",
        "/v2",
        "/console/a b",
    ] {
        let path = format!("/console/sign-in?next={}", next.replace('/', "%2F"));
        let page = app.browser().get(&path.replace(' ', "%20")).await;
        assert!(page.text().contains("name=\"next\" value=\"\""), "{next}");
    }
    let answer = ada.sign_in(&app.browser()).await;
    assert!(
        answer.json["to"]
            .as_str()
            .unwrap()
            .starts_with("/prefix/console/")
    );
}

#[tokio::test]
async fn each_route_is_open_to_its_role_and_to_nobody_else() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let mut browsers = Vec::new();
    for role in Role::ALL {
        browsers.push((*role, app.administrator(role.name(), *role).await));
    }
    let stranger = app.browser();
    let mut walked = 0;
    for route in routes() {
        let path = filled.path(route.path);
        let method: Method = route.method.parse().unwrap();
        let call = |client: &Client| client.request(method.clone(), &path);
        if route.method == "POST" {
            // Another site, and one that says nothing of itself.
            let other = app.stranger().with("origin", "https://evil.test");
            let cross = stranger.with("sec-fetch-site", "cross-site");
            for client in [&other, &cross, &app.stranger()] {
                let answer = call(client).body(FORM, "").await;
                assert_eq!(answer.status, 403, "{path}");
            }
        }
        let Needs::Role(needed) = route.needs else {
            continue;
        };
        walked += 1;
        let answer = call(&stranger).body(FORM, "").await;
        assert!(is_led_to_sign_in(&answer), "{path}: {}", answer.status);
        for (role, browser) in &browsers {
            let answer = if route.method == "GET" {
                call(&browser.client).empty().await
            } else {
                // Without the token of the form nothing is done.
                let answer = call(&browser.client).body(FORM, "x=1").await;
                assert_eq!(answer.status, 403, "{path}");
                if route.path.ends_with("sign-out") {
                    continue;
                }
                browser.post(&path, "name=&role=x").await
            };
            is_clean(&answer, &path);
            if *role < needed {
                assert_eq!(answer.status, 403, "{path} as {role:?}");
                assert!(answer.text().contains(needed.name()), "{path}");
            } else {
                assert!(answer.status < 500, "{path} as {role:?}: {}", answer.text());
                assert_ne!(answer.status, 403, "{path} as {role:?}: {}", answer.text());
            }
        }
    }
    assert!(walked > 30, "{walked}");
}

/// All fields of the settings of a Service.
const SETTINGS: &str = "name=Acme&rp_id=acme.test&rp_name=&origins=https%3A%2F%2Facme.test&attachment=any\
                        &resident_key=preferred&user_verification=preferred";

#[tokio::test]
async fn a_field_that_comes_twice_changes_nothing() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let service = format!("/console/services/{}", filled.service);
    let before = ada.client.get(&service).await.text().to_owned();
    let twice = ada.post(&service, &format!("{SETTINGS}&name=Other")).await;
    assert_eq!(twice.status, 400);
    assert!(twice.text().contains("The form has a field twice."));
    assert_eq!(ada.client.get(&service).await.text(), before);
}

#[tokio::test]
async fn what_cannot_be_is_said_beside_its_field_and_changes_nothing() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let service = format!("/console/services/{}", filled.service);
    let before = ada.client.get(&service).await.text().to_owned();
    for (path, fields, said) in [
        (
            "/console/services/new".to_owned(),
            "name=".to_owned(),
            "name-wrong",
        ),
        (
            "/console/services/new".to_owned(),
            format!(
                "account=AC{ACCOUNT}&{}",
                SETTINGS
                    .replace("rp_id=acme.test", "rp_id=com")
                    .replace("https%3A%2F%2Facme.test", "")
            ),
            "rp_id-wrong",
        ),
        (
            service.clone(),
            "name=x&rp_id=a+b".to_owned(),
            "rp_id-wrong",
        ),
        (
            service.clone(),
            SETTINGS.replace("%2F%2Facme.test", "%2F%2Fother.test"),
            "origins-wrong",
        ),
        (
            service.clone(),
            "name=x&rp_id=acme.test&origins=ftp%3A%2F%2Fx".to_owned(),
            "origins-wrong",
        ),
        (
            service.clone(),
            SETTINGS.replace("attachment=any", "attachment=x"),
            "attachment-wrong",
        ),
        (
            service.clone(),
            SETTINGS.replace("&rp_id=acme.test", ""),
            "rp_id-wrong",
        ),
        (
            format!("{service}/policy"),
            "max_credentials=0&action=save".to_owned(),
            "max-wrong",
        ),
        (
            format!("{service}/delete"),
            "confirm=x".to_owned(),
            "confirm-wrong",
        ),
        (
            format!("{service}/keys"),
            "name=x".to_owned(),
            "scopes-wrong",
        ),
        (
            "/console/explorer".to_owned(),
            "case=%7B%7D".to_owned(),
            "case-wrong",
        ),
    ] {
        let answer = ada.save(&path, &fields).await;
        assert_eq!(answer.status, 422, "{path} {fields}: {}", answer.text());
        let text = answer.text();
        assert!(text.contains(&format!("id=\"{said}\"")), "{path} {fields}");
        assert!(text.contains("aria-invalid=\"true\""), "{path}");
        is_clean(&answer, &path);
    }
    assert_eq!(ada.client.get(&service).await.text(), before);
    for (path, body) in [
        ("/console/sign-in", "x"),
        ("/console/sign-in", r#"{"credential":{"id":1}}"#),
        ("/console/invite/0/options", "{}"),
    ] {
        let call = app.browser().request(Method::POST, path);
        let answer = call.body("application/json", body).await;
        assert!((400..500).contains(&answer.status), "{path}");
        assert!(answer.json["error"].is_string(), "{path}");
    }
    for path in [
        "/console/nowhere",
        "/console/services/VA1",
        "/console/services/%FF",
        "/console/?range=%FF",
    ] {
        let answer = ada.client.get(path).await;
        assert!((400..500).contains(&answer.status), "{path}");
    }
}

#[tokio::test]
async fn support_finds_a_person_and_revokes_a_passkey_and_the_trail_says_who_did() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let bob = app.administrator("Bob", Role::Support).await;
    let people = format!("/console/services/{}/people", filled.service);
    let person = format!("{people}/{}", filled.person);
    for query in ["ada-00001", &filled.person, &filled.passkey] {
        let found = bob.client.get(&format!("{people}?q={query}")).await;
        let to = found.header("location").unwrap_or_default();
        assert_eq!(to, format!("/prefix{person}"), "{query}");
    }
    let nobody = bob.client.get(&format!("{people}?q=nobody")).await;
    assert!(nobody.text().contains("no identity begins like this"));
    let page = bob.client.get(&person).await;
    assert!(
        page.text().contains("Passkey registered</a> (passkey "),
        "{}",
        page.text()
    );
    assert!(page.text().contains("<dt>Credential id</dt>"));
    let passkey = format!("{person}/passkeys/{}", filled.passkey);
    let renamed = bob
        .post(&format!("{passkey}/rename"), "name=%3Cb%3EPhone")
        .await;
    assert_eq!(renamed.status, 303);
    let page = bob.client.get(&person).await;
    assert!(page.text().contains("&#60;b&#62;Phone"));
    let revoked = bob.post(&format!("{passkey}/revoke"), "").await;
    assert_eq!(
        revoked.header("location"),
        Some(format!("/prefix{person}?done=revoked").as_str())
    );
    let page = bob.client.get(&format!("{person}?done=revoked")).await;
    assert!(page.text().contains("has no passkey and cannot sign in"));

    let rp = RelyingPartyId::from_hex(&filled.service[2..]).unwrap();
    let filter = EventFilter {
        kinds: Some(vec![AuditKind::CredentialDeleted]),
        ..EventFilter::default()
    };
    let found = app.passkeys.find_events(rp, &filter, 10).await.unwrap();
    let actor = &found.events[0].actor;
    assert_eq!((actor.kind, &*actor.wire), (ActorKind::Admin, "console"));
    assert!(actor.name.as_deref().unwrap().starts_with("Bob (YE"));
    assert_eq!(actor.user_agent(), Some("a browser"));
}

fn failed() -> Attempt {
    Attempt::Failed {
        status: Some(410),
        problem: "the receiver did not accept it".to_owned(),
        retry_after: None,
    }
}

#[tokio::test]
async fn support_sees_deliveries_of_a_webhook_by_state_and_each_attempt_and_changes_nothing() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let (rp, id, delivery) = filled.ids();
    let record = app.passkeys.delivery(rp, id, delivery).await.unwrap();
    let noted = app.passkeys.conclude_delivery(record.unwrap(), failed());
    noted.await.unwrap();

    let support = app.administrator("Bob", Role::Support).await;
    let webhook = filled.path("/console/services/{service}/webhooks/{webhook}");
    let list = support.client.get(&webhook).await;
    assert!(list.text().contains("disabled"), "{}", list.text());
    assert!(!list.text().contains("Send a test event"));
    let in_state = async |state: &str| {
        let page = support
            .client
            .get(&format!("{webhook}?state={state}"))
            .await;
        page.text().contains(&filled.delivery)
    };
    assert!(in_state("failed").await && in_state("").await);
    assert!(!in_state("waiting").await && !in_state("delivered").await);
    let shown = format!("{webhook}/deliveries/{}", filled.delivery);
    let page = support.client.get(&shown).await;
    assert!(page.text().contains("410"), "{}", page.text());
    assert!(!page.text().contains("Send it again"));
    for path in [
        format!("{webhook}0"),
        format!("{webhook}/deliveries/{}", "0".repeat(32)),
        format!("{webhook}/deliveries/x"),
        format!(
            "/console/services/{}/webhooks/YW{}",
            filled.service,
            "0".repeat(32)
        ),
    ] {
        assert_eq!(support.client.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_operator_sends_deliveries_again_and_the_trail_says_who_did() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let (rp, id, delivery) = filled.ids();
    let record = app.passkeys.delivery(rp, id, delivery).await.unwrap();
    let noted = app.passkeys.conclude_delivery(record.unwrap(), failed());
    noted.await.unwrap();
    let webhook = filled.path("/console/services/{service}/webhooks/{webhook}");
    let shown = format!("{webhook}/deliveries/{}", filled.delivery);
    let ada = app.administrator("Ada", Role::Operator).await;
    assert_eq!(
        ada.post(&format!("{webhook}/status"), "status=x")
            .await
            .status,
        422
    );
    for (path, fields) in [
        (format!("{webhook}/status"), "status=enabled"),
        (format!("{shown}/redeliver"), ""),
        (format!("{webhook}/test"), ""),
    ] {
        app.clock.advance_millis(1);
        assert_eq!(ada.post(&path, fields).await.status, 303, "{path}");
    }
    app.clock.advance_millis(1);
    let again = app
        .passkeys
        .delivery(rp, id, delivery)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.state, again.attempts), (DeliveryState::Waiting, 0));
    // The attempt before is still shown.
    assert!(ada.client.get(&shown).await.text().contains("410"));
    let secrets = format!("{webhook}/secrets");
    let before = ada.client.get(&secrets).await.text().to_owned();
    assert!(before.contains("whsec_") && !before.contains("Old secret"));
    assert_eq!(ada.post(&secrets, "").await.status, 303);
    let after = ada.client.get(&secrets).await.text().to_owned();
    assert!(after.contains("Old secret") && after != before);
    let failed_again = app.passkeys.conclude_delivery(again, failed());
    failed_again.await.unwrap();
    app.clock.advance_millis(1);
    assert_eq!(
        ada.post(&format!("{webhook}/redeliver"), "").await.status,
        303
    );

    let found = app
        .passkeys
        .find_events(rp, &EventFilter::default(), 20)
        .await;
    let mine = found.unwrap().events;
    let mine = mine
        .iter()
        .rev()
        .filter(|event| event.actor.wire == "console");
    let kinds: Vec<_> = mine.map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            AuditKind::WebhookUpdated,
            AuditKind::WebhookRedelivered,
            AuditKind::WebhookTested,
            AuditKind::WebhookUpdated,
            AuditKind::WebhookRedelivered,
        ]
    );
}

#[tokio::test]
async fn a_policy_is_saved_after_it_was_shown_who_would_be_locked_out() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let ada = app.administrator("Ada", Role::Operator).await;
    let policy = format!("/console/services/{}/policy", filled.service);
    let other = "name=Acme&rp_id=other.test&origins=https%3A%2F%2Fother.test&rp_name=&attachment=any\
                 &resident_key=preferred&user_verification=preferred";
    let service = format!("/console/services/{}", filled.service);
    assert_eq!(ada.save(&service, other).await.status, 303);
    let chosen = "backup=any&sign_count=signal&relying_party_override=configured_only&max_credentials=50\
                  &registration_seconds=600&authentication_seconds=300";
    let shown = ada.save(&policy, &format!("{chosen}&action=check")).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    // The passkey belongs to the RP ID of before.
    assert!(
        shown
            .text()
            .contains("person could not sign in any more: ada-00001")
    );
    let rp = RelyingPartyId::from_hex(&filled.service[2..]).unwrap();
    let stored = async || {
        app.passkeys
            .stored_relying_party(ACCOUNT, rp)
            .await
            .unwrap()
    };
    let before = stored().await;
    // What was not looked at is not saved: the look comes first.
    for (page, fields) in [
        (&ada.client.get(&policy).await, chosen.to_owned()),
        (&shown, format!("{chosen}&user_verification_required=on")),
    ] {
        let fields = format!("{fields}&action=save");
        let looked = ada.save_from(page, &policy, &fields).await;
        assert_eq!(looked.status, 200, "{}", looked.text());
        assert!(looked.text().contains("What this changes"));
        assert_eq!(stored().await.policy, before.policy);
    }
    let fields = format!("{chosen}&action=save");
    let saved = ada.save_from(&shown, &policy, &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let after = stored().await;
    // What is saved already is no change.
    let other = chosen.replace("max_credentials=50", "max_credentials=49");
    let again = ada.save(&policy, &format!("{other}&action=check")).await;
    let nobody = "<strong>0</strong> people could not sign in any more.";
    assert!(again.text().contains(nobody), "{}", again.text());
    assert_ne!(
        after.policy.relying_party_override,
        before.policy.relying_party_override
    );
    assert_eq!(after.policy.algorithms, before.policy.algorithms);
}

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let ada = app.administrator("Ada", Role::Operator).await;
    let keys = format!("/console/services/{}/keys", filled.service);
    let made = ada
        .post(&keys, "name=shop&read=on&enrol=on&approve=on&manage=on")
        .await;
    let text = made.text().to_owned();
    let after = text.split_once("aria-label=\"Secret\">").unwrap().1;
    let key = after.split_once("</textarea>").unwrap().0.to_owned();
    assert_eq!(app.access_key(&key).get("/ping").await.status, 200);
    assert!(!ada.client.get(&keys).await.text().contains(&key));
}

#[tokio::test]
async fn an_owner_replaces_the_key_that_signs_access_keys() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let owner = app.administrator("Ada", Role::Owner).await;
    let keys = format!("/console/services/{}/keys", filled.service);
    let kinds = format!("/console/services/{}/token-keys", filled.service);
    // There is none before the first access key.
    let none = owner.post(&format!("{kinds}/access/rotate"), "").await;
    assert_eq!(none.status, 404);
    assert!(
        !owner
            .client
            .get(&keys)
            .await
            .text()
            .contains("Keys of tokens")
    );
    let made = async || {
        let made = owner
            .post(&keys, "name=shop&read=on&enrol=on&approve=on&manage=on")
            .await;
        let text = made.text().to_owned();
        let after = text.split_once("aria-label=\"Secret\">").unwrap().1;
        after.split_once("</textarea>").unwrap().0.to_owned()
    };
    let old = made().await;
    assert!(
        owner
            .client
            .get(&keys)
            .await
            .text()
            .contains("/token-keys/access/rotate")
    );
    let operator = app.administrator("Bob", Role::Operator).await;
    let shown = operator.client.get(&keys).await;
    assert!(shown.text().contains("Keys of tokens") && !shown.text().contains("/rotate"));
    let refused = operator.post(&format!("{kinds}/access/rotate"), "").await;
    assert_eq!(refused.status, 403);

    let rotated = owner.post(&format!("{kinds}/access/rotate"), "").await;
    assert_eq!(rotated.status, 303);
    app.clock.advance_millis(5_000);
    let new = made().await;
    let pings = async |key: &str| app.access_key(key).get("/ping").await.status;
    assert_eq!((pings(&old).await, pings(&new).await), (200, 200));
    let retired = owner.post(&format!("{kinds}/access/retire"), "").await;
    assert_eq!(retired.status, 303);
    assert_eq!((pings(&old).await, pings(&new).await), (403, 200));
    let unknown = owner.post(&format!("{kinds}/nothing/rotate"), "").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_pasted_case_is_explained_step_by_step() {
    let app = TestApp::new().await;
    let bob = app.administrator("Bob", Role::Support).await;
    let options = json!({
        "challenge": "AAAAAAAAAAAAAAAAAAAAAA", "rp": {"id": "acme.test", "name": "Acme"},
        "user": {"id": "AA", "name": "ada", "displayName": "ada"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    });
    let credential: Value = Authenticator::new(Profile::default())
        .create(&options, "https://evil.test", &Lies::default())
        .unwrap();
    let case = json!({
        "name": "from a log", "kind": "registration", "rp_id": "acme.test",
        "origins": ["https://acme.test"], "challenge": "AAAAAAAAAAAAAAAAAAAAAA",
        "credential": credential,
    });
    let case = case.to_string();
    let case = percent_encoding::utf8_percent_encode(&case, percent_encoding::NON_ALPHANUMERIC);
    let page = bob.post("/console/explorer", &format!("case={case}")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    for said in [
        "origin_not_allowed",
        "https://evil.test",
        "How to fix it",
        "Authenticator data",
        "user present (UP)",
    ] {
        assert!(page.text().contains(said), "{said}");
    }
    is_clean(&page, "explorer");
}

#[tokio::test]
async fn the_page_of_a_refused_ceremony_has_each_step_if_the_response_is_kept() {
    for kept in [true, false] {
        let app = TestApp::builder().settings(|s| s.retention.refused_responses = kept);
        let app = app.build().await;
        let account = app.account();
        let path = account.service().await;
        let mut device = Authenticator::new(Profile::default());
        account.register(&path, "ada-00001", &mut device).await;
        let elsewhere = Lies {
            origin: Some("https://evil.test".to_owned()),
            ..Lies::default()
        };
        let factor = account.start(&path, "bob-00001").await;
        let answer = create(&mut Authenticator::default(), &factor, &elsewhere);
        account.verify(&path, &answer).await.expect(403);
        let challenge = account.challenge(&path, &json!({})).await;
        let answer = get(&mut device, &challenge, &elsewhere);
        account.approve(&path, &answer).await.expect(403);

        let service = &path["/v2/Services/".len()..];
        let refusals = format!(
            "/manage/v1/events?service={service}&kind=registration_refused,authentication_refused"
        );
        let refusals = account.get(&refusals).await.expect(200)["events"].clone();
        let refusals = refusals.as_array().unwrap();
        assert_eq!(refusals.len(), 2);
        // Also when the ceremony is not kept any more.
        for swept in [false, true] {
            if swept {
                app.clock.advance_millis(3 * 86_400_000);
                let swept = app.passkeys.sweep(1, 90 * 86_400_000, 1000).await;
                assert!(swept.unwrap().ceremonies > 0);
            }
            let bob = app.administrator("Bob", Role::Support).await;
            for refusal in refusals {
                let ceremony = refusal["ceremony"].as_str().unwrap();
                let page = format!("/console/services/{service}/ceremonies/{ceremony}");
                let page = bob.client.get(&page).await;
                assert_eq!(page.status, 200, "{}", page.text());
                is_clean(&page, "ceremony");
                let of_steps = [
                    "Expected and found",
                    "origin is allowed",
                    "Client data",
                    "Authenticator data",
                    "signature counter",
                    "Case for <code>passkeyd verify</code>",
                ];
                for said in of_steps {
                    assert_eq!(page.text().contains(said), kept, "{said}: {}", page.text());
                }
                assert!(page.text().contains("origin_not_allowed"));
                assert!(page.text().contains("How to fix it"));
                assert!(!page.text().contains("the verdict is now different"));
                assert!(!page.text().contains("outside these steps"));
                let not_kept = page.text().contains("The response is not kept");
                assert_eq!(not_kept, !kept);
            }
        }
    }
}

#[tokio::test]
async fn events_have_the_name_of_a_key_beside_its_id() {
    let app = TestApp::new().await;
    let account = app.account();
    let name = json!({"name": "deployment"});
    let made = account.post("/manage/v1/api-keys", &name).await;
    let made = made.expect(201);
    let key = made["id"].as_str().unwrap();
    let backend = account.with_secret(key, made["secret"].as_str().unwrap());
    let path = backend.service().await;
    let service = &path["/v2/Services/".len()..];
    let bob = app.administrator("Bob", Role::Support).await;
    let page = format!("/console/services/{service}/ceremonies");
    let shown = bob.client.get(&page).await;
    let named = format!("with the API key \u{201c}deployment\u{201d} ({key})");
    assert!(shown.text().contains(&named), "{}", shown.text());
    let revoked = account.delete(&format!("/manage/v1/api-keys/{key}")).await;
    assert_eq!(revoked.status, 204);
    let shown = bob.client.get(&page).await;
    let unnamed = format!("with the API key {key}");
    assert!(shown.text().contains(&unnamed), "{}", shown.text());
}

#[tokio::test]
async fn pages_of_events_go_on_where_the_one_before_ended() {
    let app = TestApp::new().await;
    let filled = fill(&app).await;
    let bob = app.administrator("Bob", Role::Support).await;
    let (rp, webhook, _) = filled.ids();
    let by = Actor::new(ActorKind::Api, "test");
    // As many as two pages and a bit, all at one moment; the events of the person are older.
    for _ in 0..120 {
        let sent = app.passkeys.test_webhook(rp, webhook, &by).await;
        sent.unwrap().unwrap();
    }
    let all = EventFilter::default();
    let all = app.passkeys.find_events(rp, &all, 1000).await.unwrap();
    let events = filled.path("/console/services/{service}/ceremonies");
    let (mut path, mut rows) = (events.clone(), Vec::new());
    loop {
        let page = bob.client.get(&path).await.text().to_owned();
        rows.push(page.matches("<tr>").count() - 1);
        let Some((before, _)) = page.split_once("\">Older ones") else {
            break;
        };
        let (_, link) = before.rsplit_once("href=\"/prefix").unwrap();
        path = link.replace("&amp;", "&");
    }
    // Each event is on one page.
    assert_eq!(rows.iter().sum::<usize>(), all.events.len());
    assert_eq!(rows[..2], [50, 50]);

    // A ceremony is found by what an API calls it, in capitals or not.
    let ceremony = &filled.ceremony;
    for sought in [
        ceremony.clone(),
        format!("YC{ceremony}"),
        ceremony.to_uppercase(),
    ] {
        let found = bob.client.get(&format!("{events}?ceremony={sought}")).await;
        let to = format!("/prefix{events}/{ceremony}");
        assert_eq!(found.header("location"), Some(&*to), "{sought}");
    }
    for sought in ["0".repeat(32), "%3Cb%3E".to_owned()] {
        let found = bob.client.get(&format!("{events}?ceremony={sought}")).await;
        assert_eq!(found.status, 200);
        assert!(found.text().contains("This Service has no such ceremony."));
    }
    let none = format!("{events}?reason=origin_not_allowed");
    let none = bob.client.get(&none).await;
    assert!(none.text().contains("There is no such event."));
    let person = filled.path("/console/services/{service}/people/{user}");
    let person = bob.client.get(&person).await;
    assert!(person.text().contains("Passkey registered"));
    assert!(!person.text().contains("Test event sent"));
    assert!(!person.text().contains("Look further back"));
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let app = TestApp::builder();
    let app = app.settings(|s| s.console.enabled = false).build().await;
    assert_eq!(app.stranger().get("/console/").await.status, 404);
}

#[tokio::test]
async fn an_owner_sees_what_administrators_did() {
    let app = TestApp::new().await;
    let ada = app.administrator("Ada", Role::Owner).await;
    let invited = ada.post("/console/administrators", "name=Grace&role=support");
    assert_eq!(invited.await.status, 200);
    let page = ada.client.get("/console/administrators").await;
    is_clean(&page, "/console/administrators");
    let text = page.text();
    let (_, history) = text.split_once("id=\"history\"").unwrap();
    for done in [
        "Invite accepted: Ada",
        "Administrator invited: Grace, by Ada",
    ] {
        assert!(history.contains(done), "{done}: {history}");
    }
}
