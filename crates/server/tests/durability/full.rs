//! A disk that is full under load: a file system of its own in memory, which nobody but the server sees.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::http::{Connection, FORM, JSON};
use testkit::{Authenticator, Lies, Profile};

use crate::cuts::faults;
use crate::disk;
use crate::load::Load;
use crate::server::{Server, new_service};

/// What `unshare` is to be told before the command: a root that is none outside can mount, too.
fn options() -> Option<&'static [&'static str]> {
    let all: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    all.into_iter().find(|options| {
        let mut command = Command::new("unshare");
        command
            .args(*options)
            .args(["mount", "-t", "tmpfs", "none", "/mnt"]);
        let tried = command.stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

/// The same command with an empty file system of 8 MiB at `data`.
fn on_a_small_disk(command: &Command, options: &[&str], data: &Path, log: &Path) -> Command {
    let mut small = Command::new("unshare");
    small
        .args(options)
        .args([
            "sh",
            "-c",
            "mount -t tmpfs -o size=8m none \"$0\" && exec \"$@\"",
        ])
        .arg(data)
        .arg(command.get_program())
        .args(command.get_args())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(log).unwrap());
    for (name, value) in command.get_envs() {
        small.env(name, value.unwrap_or_default());
    }
    small
}

/// The directory as the server sees it.
fn inside(server: &Server, data: &Path) -> PathBuf {
    Path::new(&format!("/proc/{}/root", server.pid())).join(data.strip_prefix("/").unwrap())
}

fn ballast(server: &Server, data: &Path) -> PathBuf {
    inside(server, data).join("ballast")
}

/// Stops the server as it is, and copies its files.
fn freeze(server: &Server, data: &Path, copy: &Path) {
    server.signal("STOP");
    let state = format!("/proc/{}/stat", server.pid());
    while !std::fs::read_to_string(&state).unwrap().contains(") T ") {
        std::thread::yield_now();
    }
    disk::fill(copy, &disk::contents(&inside(server, data)));
}

async fn wait_until_ready(server: &Server, wanted: u16) {
    for _ in 0..3000 {
        if server.ready().await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("/readyz never says {wanted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_until_there_is_room_and_loses_nothing_acknowledged() {
    let Some(options) = options() else {
        println!("NOT CHECKED: no file system can be mounted here.");
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let log = place.path().join("server.log");
    std::fs::create_dir(&data).unwrap();
    let started = Server::try_start(&data, |command| {
        on_a_small_disk(&command, options, &data, &log)
    });
    let server = started.await.unwrap();
    let service = new_service(&mut server.connect().await.unwrap()).await;
    let mut load = Load::new(&service);
    let full = load.run(server, None, async |server| {
        let mut file = std::fs::File::create(ballast(&server, &data)).unwrap();
        let error = loop {
            if let Err(error) = file.write_all(&[1; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        wait_until_ready(&server, 503).await;
        server
    });
    let (mut all, server) = full.await;
    let copy = place.path().join("full");
    freeze(&server, &data, &copy);
    server.signal("CONT");
    let lost = faults(&copy, Some(&service), &all).await;
    assert!(lost.is_empty(), "{lost:#?}");

    std::fs::remove_file(ballast(&server, &data)).unwrap();
    wait_until_ready(&server, 200).await;
    let copy = place.path().join("room");
    let room = load.run(server, None, async |mut server| {
        freeze(&server, &data, &copy);
        server.kill();
    });
    let (more, ()) = room.await;
    all.registered.extend(more.registered);
    all.approved.extend(more.approved);
    all.unanswered.extend(more.unanswered);
    let lost = faults(&copy, Some(&service), &all).await;
    assert!(lost.is_empty(), "{lost:#?}");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("the store cannot be written"), "{log}");
    assert!(log.contains("the store can be written again"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

/// A small file system in memory that outlives the servers on it. It ends when this is dropped.
struct SmallDisk {
    holder: Child,
    options: &'static [&'static str],
    data: PathBuf,
}

impl SmallDisk {
    /// A file system of so many MiB at `data`, with so many in use.
    fn new(data: &Path, size: u32, used: u32) -> Option<Self> {
        let options = options()?;
        std::fs::create_dir(data).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={size}m none \"$0\" && head -c {used}M /dev/zero > \"$0\"/ballast && echo made && exec sleep infinity"
        );
        let mut holder = Command::new("unshare")
            .args(options)
            .args(["sh", "-c", &script])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut made = String::new();
        let mut said = BufReader::new(holder.stdout.take().unwrap());
        said.read_line(&mut made).unwrap();
        assert_eq!(made, "made\n");
        Some(Self {
            holder,
            options,
            data: data.to_owned(),
        })
    }

    /// A command that sees this file system.
    fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string()]);
        if self.options.contains(&"--map-root-user") {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// A server that removes old records each second.
    async fn serve(&self, log: &Path) -> Server {
        let started = Server::try_start(&self.data, |command| {
            let mut inside = self.command(command.get_program());
            inside
                .args(command.get_args())
                .env("PASSKEYD_RETENTION__SWEEP_SECONDS", "1")
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(log).unwrap());
            for (name, value) in command.get_envs() {
                inside.env(name, value.unwrap_or_default());
            }
            inside
        });
        let log = || std::fs::read_to_string(log).unwrap();
        started
            .await
            .unwrap_or_else(|why| panic!("{why} {}", log()))
    }

    /// How long the file of the reserve is.
    fn reserve(&self) -> u64 {
        let root = format!("/proc/{}/root", self.holder.id());
        let data = Path::new(&root).join(self.data.strip_prefix("/").unwrap());
        let file = std::fs::metadata(data.join("passkeyd.db.reserve"));
        file.unwrap().len()
    }

    fn grow(&self, size: u32) {
        let mut command = self.command(OsStr::new("mount"));
        command.args(["-o", &format!("remount,size={size}m")]);
        let grown = command.arg(&self.data).status().unwrap();
        assert!(grown.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Begins registrations of new users until the server refuses; how many it began.
async fn fill(connection: &mut Connection, service: &str, prefix: &str) -> usize {
    let path = format!("/v2/Services/{service}/Passkeys/Factors");
    for n in 0..100_000 {
        let body = json!({ "friendly_name": "x".repeat(60), "identity": format!("{prefix}-filling-{n:06}") });
        let sent = connection.send(hyper::Method::POST, &path, JSON, body.to_string());
        let (status, answer) = sent.await.unwrap();
        if status == 503 {
            return n;
        }
        assert!(status.is_success(), "{status}: {answer}");
    }
    panic!("the disk never becomes full");
}

/// Registers a user and signs the user in.
async fn register_and_sign_in(connection: &mut Connection, service: &str, identity: &str) {
    let mut call = async |name: &str, sent: &Value| {
        let path = format!("/v2/Services/{service}/Passkeys/{name}");
        let answer = connection.post(&path, JSON, sent.to_string()).await;
        answer.unwrap()
    };
    let mut phone = Authenticator::new(Profile::default());
    let origin = "http://localhost:3000";
    let asked = json!({ "friendly_name": "Key", "identity": identity });
    let factor = call("Factors", &asked).await;
    let options = &factor["options"]["publicKey"];
    let created = phone.create(options, origin, &Lies::default()).unwrap();
    assert_eq!(call("VerifyFactor", &created).await["status"], "verified");
    let challenge = call("Challenges", &json!({})).await;
    let options = &challenge["options"]["publicKey"];
    let signed = phone.get(options, origin, &Lies::default()).unwrap();
    assert_eq!(
        call("ApproveChallenge", &signed).await["status"],
        "approved"
    );
}

fn wait_for(log: &Path, text: &str) -> String {
    for _ in 0..3000 {
        let said = std::fs::read_to_string(log).unwrap();
        if said.contains(text) {
            return said;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the log never says: {text}");
}

const RESERVE: u64 = 8 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_filled_its_disk_is_written_again_when_records_are_removed() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("server.log");
    let Some(disk) = SmallDisk::new(&place.path().join("data"), 24, 13) else {
        println!("NOT CHECKED: no file system can be mounted here.");
        return;
    };
    let mut server = disk.serve(&log).await;
    assert_eq!(disk.reserve(), RESERVE);
    let mut connection = server.connect().await.unwrap();
    let large = new_service(&mut connection).await;
    let small = new_service(&mut connection).await;
    let begun = fill(&mut connection, &large, "first").await;
    assert!(begun > 500, "{begun}");

    // The removal of old records runs and finds none, so that nobody else may use the room.
    assert_eq!(disk.reserve(), 0);
    wait_for(&log, "has not made enough room");
    assert_eq!(server.ready().await, 503);
    assert_eq!(fill(&mut connection, &small, "refused").await, 0);
    let said = wait_for(&log, "The reserve is given up");
    assert_eq!(
        said.matches("has not made enough room").count(),
        1,
        "{said}"
    );
    assert!(!said.contains("could not be removed"), "{said}");
    server.kill();

    // The next start knows.
    let server = disk.serve(&log).await;
    wait_for(&log, "was full before this start");
    let mut connection = server.connect().await.unwrap();
    assert_eq!(server.ready().await, 503);
    assert_eq!(fill(&mut connection, &small, "refused").await, 0);

    let path = format!("/v2/Services/{large}");
    let deleted = connection.send(hyper::Method::DELETE, &path, FORM, String::new());
    assert_eq!(deleted.await.unwrap().0, 204);
    wait_until_ready(&server, 200).await;
    wait_for(&log, "made room inside the store");
    assert_eq!(disk.reserve(), 0);
    register_and_sign_in(&mut connection, &small, "ann-of-the-small-service").await;

    // That room is used up as well. The disk grows.
    assert!(fill(&mut connection, &small, "second").await > 500);
    wait_for(&log, "the room inside the store is used up");
    disk.grow(64);
    wait_until_ready(&server, 200).await;
    wait_for(&log, "the reserve is kept again");
    assert_eq!(disk.reserve(), RESERVE);
    register_and_sign_in(&mut connection, &small, "bob-of-the-small-service").await;
    server.stop();
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(!said.contains("panicked"), "{said}");
}
