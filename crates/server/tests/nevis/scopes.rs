//! An access key is good for what it was made for, on each route. The routes come from the table of the wire, so a new one is tested, too.

use domain::model::grant::{Scope, Scopes};
use serde_json::{Value, json};
use server::api::nevis;
use server::http::Needs;

use crate::common::{Answer, Client};
use crate::support::Service;

/// A back end with a new access key, which may do this.
async fn with_key(service: &Service, asked: &Value) -> Client {
    let path = format!("/manage/v1/services/{}/access-keys", service.sid);
    let made = service.app.operator().post(&path, asked).await.expect(201);
    service.app.access_key(made["key"].as_str().unwrap())
}

fn lacks(answer: &Answer) -> bool {
    answer.status == 403 && answer.json["reason"] == "scope_missing"
}

/// A path whose parameters name nothing.
fn filled(path: &str) -> String {
    path.replace(['{', '}'], "")
}

#[tokio::test]
async fn each_route_takes_an_access_key_with_its_scope_and_no_other() {
    let service = Service::new().await;
    for scope in Scope::ALL {
        let asked = json!({"name": scope.name(), "scopes": [scope.name()]});
        let key = with_key(&service, &asked).await;
        for (method, path, needs) in nevis::needs() {
            let answer = key.request(method.clone(), &filled(&path)).empty().await;
            let lacking = match needs {
                Needs::NoKey => false,
                Needs::OneOf(needed) => !needed.has(scope),
            };
            assert_eq!(
                lacks(&answer),
                lacking,
                "{method} {path} with {}: {}",
                scope.name(),
                answer.text()
            );
            assert!(
                lacking || ![401, 403].contains(&answer.status),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn each_route_refuses_an_access_key_that_has_expired() {
    let service = Service::new().await;
    let asked = json!({"name": "short", "expires_at": "2026-01-02T04:00:00Z"});
    let key = with_key(&service, &asked).await;
    assert_eq!(key.get("/ping").await.status, 200);
    service.app.clock.advance_millis(3_600_000);
    for (method, path, needs) in nevis::needs() {
        if needs == Needs::NoKey {
            continue;
        }
        let answer = key.request(method.clone(), &filled(&path)).empty().await;
        assert_eq!(answer.status, 403, "{method} {path}");
        assert!(!lacks(&answer), "{method} {path}");
    }
}

#[tokio::test]
async fn an_intent_token_is_made_by_a_key_that_may_do_what_it_is_for() {
    let service = Service::new().await;
    for (scope, operation, other) in [
        ("enrol", "enroll", "approve"),
        ("approve", "approve", "enroll"),
    ] {
        let key = with_key(&service, &json!({"name": scope, "scopes": [scope]})).await;
        let intent = async |operation: &str| {
            let body = json!({"operation": operation, "username": "ada"});
            key.post("/api/v1/intent", &body).await
        };
        assert!(lacks(&intent(other).await), "{scope}");
        // The user is not there, which an enrolment needs not.
        let expected = if scope == "enrol" { 200 } else { 404 };
        assert_eq!(intent(operation).await.status, expected, "{scope}");
    }
}

#[test]
fn a_key_that_may_read_changes_nothing() {
    let read = Needs::from(Scope::Read);
    for (method, path, needs) in nevis::needs() {
        if needs == read {
            // The introspection has a body, and marks the token as seen.
            assert!(
                method == "GET" || path == "/api/v1/introspect",
                "{method} {path}"
            );
        }
        if method == "DELETE" {
            assert_eq!(needs, Needs::from(Scope::Manage), "{path}");
        }
        assert_ne!(needs, Needs::OneOf(Scopes::NONE), "{path}");
    }
}
