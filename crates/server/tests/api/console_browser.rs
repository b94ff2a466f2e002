//! A browser at the console, and a Service to look at.

use domain::model::audit::{Actor, ActorKind};
use domain::model::console::Role;
use domain::model::ids::{DeliveryId, RelyingPartyId, WebhookId};
use serde_json::json;
use server::console::POLICY;
use testkit::{Authenticator, Lies, Profile};

use crate::common::{ACCOUNT, Answer, Client, TestApp};

/// A webhook that receives everything.
const WEBHOOK: &str = "FriendlyName=Events&EventTypes=*&WebhookUrl=https%3A%2F%2Fhooks.test%2Fx";

/// The origin of the console of the test app.
pub const CONSOLE: &str = "https://passkeys.test";

/// A browser of an administrator, and its passkey.
pub struct Browser {
    pub client: Client,
    pub authenticator: Authenticator,
    pub token: String,
}

impl TestApp {
    /// A browser in which nobody is signed in.
    pub fn browser(&self) -> Client {
        self.stranger()
            .with("origin", CONSOLE)
            .with("sec-fetch-site", "same-origin")
            .with("user-agent", "a browser")
    }

    pub async fn administrator(&self, name: &str, role: Role) -> Browser {
        let by = Actor::new(ActorKind::Admin, "");
        let invited = self.passkeys.invite_administrator(name, role, &by).await;
        let (_, token) = invited.unwrap();
        let path = format!("/console/invite/{}", token.reveal());
        let client = self.browser();
        let shown = client.get(&path).await;
        assert_eq!(shown.status, 200, "{}", shown.text());
        let (authenticator, accepted) = accept_invite(&client, &path, name).await;
        let mut browser = Browser {
            client: signed_in(&client, &accepted),
            authenticator,
            token: String::new(),
        };
        assert_eq!(accepted.json["to"], "/prefix/console/");
        browser.token = form_token(&browser.client.get("/console/you").await);
        browser
    }
}

/// Registers a passkey by an invite; the response that ended it.
pub async fn accept_invite(client: &Client, path: &str, name: &str) -> (Authenticator, Answer) {
    let mut authenticator = Authenticator::new(Profile::default());
    let (to, body) = (format!("{path}/options"), json!({"name": name}));
    let options = client.post(&to, &body).await;
    if options.status != 200 {
        return (authenticator, options);
    }
    let credential = authenticator
        .create(&options.json["publicKey"], CONSOLE, &Lies::default())
        .unwrap();
    let body = json!({"name": name, "credential": credential});
    let accepted = client.post(path, &body).await;
    (authenticator, accepted)
}

/// An owner of the console, and the session.
pub struct Owner {
    pub client: Client,
    /// The value of its cookie.
    pub session: String,
}

pub async fn owner(app: &TestApp) -> Owner {
    let mut ada = app.administrator("Ada", Role::Owner).await;
    let again = ada.sign_in(&app.browser()).await;
    let cookie = again.header("set-cookie").unwrap();
    let (pair, _) = cookie.split_once(';').unwrap();
    let (_, session) = pair.split_once('=').unwrap();
    Owner {
        client: signed_in(&app.browser(), &again),
        session: session.to_owned(),
    }
}

/// The same browser with the session that a response gives it.
pub fn signed_in(client: &Client, answer: &Answer) -> Client {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer.header("set-cookie").unwrap();
    let (pair, rest) = cookie.split_once(';').unwrap();
    assert!(pair.starts_with("__Host-passkeyd-console="), "{cookie}");
    assert_eq!(rest, " Path=/; HttpOnly; SameSite=Strict; Secure");
    client.with("cookie", &format!("other=1; {pair}"))
}

pub fn form_token(page: &Answer) -> String {
    let text = page.text();
    let after = text.split_once("name=\"form_token\" value=\"").unwrap().1;
    after.split_once('"').unwrap().0.to_owned()
}

impl Browser {
    pub async fn post(&self, path: &str, fields: &str) -> Answer {
        let form = format!("form_token={}&{fields}", self.token);
        self.client.post(path, &form).await
    }

    /// Sends the form of a page as it is shown now, with other fields.
    pub async fn save(&self, path: &str, fields: &str) -> Answer {
        let page = self.client.get(path).await;
        self.save_from(&page, path, fields).await
    }

