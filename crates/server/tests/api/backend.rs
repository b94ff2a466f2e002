//! A back end that uses passkeyd: one account, its credentials, and a router over the memory store.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::clock::{SteppedClock, Timestamp};
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::relying_party::RelyingParty;
use domain::service::metadata::MetadataTrust;
use serde_json::{Value, json};
use server::app::{App, PublicUrl};
use storage::memory::Memory;
use testkit::{Authenticator, Lies};
use tower::ServiceExt as _;

use crate::counting::Counting;

/// Where passkeyd says that it is; with a path prefix, which every emitted URL must carry.
pub const PUBLIC_URL: &str = "https://passkeys.test/prefix";
/// The origin that services are configured with.
pub const ORIGIN: &str = "https://acme.test";
/// 2026-01-02T03:04:05Z.
const START: i64 = 1_767_323_045_000;
const ACCOUNT: [u8; 16] = [0xac; 16];
const TOKEN: &str = "a-token-for-tests";

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// Null when the body is empty or not JSON.
    pub json: Value,
}

impl Reply {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(
            self.status,
            status,
            "{}",
            String::from_utf8_lossy(&self.bytes)
        );
        self.json
    }

    /// The error that an answer must be.
    #[track_caller]
    pub fn refused(self, status: u16, code: u32) -> Value {
        let json = self.expect(status);
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["status"], status, "{json}");
        assert_eq!(
            json["more_info"],
            format!("{PUBLIC_URL}/docs/errors/{code}")
        );
        assert!(
            json["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{json}"
        );
        // Both would make the SDKs take it for another kind of error.
        assert!(
            json.get("type").is_none() && json.get("title").is_none(),
            "{json}"
        );
        json
    }
}

/// The back end.
#[derive(Clone)]
pub struct Backend {
    pub router: Router,
    pub passkeys: Arc<Passkeys>,
    pub clock: Arc<SteppedClock>,
    pub store: Arc<Memory>,
    authorization: Option<String>,
    /// The `Idempotency-Key` of each request.
    key: Option<String>,
}

impl Backend {
    pub async fn new() -> Self {
        Self::believing(MetadataTrust::default()).await
    }

    /// A back end whose passkeyd believes these metadata.
    pub async fn believing(trust: MetadataTrust) -> Self {
        let clock = Arc::new(SteppedClock::starting_at(Timestamp(START)));
        let store = Arc::new(Memory::new());
        let passkeys = Passkeys::open(store.clone(), clock.clone(), Arc::new(Counting::default()))
            .await
            .expect("a new store opens")
            .with_metadata_trust(trust);
        passkeys
            .bootstrap(Some((AccountId(ACCOUNT), Secret::new(TOKEN))))
            .await
            .expect("the store is empty");
        let passkeys = Arc::new(passkeys);
        let app = App::new(passkeys.clone(), PublicUrl::new(PUBLIC_URL));
        let router = server::api::twilio::router()
            .merge(server::api::docs::router())
            .merge(server::api::manage::router())
            .with_state(app);
        let authorization = Some(basic(&account_sid(), TOKEN));
        Self {
            router,
            passkeys,
            clock,
            store,
            authorization,
            key: None,
        }
    }

    /// The same back end, in front of the whole server instead of the wire's routes.
    pub fn of_the_whole_server(&self) -> Self {
        let app = App::new(self.passkeys.clone(), PublicUrl::new(PUBLIC_URL));
        Self {
            router: server::app::router(app, &server::config::Limits::default()),
            ..self.clone()
        }
    }

    /// The same back end with another `Authorization` header, or none.
    pub fn with_authorization(&self, value: Option<String>) -> Self {
        Self {
            authorization: value,
            ..self.clone()
        }
    }

