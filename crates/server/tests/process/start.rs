use std::time::{Duration, Instant};

use crate::support::*;

#[test]
fn the_first_start_prints_an_account_once_that_opens_the_wire() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(&mut serve(data.path())).stop();
    let value = |label: &str| {
        let line = first.out.lines().find(|line| line.contains(label)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    let (sid, token) = (value("Account SID"), value("Auth Token"));
    // And a link to the console, which works for a day: the next start prints nothing.
    let link = value("/console/invite/");
    assert!(!first.log.concat().contains(&link));
    assert!(sid.len() == 34 && sid.starts_with("AC"), "{sid}");
    assert!(token.len() >= 32, "the token has 128 bits at least");
    assert!(
        !first.log.concat().contains(&token),
        "the token is not in the log"
    );

    let second = Server::start(&mut serve(data.path()));
    let answer = second.request("GET", "/v2/Services", &[&basic(&sid, &token)], "");
    assert_eq!(status(&answer), 200, "{answer}");
    let second = second.stop();
    assert_eq!(second.out, "");
    assert!(!second.log.concat().contains(&token));
}

#[test]
fn the_account_of_the_environment_is_created_and_not_printed() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    assert_eq!(
        status(&server.request("GET", "/v2/Services", &[&basic(SID, TOKEN)], "")),
        200
    );
    assert_eq!(
        status(&server.request(
            "GET",
            "/v2/Services",
            &[&basic(SID, "wrong-token-of-length")],
            ""
        )),
        401
    );
    let stopped = server.stop();
    assert!(!stopped.out.contains(TOKEN) && !stopped.out.contains("Auth Token"));
    assert!(!stopped.log.concat().contains(TOKEN));
}

#[test]
fn a_second_process_on_the_same_directory_is_refused_and_harms_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let output = ended(&mut serve_known(data.path()));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("in use"), "{message}");
    assert_eq!(
        status(&server.request("GET", "/v2/Services", &[&basic(SID, TOKEN)], "")),
        200
    );
}

#[test]
fn an_address_that_is_taken_stops_the_start_and_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let mut command = passkeyd();
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(data.path())
        .args(["--listen", &address]);
    let output = ended(&mut command);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&address));
    assert_eq!(
        output.stdout, b"",
        "no account is announced by a process that cannot serve it"
    );
}

#[test]
fn it_is_alive_and_ready_after_the_ready_line_within_its_time_and_memory() {
    let data = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let server = Server::start(&mut serve(data.path()));
    // The promise is half a second for a release build on a quiet machine; a busy one gets more.
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(status(&server.request("GET", "/livez", &[], "")), 200);
    assert_eq!(status(&server.request("GET", "/readyz", &[], "")), 200);
    assert_eq!(status(&server.request("GET", "/startupz", &[], "")), 200);
    let nowhere = server.request("GET", "/nowhere", &[], "");
    assert_eq!(status(&nowhere), 404);
    assert!(nowhere.ends_with("{\"error\":\"not_found\"}"), "{nowhere}");
    let nowhere = server.request("GET", "/v2/nowhere", &[], "");
    assert!(
        nowhere.contains("\"code\":20003"),
        "the wire answers below its prefix: {nowhere}"
    );
    let process = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = process
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    // The promise is 40 MB for a release build. A debug build is three times as large, and what runs of it at the start is counted.
    let most = if cfg!(debug_assertions) {
        60_000
    } else {
        40_000
    };
    assert!(kilobytes < most, "{line}");
}

#[test]
fn the_demo_refuses_addresses_that_others_can_reach() {
    for address in ["0.0.0.0:0", "192.0.2.1:8080"] {
        let output = ended(passkeyd().args(["demo", "--listen", address]));
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("loopback"), "{message}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = ended(passkeyd().args(["demo", "--listen", &address]));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("--listen")
    );
}

#[test]
fn the_address_of_the_server_shows_people_what_it_is_and_where_the_pages_are() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve(data.path()));
    let page = server.request("GET", "/", &["Accept: text/html,*/*;q=0.8"], "");
    assert_eq!(status(&page), 200, "{page}");
    for part in [
        "content-type: text/html; charset=utf-8\r\n",
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n",
        "cache-control: no-store\r\n",
        concat!("passkeyd ", env!("CARGO_PKG_VERSION")),
        "State: ready.",
        "href=\"docs/errors\"",
        "href=\"docs/reasons\"",
        "href=\"docs/style.css\"",
        "href=\"docs/\"",
        "passkeyd demo",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script>"));
    assert_eq!(status(&server.request("GET", "/", &[], "")), 200);
    // A program that asks for JSON, and every other path, gets what it got.
    for (method, path, headers) in [
        ("GET", "/", vec!["Accept: application/json"]),
        ("POST", "/", vec![]),
        ("GET", "/nowhere", vec!["Accept: text/html"]),
    ] {
        let absent = server.request(method, path, &headers, "");
        assert_eq!(status(&absent), 404, "{method} {path}");
        assert!(absent.ends_with("{\"error\":\"not_found\"}"), "{absent}");
    }
}
