//! A server process of our own.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::http::{Connection, FORM, Failure, JSON, basic};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "durability-test-token-0123456789";

/// Killed when dropped.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    pub(crate) async fn start(data: &Path) -> Self {
        let started = Self::try_start(data, |command| command).await;
        started.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same, with a command that is changed before it runs. Where the server does not start, its log says why.
    pub(crate) async fn try_start(
        data: &Path,
        change: impl FnOnce(Command) -> Command,
    ) -> Result<Self, String> {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let log = data.with_extension("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_passkeyd"));
        command
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .env("PASSKEYD_BOOTSTRAP_ACCOUNT_SID", ACCOUNT)
            .env("PASSKEYD_BOOTSTRAP_AUTH_TOKEN", TOKEN)
            .env("PASSKEYD_DISK_RESERVE_MIB", "8")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        let process = change(command).spawn().unwrap();
        let mut server = Self { process, address };
        for _ in 0..1000 {
            if let Ok(mut connection) = server.connect().await
                && let Ok((status, _)) = connection
                    .send(
                        hyper::Method::GET,
                        "/v2/Services?PageSize=1",
                        FORM,
                        String::new(),
                    )
                    .await
                && status.is_success()
            {
                return Ok(server);
            }
            if server.process.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(&log).unwrap();
        Err(format!("the server did not get ready: {log}"))
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(self.address, &basic(ACCOUNT, TOKEN)).await
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    /// The status of `/readyz`.
    pub(crate) async fn ready(&self) -> u16 {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs `passkeyd` to its end.
pub(crate) fn run(arguments: &[&str], data: &Path, change: impl FnOnce(&mut Command)) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passkeyd"));
    command.args(arguments).arg("--data-dir").arg(data);
    change(&mut command);
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {said}");
}

/// A Service to register passkeys with; its SID.
pub(crate) async fn new_service(connection: &mut Connection) -> String {
    let body = "FriendlyName=Durability&Passkeys.RelyingParty.Id=localhost&Passkeys.RelyingParty.Name=D\
        &Passkeys.RelyingParty.Origins=http%3A%2F%2Flocalhost%3A3000&Passkeys.AuthenticatorAttachment=any\
        &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
    let service = connection
        .post("/v2/Services", FORM, body.to_owned())
        .await
        .unwrap();
    service["sid"].as_str().unwrap().to_owned()
}

/// Says whether the authentications of a Service are sealed into their challenges.
pub(crate) async fn seal(connection: &mut Connection, service: &str, sealed: bool) {
    let path = format!("/manage/v1/services/{service}/policy");
    let change = json!({ "sealed_authentications": sealed }).to_string();
    let (status, shown) = connection
        .send(hyper::Method::PATCH, &path, JSON, change)
        .await
        .unwrap();
    assert_eq!(status, 200, "{shown}");
}

/// A factor by its SID.
pub(crate) async fn factor(
    connection: &mut Connection,
    service: &str,
    identity: &str,
    sid: &str,
) -> (u16, Value) {
    let path = format!("/v2/Services/{service}/Entities/{identity}/Factors/{sid}");
    let (status, factor) = connection
        .send(hyper::Method::GET, &path, JSON, String::new())
        .await
        .expect("the restarted server answers");
    (status.as_u16(), factor)
}

/// Sends the response to a challenge again.
pub(crate) async fn approve(
    connection: &mut Connection,
    service: &str,
    assertion: &Value,
) -> (u16, Value) {
    let path = format!("/v2/Services/{service}/Passkeys/ApproveChallenge");
    let (status, answer) = connection
        .send(hyper::Method::POST, &path, JSON, assertion.to_string())
        .await
        .expect("the restarted server answers");
    (status.as_u16(), answer)
}
