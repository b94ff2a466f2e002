//! Users who register passkeys and sign in without a pause, a ledger of what was acknowledged, and what of it still holds.

#![allow(dead_code, reason = "each suite uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Method;
use hyper::header::{CONNECTION, RETRY_AFTER};
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::http::{Connection, FORM, Failure, JSON, basic};
use testkit::{Authenticator, Counter, Lies, Profile};

pub const ORIGIN: &str = "http://localhost:3000";
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const TOKEN: &str = "load-of-a-test-token-0123456789";

/// The settings of the Service that all workers use.
const SETTINGS: &str = "FriendlyName=Load&Passkeys.RelyingParty.Id=localhost&Passkeys.RelyingParty.Name=L\
    &Passkeys.RelyingParty.Origins=http%3A%2F%2Flocalhost%3A3000&Passkeys.AuthenticatorAttachment=any\
    &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";

/// How many passkeys a user registers. Then another user comes.
const PASSKEYS: usize = 40;

/// The codes of a refused approval whose challenge was approved before, and of the other possible outcomes of a repeat: the passkey
/// or its challenge is not there.
pub const ALREADY_APPROVED: u32 = 60322;
pub const NOT_THERE: [u32; 2] = [60390, 60391];

/// A new Service for the workers.
pub async fn new_service(connection: &mut Connection) -> String {
    let made = connection.post("/v2/Services", FORM, SETTINGS.to_owned());
    made.await.unwrap()["sid"].as_str().unwrap().to_owned()
}

/// What the servers acknowledged, and what they left open.
#[derive(Default)]
pub struct Ledger {
    /// Users and factors.
    pub registered: Vec<(String, String)>,
    /// Assertions that were approved.
    pub approved: Vec<Value>,
    /// Assertions whose approval had no response, or 503.
    pub open: Vec<Value>,
    /// How many responses were 503.
    pub unavailable: usize,
    /// Why workers ended before they were told to.
    pub broken: Vec<String>,
    /// How many approvals were refused because the passkey is not known.
    pub refused: usize,
}

/// A user whose passkeys count their uses. Each request of a ceremony goes to another one of the servers.
pub struct Worker {
    number: usize,
    users: usize,
    /// Registrations of the present user.
    begun: usize,
    authenticator: Authenticator,
    service: String,
    ledger: Arc<Mutex<Ledger>>,
}

impl Worker {
    /// So many workers with one ledger.
    pub fn many(count: usize, service: &str) -> (Vec<Self>, Arc<Mutex<Ledger>>) {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let worker = |number| Self {
            number,
            users: 0,
            begun: 0,
            authenticator: authenticator(),
            service: service.to_owned(),
            ledger: Arc::clone(&ledger),
        };
        ((0..count).map(worker).collect(), ledger)
    }

    /// Registers and signs in until `stop` is true or a connection breaks.
    pub async fn run(mut self, servers: Vec<SocketAddr>, stop: Arc<AtomicBool>) -> Self {
        let mut connections = Vec::new();
        for address in servers {
            connections.push(connect(address).await.expect("the server listens"));
        }
        let mut servers = connections;
        let mut round = 0;
        while !stop.load(Ordering::Relaxed) {
            let done = if round % 4 == 0 {
                self.register(&mut servers, round).await
            } else {
                self.sign_in(&mut servers, round).await
            };
            if let Err(why) = done {
                self.ledger.lock().broken.push(why.to_string());
                break;
            }
            round += 1;
        }
        self
    }

    async fn register(
        &mut self,
        servers: &mut [(SocketAddr, Connection)],
        turn: usize,
    ) -> Result<(), Failure> {
        if self.begun == PASSKEYS {
            self.authenticator = authenticator();
            self.users += 1;
            self.begun = 0;
        }
        self.begun += 1;
        let identity = format!("user-{:04}-{:04}", self.number, self.users);
        let body = json!({ "friendly_name": "Key", "identity": identity });
        let Some((status, factor)) = self.post(servers, turn, "Factors", &body).await? else {
            return Ok(());
        };
        assert_eq!(status, 201, "{factor}");
        let mut options = factor["options"]["publicKey"].clone();
        options["excludeCredentials"] = json!([]);
        let credential = self
            .authenticator
            .create(&options, ORIGIN, &Lies::default())?;
        let sent = self.post(servers, turn + 1, "VerifyFactor", &credential);
        if let Some((_, verified)) = sent.await? {
            assert_eq!(verified["status"], "verified", "{verified}");
            let sid = factor["sid"].as_str().unwrap().to_owned();
            self.ledger.lock().registered.push((identity, sid));
        }
        Ok(())
    }

