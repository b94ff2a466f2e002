//! The Twilio wire: its refusals, and what a back end does with it.

use domain::model::ids::RelyingPartyId;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::common::{ACCOUNT, Answer, Client, PUBLIC_URL};

/// The origin that services are configured with.
pub const ORIGIN: &str = "https://acme.test";

impl Answer {
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

impl Client {
    /// The same caller, who sends this `Idempotency-Key`.
    pub fn with_key(&self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    /// A URL that an answer emitted, as a path for this router.
    pub async fn follow(&self, url: &Value) -> Answer {
        let url = url.as_str().expect("a URL");
        self.get(url.strip_prefix(PUBLIC_URL).expect("a URL of ours"))
            .await
    }

    /// A service with everything configured, verification preferred; its path.
    pub async fn service(&self) -> String {
        let service = self.post("/v2/Services", CONFIGURED).await.expect(201);
        format!("/v2/Services/{}", service["sid"].as_str().expect("a SID"))
    }

    /// Changes the policy of a service, which this wire cannot.
    pub async fn change(&self, service: &str, change: impl Fn(&mut RelyingParty) + Send + Sync) {
        let id = RelyingPartyId::from_hex(&service["/v2/Services/VA".len()..]).expect("a SID");
        let changed = self
            .app
            .passkeys
            .update_relying_party::<Refusal>(
                ACCOUNT,
                id,
                |rp| {
                    change(rp);
                    Ok(())
                },
                &domain::model::audit::Actor::new(domain::model::audit::ActorKind::Admin, "test"),
            )
            .await;
        changed.expect("the service is there");
    }

    /// Starts a registration; the factor with its options.
    pub async fn start(&self, service: &str, identity: &str) -> Value {
        let body = json!({"friendly_name": "Phone", "identity": identity});
        self.post(&format!("{service}/Passkeys/Factors"), &body)
            .await
            .expect(201)
    }

    pub async fn verify(&self, service: &str, credential: &Value) -> Answer {
        self.post(&format!("{service}/Passkeys/VerifyFactor"), credential)
            .await
    }

    pub async fn approve(&self, service: &str, credential: &Value) -> Answer {
        self.post(&format!("{service}/Passkeys/ApproveChallenge"), credential)
            .await
    }

    /// Creates a challenge.
    pub async fn challenge(&self, service: &str, body: &Value) -> Value {
        self.post(&format!("{service}/Passkeys/Challenges"), body)
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

/// Replaces what an authenticator draws at random, so that the rest can be compared.
pub fn without_random(mut value: Value, authenticator: &Authenticator) -> Value {
    for credential in authenticator.credentials() {
        let id = testkit::base64url(credential.id());
        let text = value.to_string().replace(&id, "[credential id]");
        value = serde_json::from_str(&text).expect("still JSON");
    }
    value
}
