//! A key of one account sees nothing of another one. The routes come from the wire itself, so a new one is tested, too.

use axum::http::Method;
use domain::model::audit::{Actor, ActorKind};
use serde_json::{Value, json};
use server::api::nevis::paths;
use testkit::Authenticator;

use crate::common::{Answer, Client, FORM, JSON};
use crate::support::Service;

/// What a key of another account may know about.
struct Things {
    name: String,
    user: String,
    authenticator: String,
    instance: String,
    status_token: String,
    token: String,
}

impl Things {
    async fn of(service: &Service) -> Self {
        let mut authenticator = Authenticator::default();
        service.register("ada", &mut authenticator).await;
        let user = service.user("ada").await;
        let approval = service.approve(Some("ada")).await;
        let token = service.assert(&mut authenticator, &approval).await.token();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            name: "ada".to_owned(),
            user: text(&user["userId"]),
            authenticator: text(&user["authenticators"][0]["authenticatorId"]),
            instance: service.sid[2..].to_owned(),
            status_token: text(&approval["statusToken"]),
            token,
        }
    }

    /// Others, which exist nowhere.
    fn absent() -> Self {
        let nowhere = "00000000-0000-4000-8000-000000000000".to_owned();
        Self {
            name: "eve".to_owned(),
            user: nowhere.clone(),
            authenticator: nowhere,
            instance: "0".repeat(32),
            status_token: "a.b.c".to_owned(),
            token: "a.b.c".to_owned(),
        }
    }

    fn all(&self) -> [&str; 5] {
        [
            &self.user,
            &self.authenticator,
            &self.token,
            &self.status_token,
            &self.instance,
        ]
    }

    /// The requests of a back end that name these things on a route: method, path and query, media type, body. None for a route
    /// that needs no key.
    fn requests(&self, path: &str) -> Vec<(Method, String, &'static str, String)> {
        let name = &self.name;
        let post = |body: Value| vec![(Method::POST, path.to_owned(), JSON, body.to_string())];
        let get = |query: String| vec![(Method::GET, query, JSON, String::new())];
        let of = |methods: &[Method], path: String, body: Value| {
            let all = methods.iter().map(|method| {
                let body = match *method {
                    Method::POST | Method::PATCH => body.to_string(),
                    _ => String::new(),
                };
                (method.clone(), path.clone(), JSON, body)
            });
            all.collect()
        };
        match path {
            "/ping" | "/api/v1/logs/export" => get(path.to_owned()),
            "/api/v1/users/enroll" => post(json!({"username": name, "channel": "fido2"})),
            "/api/v1/approval" => {
                let mut all = post(json!({"username": name, "channel": "fido2"}));
                all.extend(post(json!({
                    "username": name, "channel": "fido2", "authenticatorId": self.authenticator
                })));
                all
            }
            "/api/v1/introspect" => [&self.token, &self.status_token]
                .into_iter()
                .map(|token| {
                    (
                        Method::POST,
                        path.to_owned(),
                        FORM,
                        format!("token={token}"),
                    )
                })
                .collect(),
            "/api/v1/intent" => ["enroll", "approve"]
                .into_iter()
                .flat_map(|operation| post(json!({"username": name, "operation": operation})))
                .collect(),
            "/api/v1/users" => get(format!("{path}?username={name}")),
            "/api/v1/aadb2c/users" => get(format!("{path}?objectId={name}")),
            "/api/v1/users/{user}" => {
                let path = path.replace("{user}", &self.user);
                of(&[Method::GET, Method::DELETE], path, json!({}))
            }
            "/api/v1/users/{user}/verification" => {
                let path = path.replace("{user}", &self.user);
                of(&[Method::POST], path, json!({"channel": "fido2"}))
            }
            "/api/v1/authenticators/{authenticator}" => {
                let path = path.replace("{authenticator}", &self.authenticator);
                let methods = [Method::PATCH, Method::DELETE];
                of(
                    &methods,
                    path,
                    json!({"name": "x", "userFriendlyName": "x"}),
                )
            }
            // Public: a page has no key, or the caller shows a token of the transaction itself.
            "/api/v1/status"
            | "/api/v1/jwks/{instance}"
            | "/_app/attestation/result"
            | "/_app/assertion/result" => Vec::new(),
            _ if path.starts_with("/.well-known/") => Vec::new(),
            _ => unreachable!("a route that this test does not know: {path}"),
        }
    }
}

/// The form of a value: member names and kinds of values.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), form(v))).collect(),
        Value::Array(items) => items.iter().map(form).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

async fn ask(caller: &Client, request: &(Method, String, &'static str, String)) -> Answer {
    let (method, path, media, body) = request;
    let call = caller.request(method.clone(), path);
    if body.is_empty() {
        call.empty().await
    } else {
        call.body(media, body.clone()).await
    }
}

/// What an answer says, without what differs between two requests.
fn said(answer: &Answer, things: &Things) -> String {
    if answer.status < 300 {
        // The log of the foreign Service is text, and has what this test did there.
        return form(&answer.json).to_string();
    }
    let request = answer.json["requestId"].as_str().unwrap_or("none");
    let mut text = answer.text().replace(request, "REQUEST");
    for thing in things.all() {
        text = text.replace(thing, "THING");
    }
    text.replace(&format!("username={}", things.name), "NAME")
        .replace(&format!("objectId={}", things.name), "NAME")
}

#[tokio::test]
async fn with_a_foreign_accounts_key_each_route_answers_as_if_the_thing_did_not_exist() {
    let service = Service::new().await;
    let things = Things::of(&service).await;
    let absent = Things::absent();
    let by = Actor::new(ActorKind::Admin, "test");
    let (another, token) = service.app.passkeys.create_account(&by).await.unwrap();
    let another = service
        .stranger()
        .with_secret(&format!("AC{}", another.id), token.reveal());
    let settings = "FriendlyName=B&Passkeys.RelyingParty.Id=acme.test&Passkeys.RelyingParty.Name=B\
                    &Passkeys.RelyingParty.Origins=https://acme.test";
    // Two Services: what is asked about the real things must not change what is answered about the others.
    let mut foreign = Vec::new();
    for _ in 0..2 {
        let made = another.post("/v2/Services", settings).await.expect(201);
        let keys = format!(
            "/manage/v1/services/{}/access-keys",
            made["sid"].as_str().unwrap()
        );
        let key = another.post(&keys, &json!({"name": "b"})).await.expect(201);
        foreign.push(service.app.access_key(key["key"].as_str().unwrap()));
    }
    let before = service.user("ada").await;
    let mut tried = 0;
    for path in paths() {
        let pairs = things
            .requests(&path)
            .into_iter()
            .zip(absent.requests(&path));
        for (real, unknown) in pairs {
            let of_real = ask(&foreign[0], &real).await;
            let of_unknown = ask(&foreign[1], &unknown).await;
            assert_eq!(of_real.status, of_unknown.status, "{real:?}");
            assert_eq!(
                said(&of_real, &things),
                said(&of_unknown, &absent),
                "{real:?}"
            );
            // A new enrolment makes another user of the same name.
            for id in [&things.user, &things.authenticator] {
                let echoed = real.1.contains(id.as_str()) && of_real.status >= 400;
                assert!(echoed || !of_real.text().contains(id.as_str()), "{real:?}");
            }
            tried += 1;
        }
    }
    assert!(tried > 12, "{tried}");
    assert_eq!(service.user("ada").await, before);
    // And the Service's own key does find them.
    for request in things.requests("/api/v1/users/{user}").iter().take(1) {
        assert_eq!(ask(&service.back_end(), request).await.status, 200);
    }
}
