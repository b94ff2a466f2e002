//! Deliveries of webhooks from the binary to receivers on this machine.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::support::*;

const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// A request that arrived at a receiver. The connection is open until this is dropped.
struct Arrived {
    id: String,
    /// Its head and its body.
    text: String,
    stream: TcpStream,
}

impl Arrived {
    fn respond(mut self) {
        let response = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        self.stream.write_all(response).unwrap();
    }

    /// Whether the sender still waits for the response.
    fn is_waiting(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let read = self.stream.read(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// Listens, and gives on each request whose body has arrived.
fn receiver() -> (String, Receiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, arrived) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let (mut id, mut text, mut length) = (String::new(), String::new(), 0);
            loop {
                let mut line = String::new();
                lines.read_line(&mut line).unwrap();
                text.push_str(&line);
                let Some((name, value)) = line.trim().split_once(": ") else {
                    if line.trim().is_empty() {
                        break;
                    }
                    continue;
                };
                match name.to_ascii_lowercase().as_str() {
                    "webhook-id" => value.clone_into(&mut id),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            lines.read_exact(&mut body).unwrap();
            text.push_str(std::str::from_utf8(&body).unwrap());
            if send.send(Arrived { id, text, stream }).is_err() {
                return;
            }
        }
    });
    (url, arrived)
}

fn next(arrived: &Receiver<Arrived>) -> Arrived {
    arrived.recv_timeout(Duration::from_mins(1)).unwrap()
}

/// An account with a Service.
struct Tenant<'s> {
    server: &'s Server,
    login: String,
    service: String,
}

impl<'s> Tenant<'s> {
    fn new(server: &'s Server, login: String) -> Self {
        let made = server.request("POST", "/v2/Services", &[&login, FORM], "FriendlyName=Shop");
        let service = body(&made)["sid"].as_str().unwrap().to_owned();
        Self {
            server,
            login,
            service,
        }
    }

    fn webhook(&self, url: &str) -> String {
        let url = url.replace(':', "%3A").replace('/', "%2F");
        let form = format!("FriendlyName=Events&EventTypes=*&WebhookUrl={url}");
        let path = format!("/v2/Services/{}/Webhooks", self.service);
        let made = self
            .server
            .request("POST", &path, &[&self.login, FORM], &form);
        body(&made)["sid"].as_str().unwrap().to_owned()
    }

    /// Sends a test; the id of its delivery.
    fn test(&self, webhook: &str) -> String {
        let path = format!(
            "/manage/v1/services/{}/webhooks/{webhook}/test",
            self.service
        );
        let made = self
            .server
            .request("POST", &path, &[&self.login, JSON], "{}");
        body(&made)["id"].as_str().unwrap().to_owned()
    }
}

