//! One account sees nothing of another one. The routes come from the wires themselves, so a new one is tested, too.

use std::collections::BTreeSet;

use axum::http::Method;
use domain::model::audit::{Actor, ActorKind};
use serde_json::{Value, json};
use server::api::twilio::paths;
use server::transfer::export::{Lines, Wanted, export};
use testkit::{Authenticator, Lies};

use crate::common::{Answer, Client, FORM, JSON, TestApp};
use crate::support::{create, get};

/// What is in the braces of a path, and in bodies.
struct Things {
    service: String,
    factor: String,
    challenge: String,
    webhook: String,
    delivery: String,
    access_key: String,
    api_key: String,
    credential: String,
    /// The response to a pending registration, and to a pending sign-in.
    created: Value,
    assertion: Value,
}

impl Things {
    async fn of(account: &Client) -> Self {
        let path = account.service().await;
        let sid = |answer: &Value| answer["sid"].as_str().unwrap().to_owned();
        let mut authenticator = Authenticator::default();
        let factor = account
            .register(&path, "user-0001", &mut authenticator)
            .await;
        let pending = account.start(&path, "user-0002").await;
        let created = create(&mut Authenticator::default(), &pending, &Lies::default());
        let challenge = account
            .challenge(&path, &json!({"identity": "user-0001"}))
            .await;
        let assertion = get(&mut authenticator, &challenge, &Lies::default());
        let hook = "FriendlyName=x&EventTypes=factor.created&WebhookUrl=https%3A%2F%2Facme.test%2F";
        let webhook = account.post(&format!("{path}/Webhooks"), hook).await;
        let webhook = sid(&webhook.expect(201));
        let service = path.strip_prefix("/v2/Services/").unwrap().to_owned();
        let send_test = format!("/manage/v1/services/{service}/webhooks/{webhook}/test");
        let delivery = account.post(&send_test, &json!({})).await.expect(200);
        let named = json!({"name": "shop"});
        let keys = format!("/manage/v1/services/{service}/access-keys");
        let access_key = account.post(&keys, &named).await.expect(201);
        let api_key = account
            .post("/manage/v1/api-keys", &named)
            .await
            .expect(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            factor: sid(&factor),
            challenge: sid(&challenge),
            webhook,
            delivery: text(&delivery["id"]),
            access_key: text(&access_key["id"]),
            api_key: text(&api_key["id"]),
            credential: testkit::base64url(authenticator.credentials()[0].id()),
            service,
            created,
            assertion,
        }
    }

    /// The same, of which nothing exists.
    fn absent(&self) -> Self {
        let zeros = |sid: &str| format!("{}{}", &sid[..2], "0".repeat(32));
        Self {
            service: zeros(&self.service),
            factor: zeros(&self.factor),
            challenge: zeros(&self.challenge),
            webhook: zeros(&self.webhook),
            delivery: "f".repeat(32),
            access_key: "00000000-0000-4000-8000-000000000000".to_owned(),
            api_key: zeros(&self.api_key),
            credential: testkit::base64url(&[7; 16]),
            created: self.created.clone(),
            assertion: self.assertion.clone(),
        }
    }

    fn ids(&self) -> [&str; 8] {
        [
            &self.service,
            &self.factor,
            &self.challenge,
            &self.webhook,
            &self.delivery,
            &self.access_key,
            &self.api_key,
            &self.credential,
        ]
    }

    /// A path without braces.
    fn fill(&self, path: &str) -> String {
        let key = if path.contains("/access-keys/") {
            &self.access_key
        } else if path.contains("/credentials/") {
            &self.credential
        } else if path.contains("/deliveries/") {
            &self.delivery
        } else {
            &self.api_key
        };
        let filled = path
            .replace("{service}", &self.service)
            .replace("{identity}", "user-0001")
            .replace("{user}", "user-0001")
            .replace("{factor}", &self.factor)
            .replace("{challenge}", &self.challenge)
            .replace("{webhook}", &self.webhook)
            .replace("{token}", &format!("YK{}", "0".repeat(32)))
            .replace("{id}", key);
        assert!(
            !filled.contains('{'),
            "a parameter that this test does not know: {path}"
        );
        filled
    }

