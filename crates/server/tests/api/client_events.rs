//! `/_app/events`: what pages report.

use axum::http::Method;
use domain::model::console::Role;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

use crate::common::{Answer, TestApp};
use crate::support::{ORIGIN, get};

const PATH: &str = "/_app/events";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

async fn with_events() -> TestApp {
    let app = TestApp::new().await;
    let app = app.with_settings(|settings| settings.client_events.enabled = true);
    let app = app.await;
    app.account().service().await;
    app
}

fn reported(operation: &str, event: &str) -> Value {
    json!({"events": [{"operation": operation, "event": event}]})
}

/// As a page reports: text, without a preflight.
async fn report(app: &TestApp, origin: &str, body: impl Into<String>) -> Answer {
    let call = app.page(origin).request(Method::POST, PATH);
    let call = call.header("user-agent", FIREFOX);
    call.body("text/plain;charset=UTF-8", body.into()).await
}

/// The lines of the metric.
async fn counted(app: &TestApp) -> Vec<String> {
    let text = app.metrics.text(&app.passkeys, &app.lifecycle).await;
    let text = String::from_utf8(text.unwrap()).unwrap();
    let lines = text.lines();
    let lines = lines.filter(|line| line.starts_with("passkeyd_client_events_total{"));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_page_reports_what_no_back_end_sees() {
    let app = with_events().await;
    for _ in 0..2 {
        let body = json!({"events": [
            {"operation": "signIn", "event": "started"},
            {"operation": "signIn", "event": "cancelled"},
        ]});
        let answer = report(&app, ORIGIN, body.to_string()).await;
        assert_eq!((answer.status, answer.text()), (204, ""));
        assert_eq!(answer.header("set-cookie"), None);
    }
    let line = |event: &str| {
        format!(
            "passkeyd_client_events_total{{browser=\"firefox\",event=\"{event}\",operation=\"signIn\",system=\"linux\"}} 2"
        )
    };
    let wanted = [line("cancelled"), line("started")];
    assert_eq!(counted(&app).await, wanted);
    assert_eq!(counted(&app).await, wanted, "a look counts nothing");
}

#[tokio::test]
async fn what_is_not_in_the_lists_or_comes_from_elsewhere_is_refused_as_a_whole() {
    let app = with_events().await;
    let long = json!({"events": vec![json!({"operation": "signIn", "event": "done"}); 21]});
    let half = json!({"events": [
        {"operation": "signIn", "event": "done"},
        {"operation": "signIn", "event": "ada@acme.example"},
    ]});
    let more = json!({"events": [{"operation": "signIn", "event": "done", "user": "ada"}]});
    for body in [
        reported("login", "done").to_string(),
        reported("signIn", "").to_string(),
        json!({"events": 7}).to_string(),
        json!({"events": [], "page": "/"}).to_string(),
        half.to_string(),
        more.to_string(),
        long.to_string(),
        json!([[{"operation": "signIn", "event": "done"}]]).to_string(),
        json!({"events": [["signIn", "done"]]}).to_string(),
        r#"{"events":[],"events":[]}"#.to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        let answer = report(&app, ORIGIN, body.clone()).await;
        assert_eq!(answer.expect(400)["error"], "request_invalid", "{body}");
    }
    let large = report(&app, ORIGIN, " ".repeat(5000)).await;
    assert_eq!(large.expect(413)["error"], "body_too_large");
    let body = reported("signIn", "done").to_string();
    for origin in ["https://evil.test", "null"] {
        let answer = report(&app, origin, body.clone()).await;
        assert_eq!(answer.expect(403)["error"], "origin_not_allowed");
    }
    let bare = app.stranger().request(Method::POST, PATH).send(body).await;
    bare.expect(403);
    let read = app.page(ORIGIN).request(Method::GET, PATH).empty().await;
    assert_eq!(read.header("allow"), Some("POST"));
    read.expect(405);
    assert_eq!(counted(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_listens_unless_the_operator_turns_it_on() {
    let app = TestApp::new().await;
    app.account().service().await;
    let body = reported("signIn", "done").to_string();
    let answer = report(&app, ORIGIN, body).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert_eq!(counted(&app).await, Vec::<String>::new());
}

/// The cells of the row with this name on a page of the console.
fn row(page: &Answer, name: &str) -> Option<Vec<String>> {
    let head = format!("<th scope=\"row\">{name}</th>");
    let (_, rest) = page.text().split_once(&head)?;
    let (cells, _) = rest.split_once("</tr>")?;
    let cells = cells.split("<td>").skip(1);
    Some(cells.map(|cell| cell.replace("</td>", "")).collect())
}

#[tokio::test]
async fn a_report_counts_for_the_service_that_it_names_and_no_other() {
    let app = with_events().await;
    let sid = |path: String| path["/v2/Services/".len()..].to_owned();
    let named = sid(app.account().service().await);
    let other = sid(app.account().service().await);
    let elsewhere = app
        .account()
        .post(
            "/v2/Services",
            "FriendlyName=Other&Passkeys.RelyingParty.Id=other.test&Passkeys.RelyingParty.Origins=https%3A%2F%2Fother.test",
        )
        .await
        .expect(201);
    let body = |service: &str| {
        let event = json!({"operation": "signIn", "event": "started"});
        json!({"service": service, "events": [event]}).to_string()
    };
    assert_eq!(report(&app, ORIGIN, body(&named)).await.status, 204);
    let unnamed = reported("signIn", "started").to_string();
    assert_eq!(report(&app, ORIGIN, unnamed).await.status, 204);
    // The page is not one of this Service, or the Service is not there.
    let strange = elsewhere["sid"].as_str().unwrap();
    for service in [strange, &format!("VA{}", "0".repeat(32))] {
        let answer = report(&app, ORIGIN, body(service)).await;
        assert_eq!(answer.expect(403)["error"], "origin_not_allowed");
    }
    for service in ["VA1", "", &named[2..]] {
        let answer = report(&app, ORIGIN, body(service)).await;
        assert_eq!(answer.expect(400)["error"], "request_invalid");
    }
    let ada = app.administrator("Ada", Role::Support).await;
    let started = async |path: &str| {
        let page = ada.client.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        row(&page, "firefox").map(|cells| cells[1].clone())
    };
    let of = |service: &str| format!("/console/services/{service}/client-events");
    assert_eq!(started("/console/client-events").await.unwrap(), "2");
    assert_eq!(started(&of(&named)).await.unwrap(), "1");
    assert_eq!(started(&of(&other)).await, None);
}

#[tokio::test]
async fn the_console_shows_what_came_of_the_passkeys_of_each_provider() {
    let app = TestApp::new().await;
    let account = app.account();
    let service = account.service().await;
    let mut apple = Authenticator::new(Profile {
        aaguid: *b"\xfb\xfc\x30\x07\x15\x4e\x4e\xcc\x8c\x0b\x6e\x02\x05\x57\xd7\xbd",
        ..Profile::default()
    });
    account.register(&service, "ada-00001", &mut apple).await;
    for (lies, status) in [
        (Lies::default(), 200),
        (
            Lies {
                tampered_signature: true,
                ..Lies::default()
            },
            403,
        ),
    ] {
        let body = json!({"identity": "ada-00001"});
        let challenge = account.challenge(&service, &body).await;
        let credential = get(&mut apple, &challenge, &lies);
        let answer = account.approve(&service, &credential).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let ada = app.administrator("Ada", Role::Support).await;
    let sid = &service["/v2/Services/".len()..];
    for path in [
        "/console/client-events".to_owned(),
        format!("/console/services/{sid}/client-events"),
    ] {
        let page = ada.client.get(&path).await;
        assert_eq!(row(&page, "Apple Passwords").unwrap(), ["1", "1", "1"]);
        assert_eq!(row(&page, "Bitwarden"), None);
    }
}

#[tokio::test]
async fn support_sees_the_sign_ins_of_a_person_that_nobody_finished() {
    let app = TestApp::new().await;
    let account = app.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::new(Profile::default());
    let factor = account
        .register(&service, "ada-00001", &mut authenticator)
        .await;
    let challenge = json!({"identity": "ada-00001"});
    account.challenge(&service, &challenge).await;
    let ada = app.administrator("Ada", Role::Support).await;
    let sid = &service["/v2/Services/".len()..];
    let person = factor["entity_sid"].as_str().unwrap();
    let path = format!("/console/services/{sid}/people/{person}");
    let heading = "Sign-ins that nobody finished";
    // It is still open.
    assert!(!ada.client.get(&path).await.text().contains(heading));
    app.clock.advance_millis(10 * 60_000);
    let page = ada.client.get(&path).await;
    let (_, listed) = page.text().split_once(heading).unwrap();
    assert_eq!(listed.matches("no response until").count(), 1);
}
