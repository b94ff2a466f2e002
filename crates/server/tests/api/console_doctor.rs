//! The doctor in the console.

use domain::model::console::Role;
use server::doctor::{Level, store};

use crate::common::{PUBLIC_URL, TestApp};
use crate::console_browser::owner;

const PAGE: &str = "/console/health/doctor";

/// An app that calls no addresses: it has no public URL.
async fn app() -> TestApp {
    let app = TestApp::builder().settings(|settings| {
        settings.public_url = None;
        settings.console.public_url = Some(PUBLIC_URL.to_owned());
    });
    app.build().await
}

#[tokio::test]
async fn an_operator_reads_what_the_doctor_finds() {
    let app = app().await;
    app.account().service().await;
    // One without an RP ID.
    let named = app
        .account()
        .post("/v2/Services", "FriendlyName=Bare")
        .await;
    let bare = named.expect(201)["sid"].as_str().unwrap().to_owned();
    let bob = app.administrator("Bob", Role::Operator).await;
    // A look starts nothing.
    for _ in 0..2 {
        let page = bob.client.get(PAGE).await;
        assert!(page.text().contains("Nobody has examined this server"));
    }
    let health = bob.client.get("/console/health").await;
    assert!(health.text().contains("Nobody has examined this server"));

    let done = bob.post(PAGE, "").await;
    assert_eq!(done.status, 303);
    let to = done.header("location").unwrap();
    assert_eq!(to, format!("/prefix{PAGE}?done=examined"));
    let page = bob.client.get(&format!("{PAGE}?done=examined")).await;
    let text = page.text();
    // The findings are those of the command.
    let public_url = server::http::PublicUrl::new("http://localhost");
    let found = store::examine(&app.passkeys, &public_url).await.unwrap();
    assert!(found.findings.len() > 3);
    for finding in &found.findings {
        assert!(text.contains(&finding.what), "{finding:?}: {text}");
        if finding.level != Level::Good {
            assert!(text.contains(&finding.why), "{finding:?}");
            assert!(text.contains(&finding.fix), "{finding:?}");
        }
    }
    assert!(
        text.contains(&format!("/prefix/console/services/{bare}\"")),
        "{text}"
    );
    assert!(text.contains("Result of 2026-01-02"), "{text}");
    let health = bob.client.get("/console/health").await;
    assert!(
        health
            .text()
            .contains("The last examination ended at 2026-01-02")
    );
}

#[tokio::test]
async fn support_sees_no_link_to_the_doctor_and_an_owner_does() {
    let app = app().await;
    let eve = app.administrator("Eve", Role::Support).await;
    assert_eq!(eve.client.get(PAGE).await.status, 403);
    assert_eq!(eve.post(PAGE, "").await.status, 403);
    let health = eve.client.get("/console/health").await;
    assert!(!health.text().contains(PAGE));
    let health = owner(&app).await.client.get("/console/health").await;
    assert!(health.text().contains(PAGE));
}
