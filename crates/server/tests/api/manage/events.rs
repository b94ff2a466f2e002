//! `/manage/v1/events`, and `/manage/v1/services/{VA}/users/{user}/data`.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

use crate::common::{Client, TestApp};
use crate::support::get;

/// Signs a user in, or is refused for the missing user presence.
async fn sign_in(account: &Client, service: &str, authenticator: &mut Authenticator, well: bool) {
    account.app.clock.advance_millis(1);
    let challenge = account.challenge(service, &json!({})).await;
    let lies = Lies {
        user_present: (!well).then_some(false),
        ..Lies::default()
    };
    let answer = get(authenticator, &challenge, &lies);
    let answer = account.approve(service, &answer).await;
    assert_eq!(answer.status, if well { 200 } else { 403 });
}

/// Two users of a Service, of whom each has signed in and been refused.
async fn two_users() -> (Client, String, [Authenticator; 2]) {
    let account = TestApp::new().await.account().at_address("192.0.2.9");
    let service = account.service().await;
    let mut devices = [Profile::security_key(), Profile::security_key()].map(Authenticator::new);
    for (name, device) in ["user-0001", "user-0002"].iter().zip(&mut devices) {
        account.app.clock.advance_millis(1);
        account.register(&service, name, device).await;
        sign_in(&account, &service, device, true).await;
        sign_in(&account, &service, device, false).await;
    }
    (account, service, devices)
}

fn sid(service: &str) -> &str {
    service.rsplit('/').next().unwrap()
}

/// The events that the filters choose.
async fn found(account: &Client, service: &str, filters: &str) -> Vec<Value> {
    let path = format!("/manage/v1/events?service={}{filters}", sid(service));
    let page = account.get(&path).await.expect(200);
    assert_eq!(page.get("next_cursor"), None, "{filters}");
    page["events"].as_array().unwrap().clone()
}

