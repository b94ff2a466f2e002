//! Known secrets never leave passkeyd by another way than the response that issues them: not in its log at any level, other
//! responses, events, deliveries, metrics or pages of the console.

use axum::http::Method;
use domain::model::clock::SystemRandomness;
use domain::model::master_key::{MasterKey, MasterKeys};
use serde_json::{Value, json};
use server::api::{nevis, twilio};
use server::console::routes;
use testkit::{Authenticator, Lies};
use tracing::Level;

use crate::common::{Answer, FORM, JSON, Log, TOKEN, TestApp, account_sid, basic};
use crate::console_browser::{fill, owner};

/// Where the pages are.
const ORIGIN: &str = "https://acme.test";

/// The end of the calls and pages that show secrets again, on purpose.
const SECRETS: &str = "/secrets";

/// The secrets of a run, and what passkeyd has shown beside them.
#[derive(Default)]
struct Run {
    secrets: Vec<(&'static str, String)>,
    shown: Vec<(String, String)>,
}

impl Run {
    fn secret(&mut self, what: &'static str, text: &str) -> String {
        assert!(text.len() > 15, "{what} is too short to be searched for");
        self.secrets.push((what, text.to_owned()));
        text.to_owned()
    }

    fn secret_at(&mut self, what: &'static str, value: &Value) -> String {
        self.secret(what, value.as_str().expect(what))
    }

    fn shows(&mut self, of: impl Into<String>, answer: &Answer) {
        let of = of.into();
        assert!(answer.status < 500, "{of}: {}", answer.status);
        let body = String::from_utf8_lossy(&answer.bytes);
        let whole = format!("{} {:?} {body}", answer.status, answer.headers);
        self.shown.push((of, whole));
    }

    fn shows_text(&mut self, of: &str, text: String) {
        self.shown.push((of.to_owned(), text));
    }

    /// No secret is in what was shown.
    fn check(&self) {
        for (of, shown) in &self.shown {
            for (what, secret) in &self.secrets {
                assert!(!shown.contains(secret), "{what} in {of}: {shown}");
            }
        }
    }
}

/// Sends every secret where it does not belong: as each part of each route, and to nobody's route.
async fn misuse(app: &TestApp, run: &mut Run, filled: &dyn Fn(&str) -> String) {
    let described = app
        .account()
        .get("/manage/v1/openapi.json")
        .await
        .expect(200);
    let of_manage = described["paths"].as_object().expect("paths").keys();
    let mut paths: Vec<String> = twilio::paths().chain(of_manage.cloned()).collect();
    paths.extend(nevis::paths());
    paths.extend(routes().map(|route| route.path.to_owned()));
    paths.push("/prefix/nothing/{id}".to_owned());
    paths.sort_unstable();
    paths.dedup();
    let secrets = run.secrets.clone();
    for (n, path) in paths.iter().enumerate() {
        // Each path gets some of the secrets; over all of them each secret is everywhere.
        let (what, secret) = &secrets[n % secrets.len()];
        let filled = filled(path);
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            for (how, caller) in [
                ("bearer", app.access_key(secret)),
                (
                    "password",
                    app.stranger()
                        .with_secret(&account_sid(), &format!("{secret}x")),
                ),
                ("user name", app.stranger().with_secret(secret, "x")),
                (
                    "cookie",
                    app.stranger().with("cookie", &format!("a={secret}")),
                ),
                ("origin", app.page(&format!("https://{secret}.test"))),
            ] {
                let call = caller.request(method.clone(), &filled);
                let answer = call.body(JSON, format!("{{\"{secret}\": [")).await;
                run.shows(format!("{what} as {how} of {method} {path}"), &answer);
            }
            if method == Method::GET || method == Method::DELETE {
                continue;
            }
            let body = json!({
                "name": {"a": secret}, "username": [secret], "statusToken": secret, "token": secret,
                "challenge": secret, "id": secret, "rawId": secret, "response": {"clientDataJSON": secret},
            });
            for (media, body) in [
                (JSON, body.to_string()),
                (
                    FORM,
                    format!("PageToken={secret}&FriendlyName=%00{secret}&token={secret}&{secret}"),
                ),
                ("text/plain", secret.clone()),
            ] {
                let call = app.account().request(method.clone(), &filled);
                let answer = call.body(media, body).await;
                // What the account itself wrote as a name comes back to it.
                if answer.status >= 400 {
                    run.shows(format!("{what} in {media} to {method} {path}"), &answer);
                }
            }
        }
    }
}

/// Everything that can be read.
async fn read(app: &TestApp, run: &mut Run, filled: &dyn Fn(&str) -> String, key: &str) {
    let described = app
        .account()
        .get("/manage/v1/openapi.json")
        .await
        .expect(200);
    let of_manage = described["paths"].as_object().expect("paths").keys();
    for path in twilio::paths().chain(of_manage.cloned()) {
        if path.ends_with(SECRETS) {
            continue;
        }
        let answer = app.account().get(&filled(&path)).await;
        run.shows(format!("GET {path}"), &answer);
    }
    for path in nevis::paths() {
        let answer = app.access_key(key).get(&filled(&path)).await;
        run.shows(format!("GET {path}"), &answer);
    }
    for path in [
        "/livez",
        "/readyz",
        "/console/sign-in",
        "/v2/Services?PageSize=2",
    ] {
        let answer = app.account().get(path).await;
        run.shows(format!("GET {path}"), &answer);
    }
    let metrics = app.metrics.text(&app.passkeys, &app.lifecycle).await;
    let metrics = String::from_utf8(metrics.expect("metrics"));
    run.shows_text("metrics", metrics.expect("UTF-8"));
    run.shows_text("debug of the service", format!("{:?}", app.passkeys));
}

