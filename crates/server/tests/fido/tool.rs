//! A conformance tool: it has authenticators, describes them in metadata, and talks to the binding.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request};
use domain::model::account::Secret;
use domain::model::clock::{SteppedClock, Timestamp};
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::metadata::MetadataSource;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::service::accounts::Bootstrap;
use domain::service::metadata::{ImportedMetadata, MetadataTrust};
use domain::{Passkeys, Reason};
use serde_json::{Value, json};
use server::api::RefusalInfo;
use server::api::fido::{self, Fido};
use server::api::nevis::Issued;
use server::app::{App, PublicUrl};
use server::config;
use storage::memory::Memory;
use testkit::metadata::{Blob, BlobLies, Entry, Service};
use testkit::{Algorithm, Authenticator, Lies, Profile};
use tower::ServiceExt as _;

use crate::counting::Counting;

/// Where passkeyd is; the conformance Relying Party is at the same place.
pub const ORIGIN: &str = "https://passkeys.test";
/// 2026-01-02T03:04:05Z, in milliseconds.
pub const START: i64 = 1_767_323_045_000;
const ACCOUNT: [u8; 16] = [0xac; 16];
const TOKEN: &str = "a-token-for-tests";

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
    /// What the log says.
    pub reason: Option<Reason>,
}

impl Reply {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.json);
        assert_eq!(self.json["status"], "ok", "{}", self.json);
        assert_eq!(self.json["errorMessage"], "", "{}", self.json);
        self.json
    }

    /// A failure (NV-170): a status of 4xx, `failed`, and a message; because of `reason`.
    #[track_caller]
    pub fn failed(self, reason: Reason) -> String {
        assert!((400..500).contains(&self.status), "{self:?}");
        self.failed_with(self.status, reason)
    }

    /// A failure with this status.
    #[track_caller]
    pub fn failed_with(&self, status: u16, reason: Reason) -> String {
        let message = self.failed_somehow(status);
        assert_eq!(self.reason, Some(reason), "{message}");
        message
    }

    /// A failure with this status that has no reason of the domain.
    #[track_caller]
    pub fn failed_somehow(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json["status"], "failed", "{}", self.json);
        let message = self.json["errorMessage"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "{}", self.json);
        message.to_owned()
    }
}

/// The tool, and the server that it tests.
pub struct Tool {
    pub router: Router,
    pub passkeys: Arc<Passkeys>,
    pub clock: Arc<SteppedClock>,
    /// The metadata service.
    pub service: Service,
    no: AtomicI64,
}

impl Tool {
    pub async fn new() -> Self {
        let service = Service::new(Algorithm::ES256).unwrap();
        let root = service.root().to_vec();
        let trust = MetadataTrust {
            roots: vec![root],
            ..MetadataTrust::default()
        };
        Self::with(service, trust, |settings| settings.conformance = true).await
    }

    pub async fn with(
        service: Service,
        trust: MetadataTrust,
        change: impl FnOnce(&mut config::Fido),
    ) -> Self {
        let clock = Arc::new(SteppedClock::starting_at(Timestamp(START)));
        let store = Arc::new(Memory::new());
        let passkeys = Passkeys::open(store, clock.clone(), Arc::new(Counting::default()))
            .await
            .unwrap()
            .with_metadata_trust(trust);
        let passkeys = Arc::new(passkeys);
        let given = Some((AccountId(ACCOUNT), Secret::new(TOKEN)));
        let Ok(Bootstrap::Created(account, _)) = passkeys.bootstrap(given).await else {
            panic!("the store is empty");
        };
        let public_url = PublicUrl::new(ORIGIN);
        let mut settings = config::Fido::default();
        change(&mut settings);
        let rp = fido::relying_party(&settings, &passkeys, account, &public_url).await;
        let fido = Fido::of(&settings, &passkeys, rp.unwrap().unwrap());
        let app = App::new(passkeys.clone(), PublicUrl::new(ORIGIN));
        let keys = Arc::new(Issued(app.clone()));
        let fido = fido.map(|fido| fido.with_access_keys(keys));
        let more = fido.as_ref().map(fido::router).unwrap_or_default();
        Self {
            router: server::app::router_with(app, &config::Limits::default(), more),
            passkeys,
            clock,
            service,
            no: AtomicI64::new(0),
        }
    }

