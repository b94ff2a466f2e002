//! The FIDO Alliance's binding: the settings that serve it, authenticators and their metadata, and what conformance tools, back
//! ends and pages do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::Method;
use axum::http::header::{ACCEPT, AUTHORIZATION};
use domain::Reason;
use domain::model::ids::RelyingPartyId;
use domain::model::metadata::MetadataSource;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::service::metadata::{ImportedMetadata, MetadataTrust};
use serde_json::{Value, json};
use server::config;
use testkit::metadata::{Blob, BlobLies, Entry, Service};
use testkit::{Algorithm, Authenticator, Lies, Profile};

use crate::common::{ACCOUNT, Answer, Client, JSON, TestApp};

/// The origin of passkeyd. The Relying Party that the settings make is at the same place.
pub const ORIGIN: &str = "https://passkeys.test";

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.json);
        assert_eq!(self.json["status"], "ok", "{}", self.json);
        assert_eq!(self.json["errorMessage"], "", "{}", self.json);
        self.json
    }

    /// A failure: a status of 4xx, `failed`, and a message; because of `reason`.
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

/// An app that serves the binding, and a metadata service.
pub struct Binding {
    pub app: TestApp,
    /// The metadata service.
    pub metadata: Service,
    /// The number of the last BLOB.
    no: Arc<AtomicI64>,
}

impl Binding {
    /// The binding for conformance tools. The app trusts the metadata service.
    pub async fn new() -> Self {
        Self::trusted(|settings| settings.conformance = true).await
    }

    /// The binding with these settings. The app trusts the metadata service.
    pub async fn trusted(change: impl FnOnce(&mut config::Fido)) -> Self {
        let metadata = Service::new(Algorithm::ES256).unwrap();
        let trust = MetadataTrust {
            roots: vec![metadata.root().to_vec()],
            ..MetadataTrust::default()
        };
        Self::with(metadata, trust, change).await
    }

    pub async fn with(
        metadata: Service,
        trust: MetadataTrust,
        change: impl FnOnce(&mut config::Fido),
    ) -> Self {
        let app = TestApp::builder()
            .metadata(trust)
            .settings(|settings| change(&mut settings.fido));
        Self {
            app: app.build().await,
            metadata,
            no: Arc::default(),
        }
    }

    /// The same Service, served through the dialect alone and without conformance mode.
    pub async fn strict(self) -> Self {
        let fido = config::Fido {
            nevisfido: true,
            relying_party: Some(format!("VA{}", self.service().await)),
            ..config::Fido::default()
        };
        Self {
            app: self
                .app
                .with_settings(|settings| settings.fido = fido)
                .await,
            ..self
        }
    }

    /// A conformance tool, or a page: it has no credentials.
    pub fn stranger(&self) -> Client {
        self.app.stranger().with(ACCEPT.as_str(), JSON)
    }

    /// A back end with the account's secret.
    pub fn account(&self) -> Client {
        self.app.account().with(ACCEPT.as_str(), JSON)
    }

    /// A back end with an access key.
    pub fn access_key(&self, key: &str) -> Client {
        self.app.access_key(key).with(ACCEPT.as_str(), JSON)
    }

    /// A caller with this `Authorization` header.
    pub fn with_authorization(&self, value: &str) -> Client {
        self.stranger().with(AUTHORIZATION.as_str(), value)
    }

    /// A request with no headers but these.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut call = self.app.stranger().request(method, path);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call.send(body).await
    }

    /// The only Relying Party of the account.
    pub async fn service(&self) -> RelyingPartyId {
        let page = domain::model::page::PageRequest::first(1);
        let made = self.app.passkeys.list_relying_parties(ACCOUNT, page).await;
        made.unwrap().items[0].id
    }

    /// Changes the Relying Party.
    pub async fn change(
        &self,
        service: RelyingPartyId,
        change: impl Fn(&mut RelyingParty) + Send + Sync,
    ) {
        self.app
            .passkeys
            .update_relying_party::<Refusal>(
                ACCOUNT,
                service,
                |rp| {
                    change(rp);
                    Ok(())
                },
                &domain::model::audit::Actor::new(domain::model::audit::ActorKind::Admin, "test"),
            )
            .await
            .unwrap();
    }

    /// Puts metadata with these entries in force.
    pub async fn describe(&self, entries: Vec<Entry>) {
        self.publish(&Blob::of(entries), &BlobLies::default())
            .await
            .expect("flawless metadata is imported");
    }

    /// Offers a BLOB, as the server would fetch it.
    pub async fn publish(&self, blob: &Blob, lies: &BlobLies) -> Result<ImportedMetadata, Refusal> {
        let blob = Blob {
            no: self.no.fetch_add(1, Ordering::Relaxed) + 1,
            ..blob.clone()
        };
        let text = self.metadata.sign_with_lies(&blob, lies).unwrap();
        self.app
            .passkeys
            .import_metadata(text.as_bytes(), MetadataSource::Fetch)
            .await
    }

    /// Options of a registration, with further members in the request.
    pub async fn creation_options(&self, username: &str, more: &Value) -> Value {
        let mut request =
            json!({"username": username, "displayName": "Mira", "attestation": "direct"});
        extend(&mut request, more);
        self.stranger()
            .post("/attestation/options", &request)
            .await
            .ok()
    }

    /// Options of an authentication, with further members in the request.
    pub async fn request_options(&self, username: &str, more: &Value) -> Value {
        let mut request = json!({"username": username});
        extend(&mut request, more);
        self.stranger()
            .post("/assertion/options", &request)
            .await
            .ok()
    }

    /// A registration by an authenticator that is described truly; what the server says.
    pub async fn register(&self, device: &mut Device, lies: &Lies) -> Answer {
        let credential = self.create(device, lies).await;
        self.stranger()
            .post("/attestation/result", &credential)
            .await
    }

    /// The response of an authenticator whose metadata is true, not yet sent.
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
        self.stranger()
            .post("/attestation/result", &credential)
            .await
            .ok();
        authenticator
    }

    /// An authentication of that user.
    pub async fn sign_in(
        &self,
        authenticator: &mut Authenticator,
        verification: &str,
        lies: &Lies,
    ) -> Answer {
        let assertion = self.assertion(authenticator, verification, lies).await;
        self.stranger().post("/assertion/result", &assertion).await
    }

    /// The response of that user's authenticator, not yet sent.
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
