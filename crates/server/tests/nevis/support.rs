//! The Nevis Authentication Cloud wire: a Service with an access key, its back end and its pages, and what they do.

use std::sync::Arc;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::model::ids::RelyingPartyId;
use domain::model::refusal::Refusal;
use domain::store::Storage;
use domain::webauthn::authentication::SignCountPolicy;
use serde_json::{Value, json};
use server::config::Settings;
use testkit::{Authenticator, Lies};

use crate::common::{ACCOUNT, Answer, Client, TestApp};

/// The RP ID of the service.
pub const RP_ID: &str = "acme.test";
/// The origin of its pages.
pub const ORIGIN_OF_PAGES: &str = "https://acme.test";

impl Answer {
    /// The body of an error that must have this status and the members that clients read.
    #[track_caller]
    pub fn refused(self, status: u16) -> Value {
        let json = self.expect(status);
        assert_eq!(json["status"], status, "{json}");
        for member in ["error", "message", "path"] {
            let text = json[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{member}: {json}");
        }
        json
    }

    /// A result call that failed: 200, `failed`, a sentence and no token.
    #[track_caller]
    pub fn failed(self) -> String {
        let json = self.expect(200);
        assert_eq!(json["status"], "failed", "{json}");
        assert!(json.get("token").is_none(), "{json}");
        let message = json["errorMessage"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "{json}");
        message.to_owned()
    }

    /// A result call that succeeded: the transaction token.
    #[track_caller]
    pub fn token(self) -> String {
        let json = self.expect(200);
        assert_eq!(json["status"], "ok", "{json}");
        assert_eq!(json["errorMessage"], "", "{json}");
        json["token"].as_str().expect("a token").to_owned()
    }
}

/// A Service of the app, with an access key.
#[derive(Clone)]
pub struct Service {
    pub app: TestApp,
    /// The SID of the Service.
    pub sid: String,
    /// The access key.
    pub key: String,
}

impl Service {
    pub async fn new() -> Self {
        Self::of(&TestApp::new().await).await
    }

    /// A Service in this store.
    pub async fn over(store: Arc<dyn Storage>) -> Self {
        Self::of(&TestApp::builder().store(store).build().await).await
    }

    async fn of(app: &TestApp) -> Self {
        Self::configured(app, RP_ID, ORIGIN_OF_PAGES).await
    }

    async fn configured(app: &TestApp, rp_id: &str, origin: &str) -> Self {
        let form = format!(
            "FriendlyName=Acme&Passkeys.RelyingParty.Id={rp_id}&Passkeys.RelyingParty.Name=Acme\
             &Passkeys.RelyingParty.Origins={origin}"
        );
        let made = app.account().post("/v2/Services", &form).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let service = Self {
            app: app.clone(),
            sid: made.text_at("/sid").to_owned(),
            key: String::new(),
        };
        let made = service.another_key("shop").await;
        let key = made["key"].as_str().expect("a key").to_owned();
        Self { key, ..service }
    }

    /// The back end, which has the access key.
    pub fn back_end(&self) -> Client {
        self.app.access_key(&self.key)
    }

    /// A page of the Service.
    pub fn page(&self) -> Client {
        self.app.page(ORIGIN_OF_PAGES)
    }

    pub fn account(&self) -> Client {
        self.app.account()
    }

    pub fn stranger(&self) -> Client {
        self.app.stranger()
    }

    /// The same Service, served with other settings.
    pub async fn elsewhere(&self, change: impl FnOnce(&mut Settings)) -> Self {
        Self {
            app: self.app.with_settings(change).await,
            ..self.clone()
        }
    }

    /// Another Service of the same app, with a key of its own.
    pub async fn another_service(&self, rp_id: &str, origin: &str) -> Self {
        Self::configured(&self.app, rp_id, origin).await
    }

    /// One more access key of the Service.
    pub async fn another_key(&self, name: &str) -> Value {
        let path = self.manage("access-keys");
        let body = json!({ "name": name });
        self.app.operator().post(&path, &body).await.expect(201)
    }

    /// A path of the management API below the Service.
    pub fn manage(&self, rest: &str) -> String {
        format!("/manage/v1/services/{}/{rest}", self.sid)
    }

    /// Changes what the Service has chosen for this wire.
    pub async fn choose(&self, change: Value) -> Value {
        let path = self.manage("nevis");
        let call = self.app.operator().request(Method::PATCH, &path);
        call.json(&change).await.expect(200)
    }