    /// The same back end, which sends this `Idempotency-Key`.
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX)
            .await
            .expect("a whole body")
            .to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if !bytes.is_empty() && !json.is_null() {
            assert_eq!(parts.headers[CONTENT_TYPE], "application/json");
        }
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes,
            json,
        }
    }

    pub async fn request(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(value) = content_type {
            request = request.header(CONTENT_TYPE, value);
        }
        self.send(request.body(body.into()).expect("a request"))
            .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path, None, Body::empty()).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.request(Method::DELETE, path, None, Body::empty())
            .await
    }

    pub async fn form(&self, path: &str, body: &str) -> Reply {
        let kind = "application/x-www-form-urlencoded";
        self.request(Method::POST, path, Some(kind), body.to_owned())
            .await
    }

    pub async fn json(&self, path: &str, body: &Value) -> Reply {
        self.request(
            Method::POST,
            path,
            Some("application/json"),
            body.to_string(),
        )
        .await
    }

    /// A URL that an answer emitted, as a path for this router.
    pub async fn follow(&self, url: &Value) -> Reply {
        let url = url.as_str().expect("a URL");
        self.get(url.strip_prefix(PUBLIC_URL).expect("a URL of ours"))
            .await
    }

    /// A service with everything configured, verification preferred; its path.
    pub async fn service(&self) -> String {
        let service = self.form("/v2/Services", CONFIGURED).await.expect(201);
        format!("/v2/Services/{}", service["sid"].as_str().expect("a SID"))
    }

    /// Changes the policy of a service, which this wire cannot.
    pub async fn change(&self, service: &str, change: impl Fn(&mut RelyingParty) + Send + Sync) {
        let id = RelyingPartyId::from_hex(&service["/v2/Services/VA".len()..]).expect("a SID");
        let changed = self
            .passkeys
            .update_relying_party(AccountId(ACCOUNT), id, change)
            .await;
        changed.expect("the service is there");
    }

    /// Starts a registration; the factor with its options.
    pub async fn start(&self, service: &str, identity: &str) -> Value {
        let body = json!({"friendly_name": "Phone", "identity": identity});
        self.json(&format!("{service}/Passkeys/Factors"), &body)
            .await
            .expect(201)
    }

    pub async fn verify(&self, service: &str, credential: &Value) -> Reply {
        self.json(&format!("{service}/Passkeys/VerifyFactor"), credential)
            .await
    }

    pub async fn approve(&self, service: &str, credential: &Value) -> Reply {
        self.json(&format!("{service}/Passkeys/ApproveChallenge"), credential)
            .await
    }

    /// Creates a challenge.
    pub async fn challenge(&self, service: &str, body: &Value) -> Value {
        self.json(&format!("{service}/Passkeys/Challenges"), body)
            .await
            .expect(201)
    }

    /// A whole registration; the verified factor.
    pub async fn register(
        &self,
        service: &str,
        identity: &str,
        authenticator: &mut Authenticator,
    ) -> Value {
        let factor = self.start(service, identity).await;
        let credential = create(authenticator, &factor, &Lies::default());
        self.verify(service, &credential).await.expect(200)
    }
}

/// Form of a service with all passkeys settings.
pub const CONFIGURED: &str = "FriendlyName=Acme&Passkeys.RelyingParty.Id=acme.test\
    &Passkeys.RelyingParty.Name=Acme&Passkeys.RelyingParty.Origins=https%3A%2F%2Facme.test\
    &Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=preferred\
    &Passkeys.UserVerification=preferred";

/// The browser's answer to a factor's options.
pub fn create(authenticator: &mut Authenticator, factor: &Value, lies: &Lies) -> Value {
    authenticator
        .create(&factor["options"], ORIGIN, lies)
        .expect("a credential")
}

/// The browser's answer to a challenge's options.
pub fn get(authenticator: &mut Authenticator, challenge: &Value, lies: &Lies) -> Value {
    authenticator
        .get(&challenge["options"], ORIGIN, lies)
        .expect("an assertion")
}

/// The SID of the account.
pub fn account_sid() -> String {
    format!("AC{}", AccountId(ACCOUNT))
}

/// The value of an `Authorization` header.
pub fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

/// Replaces what an authenticator draws at random, so that the rest can be compared.
pub fn without_random(mut value: Value, authenticator: &Authenticator) -> Value {
    for credential in authenticator.credentials() {
        let id = testkit::base64url(credential.id());
        let text = value.to_string().replace(&id, "[credential id]");
        value = serde_json::from_str(&text).expect("still JSON");
    }
    value
}
