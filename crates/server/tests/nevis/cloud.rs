//! A back end and a page that use the wire: one Service with an access key, and the whole router over a store.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::clock::{SteppedClock, Timestamp};
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::store::Storage;
use domain::webauthn::authentication::SignCountPolicy;
use serde_json::{Value, json};
use server::app::{App, PublicUrl};
use server::config::{Limits, Nevis};
use server::health::Lifecycle;
use storage::memory::Memory;
use testkit::{Authenticator, Lies};
use tower::ServiceExt as _;

use crate::counting::Counting;

/// Where passkeyd says that it is.
pub const PUBLIC_URL: &str = "https://passkeys.test";
/// The RP ID of the service.
pub const RP_ID: &str = "acme.test";
/// The origin of its pages.
pub const ORIGIN_OF_PAGES: &str = "https://acme.test";
/// 2026-01-02T03:04:05Z.
pub const START: i64 = 1_767_323_045_000;
const ACCOUNT: [u8; 16] = [0xac; 16];
const TOKEN: &str = "a-token-for-tests";

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null when the body is empty or not JSON.
    pub json: Value,
}

impl Reply {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

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

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The server, and a back end that holds a key of one of its Services.
#[derive(Clone)]
pub struct Cloud {
    pub router: Router,
    pub passkeys: Arc<Passkeys>,
    pub clock: Arc<SteppedClock>,
    pub lifecycle: Arc<Lifecycle>,
    /// The SID of the Service.
    pub service: String,
    /// The access key.
    pub key: String,
}

impl Cloud {
    pub async fn new() -> Self {
        Self::over(Arc::new(Memory::new())).await
    }

    pub async fn over(store: Arc<dyn Storage>) -> Self {
        let clock = Arc::new(SteppedClock::starting_at(Timestamp(START)));
        let passkeys = Passkeys::open(store, clock.clone(), Arc::new(Counting::default()))
            .await
            .expect("a new store opens");
        passkeys
            .bootstrap(Some((AccountId(ACCOUNT), Secret::new(TOKEN))))
            .await
            .expect("the store is empty");
        let passkeys = Arc::new(passkeys);
        let lifecycle = Arc::new(Lifecycle::default());
        let app = App::new(passkeys.clone(), PublicUrl::new(PUBLIC_URL)).with_lifecycle(&lifecycle);
        let mut cloud = Self {
            router: server::app::router(app, &Limits::default()),
            passkeys,
            clock,
            lifecycle,
            service: String::new(),
            key: String::new(),
        };
        cloud = cloud.another_service(RP_ID, ORIGIN_OF_PAGES).await;
        cloud
    }

    /// The same store behind another address and with other settings of the wire.
    pub fn elsewhere(&self, public_url: &str, settings: Nevis) -> Self {
        let app = App::new(self.passkeys.clone(), PublicUrl::new(public_url))
            .with_lifecycle(&self.lifecycle)
            .with_nevis(settings);
        Self {
            router: server::app::router(app, &Limits::default()),
            ..self.clone()
        }
    }

    /// The same server and another Service of it, with a key of its own.
    pub async fn another_service(&self, rp_id: &str, origin: &str) -> Self {
        let form = format!(
            "FriendlyName=Acme&Passkeys.RelyingParty.Id={rp_id}&Passkeys.RelyingParty.Name=Acme\
             &Passkeys.RelyingParty.Origins={origin}"
        );
        let service = self
            .request(Method::POST, "/v2/Services")
            .account()
            .body("application/x-www-form-urlencoded", form)
            .await
            .expect(201);
        let mut other = self.clone();
        service["sid"]
            .as_str()
            .expect("a SID")
            .clone_into(&mut other.service);
        let made = other.another_key("shop").await;
        made["key"]
            .as_str()
            .expect("a key")
            .clone_into(&mut other.key);
        other
    }

    /// One more access key of the Service.
    pub async fn another_key(&self, name: &str) -> Value {
        self.request(Method::POST, &self.manage("access-keys"))
            .account()
            .json(&json!({ "name": name }))
            .await
            .expect(201)
    }

    /// A path of the management API below the Service.
    pub fn manage(&self, rest: &str) -> String {
        format!("/manage/v1/services/{}/{rest}", self.service)
    }

    /// Changes what the Service has chosen for this wire.
    pub async fn choose(&self, change: Value) -> Value {
        self.request(Method::PATCH, &self.manage("nevis"))
            .account()
            .json(&change)
            .await
            .expect(200)
    }

