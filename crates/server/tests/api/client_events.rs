//! `/_app/events`: what pages report.

use axum::http::Method;
use serde_json::{Value, json};

use crate::common::{Answer, TestApp};
use crate::support::ORIGIN;

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