    /// A body that a call accepts.
    fn body(&self, method: &Method, path: &str) -> (&'static str, String) {
        let json = |value: &Value| (JSON, value.to_string());
        let form = |text: &str| (FORM, text.to_owned());
        if method == Method::GET || method == Method::DELETE {
            return form("");
        }
        match path.rsplit('/').next().unwrap_or_default() {
            "Factors" if path.contains("/Passkeys/") => {
                json(&json!({"friendly_name": "x", "identity": "user-0003"}))
            }
            "VerifyFactor" => json(&self.created),
            "ApproveChallenge" => json(&self.assertion),
            "Challenges" if path.contains("/Passkeys/") => json(&json!({"identity": "user-0001"})),
            "Entities" => form("Identity=user-0003"),
            "Webhooks" => {
                form("FriendlyName=y&EventTypes=factor.created&WebhookUrl=https%3A%2F%2Fb.test%2F")
            }
            _ if path.starts_with("/v2/") => form("FriendlyName=y"),
            "redeliver" if !path.contains("/deliveries/") => {
                json(&json!({"since_ms": 0, "until_ms": 1}))
            }
            "access-keys" | "api-keys" => json(&json!({"name": "y"})),
            _ => json(&json!({})),
        }
    }
}

/// What an answer says, without what differs between two requests.
fn said(answer: &Answer, things: &Things) -> (u16, String) {
    let request = answer.header("x-request-id").unwrap();
    let mut text = answer.text().replace(request, "REQUEST");
    for id in things.ids() {
        text = text.replace(id, "ID");
    }
    (answer.status, text)
}

/// All routes of the Twilio wire and of the management API, with their methods.
async fn routes(account: &Client) -> Vec<(Method, String)> {
    let things = Things::of(account).await;
    let mut routes = Vec::new();
    for path in paths() {
        let asked = account.request(Method::OPTIONS, &things.fill(&path));
        let answer = asked.empty().await;
        let allowed = answer.header("allow").unwrap().to_owned();
        let methods = allowed
            .split(',')
            .map(str::trim)
            .filter(|m| !["HEAD", "OPTIONS"].contains(m));
        let methods: Vec<Method> = methods.map(|m| m.parse().unwrap()).collect();
        assert!(!methods.is_empty(), "{path}: {allowed}");
        routes.extend(methods.into_iter().map(|method| (method, path.clone())));
    }
    let described = account.get("/manage/v1/openapi.json").await.expect(200);
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    routes
}

async fn exported(app: &TestApp) -> Vec<u8> {
    let mut lines = Lines::new(Vec::new());
    let wanted = Wanted {
        relying_party: None,
        history: true,
    };
    export(&app.passkeys, wanted, &mut lines).await.unwrap();
    lines.into_inner().unwrap()
}

#[tokio::test]
async fn with_a_foreign_accounts_key_each_route_answers_as_if_the_thing_did_not_exist() {
    let app = TestApp::new().await;
    let account = app.account();
    let routes = routes(&account).await;
    let things = Things::of(&account).await;
    let absent = things.absent();
    let by = Actor::new(ActorKind::Admin, "test");
    let (another, token) = app.passkeys.create_account(&by).await.unwrap();
    let foreign = app
        .stranger()
        .with_secret(&format!("AC{}", another.id), token.reveal());
    let before = exported(&app).await;
    let mut tried = BTreeSet::new();
    for (method, path) in routes
        .iter()
        .filter(|(_, path)| path.contains('{') && !path.contains("{aaguid}"))
    {
        let ask = async |caller: &Client, things: &Things| {
            let (media, text) = things.body(method, path);
            let call = caller.request(method.clone(), &things.fill(path));
            let answer = if text.is_empty() {
                call.empty().await
            } else {
                call.body(media, text).await
            };
            said(&answer, things)
        };
        let real = ask(&foreign, &things).await;
        let unknown = ask(&foreign, &absent).await;
        assert_eq!(real, unknown, "{method} {path}");
        // What this wire never has is refused for everybody, before anything is looked up.
        let refused_for_all = [400, 405].contains(&real.0) && {
            let own = ask(&account, &things).await;
            own.0 == real.0
        };
        assert!(
            real.0 == 404 || refused_for_all,
            "{method} {path}: {real:?}"
        );
        tried.insert((real.0, method.to_string(), path.clone()));
    }
    assert!(exported(&app).await == before, "nothing was changed");
    assert!(
        tried.iter().filter(|(status, ..)| *status == 404).count() > 30,
        "{tried:?}"
    );
    // Lists of the account itself do not have the things either.
    for (_, path) in routes
        .iter()
        .filter(|(method, path)| method == Method::GET && !path.contains('{'))
    {
        let answer = foreign.get(path).await;
        let text = answer.text();
        let leaked = things.ids().into_iter().find(|id| text.contains(id));
        assert_eq!(leaked, None, "{path}");
    }
    // And the account's own key does find them.
    let found = account
        .get(&things.fill("/v2/Services/{service}/Entities/{identity}"))
        .await;
    found.expect(200);
}