    /// The same server, serving the same Service through the dialect alone.
    pub async fn strict(self) -> Self {
        let account = AccountId(ACCOUNT);
        let settings = config::Fido {
            nevisfido: true,
            relying_party: Some(format!("VA{}", self.service().await)),
            ..config::Fido::default()
        };
        let public_url = PublicUrl::new(ORIGIN);
        let rp = fido::relying_party(&settings, &self.passkeys, account, &public_url).await;
        let fido = Fido::of(&settings, &self.passkeys, rp.unwrap().unwrap());
        let app = App::new(self.passkeys.clone(), PublicUrl::new(ORIGIN));
        let more = fido::router(&fido.unwrap());
        let limits = config::Limits::default();
        Self {
            router: server::app::router_with(app, &limits, more),
            ..self
        }
    }

    /// A request with these headers.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            reason: parts
                .extensions
                .get::<RefusalInfo>()
                .and_then(|info| info.reason),
        }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        let headers = [
            (CONTENT_TYPE.as_str(), "application/json"),
            (ACCEPT.as_str(), "application/json"),
        ];
        self.send(Method::POST, path, &headers, body.to_string())
            .await
    }

    /// As a back end with the account's secret.
    pub async fn post_with_secret(&self, path: &str, body: &Value) -> Reply {
        self.post_as(&secret(), path, body).await
    }

    /// With this `Authorization`.
    pub async fn post_as(&self, authorization: &str, path: &str, body: &Value) -> Reply {
        let headers = [
            (CONTENT_TYPE.as_str(), "application/json"),
            (ACCEPT.as_str(), "application/json"),
            (AUTHORIZATION.as_str(), authorization),
        ];
        self.send(Method::POST, path, &headers, body.to_string())
            .await
    }

    /// The only Relying Party of the account.
    pub async fn service(&self) -> RelyingPartyId {
        let page = domain::model::page::PageRequest::first(1);
        let made = self
            .passkeys
            .list_relying_parties(AccountId(ACCOUNT), page)
            .await;
        made.unwrap().items[0].id
    }

    /// Changes the Relying Party.
    pub async fn change(
        &self,
        service: RelyingPartyId,
        change: impl Fn(&mut RelyingParty) + Send + Sync,
    ) {
        self.passkeys
            .update_relying_party(AccountId(ACCOUNT), service, change)
            .await
            .unwrap();
    }

    /// Puts metadata with these entries in force.
    pub async fn describe(&self, entries: Vec<Entry>) {
        self.publish(&Blob::of(entries), &BlobLies::default())
            .await
            .expect("flawless metadata are taken in");
    }

    /// Offers a BLOB, as the server would fetch it.
    pub async fn publish(&self, blob: &Blob, lies: &BlobLies) -> Result<ImportedMetadata, Refusal> {
        let blob = Blob {
            no: self.no.fetch_add(1, Ordering::Relaxed) + 1,
            ..blob.clone()
        };
        let text = self.service.sign_with_lies(&blob, lies).unwrap();
        self.passkeys
            .import_metadata(text.as_bytes(), MetadataSource::Fetch)
            .await
    }

    /// Options of a registration, with further members in the request.
    pub async fn creation_options(&self, username: &str, more: &Value) -> Value {
        let mut request =
            json!({"username": username, "displayName": "Mira", "attestation": "direct"});
        extend(&mut request, more);
        self.post("/attestation/options", &request).await.ok()
    }

    /// Options of an authentication, with further members in the request.
    pub async fn request_options(&self, username: &str, more: &Value) -> Value {
        let mut request = json!({"username": username});
        extend(&mut request, more);
        self.post("/assertion/options", &request).await.ok()
    }

    /// A registration by an authenticator that is described truly; what the server says.
    pub async fn register(&self, device: &mut Device, lies: &Lies) -> Reply {
        let credential = self.create(device, lies).await;
        self.post("/attestation/result", &credential).await
    }

    /// The answer of an authenticator that is described truly, not yet sent.
    pub async fn create(&self, device: &mut Device, lies: &Lies) -> Value {
        let options = self.creation_options("mira", &json!({})).await;
        let authenticator = &mut device.authenticator;
        let credential = authenticator.create(&options, ORIGIN, lies).unwrap();
        let entry = device.entry(&credential);
        self.describe(vec![entry]).await;
        credential
    }

    /// A new user with an authenticator that makes no statements.
    pub async fn registered(&self, profile: Profile) -> Authenticator {
        let mut authenticator = Authenticator::new(Profile {
            format: testkit::Format::None,
            ..profile
        });
        let options = self.creation_options("mira", &json!({})).await;
        let credential = authenticator
            .create(&options, ORIGIN, &Lies::default())
            .unwrap();
        self.post("/attestation/result", &credential).await.ok();
        authenticator
    }

    /// An authentication of that user.
    pub async fn sign_in(
        &self,
        authenticator: &mut Authenticator,
        verification: &str,
        lies: &Lies,
    ) -> Reply {
        let assertion = self.assertion(authenticator, verification, lies).await;
        self.post("/assertion/result", &assertion).await
    }

    /// The answer of that user's authenticator, not yet sent.
    pub async fn assertion(
        &self,
        authenticator: &mut Authenticator,
        verification: &str,
        lies: &Lies,
    ) -> Value {
        let wish = json!({"userVerification": verification});
        let options = self.request_options("mira", &wish).await;
        authenticator.get(&options, ORIGIN, lies).unwrap()
    }
}