fn body(answer: &str) -> Value {
    assert!((200..300).contains(&status(answer)), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn new_account(data: &Path) -> String {
    let mut command = passkeyd();
    command.args(["account", "create", "--json", "--data-dir"]);
    let made = ended(command.arg(data));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    basic(&text("account_sid"), &text("auth_token"))
}

#[test]
fn the_deliveries_of_a_tenant_arrive_while_all_receivers_of_another_hang() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command.env("PASSKEYD_WEBHOOKS__ALLOW_NETWORKS", r#"["127.0.0.1"]"#);
    let server = Server::start(&mut command);
    let slow = Tenant::new(&server, basic(SID, TOKEN));
    // A Service of another account, and another one of the same account.
    let others = [new_account(data.path()), basic(SID, TOKEN)];
    let others = others.map(|login| Tenant::new(&server, login));

    // More webhooks and deliveries than one Service may have under way at once.
    let (slow_url, hanging) = receiver();
    let webhooks: Vec<_> = (0..40).map(|_| slow.webhook(&slow_url)).collect();
    for webhook in webhooks.iter().chain(&webhooks) {
        slow.test(webhook);
    }
    let mut first = next(&hanging);

    for other in others {
        let (url, arrived) = receiver();
        let webhook = other.webhook(&url);
        let mut sent: Vec<_> = (0..5).map(|_| other.test(&webhook)).collect();
        let mut received: Vec<_> = (0..sent.len())
            .map(|_| {
                let delivery = next(&arrived);
                let id = delivery.id.clone();
                delivery.respond();
                id
            })
            .collect();
        received.sort();
        sent.sort();
        assert_eq!(received, sent);
    }
    // Nothing had to end before: the first delivery of the slow tenant still waits for its response.
    assert!(first.is_waiting());
}

#[test]
fn a_webhook_gets_its_delivery_while_many_others_of_its_service_hang() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command.env("PASSKEYD_WEBHOOKS__ALLOW_NETWORKS", r#"["127.0.0.1"]"#);
    let server = Server::start(&mut command);
    let tenant = Tenant::new(&server, basic(SID, TOKEN));
    let (slow_url, hanging) = receiver();
    let webhooks: Vec<_> = (0..12).map(|_| tenant.webhook(&slow_url)).collect();
    for webhook in &webhooks {
        tenant.test(webhook);
    }
    let mut first = next(&hanging);

    let (url, arrived) = receiver();
    let sent = tenant.test(&tenant.webhook(&url));
    let delivery = next(&arrived);
    assert_eq!(delivery.id, sent);
    delivery.respond();
    assert!(first.is_waiting());
}

#[test]
fn a_delivery_holds_no_secret_and_no_challenge() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command.env("PASSKEYD_WEBHOOKS__ALLOW_NETWORKS", r#"["127.0.0.1"]"#);
    let server = Server::start(&mut command);
    let login = basic(SID, TOKEN);
    let settings = "FriendlyName=Shop&Passkeys.RelyingParty.Id=rp.test\
        &Passkeys.RelyingParty.Origins=https%3A%2F%2Frp.test&Passkeys.AuthenticatorAttachment=any\
        &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
    let made = body(&server.request("POST", "/v2/Services", &[&login, FORM], settings));
    let tenant = Tenant {
        server: &server,
        login: login.clone(),
        service: made["sid"].as_str().unwrap().to_owned(),
    };
    let (url, arrived) = receiver();
    let webhook = tenant.webhook(&url);
    let manage = format!("/manage/v1/services/{}", tenant.service);
    let secrets = body(&server.request(
        "GET",
        &format!("{manage}/webhooks/{webhook}/secrets"),
        &[&login],
        "",
    ));
    let named = json!({"name": "key"}).to_string();
    let keys = format!("{manage}/access-keys");
    let key = body(&server.request("POST", &keys, &[&login, JSON], &named));
    let call = |name: &str, sent: &Value| {
        let path = format!("/v2/Services/{}/Passkeys/{name}", tenant.service);
        body(&server.request("POST", &path, &[&login, JSON], &sent.to_string()))
    };
    let mut phone = Authenticator::default();
    let factor = call(
        "Factors",
        &json!({"friendly_name": "Phone", "identity": "canary-user"}),
    );
    let origin = "https://rp.test";
    let created = phone
        .create(&factor["options"], origin, &Lies::default())
        .unwrap();
    call("VerifyFactor", &created);
    let challenge = call("Challenges", &json!({"identity": "canary-user"}));
    let signed = phone
        .get(&challenge["options"], origin, &Lies::default())
        .unwrap();
    call("ApproveChallenge", &signed);
    tenant.test(&webhook);

    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let challenge_of = |options: &Value| text(&options["publicKey"]["challenge"]);
    let kept = [
        ("Auth Token", TOKEN.to_owned()),
        ("header", login.rsplit_once(' ').unwrap().1.to_owned()),
        ("signing token", text(&secrets["signing_token"])),
        ("secret", text(&secrets["secret"])),
        ("access key", text(&key["key"])),
        (
            "challenge of the registration",
            challenge_of(&factor["options"]),
        ),
        (
            "challenge of the sign-in",
            challenge_of(&challenge["options"]),
        ),
        (
            "attestation object",
            text(&created["response"]["attestationObject"]),
        ),
        ("signature", text(&signed["response"]["signature"])),
        ("client data", text(&signed["response"]["clientDataJSON"])),
    ];
    let awaited = ["factor.created", "factor.verified", "challenge.approved"];
    let mut seen = String::new();
    while !awaited.iter().all(|event| seen.contains(event)) {
        let delivery = next(&arrived);
        for (what, secret) in &kept {
            assert!(secret.len() > 15, "{what} is too short to be searched for");
            assert!(!delivery.text.contains(secret), "{what}: {}", delivery.text);
        }
        seen.push_str(&delivery.text);
        delivery.respond();
    }
    // What is meant to arrive does.
    assert!(seen.contains("canary-user"), "{seen}");
}
