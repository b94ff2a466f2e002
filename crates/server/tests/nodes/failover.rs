//! The primary of a synchronous pair is killed under load, and its standby takes over.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::load::{self, Ledger, Worker};
use crate::node::{Node, account, address, expect_unavailable, migrate, new_schema};

/// The database of the pair.
const PAIR: &str = "TEST_POSTGRES_PAIR";
/// How many kills, unless this variable says more.
const KILLS: u32 = 5;
const MORE_KILLS: &str = "TEST_KILLS";
const WORKERS: usize = 8;

/// What the pair lets a test do; see `scripts/postgres-pair.sh`.
struct Pair {
    script: String,
    /// One test after the other has the pair.
    _lock: File,
}

impl Pair {
    fn of_environment() -> Self {
        let of = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        let lock = File::create(Path::new(&of("TEST_POSTGRES_PAIR_DIR")).join("lock")).unwrap();
        lock.lock().unwrap();
        Self {
            script: of("TEST_POSTGRES_PAIR_SCRIPT"),
            _lock: lock,
        }
    }

    fn order(&self, command: &str) {
        let done = Command::new(&self.script).arg(command).status().unwrap();
        assert!(done.success(), "{command}");
    }
}

/// Two nodes on the pair, with a Service for the load.
struct Cluster {
    pair: Pair,
    nodes: [Node; 2],
    service: String,
    access_key: String,
    ledger: Arc<Mutex<Ledger>>,
    workers: Vec<Worker>,
}

/// The load while it runs.
struct Load {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Worker>>,
}

impl Cluster {
    async fn start() -> Self {
        let pair = Pair::of_environment();
        let store = address(PAIR, &new_schema("failover"));
        migrate(&store);
        let nodes = [Node::start(&store), Node::start(&store)];
        let mut connection = nodes[0].account().await;
        let service = load::new_service(&mut connection).await;
        let keys = format!("/manage/v1/services/{service}/access-keys");
        let made = nodes[0]
            .call(&account(), Method::POST, &keys, &json!({"name": "key"}))
            .await;
        let made: Value = serde_json::from_slice(made.body()).unwrap();
        let (workers, ledger) = Worker::many(WORKERS, &service);
        Self {
            pair,
            nodes,
            service,
            access_key: format!("Bearer {}", made["key"].as_str().unwrap()),
            ledger,
            workers,
        }
    }

    fn load(&mut self) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = Vec::new();
        for worker in self.workers.drain(..) {
            let servers = self.nodes.iter().map(|node| node.0.address).collect();
            workers.push(tokio::spawn(worker.run(servers, Arc::clone(&stop))));
        }
        Load { stop, workers }
    }

    /// Ends the load; what it has in its ledger.
    async fn end(&mut self, load: Load) -> Ledger {
        load.stop.store(true, Ordering::Relaxed);
        for worker in load.workers {
            self.workers.push(worker.await.unwrap());
        }
        let ledger = std::mem::take(&mut *self.ledger.lock());
        assert_eq!(ledger.broken, [""; 0]);
        ledger
    }

    /// While no server takes writes, each wire says 503 with `Retry-After` on both nodes, and the nodes stay ready.
    async fn expect_no_writes(&self) {
        let (service, account) = (&self.service, &account());
        let challenge = &format!("/v2/Services/{service}/Passkeys/Challenges");
        let keys = &format!("/manage/v1/services/{service}/access-keys");
        let (nobody, key) = (&json!({}), &json!({"name": "key"}));
        let (approval, someone) = (&json!({"channel": "fido2"}), &json!({"username": "mira"}));
        for node in &self.nodes {
            // At once: each of them tries for a second.
            let (twilio, nevis, fido, manage) = tokio::join!(
                node.call(account, Method::POST, challenge, nobody),
                node.call(&self.access_key, Method::POST, "/api/v1/approval", approval),
                node.call(account, Method::POST, "/assertion/options", someone),
                node.call(account, Method::POST, keys, key),
            );
            expect_unavailable("twilio", &twilio);
            expect_unavailable("nevis", &nevis);
            expect_unavailable("fido", &fido);
            expect_unavailable("manage", &manage);
            let (status, text) = node.ready().await;
            assert_eq!(status, 200, "{text}");
            assert!(text.contains("takes no writes"), "{text}");
        }
    }

    /// Waits until both nodes serve again.
    async fn wait_for_writes(&self) {
        let path = format!("/v2/Services/{}/Passkeys/Challenges", self.service);
        for node in &self.nodes {
            for tries in 0.. {
                let started = node.call(&account(), Method::POST, &path, &json!({})).await;
                if started.status() == 201 {
                    break;
                }
                expect_unavailable("before writes are possible", &started);
                assert!(tries < 30, "no writes after the promotion");
            }
            assert_eq!(node.ready().await, (200, "ready".to_owned()));
        }
    }

    /// The primary is killed, and the standby takes over.
    async fn fail_over(&self) {
        self.pair.order("kill");
        self.expect_no_writes().await;
        self.pair.order("promote");
        self.wait_for_writes().await;
    }
}

async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_overs_lose_nothing_acknowledged_and_accept_no_challenge_twice() {
    let kills = std::env::var(MORE_KILLS).map_or(KILLS, |kills| kills.parse().unwrap());
    let mut cluster = Cluster::start().await;
    let service = cluster.service.clone();
    let mut registered = Vec::new();
    let (mut approved, mut open, mut had_happened, mut unavailable) = (0, 0, 0, 0);
    for kill in 0..kills {
        let load = cluster.load();
        // Different moments, the same in every run.
        pause(200 + u64::from(kill * 137 % 300)).await;
        cluster.fail_over().await;
        pause(300).await;
        let round = cluster.end(load).await;
        let mut connections = Vec::new();
        for node in &cluster.nodes {
            connections.push(node.account().await);
        }
        for connection in &mut connections {
            let lost = load::lost(connection, &service, &round.registered).await;
            assert_eq!(lost, 0, "registrations are gone after kill {kill}");
            load::expect_used(connection, &service, &round.approved).await;
        }
        had_happened += load::expect_once(&mut connections[0], &service, &round.open).await;
        assert!(!round.registered.is_empty() && !round.approved.is_empty());
        approved += round.approved.len();
        open += round.open.len();
        unavailable += round.unavailable;
        registered.extend(round.registered);
        cluster.pair.order("rejoin");
    }
    // Later fail-overs have lost nothing of what came before.
    let mut connection = cluster.nodes[1].account().await;
    assert_eq!(load::lost(&mut connection, &service, &registered).await, 0);
    println!(
        "{kills} kills: {} registrations and {approved} approvals acknowledged, none lost; {unavailable} responses were 503; \
         {open} approvals had no outcome, of which {had_happened} had happened",
        registered.len()
    );
}

/// The same without the promise that the database makes: this shows that the test above can fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_a_primary_that_does_not_wait_for_its_standby_loses_registrations() {
    let mut cluster = Cluster::start().await;
    let service = cluster.service.clone();
    cluster.pair.order("cut-off");
    let load = cluster.load();
    pause(1500).await;
    cluster.pair.order("kill");
    let round = cluster.end(load).await;
    cluster.pair.order("promote");
    cluster.wait_for_writes().await;
    let mut connection = cluster.nodes[0].account().await;
    let lost = load::lost(&mut connection, &service, &round.registered).await;
    println!(
        "control: {lost} of {} acknowledged registrations are lost",
        round.registered.len()
    );
    assert!(lost > 0, "nothing is lost, so the test proves nothing");
    cluster.pair.order("rejoin");
}