/// The account's secret, as HTTP Basic.
pub fn secret() -> String {
    use base64::Engine as _;
    let pair = format!("AC{}:{TOKEN}", AccountId(ACCOUNT));
    let secret = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {secret}")
}

/// An authenticator and what its maker says of it.
pub struct Device {
    pub authenticator: Authenticator,
    /// `attestationTypes` of the metadata statement.
    pub attestation_type: &'static str,
    /// `authenticationAlgorithms` of the metadata statement.
    pub algorithms: Vec<&'static str>,
}

impl Device {
    pub fn new(attestation_type: &'static str, profile: Profile) -> Self {
        Self {
            authenticator: Authenticator::new(profile),
            attestation_type,
            algorithms: vec!["secp256r1_ecdsa_sha256_raw"],
        }
    }

    /// What the metadata say of the model that made this credential.
    fn entry(&mut self, credential: &Value) -> Entry {
        let root = self.authenticator.attestation_root().unwrap();
        let profile = &self.authenticator.profile;
        let mut entry = if profile.aaguid == [0; 16] {
            Entry::u2f(key_identifiers(credential), root)
        } else {
            Entry::fido2(profile.aaguid, root)
        };
        entry.attestation_types = vec![self.attestation_type.to_owned()];
        if self.attestation_type == "basic_surrogate" {
            entry.roots.clear();
        }
        let algorithms = json!(self.algorithms);
        let name = "authenticationAlgorithms".to_owned();
        entry.extra_statement.insert(name, algorithms);
        entry
    }
}

/// The identifiers of the attestation keys in a credential.
fn key_identifiers(credential: &Value) -> Vec<String> {
    use webauthn::cbor::{KeyOrder, read};
    let object = credential["response"]["attestationObject"]
        .as_str()
        .unwrap();
    let object = testkit::from_base64url(object).unwrap();
    let object = read(&object, KeyOrder::Any).unwrap();
    let x5c = object
        .get("attStmt")
        .and_then(|statement| statement.get("x5c"));
    let certificates = x5c.and_then(|x5c| x5c.as_array()).unwrap_or_default();
    certificates
        .iter()
        .filter_map(|certificate| testkit::certificate_key_identifier(certificate.as_bytes()?))
        .collect()
}

fn extend(object: &mut Value, members: &Value) {
    for (name, value) in members.as_object().expect("an object") {
        object[name] = value.clone();
    }
}

/// Lies, made by changing those that are none.
pub fn lies(change: impl FnOnce(&mut Lies)) -> Lies {
    let mut lies = Lies::default();
    change(&mut lies);
    lies
}