/// What there is of it in a list of events.
fn texts(events: &[Value], pointer: &str) -> BTreeSet<String> {
    let values = events.iter().filter_map(|event| event.pointer(pointer));
    values
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

fn lines(text: &str) -> Vec<Value> {
    assert!(text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn events_are_chosen_by_kind_user_ceremony_reason_and_time() {
    let (account, service, _) = two_users().await;
    let all = found(&account, &service, "").await;
    let times: Vec<_> = all.iter().map(|event| event["at"].as_str()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    assert_eq!(texts(&all, "/service").len(), 1);

    let refused = found(&account, &service, "&kind=authentication_refused").await;
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0]["actor"]["address"], "192.0.2.9");
    assert_eq!(refused[0]["actor"]["api"], "twilio");
    let reason = refused[0]["reason"].as_str().unwrap();
    let by_reason = found(&account, &service, &format!("&reason={reason}")).await;
    assert_eq!(by_reason, refused);
    let two_kinds = found(
        &account,
        &service,
        "&kind=authentication_refused,authenticated",
    );
    assert_eq!(two_kinds.await.len(), 4);

    let of_name = found(&account, &service, "&user=user-0001").await;
    assert_eq!(
        texts(&of_name, "/user_name"),
        ["user-0001".to_owned()].into()
    );
    let id = texts(&of_name, "/user").into_iter().next().unwrap();
    let of_id = found(&account, &service, &format!("&user=YE{id}")).await;
    assert_eq!(of_id, of_name);
    let expected = all.iter().filter(|event| event["user"] == *id).count();
    assert_eq!(of_name.len(), expected);

    let credential = texts(&of_name, "/credential").into_iter().next().unwrap();
    let of_credential = found(&account, &service, &format!("&credential={credential}")).await;
    let with_it = all
        .iter()
        .filter(|event| event["credential"] == *credential);
    assert_eq!(of_credential, with_it.cloned().collect::<Vec<_>>());
    // Its registration, and two responses.
    assert_eq!(of_credential.len(), 3);

    let ceremony = refused[1]["ceremony"].as_str().unwrap();
    let of_ceremony = found(&account, &service, &format!("&ceremony={ceremony}")).await;
    assert_eq!(of_ceremony, [refused[1].clone()]);

    let at = refused[1]["at"].as_str().unwrap();
    let before = found(&account, &service, &format!("&until={at}")).await;
    let after = found(&account, &service, &format!("&since={at}")).await;
    assert_eq!([after, before.clone()].concat(), all);
    assert!(before.iter().all(|event| event["at"].as_str() < Some(at)));

    let nothing = found(&account, &service, "&user=nobody&kind=authenticated").await;
    assert_eq!(nothing, Vec::<Value>::new());
}

#[tokio::test]
async fn pages_of_events_are_all_events_and_a_cursor_is_for_its_own_filters() {
    let (account, service, _) = two_users().await;
    let all = found(&account, &service, "").await;
    let base = format!("/manage/v1/events?service={}&limit=2", sid(&service));
    let (mut paged, mut path) = (Vec::<Value>::new(), base.clone());
    let mut last = None;
    while paged.len() <= all.len() {
        let page = account.get(&path).await.expect(200);
        let events = page["events"].as_array().unwrap();
        assert!(events.len() <= 2);
        paged.extend(events.iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{base}&cursor={cursor}");
        last = Some(cursor.to_owned());
    }
    assert_eq!(paged, all);
    let cursor = last.unwrap();
    let path = format!("{base}&kind=authenticated&cursor={cursor}");
    let refused = account.get(&path).await.expect(400);
    assert_eq!(refused["member"], "cursor");
}

#[tokio::test]
async fn all_events_come_as_lines() {
    let (account, service, _) = two_users().await;
    let all = found(&account, &service, "").await;
    let path = format!("/manage/v1/events?service={}", sid(&service));
    let call = account
        .request(Method::GET, &path)
        .header("accept", "application/x-ndjson");
    let reply = call.empty().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/x-ndjson");
    assert_eq!(lines(reply.text()), all);
    let call = account
        .request(Method::GET, &format!("{path}&limit=1"))
        .header("accept", "application/x-ndjson");
    assert_eq!(call.empty().await.expect(400)["member"], "limit");
}

#[tokio::test]
async fn the_account_has_events_of_its_own_and_an_api_key_is_found_by_what_it_did() {
    let (account, service, _) = two_users().await;
    let name = json!({"name": "ci"});
    let made = account.post("/manage/v1/api-keys", &name).await.expect(201);
    let key = made["id"].as_str().unwrap();
    let own = account.get("/manage/v1/events").await.expect(200);
    let own = own["events"].as_array().unwrap();
    assert_eq!(own[0]["kind"], "api_key_created");
    assert_eq!(own[0].get("service"), None);

    let backend = account.with_secret(key, made["secret"].as_str().unwrap());
    let mut device = Authenticator::new(Profile::security_key());
    backend.register(&service, "user-0003", &mut device).await;
    let by_key = found(&account, &service, &format!("&api_key={key}")).await;
    let kinds = texts(&by_key, "/kind");
    assert!(kinds.contains("credential_registered"), "{kinds:?}");
    assert_eq!(texts(&by_key, "/actor/api_key"), [key.to_owned()].into());
    assert_eq!(
        texts(&by_key, "/user_name"),
        ["user-0003".to_owned()].into()
    );
    // The key has a name beside its id, until it is revoked.
    assert_eq!(
        texts(&by_key, "/actor/api_key_name"),
        ["ci".to_owned()].into()
    );
    let path = format!("/manage/v1/api-keys/{key}");
    assert_eq!(account.delete(&path).await.status, 204);
    let by_key = found(&account, &service, &format!("&api_key={key}")).await;
    assert_eq!(texts(&by_key, "/actor/api_key"), [key.to_owned()].into());
    assert_eq!(texts(&by_key, "/actor/api_key_name"), [].into());
}

#[tokio::test]
async fn a_wrong_parameter_is_named_and_another_accounts_service_is_not_found() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for (parameter, name) in [
        ("kind=nothing", "kind"),
        ("kind=", "kind"),
        ("reason=nothing", "reason"),
        ("since=yesterday", "since"),
        ("until=2026-13-01T00:00:00Z", "until"),
        ("ceremony=12", "ceremony"),
        ("api_key=12", "api_key"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=abc", "cursor"),
        ("colour=red", "colour"),
    ] {
        let path = format!("/manage/v1/events?service={}&{parameter}", sid(&service));
        let refused = account.get(&path).await.expect(400);
        assert_eq!(refused["error"], "request_invalid", "{parameter}");
        assert_eq!(refused["member"], name, "{parameter}");
    }
    for service in ["VA00000000000000000000000000000000", "VA1", ""] {
        let path = format!("/manage/v1/events?service={service}");
        account.get(&path).await.expect(404);
    }
    let stranger = account.app.stranger();
    stranger.get("/manage/v1/events").await.expect(401);
}

/// What is kept of a user.
async fn kept(account: &Client, service: &str, user: &str) -> Vec<Value> {
    let path = format!("/manage/v1/services/{}/users/{user}/data", sid(service));
    let reply = account.get(&path).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    lines(reply.text())
}

#[tokio::test]
async fn the_data_of_one_user_leave_in_one_call() {
    let (account, service, _) = two_users().await;
    let lines = kept(&account, &service, "user-0001").await;
    let of = |kind: &str| -> Vec<&Value> {
        let lines = lines.iter();
        lines.filter(|line| line["record"] == kind).collect()
    };
    assert_eq!(of("user").len(), 1);
    assert_eq!(of("user")[0]["name"], "user-0001");
    assert_eq!(of("credential").len(), 1);
    assert!(of("credential")[0]["attestation"]["evidence"].is_object());
    let events = found(&account, &service, "&user=user-0001").await;
    assert_eq!(of("event").len(), events.len());
    assert_eq!(lines.len(), events.len() + 2, "and nothing else");
    let path = format!("/manage/v1/services/{}/users/nobody/data", sid(&service));
    account.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_user_is_erased_in_one_call_and_what_happened_stays_without_the_user() {
    let (account, service, mut devices) = two_users().await;
    let before = found(&account, &service, "").await;
    let events = found(&account, &service, "&user=user-0001").await;
    let id = texts(&events, "/user").into_iter().next().unwrap();
    let path = |user: &str| format!("/manage/v1/services/{}/users/{user}/data", sid(&service));

    let erased = account.delete(&path("user-0001")).await.expect(200);
    // The deletion itself is an event of the user, too.
    assert_eq!(erased, json!({"events": events.len() + 1}));
    let after = found(&account, &service, "").await;
    assert_eq!(after.len(), before.len() + 2, "deleted and erased");
    assert_eq!(texts(&after, "/user_name"), ["user-0002".to_owned()].into());
    assert!(!texts(&after, "/user").contains(&id));
    let erasure = after.iter().find(|event| event["kind"] == "user_erased");
    let erasure = erasure.unwrap();
    assert_eq!(erasure["target"], json!({"kind": "user", "id": id}));
    // Another's events are as they were.
    let other: Vec<_> = before
        .iter()
        .filter(|event| event["user_name"] == "user-0002")
        .collect();
    let still: Vec<_> = after
        .iter()
        .filter(|event| event["user_name"] == "user-0002")
        .collect();
    assert_eq!(still, other);

    // The passkey signs nobody in.
    let challenge = account.challenge(&service, &json!({})).await;
    let answer = get(&mut devices[0], &challenge, &Lies::default());
    let answer = account.approve(&service, &answer).await;
    assert_ne!(answer.status, 200);
    // By its name there is no such user any more; by the identifier the call can be repeated.
    account.delete(&path("user-0001")).await.expect(404);
    let again = account.delete(&path(&format!("YE{id}"))).await.expect(200);
    assert_eq!(again, json!({"events": 0}));
}
