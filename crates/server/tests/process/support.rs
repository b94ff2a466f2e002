//! Starting the binary, and speaking to it in raw bytes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub const SID: &str = "AC00112233445566778899aabbccddeeff";
pub const TOKEN: &str = "canary-token-0123456789abcdef";

/// The binary with nothing of our own environment.
pub fn passkeyd() -> Command {
    program(env!("CARGO_BIN_EXE_passkeyd"))
}

/// A program with nothing of our own environment.
fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// `passkeyd serve` on a free port.
pub fn serve(data: &Path) -> Command {
    let mut command = passkeyd();
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(data)
        .args(["--listen", "127.0.0.1:0"]);
    command
}

/// As [`serve`], with a known account.
pub fn serve_known(data: &Path) -> Command {
    known(serve(data))
}

/// As [`serve_known`], of another build of passkeyd.
pub fn serve_with(path: impl AsRef<OsStr>, data: &Path) -> Command {
    let mut command = program(path);
    command.args(serve(data).get_args());
    known(command)
}

fn known(mut command: Command) -> Command {
    command
        .env("PASSKEYD_BOOTSTRAP_ACCOUNT_SID", SID)
        .env("PASSKEYD_BOOTSTRAP_AUTH_TOKEN", TOKEN);
    command
}

/// Runs a command that is expected to end by itself.
pub fn ended(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// Sends bytes to a server as [`Server::exchange`] does.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // The server may have answered and closed before everything is written.
    let _ = stream.write_all(bytes);
    read_to_end(&mut stream)
}

/// A running server.
pub struct Server {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the command and waits until it says that it is ready.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (send, log) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self {
            child,
            log,
            seen: Vec::new(),
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let ready = server.wait_for_line("\"ready\"");
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        server.address = ready["address"].as_str().unwrap().parse().unwrap();
        server
    }

    /// The first log line, from now or before, that holds the text.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        loop {
            match self.log.recv_timeout(Duration::from_secs(20)) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("no log line with {text} ({error}): {:?}", self.seen),
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Sends bytes on a connection of their own and reads until the server closes it.
    pub fn exchange(&self, bytes: &[u8]) -> String {
        exchange(self.address, bytes)
    }

    /// One request; the connection is closed after the answer.
    pub fn request(&self, method: &str, path: &str, headers: &[&str], body: &str) -> String {
        self.exchange(request(method, path, headers, body).as_bytes())
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status();
        assert!(done.unwrap().success());
    }

    /// Waits until the process is gone.
    pub fn wait_for_exit(&mut self) {
        self.child.wait().unwrap();
    }

    /// Ends it with SIGTERM.
    pub fn stop(self) -> Stopped {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Stopped {
        let status = self.child.wait().unwrap();
        let mut out = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        let mut log = std::mem::take(&mut self.seen);
        log.extend(self.log.iter());
        Stopped { status, out, log }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server left behind.
pub struct Stopped {
    pub status: ExitStatus,
    pub out: String,
    pub log: Vec<String>,
}

pub fn request(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let headers: Vec<String> = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let headers = headers.concat();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// Everything until the end; a reset after the answer is an end, too.
pub fn read_to_end(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}; so far: {}", String::from_utf8_lossy(&all)),
        }
    }
    String::from_utf8(all).unwrap()
}

pub fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(|| panic!("no status: {answer:?}"))
}

pub fn basic(sid: &str, token: &str) -> String {
    use base64::Engine as _;
    let value = base64::engine::general_purpose::STANDARD.encode(format!("{sid}:{token}"));
    format!("Authorization: Basic {value}")
}

/// Kibibytes of memory that a process has.
pub fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
