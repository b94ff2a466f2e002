//! A key is good for what it was made for, on each route. The routes come from the tables of the APIs, so a new one is tested, too.

use axum::http::Method;
use domain::model::grant::{Scope, Scopes};
use serde_json::{Value, json};
use server::api::{manage, twilio};
use server::http::Needs;

use crate::common::{Answer, Client, TestApp};

/// A moment after that at which a test begins.
const LATER: &str = "2026-01-02T04:00:00Z";
const AFTER_THAT: i64 = 3_600_000;

fn routes() -> Vec<(Method, String, Needs)> {
    twilio::needs().chain(manage::needs()).collect()
}

/// A path whose parameters name nothing.
fn filled(path: &str) -> String {
    path.replace(['{', '}'], "")
}

/// A client with a new API key, which may do this.
async fn with_key(app: &TestApp, asked: &Value) -> Client {
    let made = app.operator().post("/manage/v1/api-keys", asked).await;
    let made = made.expect(201);
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    app.stranger().with_secret(&text("id"), &text("secret"))
}

/// Whether the response is the refusal of a key that lacks a scope, in the words of its API.
fn lacks(path: &str, answer: &Answer) -> bool {
    if answer.status != 403 {
        return false;
    }
    if path.starts_with("/v2") {
        let code = answer.json["code"] == 20403;
        return code && answer.json["details"]["reason"] == "scope_missing";
    }
    answer.json["error"] == "scope_missing"
}

#[tokio::test]
async fn each_route_takes_an_api_key_with_its_scope_and_no_other() {
    let app = TestApp::new().await;
    for scope in Scope::ALL {
        let asked = json!({"name": scope.name(), "scopes": [scope.name()]});
        let key = with_key(&app, &asked).await;
        for (method, path, needs) in routes() {
            let answer = key.request(method.clone(), &filled(&path)).empty().await;
            let Needs::OneOf(needed) = needs else {
                panic!("{method} {path} needs no key");
            };
            assert_eq!(
                lacks(&path, &answer),
                !needed.has(scope),
                "{method} {path} with {}: {}",
                scope.name(),
                answer.text()
            );
            assert_ne!(answer.status, 401, "{method} {path}");
        }
        // What is not there is not there for every key.
        key.get("/v2/nothing").await.expect(404);
    }
    // A key for everything lacks nothing.
    let key = with_key(&app, &json!({"name": "all"})).await;
    for (method, path, _) in routes() {
        let answer = key.request(method.clone(), &filled(&path)).empty().await;
        assert!(![401, 403].contains(&answer.status), "{method} {path}");
    }
}

#[tokio::test]
async fn each_route_refuses_an_api_key_that_has_expired() {
    let app = TestApp::new().await;
    let key = with_key(&app, &json!({"name": "short", "expires_at": LATER})).await;
    key.get("/v2/Services").await.expect(200);
    app.clock.advance_millis(AFTER_THAT);
    for (method, path, _) in routes() {
        let answer = key.request(method.clone(), &filled(&path)).empty().await;
        // After too many wrong secrets the address is refused for the key.
        assert!([401, 429].contains(&answer.status), "{method} {path}");
    }
}

#[test]
fn a_key_that_may_read_changes_nothing_and_only_one_that_may_manage_deletes() {
    for (method, path, needs) in routes() {
        let reads = needs == Needs::from(Scope::Read);
        let read_only = method == Method::GET;
        // The secrets of a webhook are no records: who has them can forge its notices.
        let secret = path.ends_with("/secrets");
        assert_eq!(reads, read_only && !secret, "{method} {path}");
        if method == Method::DELETE && !path.contains("/enrolment-links/") {
            assert_eq!(needs, Needs::from(Scope::Manage), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_key_makes_no_key_that_may_do_more_or_is_valid_for_longer() {
    let app = TestApp::new().await;
    let service = app.account().service().await;
    let service = service.strip_prefix("/v2/Services/").unwrap();
    let of_service = format!("/manage/v1/services/{service}/access-keys");
    let own = json!({"name": "own", "scopes": ["manage", "read"], "expires_at": LATER});
    let key = with_key(&app, &own).await;
    for path in ["/manage/v1/api-keys", &of_service] {
        for beyond in [
            json!({"name": "x", "scopes": ["approve"]}),
            json!({"name": "x", "scopes": ["manage", "enrol"]}),
            json!({"name": "x", "expires_at": "2026-01-02T04:00:01Z"}),
        ] {
            let answer = key.post(path, &beyond).await;
            assert!(lacks(path, &answer), "{}", answer.text());
        }
        // What is not asked for is as with the caller.
        let made = key.post(path, &json!({"name": "x"})).await.expect(201);
        assert_eq!(made["scopes"], json!(["read", "manage"]));
        assert_eq!(made["expires_at"], LATER);
        let narrow = json!({"name": "y", "scopes": ["read"], "expires_at": "2026-01-02T03:30:00Z"});
        let made = key.post(path, &narrow).await.expect(201);
        assert_eq!(made["scopes"], json!(["read"]));
        for (wrong, member) in [
            (json!({"name": "x", "scopes": []}), "scopes"),
            (json!({"name": "x", "scopes": ["write"]}), "scopes"),
            (json!({"name": "x", "expires_at": "soon"}), "expires_at"),
            (
                json!({"name": "x", "expires_at": "2026-01-02T03:04:05Z"}),
                "expires_at",
            ),
        ] {
            let refused = key.post(path, &wrong).await.expect(400);
            assert_eq!(refused["member"], member, "{wrong}");
        }
        // The refused ones were not made.
        let listed = key.get(path).await.expect(200);
        let name = if path == of_service {
            "access_keys"
        } else {
            "api_keys"
        };
        let all = listed[name].as_array().unwrap();
        let own = usize::from(path != of_service);
        assert_eq!(all.len(), 2 + own, "{listed}");
        assert!(
            all.iter().all(|key| key["expires_at"].is_string()),
            "{listed}"
        );
    }
    let used = key.get("/manage/v1/api-keys").await.expect(200);
    for key in used["api_keys"].as_array().unwrap() {
        let last = key.get("last_used_at").and_then(Value::as_str);
        let expected = (key["name"] == "own").then_some("2026-01-02T03:04:05Z");
        assert_eq!(last, expected, "{used}");
    }
}

#[test]
fn every_scope_opens_a_route_of_each_api() {
    for (api, table) in [
        ("Twilio", twilio::needs().collect::<Vec<_>>()),
        ("management", manage::needs().collect()),
    ] {
        // No call of the management API signs anybody in.
        let none = Scopes::of(if api == "Twilio" {
            &[]
        } else {
            &[Scope::Approve]
        });
        for scope in Scope::ALL {
            let opened = table.iter().any(|(.., needs)| *needs == Needs::from(scope));
            assert_eq!(opened, !none.has(scope), "{api}: {}", scope.name());
        }
    }
}
