//! The calls to passkeyd: the Twilio Verify Passkeys API over plain HTTP.

// #region calls
use std::env::{self, VarError};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::{Value, json};

pub struct Passkeyd {
    client: Client,
    base: String,
    account: String,
    token: String,
}

/// Why a call failed. The page does not get to see the text.
pub enum Fault {
    NotAccepted(String),
    Other(String),
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// The parts of Factors and Challenges that this application uses.
#[derive(Deserialize)]
struct Ceremony {
    sid: String,
    status: String,
    identity: Option<String>,
    options: Option<Value>,
}

/// Keep `sid` in the session of the browser, and send `options` to the page.
pub struct Started {
    pub sid: String,
    pub options: Value,
}

impl Passkeyd {
    pub fn from_environment() -> Result<Self, VarError> {
        let url = env::var("PASSKEYD_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".into());
        Ok(Self {
            client: Client::builder().timeout(Duration::from_secs(30)).build().expect("an HTTP client"),
            base: format!("{url}/v2/Services/{}", env::var("SERVICE_SID")?),
            account: env::var("ACCOUNT_SID")?,
            token: env::var("AUTH_TOKEN")?,
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let response = request.basic_auth(&self.account, Some(&self.token)).send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await?;
        Err(if status.is_client_error() { Fault::NotAccepted(text) } else { Fault::Other(text) })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Ceremony, Fault> {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        Ok(self.send(request).await?.json().await?)
    }

    async fn start(&self, path: &str, body: &Value) -> Result<Started, Fault> {
        let Ceremony { sid, options, .. } = self.post(path, body).await?;
        let options = options.map(|mut options| options["publicKey"].take()).unwrap_or_default();
        Ok(Started { sid, options })
    }

    pub async fn start_registration(&self, identity: &str, account: &str) -> Result<Started, Fault> {
        self.start("/Passkeys/Factors", &json!({ "identity": identity, "friendly_name": account })).await
    }

    /// Without an identity, the passkey says who the user is.
    pub async fn start_sign_in(&self, identity: Option<&str>) -> Result<Started, Fault> {
        self.start("/Passkeys/Challenges", &identity.map_or(json!({}), |identity| json!({ "identity": identity })))
            .await
    }

    /// Both return the identity whose passkey it is. `sid` is what the session kept.
    pub async fn finish_registration(&self, credential: &Value, sid: &str) -> Result<String, Fault> {
        self.finish("/Passkeys/VerifyFactor", credential, sid, "verified").await
    }

    pub async fn finish_sign_in(&self, credential: &Value, sid: &str) -> Result<String, Fault> {
        self.finish("/Passkeys/ApproveChallenge", credential, sid, "approved").await
    }

    async fn finish(&self, path: &str, credential: &Value, sid: &str, wanted: &str) -> Result<String, Fault> {
        let answer = self.post(path, credential).await?;
        match answer.identity {
            Some(identity) if answer.sid == sid && answer.status == wanted => Ok(identity),
            _ => Err(Fault::NotAccepted("a credential of another ceremony".into())),
        }
    }
}
// #endregion

impl Passkeyd {
    /// The list also has registrations that did not finish.
    pub async fn list(&self, identity: &str) -> Result<Vec<Value>, Fault> {
        let mut passkeys = Vec::new();
        for page in 0.. {
            let url = format!("{}/Entities/{identity}/Factors?PageSize=100&Page={page}", self.base);
            let answer: Value = self.send(self.client.get(url)).await?.json().await?;
            let verified =
                answer["factors"].as_array().into_iter().flatten().filter(|factor| factor["status"] == "verified");
            passkeys.extend(verified.map(|factor| {
                json!({
                    "id": factor["sid"], "name": factor["friendly_name"], "created": factor["date_created"],
                    "lastUsed": factor["metadata"]["date_last_approved"],
                })
            }));
            if answer["meta"]["next_page_url"].is_null() {
                break;
            }
        }
        Ok(passkeys)
    }

    /// The caller checks that the user has this passkey.
    pub async fn rename(&self, identity: &str, id: &str, name: &str) -> Result<(), Fault> {
        let request = self.client.post(self.passkey(identity, id)).form(&[("FriendlyName", name)]);
        self.send(request).await.map(drop)
    }

    pub async fn remove(&self, identity: &str, id: &str) -> Result<(), Fault> {
        self.send(self.client.delete(self.passkey(identity, id))).await.map(drop)
    }

    fn passkey(&self, identity: &str, id: &str) -> String {
        format!("{}/Entities/{identity}/Factors/{id}", self.base)
    }
}
