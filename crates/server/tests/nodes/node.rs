//! A node of passkeyd.

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::RETRY_AFTER;
use serde_json::Value;
use storage::PostgresUrl;
use testkit::http::{Connection, JSON, basic};

use crate::load::{ACCOUNT, TOKEN};
use crate::support::{Server, ended, passkeyd};

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
        let mut command = passkeyd();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--store", store])
            .env("PASSKEYD_PUBLIC_URL", "http://localhost:3000")
            .env("PASSKEYD_FIDO__BINDING", "true")
            .env("PASSKEYD_BOOTSTRAP_ACCOUNT_SID", ACCOUNT)
            .env("PASSKEYD_BOOTSTRAP_AUTH_TOKEN", TOKEN);
        Self(Server::start(&mut command))
    }

    /// A connection of the account.
    pub async fn account(&self) -> Connection {
        self.connect(&basic(ACCOUNT, TOKEN)).await
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

    /// What `/readyz` says.
    pub async fn ready(&self) -> (u16, String) {
        let response = self.call("", Method::GET, "/readyz", &Value::Null).await;
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status().as_u16(), text)
    }
}

/// That a response says: try again later.
#[track_caller]
pub fn expect_unavailable(what: &str, response: &hyper::Response<Bytes>) {
    let body = String::from_utf8_lossy(response.body());
    assert_eq!(response.status(), 503, "{what}: {body}");
    assert_eq!(response.headers()[RETRY_AFTER], "1", "{what}");
}
