//! Three nodes behind `HAProxy` are restarted one after the other, under load.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Method;
use tempfile::TempDir;
use testkit::http::{Connection, FORM};

use crate::load::{self, Worker};
use crate::node::{Node, account, address, new_schema};

/// The database.
const POSTGRES: &str = "TEST_POSTGRES";
/// The program, unless this variable names another one.
const PROGRAM: &str = "/usr/sbin/haproxy";
const OTHER_PROGRAM: &str = "HAPROXY_BIN";
const WORKERS: usize = 8;
/// How often `HAProxy` looks, and how long a node gives it for that.
const LOOKS: &str = "200ms";
const DELAY: &str = "2";

/// `HAProxy` before nodes.
struct Balancer {
    process: Child,
    address: SocketAddr,
    _place: TempDir,
}

impl Balancer {
    async fn before(nodes: &[Node]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let address = free_address();
        let file = place.path().join("haproxy.cfg");
        std::fs::write(&file, configuration(address, nodes)).unwrap();
        let program = std::env::var_os(OTHER_PROGRAM).map_or(PROGRAM.into(), PathBuf::from);
        let process = Command::new(program)
            .args(["-db", "-q", "-f"])
            .arg(file)
            .stdout(Stdio::null())
            .spawn()
            .expect("HAProxy is installed");
        let balancer = Self {
            process,
            address,
            _place: place,
        };
        balancer.wait_until_up(3).await;
        balancer
    }

    async fn account(&self) -> Connection {
        let account = account();
        let opened = Connection::open(self.address, &account);
        opened.await.expect("HAProxy listens")
    }

    /// Waits until `HAProxy` sends requests to so many nodes.
    async fn wait_until_up(&self, count: usize) {
        for _ in 0..200 {
            if self.up().await == Some(count) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("HAProxy does not see {count} nodes");
    }

    async fn up(&self) -> Option<usize> {
        let mut connection = Connection::open(self.address, "").await.ok()?;
        let asked = connection.exchange(Method::GET, "/statistics;csv", FORM, String::new());
        let text = String::from_utf8(asked.await.ok()?.body().to_vec()).ok()?;
        let up = |line: &&str| line.starts_with("nodes,node") && line.contains(",UP,");
        Some(text.lines().filter(up).count())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address on which nobody listens.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// As docs/operations.md has it, with shorter times.
fn configuration(address: SocketAddr, nodes: &[Node]) -> String {
    let servers: Vec<String> = nodes
        .iter()
        .enumerate()
        .map(|(n, node)| format!("    server node{n} {} check", node.0.address))
        .collect();
    format!(
        "defaults\n    mode http\n    timeout connect 2s\n    timeout client 60s\n    timeout server 60s\n    \
         option redispatch\n\n\
         frontend passkeys\n    bind {address}\n    stats enable\n    stats uri /statistics\n    default_backend nodes\n\n\
         backend nodes\n    balance roundrobin\n    option httpchk GET /readyz\n    http-check expect status 200\n    \
         default-server inter {LOOKS} fall 1 rise 1\n{}\n",
        servers.join("\n")
    )
}

fn with_delay(command: &mut Command) {
    command.env("PASSKEYD_SHUTDOWN__DELAY_SECONDS", DELAY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_haproxy_fails_no_ceremony() {
    let store = address(POSTGRES, &new_schema("rolling"));
    let mut nodes: Vec<Node> = Node::three(&store, with_delay).into();
    let balancer = Balancer::before(&nodes).await;
    let service = load::new_service(&mut balancer.account().await).await;
    let (workers, ledger) = Worker::many(WORKERS, &service);
    let stop = Arc::new(AtomicBool::new(false));
    let mut running = Vec::new();
    for worker in workers {
        let servers = vec![balancer.address];
        running.push(tokio::spawn(worker.run(servers, Arc::clone(&stop))));
    }
    for _ in 0..nodes.len() {
        let node = nodes.remove(0);
        let address = node.0.address;
        let before = ledger.lock().approved.len();
        let ended = tokio::task::spawn_blocking(|| node.0.stop());
        let ended = ended.await.unwrap();
        assert_eq!(ended.status.code(), Some(0), "{:?}", ended.log);
        // The others have served meanwhile.
        assert!(ledger.lock().approved.len() > before);
        nodes.push(Node::start_at(address, &store, with_delay));
        balancer.wait_until_up(3).await;
    }
    stop.store(true, Ordering::Relaxed);
    for worker in running {
        worker.await.unwrap();
    }
    let ledger = std::mem::take(&mut *ledger.lock());
    println!(
        "3 restarts: {} registrations and {} approvals",
        ledger.registered.len(),
        ledger.approved.len()
    );
    assert_eq!(ledger.broken, [""; 0]);
    assert_eq!((ledger.unavailable, ledger.refused), (0, 0));
    assert!(ledger.open.is_empty());
    let mut connection = balancer.account().await;
    let lost = load::lost(&mut connection, &service, &ledger.registered).await;
    assert_eq!(lost, 0);
}
