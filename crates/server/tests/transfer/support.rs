//! A Service with passkeys, and its export.

use domain::model::ids::RelyingPartyId;
use serde_json::{Value, json};
use server::transfer::export::{Lines, Sink as _, Wanted, export};
use server::transfer::record::Line;
use testkit::{Authenticator, Lies};

use crate::common::TestApp;

pub const ORIGIN: &str = "https://acme.test";

const CONFIGURED: &str = "FriendlyName=Acme&Passkeys.RelyingParty.Id=acme.test\
    &Passkeys.RelyingParty.Name=Acme&Passkeys.RelyingParty.Origins=https%3A%2F%2Facme.test\
    &Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=preferred\
    &Passkeys.UserVerification=preferred";

/// A Service of the Twilio wire, which is the same on every wire.
#[derive(Clone)]
pub struct Service {
    pub app: TestApp,
    pub sid: String,
}

impl Service {
    pub async fn new() -> Self {
        Self::of(&TestApp::new().await).await
    }

    pub async fn of(app: &TestApp) -> Self {
        let made = app.account().post("/v2/Services", CONFIGURED).await;
        let sid = made.expect(201)["sid"].as_str().unwrap().to_owned();
        Self {
            app: app.clone(),
            sid,
        }
    }

    pub fn id(&self) -> RelyingPartyId {
        RelyingPartyId::from_hex(&self.sid[2..]).unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> crate::common::Answer {
        let path = format!("/v2/Services/{}/{path}", self.sid);
        self.app.account().post(&path, body).await
    }

    /// A whole registration.
    pub async fn register(&self, identity: &str, authenticator: &mut Authenticator) {
        let body = json!({"friendly_name": "Phone", "identity": identity});
        let factor = self.post("Passkeys/Factors", &body).await.expect(201);
        let created = authenticator
            .create(&factor["options"], ORIGIN, &Lies::default())
            .unwrap();
        self.post("Passkeys/VerifyFactor", &created)
            .await
            .expect(200);
    }
}

/// All lines of an export, the manifest too.
pub async fn exported(app: &TestApp, wanted: Wanted) -> Vec<u8> {
    let mut lines = Lines::new(Vec::new());
    export(&app.passkeys, wanted, &mut lines).await.unwrap();
    let manifest = lines.manifest(app.passkeys.now());
    lines.line(&Line::Manifest(manifest)).unwrap();
    lines.into_inner().unwrap()
}

pub fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
