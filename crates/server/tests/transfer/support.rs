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

    /// The account makes and revokes an API key and deletes another Service: the events that its own trail has then.
    pub async fn has_a_past(&self) -> Value {
        let operator = self.app.operator();
        let name = json!({"name": "shop"});
        let key = operator
            .post("/manage/v1/api-keys", &name)
            .await
            .expect(201);
        let key = format!("/manage/v1/api-keys/{}", key["id"].as_str().unwrap());
        operator.delete(&key).await.expect(204);
        let other = Self::of(&self.app).await;
        let service = format!("/v2/Services/{}", other.sid);
        self.app.account().delete(&service).await.expect(204);
        let events = operator
            .get("/manage/v1/events?limit=100")
            .await
            .expect(200);
        assert_eq!(events["events"].as_array().unwrap().len(), 3, "{events}");
        events
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

    /// A sign-in through the Twilio wire, for a named user or anybody; the approved challenge.
    pub async fn sign_in(
        &self,
        identity: Option<&str>,
        authenticator: &mut Authenticator,
    ) -> Value {
        let body = identity.map_or(json!({}), |name| json!({ "identity": name }));
        let challenge = self.post("Passkeys/Challenges", &body).await.expect(201);
        let answer = authenticator
            .get(&challenge["options"], ORIGIN, &Lies::default())
            .unwrap();
        let approved = self.post("Passkeys/ApproveChallenge", &answer).await;
        let approved = approved.expect(200);
        assert_eq!(approved["status"], "approved");
        approved
    }
}

/// A passkey that another server has registered, with this user handle.
pub fn registered_elsewhere(handle: &[u8], algorithm: i64) -> Authenticator {
    let mut authenticator = Authenticator::default();
    let options = json!({
        "rp": {"id": "acme.test", "name": "Acme"},
        "user": {"id": testkit::base64url(handle), "name": "ann", "displayName": "Ann"},
        "challenge": testkit::base64url(b"a challenge of another server"),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm}],
    });
    authenticator
        .create(&options, ORIGIN, &Lies::default())
        .unwrap();
    authenticator
}

impl Service {
    /// A sign-in through the Authentication Cloud API, for a named user or anybody; the name of the user.
    pub async fn sign_in_nevis(
        &self,
        user: Option<&str>,
        authenticator: &mut Authenticator,
    ) -> String {
        let path = format!("/manage/v1/services/{}/access-keys", self.sid);
        let key = self
            .app
            .operator()
            .post(&path, &json!({"name": "shop"}))
            .await;
        let key = key.expect(201)["key"].as_str().unwrap().to_owned();
        let back_end = self.app.access_key(&key);
        let mut body = json!({"channel": "fido2"});
        if let Some(name) = user {
            body["username"] = name.into();
        }
        let approval = back_end.post("/api/v1/approval", &body).await.expect(201);
        let options = &approval["credentialRequestOptions"];
        let mut answer = authenticator
            .get(options, ORIGIN, &Lies::default())
            .unwrap();
        answer["statusToken"] = approval["statusToken"].clone();
        let page = self.app.page(ORIGIN);
        let result = page
            .post("/_app/assertion/result", &answer)
            .await
            .expect(200);
        assert_eq!(result["status"], "ok", "{result}");
        let form = format!(
            "token={}",
            result["token"].as_str().unwrap().replace('+', "%2B")
        );
        let active = back_end.post("/api/v1/introspect", &form).await.expect(200);
        active["username"].as_str().unwrap().to_owned()
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

/// A row of a table in the shape of `SimpleWebAuthn`.
pub fn simplewebauthn_line(authenticator: &Authenticator, user: &str, handle: &[u8]) -> String {
    let credential = &authenticator.credentials()[0];
    json!({
        "id": testkit::base64url(credential.id()),
        "publicKey": testkit::base64url(&credential.public_key()),
        "username": user,
        "webauthnUserID": testkit::base64url(handle),
        "counter": 0,
        "deviceType": "multiDevice",
        "backedUp": true,
        "transports": "internal",
    })
    .to_string()
}
