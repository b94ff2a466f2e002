use std::io::Write;
use std::net::TcpStream;
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
fn sighup_does_not_end_it_and_the_log_says_so() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(&mut serve(data.path()));
    server.signal("HUP");
    let line = server.wait_for_line("SIGHUP");
    assert!(line.contains("ignored"), "{line}");
    assert_eq!(status(&server.request("GET", "/livez", &[], "")), 200);
    // Neither does another one, and SIGTERM still works.
    server.signal("HUP");
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0), "{:?}", stopped.log);
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
