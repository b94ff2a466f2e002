//! A disk that is full under load: a file system of its own in memory, which nobody but the server sees.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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
