//! `/manage/v1/services/{VA}/policy`: each member changes what a ceremony asks for or how it ends.

mod ceremonies;
mod document;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::backend::{Backend, Reply, create, get};

/// A service and its policy.
struct House {
    backend: Backend,
    service: String,
    path: String,
}

impl House {
    async fn new() -> Self {
        Self::of(Backend::new().await).await
    }

    async fn of(backend: Backend) -> Self {
        let service = backend.service().await;
        let sid = service.rsplit('/').next().unwrap();
        let path = format!("/manage/v1/services/{sid}/policy");
        Self {
            backend,
            service,
            path,
        }
    }

    async fn patch(&self, change: &Value) -> Reply {
        let kind = Some("application/merge-patch+json");
        let body = change.to_string();
        self.backend
            .request(Method::PATCH, &self.path, kind, body)
            .await
    }

    async fn put(&self, document: &Value) -> Reply {
        let kind = Some("application/json");
        let body = document.to_string();
        self.backend
            .request(Method::PUT, &self.path, kind, body)
            .await
    }

    /// Changes the policy.
    async fn demand(&self, change: Value) -> Value {
        self.patch(&change).await.expect(200)
    }

    /// The options of a registration for somebody new.
    async fn options(&self) -> Value {
        self.start().await["options"]["publicKey"].clone()
    }

    async fn start(&self) -> Value {
        let identity = format!("user-{:04}", self.users().await + 1);
        self.backend.start(&self.service, &identity).await
    }

    async fn users(&self) -> usize {
        let list = self
            .backend
            .get(&format!("{}/Entities?PageSize=100", self.service))
            .await
            .expect(200);
        list["entities"].as_array().unwrap().len()
    }

    /// Registers somebody new; the reason of a refusal, or nothing.
    async fn registers(&self, authenticator: &mut Authenticator, lies: &Lies) -> Option<String> {
        let factor = self.start().await;
        self.verify(authenticator, &factor, lies).await
    }

    async fn verify(
        &self,
        authenticator: &mut Authenticator,
        factor: &Value,
        lies: &Lies,
    ) -> Option<String> {
        let credential = create(authenticator, factor, lies);
        reason(&self.backend.verify(&self.service, &credential).await)
    }

    /// Signs in with a discoverable credential; the reason of a refusal, or nothing.
    async fn signs_in(&self, authenticator: &mut Authenticator, lies: &Lies) -> Option<String> {
        let challenge = self.backend.challenge(&self.service, &json!({})).await;
        let credential = get(authenticator, &challenge, lies);
        reason(&self.backend.approve(&self.service, &credential).await)
    }
}

fn reason(reply: &Reply) -> Option<String> {
    if reply.status == 200 {
        return None;
    }
    let reason = reply.json["details"]["reason"].as_str();
    Some(reason.expect("a reason").to_owned())
}

#[track_caller]
fn refused(outcome: Option<String>, reason: &str) {
    assert_eq!(outcome.expect("a refusal"), reason);
}

/// A certificate as PEM, in the form in which it is shown.
fn pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}