/// Sign-ins through both wires, with a refusal, and with ceremonies that nobody answers.
async fn sign_ins(app: &TestApp, run: &mut Run, path: &str, key: &str) {
    let account = app.account();
    let mut passkey = Authenticator::default();
    account.register(path, "user-0001", &mut passkey).await;
    let user = json!({"identity": "user-0001"});
    let pending = account.challenge(path, &user).await;
    let options = &pending["options"]["publicKey"];
    let mut answer = passkey
        .get(options, ORIGIN, &Lies::default())
        .expect("a credential");
    answer["response"]["signature"] = "AAAA".into();
    run.shows("a refusal", &account.approve(path, &answer).await);
    let open = account.challenge(path, &user).await;
    run.secret_at(
        "an open challenge",
        &open["options"]["publicKey"]["challenge"],
    );
    let back_end = app.access_key(key);
    let user = json!({"username": "grace-0001", "channel": "fido2"});
    let enrolled = back_end
        .post("/api/v1/users/enroll", &user)
        .await
        .expect(201);
    let enrolment = &enrolled["enrollment"];
    let options = &enrolment["credentialCreationOptions"];
    let mut answer = passkey
        .create(options, ORIGIN, &Lies::default())
        .expect("a credential");
    answer["statusToken"] = enrolment["statusToken"].clone();
    run.secret_at("a status token", &enrolment["statusToken"]);
    let done = app
        .page(ORIGIN)
        .post("/_app/attestation/result", &answer)
        .await;
    run.secret_at("a token of a transaction", &done.expect(200)["token"]);
    let intent = json!({"username": "grace-0001", "operation": "approve"});
    let intent = back_end.post("/api/v1/intent", &intent).await.expect(200);
    run.secret_at("an intent token", &intent["token"]);
    let approval = back_end.post("/api/v1/approval", &user).await.expect(201);
    run.secret_at(
        "an open challenge",
        &approval["credentialRequestOptions"]["challenge"],
    );
    run.secret_at("a status token", &approval["statusToken"]);
}

/// A run with every kind of secret, with the log of this level.
async fn run(level: Level) -> usize {
    let log = Log::at(level);
    let mut run = Run::default();
    let keys = MasterKeys {
        current: MasterKey::random(&SystemRandomness),
        previous: None,
    };
    let app = TestApp::builder().master_keys(&keys).build().await;
    run.secret("the master key", &keys.current.reveal());
    run.secret("the auth token", TOKEN);
    let header = basic(&account_sid(), TOKEN);
    run.secret("the header of the account", &header["Basic ".len()..]);
    let account = app.account();
    let filled = fill(&app).await;

    let manage = format!("/manage/v1/services/{}", filled.service);
    let named = json!({"name": "shop"});
    let key = account.post(&format!("{manage}/access-keys"), &named).await;
    let key = run.secret_at("an access key", &key.expect(201)["key"]);
    let api_key = account
        .post("/manage/v1/api-keys", &named)
        .await
        .expect(201);
    let secret = run.secret_at("the secret of an API key", &api_key["secret"]);
    let by_key = app
        .stranger()
        .with_secret(api_key["id"].as_str().expect("an id"), &secret);
    run.shows("a call with the API key", &by_key.get("/v2/Services").await);
    let path = format!("/v2/Services/{}", filled.service);
    let hook = filled.webhook.clone();
    let secrets = format!("{manage}/webhooks/{hook}/secrets");
    let shown = account.get(&secrets).await.expect(200);
    run.secret_at("the secret of a webhook", &shown["secret"]);
    run.secret_at("the token of a webhook", &shown["signing_token"]);

    sign_ins(&app, &mut run, &path, &key).await;

    // The console.
    let owner = owner(&app).await;
    run.secret("the cookie of the console", &owner.session);

    let delivery = account
        .post(&format!("{manage}/webhooks/{hook}/test"), &json!({}))
        .await;
    run.shows("a test of a webhook", &delivery);
    let places = |path: &str| {
        filled
            .path(&path.replace("{identity}", "user-0001"))
            .replace("{factor}", &filled.passkey)
            .replace("{challenge}", &format!("YC{}", filled.ceremony))
            .replace("{authenticator}", "00000000-0000-4000-8000-000000000000")
            .replace("{instance}", &filled.service[2..])
            .replace("{aaguid}", "00000000-0000-0000-0000-000000000000")
    };
    read(&app, &mut run, &places, &key).await;
    for route in routes().filter(|route| route.method == "GET" && !route.path.ends_with(SECRETS)) {
        let answer = owner.client.get(&filled.path(route.path)).await;
        run.shows(format!("page {}", route.path), &answer);
    }
    misuse(&app, &mut run, &places).await;
    for route in routes().filter(|route| route.method == "GET" && !route.path.ends_with(SECRETS)) {
        let answer = owner.client.get(&filled.path(route.path)).await;
        run.shows(format!("page {} afterwards", route.path), &answer);
    }
    read(&app, &mut run, &places, &key).await;
    run.shows_text("the log", log.text());
    assert!(run.secrets.len() > 12 && run.shown.len() > 500);
    run.check();
    log.text().len()
}

#[tokio::test]
async fn a_secret_is_in_the_response_that_issues_it_and_nowhere_else_at_any_level_of_the_log() {
    let mut lengths = Vec::new();
    for level in [
        Level::ERROR,
        Level::WARN,
        Level::INFO,
        Level::DEBUG,
        Level::TRACE,
    ] {
        lengths.push(Box::pin(run(level)).await);
    }
    // The log was there to be searched.
    assert!(lengths[2] > 10_000, "{lengths:?}");
}
