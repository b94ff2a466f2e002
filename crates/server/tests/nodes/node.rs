//! A node of passkeyd.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::RETRY_AFTER;
use serde_json::Value;
use storage::PostgresUrl;
use testkit::http::{Connection, JSON, basic};

use crate::load::{ACCOUNT, ORIGIN, TOKEN};
use crate::support::{Server, ended, passkeyd};

/// A free port.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The address of the database that a variable of the environment names, with the tables in a schema of this name.
pub fn address(variable: &str, schema: &str) -> String {
    let address = std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set; ./test.sh starts the servers and sets it")
    });
    format!("{address}?target_session_attrs=read-write&schema={schema}")
}

/// A schema that nobody has used.
pub fn new_schema(name: &str) -> String {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    format!("{name}_{}_{}", std::process::id(), since.as_nanos())
}

/// Makes the tables.
pub fn migrate(store: &str) {
    let url: PostgresUrl = store.parse().unwrap();
    assert_eq!(url.schema(), store.split("schema=").nth(1).unwrap());
    let output = ended(passkeyd().args(["migrate", "--store", store]));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A node of passkeyd on a database.
pub struct Node(pub Server);

impl Node {
    /// Starts one. All wires are on.
    pub fn start(store: &str) -> Self {
        Self::start_at(ANY, store, |_| {})
    }

    /// Starts one at an address.
    pub fn start_at(address: SocketAddr, store: &str, change: impl FnOnce(&mut Command)) -> Self {
        let address = address.to_string();
        let mut command = passkeyd();
        command
            .args(["serve", "--listen", &address, "--store", store])
            .env("PASSKEYD_PUBLIC_URL", ORIGIN)
            .env("PASSKEYD_FIDO__BINDING", "true")
            .env("PASSKEYD_BOOTSTRAP_ACCOUNT_SID", ACCOUNT)
            .env("PASSKEYD_BOOTSTRAP_AUTH_TOKEN", TOKEN);
        change(&mut command);
        Self(Server::start(&mut command))
    }

    /// Three nodes, started at the same time on a schema that nobody has used.
    pub fn three(store: &str, change: impl Fn(&mut Command) + Sync) -> [Self; 3] {
        migrate(store);
        std::thread::scope(|scope| {
            let started = [(); 3].map(|()| scope.spawn(|| Self::start_at(ANY, store, &change)));
            started.map(|node| node.join().unwrap())
        })
    }

    /// A connection of the account.
    pub async fn account(&self) -> Connection {
        self.connect(&account()).await
    }

    /// A connection that sends this `Authorization`.
    pub async fn connect(&self, authorization: &str) -> Connection {
        let opened = Connection::open(self.0.address, authorization);
        opened.await.expect("the node listens")
    }

    /// One call of its own; the response.
    pub async fn call(
        &self,
        authorization: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> hyper::Response<Bytes> {
        let mut connection = self.connect(authorization).await;
        let sent = connection.exchange(method, path, JSON, body.to_string());
        sent.await.expect("the node responds")
    }

    /// One call of the account; the response.
    pub async fn as_account(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> hyper::Response<Bytes> {
        self.call(&account(), method, path, body).await
    }

    /// `POST` of JSON by the account; the body of a response with this status.
    pub async fn post(&self, path: &str, body: &Value, status: u16) -> Value {
        expect(status, &self.as_account(Method::POST, path, body).await)
    }

    /// `GET` by the account, the same.
    pub async fn get(&self, path: &str, status: u16) -> Value {
        expect(
            status,
            &self.as_account(Method::GET, path, &Value::Null).await,
        )
    }

    /// What `/readyz` says.
    pub async fn ready(&self) -> (u16, String) {
        let response = self.call("", Method::GET, "/readyz", &Value::Null).await;
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status().as_u16(), text)
    }
}

/// The credentials of the account.
pub fn account() -> String {
    basic(ACCOUNT, TOKEN)
}

/// The body of a response with this status.
#[track_caller]
pub fn expect(status: u16, response: &hyper::Response<Bytes>) -> Value {
    let body = String::from_utf8_lossy(response.body());
    assert_eq!(response.status(), status, "{body}");
    serde_json::from_str(&body).unwrap_or_default()
}

/// That a response says: try again later.
#[track_caller]
pub fn expect_unavailable(what: &str, response: &hyper::Response<Bytes>) {
    let body = String::from_utf8_lossy(response.body());
    assert_eq!(response.status(), 503, "{what}: {body}");
    assert_eq!(response.headers()[RETRY_AFTER], "1", "{what}");
}