    async fn sign_in(
        &mut self,
        servers: &mut [(SocketAddr, Connection)],
        turn: usize,
    ) -> Result<(), Failure> {
        if self.authenticator.credentials().is_empty() {
            return Ok(());
        }
        let started = self.post(servers, turn, "Challenges", &json!({})).await?;
        let Some((_, challenge)) = started else {
            return Ok(());
        };
        let options = &challenge["options"]["publicKey"];
        let assertion = self.authenticator.get(options, ORIGIN, &Lies::default())?;
        let sent = self.post(servers, turn + 1, "ApproveChallenge", &assertion);
        match sent.await {
            Ok(Some((200, answer))) => {
                assert_eq!(answer["status"], "approved", "{answer}");
                self.ledger.lock().approved.push(assertion);
                Ok(())
            }
            // A passkey whose registration was cut off is not known to the server.
            Ok(Some((_, answer))) => {
                assert_eq!(answer["code"], NOT_THERE[0], "{answer}");
                let id = testkit::from_base64url(assertion["id"].as_str().unwrap());
                self.authenticator.forget(&id.unwrap());
                self.ledger.lock().refused += 1;
                Ok(())
            }
            unanswered => {
                self.ledger.lock().open.push(assertion);
                unanswered.map(drop)
            }
        }
    }

    /// One call; `None` when the response is 503. Nothing else may have a status from 500 on.
    async fn post(
        &self,
        servers: &mut [(SocketAddr, Connection)],
        turn: usize,
        path: &str,
        body: &Value,
    ) -> Result<Option<(u16, Value)>, Failure> {
        // Worker by worker, so that each server gets the same share.
        let server = (turn + self.number) % servers.len();
        let (address, connection) = &mut servers[server];
        let path = format!("/v2/Services/{}/Passkeys/{path}", self.service);
        let sent = connection.exchange(Method::POST, &path, JSON, body.to_string());
        let response = sent.await?;
        // A server that has not read the whole request cannot read another one.
        if response.headers().contains_key(CONNECTION) {
            servers[server] = connect(*address).await?;
        }
        let status = response.status().as_u16();
        if status == 503 {
            assert!(response.headers().contains_key(RETRY_AFTER), "{path}");
            self.ledger.lock().unavailable += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Ok(None);
        }
        let answer: Value = serde_json::from_slice(response.body())?;
        assert!(status < 500, "{path}: {status} {answer}");
        Ok(Some((status, answer)))
    }
}

async fn connect(address: SocketAddr) -> Result<(SocketAddr, Connection), Failure> {
    let connection = Connection::open(address, &basic(ACCOUNT, TOKEN)).await?;
    Ok((address, connection))
}

fn authenticator() -> Authenticator {
    Authenticator::new(Profile {
        counter: Counter::Increasing,
        ..Profile::default()
    })
}

/// How many of these acknowledged registrations are gone.
pub async fn lost(
    connection: &mut Connection,
    service: &str,
    registered: &[(String, String)],
) -> usize {
    let mut lost = 0;
    for (identity, sid) in registered {
        let path = format!("/v2/Services/{service}/Entities/{identity}/Factors/{sid}");
        let asked = connection.send(Method::GET, &path, JSON, String::new());
        let (status, factor) = asked.await.expect("the server responds");
        if status == 200 {
            assert_eq!(factor["status"], "verified", "{factor}");
        } else {
            assert_eq!(status, 404, "{factor}");
            lost += 1;
        }
    }
    lost
}

/// Sends an assertion again: `None` when it is approved, else the code of the refusal.
pub async fn repeat(connection: &mut Connection, service: &str, assertion: &Value) -> Option<u32> {
    let path = format!("/v2/Services/{service}/Passkeys/ApproveChallenge");
    let sent = connection.send(Method::POST, &path, JSON, assertion.to_string());
    let (status, answer) = sent.await.expect("the server responds");
    if status == 200 {
        return None;
    }
    let code = answer["code"]
        .as_u64()
        .and_then(|code| code.try_into().ok());
    Some(code.unwrap_or_else(|| panic!("{status} {answer}")))
}

/// Sends each of these approved assertions again. All must be refused, since their challenges were used.
pub async fn expect_used(connection: &mut Connection, service: &str, approved: &[Value]) {
    for assertion in approved {
        let code = repeat(connection, service, assertion).await;
        assert_eq!(code, Some(ALREADY_APPROVED), "accepted twice, or lost");
    }
}

/// Sends each of these assertions without an outcome until it has one. It must be accepted once at most; how many had been accepted.
pub async fn expect_once(connection: &mut Connection, service: &str, open: &[Value]) -> usize {
    let mut had_happened = 0;
    for assertion in open {
        match repeat(connection, service, assertion).await {
            None => {}
            Some(ALREADY_APPROVED) => had_happened += 1,
            Some(code) => assert!(NOT_THERE.contains(&code), "{code}"),
        }
        let again = repeat(connection, service, assertion).await;
        assert_ne!(again, None, "accepted twice");
    }
    had_happened
}