    /// Sends the form of this page, with other fields.
    pub async fn save_from(&self, page: &Answer, path: &str, fields: &str) -> Answer {
        let hidden = |name: &str| {
            let field = page.text().split_once(&format!("name=\"{name}\" value=\""));
            let value = field.and_then(|(_, after)| after.split_once('"'));
            value.map_or_else(String::new, |(value, _)| format!("&{name}={value}"))
        };
        let (seen, looked) = (hidden("seen"), hidden("looked"));
        self.post(path, &format!("{fields}{seen}{looked}")).await
    }

    /// Signs in again; the response.
    pub async fn sign_in(&mut self, client: &Client) -> Answer {
        let empty = json!({});
        let options = client.post("/console/sign-in/options", &empty).await;
        let options = options.expect(200);
        let lies = Lies::default();
        let credential = self
            .authenticator
            .get(&options["publicKey"], CONSOLE, &lies)
            .unwrap();
        let body = json!({"credential": credential, "next": "/console/health"});
        client.post("/console/sign-in", &body).await
    }
}

pub fn is_led_to_sign_in(answer: &Answer) -> bool {
    let to = answer.header("location").unwrap_or_default();
    answer.status == 303 && to.starts_with("/prefix/console/sign-in")
}

/// A page has the policy, and nothing in it that the policy forbids.
pub fn is_clean(answer: &Answer, path: &str) {
    assert_eq!(
        answer.header("content-security-policy"),
        Some(POLICY),
        "{path}"
    );
    let text = answer.text();
    for forbidden in [
        " style=\"",
        "<style",
        "javascript:",
        " onclick",
        " onsubmit",
    ] {
        assert!(!text.contains(forbidden), "{path} has {forbidden}");
    }
    assert_eq!(
        text.matches("<script").count(),
        text.matches("<script src=").count()
    );
}

pub struct Filled {
    pub service: String,
    pub person: String,
    pub passkey: String,
    pub ceremony: String,
    pub webhook: String,
    pub delivery: String,
    /// The key of an administrator.
    pub administrator: String,
}

/// A Service with one person who has a passkey.
pub async fn fill(app: &TestApp) -> Filled {
    let account = app.account();
    let path = account.service().await;
    let mut authenticator = Authenticator::new(Profile::default());
    account
        .register(&path, "ada-00001", &mut authenticator)
        .await;
    let service = path["/v2/Services/".len()..].to_owned();
    let rp = RelyingPartyId::from_hex(&service[2..]).unwrap();
    let found = app.passkeys.user_with_credentials(rp, "ada-00001").await;
    let (user, records) = found.unwrap();
    let webhook = account.post(&format!("{path}/Webhooks"), WEBHOOK).await;
    let webhook = webhook.expect(201)["sid"].as_str().unwrap().to_owned();
    let by = Actor::new(ActorKind::Api, "test");
    let id = WebhookId::from_hex(&webhook[2..]).unwrap();
    let sent = app.passkeys.test_webhook(rp, id, &by).await;
    Filled {
        webhook,
        delivery: sent.unwrap().unwrap().id.to_hex(),
        service,
        person: format!("YE{}", user.id),
        passkey: format!("YF{}", records[0].key),
        ceremony: records[0].key.to_hex(),
        administrator: "0".repeat(32),
    }
}

impl Filled {
    pub fn ids(&self) -> (RelyingPartyId, WebhookId, DeliveryId) {
        (
            RelyingPartyId::from_hex(&self.service[2..]).unwrap(),
            WebhookId::from_hex(&self.webhook[2..]).unwrap(),
            DeliveryId::from_hex(&self.delivery).unwrap(),
        )
    }

    /// A route of the table with this content.
    pub fn path(&self, route: &str) -> String {
        route
            .replace("{service}", &self.service)
            .replace("{user}", &self.person)
            .replace("{key}", &self.passkey)
            .replace("{kind}", "access")
            .replace("{webhook}", &self.webhook)
            .replace("{delivery}", &self.delivery)
            .replace("{account}", &format!("AC{ACCOUNT}"))
            .replace("{token}", &"0".repeat(64))
            .replace("{session}", &"0".repeat(32))
            .replace("{invite}", &"0".repeat(32))
            .replace("{link}", &"0".repeat(32))
            .replace("{administrator}", &self.administrator)
            .replace("{id}", &self.ceremony)
    }
}
