//! Users who register and sign in until the server goes away, and a ledger of what it acknowledged.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::http::{Connection, Failure, JSON};
use testkit::{Authenticator, Counter, Lies, Profile};

use crate::server::Server;

const WORKERS: usize = 8;
/// Passkeys of one user: as many as any user may have.
const PASSKEYS: usize = 10;
/// Sign-ins that are acknowledged before the end comes.
const SIGN_INS: usize = 16;
const ORIGIN: &str = "http://localhost:3000";

/// A registration that the server acknowledged.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) identity: String,
    pub(crate) sid: String,
    /// How long the journal of the disk was afterwards.
    pub(crate) moment: u64,
}

/// A sign-in that the server acknowledged.
#[derive(Clone)]
pub(crate) struct Approved {
    pub(crate) assertion: Value,
    /// Of the challenge.
    pub(crate) sid: String,
    /// How long the journal of the disk was afterwards.
    pub(crate) moment: u64,
}

/// What the server acknowledged, and what it was asked without an answer.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) registered: Vec<Registered>,
    pub(crate) approved: Vec<Approved>,
    pub(crate) unanswered: Vec<Value>,
}

/// A user whose passkeys count their uses. After some passkeys another user goes on.
struct Worker {
    number: usize,
    users: usize,
    /// Registrations of the present user that were begun.
    begun: usize,
    identity: String,
    authenticator: Authenticator,
    service: String,
    journal: Option<PathBuf>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Worker {
    /// Registers and signs in until the server goes away.
    async fn run(mut self, mut connection: Connection) -> Self {
        let _ = self.work(&mut connection).await;
        self
    }

    fn next_user(&mut self) {
        self.users += 1;
        self.begun = 0;
        self.identity = format!("durable-{:04}-{:04}", self.number, self.users);
        self.authenticator = authenticator();
    }

    fn moment(&self) -> u64 {
        let length = |journal| std::fs::metadata(journal).unwrap().len();
        self.journal.as_ref().map_or(0, length)
    }

    async fn work(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        let base = format!("/v2/Services/{}/Passkeys", self.service);
        for round in 0_u32.. {
            if round % 4 == 0 {
                if self.begun == PASSKEYS {
                    self.next_user();
                }
                self.begun += 1;
                let body = json!({ "friendly_name": "Key", "identity": self.identity });
                let factor = connection
                    .post(&format!("{base}/Factors"), JSON, body.to_string())
                    .await?;
                let mut options = factor["options"]["publicKey"].clone();
                options["excludeCredentials"] = json!([]);
                let credential = self
                    .authenticator
                    .create(&options, ORIGIN, &Lies::default())?;
                let path = format!("{base}/VerifyFactor");
                let verified = connection.post(&path, JSON, credential.to_string()).await?;
                assert_eq!(verified["status"], "verified");
                let registered = Registered {
                    identity: self.identity.clone(),
                    sid: factor["sid"].as_str().unwrap().to_owned(),
                    moment: self.moment(),
                };
                self.ledger.lock().unwrap().registered.push(registered);
            }
            let challenge = connection
                .post(&format!("{base}/Challenges"), JSON, "{}".into())
                .await?;
            let options = &challenge["options"]["publicKey"];
            let assertion = self.authenticator.get(options, ORIGIN, &Lies::default())?;
            let path = format!("{base}/ApproveChallenge");
            match connection
                .send(hyper::Method::POST, &path, JSON, assertion.to_string())
                .await
            {
                // A passkey whose registration was cut off is not known to the server.
                Ok((status, answer)) => {
                    if status.is_success() {
                        assert_eq!(answer["status"], "approved");
                        let approved = Approved {
                            assertion,
                            sid: answer["sid"].as_str().unwrap().to_owned(),
                            moment: self.moment(),
                        };
                        self.ledger.lock().unwrap().approved.push(approved);
                    } else if status == hyper::StatusCode::SERVICE_UNAVAILABLE {
                        self.ledger.lock().unwrap().unanswered.push(assertion);
                        return Err(answer.to_string().into());
                    } else {
                        assert_eq!(answer["code"], 60390, "{answer}");
                        let id = testkit::from_base64url(assertion["id"].as_str().unwrap());
                        self.authenticator.forget(&id.unwrap());
                    }
                }
                Err(failure) => {
                    self.ledger.lock().unwrap().unanswered.push(assertion);
                    return Err(failure);
                }
            }
        }
        Ok(())
    }
}

fn authenticator() -> Authenticator {
    Authenticator::new(Profile {
        counter: Counter::Increasing,
        ..Profile::default()
    })
}

/// The users of a Service.
pub(crate) struct Load {
    workers: Vec<Worker>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Load {
    pub(crate) fn new(service: &str) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let workers = (0..WORKERS).map(|number| Worker {
            number,
            users: 0,
            begun: 0,
            identity: format!("durable-{number:04}"),
            authenticator: authenticator(),
            service: service.to_owned(),
            journal: None,
            ledger: Arc::clone(&ledger),
        });
        Self {
            workers: workers.collect(),
            ledger,
        }
    }

    /// Lets all users work until the server goes away or refuses, which `end` causes after the first sign-ins; what the server acknowledged. With a journal of the disk,
    /// the ledger says where in it.
    pub(crate) async fn run<T>(
        &mut self,
        server: Server,
        journal: Option<PathBuf>,
        end: impl AsyncFnOnce(Server) -> T,
    ) -> (Ledger, T) {
        let mut running = Vec::new();
        for mut worker in self.workers.drain(..) {
            worker.journal.clone_from(&journal);
            running.push(tokio::spawn(worker.run(server.connect().await.unwrap())));
        }
        while self.ledger.lock().unwrap().approved.len() < SIGN_INS {
            assert!(
                !running.iter().all(tokio::task::JoinHandle::is_finished),
                "nobody works any more"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ended = end(server).await;
        for worker in running {
            self.workers.push(worker.await.unwrap());
        }
        (std::mem::take(&mut *self.ledger.lock().unwrap()), ended)
    }
}