    /// A counter that does not grow is refused from now on.
    pub async fn refuse_counters_that_do_not_grow(&self) {
        let id = RelyingPartyId::from_hex(&self.service[2..]).expect("a SID");
        let changed = self
            .passkeys
            .update_relying_party(AccountId(ACCOUNT), id, |rp| {
                rp.policy.sign_count = SignCountPolicy::Refuse;
            })
            .await;
        changed.expect("the Service is there");
    }

    pub fn request(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            cloud: self,
            request: Request::builder().method(method).uri(path),
        }
    }

    /// `POST` of the back end, with its access key.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.request(Method::POST, path).key().json(body).await
    }

    /// `GET` of the back end.
    pub async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path).key().empty().await
    }

    /// `DELETE` of the back end.
    pub async fn delete(&self, path: &str) -> Reply {
        self.request(Method::DELETE, path).key().empty().await
    }

    /// `POST` of a page, without any key.
    pub async fn page(&self, path: &str, body: &Value) -> Reply {
        self.request(Method::POST, path)
            .header(ACCEPT.as_str(), "application/json")
            .header(ORIGIN.as_str(), ORIGIN_OF_PAGES)
            .json(body)
            .await
    }

    /// Begins an enrolment.
    pub async fn enroll(&self, username: &str) -> Value {
        self.post(
            "/api/v1/users/enroll",
            &json!({"username": username, "displayName": "Ada K.", "channel": "fido2"}),
        )
        .await
        .expect(201)
    }

    /// Ends an enrolment; the answer of the result call.
    pub async fn attest(&self, authenticator: &mut Authenticator, enrolled: &Value) -> Reply {
        let body = attestation(authenticator, enrolled, &Lies::default());
        self.page("/_app/attestation/result", &body).await
    }

    /// A whole registration; the answer to the enrolment.
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
        self.post("/api/v1/approval", &body).await.expect(201)
    }

    /// Ends an approval; the answer of the result call.
    pub async fn assert(&self, authenticator: &mut Authenticator, approval: &Value) -> Reply {
        let body = assertion(authenticator, approval, &Lies::default());
        self.page("/_app/assertion/result", &body).await
    }

    /// Asks how a transaction stands.
    pub async fn status(&self, token: &Value) -> Value {
        self.page("/api/v1/status", &json!({ "statusToken": token }))
            .await
            .expect(200)
    }

    /// Introspects a token.
    pub async fn introspect(&self, token: &str) -> Value {
        self.request(Method::POST, "/api/v1/introspect")
            .key()
            .body(
                "application/x-www-form-urlencoded",
                format!("token={}", token.replace('+', "%2B")),
            )
            .await
            .expect(200)
    }

    /// The user object.
    pub async fn user(&self, username: &str) -> Value {
        self.get(&format!("/api/v1/users?username={username}"))
            .await
            .expect(200)
    }

    /// An intent token.
    pub async fn intent(&self, body: &Value) -> String {
        self.post("/api/v1/intent", body).await.expect(200)["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// The audit trail as rows of fields.
    pub async fn log(&self, query: &str) -> Vec<Vec<String>> {
        let reply = self.get(&format!("/api/v1/logs/export{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let rows = reply.text.split_terminator("\r\n");
        rows.map(|row| row.split(',').map(str::to_owned).collect())
            .collect()
    }
}

/// A request on its way.
pub struct Call<'c> {
    cloud: &'c Cloud,
    request: axum::http::request::Builder,
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// With the access key.
    pub fn key(self) -> Self {
        let key = self.cloud.key.clone();
        self.bearer(&key)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With the account's secret.
    pub fn account(self) -> Self {
        let pair = format!("AC{}:{TOKEN}", AccountId(ACCOUNT));
        self.header(
            AUTHORIZATION.as_str(),
            &format!("Basic {}", STANDARD.encode(pair)),
        )
    }

    pub async fn json(self, body: &Value) -> Reply {
        self.body("application/json", body.to_string()).await
    }

    pub async fn empty(self) -> Reply {
        self.send(Body::empty()).await
    }

    pub async fn body(self, content_type: &str, body: impl Into<Body>) -> Reply {
        self.header(CONTENT_TYPE.as_str(), content_type)
            .send(body)
            .await
    }

    pub async fn send(self, body: impl Into<Body>) -> Reply {
        let request = self.request.body(body.into()).expect("a request");
        let response = self
            .cloud
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
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
