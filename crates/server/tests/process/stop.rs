use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::support::*;

#[test]
fn sigterm_and_sigint_end_it_with_code_0() {
    for signal in ["TERM", "INT"] {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(&mut serve(data.path()));
        server.signal(signal);
        let stopped = server.wait();
        assert_eq!(
            stopped.status.code(),
            Some(0),
            "{signal}: {:?}",
            stopped.log
        );
    }
}

#[test]
fn sighup_reads_the_log_level_again_and_never_ends_the_server() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("settings.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("[log]\nlevel = \"error\"\n");
    let mut command = serve_known(data.path());
    // An environment variable would take precedence over the file.
    command
        .arg("--config")
        .arg(&file)
        .env("PASSKEYD_METRICS__LISTEN", "127.0.0.1:0")
        // No warning about a limit of open files, which depends on the machine.
        .env("PASSKEYD_LIMITS__CONNECTIONS", "100");
    let mut child = command.spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut lines = log.lines().map_while(Result::ok);
    // At this level nothing says that it is ready: its control socket does.
    let socket = data.path().join("passkeyd.sock");
    let ready = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        socket.exists()
    });
    assert!(ready);
    let hang_up = || {
        let pid = child.id().to_string();
        let done = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(done.success());
    };
    write("[log]\nlevel = \"error\"\nlevl = 1\n");
    hang_up();
    let told = lines.next().unwrap();
    assert!(
        told.contains("nothing was changed") && told.contains("levl"),
        "{told}"
    );
    write("[log]\nlevel = \"info\"\n");
    hang_up();
    let told = lines.next().unwrap();
    assert!(told.contains("read again"), "{told}");
    // Once more, and SIGTERM still works.
    hang_up();
    assert!(lines.next().unwrap().contains("read again"));
    let pid = child.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(lines.any(|line| line.contains("stopping")));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(&mut serve_known(data.path()));
    let mut stream = server.connect();
    let head = "POST /v2/Services HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n";
    let secret = basic(SID, TOKEN);
    let begun = format!("{head}{secret}\r\n\r\nhalf");
    stream.write_all(begun.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    server.signal("TERM");
    server.wait_for_line("stopping");
    server.signal("TERM");
    let stopped = server.wait();
    assert_eq!(stopped.status.code(), Some(143), "{:?}", stopped.log);
    assert!(stopped.log.concat().contains("second signal"));
    // The request would have had 30 seconds. What was acknowledged is there.
    let again = Server::start(&mut serve_known(data.path()));
    let list = again.request("GET", "/v2/Services", &[&secret], "");
    assert_eq!(status(&list), 200);
}

#[test]
fn a_request_that_is_being_served_is_finished_and_no_new_connection_is_taken() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(&mut serve_known(data.path()));
    let body = "FriendlyName=finished";
    let whole = request(
        "POST",
        "/v2/Services",
        &[
            &basic(SID, TOKEN),
            "Content-Type: application/x-www-form-urlencoded",
        ],
        body,
    );
    let (begun, rest) = whole.split_at(whole.len() - 8);
    let mut stream = server.connect();
    stream.write_all(begun.as_bytes()).unwrap();
    let idle = server.connect();
    // Both connections are accepted before the signal comes.
    std::thread::sleep(Duration::from_millis(200));
    server.signal("TERM");
    server.wait_for_line("stopping");
    let closed = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        TcpStream::connect(server.address).is_err()
    });
    assert!(closed, "the listener is closed while the request is served");
    stream.write_all(rest.as_bytes()).unwrap();
    let answer = read_to_end(&mut stream);
    assert_eq!(status(&answer), 201, "{answer}");
    drop(idle);
    let stopped = server.wait();
    assert_eq!(stopped.status.code(), Some(0), "{:?}", stopped.log);
    assert!(
        !stopped.log.concat().contains("cut off"),
        "{:?}",
        stopped.log
    );

    let again = Server::start(&mut serve_known(data.path()));
    let list = again.request("GET", "/v2/Services", &[&basic(SID, TOKEN)], "");
    assert!(
        list.contains("\"finished\""),
        "what was answered is there: {list}"
    );
}

#[test]
fn a_request_that_does_not_end_is_cut_off_after_the_grace_period() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    let server = Server::start(command.env("PASSKEYD_SHUTDOWN__GRACE_SECONDS", "1"));
    let mut stream = server.connect();
    let secret = basic(SID, TOKEN);
    let head = format!("POST /v2/Services HTTP/1.1\r\nHost: x\r\n{secret}\r\nContent-Length: 10");
    stream
        .write_all(format!("{head}\r\n\r\nhalf").as_bytes())
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0), "{:?}", stopped.log);
    assert!(
        stopped.log.concat().contains("cut off"),
        "{:?}",
        stopped.log
    );
}