    /// A counter that does not grow is refused from now on.
    pub async fn refuse_counters_that_do_not_grow(&self) {
        let id = RelyingPartyId::from_hex(&self.sid[2..]).expect("a SID");
        let changed = self
            .app
            .passkeys
            .update_relying_party::<Refusal>(
                ACCOUNT,
                id,
                |rp| {
                    rp.policy.sign_count = SignCountPolicy::Refuse;
                    Ok(())
                },
                &domain::model::audit::Actor::new(domain::model::audit::ActorKind::Admin, "test"),
            )
            .await;
        changed.expect("the Service is there");
    }

    /// Begins an enrolment.
    pub async fn enroll(&self, username: &str) -> Value {
        self.back_end()
            .post(
                "/api/v1/users/enroll",
                &json!({"username": username, "displayName": "Ada K.", "channel": "fido2"}),
            )
            .await
            .expect(201)
    }

    /// Ends an enrolment; the response to the result call.
    pub async fn attest(&self, authenticator: &mut Authenticator, enrolled: &Value) -> Answer {
        let body = attestation(authenticator, enrolled, &Lies::default());
        self.page().post("/_app/attestation/result", &body).await
    }

    /// A whole registration; the response to the enrolment.
    pub async fn register(&self, username: &str, authenticator: &mut Authenticator) -> Value {
        let enrolled = self.enroll(username).await;
        self.attest(authenticator, &enrolled).await.token();
        enrolled
    }

    /// Begins an approval, for nobody when no name is given.
    pub async fn approve(&self, username: Option<&str>) -> Value {
        let mut body = json!({"channel": "fido2"});
        if let Some(name) = username {
            body["username"] = name.into();
        }
        self.back_end()
            .post("/api/v1/approval", &body)
            .await
            .expect(201)
    }

    /// Ends an approval; the response to the result call.
    pub async fn assert(&self, authenticator: &mut Authenticator, approval: &Value) -> Answer {
        let body = assertion(authenticator, approval, &Lies::default());
        self.page().post("/_app/assertion/result", &body).await
    }

    /// Asks how a transaction stands.
    pub async fn status(&self, token: &Value) -> Value {
        self.page()
            .post("/api/v1/status", &json!({ "statusToken": token }))
            .await
            .expect(200)
    }

    /// Introspects a token.
    pub async fn introspect(&self, token: &str) -> Value {
        let form = format!("token={}", token.replace('+', "%2B"));
        self.back_end()
            .post("/api/v1/introspect", &form)
            .await
            .expect(200)
    }

    /// The user object.
    pub async fn user(&self, username: &str) -> Value {
        self.back_end()
            .get(&format!("/api/v1/users?username={username}"))
            .await
            .expect(200)
    }

    /// An intent token.
    pub async fn intent(&self, body: &Value) -> String {
        self.back_end()
            .post("/api/v1/intent", body)
            .await
            .expect(200)["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The audit trail as rows of fields.
    pub async fn log(&self, query: &str) -> Vec<Vec<String>> {
        let reply = self
            .back_end()
            .get(&format!("/api/v1/logs/export{query}"))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let rows = reply.text().split_terminator("\r\n");
        rows.map(|row| row.split(',').map(str::to_owned).collect())
            .collect()
    }
}

/// The body of the result call that ends an enrolment.
pub fn attestation(authenticator: &mut Authenticator, enrolled: &Value, lies: &Lies) -> Value {
    let enrollment = &enrolled["enrollment"];
    let mut body = authenticator
        .create(
            &enrollment["credentialCreationOptions"],
            ORIGIN_OF_PAGES,
            lies,
        )
        .expect("a credential");
    body["statusToken"] = enrollment["statusToken"].clone();
    body
}

/// The body of the result call that ends an approval.
pub fn assertion(authenticator: &mut Authenticator, approval: &Value, lies: &Lies) -> Value {
    let mut body = authenticator
        .get(&approval["credentialRequestOptions"], ORIGIN_OF_PAGES, lies)
        .expect("an assertion");
    body["statusToken"] = approval["statusToken"].clone();
    body
}

/// What a token says.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// Whether a text is a UUID in lower case with hyphens.
pub fn is_uuid(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            })
    })
}

/// Whether a text is a timestamp with whole seconds and a Z.
pub fn is_timestamp(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 20 && text.ends_with('Z') && text[10..].starts_with('T'))
}

/// The names of an object's members, sorted.
pub fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}
