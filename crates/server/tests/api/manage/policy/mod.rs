//! `/manage/v1/services/{VA}/policy`: each member changes what a ceremony asks for or how it ends.

mod ceremonies;
mod document;

use axum::http::Method;
use axum::http::header::{ETAG, IF_MATCH};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use super::cases::repeats;
use crate::common::{Answer, Client, JSON, TestApp};
use crate::support::{create, get};

/// The policy of a Service.
struct Policy {
    /// Who reads and changes it.
    operator: Client,
    /// The back end of the Service.
    account: Client,
    service: String,
    path: String,
}

impl Policy {
    async fn new() -> Self {
        Self::of(&TestApp::new().await).await
    }

    async fn of(app: &TestApp) -> Self {
        let account = app.account();
        let service = account.service().await;
        let sid = service.rsplit('/').next().unwrap();
        let path = format!("/manage/v1/services/{sid}/policy");
        Self {
            operator: app.operator(),
            account,
            service,
            path,
        }
    }

    async fn patch(&self, change: &Value) -> Answer {
        self.operator.patch(&self.path, change).await
    }

    async fn put(&self, document: &Value) -> Answer {
        self.operator.put(&self.path, document).await
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
        self.account.start(&self.service, &identity).await
    }

    async fn users(&self) -> usize {
        let list = self
            .account
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
        self.account.app.clock.advance_millis(1);
        let refused = reason(&self.account.verify(&self.service, &credential).await);
        if refused.is_some() {
            // The kept case has what the policy demands.
            repeats(&self.account, &self.service).await;
        }
        refused
    }

    /// Signs in with a discoverable credential; the reason of a refusal, or nothing.
    async fn signs_in(&self, authenticator: &mut Authenticator, lies: &Lies) -> Option<String> {
        let challenge = self.account.challenge(&self.service, &json!({})).await;
        let credential = get(authenticator, &challenge, lies);
        reason(&self.account.approve(&self.service, &credential).await)
    }
}

fn reason(reply: &Answer) -> Option<String> {
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
