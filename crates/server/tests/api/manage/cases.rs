//! `/manage/v1/ceremonies/{id}/case`: a refused ceremony is verified again by `passkeyd verify --explain`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

use crate::common::{Client, TestApp};
use crate::support::{create, get};

/// The path of the case of the last refusal in a Service.
async fn case_of_last_refusal(account: &Client, service: &str) -> (Value, String) {
    let sid = service.rsplit('/').next().unwrap();
    let path = format!(
        "/manage/v1/events?service={sid}&limit=1&kind=registration_refused,authentication_refused"
    );
    let page = account.get(&path).await.expect(200);
    let event = page["events"][0].clone();
    let id = event["ceremony"].as_str().unwrap();
    let path = format!("/manage/v1/ceremonies/{id}/case?service={sid}");
    (event, path)
}

/// What `passkeyd verify --explain` says of a line.
fn explained(line: &str) -> Value {
    let mut child = Command::new(env!("CARGO_BIN_EXE_passkeyd"))
        .args(["verify", "--explain"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(line.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "it is a case, and refused");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The case of the last refusal says the same when it is verified again.
pub(super) async fn repeats(account: &Client, service: &str) {
    let (event, path) = case_of_last_refusal(account, service).await;
    let reply = account.get(&path).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.text().lines().count(), 1);
    let verdict = explained(reply.text());
    assert_eq!(verdict["name"], event["ceremony"]);
    assert_eq!(verdict["reason"], event["reason"], "{verdict}");
    let last = verdict["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(last["result"], "refused");
}

#[tokio::test]
async fn a_refused_ceremony_is_verified_again_with_every_step() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut device = Authenticator::new(Profile::security_key());
    account.register(&service, "user-0001", &mut device).await;
    let not_present = Lies {
        user_present: Some(false),
        ..Lies::default()
    };
    let elsewhere = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    for lies in [&not_present, &elsewhere] {
        account.app.clock.advance_millis(5);
        let challenge = account.challenge(&service, &json!({})).await;
        let answer = get(&mut device, &challenge, lies);
        account.approve(&service, &answer).await.expect(403);
        repeats(&account, &service).await;

        account.app.clock.advance_millis(5);
        let factor = account.start(&service, "user-0002").await;
        let answer = create(&mut Authenticator::default(), &factor, lies);
        account.verify(&service, &answer).await.expect(403);
        repeats(&account, &service).await;
    }
    // After the ceremony is gone the event has it all.
    let (_, path) = case_of_last_refusal(&account, &service).await;
    account.app.clock.advance_millis(3 * 86_400_000);
    let swept = account.app.passkeys.sweep(1, 90 * 86_400_000, 1000).await;
    assert!(swept.unwrap().ceremonies > 0);
    assert_eq!(account.get(&path).await.status, 200);
}

#[tokio::test]
async fn nothing_is_shown_of_what_was_not_refused_or_is_anothers_and_nothing_is_kept_if_it_is_off()
{
    let app = TestApp::builder()
        .settings(|settings| settings.retention.refused_responses = false)
        .build()
        .await;
    let account = app.account();
    let service = account.service().await;
    let lies = Lies {
        user_present: Some(false),
        ..Lies::default()
    };
    let factor = account.start(&service, "user-0001").await;
    let answer = create(&mut Authenticator::default(), &factor, &lies);
    account.verify(&service, &answer).await.expect(403);
    let (_, path) = case_of_last_refusal(&account, &service).await;
    account.get(&path).await.expect(404);

    let on = TestApp::new().await.account();
    let service = on.service().await;
    let elsewhere = on.service().await;
    let factor = on.start(&service, "user-0001").await;
    let answer = create(&mut Authenticator::default(), &factor, &lies);
    on.verify(&service, &answer).await.expect(403);
    let (_, path) = case_of_last_refusal(&on, &service).await;
    assert_eq!(on.get(&path).await.status, 200);
    let sid = |service: &str| service.rsplit('/').next().unwrap().to_owned();
    let path = path.replace(&sid(&service), &sid(&elsewhere));
    on.get(&path).await.expect(404);
    let path = path.split('?').next().unwrap();
    assert_eq!(on.get(path).await.expect(400)["member"], "service");
    let none = format!("/manage/v1/ceremonies/0/case?service={}", sid(&service));
    on.get(&none).await.expect(404);
}
